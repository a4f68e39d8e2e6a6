//! Frames, journal records, continuations, plans and rosters.

use super::canonical;
use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use tacit_session::evidence::{Contradiction, contradictions};
use tacit_session::simulation::{Simulation, Tally};
use tacit_session::{
    Action, Continuation, Digest, Event, Frame, MemoryJournal, Party, PartyIndex, Plan, Record,
    Roster,
};

const MAX_PAYLOAD: u64 = 4096;

pub fn frame(data: &[u8]) -> bool {
    if let Ok(length) = Frame::head_len(data)
        && let Some(head) = data.get(..length)
        && let Ok(payload) = Frame::payload_len(head, MAX_PAYLOAD)
    {
        assert!(payload <= MAX_PAYLOAD);
    }
    Frame::decode(data, MAX_PAYLOAD).is_ok_and(|frame| canonical(data, &frame.encode()))
}

/// Every frame of a whole session of three parties.
pub fn frame_seeds() -> Vec<Vec<u8>> {
    let table = Simulation::new(1, 3);
    let mut parties: Vec<_> = (0..3)
        .map(|i| {
            let seat = table.seat(PartyIndex(i), 0).expect("a seat");
            let app = Tally::new(10 + u64::from(i), 2);
            Party::new(seat, app, MemoryJournal::new()).expect("a party")
        })
        .collect();
    let mut seeds = vec![];
    let mut wire = VecDeque::from_iter((0..3).map(|i| (i, Event::Start)));
    while let Some((to, event)) = wire.pop_front() {
        let party: &mut Party<_, _> = &mut parties[to];
        party.handle(event).expect("an honest session");
        while party.has_work() {
            party.work().expect("an honest session");
        }
        while let Some(action) = party.poll_action() {
            if let Action::Send { to, frame } = action {
                seeds.push(frame.encode());
                wire.push_back((to.as_usize(), Event::Frame(frame)));
            }
        }
    }
    seeds.sort();
    seeds.dedup();
    seeds
}

/// The input is a record's body: its checksum is added here, as no fuzzer would find it.
pub fn record(data: &[u8]) -> bool {
    let bytes = [data, blake3::hash(data).as_bytes()].concat();
    Record::decode(&bytes, MAX_PAYLOAD).is_ok_and(|record| canonical(&bytes, &record.encode()))
}

pub fn record_seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        [&[1, 1][..], &[9; 32]].concat(),
        vec![1, 4, 5, 0, 0, 0, 1, 2, 3],
    ];
    let shares = frame_seeds().into_iter().filter(|frame| frame[5] == 3);
    let head = |frame: Vec<u8>| {
        let len = Frame::head_len(&frame).expect("a frame");
        [&(len as u16).to_le_bytes()[..], &frame[..len]].concat()
    };
    let heads: Vec<Vec<u8>> = shares.take(2).map(head).collect();
    seeds.push([&[1, 5][..], &heads.concat()].concat());
    for frame in frame_seeds() {
        // The kind of frame says which record holds it; the decoder does not care.
        seeds.push([&[1, 2][..], &frame].concat());
        seeds.push([&[1, 3][..], &frame].concat());
    }
    seeds
}

pub fn continuation(data: &[u8]) -> bool {
    Continuation::decode(data).is_ok_and(|with| canonical(data, &with.encode()))
}

pub fn continuation_seeds() -> Vec<Vec<u8>> {
    let parties = |of: &[u16]| of.iter().copied().map(PartyIndex).collect();
    let origin = Digest::of(b"the first session");
    vec![
        Continuation::among(1, parties(&[0, 1, 3]), 2, origin).encode(),
        Continuation::among(7, parties(&[]), 0, origin).encode(),
    ]
}

/// Whoever shows evidence: what is accepted encodes to the same bytes and names a member.
pub fn evidence(data: &[u8]) -> bool {
    static ROSTER: LazyLock<Arc<Roster>> =
        LazyLock::new(|| Simulation::new(1, 3).roster().expect("valid"));
    Contradiction::decode(&ROSTER, data).is_ok_and(|proof| {
        assert!(proof.name().starts_with("party-"));
        canonical(data, &proof.encode())
    })
}

/// Party 1 with two values in one session, as two journals of the root show it.
pub fn evidence_seeds() -> Vec<Vec<u8>> {
    let table = Simulation::new(1, 3);
    let heads = |value| {
        let value_of = |party| if party == PartyIndex(1) { value } else { 5 };
        let run = table.run(|party| Tally::new(value_of(party), 1));
        run.expect("a session").journals[0].heads()
    };
    let roster = table.roster().expect("valid");
    let found = contradictions(&roster, [heads(6), heads(7)].concat());
    assert!(!found.is_empty());
    found.iter().map(Contradiction::encode).collect()
}

/// A plan that is accepted is written and read again as the same plan, with the same digest.
pub fn plan(data: &[u8]) -> bool {
    let Some(plan) = std::str::from_utf8(data)
        .ok()
        .and_then(|t| Plan::from_toml(t).ok())
    else {
        return false;
    };
    let text = plan.to_toml().expect("an accepted plan can be written");
    let again = Plan::from_toml(&text).expect("a written plan is accepted");
    assert!(again == plan && again.digest().ok() == plan.digest().ok());
    true
}

const PLAN: &str = r#"
schema = 1
name = "readmission"
min_rows = 50
[model]
family = "logistic"
iterations = 60
[parameters]
choose = true
[[party]]
name = "hospital-a"
cohort = { path = "admissions.csv", label = "readmitted" }
[[party]]
name = "hospital-b"
cohort = { path = "stays.parquet", label = "back_within_30d" }
[[querier]]
name = "clinic"
[[release]]
what = "prediction"
to = ["clinic"]
at_most = 1000
precision_bits = 16
"#;

pub fn plan_seeds() -> Vec<Vec<u8>> {
    let simulated = Simulation::new(1, 3).plan.to_toml().expect("valid");
    vec![PLAN.as_bytes().to_vec(), simulated.into_bytes()]
}

/// As for plans.
pub fn roster(data: &[u8]) -> bool {
    let Some(roster) = std::str::from_utf8(data)
        .ok()
        .and_then(|t| Roster::from_toml(t).ok())
    else {
        return false;
    };
    let again = Roster::from_toml(&roster.to_toml()).expect("a written roster is accepted");
    assert!(again == roster && again.digest() == roster.digest());
    true
}

pub fn roster_seeds() -> Vec<Vec<u8>> {
    vec![
        Simulation::new(1, 3)
            .roster()
            .expect("valid")
            .to_toml()
            .into_bytes(),
    ]
}
