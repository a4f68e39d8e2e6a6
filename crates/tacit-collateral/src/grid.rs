//! Training on the integers' grid.
//!
//! A functional key holds integers of four or five bits, and rounding a network after it was
//! protected moves its outputs in ways its adversaries never saw. So the last epochs train the
//! rounded network: the forward pass uses ŵ = Δ·clamp(round(w/Δ)), the backward pass goes through as
//! if nothing had been rounded (the straight-through estimator of Bengio, Léonard and Courville,
//! 2013), and what comes out is exactly the integer model that keys are issued for.

use tacit_fe::{IntegerModel, Quantisation};
use tacit_nn::QuadraticNetwork;
use tacit_nn::burn::tensor::Tensor;

use crate::CollateralError;

/// Steps and ranges of the integer model.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    inputs: usize,
    outputs: usize,
    p_step: f64,
    p_top: f32,
    d_steps: Vec<f64>,
    d_top: f32,
}

/// Largest magnitude of a bias on the grid; the bias enters with the constant input `INPUT_MAX`.
const BIAS_TOP: f32 = 32_767.0;
/// Pixels are bytes, and the constant input of the bias has the same range.
pub const INPUT_MAX: u16 = 255;

impl Grid {
    /// The grid that suits a network in floating point, with this many bits for the magnitudes of P
    /// and D.
    pub fn fit(
        network: &QuadraticNetwork,
        p_bits: u32,
        d_bits: u32,
    ) -> Result<Grid, CollateralError> {
        let hidden = network.hidden();
        let mut p: Vec<f64> = network.bias_values().into_iter().map(f64::from).collect();
        p.extend(network.projection_values().into_iter().map(f64::from));
        let d: Vec<f64> = network
            .diagonal_values()
            .into_iter()
            .map(f64::from)
            .collect();
        let (inputs, outputs) = (p.len() / hidden - 1, d.len() / hidden);
        let quantisation = Quantisation {
            p_bits,
            d_bits,
            input_max: INPUT_MAX,
            constant: Some(INPUT_MAX),
        };
        let quantised = quantisation.apply((inputs + 1, hidden, outputs), &p, &d)?;
        let square = quantised.hidden_scale * quantised.hidden_scale;
        let top = |bits: u32| ((1u32 << bits) - 1) as f32;
        Ok(Grid {
            inputs,
            outputs,
            p_step: quantised.hidden_scale * f64::from(INPUT_MAX),
            p_top: top(p_bits),
            d_steps: quantised.output_scales.iter().map(|s| s / square).collect(),
            d_top: top(d_bits),
        })
    }

    /// The network's outputs `[rows, K]` with all weights on the grid.
    pub(crate) fn outputs(&self, network: &QuadraticNetwork, rows: Tensor<2>) -> Tensor<2> {
        let device = rows.device();
        let step = self.p_step as f32;
        let p = straight_through(network.projection.weight.val(), step, self.p_top);
        let mut linear = rows.matmul(p);
        if let Some(bias) = &network.projection.bias {
            linear = linear + straight_through(bias.val(), step, BIAS_TOP).unsqueeze();
        }
        let steps: Vec<f32> = self.d_steps.iter().map(|&s| s as f32).collect();
        let steps = Tensor::<1>::from_data(steps.as_slice(), &device).unsqueeze::<2>();
        let d = network.diagonal.weight.val() / steps.clone();
        let d = straight_through(d, 1.0, self.d_top) * steps;
        (linear.clone() * linear).matmul(d)
    }

    /// The integer model of the network. Row 0 of P belongs to the constant input.
    pub fn integers(&self, network: &QuadraticNetwork) -> Result<IntegerModel, CollateralError> {
        let on_grid = |value: f32, step: f64, top: f32| {
            let top = f64::from(top);
            (f64::from(value) / step).round().clamp(-top, top) as i16
        };
        let bias = network.bias_values().into_iter();
        let mut p: Vec<i16> = bias.map(|b| on_grid(b, self.p_step, BIAS_TOP)).collect();
        let weights = network.projection_values().into_iter();
        p.extend(weights.map(|w| on_grid(w, self.p_step, self.p_top)));
        let d = network.diagonal_values();
        let d = d.iter().enumerate();
        let d = d.map(|(i, &w)| on_grid(w, self.d_steps[i % self.outputs], self.d_top));
        let shape = (self.inputs + 1, network.hidden(), self.outputs);
        Ok(IntegerModel::new(shape, p, d.collect(), INPUT_MAX)?)
    }
}

fn straight_through<const D: usize>(weights: Tensor<D>, step: f32, top: f32) -> Tensor<D> {
    let rounded = (weights.clone() / step).round().clamp(-top, top) * step;
    weights.clone() + (rounded - weights).detach()
}

/// The inputs of an integer model: the constant, then the pixels as bytes.
pub fn integer_inputs(pixels: &[f32]) -> Vec<u16> {
    let bytes = pixels
        .iter()
        .map(|p| (p * f32::from(INPUT_MAX)).round() as u16);
    std::iter::once(INPUT_MAX).chain(bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_nn::{Draws, Matrix, matrix, plain_device};

    #[test]
    fn the_grid_computes_what_the_integer_model_computes() -> Result<(), CollateralError> {
        let mut draws = Draws::new(4, "grid");
        let network = QuadraticNetwork::new(12, 5, 3, &mut draws)?;
        let grid = Grid::fit(&network, 4, 5)?;
        let model = grid.integers(&network)?;
        let bytes: Vec<u8> = (0..12 * 20).map(|_| draws.below(256) as u8).collect();
        let pixels = Matrix::from_bytes(20, 12, &bytes)?;
        let floats = grid.outputs(&network, pixels.tensor(0, 20, &plain_device()));
        let floats = matrix::floats(floats);
        for (row, pixels) in pixels.iter().enumerate() {
            let integers = model.evaluate(&integer_inputs(pixels))?;
            for (k, &f) in integers.iter().enumerate() {
                let hidden = grid.p_step / f64::from(INPUT_MAX);
                let scaled = f as f64 * hidden * hidden * grid.d_steps[k];
                let float = f64::from(floats[row * 3 + k]);
                assert!(
                    (scaled - float).abs() < 1e-4 * (1.0 + float.abs()),
                    "{scaled} {float}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn rounding_lets_the_gradient_through() -> Result<(), CollateralError> {
        let network = QuadraticNetwork::new(6, 4, 2, &mut Draws::new(4, "grid"))?;
        let grid = Grid::fit(&network, 4, 5)?;
        let rows = Tensor::ones([3, 6], &tacit_nn::training_device());
        let mut gradients = grid.outputs(&network, rows).sum().backward();
        let gradient = network.projection.weight.val().grad_remove(&mut gradients);
        let gradient = gradient.map(matrix::floats).unwrap_or_default();
        assert!(gradient.iter().any(|g| g.abs() > 0.0));
        Ok(())
    }
}
