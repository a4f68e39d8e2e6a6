//! Parcels over a wire that loses and repeats.

use std::collections::VecDeque;

use tacit_session::FrameKind;

use super::super::tests::table::{LEN, Table};
use super::super::wire::{CHUNK, Chunk, Offer, Present, Want};
use super::inbox::STUCK;
use super::*;

const MAX: u64 = 1 << 20;
const ROOT: PartyIndex = PartyIndex(0);
const CHILD: PartyIndex = PartyIndex(1);

/// All frames between the root and its first child in a real session, and the roster.
fn session() -> (Arc<Roster>, Vec<(PartyIndex, Frame)>) {
    let table = Table::new();
    (table.roster.session().clone(), table.frames())
}

fn end(roster: &Arc<Roster>, of: PartyIndex, life: u64) -> Parcels {
    let neighbours = if of == ROOT {
        vec![CHILD, PartyIndex(2)]
    } else {
        vec![ROOT]
    };
    let bounds = Bounds {
        max_payload: MAX,
        budget: MAX,
    };
    Parcels::new(roster.clone(), neighbours, bounds, life)
}

/// Both ends and the wire between them.
struct Pair {
    ends: [Parcels; 2],
    wire: VecDeque<(usize, Envelope)>,
    delivered: Vec<(PartyIndex, Frame)>,
    complaints: Vec<Complaint>,
    bytes: usize,
}

impl Pair {
    fn new(roster: &Arc<Roster>) -> Self {
        Self {
            ends: [end(roster, ROOT, 1), end(roster, CHILD, 2)],
            wire: VecDeque::new(),
            delivered: Vec::new(),
            complaints: Vec::new(),
            bytes: 0,
        }
    }

    /// Carries out what end `at` wants.
    fn carry_out(&mut self, at: usize, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Send(envelope) => self.wire.push_back((1 - at, envelope)),
                Outcome::Deliver(from, frame) => {
                    self.delivered.push((PartyIndex(at as u16), frame));
                    let mut more = Vec::new();
                    self.ends[at].taken(from, &mut more);
                    self.carry_out(at, more);
                }
                Outcome::Report(complaint) => self.complaints.push(complaint),
            }
        }
        while let Some(chunk) = self.ends[at].next_chunk() {
            self.wire.push_back((1 - at, chunk));
        }
    }

    fn post(&mut self, to: PartyIndex, frame: &Frame) {
        let mut outcomes = Vec::new();
        let from = 1 - to.as_usize();
        self.ends[from].post(to, frame.clone(), &mut outcomes);
        self.carry_out(from, outcomes);
    }

    fn step(&mut self) -> bool {
        let Some((to, envelope)) = self.wire.pop_front() else {
            return false;
        };
        let Some(kind) = envelope.kind else {
            return true;
        };
        if let Kind::Chunk(chunk) = &kind {
            self.bytes += chunk.bytes.len();
        }
        let mut outcomes = Vec::new();
        self.ends[to].receive(PartyIndex(1 - to as u16), kind, &mut outcomes);
        self.carry_out(to, outcomes);
        true
    }

    fn tick(&mut self) {
        for at in [0, 1] {
            let mut outcomes = Vec::new();
            self.ends[at].tick(&mut outcomes);
            self.carry_out(at, outcomes);
        }
    }

    fn is_quiet(&self) -> bool {
        self.ends.iter().all(Parcels::is_quiet)
    }
}

fn dice(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % sides
    }
}

#[test]
fn every_frame_arrives_once_in_order_and_is_sent_once() {
    let (roster, frames) = session();
    let mut pair = Pair::new(&roster);
    frames.iter().for_each(|(to, frame)| pair.post(*to, frame));
    while pair.step() {}
    assert!(pair.is_quiet() && pair.complaints.is_empty());
    for party in [ROOT, CHILD] {
        let to = |frames: &[(PartyIndex, Frame)]| -> Vec<Frame> {
            let those = frames.iter().filter(|(to, _)| *to == party);
            those.map(|(_, frame)| frame.clone()).collect()
        };
        assert_eq!(to(&pair.delivered), to(&frames));
    }
    let payloads: usize = frames.iter().map(|(_, f)| f.payload().len()).sum();
    assert_eq!(pair.bytes, payloads);
}

