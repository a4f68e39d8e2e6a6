//! Parties and a hub as threads of one process, with connections that break and peers that misbehave.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, Revocation, SignedRoster, SiteRole};
use tacit_session::plan::{Plan, Release, ReleaseKind};
use tacit_session::{
    Application, Approval, MemoryJournal, Next, Nonce, Party, PartyIndex, RoundId, Seat,
    SessionContext,
};

use super::link::{Link, attach};
use super::wire::{CHUNK, Chunk, Envelope, Hello, Kind, Want};
use super::*;
use crate::Error;

const YEAR: Duration = Duration::from_secs(365 * 86_400);
const NAMES: [&str; 3] = ["ada", "bob", "eve"];
/// Long enough to need many chunks and several windows.
pub(super) const LEN: usize = 11 * CHUNK + 123;

/// Adds up long vectors of bytes, twice.
pub(super) struct Bulk {
    value: u8,
    sums: Vec<Vec<u8>>,
}

impl Application for Bulk {
    type Error = std::convert::Infallible;

    fn begin(&mut self, _: &SessionContext) -> Result<(), Self::Error> {
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next, Self::Error> {
        Ok(match self.sums.len() {
            0 => Next::round("bulk", vec![7; LEN]),
            1 => Next::round("bulk", self.sums[0].clone()),
            _ => Next::Complete(self.sums[1].clone()),
        })
    }

    fn share(&mut self, _: &RoundId, input: &[u8]) -> Result<Vec<u8>, Self::Error> {
        let place = |(i, b): (usize, &u8)| b.wrapping_add(self.value).wrapping_mul(i as u8);
        Ok(input.iter().enumerate().map(place).collect())
    }

    fn aggregate(
        &mut self,
        _: &RoundId,
        _: &[u8],
        into: &mut Vec<u8>,
        _: PartyIndex,
        share: &[u8],
    ) -> Result<(), Self::Error> {
        let add = |(s, m): (&mut u8, &u8)| *s = s.wrapping_add(*m);
        into.iter_mut().zip(share).for_each(add);
        Ok(())
    }

    fn finish(&mut self, _: &RoundId, aggregate: Vec<u8>) -> Result<(), Self::Error> {
        self.sums.push(aggregate);
        Ok(())
    }

    fn complete(&mut self, payload: &[u8]) -> Result<(), Self::Error> {
        self.sums = vec![payload.to_vec()];
        Ok(())
    }
}

fn bulk(party: usize) -> Bulk {
    Bulk {
        value: 3 + 5 * party as u8,
        sums: Vec::new(),
    }
}

fn expected() -> Vec<u8> {
    let mut input = vec![7; LEN];
    for _ in 0..2 {
        let mut sum = vec![0u8; LEN];
        for party in 0..3 {
            for ((i, b), s) in input.iter().enumerate().zip(&mut sum) {
                let value = bulk(party).value;
                *s = s.wrapping_add(b.wrapping_add(value).wrapping_mul(i as u8));
            }
        }
        input = sum;
    }
    input
}

fn identity(name: &str, role: SiteRole) -> Identity {
    Identity::generate(name, role, SystemTime::now(), YEAR).unwrap()
}

/// Everyone's identities, and the roster of them.
pub(super) struct Table {
    parties: Vec<Identity>,
    hub: Option<Identity>,
    pub(super) roster: Arc<SignedRoster>,
    plan: Plan,
}

impl Table {
    pub(super) fn new() -> Self {
        Self::with_revoked(vec![])
    }

    fn with_revoked(revoked: Vec<Revocation>) -> Self {
        let parties: Vec<_> = NAMES.map(|n| identity(n, SiteRole::Party)).into();
        let hub = identity("hub", SiteRole::Hub);
        let mut requests: Vec<_> = parties.iter().map(Identity::request).collect();
        requests.push(hub.request());
        requests.push(identity("clinic", SiteRole::Querier).request());
        let key = parties[0].session_key();
        let roster =
            SignedRoster::issue(&key, 1, &requests, revoked, SystemTime::now(), YEAR).unwrap();
        let mut plan = Plan::draft("sums", "bulk", &NAMES);
        plan.timing.retry_seconds = 1;
        plan.limits.max_payload_bytes = 1 << 20;
        plan.releases.push(Release {
            what: ReleaseKind::Statistics,
            to: vec!["ada".into()],
            at_most: 1,
            precision_bits: 16,
        });
        plan.queriers = vec![tacit_session::plan::QuerierPlan {
            name: "clinic".into(),
        }];
        Self {
            parties,
            hub: Some(hub),
            roster: Arc::new(roster),
            plan,
        }
    }

