//! A log on a disk that loses and tears what was not synced.

use std::path::Path;

use proptest::prelude::*;
use tacit_journal::log::{Label, Log};
use tacit_journal::simulation::{Disk, Power};
use tacit_journal::{Error, Medium};
use tacit_session::Digest;

const LIMIT: u64 = 1000;

/// A disk whose power goes after so many operations.
fn disk(durable: Vec<u8>, operations: usize) -> Disk {
    Disk::new(durable, Power::cut_after(operations))
}

/// What the next process finds: some of what was pending, some of it in part.
fn after_power_cut(disk: &Disk, dice: impl FnMut(usize) -> usize) -> Vec<u8> {
    disk.lose_power(dice);
    disk.durable()
}

/// What the next process finds when only the process died: the system still has everything.
fn after_kill(disk: &Disk) -> Vec<u8> {
    disk.lose_process();
    disk.durable()
}

fn label() -> Label {
    Label {
        purpose: 9,
        owner: Digest::of(b"owner"),
    }
}

fn open(disk: Disk) -> Result<Log<Disk>, Error> {
    Log::open(disk, Path::new("log"), label(), LIMIT)
}

fn body(number: usize) -> Vec<u8> {
    vec![number as u8; (number * 37) % 200]
}

fn contents<M: Medium>(log: &Log<M>) -> Vec<Vec<u8>> {
    (0..log.len())
        .map(|i| log.read(i).unwrap().unwrap())
        .collect()
}

/// Appends until the power goes; how many appends returned.
fn append_until_cut(disk: &Disk, most: usize) -> usize {
    let Ok(mut log) = open(disk.clone()) else {
        return 0;
    };
    let before = log.len();
    (before..before + most)
        .find(|&number| log.append(&body(number)).is_err())
        .unwrap_or(before + most)
}

fn dice(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |sides| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides as u64) as usize
    }
}

#[test]
fn a_power_cut_at_any_operation_leaves_all_that_was_acknowledged_and_at_most_the_entry_under_way() {
    let mut tears = 0;
    for operations in 0..80 {
        for seed in 0..60 {
            let torn = disk(Log::<Disk>::empty(label()), operations);
            let acknowledged = append_until_cut(&torn, 20);
            let found = after_power_cut(&torn, dice(seed * 1000 + operations as u64));
            let log = open(disk(found.clone(), usize::MAX))
                .unwrap_or_else(|e| panic!("cut after {operations}, seed {seed}: {e}"));
            let kept = log.len();
            assert!(
                kept == acknowledged || kept == acknowledged + 1,
                "cut after {operations}, seed {seed}: {acknowledged} acknowledged, {kept} there"
            );
            tears += usize::from(kept == acknowledged && found.len() > kept_end(&log));
            assert_eq!(contents(&log), (0..kept).map(body).collect::<Vec<_>>());
        }
    }
    assert!(tears > 100, "the power cuts were too kind: {tears}");
}

fn kept_end(log: &Log<Disk>) -> usize {
    1536 + (0..log.len())
        .map(|i| 40 + log.read(i).unwrap().unwrap().len())
        .sum::<usize>()
}