#[test]
fn loss_and_repetition_change_nothing_but_the_time() {
    let (roster, frames) = session();
    for seed in 1..40 {
        let mut dice = dice(seed);
        let mut pair = Pair::new(&roster);
        frames.iter().for_each(|(to, frame)| pair.post(*to, frame));
        let mut ticks = 0;
        while !pair.is_quiet() {
            if let Some(next) = pair.wire.front().cloned() {
                match dice(10) {
                    0 => drop(pair.wire.pop_front()),
                    1 => pair.wire.push_back(next),
                    _ => drop(pair.step()),
                }
            } else {
                pair.tick();
                ticks += 1;
                assert!(ticks < 2000, "seed {seed}: no progress");
            }
        }
        assert!(pair.complaints.is_empty(), "{:?}", pair.complaints);
        let arrived = |frame: &Frame| pair.delivered.iter().any(|(_, f)| f == frame);
        assert!(frames.iter().all(|(_, frame)| arrived(frame)));
    }
}

/// The inputs of the session's rounds.
fn inputs(frames: &[(PartyIndex, Frame)]) -> impl Iterator<Item = Frame> {
    let is_long = |f: &&Frame| f.payload().len() == LEN && f.header().kind == FrameKind::Input;
    frames.iter().map(|(_, f)| f).filter(is_long).cloned()
}

fn long(frames: &[(PartyIndex, Frame)]) -> Frame {
    inputs(frames).next().unwrap()
}

#[test]
fn a_sender_that_restarts_goes_on_where_its_payload_was() {
    let (roster, frames) = session();
    let frame = long(&frames);
    let mut pair = Pair::new(&roster);
    pair.post(CHILD, &frame);
    while pair.bytes < LEN / 2 {
        pair.step();
    }
    let before = pair.bytes;
    pair.wire.clear();
    pair.ends[0] = end(&roster, ROOT, 77);
    pair.post(CHILD, &frame);
    while pair.step() {}
    assert_eq!(pair.delivered, [(CHILD, frame)]);
    assert!(pair.bytes - before <= LEN - before + CHUNK);
}

#[test]
fn memory_is_reserved_only_for_heads_that_the_roster_signed() {
    let (roster, frames) = session();
    let frame = long(&frames);
    let mut child = end(&roster, CHILD, 2);
    let mut offer = |head: Vec<u8>, from| {
        let (life, number) = (1, 1);
        let mut out = Vec::new();
        child.receive(from, Kind::Offer(Offer { life, number, head }), &mut out);
        out.into_iter()
            .find_map(|o| match o {
                Outcome::Report(complaint) => Some(complaint.problem),
                _ => None,
            })
            .unwrap_or_default()
    };
    let head = frame.head().to_vec();
    let at = head.len() - 100; // the length: ten gibibytes, then something signed by nobody
    let mut huge = head.clone();
    huge[at] = 10;
    assert!(!offer(huge, ROOT).is_empty());
    let mut claimed = head.clone();
    let len_at = head.len() - 64 - 32 - 8;
    claimed[len_at..len_at + 8].copy_from_slice(&(10u64 << 30).to_le_bytes());
    assert!(offer(claimed, ROOT).contains("limit"));
    let mut unsigned = head.clone();
    unsigned[len_at] ^= 1;
    assert!(offer(unsigned, ROOT).contains("not signed"));
    assert!(offer(b"GET / HTTP/1.1".to_vec(), ROOT).contains("magic"));
    assert!(offer(head.clone(), PartyIndex(2)).contains("no neighbour"));
    assert_eq!(offer(head, ROOT), "");
}

#[test]
fn over_the_budget_parcels_wait_and_are_let_in_later() {
    let (roster, frames) = session();
    let share = frames
        .iter()
        .find(|(to, f)| *to == ROOT && f.payload().len() == LEN)
        .unwrap();
    let bounds = Bounds {
        max_payload: MAX,
        budget: LEN as u64 + 10,
    };
    let both = [CHILD, PartyIndex(2)];
    let mut root = Parcels::new(roster, both, bounds, 1);
    let wants = |root: &mut Parcels, from, kind| {
        let mut out = Vec::new();
        root.receive(from, kind, &mut out);
        let is_want =
            |o: &&Outcome| matches!(o, Outcome::Send(e) if matches!(e.kind, Some(Kind::Want(_))));
        out.iter().filter(is_want).count()
    };
    let offer = |life| {
        let head = share.1.head().to_vec();
        Kind::Offer(Offer {
            life,
            number: 0,
            head,
        })
    };
    assert_eq!(wants(&mut root, CHILD, offer(5)), 1);
    assert_eq!(wants(&mut root, PartyIndex(2), offer(6)), 0, "it waits");
    for (place, bytes) in share.1.payload().chunks(CHUNK).enumerate() {
        let chunk = Chunk {
            life: 5,
            number: 0,
            at: (place * CHUNK) as u64,
            bytes: bytes.to_vec().into(),
            also: Vec::new(),
        };
        wants(&mut root, CHILD, Kind::Chunk(chunk));
    }
    let mut out = Vec::new();
    root.taken(CHILD, &mut out);
    let second = |o: &Outcome| matches!(o, Outcome::Send(e) if e.peer == 2 && matches!(e.kind, Some(Kind::Want(_))));
    assert!(out.iter().any(second), "{out:?}");
}

