use tacit_ckks::CkksError;
use tacit_mhe::MheError;

/// What can go wrong in an encrypted training or prediction.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptedError {
    /// No parameter set is large enough.
    #[error(
        "no shipped ring with {slots} slots has room for {levels} levels per iteration and refresh masks for {parties} parties at lambda_s = {lambda_s}; lower the activation's degree or raise `slots`"
    )]
    NoParameters {
        /// Levels per iteration.
        levels: usize,
        /// Slots asked for.
        slots: usize,
        /// Parties.
        parties: usize,
        /// Statistical security.
        lambda_s: u32,
    },
    /// A round's input or share could not be read.
    #[error("{what}: {problem}")]
    Message {
        /// Which message.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A round that this session's script does not have here.
    #[error("round {round} is `{found}`, but the plan's next step is `{expected}`")]
    OutOfScript {
        /// Number of the round.
        round: u32,
        /// Label received.
        found: String,
        /// Label expected.
        expected: String,
    },
    /// More answers than the plan allows.
    #[error("query {query} exceeds the plan's limit of {limit} answers")]
    QueryLimit {
        /// Index of the query.
        query: usize,
        /// The limit.
        limit: usize,
    },
    /// A session that cannot go on without all parties.
    #[error("going on without all parties: {0}")]
    Continuation(String),
    /// A query that does not fit the model.
    #[error("query: {0}")]
    Query(String),
    /// The released moments cannot be used.
    #[error("standardisation: {0}")]
    Standardisation(String),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] crate::neural::checkpoint::CheckpointError),
    /// Training configuration or rows.
    #[error(transparent)]
    Learn(#[from] crate::Error),
    /// A multiparty protocol.
    #[error(transparent)]
    Mhe(#[from] MheError),
    /// Ciphertext arithmetic.
    #[error(transparent)]
    Ckks(#[from] CkksError),
}
