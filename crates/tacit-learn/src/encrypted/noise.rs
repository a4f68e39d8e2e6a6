//! Proven bounds of the noise in what is released, for flooding.
//!
//! All bounds hold except with probability 2^-λ over keys and errors. In the conjugate-invariant ring of degree N a
//! slot is a_0 + 2·Σ a_j cos(jθ): for independent centred coefficients that are sub-Gaussian with parameter σ it is
//! sub-Gaussian with parameter σ·√(2N)·√2 at most, and a coefficient never exceeds the largest slot. With n parties,
//! the tail factor τ = √(2 ln 2·(λ + 2 + log2(slots))) and E = τ·2√N:
//!
//! - a sum of n discrete Gaussians of deviation 3.2: E·3.2·√n per slot;
//! - a sum of n uniform ternary polynomials (bounded by 1, hence sub-Gaussian with parameter 1): E·√n;
//! - a fresh encryption u·e_pk + e_0 + e_1·s: the products of the above;
//! - a refreshed ciphertext: the sum of the parties' fresh errors;
//! - key switching: at most 2^50, far below everything it is added to here (its digits are divided by P).

use tacit_ring::sample::GAUSSIAN_SIGMA;

use tacit_mhe::SmudgingBits;

use super::{EncryptionPlan, WEIGHT_BITS};
use crate::packing::Layout;

/// log2 of the largest standardised feature that a query may hold.
pub(super) const FEATURE_BITS: u32 = 6;

/// log2 of the scale of encrypted moments: wide enough to survive flooding.
pub(super) const MOMENTS_SCALE_BITS: u32 = 150;

/// Generous bound of the noise of a relinearisation or rotation: digit bound × key noise / P plus rounding.
const KEY_SWITCH_BITS: f64 = 50.0;

/// log2 of proven bounds on the largest coefficient of the noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReleaseNoise {
    /// The sum over all parties of freshly encrypted moments.
    pub moments_sum: f64,
    /// A refreshed model.
    pub refreshed_model: f64,
    /// A fresh encryption.
    pub fresh: f64,
    scale_bits: f64,
}

impl EncryptionPlan {
    /// The bounds under this plan.
    pub fn noise(&self) -> ReleaseNoise {
        let slots = self.params.slots() as f64;
        let n = self.parties as f64;
        let failure = f64::from(self.lambda_s) + 2.0 + slots.log2();
        let tail = (2.0 * std::f64::consts::LN_2 * failure).sqrt() * 2.0 * slots.sqrt();
        let gaussian = |count: f64| tail * GAUSSIAN_SIGMA * count.sqrt();
        let ternary = |count: f64| tail * count.sqrt();
        let rounding = slots; // half a unit per coefficient, all aligned
        let fresh =
            ternary(1.0) * gaussian(n) + gaussian(1.0) + gaussian(1.0) * ternary(n) + rounding;
        ReleaseNoise {
            moments_sum: (n * fresh).log2(),
            refreshed_model: gaussian(n).log2(),
            fresh: fresh.log2(),
            scale_bits: f64::from(self.query_scale_bits()),
        }
    }
}

/// A release with its flooding, and what is left of the message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReleaseMargin {
    /// log2 of the proven noise bound.
    pub noise_bits: f64,
    /// Width of every party's flooding.
    pub smudging: SmudgingBits,
    /// log2 of the scale of the released message.
    pub scale_bits: f64,
    /// Bits after the binary point that survive flooding in every slot, up to six deviations.
    pub precision_bits: f64,
}

impl EncryptionPlan {
    /// Answers to at most `answers` queries.
    pub fn answer_margin(&self, layout: &Layout, answers: usize) -> ReleaseMargin {
        let noise = self.noise().answer(layout);
        self.margin(noise, answers, 2.0 * f64::from(self.query_scale_bits()))
    }

    /// The model itself, once.
    pub fn model_margin(&self) -> ReleaseMargin {
        self.margin(
            self.noise().refreshed_model,
            1,
            f64::from(self.query_scale_bits()),
        )
    }

    /// The sums of collective standardisation, once.
    pub fn moments_margin(&self) -> ReleaseMargin {
        self.margin(self.noise().moments_sum, 1, f64::from(MOMENTS_SCALE_BITS))
    }

    fn margin(&self, noise_bits: f64, releases: usize, scale_bits: f64) -> ReleaseMargin {
        let n = self.params.ring().n();
        let smudging = SmudgingBits::covering(noise_bits, self.lambda_s, n, releases as u64);
        // A uniform coefficient has deviation 2^w/sqrt(3); a slot sums 2N of them over all parties.
        let deviation =
            f64::from(smudging.bits()) + 0.5 * (self.parties as f64 * 2.0 * n as f64 / 3.0).log2();
        let precision_bits = scale_bits - deviation - 6f64.log2();
        ReleaseMargin {
            noise_bits,
            smudging,
            scale_bits,
            precision_bits,
        }
    }
}

impl ReleaseNoise {
    /// The answer to a query: (m_w + e_w)(m_x + e_x) summed over the coordinates, with |w| and |x| bounded.
    pub fn answer(&self, layout: &Layout) -> f64 {
        let message = |bits: u32| (self.scale_bits + f64::from(bits)).exp2();
        let (model, query) = (self.refreshed_model.exp2(), self.fresh.exp2());
        let product = message(WEIGHT_BITS) * query + message(FEATURE_BITS) * model + model * query;
        let switched = product + KEY_SWITCH_BITS.exp2();
        (switched * layout.coordinates() as f64).log2()
    }
}