#[test]
fn whoever_asks_or_sends_out_of_range_is_named_and_nothing_changes() {
    let (roster, frames) = session();
    let frame = long(&frames);
    let mut pair = Pair::new(&roster);
    pair.post(CHILD, &frame);
    let (life, number) = (1, 0);
    let mut out = Vec::new();
    for (from, to) in [
        (0, u64::MAX),
        (u64::MAX, 3),
        (LEN as u64 + 1, LEN as u64 + 2),
    ] {
        let want = Want {
            life,
            number,
            from,
            to,
        };
        pair.ends[0].receive(CHILD, Kind::Want(want), &mut out);
    }
    while let Some((1, _)) = pair.wire.front() {
        if pair.bytes >= CHUNK {
            break;
        }
        pair.step();
    }
    let chunk = Chunk {
        life,
        number,
        at: pair.bytes as u64,
        bytes: vec![0; MAX as usize].into(),
        also: Vec::new(),
    };
    pair.ends[1].receive(ROOT, Kind::Chunk(chunk), &mut out);
    let complaints = out.iter().filter(|o| matches!(o, Outcome::Report(_)));
    assert!(complaints.count() >= 3);
    while pair.step() {}
    pair.tick();
    while pair.step() {}
    assert_eq!(pair.delivered, [(CHILD, frame)]);
}

#[test]
fn a_parcel_that_never_ends_makes_room_for_others_and_its_sender_is_named() {
    let (roster, frames) = session();
    let shares = frames
        .iter()
        .filter(|(to, f)| *to == ROOT && f.payload().len() == LEN);
    let share = shares.map(|(_, f)| f).next().unwrap();
    let bounds = Bounds {
        max_payload: MAX,
        budget: LEN as u64 + 10,
    };
    let both = [CHILD, PartyIndex(2)];
    let mut root = Parcels::new(roster, both, bounds, 1);
    let mut out = Vec::new();
    let (life, number) = (9, 0);
    for from in both {
        let head = share.head().to_vec();
        let offer = Offer { life, number, head };
        root.receive(from, Kind::Offer(offer), &mut out);
    }
    let chunk = |place: usize| {
        let bytes = &share.payload()[place * CHUNK..LEN.min((place + 1) * CHUNK)];
        Kind::Chunk(Chunk {
            life,
            number,
            at: (place * CHUNK) as u64,
            bytes: bytes.to_vec().into(),
            also: Vec::new(),
        })
    };
    // The first sends one piece, and then nothing.
    root.receive(CHILD, chunk(0), &mut out);
    out.clear();
    for _ in 0..STUCK {
        root.tick(&mut out);
    }
    let named = |o: &Outcome| matches!(o, Outcome::Report(c) if c.peer == CHILD && c.problem.contains("stands still at byte"));
    assert!(out.iter().any(named), "{out:?}");
    for place in 0..LEN.div_ceil(CHUNK) {
        root.receive(PartyIndex(2), chunk(place), &mut out);
    }
    let came = |o: &Outcome| matches!(o, Outcome::Deliver(PartyIndex(2), f) if f == share);
    assert!(out.iter().any(came));
    // And the first may come to its end later.
    root.taken(PartyIndex(2), &mut out);
    out.clear();
    for place in 0..LEN.div_ceil(CHUNK) {
        root.receive(CHILD, chunk(place), &mut out);
    }
    let came = |o: &Outcome| matches!(o, Outcome::Deliver(from, _) if *from == CHILD);
    assert!(out.iter().any(came));
}

