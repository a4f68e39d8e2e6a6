//! The weights of a network in the clear: in the twin, and after a release the plan allows.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::MlpConfig;
use crate::Error;

/// A dense matrix: row q, column p multiplies input q on its way to neuron p.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Matrix {
    /// All zero.
    pub fn zero(rows: usize, columns: usize) -> Self {
        Self {
            rows,
            columns,
            values: vec![0.0; rows * columns],
        }
    }

    /// From a function of row and column.
    pub fn from_fn(rows: usize, columns: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        let mut out = Self::zero(rows, columns);
        for q in 0..rows {
            for p in 0..columns {
                out.values[q * columns + p] = f(q, p);
            }
        }
        out
    }

    /// Number of rows: inputs of the layer.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns: neurons of the layer.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row `q`. Panics when out of range, like a slice.
    pub fn row(&self, q: usize) -> &[f64] {
        &self.values[q * self.columns..][..self.columns]
    }

    /// Row `q`, to be changed.
    pub fn row_mut(&mut self, q: usize) -> &mut [f64] {
        &mut self.values[q * self.columns..][..self.columns]
    }

    /// Entry (q, p), zero outside the matrix.
    pub fn get(&self, q: usize, p: usize) -> f64 {
        if q < self.rows && p < self.columns {
            self.values[q * self.columns + p]
        } else {
            0.0
        }
    }

    /// All entries, row by row.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// As [`Self::values`], to be changed.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// self += factor·other.
    pub fn add_scaled(&mut self, factor: f64, other: &Matrix) {
        for (a, b) in self.values.iter_mut().zip(&other.values) {
            *a += factor * b;
        }
    }
}

/// One matrix per layer. The first has one more row than there are inputs: the bias, last; so have the others if
/// they have biases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MlpWeights {
    layers: Vec<Matrix>,
}

impl MlpWeights {
    /// All zero, in the shape of `config`.
    pub fn zero(config: &MlpConfig) -> Self {
        let shapes = (1..config.layers.len()).map(|l| config.shape(l));
        Self {
            layers: shapes
                .map(|(rows, columns)| Matrix::zero(rows, columns))
                .collect(),
        }
    }

    /// The public start of a training, drawn from the plan's seed: uniform with standard deviation
    /// `gain/√inputs`, biases zero.
    pub fn initial(config: &MlpConfig) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&config.seed.to_le_bytes());
        key[8..24].copy_from_slice(b"tacit.mlp.weight");
        let mut rng = ChaCha8Rng::from_seed(key);
        let mut out = Self::zero(config);
        for (l, layer) in out.layers.iter_mut().enumerate() {
            let inputs = config.fan_in(l + 1);
            let width = config.gain * (3.0 / inputs as f64).sqrt();
            for value in &mut layer.values[..inputs * layer.columns] {
                let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
                *value = width * (2.0 * unit - 1.0);
            }
        }
        out
    }

    /// From matrices of the shapes that `config` prescribes.
    pub fn from_layers(config: &MlpConfig, layers: Vec<Matrix>) -> Result<Self, Error> {
        let expected = config.layers.len() - 1;
        if layers.len() != expected {
            return Err(Error::Shape {
                what: "weight matrices",
                expected,
                found: layers.len(),
            });
        }
        for (l, layer) in layers.iter().enumerate() {
            let (rows, columns) = config.shape(l + 1);
            if layer.values.len() != rows * columns || layer.rows != rows {
                return Err(Error::Shape {
                    what: "entries of a weight matrix",
                    expected: rows * columns,
                    found: layer.values.len(),
                });
            }
        }
        Ok(Self { layers })
    }

    /// The matrices, input layer first.
    pub fn layers(&self) -> &[Matrix] {
        &self.layers
    }

    /// As [`Self::layers`], to be changed.
    pub fn layers_mut(&mut self) -> &mut [Matrix] {
        &mut self.layers
    }

    /// self += factor·other.
    pub fn add_scaled(&mut self, factor: f64, other: &Self) {
        for (a, b) in self.layers.iter_mut().zip(&other.layers) {
            a.add_scaled(factor, b);
        }
    }

    /// The largest difference of any two entries.
    pub fn max_abs_diff(&self, other: &Self) -> f64 {
        let entries = |w: &Self| -> Vec<f64> {
            w.layers
                .iter()
                .flat_map(|l| l.values.iter().copied())
                .collect()
        };
        (entries(self).iter().zip(&entries(other))).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()))
    }
}
