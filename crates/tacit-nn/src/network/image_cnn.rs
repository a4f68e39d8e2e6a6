//! A small convolutional network for grey pictures.
//!
//! ```text
//! 1 × s × s → conv 5, ReLU, pool 2 → 8 × s/2 × s/2 → conv 3, ReLU, pool 2 → 16 × s/4 × s/4 → dense 64 → classes
//! ```

use super::mlp::{check_sizes, drop_out};
use super::{Network, conv2d, linear};
use crate::error::NnError;
use crate::{Draws, training_device};
use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::tensor::{Tensor, activation::relu};

const CHANNELS: [usize; 2] = [8, 16];
const DENSE: usize = 64;

/// A convolutional classifier of square grey pictures, given as rows of pixels.
#[derive(Module, Debug)]
pub struct ImageCnn {
    /// 1 → 8 channels.
    pub first: Conv2d,
    /// 8 → 16 channels.
    pub second: Conv2d,
    /// The last map → 64.
    pub dense: Linear,
    /// 64 → classes.
    pub last: Linear,
    /// Halves both sides of a map.
    pub pool: MaxPool2d,
    /// Width and height of a picture.
    pub side: usize,
    /// Share of the dense layer set to zero in training.
    pub dropout: f64,
}

impl ImageCnn {
    /// A network for pictures of `side × side` pixels; `side` is a multiple of four.
    pub fn new(side: usize, outputs: usize, draws: &mut Draws) -> Result<Self, NnError> {
        check_sizes(&[side, outputs])?;
        if !side.is_multiple_of(4) || side > 1024 {
            return Err(NnError::Setting {
                name: "side of a picture",
                value: side as f64,
                expected: "a multiple of 4 up to 1024",
            });
        }
        let device = training_device();
        let map = CHANNELS[1] * (side / 4) * (side / 4);
        Ok(ImageCnn {
            first: conv2d([1, CHANNELS[0]], 5, draws, &device),
            second: conv2d(CHANNELS, 3, draws, &device),
            dense: linear(map, DENSE, true, draws, &device),
            last: linear(DENSE, outputs, true, draws, &device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            side,
            dropout: 0.0,
        })
    }

    fn embed(&self, rows: Tensor<2>) -> Tensor<2> {
        let [height, _] = rows.dims();
        let map = rows.reshape([height, 1, self.side, self.side]);
        let map = self.pool.forward(relu(self.first.forward(map)));
        let map = self.pool.forward(relu(self.second.forward(map)));
        relu(self.dense.forward(map.flatten(1, 3)))
    }
}

impl Network for ImageCnn {
    fn inputs(&self) -> usize {
        self.side * self.side
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
