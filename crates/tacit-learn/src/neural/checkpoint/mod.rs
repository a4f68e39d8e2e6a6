//! What a training can be resumed from.
//!
//! ```text
//! site-00.sealed …   every party's secret, under the operator's passphrase or key file
//! keys               the sums of all key shares, public, and the session they were generated in
//! state-000125 …     the encrypted weights after so many iterations; the last two are kept
//! releasing          the release of the model has begun
//! ```
//!
//! A resumed training is a *new session* of the same parties under the same collective key: new nonces, so new protocol
//! instances, so no share is made twice with other randomness. The root adds fresh encryptions of zero to the
//! weights it resumes from; with them every c₁ of the new session is new, whatever the one before already sent shares for
//! (CRYPTO: the ledger is per c₁). A release that had begun is not repeated: a second flooding of the same plaintext
//! would be a second look at its noise.
//!
//! The encrypted weights are worth as much as a transcript: nothing to fewer than all parties.
//!
//! | file | holds |
//! |---|---|
//! | `state` | the format of states and keys, strict, with a checksum |
//! | `folder` | files of all parties of a process |

mod folder;
mod state;

pub use folder::{CheckpointFolder, Resumption};
pub use state::TrainingState;

/// Where the root of a training keeps what it can be resumed from.
pub trait Keeper: Send {
    /// Whether to keep the state after `iteration` iterations.
    fn due(&self, iteration: usize) -> bool;

    /// Keeps the sums of all key shares, before anything is trained under them.
    fn keep_keys(&mut self, keys: &[u8]) -> Result<(), CheckpointError>;

    /// Keeps a state.
    fn keep_state(&mut self, iteration: usize, state: &[u8]) -> Result<(), CheckpointError>;

    /// The release of the model begins.
    fn releasing(&mut self) -> Result<(), CheckpointError>;
}

/// A checkpoint that cannot be written or resumed from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("checkpoint {}: {problem}; {remedy}", file.display())]
pub struct CheckpointError {
    /// The file.
    pub file: std::path::PathBuf,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}
