//! Gaussian, Laplace and Bernoulli samples from ChaCha20.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// A stream of samples of one seed.
pub(crate) struct Stream {
    rng: ChaCha20Rng,
    /// Box–Muller makes samples in pairs.
    spare: Option<f64>,
}

impl Stream {
    pub(crate) fn seeded(seed: &[u8; 32]) -> Self {
        Stream {
            rng: ChaCha20Rng::from_seed(*seed),
            spare: None,
        }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in (0, 1), an odd multiple of 2⁻⁵⁴.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.rng.next_u64() >> 11) as f64 + 0.5) * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Standard normal.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }

    /// Laplace of variance 1.
    pub(crate) fn laplace(&mut self) -> f64 {
        let u = self.uniform() - 0.5;
        -(1.0 - 2.0 * u.abs()).max(f64::MIN_POSITIVE).ln()
            * u.signum()
            * std::f64::consts::FRAC_1_SQRT_2
    }
}
