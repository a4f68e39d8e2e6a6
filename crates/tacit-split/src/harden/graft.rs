//! Layers with given weights, added at a cut.

use crate::error::SplitError;
use tacit_nn::layered::{Architecture, Block, Layered, Shape};
use tacit_nn::store::{load_parameters, parameters};
use tacit_nn::{Draws, Matrix};

/// A linear layer on each sample, or on each pixel of a map: `weights` is inputs × outputs.
pub(crate) fn linear(
    input: Shape,
    weights: &Matrix,
    bias: &[f32],
    relu: bool,
) -> Result<Layered, SplitError> {
    let outputs = weights.columns();
    let block = match input.map() {
        None => Block::Dense { outputs, relu },
        Some(_) => Block::Convolution {
            channels: outputs,
            kernel: 1,
            stride: 1,
            norm: false,
            relu,
        },
    };
    let blocks = vec![block];
    let network = Layered::new(&Architecture { input, blocks }, &mut Draws::new(0, "graft"))?;
    let mut tensors = parameters(&network);
    for (path, tensor) in &mut tensors {
        tensor.values = match (path.ends_with("weight"), input.map()) {
            // A dense weight is [inputs, outputs], one of a convolution [outputs, inputs, 1, 1].
            (true, None) => weights.values().to_vec(),
            (true, Some(_)) => transposed(weights),
            (false, _) => bias.to_vec(),
        };
    }
    Ok(load_parameters(network, tensors, "a layer at the cut")?)
}

fn transposed(m: &Matrix) -> Vec<f32> {
    (0..m.columns())
        .flat_map(|j| m.iter().map(move |row| row[j]))
        .collect()
}

/// Orthonormal directions: those of `wanted` first, as far as they are independent, then random
/// ones, `count` in all; each of `width` numbers.
pub(crate) fn directions(
    wanted: &[Vec<f64>],
    width: usize,
    count: usize,
    draws: &mut Draws,
) -> Vec<Vec<f64>> {
    let mut found: Vec<Vec<f64>> = Vec::with_capacity(count);
    let mut queue = wanted.iter();
    let mut tries = 0;
    while found.len() < count.min(width) && tries < 4 * width + wanted.len() {
        tries += 1;
        let candidate = match queue.next() {
            Some(given) => given.clone(),
            None => (0..width).map(|_| f64::from(draws.normal())).collect(),
        };
        if let Some(unit) = beyond(candidate, &found) {
            found.push(unit);
        }
    }
    found
}

/// The part of a vector outside the span of orthonormal ones, as a unit vector; none when (almost)
/// nothing of it lies outside.
pub(crate) fn beyond(mut vector: Vec<f64>, span: &[Vec<f64>]) -> Option<Vec<f64>> {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let before = norm(&vector);
    // Twice, for what rounding leaves.
    for _ in 0..2 {
        for unit in span {
            let dot: f64 = vector.iter().zip(unit).map(|(a, b)| a * b).sum();
            vector.iter_mut().zip(unit).for_each(|(a, b)| *a -= dot * b);
        }
    }
    let after = norm(&vector);
    (after > 1e-6 * before && after > 1e-12)
        .then(|| vector.into_iter().map(|v| v / after).collect())
}

/// x ↦ scale·x + shift on each feature, or on each channel of a map.
pub(crate) fn affine(
    shape: Shape,
    scale: &[f32],
    shift: &[f32],
    relu: bool,
) -> Result<Layered, SplitError> {
    let width = scale.len();
    let mut weights = vec![0.0; width * width];
    for (i, s) in scale.iter().enumerate() {
        weights[i * width + i] = *s;
    }
    linear(shape, &Matrix::new(width, width, weights)?, shift, relu)
}
