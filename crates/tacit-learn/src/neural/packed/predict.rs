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
//! Rotations of the weights depend on the model only, not on the query. A layer takes one level and an
//! activation another, so a network of L layers needs 2L − 1 levels and no refresh; its result goes to the querier's key
//! by [`KeySwitchToPublic`](tacit_mhe::KeySwitchToPublic), which needs the active parties once.
//!
//! *Limits.* Nobody can see what is in a query. A querier who fills the guard and the rows of no input as well gets
//! outputs on mixtures of rows besides; what a plan allows to ask must count slots, not the rows that are claimed.

use tacit_ckks::Ciphertext;

use super::{ColumnLayout, Columns, Engine, Side, apply_sum};
use crate::Error;
use crate::encrypted::EncryptedError;
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

    /// The outputs of an encrypted model on an encrypted query, 2L − 1 levels below; see [`Self::unpack`].
    pub fn predict(
        &self,
        engine: &Engine,
        model: &[Vec<Ciphertext>],
        query: &[Ciphertext],
    ) -> Result<Ciphertext, EncryptedError> {
        let depth = self.config.depth();
        check("layers of the model", depth, model.len())?;
        check("ciphertexts of a query", self.pieces(), query.len())?;
        let batch = |side, ct: &Ciphertext| Columns::new(&self.columns, side, vec![ct.clone()]);
        let mut batches = (query.iter().map(|ct| batch(Side::Plain, ct)))
            .collect::<Result<Vec<_>, EncryptedError>>()?;
        for (layer, weights) in (1..).zip(model) {
            check("ciphertexts of a layer", batches.len(), weights.len())?;
            let parts: Vec<_> = weights.iter().zip(&batches).collect();
            let above = apply_sum(engine, &self.columns, &parts)?;
            batches = vec![match layer < depth {
                true => self.activate(engine, layer, &above)?,
                false => above,
            }];
        }
        let outputs = batches.into_iter().flat_map(Columns::into_groups).next();
        Ok(outputs.ok_or_else(|| shape("layers of the model", 1, 0))?)
    }

    /// a + U·(c·U + b), the constant only where there are neurons.
    fn activate(
        &self,
        engine: &Engine,
        layer: usize,
        predictors: &Columns,
    ) -> Result<Columns, EncryptedError> {
        let Some((a, b, c)) = self.config.activation.as_quadratic() else {
            return Err(Error::config(
                "activation",
                "encrypted prediction needs a + b·u + c·u² with c > 0",
                "fit degree 2 to a curve that is not odd",
            )
            .into());
        };
        let evaluator = engine.evaluator();
        let side = predictors.side();
        predictors.map(|u| {
            let mut factor = u.clone();
            factor.set_scale(u.scale() / c);
            evaluator.add_constant_assign(&mut factor, b)?;
            let mut out = engine.product(u, &factor)?;
            if a != 0.0 {
                let width = self.config.layers[layer];
                let present = self.columns.presence(side, width, 0);
                let constant: Vec<f64> = present.iter().map(|p| a * p).collect();
                let constant = engine
                    .encoder()
                    .encode(&constant, out.level(), out.scale())?;
                evaluator.add_plain_assign(&mut out, &constant)?;
            }
            Ok(out)
        })
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
