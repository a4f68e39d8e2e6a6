//! What can go wrong with ciphertexts.

use tacit_ring::{DecodeError, RingError};

/// Errors of the CKKS layer. Each says what was found, what was needed, and how to get there.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CkksError {
    /// The parameters fall short of 128-bit security.
    #[error(
        "N = 2^{log_n} with a {log_qp:.1}-bit modulus is below 128-bit security: at most {limit} bits are allowed; drop levels or raise log_n"
    )]
    Insecure {
        /// log2 of the degree.
        log_n: u32,
        /// Size of the whole modulus, special primes included.
        log_qp: f64,
        /// The table's limit.
        limit: u32,
    },
    /// Parameters that make no sense.
    #[error("parameters: {0}")]
    Parameters(String),
    /// Too few levels are left.
    #[error(
        "{operation}: needs level {needed}, the ciphertext has {found}; refresh it or choose more levels"
    )]
    Level {
        /// The operation.
        operation: &'static str,
        /// Lowest admissible level.
        needed: usize,
        /// Level found.
        found: usize,
    },
    /// Operands with different scales.
    #[error(
        "{operation}: scales 2^{left:.6} and 2^{right:.6} differ; rescale or match them with `mul_plain` first"
    )]
    Scale {
        /// The operation.
        operation: &'static str,
        /// log2 of the left scale.
        left: f64,
        /// log2 of the right scale.
        right: f64,
    },
    /// The scale does not fit the modulus.
    #[error(
        "{operation}: scale 2^{scale:.1} leaves no room in the {modulus:.1} bits of the modulus"
    )]
    ScaleOverflow {
        /// The operation.
        operation: &'static str,
        /// log2 of the scale.
        scale: f64,
        /// log2 of the modulus.
        modulus: f64,
    },
    /// Too few bits for the coefficients of a polynomial.
    #[error(
        "the coefficient of degree {degree} would be encoded with {bits:.0} bits; lower the scale of the input (by half the width of the interval) or raise that of the result"
    )]
    CoefficientScale {
        /// Which basis function.
        degree: usize,
        /// log2 of the scale that is left for its coefficient.
        bits: f64,
    },
    /// A ciphertext of the wrong degree in the secret.
    #[error(
        "{operation}: a ciphertext of {needed} polynomials is needed, this one has {found}; relinearise it first"
    )]
    Degree {
        /// The operation.
        operation: &'static str,
        /// Number of polynomials needed.
        needed: usize,
        /// Number of polynomials found.
        found: usize,
    },
    /// More values than slots.
    #[error("{found} values do not fit {slots} slots")]
    Slots {
        /// Number of values.
        found: usize,
        /// Number of slots.
        slots: usize,
    },
    /// A value that cannot be encoded.
    #[error(
        "slot {slot} holds {value}, which cannot be encoded at scale 2^{scale:.1} in {modulus:.1} bits"
    )]
    Value {
        /// Which slot (or coefficient).
        slot: usize,
        /// The value.
        value: f64,
        /// log2 of the scale.
        scale: f64,
        /// log2 of the modulus.
        modulus: f64,
    },
    /// A rotation key that was not supplied.
    #[error(
        "no Galois key for rotation by {steps} (element {element}); generate it with the others"
    )]
    MissingGaloisKey {
        /// The rotation, if it is one.
        steps: i64,
        /// The Galois element.
        element: u64,
    },
    /// A rotation key for lower levels only.
    #[error(
        "the Galois key for rotation by {steps} (element {element}) is for levels up to {key}, the ciphertext has {found}; lower the ciphertext first, or generate the key for level {found}"
    )]
    GaloisKeyLevel {
        /// The rotation, if it is one.
        steps: i64,
        /// The Galois element.
        element: u64,
        /// Highest level that the key is for.
        key: usize,
        /// Level of the ciphertext.
        found: usize,
    },
    /// A key for lower levels only.
    #[error(
        "{operation}: the key is for levels up to {key}, the ciphertext has {found}; lower the ciphertext first, or generate the key for level {found}"
    )]
    KeyLevel {
        /// The operation.
        operation: &'static str,
        /// Highest level that the key is for.
        key: usize,
        /// Level of the ciphertext.
        found: usize,
    },
    /// No relinearisation key was supplied.
    #[error("no relinearisation key was supplied to this evaluator")]
    MissingRelinearisationKey,
    /// An operation that the ring does not have.
    #[error("{0}")]
    Unsupported(&'static str),
    /// From the ring layer.
    #[error(transparent)]
    Ring(#[from] RingError),
}

impl From<DecodeError> for CkksError {
    fn from(error: DecodeError) -> Self {
        CkksError::Ring(error.into())
    }
}
