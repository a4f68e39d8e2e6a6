//! Dense layers with ReLU between them.

use super::{Network, linear};
use crate::error::NnError;
use crate::{Draws, training_device};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Tensor, TensorData, activation::relu};

/// `x ↦ … W₂ relu(W₁x + b₁) + b₂ …`, with dropout after every ReLU in training.
#[derive(Module, Debug)]
pub struct Mlp {
    /// The layers, first to last.
    pub layers: Vec<Linear>,
    /// Share of hidden values set to zero in training.
    pub dropout: f64,
}

impl Mlp {
    /// A network of these sizes, inputs first and outputs last.
    pub fn new(sizes: &[usize], dropout: f64, draws: &mut Draws) -> Result<Self, NnError> {
        check_sizes(sizes)?;
        if !(0.0..1.0).contains(&dropout) {
            return Err(NnError::Setting {
                name: "dropout",
                value: dropout,
                expected: "at least 0 and below 1",
            });
        }
        let device = training_device();
        let layers = sizes
            .windows(2)
            .map(|pair| linear(pair[0], pair[1], true, draws, &device))
            .collect();
        Ok(Mlp { layers, dropout })
    }

    /// Inputs, hidden sizes, outputs.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![self.inputs()];
        sizes.extend(self.layers.iter().map(|l| l.weight.dims()[1]));
        sizes
    }

    fn pass(&self, mut rows: Tensor<2>, mut draws: Option<&mut Draws>) -> Tensor<2> {
        for (i, layer) in self.layers.iter().enumerate() {
            rows = layer.forward(rows);
            if i + 1 < self.layers.len() {
                rows = relu(rows);
                if let Some(draws) = draws.as_deref_mut()
                    && self.dropout > 0.0
                {
                    rows = drop_out(rows, self.dropout as f32, draws);
                }
            }
        }
        rows
    }
}

impl Network for Mlp {
    fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |l| l.weight.dims()[0])
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |l| l.weight.dims()[1])
    }

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.pass(rows, None)
    }

    fn forward_training(&self, rows: Tensor<2>, draws: &mut Draws) -> Tensor<2> {
        self.pass(rows, Some(draws))
    }
}

/// Sets a share `p` of the values to zero and divides the others by 1 − p.
pub(super) fn drop_out<const D: usize>(x: Tensor<D>, p: f32, draws: &mut Draws) -> Tensor<D> {
    let keep = 1.0 / (1.0 - p);
    let shape = x.dims();
    let mask: Vec<f32> = (0..shape.iter().product())
        .map(|_| if draws.uniform() < p { 0.0 } else { keep })
        .collect();
    let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
    x * mask
}

pub(super) fn check_sizes(sizes: &[usize]) -> Result<(), NnError> {
    if sizes.len() < 2 {
        return Err(NnError::Shape {
            what: "sizes of layers, at least inputs and outputs",
            expected: 2,
            found: sizes.len(),
        });
    }
    match sizes.iter().find(|&&size| size == 0 || size > 1 << 24) {
        Some(&size) => Err(NnError::Setting {
            name: "size of a layer",
            value: size as f64,
            expected: "between 1 and 2^24",
        }),
        None => Ok(()),
    }
}
