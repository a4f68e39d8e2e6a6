//! Blocks with weights. Each takes rows and gives rows.

use super::block::{Convolving, residual};
use super::norm::{BatchNorm, Statistics};
use super::{Block, Shape};
use crate::Draws;
use crate::network::{linear, uniform};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

/// A block with weights.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a network has at most hundreds of them, and what they hold is reference-counted"
)]
pub(crate) enum Layer {
    Dense(Dense),
    Convolution(Convolution),
    Pool(Pool),
    Residual(Residual),
}

impl Layer {
    /// The layer of a block behind `input`, which it fits.
    pub(super) fn new(block: Block, input: Shape, draws: &mut Draws, device: &Device) -> Self {
        // A dense block reads a map as its row; every other block was checked to stand on a map.
        let map = input.map().unwrap_or([input.size(), 1, 1]);
        match block {
            Block::Dense { outputs, relu } => Layer::Dense(Dense {
                linear: linear(input.size(), outputs, true, draws, device),
                relu,
            }),
            Block::Convolution {
                channels,
                kernel,
                stride,
                norm,
                relu,
            } => {
                let convolving = Convolving {
                    channels: [map[0], channels],
                    kernel,
                    stride,
                    norm,
                };
                Layer::Convolution(Convolution {
                    kernel: Kernel::new(convolving, draws, device),
                    relu,
                    input: map,
                })
            }
            Block::MaxPool { side } => Layer::Pool(Pool {
                pooling: Pooling::Max { side },
                input: map,
            }),
            Block::StemPool => Layer::Pool(Pool {
                pooling: Pooling::Stem,
                input: map,
            }),
            Block::GlobalAveragePool => Layer::Pool(Pool {
                pooling: Pooling::Average,
                input: map,
            }),
            Block::Residual { channels, stride } => {
                let ([first, second], shortcut) = residual(map[0], channels, stride);
                Layer::Residual(Residual {
                    first: Kernel::new(first, draws, device),
                    second: Kernel::new(second, draws, device),
                    shortcut: shortcut.map(|s| Kernel::new(s, draws, device)),
                    input: map,
                })
            }
        }
    }

    pub(super) fn forward(&self, rows: Tensor<2>, statistics: Statistics) -> Tensor<2> {
        match self {
            Layer::Dense(layer) => layer.forward(rows),
            Layer::Convolution(layer) => layer.forward(rows, statistics),
            Layer::Pool(layer) => layer.forward(rows),
            Layer::Residual(layer) => layer.forward(rows, statistics),
        }
    }
}

/// A dense layer.
#[derive(Module, Debug)]
pub(crate) struct Dense {
    pub(crate) linear: Linear,
    pub(crate) relu: bool,
}

impl Dense {
    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let rows = self.linear.forward(rows);
        if self.relu { relu(rows) } else { rows }
    }
}

/// A convolution, normalised or with a bias.
#[derive(Module, Debug)]
pub(crate) struct Kernel {
    /// `[to, from, kernel, kernel]`.
    pub(crate) weight: Param<Tensor<4>>,
    pub(crate) bias: Option<Param<Tensor<1>>>,
    pub(crate) norm: Option<BatchNorm>,
    pub(crate) stride: usize,
}

impl Kernel {
    fn new(convolving: Convolving, draws: &mut Draws, device: &Device) -> Self {
        let Convolving {
            channels: [from, to],
            kernel,
            stride,
            norm,
        } = convolving;
        let fan_in = from * kernel * kernel;
        let shape = [to, from, kernel, kernel];
        if norm {
            Kernel {
                weight: he(shape, fan_in, draws, device),
                bias: None,
                norm: Some(BatchNorm::new(to, device)),
                stride,
            }
        } else {
            Kernel {
                weight: uniform(shape, fan_in, draws, device),
                bias: Some(uniform([to], fan_in, draws, device)),
                norm: None,
                stride,
            }
        }
    }

    fn forward(&self, map: Tensor<4>, statistics: Statistics) -> Tensor<4> {
        let half = self.weight.dims()[2] / 2;
        let options = ConvOptions::new([self.stride; 2], [half; 2], [1; 2], 1);
        let bias = self.bias.as_ref().map(Param::val);
        let map = conv2d(map, self.weight.val(), bias, options);
        match &self.norm {
            Some(norm) => norm.forward(map, statistics),
            None => map,
        }
    }
}

/// Normal with variance 2/fan-in, which keeps the variance through a ReLU (He, Zhang, Ren and Sun,
/// "Delving deep into rectifiers", ICCV 2015).
fn he(shape: [usize; 4], fan_in: usize, draws: &mut Draws, device: &Device) -> Param<Tensor<4>> {
    let deviation = (2.0 / fan_in.max(1) as f32).sqrt();
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| deviation * draws.normal())
        .collect();
    Param::from_data(TensorData::new(values, shape), device)
}

/// A convolution block.
#[derive(Module, Debug)]
pub(crate) struct Convolution {
    pub(crate) kernel: Kernel,
    pub(crate) relu: bool,
    #[module(skip)]
    input: [usize; 3],
}

impl Convolution {
    fn forward(&self, rows: Tensor<2>, statistics: Statistics) -> Tensor<2> {
        let map = self.kernel.forward(to_map(rows, self.input), statistics);
        let map = if self.relu { relu(map) } else { map };
        map.flatten(1, 3)
    }
}

/// What a pool computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    Max { side: usize },
    Stem,
    Average,
}

/// A block without weights.
#[derive(Module, Debug)]
pub(crate) struct Pool {
    #[module(skip)]
    pub(crate) pooling: Pooling,
    #[module(skip)]
    input: [usize; 3],
}

impl Pool {
    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let [channels, height, width] = self.input;
        let options = match self.pooling {
            Pooling::Max { side } => MaxPoolOptions::new([side; 2]),
            Pooling::Stem => MaxPoolOptions::new([3; 2])
                .with_stride([2; 2])
                .with_padding([1; 2]),
            Pooling::Average => {
                let [count, _] = rows.dims();
                return rows
                    .reshape([count, channels, height * width])
                    .mean_dim(2)
                    .flatten(1, 2);
            }
        };
        max_pool2d(to_map(rows, self.input), options).flatten(1, 3)
    }
}

/// `x ↦ relu(N(C₂ relu(N(C₁ x))) + S(x))`.
#[derive(Module, Debug)]
pub(crate) struct Residual {
    /// C₁.
    pub(crate) first: Kernel,
    /// C₂.
    pub(crate) second: Kernel,
    /// S, unless it is the identity.
    pub(crate) shortcut: Option<Kernel>,
    #[module(skip)]
    input: [usize; 3],
}

impl Residual {
    fn forward(&self, rows: Tensor<2>, statistics: Statistics) -> Tensor<2> {
        let map = to_map(rows, self.input);
        let edge = match &self.shortcut {
            Some(shortcut) => shortcut.forward(map.clone(), statistics),
            None => map.clone(),
        };
        let map = relu(self.first.forward(map, statistics));
        let map = self.second.forward(map, statistics);
        relu(map + edge).flatten(1, 3)
    }
}

fn to_map(rows: Tensor<2>, [channels, height, width]: [usize; 3]) -> Tensor<4> {
    let [count, _] = rows.dims();
    rows.reshape([count, channels, height, width])
}
