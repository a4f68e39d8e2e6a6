//! Peers that do harm, on real sockets: each case with what is seen on both sides. Where members are
//! concerned, a session beside the attack comes to its end.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_session::{Frame, PartyIndex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::super::link::{Link, attach, attach_saying};
use super::super::tls;
use super::super::wire::{Chunk, Envelope, Hello, Kind, Offer, VERSION};
use super::super::{HubLimits, SiteEvent};
use super::table::{HubThread, Table, YEAR, held, identity, runtime};
use super::{dial, envelope};

const PATIENCE: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

#[test]
fn a_flood_of_connections_that_say_nothing_does_not_keep_members_out() {
    let mut table = Table::new();
    // So long that only making room for newer ones helps.
    let limits = HubLimits {
        handshake: Duration::from_secs(600),
        strangers_per_address: 16,
        strangers: 64,
        connections: 8,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    let address = hub.address;
    let connect = move || TcpStream::connect(address).unwrap();
    let mut flood: VecDeque<_> = (0..300).map(|_| connect()).collect();
    let over = Arc::new(AtomicBool::new(false));
    let stop = over.clone();
    let flooding = thread::spawn(move || {
        let mut count = flood.len();
        while !stop.load(Ordering::Relaxed) && count < 3000 {
            flood.pop_front();
            flood.push_back(connect());
            count += 1;
        }
        count
    });
    // From the same address as the flood.
    let events = table.run(|_| address);
    over.store(true, Ordering::Relaxed);
    assert!(flooding.join().unwrap() >= 300);
    assert_eq!(events.len(), 3);
    hub.hears("too many newer connections like it");
}

#[test]
fn a_tls_greeting_byte_by_byte_is_cut_off_in_time() {
    let mut table = Table::new();
    let limits = HubLimits {
        handshake: SHORT,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    let mut slow = TcpStream::connect(hub.address).unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(10)))
        .unwrap();
    // The head of a record of 512 bytes, and then one byte after another.
    slow.write_all(&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).unwrap();
    let mut sent = 0;
    let mut buffer = [0; 64];
    loop {
        match slow.read(&mut buffer) {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
        if slow.write_all(&[3]).is_err() {
            break;
        }
        sent += 1;
        assert!(sent < 500, "the hub listens to the end");
    }
    hub.hears("127.0.0.1");
    assert_eq!(table.run(|_| hub.address).len(), 3);
}

/// Dials with TLS as this party, says these bytes, and waits until the hub closes.
fn say_over_tls(table: &Table, hub: &HubThread, party: usize, bytes: &[u8]) {
    let (config, _) = tls::client(&table.parties[party], table.roster.clone(), "hub").unwrap();
    runtime().block_on(async {
        let socket = tokio::net::TcpStream::connect(hub.address).await.unwrap();
        let name = "hub".try_into().unwrap();
        let tls = TlsConnector::from(Arc::new(config));
        let mut stream = tls.connect(name, socket).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
    });
}

#[test]
fn a_member_that_speaks_no_http_or_does_not_greet_is_cut_off_in_time_by_name() {
    let mut table = Table::new();
    let limits = HubLimits {
        greeting: SHORT,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    for half in [&b""[..], b"PRI * HTT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        say_over_tls(&table, &hub, 2, half);
        hub.hears("`eve`: no greeting in time");
    }
    let address = hub.address.to_string();
    let to = ("hub", address.as_str());
    let (eve, roster) = (&table.parties[2], table.roster.clone());
    let mute = runtime().block_on(attach_saying(
        eve,
        roster,
        to,
        None,
        PATIENCE,
        Arc::default(),
    ));
    let said = mute.map(drop).unwrap_err();
    assert!(said.contains("no greeting in time"), "{said}");
    hub.hears("`eve`: no greeting in time");
    assert_eq!(table.run(|_| hub.address).len(), 3);
}

#[test]
fn another_version_of_the_protocol_is_told_which_one_is_spoken() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let address = hub.address.to_string();
    for version in [VERSION - 1, VERSION + 1] {
        let room = vec![4; 32];
        let hello = envelope(0, Kind::Hello(Hello { version, room }));
        let to = ("hub", address.as_str());
        let (eve, roster) = (&table.parties[2], table.roster.clone());
        let dialled = attach_saying(eve, roster, to, Some(hello), PATIENCE, Arc::default());
        let said = runtime().block_on(dialled).map(drop).unwrap_err();
        let named = format!("version {version}; this hub speaks {VERSION}, upgrade the older");
        assert!(said.contains(&named), "{said}");
        hub.hears(&format!("`eve`: {named}"));
    }
}

#[test]
fn clocks_that_differ_are_named_on_both_sides() {
    const DAY: Duration = Duration::from_secs(86_400);
    let now = SystemTime::now();
    let made = |name: &str, at| Identity::generate(name, SiteRole::Party, at, DAY).unwrap();
    let (late, early) = (made("late", now - 10 * DAY), made("early", now + 10 * DAY));
    let (ada, hub) = (
        identity("ada", SiteRole::Party),
        identity("hub", SiteRole::Hub),
    );
    let requests = [&ada, &late, &early, &hub].map(Identity::request);
    let key = ada.session_key();
    let roster = SignedRoster::issue(&key, 1, &requests, vec![], now, YEAR).unwrap();
    let roster = Arc::new(roster);
    let hub = HubThread::new(hub, roster.clone(), HubLimits::default());
    for (member, heard) in [
        (&late, "the certificate of `late` expired at"),
        (&early, "the certificate of `early` is valid from"),
    ] {
        let said = dial(member, &roster, &hub).unwrap_err();
        assert!(said.contains("compare the clocks"), "{said}");
        hub.hears(heard);
    }
}

/// Attaches this party to a room.
async fn attached(table: &Table, hub: &HubThread, of: &Identity, room: [u8; 32]) -> Link {
    let address = hub.address.to_string();
    let to = ("hub", address.as_str());
    let link = attach(of, table.roster.clone(), to, room, PATIENCE).await;
    link.unwrap()
}

#[test]
fn a_member_that_attaches_again_and_again_disturbs_itself_alone() {
    let mut table = Table::new();
    let limits = HubLimits {
        per_member: 4,
        connections: 12,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    let eve = table.twin(2);
    let room = table.room();
    runtime().block_on(async {
        let mut links = Vec::new();
        for again in 0..40 {
            let room = if again % 2 == 0 { room } else { [again; 32] };
            links.push(attached(&table, &hub, &eve, room).await);
        }
        hub.hears("`eve`: it has too many newer connections");
        // The last ones stay while the others work.
        let (address, roster) = (hub.address, table.roster.clone());
        let running = thread::spawn(move || table.run(|_| address));
        let events = tokio::task::spawn_blocking(move || running.join().unwrap());
        assert_eq!(events.await.unwrap().len(), 3);
        drop((links, roster));
    });
}

#[test]
fn who_opens_too_many_rooms_is_told_and_a_room_that_is_left_is_free() {
    let mut table = Table::new();
    let limits = HubLimits {
        rooms: 2,
        ..HubLimits::default()
    };
    let hub = table.serve(limits);
    runtime().block_on(async {
        let ada = &table.parties[0];
        let _one = attached(&table, &hub, ada, [1; 32]).await;
        let two = attached(&table, &hub, ada, [2; 32]).await;
        let address = hub.address.to_string();
        let to = ("hub", address.as_str());
        let bob = &table.parties[1];
        let third = attach(bob, table.roster.clone(), to, [3; 32], PATIENCE).await;
        let said = third.map(drop).unwrap_err();
        assert!(said.contains("no room for a session"), "{said}");
        hub.hears("`bob`: the hub has no room for a session");
        drop(two);
        hub.hears("`ada` is gone");
        let _third = attached(&table, &hub, bob, [3; 32]).await;
    });
}

/// The next message of a kind that `wanted` takes.
async fn await_kind<T>(link: &mut Link, wanted: impl Fn(&Envelope) -> Option<T>) -> T {
    loop {
        let message = link.down.message().await.unwrap().unwrap();
        if let Some(found) = wanted(&message) {
            return found;
        }
    }
}

fn is_root_here(envelope: &Envelope) -> Option<()> {
    (envelope.peer == 0 && matches!(envelope.kind, Some(Kind::Present(_)))).then_some(())
}

fn complaints(events: &[SiteEvent]) -> Vec<String> {
    let of_bob = |e: &SiteEvent| match e {
        SiteEvent::Complaint(c) if c.peer == PartyIndex(1) => Some(c.problem.clone()),
        SiteEvent::Fault(fault) => Some(fault.to_string()),
        _ => None,
    };
    events.iter().filter_map(of_bob).collect()
}

#[test]
fn a_claim_of_ten_gibibytes_is_refused_before_memory_is_taken_and_its_sender_is_told() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let (frames, room, bob) = (table.frames(), table.room(), table.twin(1));
    let head = frames[0].1.head();
    let mut claimed = head.to_vec();
    let at = head.len() - 64 - 32 - 8;
    claimed[at..at + 8].copy_from_slice(&(10u64 << 30).to_le_bytes());
    let (address, release) = held(hub.address);
    let (direct, roster) = (hub.address, table.roster.clone());
    let running = thread::spawn(move || table.run(|i| if i == 1 { address } else { direct }));
    runtime().block_on(async {
        let at = direct.to_string();
        let link = attach(&bob, roster, ("hub", &at), room, PATIENCE).await;
        let mut link = link.unwrap();
        await_kind(&mut link, is_root_here).await;
        let (life, number) = (7, 7);
        let head = claimed;
        let offer = envelope(0, Kind::Offer(Offer { life, number, head }));
        link.up.send(offer).await.unwrap();
        let reason = await_kind(&mut link, |e| match &e.kind {
            Some(Kind::Refuse(refuse)) => Some(refuse.reason.clone()),
            _ => None,
        });
        let reason = reason.await;
        assert!(reason.contains("limit"), "{reason}");
    });
    release.send(()).unwrap();
    let events = running.join().unwrap();
    let said = complaints(&events[0]);
    assert!(said.iter().any(|s| s.contains("limit")), "{said:?}");
}

/// Sends a frame as a parcel; whether it was taken.
async fn deliver(link: &mut Link, number: u64, frame: &Frame) -> bool {
    let life = 99;
    let head = frame.head().to_vec();
    let offer = envelope(0, Kind::Offer(Offer { life, number, head }));
    link.up.send(offer).await.unwrap();
    loop {
        let message = link.down.message().await.unwrap().unwrap();
        match message.kind {
            Some(Kind::Want(want)) if want.number == number => {
                let bytes = frame.payload()[want.from as usize..want.to as usize].to_vec();
                let mut at = want.from;
                for piece in bytes.chunks(super::CHUNK) {
                    let bytes = piece.to_vec().into();
                    let chunk = Chunk {
                        life,
                        number,
                        at,
                        bytes,
                        also: Vec::new(),
                    };
                    link.up.send(envelope(0, Kind::Chunk(chunk))).await.unwrap();
                    at += piece.len() as u64;
                }
            }
            Some(Kind::Have(have)) if have.number == number => return true,
            Some(Kind::Refuse(refuse)) if refuse.number == number => return false,
            _ => {}
        }
    }
}

#[test]
fn parcels_of_an_earlier_session_are_taken_for_what_they_are_and_the_session_goes_on() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let (frames, room, bob) = (table.frames(), table.room(), table.twin(1));
    let (address, release) = held(hub.address);
    let (direct, roster) = (hub.address, table.roster.clone());
    let running = thread::spawn(move || table.run(|i| if i == 1 { address } else { direct }));
    let taken = runtime().block_on(async {
        let at = direct.to_string();
        let link = attach(&bob, roster, ("hub", &at), room, PATIENCE).await;
        let mut link = link.unwrap();
        await_kind(&mut link, is_root_here).await;
        let mut taken = 0;
        let to_root = frames.iter().filter(|(to, _)| *to == PartyIndex::ROOT);
        for (number, (_, frame)) in to_root.enumerate() {
            taken += usize::from(deliver(&mut link, number as u64, frame).await);
        }
        taken
    });
    release.send(()).unwrap();
    let events = running.join().unwrap();
    let said = complaints(&events[0]);
    assert!(taken >= 2, "{said:?}");
    let strange = |s: &&String| {
        let why = ["has not begun", "another input", "another session"];
        s.starts_with("`bob`") && why.iter().any(|w| s.contains(w))
    };
    assert!(said.iter().filter(strange).count() >= taken, "{said:?}");
}
