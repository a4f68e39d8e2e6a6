//! Prediction with model and query both encrypted.
//!
//! The querier's samples are not in the clear for anybody here, so the first layer is a product of encrypted
//! matrices like the others: inputs are cut into pieces of H, piece j of all samples is a batch on the plain side
//! and rows j·H … of W1 are stored like a hidden layer,
//!
//! ```text
//! u1 = Σ_j W1_jᵀ·x_j    relinearised and turned once, after the sum over pieces
//! ```
//!
//! Rotations of the weights depend on the model only, not on the query: they are made once ([`PreparedLayer`]).
//!
//! *Limits.* Nobody can see what is in a query. A querier who fills the guard and the rows of no input as well gets
//! outputs on mixtures of rows besides; what a plan allows to ask must count slots, not the rows that are claimed.
//!
//! [`PreparedLayer`]: super::PreparedLayer

use super::{ColumnLayout, Side};
use crate::Error;
use crate::model::Samples;
use crate::neural::{Matrix, MlpConfig, MlpWeights};

/// How models and queries are packed for predictions.
///
/// ```
/// use tacit_learn::neural::MlpConfig;
/// use tacit_learn::neural::packed::PredictionLayout;
///
/// let layout = PredictionLayout::new(&MlpConfig::new(&[784, 64, 64, 10]))?;
/// // 192 samples in 13 ciphertexts.
/// assert_eq!((layout.samples(), layout.pieces()), (192, 13));
/// # Ok::<(), tacit_learn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PredictionLayout {
    config: MlpConfig,
    columns: ColumnLayout,
}

impl PredictionLayout {
    /// One group of columns, all blocks of it the querier's.
    pub fn new(config: &MlpConfig) -> Result<Self, Error> {
        if config.hidden_bias {
            let problem = "predictions of networks with hidden biases are not packed";
            let remedy = "train with `hidden_bias = false`";
            return Err(Error::config("hidden_bias", problem, remedy));
        }
        if config.convolution.is_some() {
            let problem = "predictions of networks with a convolution are not packed";
            let remedy = "train a network of dense layers";
            return Err(Error::config("convolution", problem, remedy));
        }
        let blocks = ColumnLayout::new(config, 1)?.blocks();
        let columns = ColumnLayout::new(config, blocks)?;
        let config = config.clone();
        Ok(Self { config, columns })
    }

    /// The layout of a batch on its way through the network.
    pub fn columns(&self) -> &ColumnLayout {
        &self.columns
    }

    /// Samples of a query.
    pub fn samples(&self) -> usize {
        self.columns.used()
    }

    /// Ciphertexts of a query, and of the first layer's weights: inputs and the constant, H at a time.
    pub fn pieces(&self) -> usize {
        (self.config.inputs() + 1).div_ceil(self.columns.height())
    }

    /// A query's slots, one vector per ciphertext: the given rows of a table.
    pub fn pack_query(&self, samples: &Samples, rows: &[usize]) -> Result<Vec<Vec<f64>>, Error> {
        let refuse = |what, expected, found| {
            Err(Error::Shape {
                what,
                expected,
                found,
            })
        };
        let inputs = self.config.inputs();
        if rows.len() > self.samples() {
            return refuse("rows of a query at most", self.samples(), rows.len());
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= samples.len()) {
            return refuse(
                "rows of the table above a queried one",
                row + 1,
                samples.len(),
            );
        }
        if samples.columns() != inputs {
            return refuse("features of the queried rows", inputs, samples.columns());
        }
        let piece = |j: usize| {
            let value = |column: usize, neuron: usize| {
                let input = j * self.columns.height() + neuron;
                match rows.get(column) {
                    Some(&row) if input < inputs => samples.row(row)[input],
                    Some(_) if input == inputs => 1.0,
                    _ => 0.0,
                }
            };
            self.columns.pack_columns(Side::Plain, value)
        };
        Ok((0..self.pieces()).map(piece).collect())
    }

    /// A model's slots: by layer, then by ciphertext.
    pub fn pack_model(&self, weights: &MlpWeights) -> Vec<Vec<Vec<f64>>> {
        let height = self.columns.height();
        let layer = |(index, matrix): (usize, &Matrix)| {
            let pieces = if index == 0 { self.pieces() } else { 1 };
            let piece = |j: usize| {
                let part = Matrix::from_fn(height, height, |q, p| matrix.get(j * height + q, p));
                self.columns.pack_hidden(&part, index + 1)
            };
            (0..pieces).map(piece).collect()
        };
        weights.layers().iter().enumerate().map(layer).collect()
    }

    /// The outputs of the first `rows` samples from the slots of the result.
    pub fn unpack(&self, slots: &[f64], rows: usize) -> Result<Matrix, Error> {
        check("slots", self.columns.slots(), slots.len())?;
        let side = Side::of_layer(self.config.depth());
        let mut out = Matrix::zero(rows.min(self.samples()), self.config.outputs());
        for (slot, &value) in slots.iter().enumerate() {
            let (row, column) = (slot / self.columns.columns(), slot % self.columns.columns());
            let neuron = self.columns.neuron(side, row, column);
            if column < out.rows() && neuron < out.columns() {
                out.row_mut(column)[neuron] = value;
            }
        }
        Ok(out)
    }
}

fn check(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    match expected == found {
        true => Ok(()),
        false => Err(shape(what, expected, found)),
    }
}

fn shape(what: &'static str, expected: usize, found: usize) -> Error {
    Error::Shape {
        what,
        expected,
        found,
    }
}
