//! λ over time.

use crate::error::{SplitError, setting};
use serde::{Deserialize, Serialize};

/// λ grows linearly from 0 over a first share of the steps, then stays.
///
/// A deployed network meets penalty and noise unprepared. At full strength from the first step, the
/// penalty draws wide maps into one point before cross-entropy can hold the classes apart; at the full
/// learning rate, the first steps silence rectified units for good, and classes that then lie on both
/// sides of others never come together. So both grow over this share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WarmUp {
    /// Share of all steps, 0…1.
    pub share: f32,
}

impl WarmUp {
    /// The factor of λ in step `step` of `steps`, counted from 0.
    pub fn factor(&self, step: usize, steps: usize) -> f32 {
        let warm = self.share * steps as f32;
        if warm < 1.0 {
            1.0
        } else {
            ((step as f32 + 1.0) / warm).min(1.0)
        }
    }

    /// Checks the share.
    pub fn check(&self) -> Result<(), SplitError> {
        setting(
            "warm-up share",
            f64::from(self.share),
            (0.0..=1.0).contains(&self.share),
            "between 0 and 1",
        )
    }
}
