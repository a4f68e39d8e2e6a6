//! Journal records: one encoding, and damage is found.

use proptest::prelude::*;
use tacit_session::simulation::{Simulation, Tally};
use tacit_session::{DecodeError, Error, Journal, MemoryJournal, Party, PartyIndex, Record};

const LIMIT: u64 = 1 << 20;

fn records() -> Vec<Record> {
    let outcome = Simulation::new(1, 2).run(|_| Tally::new(3, 2)).unwrap();
    let mut records = Vec::new();
    for journal in outcome.journals {
        let len = journal.len();
        records.extend((0..len).map(|i| journal.record(i).unwrap().unwrap()));
    }
    records
}

#[test]
fn every_record_of_a_session_survives_encoding() {
    for record in records() {
        let bytes = record.encode();
        let again = Record::decode(&bytes, LIMIT).unwrap();
        assert_eq!(again, record);
        assert_eq!(again.encode(), bytes);
    }
}

#[test]
fn every_torn_or_flipped_record_is_refused() {
    for record in records() {
        let bytes = record.encode();
        for at in 0..bytes.len() {
            assert!(Record::decode(&bytes[..at], LIMIT).is_err());
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            assert!(Record::decode(&flipped, LIMIT).is_err());
        }
        assert!(Record::decode(&[bytes, vec![0]].concat(), LIMIT).is_err());
    }
}

#[test]
fn a_record_over_the_limit_is_refused() {
    let oversize = records()
        .into_iter()
        .map(|r| Record::decode(&r.encode(), 3));
    let refused = oversize
        .filter(|r| matches!(r, Err(DecodeError::Oversize { .. })))
        .count();
    assert!(refused > 4);
}

#[test]
fn a_journal_of_something_else_is_refused_by_record_and_reason() {
    let table = Simulation::new(1, 3);
    let outcome = table.run(|_| Tally::new(3, 2)).unwrap();
    let resume = |seat, records: &[Record]| {
        let mut journal = MemoryJournal::new();
        for record in records {
            let Ok(()) = journal.append(record);
        }
        let app = Tally::new(3, 2);
        Party::new(seat, app, journal).map(|_| ())
    };
    let of = |i: usize| -> Vec<Record> {
        let journal = &outcome.journals[i];
        (0..journal.len())
            .map(|n| journal.record(n).unwrap().unwrap())
            .collect()
    };
    let corrupt = |result| match result {
        Err(Error::JournalCorrupt { index, .. }) => index,
        other => panic!("{other:?}"),
    };
    let seat = |i| table.seat(PartyIndex(i), 1).unwrap();
    let own = of(1);
    resume(seat(1), &own).unwrap();
    assert_eq!(
        corrupt(resume(seat(1), &own[1..])),
        0,
        "begins in the middle"
    );
    assert_eq!(corrupt(resume(seat(2), &own)), 2, "another party's");
    assert_eq!(
        corrupt(resume(seat(0), &own)),
        1,
        "another party's, at the root"
    );
    let other_plan = Simulation::new(2, 3).seat(PartyIndex(1), 1).unwrap();
    assert_eq!(corrupt(resume(other_plan, &own)), 1, "another roster's");
    let swapped = [&own[..1], &own[3..4], &own[1..3]].concat();
    assert_eq!(corrupt(resume(seat(1), &swapped)), 1, "out of order");
    let twice = [&own[..], &own[own.len() - 1..]].concat();
    assert_eq!(corrupt(resume(seat(1), &twice)), own.len(), "a share twice");
    let root = of(0);
    let forked = [&root[..], &root[root.len() - 1..]].concat();
    assert_eq!(
        corrupt(resume(seat(0), &forked)),
        root.len(),
        "an aggregate twice"
    );
}

#[test]
fn a_root_that_computes_something_else_after_a_restart_is_stopped() {
    let table = Simulation::new(1, 3);
    let outcome = table.run(|_| Tally::new(3, 2)).unwrap();
    let seat = table.seat(PartyIndex(0), 1).unwrap();
    let forgetful = Tally::new(3, 1);
    match Party::new(seat, forgetful, outcome.journals[0].clone()) {
        Err(Error::NotReproducible { party, round }) => {
            assert_eq!((party.as_str(), round), ("party-0", 3));
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn decoding_anything_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Record::decode(&bytes, LIMIT);
        let checked = [&bytes[..], blake3_of(&bytes).as_slice()].concat();
        let _ = Record::decode(&checked, LIMIT);
    }
}

fn blake3_of(bytes: &[u8]) -> [u8; 32] {
    tacit_session::Digest::of(bytes).0
}
