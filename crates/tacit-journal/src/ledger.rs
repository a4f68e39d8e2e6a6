//! Which polynomials this party's key has given a share on, for as long as the key lives.
//!
//! Two shares on one c_1 with different noise give the key away, whatever session they were given
//! in. So the ledger belongs to the *key* and outlives sessions. A [`PartySecret`] enters what it answers
//! in its ledger in memory and refuses a second answer; [`Ledgered`] fills that ledger from the file
//! before anything is asked, and writes what is new in it before every record of the journal, so that
//! an entry is on the disk before the share it stands for can leave.
//!
//! ```
//! use tacit_ckks::{Parameters, Preset};
//! use tacit_journal::{LedgerFile, Ledgered};
//! use tacit_mhe::PartySecret;
//! use tacit_ring::{RingKind, Seed};
//! use tacit_session::{Digest, MemoryJournal};
//!
//! let folder = tempfile::tempdir()?;
//! let params = Parameters::new(&Preset::N13.literal(RingKind::Standard))?;
//! // From the vault; the digest names the key and is public.
//! let secret = PartySecret::from_seed(&params, &Seed::from_bytes([7; 32]));
//! let key = Digest::of(b"collective public key");
//!
//! let [file, mark] = ["ledger.log", "ledger.mark"].map(|name| folder.path().join(name));
//! let ledger = LedgerFile::open(file, mark, key)?;
//! let journal = Ledgered::new(MemoryJournal::new(), ledger, secret.shared_ledger());
//! // The secret goes into the application, application and journal into the session's party.
//! # let _ = (secret, journal);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`PartySecret`]: tacit_mhe::PartySecret

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use tacit_mhe::{LedgerEntry, SharedLedger};
use tacit_session::{Digest, Journal, Record};

use crate::error::Error;
use crate::file::open_marked;
use crate::log::Label;
use crate::marked::Marked;
use crate::medium::Medium;

const PURPOSE: u8 = 2;
/// Most entries that are added at once.
const MAX_BATCH: usize = 1 << 20;
/// Bytes of the longest entry of the log.
pub(crate) const LIMIT: u64 = (MAX_BATCH * 64) as u64;

/// The ledger of one key.
#[derive(Debug)]
pub struct LedgerFile<M = File> {
    log: Marked<M>,
    known: BTreeMap<[u8; 32], [u8; 32]>,
}

impl LedgerFile {
    /// Opens the ledger of `key`, or begins it. `key` is a digest of something public that is one
    /// to one with the secret key. `mark` is the path of the file that notices an older copy of the
    /// ledger: on another disk, if there is one, and in no backup.
    pub fn open(
        path: impl AsRef<Path>,
        mark: impl AsRef<Path>,
        key: Digest,
    ) -> Result<Self, Error> {
        let log = open_marked(path.as_ref(), mark.as_ref(), label(key), LIMIT)?;
        Self::over(log)
    }
}

/// What the ledger's file says it is.
pub(crate) fn label(key: Digest) -> Label {
    Label {
        purpose: PURPOSE,
        owner: key,
    }
}

impl<M: Medium> LedgerFile<M> {
    pub(crate) fn over(log: Marked<M>) -> Result<Self, Error> {
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

    /// What was ever answered.
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

fn decode<M: Medium>(log: &Marked<M>, index: usize) -> Result<Vec<LedgerEntry>, Error> {
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

fn second<M: Medium>(log: &Marked<M>) -> Error {
    Error::SecondShare {
        path: log.path().into(),
    }
}

/// A journal that makes the ledger durable before every record, and so before every share.
#[derive(Debug)]
pub struct Ledgered<J, M = File> {
    journal: J,
    ledger: LedgerFile<M>,
    live: SharedLedger,
}

impl<J, M: Medium> Ledgered<J, M> {
    /// Joins the ledger in the file to the one in memory that a party's secret answers by
    /// ([`PartySecret::shared_ledger`](tacit_mhe::PartySecret::shared_ledger)): what was ever answered is
    /// known there from now on. To be done before the secret is asked anything.
    pub fn new(journal: J, ledger: LedgerFile<M>, live: SharedLedger) -> Self {
        live.lock().restore(ledger.entries());
        Self {
            journal,
            ledger,
            live,
        }
    }
}

impl<J, M> Journal for Ledgered<J, M>
where
    J: Journal<Error: Into<Error>>,
    M: Medium,
{
    type Error = Error;

    fn append(&mut self, record: &Record) -> Result<(), Error> {
        let unkept = self.live.lock().unkept().to_vec();
        self.ledger.keep(unkept.iter().copied())?;
        self.live.lock().kept(unkept.len());
        self.journal.append(record).map_err(Into::into)
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Error> {
        self.journal.record(index).map_err(Into::into)
    }
}
