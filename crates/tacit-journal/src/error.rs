//! What can be wrong with files that must survive.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use tacit_seal::SealError;

/// A file that cannot be written, read or believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("{path}: {source}; free space or repair the disk, then restart")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process has the file open.
    #[error("{path}: in use by another process; one node at a time may write it")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Something that was acknowledged is not there any more, or not as it was.
    #[error(
        "{path}: damaged at byte {offset}, entry {entry}: {problem}; restore the newest copy of \
         this file, or end the session (its shares must not be made again from memory)"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// Which entry, from 0.
        entry: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A copy of an earlier moment.
    #[error(
        "{path}: an older copy: {found} entries, but {mark} says that {acknowledged} were written; \
         restore the newest copy. If there is none, end the session; and if it is the ledger, \
         never use its key again"
    )]
    Older {
        /// The file.
        path: PathBuf,
        /// The mark.
        mark: PathBuf,
        /// Entries there are.
        found: usize,
        /// Entries the mark knows of.
        acknowledged: u64,
    },
    /// A mark that does not belong to what it stands beside.
    #[error(
        "{mark}: not the mark of {path} as it is: {problem}; restore the newest copies of both"
    )]
    Mark {
        /// The file.
        path: PathBuf,
        /// The mark.
        mark: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// A file of something else.
    #[error("{path}: {problem}; give every session, key and purpose a file of its own")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        problem: &'static str,
    },
    /// Longer than the file's entries may be.
    #[error("{path}: an entry of {len} bytes; at most {limit} fit")]
    Oversize {
        /// The file.
        path: PathBuf,
        /// Length.
        len: u64,
        /// Limit.
        limit: u64,
    },
    /// A write failed before; what is on the disk is not known until the file is opened again.
    #[error("{path}: an earlier write failed; open the file again")]
    Failed {
        /// The file.
        path: PathBuf,
    },
    /// An entry of a journal is no record.
    #[error("{path}: entry {entry}: {source}")]
    Record {
        /// The file.
        path: PathBuf,
        /// Which entry.
        entry: usize,
        /// What is wrong.
        source: tacit_session::DecodeError,
    },
    /// The ledger has another answer for this polynomial.
    #[error(
        "{path}: a second request on a polynomial that a share was given on; nothing is answered, \
         because two shares on one c1 could give the secret key away"
    )]
    SecondShare {
        /// The ledger.
        path: PathBuf,
    },
    /// Sealing or opening a secret.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Not a name for a secret.
    #[error("`{name}` is no name of a secret; use 1 to 48 of a-z, 0-9 and `-`")]
    Name {
        /// The name.
        name: String,
    },
}

impl From<Infallible> for Error {
    /// For journals that cannot fail.
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io {
            path: path.into(),
            source,
        }
    }
}
