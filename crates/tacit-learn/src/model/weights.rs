//! The model itself, in the clear: in the twin, at a comparison, or after a release the plan
//! allows.

use serde::{Deserialize, Serialize};

use crate::Error;

/// One weight vector per output: `columns` feature weights, then the intercept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    columns: usize,
    values: Vec<f64>,
}

impl Weights {
    /// All zero: where training starts.
    pub fn zero(outputs: usize, columns: usize) -> Self {
        Weights {
            columns,
            values: vec![0.0; outputs * (columns + 1)],
        }
    }

    /// From `outputs` consecutive vectors of `columns + 1` values, intercept last.
    pub fn from_values(columns: usize, values: Vec<f64>) -> Result<Self, Error> {
        if values.is_empty() || !values.len().is_multiple_of(columns + 1) {
            return Err(Error::Shape {
                what: "weights per output (features + intercept)",
                expected: columns + 1,
                found: values.len(),
            });
        }
        Ok(Weights { columns, values })
    }

    /// Number of features.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of weight vectors.
    pub fn outputs(&self) -> usize {
        self.values.len() / (self.columns + 1)
    }

    /// Weight vector of one output, intercept last. Panics when out of range, like a slice.
    pub fn output(&self, output: usize) -> &[f64] {
        &self.values[output * (self.columns + 1)..][..self.columns + 1]
    }

    /// Weight vectors one after the other.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// As [`values`](Self::values), to be changed.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The linear predictor `x·w + intercept` of one output.
    pub fn predictor(&self, output: usize, row: &[f64]) -> f64 {
        let weights = self.output(output);
        let slope: f64 = row.iter().zip(weights).map(|(x, w)| x * w).sum();
        slope + weights[self.columns]
    }

    /// Linear predictors of all outputs for one row, written to `out`.
    pub fn predictors_into(&self, row: &[f64], out: &mut [f64]) {
        for (output, u) in out.iter_mut().enumerate() {
            *u = self.predictor(output, row);
        }
    }

    /// Largest difference between corresponding weights.
    pub fn max_abs_diff(&self, other: &Self) -> Result<f64, Error> {
        if self.values.len() != other.values.len() {
            return Err(Error::Shape {
                what: "number of weights",
                expected: self.values.len(),
                found: other.values.len(),
            });
        }
        Ok(self
            .values
            .iter()
            .zip(&other.values)
            .fold(0.0, |m, (a, b)| m.max((a - b).abs())))
    }
}
