//! Optimisation through the encoder.
//!
//! The attacker holds the encoder, so it can ask which input would have these features:
//!
//! ```text
//! minimise  mean ((a ⊙ E(x) + b − z)/s)²  +  τ · TV(x)  +  κ · mean (x − μ_c)²    over 0 ≤ x ≤ 1
//! ```
//!
//! E is the bare encoder; a and b (one each per feature, by least squares) and s (the deviation of
//! z) stand for normalisation, scale and clipping, and are learnt from the attacker's own rows. TV
//! is the mean absolute difference of neighbours, the prior of He, Zhang and Lee ("Model inversion
//! attacks against collaborative inference", ACSAC 2019); κ draws to the mean picture of the
//! predicted class. Adam on x, clipped to the range after every step, from μ_c; τ and κ are chosen
//! on validation rows.

use crate::error::AuditError;
use tacit_nn::burn;
use tacit_nn::burn::module::{Module, Param};
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::{Matrix, Network, Optimiser, Rule, matrix, training_device};

const RATE: f64 = 0.03;

/// The weights of the priors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weights {
    /// τ.
    pub(super) variation: f32,
    /// κ.
    pub(super) mean: f32,
}

/// What is tried on validation rows.
pub(super) const WEIGHTS: [Weights; 4] = [
    Weights {
        variation: 0.01,
        mean: 0.0,
    },
    Weights {
        variation: 0.1,
        mean: 0.0,
    },
    Weights {
        variation: 0.01,
        mean: 1.0,
    },
    Weights {
        variation: 0.1,
        mean: 10.0,
    },
];

/// What stands between the encoder and what is sent: z ≈ a ⊙ E(x) + b, in units of s.
pub(super) struct Calibration {
    slope: Vec<f32>,
    offset: Vec<f32>,
    unit: Vec<f32>,
}

impl Calibration {
    /// By least squares, column after column.
    pub(super) fn fit(bare: &Matrix, sent: &Matrix) -> Result<Self, AuditError> {
        if (bare.rows(), bare.columns()) != (sent.rows(), sent.columns()) {
            return Err(AuditError::Shape {
                what: "columns of the bare encoder, beside those of what is sent",
                found: bare.columns(),
                expected: sent.columns(),
            });
        }
        let (n, columns) = (bare.rows().max(1) as f64, bare.columns());
        let mut sums = vec![[0.0f64; 5]; columns];
        for (e, z) in bare.iter().zip(sent.iter()) {
            for ((sums, e), z) in sums.iter_mut().zip(e).zip(z) {
                let (e, z) = (f64::from(*e), f64::from(*z));
                for (sum, v) in sums.iter_mut().zip([e, z, e * e, e * z, z * z]) {
                    *sum += v / n;
                }
            }
        }
        let mut out = Calibration {
            slope: vec![],
            offset: vec![],
            unit: vec![],
        };
        for [e, z, ee, ez, zz] in sums {
            let variance = ee - e * e;
            let slope = if variance > 1e-12 {
                (ez - e * z) / variance
            } else {
                0.0
            };
            let unit = (zz - z * z).max(0.0).sqrt();
            out.slope.push(slope as f32);
            out.offset.push((z - slope * e) as f32);
            // A constant column asks for nothing.
            out.unit.push(if unit > 1e-6 {
                (1.0 / unit) as f32
            } else {
                0.0
            });
        }
        Ok(out)
    }
}

#[derive(Module, Debug)]
struct Pictures {
    pixels: Param<Tensor<2>>,
}

fn constant(values: &[f32], rows: usize) -> Tensor<2> {
    let data = TensorData::new(values.to_vec(), [rows, values.len() / rows.max(1)]);
    Tensor::from_data(data, &training_device())
}

/// Features that were sent, and what is known of the pictures behind them.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) sent: &'a Matrix,
    pub(super) class_mean: &'a Matrix,
    /// Channels, height, width.
    pub(super) shape: [usize; 3],
    /// The encoder's inputs are shift + scale · x for x in 0 … 1.
    pub(super) shift: f32,
    pub(super) scale: f32,
}

/// The pictures whose features come closest to those that were sent.
pub(super) fn invert<N: Network>(
    encoder: &N,
    calibration: &Calibration,
    target: Target<'_>,
    weights: Weights,
    steps: usize,
) -> Result<Matrix, AuditError> {
    let Target {
        sent,
        class_mean,
        shape,
        shift,
        scale,
    } = target;
    let encoder = encoder.clone().no_grad();
    let [channels, height, width] = shape;
    let (n, pixels) = (class_mean.rows(), class_mean.columns());
    let (slope, offset) = (
        constant(&calibration.slope, 1),
        constant(&calibration.offset, 1),
    );
    let unit = constant(&calibration.unit, 1);
    let (target, mean) = (constant(sent.values(), n), constant(class_mean.values(), n));
    let device = training_device();
    let parameter =
        |values: Vec<f32>| Param::from_data(TensorData::new(values, [n, pixels]), &device);
    let mut pictures = Pictures {
        pixels: parameter(class_mean.values().to_vec()),
    };
    let mut optimiser = Optimiser::new(Rule::adam());
    for step in 0..steps {
        let x = pictures.pixels.val();
        let features = encoder.forward(x.clone() * scale + shift);
        let missed = (features * slope.clone() + offset.clone() - target.clone()) * unit.clone();
        // Means are per picture: the sum over pictures keeps them independent of each other.
        let mut loss = (missed.clone() * missed).mean() * n as f32;
        let map = x.clone().reshape([n, channels, height, width]);
        if weights.variation > 0.0 && height > 1 && width > 1 {
            let down = map.clone().narrow(2, 1, height - 1) - map.clone().narrow(2, 0, height - 1);
            let across = map.clone().narrow(3, 1, width - 1) - map.narrow(3, 0, width - 1);
            let variation = down.abs().mean() + across.abs().mean();
            loss = loss + variation * (weights.variation * n as f32);
        }
        if weights.mean > 0.0 {
            let away = x - mean.clone();
            loss = loss + (away.clone() * away).mean() * (weights.mean * n as f32);
        }
        let rate = RATE * (1.0 - 0.9 * step as f64 / steps.max(1) as f64);
        pictures = optimiser.step(pictures, &loss, rate)?;
        let clipped = matrix::floats(pictures.pixels.val());
        pictures.pixels = parameter(clipped.into_iter().map(|v| v.clamp(0.0, 1.0)).collect());
    }
    Ok(Matrix::new(
        n,
        pixels,
        matrix::floats(pictures.pixels.val()),
    )?)
}
