//! Newton's method for one linear model.

use super::cholesky::solve;
use tacit_nn::burn::tensor::{Device, Tensor, TensorData};
use tacit_nn::{Matrix, matrix, plain_device};

/// What a margin costs; y is ±1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// ln(1 + e^{−yz}).
    Logistic,
    /// max(0, 1 − yz)².
    SquaredHinge,
}

impl Loss {
    /// Value, first and second derivative by z.
    fn at(self, z: f64, y: f64) -> (f64, f64, f64) {
        match self {
            Loss::Logistic => {
                let margin = y * z;
                let value = (-margin).max(0.0) + (-margin.abs()).exp().ln_1p();
                let p = 1.0 / (1.0 + margin.exp());
                (value, -y * p, (p * (1.0 - p)).max(1e-9))
            }
            Loss::SquaredHinge => {
                let slack = (1.0 - y * z).max(0.0);
                let active = if slack > 0.0 { 2.0 } else { 0.0 };
                (slack * slack, -2.0 * y * slack, active)
            }
        }
    }
}

/// Weights, and a line that turns z into a log-odds.
#[derive(Debug, Clone)]
pub(crate) struct LinearModel {
    pub(crate) weights: Vec<f64>,
    pub(crate) slope: f64,
    pub(crate) offset: f64,
}

impl LinearModel {
    /// Log-odds of expanded rows.
    pub(crate) fn log_odds(&self, expanded: &Matrix) -> Vec<f64> {
        let mut z = Vec::with_capacity(expanded.rows());
        for row in expanded.iter() {
            z.push(self.slope * dot(row, &self.weights) + self.offset);
        }
        z
    }
}

fn dot(row: &[f32], weights: &[f64]) -> f64 {
    row.iter()
        .zip(weights)
        .map(|(x, w)| f64::from(*x) * w)
        .sum()
}

/// Minimises mean loss + λ‖w‖²/2 (the first weight, the constant, is free) from `start`.
pub(crate) fn fit_binary(
    rows: &Matrix,
    targets: &[bool],
    loss: Loss,
    ridge: f64,
    start: Option<&[f64]>,
) -> Vec<f64> {
    let (n, p) = (rows.rows(), rows.columns());
    let device = plain_device();
    let x = rows.tensor(0, n, &device);
    let mut w = match start {
        Some(start) => start.to_vec(),
        None => vec![0.0; p],
    };
    let penalty = |w: &[f64]| 0.5 * ridge * w[1..].iter().map(|v| v * v).sum::<f64>();
    let sign = |t: bool| if t { 1.0 } else { -1.0 };
    let objective = |w: &[f64], z: &[f32]| {
        let sum: f64 = z
            .iter()
            .zip(targets)
            .map(|(z, t)| loss.at(f64::from(*z), sign(*t)).0)
            .sum();
        sum / n as f64 + penalty(w)
    };
    let mut z = product(&x, &w, &device);
    let mut value = objective(&w, &z);
    for _ in 0..30 {
        let (first, second): (Vec<f32>, Vec<f32>) = z
            .iter()
            .zip(targets)
            .map(|(z, t)| {
                let (_, d1, d2) = loss.at(f64::from(*z), sign(*t));
                (d1 as f32, d2 as f32)
            })
            .unzip();
        let column = |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [n, 1]), &device);
        let weighted = x.clone() * column(second);
        let hessian = matrix::floats(x.clone().transpose().matmul(weighted));
        let gradient = matrix::floats(x.clone().transpose().matmul(column(first)));
        let scale = 1.0 / n as f64;
        let mut h: Vec<f64> = hessian.iter().map(|v| f64::from(*v) * scale).collect();
        let mut step: Vec<f64> = gradient.iter().map(|v| f64::from(*v) * scale).collect();
        for i in 0..p {
            let own = if i == 0 { 1e-9 } else { ridge };
            h[i * p + i] += own;
            if i > 0 {
                step[i] += ridge * w[i];
            }
        }
        solve(&mut h, &mut step);
        // Halve the step until it helps.
        let mut length = 1.0;
        let mut moved = None;
        for _ in 0..12 {
            let candidate: Vec<f64> = w.iter().zip(&step).map(|(w, s)| w - length * s).collect();
            let z = product(&x, &candidate, &device);
            let next = objective(&candidate, &z);
            if next < value {
                moved = Some((candidate, z, next));
                break;
            }
            length *= 0.5;
        }
        let Some((candidate, next_z, next)) = moved else {
            break;
        };
        let gain = value - next;
        (w, z, value) = (candidate, next_z, next);
        if gain < 1e-5 * value.abs().max(1e-12) {
            break;
        }
    }
    w
}

fn product(x: &Tensor<2>, w: &[f64], device: &Device) -> Vec<f32> {
    let w: Vec<f32> = w.iter().map(|v| *v as f32).collect();
    let length = w.len();
    let w = Tensor::<2>::from_data(TensorData::new(w, [length, 1]), device);
    matrix::floats(x.clone().matmul(w))
}

/// Slope and offset of the log-odds in z, fitted on rows that did not fit the weights (Platt 1999).
pub(crate) fn platt(z: &[f64], targets: &[bool]) -> (f64, f64) {
    let values = z.iter().flat_map(|z| [1.0, *z as f32]).collect();
    let Ok(rows) = Matrix::new(z.len(), 2, values) else {
        return (1.0, 0.0);
    };
    let w = fit_binary(&rows, targets, Loss::Logistic, 1e-6, Some(&[0.0, 1.0]));
    // A negative slope would turn every guess round; that is for the validation rows to say, but
    // not when it is noise around zero.
    if w[1] > 0.0 { (w[1], w[0]) } else { (1.0, 0.0) }
}