    fn serve(&mut self, limits: HubLimits) -> HubThread {
        HubThread::new(self.hub.take().unwrap(), self.roster.clone(), limits)
    }

    pub(super) fn party(&self, place: usize) -> Party<Bulk, MemoryJournal> {
        let key = self.parties[place].session_key();
        let roster = self.roster.session().clone();
        let digest = self.plan.digest().unwrap();
        let approval = Approval::sign(&key, digest, roster.digest());
        let seat = Seat::new(roster, &self.plan, key, approval, Nonce::fresh().unwrap());
        Party::new(seat.unwrap(), bulk(place), MemoryJournal::new()).unwrap()
    }

    /// Runs all parties, each through the address that `route` gives it; what each saw.
    fn run(mut self, route: impl Fn(usize) -> SocketAddr) -> Vec<Vec<SiteEvent>> {
        let seats: Vec<_> = (0..3).map(|i| self.party(i)).collect();
        let sites = self
            .parties
            .drain(..)
            .enumerate()
            .map(|(i, identity)| Site {
                identity,
                roster: self.roster.clone(),
                hub: "hub".into(),
                address: route(i).to_string(),
            });
        let running: Vec<_> = seats
            .into_iter()
            .zip(sites)
            .map(|(party, site)| {
                thread::spawn(move || {
                    let mut events = Vec::new();
                    let app = run(party, &site, &quick(), |event| events.push(event)).unwrap();
                    assert_eq!(app.sums.last(), Some(&expected()));
                    events
                })
            })
            .collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    }
}

fn quick() -> SiteOptions {
    SiteOptions {
        tick: Duration::from_millis(100),
        redial: Duration::from_millis(5),
        deadline: Some(Duration::from_secs(120)),
        ..SiteOptions::default()
    }
}

struct HubThread {
    address: SocketAddr,
    events: Receiver<HubEvent>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl HubThread {
    fn new(identity: Identity, roster: Arc<SignedRoster>, limits: HubLimits) -> Self {
        let (said, events) = channel();
        let said = Mutex::new(said);
        let log = move |event| {
            let _ = said.lock().unwrap().send(event);
        };
        let hub = Hub::new(identity, roster, limits, log).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = runtime();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let stopped = async { drop(stopped.await) };
                hub.serve(listener, stopped).await.unwrap();
            });
        });
        Self {
            address,
            events,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Waits for an event that says this.
    fn hears(&self, what: &str) {
        let mut heard = Vec::new();
        loop {
            match self.events.recv_timeout(Duration::from_secs(60)) {
                Ok(event) if event.to_string().contains(what) => return,
                Ok(event) => heard.push(event.to_string()),
                Err(_) => panic!("no {what:?} among {heard:?}"),
            }
        }
    }
}

impl Drop for HubThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Forwards to `to` and cuts each of the first `cuts` connections after `bytes` bytes from there.
fn cutting(to: SocketAddr, cuts: usize, bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, near) in listener.incoming().enumerate() {
            let (Ok(near), Ok(far)) = (near, TcpStream::connect(to)) else {
                return;
            };
            let left = if number < cuts { bytes } else { usize::MAX };
            let (near_up, far_up) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || forward(near_up, far_up, usize::MAX));
            thread::spawn(move || forward(far, near, left));
        }
    });
    address
}