#[test]
fn a_slow_sender_is_not_asked_twice_and_several_are_served_in_turn() {
    let (roster, frames) = session();
    let (frame, next) = (long(&frames), inputs(&frames).nth(1).unwrap());
    let mut root = end(&roster, ROOT, 1);
    let mut out = Vec::new();
    root.post(CHILD, frame.clone(), &mut out);
    root.post(PartyIndex(2), next, &mut out);
    for (number, from) in [CHILD, PartyIndex(2)].into_iter().enumerate() {
        let want = Want {
            life: 1,
            number: number as u64,
            from: 0,
            to: LEN as u64,
        };
        root.receive(from, Kind::Want(want), &mut out);
    }
    let mut child = end(&roster, CHILD, 2);
    let head = frame.head().to_vec();
    let (life, number) = (1, 0);
    child.receive(ROOT, Kind::Offer(Offer { life, number, head }), &mut out);
    out.clear();
    let mut to = Vec::new();
    while let Some(envelope) = root.next_chunk() {
        to.push(envelope.peer);
        if let (1, Some(kind)) = (envelope.peer, envelope.kind) {
            // A tick between any two chunks.
            child.receive(ROOT, kind, &mut out);
            child.tick(&mut out);
        }
    }
    assert!(to.windows(2).all(|pair| pair[0] != pair[1]), "{to:?}");
    let asked_from = |o: &Outcome| match o {
        Outcome::Send(Envelope {
            kind: Some(Kind::Want(want)),
            ..
        }) => Some(want.from),
        _ => None,
    };
    // The window that was asked for at first, and then the rest.
    let window = 8 * CHUNK as u64;
    let asked: Vec<_> = out.iter().filter_map(asked_from).collect();
    assert_eq!(asked, [window], "{out:?}");
    assert!(out.iter().any(|o| matches!(o, Outcome::Deliver(..))));
}

/// What the root sends next: to whom, from where, how much.
fn sent(root: &mut Parcels) -> Vec<(Vec<u32>, u64, usize)> {
    let chunks = std::iter::from_fn(|| root.next_chunk());
    let told = chunks.map(|envelope| match envelope.kind {
        Some(Kind::Chunk(chunk)) => {
            let mut to = chunk.also;
            to.push(envelope.peer);
            to.sort_unstable();
            (to, chunk.at, chunk.bytes.len())
        }
        _ => panic!("no chunk"),
    });
    told.collect()
}

fn ask(root: &mut Parcels, peer: u16, from: u64, to: u64) {
    let (life, number) = (1, 0);
    let want = Want {
        life,
        number,
        from,
        to,
    };
    root.receive(PartyIndex(peer), Kind::Want(want), &mut Vec::new());
}

#[test]
fn what_several_ask_for_is_sent_once_and_who_falls_behind_is_served_apart() {
    let (roster, frames) = session();
    let frame = long(&frames);
    let neighbours = [1, 2, 3].map(PartyIndex);
    let bounds = Bounds {
        max_payload: MAX,
        budget: MAX,
    };
    let mut root = Parcels::new(roster, neighbours, bounds, 1);
    let mut out = Vec::new();
    for to in neighbours {
        root.post(to, frame.clone(), &mut out);
    }
    let piece = CHUNK as u64;
    // The first two ask; the third has yet to.
    ask(&mut root, 1, 0, 2 * piece);
    ask(&mut root, 2, 0, 2 * piece);
    assert!(!root.has_chunks() && root.next_chunk().is_none());
    ask(&mut root, 3, 0, piece);
    assert_eq!(sent(&mut root), [(vec![1, 2, 3], 0, CHUNK)]);
    // The third does not ask for more. When it has not for a while, the others go on.
    root.tick(&mut out);
    assert!(!root.has_chunks());
    root.tick(&mut out);
    assert_eq!(sent(&mut root), [(vec![1, 2], piece, CHUNK)]);
    ask(&mut root, 3, piece, 2 * piece);
    assert_eq!(sent(&mut root), [(vec![3], piece, CHUNK)]);
    // Who was away asks from where it was, and holds nobody up.
    root.receive(PartyIndex(2), Kind::Present(Present {}), &mut out);
    ask(&mut root, 1, 2 * piece, 3 * piece);
    assert_eq!(sent(&mut root), [(vec![1], 2 * piece, CHUNK)]);
    ask(&mut root, 2, piece, 3 * piece);
    let missed = [(vec![2], piece, CHUNK), (vec![2], 2 * piece, CHUNK)];
    assert_eq!(sent(&mut root), missed);
    // The next parcel is everyone's again.
    out.clear();
    for peer in neighbours {
        root.post(peer, inputs(&frames).nth(1).unwrap(), &mut out);
        root.receive(peer, have(ParcelId { life: 1, number: 0 }), &mut out);
    }
    for peer in [1, 2, 3] {
        let (life, number, from, to) = (1, 1, 0, piece);
        let want = Want {
            life,
            number,
            from,
            to,
        };
        root.receive(PartyIndex(peer), Kind::Want(want), &mut out);
    }
    assert_eq!(sent(&mut root), [(vec![1, 2, 3], 0, CHUNK)]);
}

#[test]
fn a_frame_that_is_posted_to_the_same_neighbour_again_is_another_parcel() {
    let (roster, frames) = session();
    let frame = long(&frames);
    let mut pair = Pair::new(&roster);
    for _ in 0..2 {
        pair.post(CHILD, &frame);
        while pair.step() {}
    }
    assert_eq!(pair.delivered.len(), 2);
}
