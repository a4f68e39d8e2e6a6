//! What both estimators can do.

use super::magnitude::Magnitude;
use super::model::{KeyKind, NoiseModel};
use super::{SmudgingBits, sealed::Sealed};
use std::fmt::Debug;

/// Size of a scaled message: its largest slot, and the root mean square of its slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub bound: Magnitude,
    pub rms: Magnitude,
}

/// An estimate of the error of a ciphertext: [`HeuristicNoise`](super::HeuristicNoise) or
/// [`ProvenNoise`](super::ProvenNoise), and nothing else.
///
/// The operations of [`Tracked`](super::Tracked) are written once, over these primitives. Nothing
/// converts between the two, and no reading of one is a reading of the other.
pub trait Noise: Copy + Debug + PartialEq + Sealed {
    /// No error.
    #[doc(hidden)]
    fn none() -> Self;
    /// Rounding of every coefficient to an integer.
    #[doc(hidden)]
    fn rounding(model: &NoiseModel) -> Self;
    /// An error that is a fraction of a message.
    #[doc(hidden)]
    fn of_message(model: &NoiseModel, size: Size, fraction: f64) -> Self;
    /// The floating-point error of encoding a message.
    #[doc(hidden)]
    fn transform(model: &NoiseModel, size: Size) -> Self;
    /// A sum of Gaussian errors.
    #[doc(hidden)]
    fn gaussian(model: &NoiseModel, summands: u32) -> Self;
    /// u·e_pk + e_0 + e_1·s, summed over `encryptors`, under the public key of `owners`.
    #[doc(hidden)]
    fn public_encryption(model: &NoiseModel, owners: u32, encryptors: u32) -> Self;
    /// Σ d_j·e_j / P.
    #[doc(hidden)]
    fn key_switching(model: &NoiseModel, level: usize, key: KeyKind) -> Self;
    /// The rounding errors τ_0 + τ_1·s (+ τ_2·s²) of a division by primes.
    #[doc(hidden)]
    fn division(model: &NoiseModel, polynomials: usize) -> Self;
    /// Flooding noise of several parties.
    #[doc(hidden)]
    fn flooding(model: &NoiseModel, bits: SmudgingBits, parties: u32) -> Self;
    /// The error of a sum.
    #[doc(hidden)]
    fn plus(self, other: Self) -> Self;
    /// The error times a number.
    #[doc(hidden)]
    fn scaled(self, factor: Magnitude) -> Self;
    /// The error times a message.
    #[doc(hidden)]
    fn times_message(self, size: Size) -> Self;
    /// The product of two errors.
    #[doc(hidden)]
    fn times(self, model: &NoiseModel, other: Self) -> Self;
}
