//! What the noise is on average.

use super::estimate::{Noise, Size};
use super::magnitude::Magnitude;
use super::model::{KeyKind, NoiseModel, ROUNDOFF, TERNARY_VARIANCE};
use super::{SmudgingBits, sealed::Sealed};
use tacit_ring::RingKind;
use tacit_ring::sample::GAUSSIAN_SIGMA;

/// The standard deviation of the coefficients of the error, as if all errors were independent.
///
/// For *precision* only: it is an average, and a release must not be flooded by it. There is no way
/// from this type to [`ProvenNoise`](super::ProvenNoise).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeuristicNoise {
    deviation: Magnitude,
}

impl HeuristicNoise {
    /// log2 of the standard deviation of a coefficient of the error.
    pub fn log2_deviation(&self) -> f64 {
        self.deviation.log2()
    }

    /// log2 of the standard deviation of the error of a slot, before division by the scale: the
    /// root mean square of its absolute value, √N (standard) or √(2N) times that of a coefficient.
    pub fn log2_slot_deviation(&self, model: &NoiseModel) -> f64 {
        (self.deviation * Magnitude::of(model.unfolded()).sqrt()).log2()
    }

    fn from_variance(variance: f64) -> Self {
        Self {
            deviation: Magnitude::of(variance).sqrt(),
        }
    }
}

/// Variance of a coefficient of a product of two elements with coefficients of variance a and b.
fn product(model: &NoiseModel, a: f64, b: f64) -> f64 {
    model.unfolded() * a * b
}

fn secret_variance(model: &NoiseModel) -> f64 {
    TERNARY_VARIANCE * model.parties() as f64
}

fn key_error_variance(model: &NoiseModel) -> f64 {
    GAUSSIAN_SIGMA * GAUSSIAN_SIGMA * model.parties() as f64
}

impl Sealed for HeuristicNoise {}

impl Noise for HeuristicNoise {
    fn none() -> Self {
        Self {
            deviation: Magnitude::ZERO,
        }
    }

    fn rounding(_: &NoiseModel) -> Self {
        Self::from_variance(1.0 / 12.0)
    }

    fn of_message(model: &NoiseModel, size: Size, fraction: f64) -> Self {
        Self {
            deviation: size.rms * fraction / Magnitude::of(model.unfolded()).sqrt(),
        }
    }

    fn transform(model: &NoiseModel, size: Size) -> Self {
        Self::of_message(model, size, ROUNDOFF * model.layers().sqrt())
    }

    fn gaussian(_: &NoiseModel, summands: u32) -> Self {
        Self::from_variance(GAUSSIAN_SIGMA * GAUSSIAN_SIGMA * summands as f64)
    }

    fn public_encryption(model: &NoiseModel, owners: u32, encryptors: u32) -> Self {
        let error = GAUSSIAN_SIGMA * GAUSSIAN_SIGMA;
        let u_pk = product(model, TERNARY_VARIANCE, error * owners as f64);
        let e_s = product(model, error, TERNARY_VARIANCE * owners as f64);
        Self::from_variance(encryptors as f64 * (u_pk + e_s + error))
    }

    fn key_switching(model: &NoiseModel, level: usize, key: KeyKind) -> Self {
        let e = key_error_variance(model);
        let variance = match key {
            KeyKind::Relinearisation if model.collective_keys() => {
                e + 2.0 * product(model, secret_variance(model), e)
            }
            _ => e,
        };
        let digits: Magnitude = model.digits(level).map(Magnitude::squared).sum();
        Self {
            deviation: (digits * (product(model, variance, 1.0) / 12.0)).sqrt(),
        }
    }

    fn division(model: &NoiseModel, polynomials: usize) -> Self {
        let s = secret_variance(model);
        let mut variance = 1.0 + product(model, s, 1.0);
        if polynomials > 2 {
            // The fourth moment of a slot of s, a complex or a real Gaussian, over its variance squared.
            let moment = match model.params().ring().kind() {
                RingKind::Standard => 2.0,
                RingKind::ConjugateInvariant => 3.0,
            };
            variance += moment * product(model, s, 1.0).powi(2);
        }
        Self::from_variance(variance / 12.0)
    }

    fn flooding(_: &NoiseModel, bits: SmudgingBits, parties: u32) -> Self {
        let width = Magnitude::from_log2(bits.bits() as f64);
        Self {
            deviation: width * (parties as f64 / 3.0).sqrt(),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            deviation: self.deviation.hypot(other.deviation),
        }
    }

    fn scaled(self, factor: Magnitude) -> Self {
        Self {
            deviation: self.deviation * factor,
        }
    }

    fn times_message(self, size: Size) -> Self {
        self.scaled(size.rms)
    }

    fn times(self, model: &NoiseModel, other: Self) -> Self {
        Self {
            deviation: self.deviation * other.deviation * Magnitude::of(model.unfolded()).sqrt(),
        }
    }
}
