//! Parties and a hub as threads of one process, with connections that break and peers that misbehave.

mod hostile;
mod operations;
pub(super) mod table;
mod tree;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, Revocation, SignedRoster, SiteRole};

use super::link::{Link, attach};
use super::wire::{CHUNK, Chunk, Envelope, Hello, Kind, VERSION, Want};
use super::*;
use crate::Error;
use table::{HubThread, LEN, Table, YEAR, cutting, identity, quick, runtime};

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
        handshake: Duration::from_millis(300),
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

    let relay = identity("relay", SiteRole::Hub);
    let mut requests: Vec<_> = table.parties.iter().map(Identity::request).collect();
    requests.push(relay.request());
    let other_hub = identity("hub", SiteRole::Hub);
    requests.push(other_hub.request());
    let key = table.parties[0].session_key();
    let now = SystemTime::now();
    let roster = SignedRoster::issue(&key, 2, &requests, vec![], now, YEAR).unwrap();
    let roster = Arc::new(roster);
    let second = HubThread::new(other_hub, roster.clone(), HubLimits::default());
    let said = dial(&relay, &roster, &second).unwrap_err();
    assert!(said.contains("in another role"), "{said}");
    second.hears("`relay` is a hub");

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
        listen: None,
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
        listen: None,
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
        bytes: vec![0; len].into(),
        also: Vec::new(),
    })
}

/// A chunk for others too.
fn shared(also: &[u32]) -> Kind {
    let Kind::Chunk(chunk) = chunk(1) else {
        unreachable!()
    };
    let also = also.to_vec();
    Kind::Chunk(Chunk { also, ..chunk })
}

#[test]
fn oversize_and_misplaced_messages_cost_their_sender_its_connection() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let hello = Hello {
        version: VERSION,
        room: vec![9; 32],
    };
    for (bad, reason) in [
        (envelope(1, chunk(CHUNK + 5000)), "OutOfRange"),
        (envelope(1, Kind::Hello(hello)), "out of turn"),
        (envelope(1 << 20, chunk(1)), "no such party"),
        (envelope(1, shared(&[1 << 20])), "no such party"),
        (envelope(1, shared(&[2, 2])), "twice"),
        (envelope(1, shared(&[1])), "twice"),
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
