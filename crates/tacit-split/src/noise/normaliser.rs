//! Mean 0 and deviation 1, per feature or per channel.

use crate::error::SplitError;
use serde::{Deserialize, Serialize};
use tacit_nn::Matrix;
use tacit_nn::burn::tensor::{Device, Tensor, TensorData};

/// Deviations below this share of the largest are raised to it, so that a feature that is silent on
/// training rows stays silent rather than loud.
const LEAST: f32 = 1e-3;
/// Added to a variance under a root, so that a silent feature has a gradient of zero, not none.
const TINY: f32 = 1e-10;

/// u = (x − m)/s, with m and s shared by each run of `span` features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normaliser {
    /// How many neighbouring features share a mean: 1, or the pixels of a map.
    pub span: usize,
    /// m.
    pub means: Vec<f32>,
    /// s, positive.
    pub deviations: Vec<f32>,
}

impl Normaliser {
    /// The moments of rows.
    pub fn fit(rows: &Matrix, span: usize) -> Result<Self, SplitError> {
        let mut moments = RunningMoments::new(rows.columns(), span, 1.0)?;
        moments.update(rows.values());
        Ok(moments.normaliser())
    }

    /// How many features it takes.
    pub fn features(&self) -> usize {
        self.span * self.means.len()
    }

    /// Checks lengths and numbers, as after reading.
    pub fn check(&self) -> Result<(), SplitError> {
        if self.span == 0 || self.means.is_empty() || self.means.len() != self.deviations.len() {
            return Err(SplitError::Shape {
                what: "deviations of the normaliser, one per mean",
                expected: self.means.len().max(1),
                found: self.deviations.len(),
            });
        }
        let finite = |v: &&f32| !v.is_finite();
        let bad = self.means.iter().find(finite).or_else(|| {
            let mut all = self.deviations.iter();
            all.find(|s| !s.is_finite() || **s <= 0.0)
        });
        match bad {
            None => Ok(()),
            Some(value) => Err(SplitError::Setting {
                name: "mean or deviation of the normaliser",
                value: f64::from(*value),
                expected: "finite, and deviations positive",
            }),
        }
    }

    fn spread(&self, values: &[f32]) -> Vec<f32> {
        let each = values
            .iter()
            .flat_map(|v| std::iter::repeat_n(*v, self.span));
        each.collect()
    }

    /// m and s as rows that broadcast over a batch.
    pub fn tensors(&self, device: &Device) -> (Tensor<2>, Tensor<2>) {
        let row = |values: &[f32]| {
            let values = self.spread(values);
            let width = values.len();
            Tensor::<2>::from_data(TensorData::new(values, [1, width]), device)
        };
        (row(&self.means), row(&self.deviations))
    }

    /// The same numbers as [`Normaliser::tensors`], with the gradient that mean and deviation of the
    /// batch `x` have: a loss of u then does not change when x is stretched or moved, so training
    /// has no reason to shrink features instead of what varies within a class, nor to outgrow noise.
    pub(crate) fn tensors_of(&self, x: &Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let [rows, features] = x.dims();
        let groups = self.means.len();
        let runs = x.clone().reshape([rows, groups, self.span]);
        let mean = runs.clone().mean_dims(&[0, 2]);
        let square = (runs - mean.clone()).powi_scalar(2);
        let deviation = (square.mean_dims(&[0, 2]) + TINY).sqrt();
        let row = |moment: Tensor<3>| {
            let each = moment.expand([1, groups, self.span]);
            each.reshape([1, features])
        };
        let (means, deviations) = self.tensors(&x.device());
        (
            means + row(mean.clone() - mean.detach()),
            deviations * row(deviation.clone() / deviation.detach()),
        )
    }

    /// u of x.
    pub fn normalise(&self, rows: &Matrix) -> Result<Matrix, SplitError> {
        self.each(rows, |x, m, s| (x - m) / s)
    }

    /// x of u.
    pub fn restore(&self, rows: &Matrix) -> Result<Matrix, SplitError> {
        self.each(rows, |u, m, s| u * s + m)
    }

    fn each(&self, rows: &Matrix, f: impl Fn(f32, f32, f32) -> f32) -> Result<Matrix, SplitError> {
        if rows.columns() != self.features() {
            return Err(SplitError::Shape {
                what: "features of a row, those of the normaliser",
                expected: self.features(),
                found: rows.columns(),
            });
        }
        let (means, deviations) = (self.spread(&self.means), self.spread(&self.deviations));
        let mut values = Vec::with_capacity(rows.values().len());
        for row in rows.iter() {
            let moments = means.iter().zip(&deviations);
            values.extend(row.iter().zip(moments).map(|(v, (m, s))| f(*v, *m, *s)));
        }
        Ok(Matrix::new(rows.rows(), rows.columns(), values)?)
    }
}

/// Moments that follow features while they are trained: an exponential mean over batches.
#[derive(Debug, Clone)]
pub struct RunningMoments {
    span: usize,
    rate: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    seen: bool,
}

impl RunningMoments {
    /// Nothing seen; `rate` is the weight of a new batch.
    pub fn new(features: usize, span: usize, rate: f64) -> Result<Self, SplitError> {
        if span == 0 || features == 0 || !features.is_multiple_of(span) {
            return Err(SplitError::Shape {
                what: "features that share a mean, a divisor of all features",
                expected: features,
                found: span,
            });
        }
        let groups = features / span;
        Ok(RunningMoments {
            span,
            rate,
            first: vec![0.0; groups],
            second: vec![0.0; groups],
            seen: false,
        })
    }

    /// Takes in a batch of raw features.
    pub fn update(&mut self, values: &[f32]) {
        let groups = self.first.len();
        let (mut first, mut second) = (vec![0.0; groups], vec![0.0; groups]);
        let mut runs = 0usize;
        for (i, run) in values.chunks_exact(self.span).enumerate() {
            runs += 1;
            let group = i % groups;
            for v in run {
                first[group] += f64::from(*v);
                second[group] += f64::from(*v) * f64::from(*v);
            }
        }
        let n = (runs / groups.max(1) * self.span) as f64;
        if n == 0.0 {
            return;
        }
        let rate = if self.seen { self.rate } else { 1.0 };
        self.seen = true;
        for (old, new) in self.first.iter_mut().zip(first) {
            *old += rate * (new / n - *old);
        }
        for (old, new) in self.second.iter_mut().zip(second) {
            *old += rate * (new / n - *old);
        }
    }

    /// The normaliser of what was seen.
    pub fn normaliser(&self) -> Normaliser {
        let variances = self.first.iter().zip(&self.second);
        let raw: Vec<f32> = variances
            .map(|(m, q)| (q - m * m).max(0.0).sqrt() as f32)
            .collect();
        let least = (raw.iter().copied().fold(0.0, f32::max) * LEAST).max(1e-6);
        Normaliser {
            span: self.span,
            means: self.first.iter().map(|m| *m as f32).collect(),
            deviations: raw.into_iter().map(|s| s.max(least)).collect(),
        }
    }

    /// The largest deviation of any feature.
    pub fn widest(&self) -> f64 {
        let variances = self.first.iter().zip(&self.second);
        variances
            .map(|(m, q)| (q - m * m).max(0.0).sqrt())
            .fold(0.0, f64::max)
    }
}
