//! What can go wrong, on either side.

use std::path::PathBuf;

use crate::model::ModelVersion;
use crate::refusal::Refusal;

/// Errors of servers and clients.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be.
    #[error("{field}: {problem}")]
    Setting {
        /// Which.
        field: &'static str,
        /// Why not.
        problem: String,
    },
    /// A file that cannot be used.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A certificate or key that cannot be used.
    #[error("{which}: {problem}")]
    Certificate {
        /// Whose.
        which: String,
        /// Why not.
        problem: String,
    },
    /// An address that cannot be listened at.
    #[error("cannot listen at {address}: {problem}; choose another address or stop what holds it")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        problem: String,
    },
    /// No connection, or one that broke. A refused certificate shows here, as the alert of TLS.
    #[error("{address}: {problem}")]
    Connection {
        /// Of whom.
        address: String,
        /// What happened.
        problem: String,
    },
    /// No answer in time.
    #[error("{address} did not answer within {seconds} s; ask again, or allow more time")]
    Timeout {
        /// Who.
        address: String,
        /// How long was waited.
        seconds: f64,
    },
    /// The server answered that it will not answer.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// The features are not what the pinned model takes; nothing was sent.
    #[error("not sent: {0}")]
    Features(Refusal),
    /// What came back is not an answer to the question.
    #[error("the server's answer is malformed: {problem}")]
    Answer {
        /// In what way.
        problem: String,
    },
    /// An answer of another version than the pinned one.
    #[error(
        "answered by model {answered}, but {pinned} is pinned; fetch the encoder that belongs to it"
    )]
    Version {
        /// The version in the answer.
        answered: ModelVersion,
        /// The version of this client.
        pinned: ModelVersion,
    },
    /// The operating system gave no threads, randomness or signals.
    #[error("the operating system: {problem}")]
    System {
        /// What it said.
        problem: String,
    },
}

impl Error {
    pub(crate) fn system(error: impl std::fmt::Display) -> Self {
        Self::System {
            problem: error.to_string(),
        }
    }
}
