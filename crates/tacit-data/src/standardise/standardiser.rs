//! The public map from raw to standardised features.

use serde::{Deserialize, Serialize};

use super::{Reference, ReleasePolicy};
use crate::error::DataError;
use crate::schema::first_difference;
use crate::table::Table;

/// A variance below this share of the mean square about the reference counts as zero: it is within
/// the error of encrypted sums.
const VARIANCE_FLOOR: f64 = 1e-6;

/// Slack for encrypted sums when they are checked against what is possible.
const SLACK: f64 = 1e-3;

/// Subtracts a public centre, divides by a public scale, clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Standardiser {
    names: Vec<String>,
    centre: Vec<f64>,
    scale: Vec<f64>,
    clip: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    names: Vec<String>,
    centre: Vec<f64>,
    scale: Vec<f64>,
    clip: f64,
}

impl TryFrom<Parts> for Standardiser {
    type Error = DataError;

    fn try_from(parts: Parts) -> Result<Standardiser, DataError> {
        let Parts {
            names,
            centre,
            scale,
            clip,
        } = parts;
        let reference = Reference::new(centre, scale)?;
        Standardiser::new(&names, reference.centre, reference.scale, clip)
    }
}

/// How many values a standardiser clipped, by feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipReport {
    /// Clipped values of each feature.
    pub by_column: Vec<u64>,
    /// Rows looked at.
    pub rows: u64,
}

impl ClipReport {
    /// All clipped values.
    pub fn total(&self) -> u64 {
        self.by_column.iter().sum()
    }

    /// Share of values clipped, 0 to 1.
    pub fn share(&self) -> f64 {
        self.total() as f64 / (self.rows * self.by_column.len() as u64).max(1) as f64
    }
}

impl Standardiser {
    fn new(
        names: &[String],
        centre: Vec<f64>,
        scale: Vec<f64>,
        clip: f64,
    ) -> Result<Self, DataError> {
        if names.len() != centre.len() {
            let (expected, found) = (centre.len(), names.len());
            return Err(DataError::Length {
                what: "names of a standardiser",
                expected,
                found,
            });
        }
        if !(clip.is_finite() && clip > 0.0) {
            let expected = "a positive finite number";
            return Err(DataError::Parameter {
                what: "clip",
                value: clip,
                expected,
            });
        }
        Ok(Standardiser {
            names: names.to_vec(),
            centre,
            scale,
            clip,
        })
    }

    /// From public ranges (low, high), one per feature: the range becomes [−1, 1] and values
    /// outside are clipped to it. Releases nothing about anyone's data.
    ///
    /// ```
    /// use tacit_data::Standardiser;
    ///
    /// let names = ["age".to_string()];
    /// let standardiser = Standardiser::from_ranges(&names, &[(0.0, 100.0)])?;
    /// assert_eq!(standardiser.apply_row(&[75.0])?, [0.5]);
    /// assert_eq!(standardiser.apply_row(&[130.0])?, [1.0]);
    /// # Ok::<(), tacit_data::DataError>(())
    /// ```
    pub fn from_ranges(names: &[String], ranges: &[(f64, f64)]) -> Result<Standardiser, DataError> {
        let reference = Reference::from_ranges(ranges)?;
        Standardiser::new(names, reference.centre, reference.scale, 1.0)
    }

    /// From the sum of all parties' [vectors](super::LocalMoments::to_vector), which is all this
    /// function sees. Figures are rounded as the policy says; a feature that is constant over all
    /// parties is an error.
    pub fn from_aggregate(
        names: &[String],
        reference: &Reference,
        policy: &ReleasePolicy,
        parties: usize,
        sums: &[f64],
    ) -> Result<Standardiser, DataError> {
        policy.check()?;
        let d = reference.columns();
        if names.len() != d {
            let what = "names beside the reference";
            return Err(DataError::Length {
                what,
                expected: d,
                found: names.len(),
            });
        }
        if sums.len() != 1 + 2 * d {
            let what = "aggregated moments (1 + 2 × features)";
            return Err(DataError::Length {
                what,
                expected: 1 + 2 * d,
                found: sums.len(),
            });
        }
        let impossible = |what: String, value: f64| {
            let remedy = "the aggregate is damaged, or parties used different references or units; do not use it";
            Err(DataError::Aggregate {
                what,
                value,
                remedy,
            })
        };
        if let Some(i) = sums.iter().position(|v| !v.is_finite()) {
            return impossible(format!("entry {i}"), sums[i]);
        }
        let rows = sums[0] * policy.unit_rows;
        let needed = policy
            .min_rows_per_site
            .saturating_mul(parties.max(1) as u64);
        if rows < needed as f64 * (1.0 - SLACK) {
            return Err(DataError::TooFewRows {
                source_name: "aggregate of all parties".into(),
                rows: rows.max(0.0) as u64,
                needed,
                after: format!(" from {parties} parties"),
                remedy: "a party contributed less than it should; use public ranges instead",
            });
        }
        let (mut centre, mut scale) = (Vec::with_capacity(d), Vec::with_capacity(d));
        for (j, name) in names.iter().enumerate() {
            let mean = sums[1 + j] / sums[0];
            let square = sums[1 + d + j] / sums[0];
            if square < -SLACK
                || (reference.clip && (square > 1.0 + SLACK || mean.abs() > 1.0 + SLACK))
            {
                return impossible(
                    format!("mean square of {name:?} in its public range"),
                    square,
                );
            }
            let variance = square - mean * mean;
            if variance < -SLACK * (1.0 + square) {
                return impossible(format!("variance of {name:?}"), variance);
            }
            if variance <= VARIANCE_FLOOR * square.max(f64::MIN_POSITIVE) {
                return Err(DataError::ConstantColumn {
                    source_name: "aggregate of all parties".into(),
                    column: name.clone(),
                    value: format!("variance {variance:e} about the reference"),
                });
            }
            let (mean, sd) = rounded(mean, variance.sqrt(), policy.precision_bits);
            centre.push(reference.centre[j] + reference.scale[j] * mean);
            scale.push(reference.scale[j] * sd);
        }
        Standardiser::new(names, centre, scale, policy.clip)
    }

