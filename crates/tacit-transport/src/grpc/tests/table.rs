//! A table of three parties, and a hub in a thread of its own.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, Revocation, SignedRoster, SiteRole};
use tacit_seal::Unlock;
use tacit_session::plan::{Plan, Release, ReleaseKind, TopologyPlan};
use tacit_session::{
    Action, Application, Approval, Event, Frame, MemoryJournal, Next, Nonce, Party, PartyIndex,
    RoundId, Seat, SessionContext,
};

use crate::grpc::wire::CHUNK;
use crate::grpc::{Hub, HubEvent, HubLimits, Site, SiteEvent, SiteOptions, run};

pub const YEAR: Duration = Duration::from_secs(365 * 86_400);
const NAMES: [&str; 3] = ["ada", "bob", "eve"];
const SEVEN: [&str; 7] = ["ada", "bob", "eve", "dan", "fay", "gus", "ivy"];
/// Long enough to need many chunks and several windows.
pub const LEN: usize = 11 * CHUNK + 123;

/// Adds up long vectors of bytes, twice.
pub struct Bulk {
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

fn expected(parties: usize) -> Vec<u8> {
    let mut input = vec![7u8; LEN];
    for _ in 0..2 {
        let mut sum = vec![0u8; LEN];
        for party in 0..parties {
            for ((i, b), s) in input.iter().enumerate().zip(&mut sum) {
                let value = bulk(party).value;
                *s = s.wrapping_add(b.wrapping_add(value).wrapping_mul(i as u8));
            }
        }
        input = sum;
    }
    input
}

pub fn identity(name: &str, role: SiteRole) -> Identity {
    Identity::generate(name, role, SystemTime::now(), YEAR).unwrap()
}

/// Everyone's identities, and the roster of them.
pub struct Table {
    pub parties: Vec<Identity>,
    hub: Option<Identity>,
    pub roster: Arc<SignedRoster>,
    plan: Plan,
}

impl Table {
    pub fn new() -> Self {
        Self::with_revoked(vec![])
    }

    pub fn with_revoked(revoked: Vec<Revocation>) -> Self {
        Self::of(&NAMES, revoked)
    }

    /// Seven parties as a binary tree.
    pub fn tree() -> Self {
        let mut table = Self::of(&SEVEN, vec![]);
        table.plan.topology = TopologyPlan::Tree { arity: 2 };
        table
    }

