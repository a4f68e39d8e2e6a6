//! Biases of hidden layers, and their gradients.
//!
//! A bias stands in every column in use, so that adding it to a batch's predictors is one addition. Its
//! gradient is the sum of the errors over all columns of all ciphertexts. With the H columns of the guard empty,
//!
//! ```text
//! F[·][i] = Σ_{k<H} E[·][i − k]
//! ```
//!
//! takes log2 H rotations by doubling and reads nothing across the end of a row; every error is in F once in
//! each class of columns modulo H, so that the fold which adds up equal columns modulo H, and which rides on the
//! weights' refresh as it does for the other gradients, leaves the whole sum in every column.

use tacit_ckks::Ciphertext;

use super::{ColumnLayout, Columns, Engine, LayerCounts, Side};
use crate::encrypted::EncryptedError;

/// Sums over all ciphertexts and H columns to the left of each, at `level`: equal columns modulo H are still to be
/// added up.
pub fn sum_columns(
    engine: &Engine,
    layout: &ColumnLayout,
    batch: &Columns,
    level: usize,
) -> Result<Ciphertext, EncryptedError> {
    let lower = |ct: &Ciphertext| {
        let mut ct = ct.clone();
        engine.evaluator().drop_to_level(&mut ct, level)?;
        Ok::<_, EncryptedError>(ct)
    };
    let groups = batch.groups().iter().map(lower).collect::<Result<_, _>>()?;
    let mut sum = engine.sum(groups)?;
    for step in layout.bias_rotations(batch.side()) {
        let moved = engine.turn(&sum, step)?;
        engine.evaluator().add_assign(&mut sum, &moved)?;
    }
    Ok(sum)
}

impl ColumnLayout {
    /// A bias in every column in use.
    pub fn pack_bias(&self, side: Side, bias: &[f64]) -> Vec<f64> {
        self.pack_columns(side, |_, neuron| bias.get(neuron).copied().unwrap_or(0.0))
    }

    /// The inverse of [`Self::pack_bias`]: the mean over all columns in use.
    pub fn unpack_bias(&self, slots: &[f64], side: Side, width: usize) -> Vec<f64> {
        let mut out = vec![0.0; width];
        for (slot, value) in slots.iter().enumerate() {
            let (row, column) = (slot / self.columns(), slot % self.columns());
            let neuron = self.neuron(side, row, column);
            if column < self.used() && neuron < width {
                out[neuron] += value / self.used() as f64;
            }
        }
        out
    }

    /// The rotations of [`sum_columns`]: 1, 2, 4, …, H/2 columns to the right, neuron for neuron.
    pub fn bias_rotations(&self, side: Side) -> Vec<i64> {
        let doublings = (0..self.height().trailing_zeros()).map(|j| -(1i64 << j));
        let turn = |columns| match side {
            Side::Plain => self.rotation(0, columns),
            Side::Skewed => self.skewed_rotation(columns),
        };
        doublings.map(turn).collect()
    }

    /// Columns in use that are equal modulo H.
    pub fn bias_copies(&self) -> usize {
        self.used() / self.height()
    }

    /// Operations of [`sum_columns`].
    pub fn bias_counts(&self) -> LayerCounts {
        LayerCounts {
            rotations: self.height().trailing_zeros() as usize,
            ..LayerCounts::default()
        }
    }
}
