//! What can be wrong with a model.

use std::path::PathBuf;

use super::bounds::OUTPUT_LIMIT_BITS;

/// Errors of integer models: where they come from, their shape, what is fed to them.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("model file {path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is larger than any valid model.
    #[error("model file {path} has {found} bytes; a model has at most {limit}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        found: u64,
        /// The largest size read.
        limit: u64,
    },
    /// Not the JSON of a model.
    #[error("model {origin}: {reason}")]
    Json {
        /// The file, or `(in memory)`.
        origin: String,
        /// The cause, with line and column.
        reason: String,
    },
    /// Not the safetensors of a model.
    #[error("model {origin}: {reason}")]
    Tensors {
        /// The file, or `(in memory)`.
        origin: String,
        /// The cause.
        reason: String,
    },
    /// A field whose value makes no model.
    #[error("model {origin}, field `{field}`: {reason}")]
    Field {
        /// The file, or `(in memory)`.
        origin: String,
        /// The field, with indices.
        field: String,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// An input vector of another length.
    #[error("the input has {found} values, the model takes {expected} (the constant included)")]
    InputShape {
        /// Length found.
        found: usize,
        /// Length expected.
        expected: usize,
    },
    /// An input outside the quantised range.
    #[error("input {index} is {found}, outside 0..={input_max}; scale inputs before encryption")]
    InputRange {
        /// Position.
        index: usize,
        /// The value.
        found: u64,
        /// Largest value allowed.
        input_max: u16,
    },
    /// The proven bound of an output is beyond what a discrete logarithm may be asked for.
    #[error(
        "output {output} of the model can reach {bound} in magnitude (2^{bits:.1}), the limit is \
         2^{OUTPUT_LIMIT_BITS}: its discrete logarithm could take hours. Quantise with fewer bits \
         (|p| counts twice), use fewer hidden units or smaller inputs"
    )]
    BoundExceedsLimit {
        /// The output.
        output: usize,
        /// Its proven largest magnitude.
        bound: i128,
        /// log2 of it.
        bits: f64,
    },
    /// Floating-point matrices that cannot be quantised.
    #[error("cannot quantise {matrix}: {reason}")]
    Quantise {
        /// `P`, `D` or an option.
        matrix: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl ModelError {
    /// Names the file in an error that was found in its contents.
    pub(super) fn in_file(self, path: &std::path::Path) -> Self {
        let name = path.display().to_string();
        match self {
            Self::Json { reason, .. } => Self::Json {
                origin: name,
                reason,
            },
            Self::Tensors { reason, .. } => Self::Tensors {
                origin: name,
                reason,
            },
            Self::Field { field, reason, .. } => Self::Field {
                origin: name,
                field,
                reason,
            },
            other => other,
        }
    }
}
