//! Files of journals and ledgers.

use std::path::Path;
use tacit_journal::log::{Label, Log};
use tacit_journal::simulation::{Disk, Power};
use tacit_session::Digest;

const LIMIT: u64 = 512;
const HEADER: usize = 9 + 2 + 32;

fn label() -> Label {
    Label {
        purpose: 9,
        owner: Digest::of(b"owner"),
    }
}

fn disk(bytes: Vec<u8>) -> Disk {
    Disk::new(bytes, Power::failing(0, 0))
}

fn open(disk: &Disk) -> Option<Log<Disk>> {
    Log::open(disk.clone(), Path::new("log"), label(), LIMIT).ok()
}

fn entries(log: &Log<Disk>) -> Vec<Vec<u8>> {
    let entry = |i| log.read(i).expect("it was read before").expect("an entry");
    (0..log.len()).map(entry).collect()
}

/// What is accepted reads again as the same, after what opening it cut off.
fn accepted(bytes: Vec<u8>) -> Option<Vec<Vec<u8>>> {
    let disk = disk(bytes);
    let found = entries(&open(&disk)?);
    let again = open(&disk).expect("what was opened once opens again");
    assert_eq!(entries(&again), found);
    Some(found)
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Digest::of(bytes).0
}

/// The input is a file whose header and marks are given their checksums here.
pub fn file(data: &[u8]) -> bool {
    let mut bytes = data.to_vec();
    for (at, len) in [(0, HEADER), (512, 48), (1024, 48)] {
        if let Some(part) = bytes.get_mut(at..at + len + 32) {
            let check = digest(&part[..len]);
            part[len..].copy_from_slice(&check);
        }
    }
    accepted(bytes).is_some()
}

fn written() -> (Vec<u8>, Vec<Vec<u8>>) {
    let disk = disk(Log::<Disk>::empty(label()));
    let mut log = open(&disk).expect("an empty log");
    for body in [vec![1; 3], vec![], vec![7; 200], vec![2; 64]] {
        log.append(&body).expect("there is room");
    }
    (disk.durable(), entries(&log))
}

pub fn file_seeds() -> Vec<Vec<u8>> {
    vec![Log::<Disk>::empty(label()), written().0]
}

/// The input damages a log of four entries: edits of a place and a byte, and where it ends. Whatever is still
/// accepted is what was written, up to some entry.
pub fn damage(data: &[u8]) -> bool {
    let (mut bytes, whole) = written();
    let Some((end, edits)) = data.split_first_chunk::<2>() else {
        return false;
    };
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[at] = edit[2];
    }
    bytes.truncate(usize::from(u16::from_le_bytes(*end)));
    let Some(found) = accepted(bytes) else {
        return false;
    };
    assert!(whole.starts_with(&found), "entries nobody wrote");
    true
}

pub fn damage_seeds() -> Vec<Vec<u8>> {
    // In the tail of the second mark's sector, which nothing reads.
    vec![vec![0xff, 0xff], vec![0xff, 0xff, 0xf0, 0x05, 1]]
}
