//! Sizes and momenta of all steps, fixed before training starts: they depend on public numbers
//! only, so nothing about the data is released by choosing them.
//!
//! With `λ̄` a bound on the largest eigenvalue of `XᵀX/n` and `μ̄` the slope of the activation that
//! counts ([`Activation::descent_slope`](crate::activation::Activation::descent_slope)), the loss
//! curves by about `K = μ̄·λ̄ + λ`, and the step is `η = step_factor/K`.
//! One iteration is, with `x` the weights before, `x⁻` those before that,
//!
//! ```text
//! base  = x + β (x − x⁻)
//! point = base (Nesterov) or x (heavy ball)         the gradient is taken here
//! x'    = base − η (g(point) + λ point)
//! ```
//!
//! Both combinations are of refreshed ciphertexts at the top level, so that momentum costs no
//! second refresh; and `β` is a multiple of `1/32`, so that `32·base = (32 + k)·x − k·x⁻` is an
//! integer combination: it adds five bits to the scale, which the next plaintext product takes
//! out again, and no level.

use super::{GlmConfig, Momentum};

/// Momentum factors are multiples of one over this.
pub const MOMENTUM_UNIT: u32 = 32;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// `η`: factor of the mean gradient.
    pub rate: f64,
    /// `k` in `β = k/MOMENTUM_UNIT`.
    pub momentum_units: u32,
    /// `η·λ`: share of the feature weights that decays.
    pub decay: f64,
}

impl Step {
    /// `β`.
    pub fn momentum(&self) -> f64 {
        f64::from(self.momentum_units) / f64::from(MOMENTUM_UNIT)
    }
}

/// All steps of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    steps: Vec<Step>,
    nesterov: bool,
}

impl Schedule {
    pub(super) fn new(config: &GlmConfig, slope: f64, eigenvalue: f64) -> Self {
        let rate = config.step_factor / (slope * eigenvalue + config.l2);
        let momentum = |t: usize| match config.momentum {
            Momentum::None => 0.0,
            // There is no velocity yet at the first step.
            _ if t == 0 => 0.0,
            Momentum::HeavyBall { mu } | Momentum::Nesterov { mu } => mu,
            Momentum::NesterovRamp { cap } => (t as f64 / (t as f64 + 3.0)).min(cap),
        };
        let steps = (0..config.iterations)
            .map(|t| Step {
                rate,
                momentum_units: (momentum(t) * f64::from(MOMENTUM_UNIT)).round() as u32,
                decay: rate * config.l2,
            })
            .collect();
        let nesterov = !matches!(config.momentum, Momentum::HeavyBall { .. });
        Schedule { steps, nesterov }
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether gradients are taken at the extrapolated point.
    pub fn is_nesterov(&self) -> bool {
        self.nesterov
    }
}
