//! One squared layer: the network a functional key can evaluate.
//!
//! ```text
//! f_k(x) = Σ_j D_jk · (Px + b)_j²        P: n → d with bias, D: d → k without
//! ```
//!
//! f is a quadratic form in (1, x), which is all that quadratic functional encryption computes
//! (Ryffel, Dufour-Sans, Gay, Bach, Pointcheval, "Partially Encrypted Machine Learning using
//! Functional Encryption", NeurIPS 2019). D has no bias since a public head follows, which can add
//! its own.

use super::{Network, linear};
use crate::error::NnError;
use crate::matrix::floats;
use crate::{Draws, training_device};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;

/// `f_k(x) = Σ_j D_jk (Px + b)_j²`.
#[derive(Module, Debug)]
pub struct QuadraticNetwork {
    /// P and b: weight `[inputs, hidden]`.
    pub projection: Linear,
    /// D: weight `[hidden, outputs]`.
    pub diagonal: Linear,
}

impl QuadraticNetwork {
    /// A network of n inputs, d squares and k outputs.
    pub fn new(
        inputs: usize,
        hidden: usize,
        outputs: usize,
        draws: &mut Draws,
    ) -> Result<Self, NnError> {
        super::mlp::check_sizes(&[inputs, hidden, outputs])?;
        let device = training_device();
        Ok(QuadraticNetwork {
            projection: linear(inputs, hidden, true, draws, &device),
            diagonal: linear(hidden, outputs, false, draws, &device),
        })
    }

    /// How many squares are summed.
    pub fn hidden(&self) -> usize {
        self.projection.weight.dims()[1]
    }

    /// P as plain numbers, `inputs × hidden`, row after row.
    pub fn projection_values(&self) -> Vec<f32> {
        floats(self.projection.weight.val())
    }

    /// b as plain numbers.
    pub fn bias_values(&self) -> Vec<f32> {
        match &self.projection.bias {
            Some(bias) => floats(bias.val()),
            None => vec![0.0; self.hidden()],
        }
    }

    /// D as plain numbers, `hidden × outputs`, row after row.
    pub fn diagonal_values(&self) -> Vec<f32> {
        floats(self.diagonal.weight.val())
    }
}

impl Network for QuadraticNetwork {
    fn inputs(&self) -> usize {
        self.projection.weight.dims()[0]
    }

    fn outputs(&self) -> usize {
        self.diagonal.weight.dims()[1]
    }

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let linear = self.projection.forward(rows);
        self.diagonal.forward(linear.clone() * linear)
    }
}
