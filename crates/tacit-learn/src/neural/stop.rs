//! The rule of an early stop.

use serde::{Deserialize, Serialize};

/// A public rule by which training stops early, on errors that are released to all.
///
/// What is released every `every` iterations is one number, the mean over the batches of all parties of half the
/// squared errors of the outputs, before the step. It says how well the model fits rows of the training set; it is decided
/// from what everybody sees, so everybody stops at the same iteration.
///
/// ```
/// use tacit_learn::neural::EarlyStop;
///
/// let rule = EarlyStop { every: 10, patience: 2, improvement: 0.1 };
/// assert!(!rule.stops(&[1.0, 0.8, 0.79]));
/// assert!(rule.stops(&[1.0, 0.8, 0.79, 0.75]));
/// assert!(!rule.stops(&[1.0, 0.8, 0.79, 0.7]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStop {
    /// Iterations between two releases.
    pub every: usize,
    /// Releases in a row without an improvement after which training stops.
    pub patience: usize,
    /// The part by which an error must be below the best before to be an improvement.
    pub improvement: f64,
}

impl EarlyStop {
    /// Whether an error is released after iteration `t`.
    pub fn releases_after(&self, t: usize) -> bool {
        (t + 1).is_multiple_of(self.every.max(1))
    }

    /// Whether training stops after these released errors.
    pub fn stops(&self, released: &[f64]) -> bool {
        let (mut best, mut waited) = (f64::INFINITY, 0);
        for &error in released {
            // What is no number is no improvement.
            if error < best * (1.0 - self.improvement) {
                (best, waited) = (error, 0);
            } else {
                waited += 1;
            }
        }
        waited >= self.patience
    }
}
