//! What can go wrong with discrete logarithms.

use std::path::PathBuf;

/// Errors of the table and of the search.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DlogError {
    /// No exponent within the limit fits.
    #[error(
        "the output is not within ±{limit}: {steps} steps searched all of that range. Raise the limit \
         (the model's proven bound is the most it can need), or the ciphertext holds inputs outside \
         the model's range"
    )]
    OutputBeyondRange {
        /// Largest magnitude searched.
        limit: u64,
        /// Steps taken: the most that any output can cost at this limit.
        steps: u64,
    },
    /// A limit beyond any model's.
    #[error("a search up to ±{found} was asked for, the most is ±{limit}")]
    LimitTooLarge {
        /// What was asked for.
        found: u64,
        /// The most.
        limit: u64,
    },
    /// A table of this size cannot be made.
    #[error("a table of {found} MiB was asked for, use {least} to {most}")]
    TableSize {
        /// What was asked for.
        found: u32,
        /// Smallest.
        least: u32,
        /// Largest.
        most: u32,
    },
    /// The table file cannot be read or written.
    #[error("table file {path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The table file is damaged or of another program.
    #[error(
        "table file {path} is not usable: {reason}. Nothing was computed with it; rebuild it \
         explicitly or delete it"
    )]
    CorruptTable {
        /// The file, or `(in memory)`.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}
