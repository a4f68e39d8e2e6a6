//! A convolutional network on short vectors.
//!
//! The outputs of a quadratic network are a vector of K numbers with no neighbourhood in it. The
//! adversary of Ryffel et al. (NeurIPS 2019) is a convolutional network all the same: a dense layer
//! lifts the vector to a small map, on which convolutions share what they learn.
//!
//! ```text
//! K → dense, ReLU → 16 × 8 → conv 3, ReLU → 32 × 8 → max pool 2 → conv 3, ReLU → 32 × 4 → dense 64 → classes
//! ```
//!
//! The map is one-dimensional: neighbourhoods in it are learnt by the lift anyway, and a
//! one-dimensional convolution costs a third of a square one.

use super::mlp::{check_sizes, drop_out};
use super::{Network, conv1d, linear};
use crate::error::NnError;
use crate::{Draws, training_device};
use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv1d;
use burn::tensor::{Tensor, activation::relu};

const CHANNELS: usize = 16;
const LENGTH: usize = 8;
const FILTERS: usize = 32;
const DENSE: usize = 64;

/// A convolutional classifier of vectors with K entries.
#[derive(Module, Debug)]
pub struct VectorCnn {
    /// K → 16 × 8.
    pub lift: Linear,
    /// 16 → 32 channels.
    pub first: Conv1d,
    /// 32 → 32 channels.
    pub second: Conv1d,
    /// 32 × 4 → 64.
    pub dense: Linear,
    /// 64 → classes.
    pub last: Linear,
    /// Share of the dense layer set to zero in training.
    pub dropout: f64,
}

impl VectorCnn {
    /// A network for vectors of `inputs` entries.
    pub fn new(inputs: usize, outputs: usize, draws: &mut Draws) -> Result<Self, NnError> {
        check_sizes(&[inputs, outputs])?;
        let device = training_device();
        Ok(VectorCnn {
            lift: linear(inputs, CHANNELS * LENGTH, true, draws, &device),
            first: conv1d([CHANNELS, FILTERS], 3, draws, &device),
            second: conv1d([FILTERS, FILTERS], 3, draws, &device),
            dense: linear(FILTERS * LENGTH / 2, DENSE, true, draws, &device),
            last: linear(DENSE, outputs, true, draws, &device),
            dropout: 0.0,
        })
    }

    fn embed(&self, rows: Tensor<2>) -> Tensor<2> {
        let [height, _] = rows.dims();
        let map = relu(self.lift.forward(rows)).reshape([height, CHANNELS, LENGTH]);
        let map = relu(self.first.forward(map));
        // Pooling by two as a maximum over a reshaped axis.
        let map = map
            .reshape([height, FILTERS, LENGTH / 2, 2])
            .max_dim(3)
            .reshape([height, FILTERS, LENGTH / 2]);
        let map = relu(self.second.forward(map));
        relu(
            self.dense
                .forward(map.reshape([height, FILTERS * LENGTH / 2])),
        )
    }
}

impl Network for VectorCnn {
    fn inputs(&self) -> usize {
        self.lift.weight.dims()[0]
    }

    fn outputs(&self) -> usize {
        self.last.weight.dims()[1]
    }

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.last.forward(self.embed(rows))
    }

    fn forward_training(&self, rows: Tensor<2>, draws: &mut Draws) -> Tensor<2> {
        let mut dense = self.embed(rows);
        if self.dropout > 0.0 {
            dense = drop_out(dense, self.dropout as f32, draws);
        }
        self.last.forward(dense)
    }
}
