//! How features vary within classes.

use tacit_nn::burn::tensor::{Device, Tensor, TensorData};

/// Up to this many features the whole covariance is kept, above it the diagonal.
pub const FULL_COVARIANCE: usize = 256;

/// Weight of a new batch in the running covariance.
const RATE: f64 = 0.1;

/// The running covariance within classes, and a ridge.
#[derive(Debug, Clone)]
pub struct Spread {
    features: usize,
    ridge: f64,
    /// `features²` values, or `features` when only the diagonal is kept.
    covariance: Vec<f64>,
    seen: bool,
}

impl Spread {
    /// Nothing seen yet; `ridge` is ρ.
    pub fn new(features: usize, ridge: f64) -> Self {
        let size = if features <= FULL_COVARIANCE {
            features * features
        } else {
            features
        };
        Spread {
            features,
            ridge,
            covariance: vec![0.0; size],
            seen: false,
        }
    }

    fn is_full(&self) -> bool {
        self.features <= FULL_COVARIANCE
    }

    /// Takes in rows of deviations from their class's centre.
    pub fn update(&mut self, deviations: &[f32]) {
        let n = deviations.len() / self.features.max(1);
        if n == 0 {
            return;
        }
        let mut batch = vec![0.0f64; self.covariance.len()];
        for row in deviations.chunks_exact(self.features) {
            if self.is_full() {
                for (i, &a) in row.iter().enumerate() {
                    let a = f64::from(a) / n as f64;
                    let line = &mut batch[i * self.features..=i * self.features + i];
                    for (sum, &b) in line.iter_mut().zip(row) {
                        *sum += a * f64::from(b);
                    }
                }
            } else {
                for (sum, &a) in batch.iter_mut().zip(row) {
                    *sum += f64::from(a) * f64::from(a) / n as f64;
                }
            }
        }
        let rate = if self.seen { RATE } else { 1.0 };
        self.seen = true;
        for (old, new) in self.covariance.iter_mut().zip(batch) {
            *old += rate * (new - *old);
        }
    }

    /// (u − c)ᵀ (Σ + ρI)⁻¹ (u − c), summed over rows; `deviations` is u − c.
    pub fn squares(&self, deviations: Tensor<2>) -> Tensor<1> {
        let device = deviations.device();
        let weighted = if self.is_full() {
            deviations.clone().matmul(self.inverse(&device))
        } else {
            let scale: Vec<f32> = self
                .covariance
                .iter()
                .map(|v| (1.0 / (v + self.ridge)) as f32)
                .collect();
            let scale = TensorData::new(scale, [1, self.features]);
            deviations.clone() * Tensor::<2>::from_data(scale, &device)
        };
        (weighted * deviations).sum()
    }

    /// (Σ + ρI)⁻¹ by Cholesky: A = LLᵀ, A⁻¹ = L⁻ᵀL⁻¹.
    fn inverse(&self, device: &Device) -> Tensor<2> {
        let n = self.features;
        let mut l = self.covariance.clone();
        for i in 0..n {
            l[i * n + i] += self.ridge;
        }
        for i in 0..n {
            for j in 0..=i {
                let (row, other) = (&l[i * n..i * n + j], &l[j * n..j * n + j]);
                let dot: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                let rest = l[i * n + j] - dot;
                l[i * n + j] = if i == j {
                    // Positive by the ridge, unless rounding ate it.
                    rest.max(1e-12).sqrt()
                } else {
                    rest / l[j * n + j]
                };
            }
        }
        // Row j of `inverse` below is column j of L⁻¹, so that both factors are read along rows.
        let mut inverse = vec![0.0f64; n * n];
        for j in 0..n {
            for i in j..n {
                let rest = if i == j { 1.0 } else { 0.0 };
                let dot: f64 = (j..i).map(|k| l[i * n + k] * inverse[j * n + k]).sum();
                inverse[j * n + i] = (rest - dot) / l[i * n + i];
            }
        }
        let mut out = vec![0.0f32; n * n];
        for i in 0..n {
            for j in 0..=i {
                let (a, b) = (
                    &inverse[i * n + i..(i + 1) * n],
                    &inverse[j * n + i..(j + 1) * n],
                );
                let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                out[i * n + j] = dot as f32;
                out[j * n + i] = dot as f32;
            }
        }
        Tensor::from_data(TensorData::new(out, [n, n]), device)
    }
}