fn forward(mut from: TcpStream, mut to: TcpStream, mut left: usize) {
    let mut buffer = [0; 4096];
    while let Ok(got @ 1..) = from.read(&mut buffer) {
        if got > left || to.write_all(&buffer[..got]).is_err() {
            break;
        }
        left -= got;
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn three_parties_run_a_session_through_a_hub() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let events = table.run(|_| hub.address);
    for events in events {
        let bad = events
            .iter()
            .find(|e| matches!(e, SiteEvent::Complaint(_) | SiteEvent::Fault(_)));
        assert!(bad.is_none(), "{bad:?}");
    }
}

#[test]
fn connections_that_break_before_a_payload_is_through_are_resumed() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    // No connection of bob's lives long enough for one payload.
    let cut = cutting(hub.address, 6, LEN / 2);
    let events = table.run(|i| if i == 1 { cut } else { hub.address });
    let broken = |e: &&SiteEvent| matches!(e, SiteEvent::Detached { .. });
    assert!(events[1].iter().filter(broken).count() >= 4);
}

#[test]
fn garbage_silence_and_strangers_are_refused_and_a_session_beside_them_is_not_disturbed() {
    let mut table = Table::new();
    let limits = HubLimits {
        greeting: Duration::from_millis(300),
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    let mut garbage = TcpStream::connect(hub.address).unwrap();
    garbage
        .write_all(&[0x16, 3, 1, 0xff, 0xff, 1, 2, 3].repeat(100))
        .unwrap();
    let silent = TcpStream::connect(hub.address).unwrap();
    let events = table.run(|_| hub.address);
    assert_eq!(events.len(), 3);
    hub.hears("no TLS handshake in time");
    drop(silent);
}

/// Dials as this identity, and what comes of it.
fn dial(identity: &Identity, roster: &Arc<SignedRoster>, hub: &HubThread) -> Result<(), String> {
    let address = hub.address.to_string();
    let roster = roster.clone();
    let patience = Duration::from_secs(30);
    runtime().block_on(async {
        let mut link = attach(identity, roster, ("hub", &address), [1; 32], patience).await?;
        match link.down.message().await {
            Ok(_) => Ok(()),
            Err(status) => Err(status.message().to_owned()),
        }
    })
}

#[test]
fn both_sides_say_why_a_certificate_is_refused() {
    let lost = identity("bob", SiteRole::Party);
    let line = Revocation {
        name: "bob".into(),
        certificate: lost.certificate().fingerprint(),
        reason: "laptop stolen".into(),
    };
    let mut table = Table::with_revoked(vec![line]);
    let hub = table.serve(HubLimits::default());

    let stranger = identity("bob", SiteRole::Party);
    let said = dial(&stranger, &table.roster, &hub).unwrap_err();
    assert!(
        said.contains("does not have this site's certificate"),
        "{said}"
    );
    hub.hears("is not in roster 1");

    let said = dial(&lost, &table.roster, &hub).unwrap_err();
    assert!(said.contains("as revoked"), "{said}");
    hub.hears("laptop stolen");

    let clinic = identity("clinic", SiteRole::Querier);
    let mut requests: Vec<_> = table.parties.iter().map(Identity::request).collect();
    requests.push(clinic.request());
    let other_hub = identity("hub", SiteRole::Hub);
    requests.push(other_hub.request());
    let key = table.parties[0].session_key();
    let now = SystemTime::now();
    let roster = SignedRoster::issue(&key, 2, &requests, vec![], now, YEAR).unwrap();
    let roster = Arc::new(roster);
    let second = HubThread::new(other_hub, roster.clone(), HubLimits::default());
    let said = dial(&clinic, &roster, &second).unwrap_err();
    assert!(said.contains("in another role"), "{said}");
    second.hears("`clinic` is a querier");

    // And the party refuses a hub that its roster does not have.
    let said = dial(&table.parties[0], &table.roster, &second).unwrap_err();
    assert!(said.contains("is not in roster 1"), "{said}");
    second.hears("does not have this site's certificate");
}

#[test]
fn a_party_whose_roster_or_place_is_anothers_does_not_start() {
    let (table, other) = (Table::new(), Table::new());
    let party = table.party(0);
    let site = Site {
        identity: identity("ada", SiteRole::Party),
        roster: table.roster.clone(),
        hub: "hub".into(),
        address: "127.0.0.1:1".into(),
    };
    let refused = run(party, &site, &quick(), |_| {}).map(|_| ());
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    let mut parties = other.parties.into_iter();
    let site = Site {
        identity: parties.next().unwrap(),
        roster: other.roster,
        ..site
    };
    let refused = run(table.party(0), &site, &quick(), |_| {}).map(|_| ());
    assert!(matches!(refused, Err(Error::WrongParties { place: 0 })));
}

#[test]
fn a_hub_that_is_not_there_is_waited_for_until_the_deadline() {
    let mut table = Table::new();
    let party = table.party(0);
    let vacant = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = vacant.local_addr().unwrap().to_string();
    drop(vacant);
    let site = Site {
        identity: table.parties.remove(0),
        roster: table.roster.clone(),
        hub: "hub".into(),
        address,
    };
    let options = SiteOptions {
        deadline: Some(Duration::from_millis(50)),
        ..quick()
    };
    let mut tried = 0;
    let ended = run(party, &site, &options, |event| {
        tried += usize::from(matches!(event, SiteEvent::Detached { .. }));
    });
    assert!(matches!(ended, Err(Error::Abandoned { .. })));
    assert!(tried >= 2);
}

/// Attaches a party to a room and does something with the bare connection.
fn misbehave<F: Future<Output = ()>>(
    table: &Table,
    hub: &HubThread,
    party: usize,
    act: impl FnOnce(Link) -> F,
) {
    let address = hub.address.to_string();
    let identity = &table.parties[party];
    let patience = Duration::from_secs(30);
    runtime().block_on(async {
        let hub = ("hub", address.as_str());
        let link = attach(identity, table.roster.clone(), hub, [9; 32], patience).await;
        act(link.unwrap()).await;
    });
}

fn envelope(peer: u32, kind: Kind) -> Envelope {
    Envelope {
        peer,
        kind: Some(kind),
    }
}

fn chunk(len: usize) -> Kind {
    Kind::Chunk(Chunk {
        life: 1,
        number: 1,
        at: 0,
        bytes: vec![0; len],
    })
}

#[test]
fn oversize_and_misplaced_messages_cost_their_sender_its_connection() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let hello = Hello {
        version: 1,
        room: vec![9; 32],
    };
    for (bad, reason) in [
        (envelope(1, chunk(CHUNK + 5000)), "OutOfRange"),
        (envelope(1, Kind::Hello(hello)), "out of turn"),
        (envelope(1 << 20, chunk(1)), "no such party"),
        (
            Envelope {
                peer: 0,
                kind: None,
            },
            "without contents",
        ),
    ] {
        misbehave(&table, &hub, 0, async |mut link: Link| {
            link.up.send(bad).await.unwrap();
            // The hub ends the stream, with a status or without.
            while let Ok(Some(_)) = link.down.message().await {}
        });
        hub.hears(reason);
    }
    let events = table.run(|_| hub.address);
    assert_eq!(events.len(), 3);
}

