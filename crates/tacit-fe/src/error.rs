//! What can go wrong with functional keys, ciphertexts and models.

use tacit_ring::{DecodeError, RingError};

use crate::authority::AuthorityError;
use crate::dlog::DlogError;
use crate::model::ModelError;

/// What can go wrong with functional keys, ciphertexts and models. Grouped by who can mend it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FeError {
    /// The model, or an input that does not fit it.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The discrete logarithm of an output, or the table for it.
    #[error(transparent)]
    Dlog(#[from] DlogError),
    /// An output was not found within the calibrated range.
    #[error("output {output}: {source}")]
    Output {
        /// Which output.
        output: usize,
        /// The limit and the steps taken.
        source: DlogError,
    },
    /// An output that no input in range has.
    #[error(
        "output {output} is outside {low} to {high}, which is proven for inputs in range: the ciphertext \
         holds others, and its outputs mean nothing"
    )]
    ImpossibleOutput {
        /// Which output.
        output: usize,
        /// Smallest possible value.
        low: i128,
        /// Largest.
        high: i128,
    },
    /// Threads could not be started.
    #[error("threads for evaluation: {0}")]
    Threads(String),
    /// The authority's folder, policy or budget.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A passphrase or a key file.
    #[error(transparent)]
    Seal(#[from] tacit_seal::SealError),
    /// Encoded bytes were refused.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A point in a key or ciphertext was refused.
    #[error("{what}: point {index} {fault}")]
    Point {
        /// The object that was read.
        what: &'static str,
        /// Number of the point in it.
        index: usize,
        /// What is wrong with it.
        fault: PointFault,
    },
    /// A scalar of a master secret is zero, or not below the group order.
    #[error(
        "master secret: scalar {index} is zero or not below the group order; the file is corrupt"
    )]
    Scalar {
        /// Number of the scalar.
        index: usize,
    },
    /// A master key of a shape that is not supported.
    #[error(
        "a master key for {inputs} inputs of 0 to {input_max}: use 1 to 65536 inputs and a largest input of at least 1"
    )]
    KeyShape {
        /// Inputs asked for.
        inputs: usize,
        /// Largest input asked for.
        input_max: u16,
    },
    /// An input of another length than the key's.
    #[error("the input has {found} values, this key encrypts {expected}")]
    InputShape {
        /// Values found.
        found: usize,
        /// Values expected.
        expected: usize,
    },
    /// An input outside the quantised range.
    #[error("input {index} is {found}, above the largest value {input_max}; quantise it first")]
    InputRange {
        /// Which input.
        index: usize,
        /// Its value.
        found: u16,
        /// Largest value allowed.
        input_max: u16,
    },
    /// A model for which this master key cannot issue keys.
    #[error(
        "the model takes {inputs} inputs of 0 to {input_max}, the master key encrypts {key_inputs} of 0 to {key_input_max}; the model's proven bounds must cover everything the key encrypts"
    )]
    ModelDoesNotFitKey {
        /// The model's inputs.
        inputs: usize,
        /// The model's largest input.
        input_max: u16,
        /// The key's inputs.
        key_inputs: usize,
        /// The key's largest input.
        key_input_max: u16,
    },
    /// An output that is zero for every input.
    #[error("output {output} of the model is zero for every input; remove it")]
    ZeroOutput {
        /// The output.
        output: usize,
    },
    /// A functional key used with another model than its own.
    #[error("the functional key is for model {key}, not for model {model}")]
    KeyForOtherModel {
        /// Short hash of the key's model.
        key: String,
        /// Short hash of the model given.
        model: String,
    },
    /// A ciphertext under another master key than the functional key's.
    #[error(
        "the ciphertext is under master key {ciphertext}, the functional key under {key}; another authority, or an older master key"
    )]
    CiphertextForOtherKey {
        /// Short hash in the ciphertext.
        ciphertext: String,
        /// Short hash in the functional key.
        key: String,
    },
    /// The operating system gave no entropy (the only way the layer below fails here).
    #[error(transparent)]
    Ring(#[from] RingError),
}

/// Why bytes are not a usable point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PointFault {
    /// Not the canonical encoding of anything.
    #[error("is not a canonical encoding (coordinate not reduced, or wrong flag bits)")]
    Encoding,
    /// No point of the curve.
    #[error("is not on the curve")]
    NotOnCurve,
    /// A point of another order.
    #[error("is outside the subgroup of prime order")]
    NotInSubgroup,
    /// The identity, where it has no business.
    #[error("is the identity, which no honest key or ciphertext contains")]
    Identity,
}
