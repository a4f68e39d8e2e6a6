//! What can go wrong with an authority.

use std::path::PathBuf;

/// Errors of an authority's folder, policy and budget.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("authority file {path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// There is an authority already.
    #[error("{path} already holds an authority; open it, or choose another folder")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("the authority in {path} is in use by another process; only one may issue keys")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// A policy, request or secret that cannot be used.
    #[error("{field}: {reason}")]
    Field {
        /// What it is about.
        field: &'static str,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// The sealed master secret cannot be opened.
    #[error("master secret {path}: {reason}")]
    Sealed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The audit log was changed, cut or does not fit the rest of the folder.
    #[error(
        "audit log {path}, line {line}: {reason}. Issue nothing; compare with a copy of the log kept \
         elsewhere"
    )]
    BrokenLog {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A key that would take the outputs ever issued past the budget.
    #[error(
        "refused: with this model {rank_after} linearly independent outputs would have been issued under \
         master key {public_key}, the budget is {budget} ({rank_before} are issued). Each holder of keys \
         could combine them on every ciphertext. Rotate the master key, or issue a model with fewer new \
         outputs"
    )]
    BudgetExceeded {
        /// Short hash of the master key.
        public_key: String,
        /// Independent outputs issued so far.
        rank_before: usize,
        /// What it would be.
        rank_after: usize,
        /// The policy's limit.
        budget: usize,
    },
    /// A model whose outputs may be larger than the policy allows.
    #[error(
        "refused: output {output} of the model can reach {bound} in magnitude, the policy allows \
         2^{allowed_bits}; quantise with fewer bits"
    )]
    OutputBound {
        /// The output.
        output: usize,
        /// Its proven bound.
        bound: i128,
        /// The policy.
        allowed_bits: u32,
    },
    /// A model for other inputs than the authority's.
    #[error(
        "refused: the model takes {inputs} inputs of 0 to {input_max}, this authority's ciphertexts hold \
         {expected_inputs} of 0 to {expected_input_max}"
    )]
    Inputs {
        /// The model's inputs.
        inputs: usize,
        /// The model's largest input.
        input_max: u16,
        /// The policy's.
        expected_inputs: usize,
        /// The policy's.
        expected_input_max: u16,
    },
}
