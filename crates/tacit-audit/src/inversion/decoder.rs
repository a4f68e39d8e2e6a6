//! Inverse networks.
//!
//! Trained on features and inputs of the attacker's own rows,
//!
//! ```text
//! x̂ = μ_c + D(w),      D(w) = W₃ relu(W₂ relu(W₁ w + b₁) + b₂) + b₃, or a [`Painter`](super::painter::Painter)
//! ```
//!
//! with w the features whitened within the predicted class c and μ_c that class's mean picture. The
//! last layer of D starts at zero, so the network starts at the baseline and moves only where that helps on
//! validation rows (Adam, mean squared error).

use crate::error::AuditError;
use tacit_nn::burn::module::Param;
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::train::Batches;
use tacit_nn::{Draws, Matrix, Mlp, Network, Optimiser, Rule, Schedule, predict, training_device};

const HIDDEN: usize = 256;
const BATCH: usize = 64;
const RATE: f64 = 1e-3;
/// Epochs without a better validation error before it stops.
const PATIENCE: usize = 5;

/// Features of some rows, with the mean picture of their class.
#[derive(Clone, Copy)]
pub(super) struct Pairs<'a> {
    pub(super) features: &'a Matrix,
    pub(super) class_mean: &'a Matrix,
}

/// A decoder and how it came about.
pub(super) struct Decoder<N> {
    network: N,
    pub(super) settings: String,
}

/// The dense network to begin with.
pub(super) fn dense(inputs: usize, pixels: usize, draws: &mut Draws) -> Result<Mlp, AuditError> {
    let mut network = Mlp::new(&[inputs, HIDDEN, HIDDEN, pixels], 0.0, draws)?;
    if let Some(last) = network.layers.last_mut() {
        let device = training_device();
        let zeros = TensorData::new(vec![0.0f32; HIDDEN * pixels], [HIDDEN, pixels]);
        last.weight = Param::from_data(zeros, &device);
        let zeros = TensorData::new(vec![0.0f32; pixels], [pixels]);
        last.bias = Some(Param::from_data(zeros, &device));
    }
    Ok(network)
}

impl<N: Network> Decoder<N> {
    pub(super) fn fit(
        mut network: N,
        train: (Pairs<'_>, &Matrix),
        validation: (Pairs<'_>, &Matrix),
        epochs: usize,
        seed: u64,
    ) -> Result<Self, AuditError> {
        let (pairs, pictures) = train;
        let residual = subtract(pictures, pairs.class_mean)?;
        let mut optimiser = Optimiser::new(Rule::adam()).with_weight_decay(1e-4);
        let mut best = (error(&network, validation)?, network.clone(), 0);
        let steps = Batches::count(pictures.rows(), BATCH);
        let device = training_device();
        for epoch in 0..epochs {
            let batches = Batches::new(pictures.rows(), BATCH, seed, epoch);
            for (step, rows) in batches.enumerate() {
                let found = network.forward(pairs.features.batch(&rows, &device));
                let wanted = residual.batch(&rows, &device);
                let difference: Tensor<2> = found - wanted;
                let loss = (difference.clone() * difference).mean();
                let factor = Schedule::Cosine.factor(epoch * steps + step, epochs * steps, epoch);
                network = optimiser.step(network, &loss, RATE * factor)?;
            }
            let error = error(&network, validation)?;
            if error < best.0 {
                best = (error, network.clone(), epoch + 1);
            } else if epoch + 1 > best.2 + PATIENCE {
                break;
            }
        }
        Ok(Decoder {
            settings: format!("epoch {} of {epochs}", best.2),
            network: best.1,
        })
    }

    /// The pictures for features, cut to 0 … 1.
    pub(super) fn decode(&self, pairs: Pairs<'_>) -> Result<Matrix, AuditError> {
        let residual = predict::logits(&self.network, pairs.features)?;
        let sums = residual.values().iter().zip(pairs.class_mean.values());
        let values = sums.map(|(r, m)| (r + m).clamp(0.0, 1.0)).collect();
        Ok(Matrix::new(residual.rows(), residual.columns(), values)?)
    }
}

fn subtract(a: &Matrix, b: &Matrix) -> Result<Matrix, AuditError> {
    let values = a.values().iter().zip(b.values()).map(|(a, b)| a - b);
    Ok(Matrix::new(a.rows(), a.columns(), values.collect())?)
}

/// The mean squared error on other rows.
fn error<N: Network>(
    network: &N,
    (pairs, pictures): (Pairs<'_>, &Matrix),
) -> Result<f64, AuditError> {
    let residual = subtract(pictures, pairs.class_mean)?;
    let found = predict::logits(network, pairs.features)?;
    let squares = found.values().iter().zip(residual.values());
    let sum: f64 = squares.map(|(a, b)| f64::from(a - b).powi(2)).sum();
    Ok(sum / found.values().len().max(1) as f64)
}
