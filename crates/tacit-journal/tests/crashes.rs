//! A log on a disk that loses and tears what was not synced.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::rc::Rc;

use proptest::prelude::*;
use tacit_journal::log::{Label, Log};
use tacit_journal::{Error, Medium};
use tacit_session::Digest;

const LIMIT: u64 = 1000;

/// A disk whose machine stops after so many operations.
#[derive(Clone, Debug)]
struct Disk(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    durable: Vec<u8>,
    /// As the running process sees it.
    seen: Vec<u8>,
    /// Since the last sync.
    pending: Vec<Write>,
    operations_left: usize,
}

#[derive(Clone, Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Truncate(u64),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Bytes(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                to.resize(to.len().max(end), 0);
                to[at..end].copy_from_slice(bytes);
            }
            Self::Truncate(len) => to.truncate(*len as usize),
        }
    }
}

impl Disk {
    fn new(durable: Vec<u8>, operations_left: usize) -> Self {
        let seen = durable.clone();
        let pending = Vec::new();
        Self(Rc::new(RefCell::new(State {
            durable,
            seen,
            pending,
            operations_left,
        })))
    }

    fn operation(&self) -> io::Result<()> {
        let mut state = self.0.borrow_mut();
        let left = state.operations_left.checked_sub(1);
        state.operations_left = left.ok_or_else(|| io::Error::other("power cut"))?;
        Ok(())
    }

    fn write(&self, write: Write) -> io::Result<()> {
        let cut = self.operation();
        // The write during which the power goes is torn like the others.
        let mut state = self.0.borrow_mut();
        write.apply(&mut state.seen);
        state.pending.push(write);
        cut
    }

    /// What the next process finds: some of what was pending, some of it in part.
    fn after_power_cut(&self, mut dice: impl FnMut(usize) -> usize) -> Vec<u8> {
        let state = self.0.borrow();
        let mut found = state.durable.clone();
        for write in &state.pending {
            match (dice(3), write) {
                (0, _) => {}
                (1, Write::Bytes(at, bytes)) => {
                    let from = dice(bytes.len() + 1);
                    let to = from + dice(bytes.len() - from + 1);
                    Write::Bytes(at + from as u64, bytes[from..to].to_vec()).apply(&mut found);
                }
                (_, write) => write.apply(&mut found),
            }
        }
        found
    }

    /// What the next process finds when only the process died: the system still has everything.
    fn after_kill(&self) -> Vec<u8> {
        self.0.borrow().seen.clone()
    }
}

impl Medium for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.borrow().seen.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.0.borrow();
        let from = state.seen.get(offset as usize..).unwrap_or_default();
        let from = from.get(..into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(from);
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(Write::Bytes(offset, bytes.to_vec()))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.write(Write::Truncate(len))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.operation()?;
        let mut state = self.0.borrow_mut();
        state.durable = state.seen.clone();
        state.pending.clear();
        Ok(())
    }
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
    let mut torn = 0;
    for operations in 0..80 {
        for seed in 0..60 {
            let disk = Disk::new(Log::<Disk>::empty(label()), operations);
            let acknowledged = append_until_cut(&disk, 20);
            let found = disk.after_power_cut(dice(seed * 1000 + operations as u64));
            let log = open(Disk::new(found.clone(), usize::MAX))
                .unwrap_or_else(|e| panic!("cut after {operations}, seed {seed}: {e}"));
            let kept = log.len();
            assert!(
                kept == acknowledged || kept == acknowledged + 1,
                "cut after {operations}, seed {seed}: {acknowledged} acknowledged, {kept} there"
            );
            torn += usize::from(kept == acknowledged && found.len() > kept_end(&log));
            assert_eq!(contents(&log), (0..kept).map(body).collect::<Vec<_>>());
        }
    }
    assert!(torn > 100, "the power cuts were too kind: {torn}");
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
            let disk = Disk::new(Log::<Disk>::empty(label()), first);
            let acknowledged = append_until_cut(&disk, 20);
            let mut dice = dice(seed + 31 * first as u64 + 1009 * second as u64);
            let again = Disk::new(disk.after_power_cut(&mut dice), second);
            let acknowledged = append_until_cut(&again, 3).max(acknowledged);
            let log = open(Disk::new(again.after_power_cut(&mut dice), usize::MAX)).unwrap();
            let kept = log.len();
            assert!(kept == acknowledged || kept == acknowledged + 1);
            assert_eq!(contents(&log), (0..kept).map(body).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_entry_even_with_damage_to_the_last_one() {
    for operations in 0..80 {
        let disk = Disk::new(Log::<Disk>::empty(label()), operations);
        let acknowledged = append_until_cut(&disk, 20);
        let found = disk.after_kill();
        let log = open(Disk::new(found.clone(), usize::MAX)).unwrap();
        assert!(log.len() >= acknowledged);
        if log.len() == acknowledged && acknowledged > 0 {
            let mut damaged = found;
            damaged[kept_end(&log) - 1] ^= 1;
            let opened = open(Disk::new(damaged, usize::MAX));
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
    let disk = Disk::new(Log::<Disk>::empty(label()), 5);
    let mut log = open(disk.clone()).unwrap();
    log.append(b"one").unwrap();
    assert!(matches!(log.append(b"two"), Err(Error::Io { .. })));
    disk.0.borrow_mut().operations_left = 100;
    assert!(matches!(log.append(b"three"), Err(Error::Failed { .. })));
}

fn three() -> Vec<u8> {
    let disk = Disk::new(Log::<Disk>::empty(label()), usize::MAX);
    assert_eq!(append_until_cut(&disk, 3), 3);
    disk.after_kill()
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
        let opened = open(Disk::new(bytes, usize::MAX));
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{order:?}");
    }
    let other = Label {
        owner: Digest::of(b"other"),
        ..label()
    };
    let disk = Disk::new(three(), usize::MAX);
    let opened = Log::open(disk, Path::new("log"), other, LIMIT);
    assert!(matches!(opened, Err(Error::Foreign { .. })));
    let opened = open(Disk::new(b"PNG".repeat(1000), usize::MAX));
    assert!(matches!(opened, Err(Error::Foreign { .. })));
}

#[test]
fn every_flipped_bit_and_every_truncation_is_named_or_harmless() {
    let bytes = three();
    let good: Vec<_> = (0..3).map(body).collect();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1 << (at % 8);
        match open(Disk::new(bad, usize::MAX)) {
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
        let opened = open(Disk::new(bytes[..len].to_vec(), usize::MAX));
        assert!(matches!(opened, Err(Error::Corrupt { .. })), "{len}");
    }
}

#[test]
fn an_entry_over_the_limit_is_refused_and_the_log_goes_on() {
    let mut log = open(Disk::new(Log::<Disk>::empty(label()), usize::MAX)).unwrap();
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
        if let Ok(log) = open(Disk::new(bytes, usize::MAX)) {
            let found = contents(&log);
            prop_assert!(found.len() >= 2, "{} entries", found.len());
            let written: Vec<_> = (0..found.len()).map(body).collect();
            prop_assert_eq!(found, written);
        }
    }
}
