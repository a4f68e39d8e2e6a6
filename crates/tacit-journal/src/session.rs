//! The journal of one party in one session.

use std::fs::File;
use std::path::Path;

use tacit_session::{Digest, DigestWriter, Journal, PublicKey, Record};

use crate::error::Error;
use crate::file::open_log;
use crate::log::{Label, Log};

const PURPOSE: u8 = 1;
/// A record is a frame, a kind and a checksum: so much more than its payload.
const RECORD_EXTRA: u64 = 1 << 16;

/// A [`Journal`] in a file. [`append`](Journal::append) returns when the record is on the disk.
#[derive(Debug)]
pub struct FileJournal {
    log: Log<File>,
    max_payload: u64,
}

impl FileJournal {
    /// Opens the journal of this party under this plan and roster, or begins it.
    pub fn open(
        path: impl AsRef<Path>,
        plan: Digest,
        roster: Digest,
        me: &PublicKey,
        max_payload: u64,
    ) -> Result<Self, Error> {
        let owner = DigestWriter::new("tacit journal owner v1")
            .bytes(&plan.0)
            .bytes(&roster.0)
            .bytes(me.as_bytes())
            .finish();
        let purpose = PURPOSE;
        let limit = max_payload.saturating_add(RECORD_EXTRA);
        let log = open_log(path.as_ref(), Label { purpose, owner }, limit)?;
        Ok(Self { log, max_payload })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.log.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }
}

impl Journal for FileJournal {
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