#[test]
fn a_party_that_does_not_read_is_let_go_and_the_sender_is_not_held_up() {
    let mut table = Table::new();
    let limits = HubLimits {
        waiting: 4,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    let address = hub.address.to_string();
    let patience = Duration::from_secs(30);
    let roster = &table.roster;
    runtime().block_on(async {
        let to = ("hub", address.as_str());
        let deaf = attach(&table.parties[1], roster.clone(), to, [9; 32], patience).await;
        let _deaf = deaf.unwrap();
        let loud = attach(&table.parties[0], roster.clone(), to, [9; 32], patience).await;
        let loud = loud.unwrap();
        for _ in 0..200 {
            loud.up.send(envelope(1, chunk(CHUNK))).await.unwrap();
        }
        // In order after all of them: the hub has not stopped reading.
        let bad = Want::default();
        let last = envelope(1 << 20, Kind::Want(bad));
        loud.up.send(last).await.unwrap();
        while !loud.up.is_closed() {
            tokio::task::yield_now().await;
        }
    });
    hub.hears("it does not read");
    hub.hears("no such party");
}

#[test]
fn a_slower_rate_delays_its_sender_only() {
    let mut table = Table::new();
    let limits = HubLimits {
        bytes_per_second: 8 << 20,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    let events = table.run(|_| hub.address);
    assert_eq!(events.len(), 3);
}
