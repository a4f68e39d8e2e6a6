//! What can go wrong below the level of ciphertexts.

/// Errors of the ring layer. Each names the offending value and what would be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingError {
    /// The degree is outside 2^4 … 2^16.
    #[error("ring degree 2^{log_n} is not supported; use 2^4 to 2^16")]
    Degree {
        /// log2 of the requested degree.
        log_n: u32,
    },
    /// A modulus is not a prime of the required form.
    #[error("modulus {q} cannot be used: {reason}")]
    Modulus {
        /// The modulus.
        q: u64,
        /// Why it is refused.
        reason: &'static str,
    },
    /// The same prime was given twice.
    #[error("prime {q} appears twice in the modulus chain")]
    RepeatedPrime {
        /// The repeated prime.
        q: u64,
    },
    /// There are not enough primes of the requested form.
    #[error("no {bits}-bit prime congruent to 1 modulo {step} is left")]
    PrimesExhausted {
        /// Requested size.
        bits: u32,
        /// Required congruence.
        step: u64,
    },
    /// `TACIT_SIMD` names an instruction set that is unknown or absent.
    #[error("TACIT_SIMD={requested}: {reason}; use portable, avx2 or avx512")]
    Simd {
        /// The value asked for.
        requested: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// An element that is not a unit modulo the order of the root of unity.
    #[error("{element} is not a Galois element of this ring: {reason}")]
    Galois {
        /// The element.
        element: u64,
        /// Why it is refused.
        reason: &'static str,
    },
    /// Encoded bytes were refused.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The operating system gave no entropy.
    #[error("the operating system's random source failed: {0}")]
    Entropy(String),
}

/// Why a decoder refused its input. Decoders are strict: every byte is accounted for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Input ended early.
    #[error("{what}: truncated, {needed} bytes needed and {left} left")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes needed.
        needed: usize,
        /// Bytes left.
        left: usize,
    },
    /// Input continued after the last field.
    #[error("{what}: {extra} bytes too many at the end")]
    TrailingBytes {
        /// What was being read.
        what: &'static str,
        /// Surplus bytes.
        extra: usize,
    },
    /// A version byte or tag that this build does not know.
    #[error("{what}: version or tag {found}, expected {expected}")]
    Version {
        /// What was being read.
        what: &'static str,
        /// Byte found.
        found: u8,
        /// Byte expected.
        expected: u8,
    },
    /// A field has a value outside its range, or belongs to other parameters.
    #[error("{what}: {found} where {expected} is required (another parameter set, or corrupt)")]
    Field {
        /// Which field.
        what: &'static str,
        /// Value found.
        found: u64,
        /// Value expected (or the bound).
        expected: u64,
    },
    /// A residue is not reduced.
    #[error("{what}: residue {index} of limb {limb} is {found}, not below its prime {prime}")]
    Residue {
        /// What was being read.
        what: &'static str,
        /// Limb (prime) index.
        limb: usize,
        /// Coefficient index.
        index: usize,
        /// Value found.
        found: u64,
        /// The prime.
        prime: u64,
    },
}
