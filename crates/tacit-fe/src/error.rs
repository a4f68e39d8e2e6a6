//! What can go wrong with functional keys, ciphertexts and models.

use tacit_ring::DecodeError;

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
    /// The operating system gave no entropy.
    #[error("the operating system's random source failed: {0}")]
    Entropy(String),
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