    fn of(names: &[&str], revoked: Vec<Revocation>) -> Self {
        let parties: Vec<_> = names.iter().map(|n| identity(n, SiteRole::Party)).collect();
        let hub = identity("hub", SiteRole::Hub);
        let mut requests: Vec<_> = parties.iter().map(Identity::request).collect();
        requests.push(hub.request());
        requests.push(identity("clinic", SiteRole::Querier).request());
        let key = parties[0].session_key();
        let roster =
            SignedRoster::issue(&key, 1, &requests, revoked, SystemTime::now(), YEAR).unwrap();
        let mut plan = Plan::draft("sums", "bulk", names);
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

    pub fn serve(&mut self, limits: HubLimits) -> HubThread {
        HubThread::new(self.hub.take().unwrap(), self.roster.clone(), limits)
    }

    /// The same identity once more: of a member that does what it should not, beside the one that does.
    pub fn twin(&self, place: usize) -> Identity {
        let folder = tempfile::tempdir().unwrap();
        let (path, unlock) = (folder.path().join("twin"), Unlock::key([3; 32]).unwrap());
        self.parties[place].create(&path, &unlock).unwrap();
        Identity::open(&path, &unlock).unwrap()
    }

    /// Where the parties meet.
    pub fn room(&self) -> [u8; 32] {
        self.party(0).agreement().0
    }

    /// All frames between the root and its first child in a session of these parties.
    pub fn frames(&self) -> Vec<(PartyIndex, Frame)> {
        let mut parties: Vec<_> = (0..3).map(|i| self.party(i)).collect();
        let mut wire = VecDeque::from_iter((0..3).map(|i| (i, Event::Start)));
        let mut frames = Vec::new();
        while let Some((to, event)) = wire.pop_front() {
            let party = &mut parties[to];
            party.handle(event).unwrap();
            while party.has_work() {
                party.work().unwrap();
            }
            while let Some(action) = party.poll_action() {
                if let Action::Send { to, frame } = action {
                    if [party.index(), to].iter().all(|p| *p <= PartyIndex(1)) {
                        frames.push((to, frame.clone()));
                    }
                    wire.push_back((to.as_usize(), Event::Frame(frame)));
                }
            }
        }
        frames
    }

    pub fn party(&self, place: usize) -> Party<Bulk, MemoryJournal> {
        let key = self.parties[place].session_key();
        let roster = self.roster.session().clone();
        let digest = self.plan.digest().unwrap();
        let approval = Approval::sign(&key, digest, roster.digest());
        let seat = Seat::new(roster, &self.plan, key, approval, Nonce::fresh().unwrap());
        Party::new(seat.unwrap(), bulk(place), MemoryJournal::new()).unwrap()
    }

    /// Runs all parties, each through the address that `route` gives it; what each saw.
    pub fn run(self, route: impl Fn(usize) -> SocketAddr) -> Vec<Vec<SiteEvent>> {
        self.run_with(route, |_| quick())
    }

    /// As [`Table::run`], each with its own options.
    pub fn run_with(
        mut self,
        route: impl Fn(usize) -> SocketAddr,
        options: impl Fn(usize) -> SiteOptions,
    ) -> Vec<Vec<SiteEvent>> {
        let seats: Vec<_> = (0..self.parties.len()).map(|i| self.party(i)).collect();
        let sites = (self.parties.drain(..).enumerate()).map(|(i, identity)| Site {
            identity,
            roster: self.roster.clone(),
            hub: "hub".into(),
            address: route(i).to_string(),
            listen: None,
        });
        let sites = sites.collect();
        run_sites(seats, sites, options)
    }
}

/// Runs these parties at these sites, and looks at their results; what each saw.
pub fn run_sites(
    seats: Vec<Party<Bulk, MemoryJournal>>,
    sites: Vec<Site>,
    options: impl Fn(usize) -> SiteOptions,
) -> Vec<Vec<SiteEvent>> {
    let expected = Arc::new(expected(seats.len()));
    let running: Vec<_> = seats
        .into_iter()
        .zip(sites)
        .enumerate()
        .map(|(place, (party, site))| {
            let (options, expected) = (options(place), expected.clone());
            thread::spawn(move || {
                let mut events = Vec::new();
                let app = run(party, &site, &options, |event| events.push(event)).unwrap();
                assert_eq!(app.sums.last(), Some(&*expected));
                events
            })
        })
        .collect();
    running.into_iter().map(|t| t.join().unwrap()).collect()
}

pub fn quick() -> SiteOptions {
    SiteOptions {
        tick: Duration::from_millis(100),
        redial: Duration::from_millis(5),
        deadline: Some(Duration::from_secs(120)),
        ..SiteOptions::default()
    }
}

pub struct HubThread {
    pub address: SocketAddr,
    pub hub: Arc<Hub>,
    events: Receiver<HubEvent>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl HubThread {
    pub fn new(identity: Identity, roster: Arc<SignedRoster>, limits: HubLimits) -> Self {
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
        let serving = hub.clone();
        let thread = thread::spawn(move || {
            let runtime = runtime();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let stopped = async { drop(stopped.await) };
                serving.serve(listener, stopped).await.unwrap();
            });
        });
        Self {
            address,
            hub,
            events,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Waits for an event that says this.
    pub fn hears(&self, what: &str) {
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

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Forwards to `to` and cuts each of the first `cuts` connections after `bytes` bytes from there.
pub fn cutting(to: SocketAddr, cuts: usize, bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, near) in listener.incoming().enumerate() {
            let (Ok(near), Ok(far)) = (near, TcpStream::connect(to)) else {
                // Nobody listens there yet.
                continue;
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

/// Forwards to `to` as soon as it is told to; who dials before waits.
pub fn held(to: SocketAddr) -> (SocketAddr, std::sync::mpsc::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (release, released) = channel();
    thread::spawn(move || {
        let Ok(()) = released.recv() else { return };
        for near in listener.incoming() {
            let (Ok(near), Ok(far)) = (near, TcpStream::connect(to)) else {
                return;
            };
            let (near_up, far_up) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || forward(near_up, far_up, usize::MAX));
            thread::spawn(move || forward(far, near, usize::MAX));
        }
    });
    (address, release)
}
