//! The journal of one party in one session.

use std::fs::File;
use std::path::Path;

use tacit_session::{Digest, DigestWriter, Journal, PublicKey, Record};

use crate::error::Error;
use crate::file::open_marked;
use crate::log::Label;
use crate::marked::Marked;
use crate::medium::Medium;

const PURPOSE: u8 = 1;
/// A record is a frame, a kind and a checksum: so much more than its payload.
const RECORD_EXTRA: u64 = 1 << 16;

/// A [`Journal`] in a file. [`append`](Journal::append) returns when the record is on the disk.
#[derive(Debug)]
pub struct FileJournal<M = File> {
    log: Marked<M>,
    max_payload: u64,
}

impl FileJournal {
    /// Opens the journal of this party under this plan and roster, or begins it. `mark` is the path of
    /// the file that notices an older copy of it: on another disk, if there is one, and in no backup.
    pub fn open(
        path: impl AsRef<Path>,
        mark: impl AsRef<Path>,
        plan: Digest,
        roster: Digest,
        me: &PublicKey,
        max_payload: u64,
    ) -> Result<Self, Error> {
        let label = label(plan, roster, me);
        let log = open_marked(path.as_ref(), mark.as_ref(), label, limit(max_payload))?;
        Ok(Self { log, max_payload })
    }
}

/// What the journal's file says it is.
pub(crate) fn label(plan: Digest, roster: Digest, me: &PublicKey) -> Label {
    let owner = DigestWriter::new("tacit journal owner v1")
        .bytes(&plan.0)
        .bytes(&roster.0)
        .bytes(me.as_bytes())
        .finish();
    Label {
        purpose: PURPOSE,
        owner,
    }
}

/// Bytes of the longest record.
pub(crate) fn limit(max_payload: u64) -> u64 {
    max_payload.saturating_add(RECORD_EXTRA)
}

impl<M: Medium> FileJournal<M> {
    pub(crate) fn over(log: Marked<M>, max_payload: u64) -> Self {
        Self { log, max_payload }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<M: Medium> Journal for FileJournal<M> {
    type Error = Error;

    fn append(&mut self, record: &Record) -> Result<(), Error> {
        self.log.append(&record.encode())
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Error> {
        let Some(bytes) = self.log.read(index)? else {
            return Ok(None);
        };
        let record = Record::decode(&bytes, self.max_payload).map_err(|source| Error::Record {
            path: self.log.path().into(),
            entry: index,
            source,
        })?;
        Ok(Some(record))
    }
}
