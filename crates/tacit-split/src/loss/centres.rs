//! One centre per public class.

use super::{Penalty, Spread};
use crate::error::{SplitError, setting};
use tacit_nn::burn::tensor::{Tensor, TensorData};

/// What keeps a norm or a sum of distances off zero.
const EPSILON: f32 = 1e-6;

/// The centres of the classes in normalised features, and the spread around them.
#[derive(Debug, Clone)]
pub struct Centres {
    features: usize,
    values: Vec<f32>,
    alpha: f32,
    spread: Spread,
}

impl Centres {
    /// Centres at given places, one row per class; `alpha` is the share of Δc that is applied.
    pub fn at(places: Vec<Vec<f32>>, alpha: f32) -> Result<Self, SplitError> {
        setting(
            "alpha",
            f64::from(alpha),
            alpha > 0.0 && alpha <= 1.0,
            "above 0 and at most 1",
        )?;
        let features = places.first().map_or(0, Vec::len);
        if let Some(odd) = places.iter().find(|p| p.len() != features) {
            return Err(SplitError::Shape {
                what: "features of a centre",
                expected: features,
                found: odd.len(),
            });
        }
        Ok(Centres {
            features,
            values: places.concat(),
            alpha,
            spread: Spread::new(features, 1.0),
        })
    }

    /// Centres at the means of the classes; a class without rows starts at 0.
    pub fn at_means(
        rows: &[f32],
        labels: &[usize],
        classes: usize,
        features: usize,
        alpha: f32,
    ) -> Result<Self, SplitError> {
        let mut sums = vec![vec![0.0f64; features]; classes];
        let mut counts = vec![0usize; classes];
        for (row, &label) in rows.chunks_exact(features.max(1)).zip(labels) {
            counts[label] += 1;
            for (sum, v) in sums[label].iter_mut().zip(row) {
                *sum += f64::from(*v);
            }
        }
        let means = sums
            .into_iter()
            .zip(counts)
            .map(|(sum, n)| sum.iter().map(|s| (s / n.max(1) as f64) as f32).collect())
            .collect();
        Centres::at(means, alpha)
    }

    /// Sets ρ of the Mahalanobis penalty: the power of the noise, per feature.
    pub fn with_ridge(mut self, ridge: f64) -> Self {
        self.spread = Spread::new(self.features, ridge.max(1e-3));
        self
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.values.len().checked_div(self.features).unwrap_or(0)
    }

    /// The centre of a class.
    pub fn of(&self, class: usize) -> &[f32] {
        &self.values[class * self.features..(class + 1) * self.features]
    }

    fn rows_of(&self, labels: &[usize]) -> Vec<f32> {
        labels.iter().flat_map(|&l| self.of(l)).copied().collect()
    }

    /// The penalty of a batch of normalised features, a mean over rows and features.
    pub fn penalty(&self, kind: Penalty, u: Tensor<2>, labels: &[usize]) -> Tensor<1> {
        let device = u.device();
        let [rows, features] = u.dims();
        let own: Tensor<2> = Tensor::from_data(
            TensorData::new(self.rows_of(labels), [rows, features]),
            &device,
        );
        let values = (rows * features).max(1) as f32;
        match kind {
            Penalty::Center => (u - own).square().sum().mul_scalar(0.5 / values),
            Penalty::Mahalanobis => self.spread.squares(u - own).mul_scalar(0.5 / values),
            Penalty::Cosine => {
                let dot = (u.clone() * own.clone()).sum_dim(1);
                let norms = length(u) * length(own);
                (dot / norms).neg().add_scalar(1.0).mean()
            }
            Penalty::Contrastive => {
                let classes = self.classes();
                let to_own = (u.clone() - own).square().mean_dim(1);
                // d_j for all classes at once: |u|² − 2u·c_j + |c_j|².
                let all: Tensor<2> = Tensor::from_data(
                    TensorData::new(self.values.clone(), [classes, features]),
                    &device,
                );
                let width = features.max(1) as f32;
                let squares = u.clone().square().mean_dim(1);
                let centre_squares = all.clone().square().mean_dim(1).transpose();
                let dots = u.matmul(all.transpose()).mul_scalar(2.0 / width);
                let to_all = (squares - dots + centre_squares).sum_dim(1);
                let others = (to_all - to_own.clone()).clamp_min(0.0).add_scalar(1.0);
                (to_own / others).mean().mul_scalar(0.5)
            }
        }
    }

    /// One alternating step: moves the centres towards a batch, and takes in its spread.
    pub fn update(&mut self, rows: &[f32], labels: &[usize]) {
        let features = self.features;
        let deviations: Vec<f32> = rows
            .iter()
            .zip(self.rows_of(labels))
            .map(|(u, c)| u - c)
            .collect();
        let mut towards = vec![0.0f32; self.values.len()];
        let mut counts = vec![0usize; self.classes()];
        for (row, &label) in deviations.chunks_exact(features.max(1)).zip(labels) {
            counts[label] += 1;
            let sums = &mut towards[label * features..(label + 1) * features];
            for (sum, d) in sums.iter_mut().zip(row) {
                *sum += d;
            }
        }
        for (class, count) in counts.into_iter().enumerate() {
            let scale = self.alpha / (1.0 + count as f32);
            let span = class * features..(class + 1) * features;
            for (c, sum) in self.values[span.clone()].iter_mut().zip(&towards[span]) {
                *c += scale * sum;
            }
        }
        self.spread.update(&deviations);
    }
}

fn length(rows: Tensor<2>) -> Tensor<2> {
    rows.square().sum_dim(1).add_scalar(EPSILON).sqrt()
}
