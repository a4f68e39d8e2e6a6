//! What the parties of a measurement keep: nothing, or journals and ledgers in files, as nodes do.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tacit_journal::{FileJournal, LedgerFile, Ledgered};
use tacit_mhe::PartySecret;
use tacit_session::plan::Plan;
use tacit_session::{Digest, IdentityKey, Journal, Record};

use crate::Error;
use crate::error::Context;

/// Where journals are, if parties keep any.
pub(super) struct Journals {
    under: Option<PathBuf>,
    runs: AtomicU64,
}

/// The journals of one run; they are deleted with it.
pub(super) struct Shelf(Option<PathBuf>);

/// What one party keeps.
pub(super) enum Kept {
    Nothing,
    Files(Box<Ledgered<FileJournal>>),
}

impl Journals {
    /// In folders under this one, if any.
    pub(super) fn under(folder: Option<PathBuf>) -> Self {
        Self {
            under: folder,
            runs: AtomicU64::new(0),
        }
    }

    /// A new folder for a run.
    pub(super) fn shelf(&self) -> Result<Shelf, Error> {
        let run = self.runs.fetch_add(1, Relaxed);
        let name = format!("journals-{}-{run}", std::process::id());
        let folder = self.under.as_ref().map(|under| under.join(name));
        if let Some(folder) = &folder {
            fs::create_dir_all(folder).bad_input(|| "the folder of --journals cannot be used")?;
        }
        Ok(Shelf(folder))
    }
}

impl Shelf {
    /// The journal of the party at this place, new.
    pub(super) fn journal(
        &self,
        place: usize,
        plan: &Plan,
        secret: &PartySecret,
    ) -> Result<Kept, Error> {
        let Some(folder) = &self.0 else {
            return Ok(Kept::Nothing);
        };
        let files = Self::files(folder, place, plan, secret);
        Ok(Kept::Files(Box::new(
            files.failed(|| "a journal cannot be begun")?,
        )))
    }

    fn files(
        folder: &Path,
        place: usize,
        plan: &Plan,
        secret: &PartySecret,
    ) -> Result<Ledgered<FileJournal>, tacit_journal::Error> {
        let path = |what: &str| folder.join(format!("{place}.{what}"));
        // Whose it is matters to who opens it again, and nobody does.
        let owner = Digest::of(format!("measured party {place}").as_bytes());
        let me = IdentityKey::from_seed(&owner.0.into()).public();
        let ledger = LedgerFile::open(path("ledger"), path("ledger-mark"), owner)?;
        let limit = plan.limits.max_payload_bytes;
        let (log, mark) = (path("journal"), path("journal-mark"));
        let journal = FileJournal::open(log, mark, owner, owner, &me, limit)?;
        Ok(Ledgered::new(journal, ledger, secret.shared_ledger()))
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

impl Journal for Kept {
    type Error = tacit_journal::Error;

    fn append(&mut self, record: &Record) -> Result<(), Self::Error> {
        match self {
            Self::Nothing => Ok(()),
            Self::Files(files) => files.append(record),
        }
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Self::Error> {
        match self {
            Self::Nothing => Ok(None),
            Self::Files(files) => files.record(index),
        }
    }
}
