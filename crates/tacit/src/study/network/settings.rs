//! Settings of trainings that did well on a part of the training rows.

use tacit_learn::neural::{MlpConfig, PolynomialActivation, Rate, StepMomentum};

use crate::Error;
use crate::error::Context;

/// What a training is set to, beside its layers.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Samples per party and iteration.
    pub batch: usize,
    /// Gradient steps.
    pub iterations: usize,
    /// Step size: held for half of the iterations, then on a line to 0.
    pub rate: f64,
    /// Heavy ball.
    pub momentum: f64,
    /// Weight decay.
    pub decay: f64,
    /// Output wanted of a sample's own class.
    pub target: f64,
    /// c of the activation u/2 + c·u².
    pub curvature: f64,
    /// Spread of the initial weights.
    pub gain: f64,
}

impl Settings {
    /// For images of digits.
    pub const DIGITS: Self = Self {
        batch: 64,
        iterations: 300,
        rate: 0.3,
        momentum: 0.9,
        decay: 0.0,
        target: 3.0,
        curvature: 0.2,
        gain: 1.4,
    };

    /// For tables of standardised columns, whose values reach further than pixels.
    pub const TABLE: Self = Self {
        batch: 16,
        iterations: 60,
        rate: 0.05,
        momentum: 0.9,
        decay: 0.0,
        target: 1.0,
        curvature: 0.1,
        gain: 1.0,
    };

    /// For [`Source::breast_cancer`](crate::study::Source::breast_cancer).
    pub const BREAST_CANCER: Self = Self {
        iterations: 30,
        rate: 0.02,
        decay: 0.01,
        target: 3.0,
        ..Self::TABLE
    };

    /// For [`Source::credit_default`](crate::study::Source::credit_default).
    pub const CREDIT_DEFAULT: Self = Self {
        iterations: 150,
        rate: 0.1,
        target: 2.0,
        curvature: 0.15,
        gain: 0.5,
        ..Self::TABLE
    };

    /// The training of a network of the given widths.
    pub fn config(&self, layers: &[usize], seed: u64) -> Result<MlpConfig, Error> {
        let set = || "the training cannot be configured like this";
        // As many columns as there are neurons guard the others, so wide layers need the larger ring.
        let widest = layers.iter().skip(1).copied().max().unwrap_or(1);
        let config = MlpConfig {
            slots: if widest <= 64 { 1 << 14 } else { 1 << 15 },
            batch: self.batch,
            iterations: self.iterations,
            activation: PolynomialActivation::quadratic(0.0, 0.5, self.curvature).bad_input(set)?,
            rate: Rate::Plateau {
                from: self.rate,
                hold: 0.5,
                to: 0.0,
            },
            momentum: StepMomentum::HeavyBall { mu: self.momentum },
            weight_decay: self.decay,
            target: self.target,
            gain: self.gain,
            seed,
            ..MlpConfig::new(layers)
        };
        config.validate().bad_input(set)?;
        Ok(config)
    }
}
