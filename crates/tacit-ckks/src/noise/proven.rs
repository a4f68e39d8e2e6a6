//! What the noise never exceeds.
//!
//! Write x̂ for an element *unfolded* into the standard ring of dimension n' that contains it (n' = N, or
//! 2N for the conjugate-invariant ring), ‖x̂‖ for its Euclidean norm and ‖x‖_can for its
//! largest slot. Three facts need no assumption at all:
//!
//! - ‖x·y‖ ≤ ‖x‖_can·‖ŷ‖, as multiplication acts on slots;
//! - |x·y|_∞ ≤ |x|_∞·‖ŷ‖_1 ≤ |x|_∞·√n'·‖ŷ‖;
//! - |x|_∞ ≤ ‖x̂‖ ≤ min(√n'·|x|_∞, ‖x‖_can), and ‖x‖_can ≤ √n'·‖x̂‖.
//!
//! Randomness enters in two places only. *Keys*: the norms of s, u and of the errors in public keys are
//! bounded once, by tails of sub-Gaussian vectors; what multiplies them later (digits, rounding errors) may depend on
//! them, so it is bounded by its range. *Fresh encryptions*: u, e_0 and e_1
//! are independent of the keys, so their products with key norms are sub-Gaussian.
//!
//! Tails, each failing with probability at most e^-t: a sum Σ w_i·x_i of independent sub-Gaussians of parameter σ stays
//! below σ‖w‖√(2t) (after a union over coefficients), and ‖Ax‖² below
//! σ²(tr + 2√(tr·‖AᵀA‖·t) + 2‖AᵀA‖t), tr = tr AᵀA (Hsu, Kakade and Zhang, ECP 2012).

use super::estimate::{Noise, Size};
use super::magnitude::Magnitude;
use super::model::{GAUSSIAN_PARAMETER, HALF, KeyKind, NoiseModel, ROUNDOFF, TERNARY_VARIANCE};
use super::{SmudgingBits, sealed::Sealed};
use tacit_ring::RingKind;
use tacit_ring::sample::GAUSSIAN_BOUND;

/// A bound on the error that fails with probability at most 2^-λ over the keys and over 2^40
/// ciphertexts, with the λ of the [`NoiseModel`].
///
/// For *flooding*; as an estimate of precision it is several bits too pessimistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProvenNoise {
    /// The largest coefficient.
    largest: Magnitude,
    /// The Euclidean norm of the unfolded error.
    norm: Magnitude,
}

impl ProvenNoise {
    /// log2 of a bound on the largest coefficient of the error.
    pub fn log2_bound(&self) -> f64 {
        self.largest.log2()
    }

    /// log2 of a bound on the sum of the magnitudes of all coefficients: what flooding has to cover.
    /// At most N times the largest coefficient, and usually several bits less.
    pub fn log2_sum(&self, model: &NoiseModel) -> f64 {
        let n = model.n();
        // Cauchy and Schwarz, where an unfolded coefficient counts once (index 0) or twice.
        let weight = match model.params().ring().kind() {
            RingKind::Standard => n,
            RingKind::ConjugateInvariant => (n + 1.0) / 2.0,
        };
        (self.largest * n)
            .min(self.norm * Magnitude::of(weight).sqrt())
            .log2()
    }

    /// log2 of a bound on the error of any slot, before division by the scale.
    pub fn log2_slot_bound(&self, model: &NoiseModel) -> f64 {
        (self.norm * Magnitude::of(model.unfolded()).sqrt()).log2()
    }

    fn new(model: &NoiseModel, largest: Magnitude, norm: Magnitude) -> Self {
        Self {
            largest: largest.min(norm),
            norm: norm.min(largest * Magnitude::of(model.unfolded()).sqrt()),
        }
    }

    fn from_norm(norm: Magnitude) -> Self {
        Self {
            largest: norm,
            norm,
        }
    }
}

/// Norms of a key polynomial.
#[derive(Debug, Clone, Copy)]
struct KeyNorms {
    /// ‖x̂‖.
    norm: f64,
    /// ‖x‖_can.
    canonical: f64,
}

/// √ of the tail of ‖Ax‖² for x of parameter √`variance`, with tr AᵀA and ‖AᵀA‖ given.
fn quadratic(model: &NoiseModel, variance: f64, trace: f64, operator: f64) -> f64 {
    let t = model.exponent();
    (variance * (trace + 2.0 * (trace * operator * t).sqrt() + 2.0 * operator * t)).sqrt()
}

/// Tail of the largest of 2N linear forms of parameter `deviation`.
fn largest(model: &NoiseModel, deviation: f64) -> f64 {
    deviation * (2.0 * (model.exponent() + (4.0 * model.n()).ln())).sqrt()
}

impl KeyNorms {
    /// Independent coefficients of parameter √`variance`, none above `bound`.
    fn of(model: &NoiseModel, variance: f64, bound: f64) -> Self {
        let n = model.unfolded();
        let norm = quadratic(model, variance, n, model.folding()).min(bound * n.sqrt());
        // A slot is two real forms of parameter √(n'/2), or one of √n'.
        let canonical = largest(model, (variance * n).sqrt()).min(norm * n.sqrt());
        Self { norm, canonical }
    }

    /// A sum of ternary polynomials.
    fn ternary(model: &NoiseModel, summands: u32) -> Self {
        let summands = summands as f64;
        Self::of(model, TERNARY_VARIANCE * summands, summands)
    }

