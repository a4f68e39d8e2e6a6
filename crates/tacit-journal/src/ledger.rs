//! Which polynomials this party's key has given a share on, for as long as the key lives.
//!
//! Two shares on one c_1 with different noise give the key away, whatever session they were given
//! in. So the ledger belongs to the *key* and outlives sessions, and an entry is on the disk before
//! the share it stands for can leave: [`Ledgered`] writes it before every record of the journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use tacit_session::{Digest, Journal, Record};

use crate::error::Error;
use crate::file::open_log;
use crate::log::{Label, Log};

const PURPOSE: u8 = 2;
/// Most entries that are added at once.
const MAX_BATCH: usize = 1 << 20;

/// Digest of a c_1, and digest of the one request that was answered on it.
pub type LedgerEntry = ([u8; 32], [u8; 32]);

/// The ledger of one key.
#[derive(Debug)]
pub struct LedgerFile {
    log: Log<File>,
    known: BTreeMap<[u8; 32], [u8; 32]>,
}

impl LedgerFile {
    /// Opens the ledger of `key`, or begins it. `key` is a digest of something public that is one
    /// to one with the secret key.
    pub fn open(path: impl AsRef<Path>, key: Digest) -> Result<Self, Error> {
        let label = Label {
            purpose: PURPOSE,
            owner: key,
        };
        let log = open_log(path.as_ref(), label, (MAX_BATCH * 64) as u64)?;
        let mut known = BTreeMap::new();
        for index in 0..log.len() {
            for (c1, request) in decode(&log, index)? {
                if *known.entry(c1).or_insert(request) != request {
                    return Err(second(&log));
                }
            }
        }
        Ok(Self { log, known })
    }

    /// What was ever answered, to be put into the live ledger before anything is asked of it.
    pub fn entries(&self) -> impl Iterator<Item = LedgerEntry> {
        self.known.iter().map(|(c1, request)| (*c1, *request))
    }

    /// Makes the entries among `entries` durable that are not yet. One that contradicts an old one
    /// is refused, and none of them is kept then.
    pub fn keep(&mut self, entries: impl IntoIterator<Item = LedgerEntry>) -> Result<(), Error> {
        let mut fresh = BTreeMap::new();
        for (c1, request) in entries {
            let first = self.known.get(&c1).copied();
            if first.unwrap_or_else(|| *fresh.entry(c1).or_insert(request)) != request {
                return Err(second(&self.log));
            }
        }
        let fresh: Vec<LedgerEntry> = fresh.into_iter().collect();
        for batch in fresh.chunks(MAX_BATCH) {
            let bytes: Vec<u8> = batch.iter().flat_map(|(c, r)| [*c, *r]).flatten().collect();
            self.log.append(&bytes)?;
            self.known.extend(batch.iter().copied());
        }
        Ok(())
    }
}

fn decode(log: &Log<File>, index: usize) -> Result<Vec<LedgerEntry>, Error> {
    let bytes = log.read(index)?.unwrap_or_default();
    let (entries, rest) = bytes.as_chunks::<64>();
    if !rest.is_empty() {
        return Err(Error::Corrupt {
            path: log.path().into(),
            offset: 0,
            entry: index,
            problem: "not a list of ledger entries",
        });
    }
    let split = |entry: &[u8; 64]| {
        let (mut c1, mut request) = ([0; 32], [0; 32]);
        c1.copy_from_slice(&entry[..32]);
        request.copy_from_slice(&entry[32..]);
        (c1, request)
    };
    Ok(entries.iter().map(split).collect())
}

fn second(log: &Log<File>) -> Error {
    Error::SecondShare {
        path: log.path().into(),
    }
}

/// A journal that makes the ledger durable before every record, and so before every share.
#[derive(Debug)]
pub struct Ledgered<J, L> {
    journal: J,
    ledger: LedgerFile,
    live: L,
}

impl<J, L: FnMut() -> Vec<LedgerEntry>> Ledgered<J, L> {
    /// `live` lists the entries of the ledger in memory that the shares are made with.
    pub fn new(journal: J, ledger: LedgerFile, live: L) -> Self {
        Self {
            journal,
            ledger,
            live,
        }
    }
}

impl<J, L> Journal for Ledgered<J, L>
where
    J: Journal<Error = Error>,
    L: FnMut() -> Vec<LedgerEntry>,
{
    type Error = Error;

    fn append(&mut self, record: &Record) -> Result<(), Error> {
        self.ledger.keep((self.live)())?;
        self.journal.append(record)
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Error> {
        self.journal.record(index)
    }
}
