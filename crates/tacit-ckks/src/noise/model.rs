//! The facts about ring and keys that both estimators start from.

use super::magnitude::Magnitude;
use crate::Parameters;
use tacit_ring::sample::GAUSSIAN_SIGMA;
use tacit_ring::{Basis, RingKind};

/// Probability exponent spent on each event: λ plus this many bits, so that the bounds hold together over
/// 2^40 keys and ciphertexts.
const EVENT_BITS: f64 = 40.0;

/// Variance of a coefficient of a ternary secret.
pub(crate) const TERNARY_VARIANCE: f64 = 2.0 / 3.0;

/// The error sampler is sub-Gaussian with this parameter, a little above its standard deviation to cover the
/// rounding of its table.
pub(crate) const GAUSSIAN_PARAMETER: f64 = GAUSSIAN_SIGMA + 0.1;

/// Rounding moves a value by at most this: one half, and a margin for the floating-point quotient
/// of a base extension.
pub(crate) const HALF: f64 = 0.5 + 1.0 / (1u64 << 20) as f64;

/// Unit roundoff of the encoder's floating-point transform.
pub(crate) const ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// Where the keys come from; it decides how large their errors are.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseModel {
    params: Parameters,
    parties: u32,
    collective: bool,
    lambda: u32,
    encoded_messages: bool,
}

/// Which key material a key switching uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    Galois,
    Relinearisation,
}

impl NoiseModel {
    /// All keys are made by one owner. Proven bounds fail with probability at most 2^-128.
    pub fn single_owner(params: &Parameters) -> Self {
        Self {
            params: params.clone(),
            parties: 1,
            collective: false,
            lambda: 128,
            encoded_messages: false,
        }
    }

    /// The secret is the sum of `parties` ternary keys and all public keys are made
    /// collectively: every error is a sum over the parties, and the two-round relinearisation key has the error
    /// s·e_0 + u·e_1 + e_2.
    pub fn collective(params: &Parameters, parties: u32) -> Self {
        Self {
            params: params.clone(),
            parties: parties.max(1),
            collective: true,
            lambda: 128,
            encoded_messages: false,
        }
    }

    /// Another λ: proven bounds fail with probability at most 2^-λ.
    pub fn with_lambda(mut self, lambda: u32) -> Self {
        self.lambda = lambda;
        self
    }

    /// Counts errors against the message *as encoded*: the rounding of values, constants and scales to
    /// integers and floating-point numbers is then part of the message, not of the noise.
    ///
    /// For flooding. That rounding depends on the data and on nothing else, so a release then
    /// computes the agreed function of the encoded data exactly; and beyond a scale of 2^50 a
    /// double-precision encoder's rounding would outweigh all noise.
    pub fn of_encoded_messages(mut self) -> Self {
        self.encoded_messages = true;
        self
    }

    /// The parameters.
    pub fn params(&self) -> &Parameters {
        &self.params
    }

    /// Number of summands of the secret.
    pub fn parties(&self) -> u32 {
        self.parties
    }

    /// The λ of proven bounds.
    pub fn lambda(&self) -> u32 {
        self.lambda
    }

    pub(crate) fn messages_are_encoded(&self) -> bool {
        self.encoded_messages
    }

    pub(crate) fn collective_keys(&self) -> bool {
        self.collective
    }

    /// Layers of the encoder's transform.
    pub(crate) fn layers(&self) -> f64 {
        (self.params.slots() as f64).log2()
    }

    pub(crate) fn n(&self) -> f64 {
        self.params.ring().n() as f64
    }

    /// κ: how many times the coefficients of an element occur when it is unfolded into the
    /// standard ring that contains it.
    pub(crate) fn folding(&self) -> f64 {
        match self.params.ring().kind() {
            RingKind::Standard => 1.0,
            RingKind::ConjugateInvariant => 2.0,
        }
    }

    /// n' = κN: the dimension of that standard ring.
    pub(crate) fn unfolded(&self) -> f64 {
        self.folding() * self.n()
    }

    /// −ln of the probability with which one event may fail.
    pub(crate) fn exponent(&self) -> f64 {
        (self.lambda as f64 + EVENT_BITS) * std::f64::consts::LN_2
    }

    /// D_j/P for the digits at a level: their size over the special modulus.
    pub(crate) fn digits(&self, level: usize) -> impl Iterator<Item = Magnitude> + '_ {
        let ring = self.params.ring();
        let special = self.params.log2_p();
        (0..self.params.digits())
            .map(|j| self.params.digit_range(j))
            .map(move |range| range.start..range.end.min(level + 1))
            .filter(|range| !range.is_empty())
            .map(move |range| {
                let log2 = |rows| ring.log2_modulus(Basis::q(rows));
                Magnitude::from_log2(log2(range.end) - log2(range.start) - special)
            })
    }
}
