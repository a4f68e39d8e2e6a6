//! How a classifier is trained.

use super::{Optimiser, Rule};
use crate::error::NnError;

/// The learning rate over time, as a factor of [`Recipe::rate`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// Always 1.
    Constant,
    /// Half a cosine from 1 down to 0 over all steps.
    Cosine,
    /// Linear from 0 over the first `warm_up` share of the steps, then half a cosine down to 0.
    WarmCosine {
        /// Share of all steps, 0…1.
        warm_up: f32,
    },
    /// Multiplied by `factor` after every `epochs` epochs.
    Step {
        /// Epochs between two cuts.
        epochs: usize,
        /// What remains of the rate.
        factor: f32,
    },
}

impl Schedule {
    /// The factor in step `step` of `total`, in epoch `epoch`; all count from 0.
    pub fn factor(&self, step: usize, total: usize, epoch: usize) -> f64 {
        let done = step as f64 / total.max(1) as f64;
        let cosine = |t: f64| 0.5 * (1.0 + (std::f64::consts::PI * t).cos());
        match *self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => cosine(done),
            Schedule::WarmCosine { warm_up } => {
                let warm = f64::from(warm_up);
                if done < warm {
                    (step as f64 + 1.0) / (warm * total.max(1) as f64).max(1.0)
                } else {
                    cosine((done - warm) / (1.0 - warm))
                }
            }
            Schedule::Step { epochs, factor } => {
                f64::from(factor).powi((epoch / epochs.max(1)) as i32)
            }
        }
    }
}

/// How a classifier is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Times every row is used.
    pub epochs: usize,
    /// Rows per step.
    pub batch: usize,
    /// Learning rate before the schedule.
    pub rate: f64,
    /// Update rule.
    pub rule: Rule,
    /// The rate over time.
    pub schedule: Schedule,
    /// Decoupled weight decay.
    pub weight_decay: f32,
    /// Largest norm of a gradient, when limited.
    pub clip: Option<f32>,
    /// Stop after this many epochs without a better validation loss, and return the best network.
    /// Needs validation samples.
    pub patience: Option<usize>,
    /// Of the order of rows and of dropout. Initial weights have their own.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe {
            epochs: 10,
            batch: 128,
            rate: 2e-3,
            rule: Rule::adam(),
            schedule: Schedule::Cosine,
            weight_decay: 0.0,
            clip: None,
            patience: None,
            seed: 0,
        }
    }
}

impl Recipe {
    /// Checks every setting.
    pub fn check(&self) -> Result<(), NnError> {
        let settings = [
            ("batch", self.batch as f64, self.batch > 0, "at least 1"),
            (
                "rate",
                self.rate,
                self.rate > 0.0 && self.rate.is_finite(),
                "positive and finite",
            ),
            (
                "weight_decay",
                f64::from(self.weight_decay),
                self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
                "at least 0 and finite",
            ),
            (
                "clip",
                f64::from(self.clip.unwrap_or(1.0)),
                self.clip.is_none_or(|c| c > 0.0),
                "positive",
            ),
        ];
        match settings.into_iter().find(|s| !s.2) {
            Some((name, value, _, expected)) => Err(NnError::Setting {
                name,
                value,
                expected,
            }),
            None => Ok(()),
        }
    }

    /// The optimiser of this recipe.
    pub fn optimiser(&self) -> Optimiser {
        let optimiser = Optimiser::new(self.rule).with_weight_decay(self.weight_decay);
        match self.clip {
            Some(norm) => optimiser.with_clip(norm),
            None => optimiser,
        }
    }
}