    /// A sum of Gaussian errors.
    fn error(model: &NoiseModel, summands: u32) -> Self {
        let summands = summands as f64;
        let bound = GAUSSIAN_BOUND as f64 * summands;
        Self::of(model, GAUSSIAN_PARAMETER.powi(2) * summands, bound)
    }

    /// s·e_0 + u·e_1 + e_2 of the two-round relinearisation key.
    fn two_rounds(model: &NoiseModel) -> Self {
        let (s, e) = (
            Self::ternary(model, model.parties()),
            Self::error(model, model.parties()),
        );
        let variance = GAUSSIAN_PARAMETER.powi(2) * model.parties() as f64;
        let trace = model.unfolded() * (2.0 * s.norm.powi(2) + 1.0);
        let operator = model.folding() * (2.0 * s.canonical.powi(2) + 1.0);
        let worst = (2.0 * s.canonical + 1.0) * e.norm;
        Self {
            norm: quadratic(model, variance, trace, operator).min(worst),
            canonical: (2.0 * s.canonical + 1.0) * e.canonical,
        }
    }
}

impl Sealed for ProvenNoise {}

impl Noise for ProvenNoise {
    fn none() -> Self {
        Self::from_norm(Magnitude::ZERO)
    }

    fn rounding(model: &NoiseModel) -> Self {
        let half = Magnitude::of(HALF);
        Self::new(model, half, half * model.unfolded().sqrt())
    }

    fn of_message(_: &NoiseModel, size: Size, fraction: f64) -> Self {
        Self::from_norm(size.bound * fraction)
    }

    fn transform(model: &NoiseModel, size: Size) -> Self {
        // Each layer adds at most 20 roundoffs, twiddle factors included (Higham, Accuracy and
        // Stability of Numerical Algorithms, theorem 24.2).
        Self::of_message(model, size, 20.0 * ROUNDOFF * model.layers())
    }

    fn gaussian(model: &NoiseModel, summands: u32) -> Self {
        let bound = GAUSSIAN_BOUND as f64 * summands as f64;
        let tail = largest(model, GAUSSIAN_PARAMETER * (summands as f64).sqrt());
        let norm = KeyNorms::error(model, summands).norm;
        Self::new(model, Magnitude::of(tail.min(bound)), Magnitude::of(norm))
    }

    fn public_encryption(model: &NoiseModel, owners: u32, encryptors: u32) -> Self {
        let s = KeyNorms::ternary(model, owners);
        let pk = KeyNorms::error(model, owners);
        let error = GAUSSIAN_PARAMETER.powi(2);
        let encryptors = encryptors as f64;
        // One vector (u, e_1, e_0) under a linear map, scaled to unit parameter.
        let sum = |u_pk: f64, e_s: f64| TERNARY_VARIANCE * u_pk + error * (e_s + 1.0);
        let squares = sum(pk.norm.powi(2), s.norm.powi(2));
        let canonical = sum(pk.canonical.powi(2), s.canonical.powi(2));
        let tail = largest(model, (encryptors * model.folding() * squares).sqrt());
        let (trace, operator) = (model.unfolded() * squares, model.folding() * canonical);
        let norm = quadratic(model, encryptors, trace, operator);
        Self::new(model, Magnitude::of(tail), Magnitude::of(norm))
    }

    fn key_switching(model: &NoiseModel, level: usize, key: KeyKind) -> Self {
        let e = match key {
            KeyKind::Relinearisation if model.collective_keys() => KeyNorms::two_rounds(model),
            _ => KeyNorms::error(model, model.parties()),
        };
        // A digit is at most D_j/2 and may depend on the key: only its range counts.
        let digits: Magnitude = model.digits(level).sum::<Magnitude>() * HALF;
        let digits = digits * model.unfolded().sqrt();
        Self::new(model, digits * e.norm, digits * e.canonical)
    }

    fn division(model: &NoiseModel, polynomials: usize) -> Self {
        let s = KeyNorms::ternary(model, model.parties());
        let root = model.unfolded().sqrt();
        let mut largest = 1.0 + root * s.norm;
        let mut norm = root * (1.0 + s.canonical);
        if polynomials > 2 {
            largest += root * s.canonical * s.norm;
            norm += root * s.canonical.powi(2);
        }
        Self::new(
            model,
            Magnitude::of(HALF * largest),
            Magnitude::of(HALF * norm),
        )
    }

    fn flooding(model: &NoiseModel, bits: SmudgingBits, parties: u32) -> Self {
        let width = Magnitude::from_log2(bits.bits() as f64);
        // Uniform on [−a, a] is sub-Gaussian with its own variance a²/3; each has mean −1/2.
        let (parties, mean) = (parties as f64, Magnitude::of(0.5 * parties as f64));
        let tail = width * largest(model, (parties / 3.0).sqrt()) + mean;
        let spread = quadratic(model, parties / 3.0, model.unfolded(), model.folding());
        let norm = width * spread + mean * model.unfolded().sqrt();
        Self::new(model, tail.min(width * parties), norm)
    }

    fn plus(self, other: Self) -> Self {
        Self {
            largest: self.largest + other.largest,
            norm: self.norm + other.norm,
        }
    }

    fn scaled(self, factor: Magnitude) -> Self {
        Self {
            largest: self.largest * factor,
            norm: self.norm * factor,
        }
    }

    fn times_message(self, size: Size) -> Self {
        Self::from_norm(self.norm * size.bound)
    }

    fn times(self, model: &NoiseModel, other: Self) -> Self {
        let root = Magnitude::of(model.unfolded()).sqrt();
        Self::from_norm(self.norm * other.norm * root)
    }
}
