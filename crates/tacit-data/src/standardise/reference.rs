//! The public point of view from which moments are taken.

use serde::{Deserialize, Serialize};

use crate::error::DataError;

/// A public centre and scale per feature. Values are looked at as u = (x − centre)/scale, which
/// keeps sums small enough for fixed-point encryption and differences of large numbers accurate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Reference {
    pub(super) centre: Vec<f64>,
    pub(super) scale: Vec<f64>,
    /// Whether u is clipped to [−1, 1], so that no row can contribute more.
    pub(super) clip: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    centre: Vec<f64>,
    scale: Vec<f64>,
    clip: bool,
}

impl TryFrom<Parts> for Reference {
    type Error = DataError;

    fn try_from(parts: Parts) -> Result<Reference, DataError> {
        let Parts {
            centre,
            scale,
            clip,
        } = parts;
        Reference {
            centre,
            scale,
            clip,
        }
        .checked()
    }
}

impl Reference {
    /// Plain centres and scales, without clipping: a row's contribution is not bounded, and what
    /// carries the sums must have room for it.
    pub fn new(centre: Vec<f64>, scale: Vec<f64>) -> Result<Reference, DataError> {
        Reference {
            centre,
            scale,
            clip: false,
        }
        .checked()
    }

    /// Public ranges (low, high): the centre is the middle, the scale half the width, and values
    /// outside are clipped to the range.
    pub fn from_ranges(ranges: &[(f64, f64)]) -> Result<Reference, DataError> {
        Reference {
            centre: ranges
                .iter()
                .map(|(low, high)| low + (high - low) / 2.0)
                .collect(),
            scale: ranges
                .iter()
                .map(|(low, high)| (high - low) / 2.0)
                .collect(),
            clip: true,
        }
        .checked()
    }

    /// Number of features.
    pub fn columns(&self) -> usize {
        self.centre.len()
    }

    /// u for one value of feature j, and whether it was clipped.
    pub(super) fn view(&self, j: usize, x: f64) -> (f64, bool) {
        let u = (x - self.centre[j]) / self.scale[j];
        if self.clip && u.abs() > 1.0 {
            (u.signum(), true)
        } else {
            (u, false)
        }
    }

    fn checked(self) -> Result<Reference, DataError> {
        if self.scale.len() != self.centre.len() {
            return Err(DataError::Length {
                what: "scales of a reference",
                expected: self.centre.len(),
                found: self.scale.len(),
            });
        }
        if self.centre.is_empty() {
            return Err(DataError::Length {
                what: "reference",
                expected: 1,
                found: 0,
            });
        }
        for (&centre, &scale) in self.centre.iter().zip(&self.scale) {
            if !centre.is_finite() {
                let expected = "a finite number";
                return Err(DataError::Parameter {
                    what: "reference centre",
                    value: centre,
                    expected,
                });
            }
            if !(scale.is_normal() && scale > 0.0) {
                let expected = "a positive finite number; a range needs low < high";
                return Err(DataError::Parameter {
                    what: "reference scale",
                    value: scale,
                    expected,
                });
            }
        }
        Ok(self)
    }
}
