//! What can go wrong between parties, and who is at fault.

use tacit_session::{DecodeError, Fault};

/// A session that did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A party stopped.
    #[error(transparent)]
    Session(#[from] tacit_session::Error),
    /// A party sent what it should not have sent.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
    /// A party sent bytes that are no frame.
    #[error("`{from}` sent `{to}` bytes that are no frame: {source}")]
    Decode {
        /// Who sent them.
        from: String,
        /// Who received them.
        to: String,
        /// What is wrong with them.
        source: DecodeError,
    },
    /// The parties handed over are not those of the roster.
    #[error("place {place} of the roster is not filled by its party; pass every party, in order")]
    WrongParties {
        /// First place that is wrong.
        place: usize,
    },
    /// Every party waits for another one.
    #[error(
        "nothing moves any more: {waiting}; a share was refused, or an application does not follow \
         the rounds"
    )]
    Stalled {
        /// Who waits for whom.
        waiting: String,
    },
    /// A party's code panicked.
    #[error("`{party}` panicked: {message}; this is a defect, please report it")]
    Panicked {
        /// Who.
        party: String,
        /// What it said.
        message: String,
    },
}