#[test]
fn a_power_cut_during_recovery_loses_nothing_either() {
    for (first, second) in (0..60).flat_map(|a| (0..8).map(move |b| (a, b))) {
        for seed in 0..8 {
            let torn = disk(Log::<Disk>::empty(label()), first);
            let acknowledged = append_until_cut(&torn, 20);
            let mut dice = dice(seed + 31 * first as u64 + 1009 * second as u64);
            let again = disk(after_power_cut(&torn, &mut dice), second);
            let acknowledged = append_until_cut(&again, 3).max(acknowledged);
            let log = open(disk(after_power_cut(&again, &mut dice), usize::MAX)).unwrap();
            let kept = log.len();
            assert!(kept == acknowledged || kept == acknowledged + 1);
            assert_eq!(contents(&log), (0..kept).map(body).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_entry_even_with_damage_to_the_last_one() {
    for operations in 0..80 {
        let torn = disk(Log::<Disk>::empty(label()), operations);
        let acknowledged = append_until_cut(&torn, 20);
        let found = after_kill(&torn);
        let log = open(disk(found.clone(), usize::MAX)).unwrap();
        assert!(log.len() >= acknowledged);
        if log.len() == acknowledged && acknowledged > 0 {
            let mut damaged = found;
            damaged[kept_end(&log) - 1] ^= 1;
            let opened = open(disk(damaged, usize::MAX));
            let marked = (operations % 4 == 0) as usize; // its mark was not written yet
            match opened {
                Err(Error::Corrupt { entry, .. }) => assert_eq!(entry, acknowledged - 1),
                Ok(log) => assert_eq!((marked, log.len()), (1, acknowledged - 1)),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    let power = Power::cut_after(5);
    let torn = Disk::new(Log::<Disk>::empty(label()), power.clone());
    let mut log = open(torn).unwrap();
    log.append(b"one").unwrap();
    assert!(matches!(log.append(b"two"), Err(Error::Io { .. })));
    assert!(power.restore());
    assert!(matches!(log.append(b"three"), Err(Error::Failed { .. })));
}

fn three() -> Vec<u8> {
    let torn = disk(Log::<Disk>::empty(label()), usize::MAX);
    assert_eq!(append_until_cut(&torn, 3), 3);
    after_kill(&torn)
}

#[test]
fn exchanged_repeated_removed_and_foreign_entries_are_damage() {
    let bytes = three();
    let sizes = [40, 77, 114];
    let part = |i: usize| {
        let from = 1536 + sizes[..i].iter().sum::<usize>();
        &bytes[from..from + sizes[i]]
    };
    let head = &bytes[..1536];
    for order in [
        vec![1, 0, 2],
        vec![0, 0, 1, 2],
        vec![0, 2],
        vec![0, 1],
        vec![],
    ] {
        let entries: Vec<&[u8]> = order.iter().map(|&i| part(i)).collect();
        let bytes = [head, &entries.concat()].concat();
        let opened = open(disk(bytes, usize::MAX));
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{order:?}");
    }
    let other = Label {
        owner: Digest::of(b"other"),
        ..label()
    };
    let whole = disk(three(), usize::MAX);
    let opened = Log::open(whole, Path::new("log"), other, LIMIT);
    assert!(matches!(opened, Err(Error::Foreign { .. })));
    let opened = open(disk(b"PNG".repeat(1000), usize::MAX));
    assert!(matches!(opened, Err(Error::Foreign { .. })));
}

#[test]
fn every_flipped_bit_and_every_truncation_is_named_or_harmless() {
    let bytes = three();
    let good: Vec<_> = (0..3).map(body).collect();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        match open(disk(bad, usize::MAX)) {
            // The unused mark and the space between.
            Ok(log) => {
                assert_eq!(contents(&log), good, "byte {at}");
                assert!(at < 1536);
            }
            Err(Error::Corrupt { .. } | Error::Foreign { .. }) => {}
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    for len in 0..bytes.len() {
        let opened = open(disk(bytes[..len].to_vec(), usize::MAX));
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{len}");
    }
}

#[test]
fn an_entry_over_the_limit_is_refused_and_the_log_goes_on() {
    let mut log = open(disk(Log::<Disk>::empty(label()), usize::MAX)).unwrap();
    let refused = log.append(&[0; LIMIT as usize + 1]);
    assert!(matches!(refused, Err(Error::Oversize { .. })));
    log.append(&[0; LIMIT as usize]).unwrap();
}

proptest! {
    #[test]
    fn damage_never_panics_and_never_changes_or_hides_what_is_older(
        tail in prop::collection::vec(any::<u8>(), 0..300),
        cut in 0usize..2000,
        at in 0usize..2000,
        flips in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut bytes = three();
        bytes.truncate(cut);
        for (place, flip) in flips.iter().enumerate() {
            if let Some(byte) = bytes.get_mut(at + place) {
                *byte ^= flip;
            }
        }
        bytes.extend(tail);
        // The mark of the newest entry is certain to be on the disk only when the next one is: without it and cut
        // short, that entry looks like one that was never finished. Those before it are there, or the damage is named.
        if let Ok(log) = open(disk(bytes, usize::MAX)) {
            let found = contents(&log);
            prop_assert!(found.len() >= 2, "{} entries", found.len());
            let written: Vec<_> = (0..found.len()).map(body).collect();
            prop_assert_eq!(found, written);
        }
    }
}