    /// Standardises a table and reports how much was clipped.
    pub fn apply(&self, table: &Table) -> Result<(Table, ClipReport), DataError> {
        if table.names() != self.names {
            return Err(DataError::SchemaMismatch {
                party: "this table".into(),
                difference: first_difference(&self.names, table.names()),
            });
        }
        let mut report = ClipReport {
            by_column: vec![0; self.names.len()],
            rows: table.rows() as u64,
        };
        let mut features = Vec::with_capacity(table.features().len());
        for row in table.iter_rows() {
            for (j, &x) in row.iter().enumerate() {
                let (value, clipped) = self.map(j, x);
                report.by_column[j] += u64::from(clipped);
                features.push(value);
            }
        }
        Ok((table.with_features(features), report))
    }

    /// Standardises one row, as a querier does.
    pub fn apply_row(&self, row: &[f64]) -> Result<Vec<f64>, DataError> {
        if row.len() != self.names.len() {
            let (expected, found) = (self.names.len(), row.len());
            return Err(DataError::Length {
                what: "features of a row",
                expected,
                found,
            });
        }
        if let Some(j) = row.iter().position(|v| !v.is_finite()) {
            return Err(DataError::NotFinite {
                place: Box::new(crate::Place {
                    source: "query".into(),
                    row: 1,
                    line: None,
                }),
                column: self.names[j].clone(),
                value: row[j].to_string(),
            });
        }
        Ok(row
            .iter()
            .enumerate()
            .map(|(j, &x)| self.map(j, x).0)
            .collect())
    }

    /// Feature names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What is subtracted from each feature.
    pub fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// What each feature is divided by.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Standardised values lie within ± this.
    pub fn clip(&self) -> f64 {
        self.clip
    }

    fn map(&self, j: usize, x: f64) -> (f64, bool) {
        let value = (x - self.centre[j]) / self.scale[j];
        if value.abs() > self.clip {
            (self.clip.copysign(value), true)
        } else {
            (value, false)
        }
    }
}

/// Mean to a grid of 2^(⌊log₂ sd⌋−bits), standard deviation to `bits` significant bits.
fn rounded(mean: f64, sd: f64, bits: u32) -> (f64, f64) {
    let exponent = libm::ilogb(sd);
    let grid = libm::ldexp(1.0, exponent - bits as i32);
    let sd_grid = libm::ldexp(1.0, exponent + 1 - bits as i32);
    (
        (mean / grid).round() * grid,
        (sd / sd_grid).round() * sd_grid,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_the_stated_bits() {
        assert_eq!(rounded(0.1234, 0.3, 3), (0.125, 0.3125));
        assert_eq!(rounded(-7.0, 1.0, 1), (-7.0, 1.0));
        for sd in [1e-3, 0.7, 1.0, 3.99, 1e6] {
            let (mean, coarse) = rounded(0.77 * sd, sd, 5);
            assert!((coarse / sd - 1.0).abs() <= 1.0 / 32.0);
            assert!((mean - 0.77 * sd).abs() <= sd / 64.0);
        }
    }

    #[test]
    fn a_stored_standardiser_is_checked_when_it_is_read() {
        let names = ["a".to_owned(), "b".to_owned()];
        let good = Standardiser::from_ranges(&names, &[(0.0, 1.0), (-2.0, 2.0)]).unwrap();
        let json = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<Standardiser>(&json).unwrap(), good);
        for (from, to) in [
            ("[0.5,2.0]", "[0.5]"),
            ("[0.5,2.0]", "[0.5,0.0]"),
            ("\"b\"", "\"b\",\"c\""),
            ("1.0}", "-1.0}"),
        ] {
            assert!(json.contains(from), "{json} {from}");
            assert!(
                serde_json::from_str::<Standardiser>(&json.replace(from, to)).is_err(),
                "{to}"
            );
        }
    }
}
