//! What can go wrong between parties.

use tacit_ckks::CkksError;
use tacit_ring::{DecodeError, RingError};

/// Errors of the multiparty protocols. Where a message is at fault, the protocol is named; the
/// session layer adds the party that sent it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MheError {
    /// A share was made for another protocol instance: another session, round, input or active set.
    #[error(
        "{protocol}: share belongs to instance {found}, this is instance {expected} (replayed, or made from other inputs)"
    )]
    WrongInstance {
        /// The protocol.
        protocol: &'static str,
        /// Short digest in the share.
        found: String,
        /// Short digest expected.
        expected: String,
    },
    /// A share has the wrong shape.
    #[error("{protocol}: share has {found} polynomials or another basis, {expected} are expected")]
    Shape {
        /// The protocol.
        protocol: &'static str,
        /// Number of polynomials found.
        found: usize,
        /// Number expected.
        expected: usize,
    },
    /// A share for this c_1 was already given for another request.
    #[error(
        "{protocol}: a share on this ciphertext's c1 was already given in instance {first}; a second one with other noise would leak the key. Refresh or re-randomise the ciphertext first"
    )]
    SecondShare {
        /// The protocol asking.
        protocol: &'static str,
        /// Short digest of the instance that was answered.
        first: String,
    },
    /// The mask of a refresh would not hide the message.
    #[error(
        "refresh: the modulus at level {level} has {have:.1} bits, but {need:.1} are needed to hide a {message:.1}-bit message with lambda_s = {lambda}; refresh at a higher level"
    )]
    MaskTooNarrow {
        /// Input level.
        level: usize,
        /// log2 of the modulus there.
        have: f64,
        /// Bits needed.
        need: f64,
        /// log2 of the message bound.
        message: f64,
        /// Statistical security.
        lambda: u32,
    },
    /// Flooding noise that would bury the message or leave the modulus.
    #[error(
        "{protocol}: {bits} bits of smudging do not fit below the {modulus:.1}-bit modulus; release at a higher level or scale"
    )]
    Smudging {
        /// The protocol.
        protocol: &'static str,
        /// Bits asked for.
        bits: u32,
        /// log2 of the modulus.
        modulus: f64,
    },
    /// The set of active parties is not acceptable.
    #[error("active set: {0}")]
    ActiveSet(String),
    /// A party index outside the roster.
    #[error("party {party} is not among the {parties} parties of this session")]
    UnknownParty {
        /// The index.
        party: u32,
        /// Size of the roster.
        parties: u32,
    },
    /// Parameters of a threshold scheme that make no sense.
    #[error("threshold {threshold} of {parties} is not possible; use 1 to {parties}")]
    Threshold {
        /// t.
        threshold: u32,
        /// N.
        parties: u32,
    },
    /// A party's part in the exchange of sub-shares.
    #[error("threshold: party {party} {problem}")]
    Exchange {
        /// Whose.
        party: u32,
        /// What it did.
        problem: &'static str,
    },
    /// Who finishes lacks what only the root has.
    #[error(
        "{protocol}: the result is made by whoever has the whole ciphertext, not from its c_1 alone"
    )]
    OnlyShares {
        /// The protocol.
        protocol: &'static str,
    },
    /// From the CKKS layer.
    #[error(transparent)]
    Ckks(#[from] CkksError),
}

impl From<RingError> for MheError {
    fn from(error: RingError) -> Self {
        MheError::Ckks(error.into())
    }
}

impl From<DecodeError> for MheError {
    fn from(error: DecodeError) -> Self {
        MheError::Ckks(error.into())
    }
}
