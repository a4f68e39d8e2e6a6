//! One party's contribution to collective moments.

use serde::{Deserialize, Serialize};

use super::Reference;
use crate::error::DataError;
use crate::table::Table;

/// What may be released, agreed in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReleasePolicy {
    /// A party with fewer rows does not contribute.
    pub min_rows_per_site: u64,
    /// Means are rounded to sd·2^−bits (sd rounded down to a power of two), standard deviations to
    /// this many significant bits. 1 to 20.
    pub precision_bits: u32,
    /// Standardised values are clipped to ± this many standard deviations.
    pub clip: f64,
    /// Public number of rows by which vectors are divided before encryption, so that their entries
    /// are around 1.
    pub unit_rows: f64,
}

impl Default for ReleasePolicy {
    fn default() -> ReleasePolicy {
        ReleasePolicy {
            min_rows_per_site: 20,
            precision_bits: 5,
            clip: 4.0,
            unit_rows: 1.0,
        }
    }
}

impl ReleasePolicy {
    /// Checks the ranges of all fields.
    pub fn check(&self) -> Result<(), DataError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let bad = |what, value, expected| {
            Err(DataError::Parameter {
                what,
                value,
                expected,
            })
        };
        if self.min_rows_per_site < 2 {
            let value = self.min_rows_per_site as f64;
            return bad(
                "min_rows_per_site",
                value,
                "at least 2; one row is no statistic",
            );
        }
        if !(1..=20).contains(&self.precision_bits) {
            return bad("precision_bits", self.precision_bits.into(), "1 to 20");
        }
        if !positive(self.clip) {
            return bad("clip", self.clip, "a positive finite number, such as 4");
        }
        if !positive(self.unit_rows) {
            return bad("unit_rows", self.unit_rows, "a positive finite number");
        }
        Ok(())
    }
}

/// Row count, sums and sums of squares of one party's table about a public reference. Private:
/// `Debug` shows nothing, and the numbers leave only through [`to_vector`](Self::to_vector), to be
/// encrypted.
pub struct LocalMoments {
    rows: u64,
    sums: Vec<f64>,
    squares: Vec<f64>,
    clipped: Vec<u64>,
}

impl std::fmt::Debug for LocalMoments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalMoments(…)")
    }
}

impl LocalMoments {
    /// The moments of a table.
    pub fn of(table: &Table, reference: &Reference) -> Result<LocalMoments, DataError> {
        let d = table.columns();
        if reference.columns() != d {
            let what = "columns of the reference";
            return Err(DataError::Length {
                what,
                expected: d,
                found: reference.columns(),
            });
        }
        let mut moments = LocalMoments {
            rows: table.rows() as u64,
            sums: vec![0.0; d],
            squares: vec![0.0; d],
            clipped: vec![0; d],
        };
        for row in table.iter_rows() {
            for (j, &x) in row.iter().enumerate() {
                let (u, clipped) = reference.view(j, x);
                moments.sums[j] += u;
                moments.squares[j] += u * u;
                moments.clipped[j] += u64::from(clipped);
            }
        }
        Ok(moments)
    }

    /// How many values of each feature lay outside the public range; for the owner's eyes.
    pub fn clipped(&self) -> &[u64] {
        &self.clipped
    }

    /// (n, Σu₁ … Σu_d, Σu₁² … Σu_d²)/unit_rows, to be encrypted and summed. Refuses when the party
    /// has too few rows to hide in.
    pub fn to_vector(&self, policy: &ReleasePolicy) -> Result<Vec<f64>, DataError> {
        policy.check()?;
        if self.rows < policy.min_rows_per_site {
            return Err(DataError::TooFewRows {
                source_name: "this party's cohort".into(),
                rows: self.rows,
                needed: policy.min_rows_per_site,
                after: " to contribute to released statistics".into(),
                remedy: "use public ranges instead, widen the cohort, or agree on another `min_rows_per_site`",
            });
        }
        let all =
            std::iter::once(self.rows as f64).chain(self.sums.iter().chain(&self.squares).copied());
        let vector: Vec<f64> = all.map(|v| v / policy.unit_rows).collect();
        match vector.iter().find(|v| !v.is_finite()) {
            Some(&value) => Err(DataError::Aggregate {
                what: "a local sum".into(),
                value,
                remedy: "choose a reference centre and scale closer to the values",
            }),
            None => Ok(vector),
        }
    }
}
