//! Layers with weights drawn from [`Draws`].

use crate::Draws;
use burn::module::Param;
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::{Linear, PaddingConfig1d, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};

/// A parameter of this shape, uniform in ±1/√fan-in.
pub(crate) fn uniform<const D: usize>(
    shape: [usize; D],
    fan_in: usize,
    draws: &mut Draws,
    device: &Device,
) -> Param<Tensor<D>> {
    let bound = 1.0 / (fan_in.max(1) as f32).sqrt();
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| draws.symmetric(bound))
        .collect();
    Param::from_data(TensorData::new(values, shape), device)
}

/// A dense layer `x ↦ xW + b`.
pub fn linear(
    inputs: usize,
    outputs: usize,
    bias: bool,
    draws: &mut Draws,
    device: &Device,
) -> Linear {
    Linear {
        weight: uniform([inputs, outputs], inputs, draws, device),
        bias: bias.then(|| uniform([outputs], inputs, draws, device)),
    }
}

/// A convolution over sequences, kernel of odd `width`, same length out.
pub fn conv1d(channels: [usize; 2], width: usize, draws: &mut Draws, device: &Device) -> Conv1d {
    let [from, to] = channels;
    let mut layer = Conv1dConfig::new(from, to, width)
        .with_padding(PaddingConfig1d::Explicit(width / 2, width / 2))
        .init(device);
    layer.weight = uniform([to, from, width], from * width, draws, device);
    layer.bias = Some(uniform([to], from * width, draws, device));
    layer
}

/// A convolution over pictures, square kernel of odd `width`, same size out.
pub fn conv2d(channels: [usize; 2], width: usize, draws: &mut Draws, device: &Device) -> Conv2d {
    let [from, to] = channels;
    let half = width / 2;
    let fan_in = from * width * width;
    let mut layer = Conv2dConfig::new([from, to], [width, width])
        .with_padding(PaddingConfig2d::Explicit(half, half, half, half))
        .init(device);
    layer.weight = uniform([to, from, width, width], fan_in, draws, device);
    layer.bias = Some(uniform([to], fan_in, draws, device));
    layer
}
