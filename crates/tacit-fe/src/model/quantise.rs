//! From floating point to integers, with a proven bound on what is lost.
//!
//! A trained network computes f_k(u) = Σ_j D_jk (Σ_i P_ij u_i)² on u ∈ [0, 1]^n. With integer inputs
//! x = m·u (m = `input_max`), scales s and t_k and
//!
//! ```text
//!   p = round(s P),   d_k = round(t_k D_k),   F_k(x) = Σ_j d_jk (Σ_i p_ij x_i)²,
//!   f_k(u) ≈ F_k(x) / (t_k s² m²)
//! ```
//!
//! The scale of P is one number for the matrix. It is not max|p| / max|P| but the one with the least
//! squared error, which clips a few outliers for finer steps;
//! D has one scale per output, since whatever reads the outputs rescales them anyway.
//!
//! **Proven error.** With E = P − p/s and G = D − d/t, for every u in the cube
//!
//! ```text
//!   |h_j − h̃_j| ≤ δ_j = max(Σ_i max(E_ij,0), Σ_i max(−E_ij,0)),      |h_j| ≤ H_j likewise from P,
//!   |f_k − f̃_k| ≤ Σ_j |D_jk| δ_j (2H_j + δ_j) + |G_jk| (H_j + δ_j)².
//! ```

use super::{IntegerModel, ModelError, check_sizes};

/// How to quantise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantisation {
    /// Bits of the magnitude of P: 4 means |p| ≤ 15.
    pub p_bits: u32,
    /// Bits of the magnitude of D: 5 means |d| ≤ 31.
    pub d_bits: u32,
    /// Integer value of the input 1.0.
    pub input_max: u16,
    /// If row 0 of P is the bias: the integer that stands for its constant input, 1 to `input_max`.
    /// With `input_max` the bias has the same resolution as the weights and costs nothing more; with 1
    /// its coefficients are `input_max` times as large.
    pub constant: Option<u16>,
}

impl Default for Quantisation {
    fn default() -> Self {
        Self {
            p_bits: 4,
            d_bits: 5,
            input_max: 255,
            constant: Some(255),
        }
    }
}

/// An integer model and how its outputs relate to those of the network it came from.
#[derive(Debug, Clone)]
pub struct Quantised {
    /// The model.
    pub model: IntegerModel,
    /// Floating-point output k ≈ integer output k × `output_scales[k]`.
    pub output_scales: Vec<f64>,
    /// Floating-point hidden value ≈ integer hidden value × this.
    pub hidden_scale: f64,
    /// Proven largest |floating-point output k − integer output k × scale| over all inputs in
    /// [0, 1]^n that are multiples of 1/`input_max`.
    pub worst_error: Vec<f64>,
}

impl Quantisation {
    /// Quantises P (n × d) and D (d × k), both row-major.
    pub fn apply(
        &self,
        (inputs, hidden, outputs): (usize, usize, usize),
        p: &[f64],
        d: &[f64],
    ) -> Result<Quantised, ModelError> {
        check_sizes(inputs, hidden, outputs)?;
        check_matrix("P", p, inputs, hidden)?;
        check_matrix("D", d, hidden, outputs)?;
        let p_top = largest_magnitude("p_bits", self.p_bits)?;
        let d_top = largest_magnitude("d_bits", self.d_bits)?;
        let constant_weight = self.constant_weight()?;

        // The bias is clipped by 16 bits only: a single row, worth its exact value.
        let weights = if self.constant.is_some() {
            &p[hidden..]
        } else {
            p
        };
        let s = least_squares_scale(weights, p_top);
        let round = |value: f64, top: f64| value.round().clamp(-top, top);
        let q: Vec<f64> = p
            .iter()
            .enumerate()
            .map(|(index, &value)| match self.constant {
                Some(_) if index < hidden => round(value * s * constant_weight, 32767.0),
                _ => round(value * s, p_top),
            })
            .collect();

        let mut t = vec![0.0; outputs];
        let mut g = vec![0.0; hidden * outputs];
        for (k, t) in t.iter_mut().enumerate() {
            let column = || d[k..].iter().step_by(outputs);
            let largest = column().fold(0.0f64, |top, v| top.max(v.abs()));
            *t = if largest > 0.0 { d_top / largest } else { 1.0 };
            for (j, value) in column().enumerate() {
                g[j * outputs + k] = round(value * *t, d_top);
            }
        }

        let back = |index: usize, q: f64| match self.constant {
            Some(_) if index < hidden => q / (s * constant_weight),
            _ => q / s,
        };
        let worst_error = worst_error(
            p,
            &q.iter()
                .enumerate()
                .map(|(i, &q)| back(i, q))
                .collect::<Vec<_>>(),
            d,
            &g.iter()
                .enumerate()
                .map(|(i, &g)| g / t[i % outputs])
                .collect::<Vec<_>>(),
            (hidden, outputs),
        );

        let hidden_scale = 1.0 / (s * f64::from(self.input_max));
        let narrow = |values: Vec<f64>| values.into_iter().map(|v| v as i16).collect();
        Ok(Quantised {
            model: IntegerModel::new(
                (inputs, hidden, outputs),
                narrow(q),
                narrow(g),
                self.input_max,
            )?,
            output_scales: t.iter().map(|t| hidden_scale * hidden_scale / t).collect(),
            hidden_scale,
            worst_error,
        })
    }

    /// input_max / constant: how much larger the coefficients of the bias are.
    fn constant_weight(&self) -> Result<f64, ModelError> {
        match self.constant {
            None => Ok(1.0),
            Some(c) if c >= 1 && c <= self.input_max => {
                Ok(f64::from(self.input_max) / f64::from(c))
            }
            Some(c) => Err(ModelError::Quantise {
                matrix: "option `constant`",
                reason: format!("{c} is not within 1 to input_max = {}", self.input_max),
            }),
        }
    }
}

fn check_matrix(
    matrix: &'static str,
    values: &[f64],
    rows: usize,
    columns: usize,
) -> Result<(), ModelError> {
    let reason = if values.len() != rows * columns {
        format!("{} values, {rows} × {columns} are expected", values.len())
    } else if let Some(i) = values.iter().position(|v| !v.is_finite()) {
        format!("[{}][{}] is {}", i / columns, i % columns, values[i])
    } else {
        return Ok(());
    };
    Err(ModelError::Quantise { matrix, reason })
}

fn largest_magnitude(option: &'static str, bits: u32) -> Result<f64, ModelError> {
    if (1..=15).contains(&bits) {
        return Ok(f64::from((1u32 << bits) - 1));
    }
    Err(ModelError::Quantise {
        matrix: option,
        reason: format!("{bits} bits; use 1 to 15"),
    })
}

/// The scale s with the least Σ (v − clamp(round(s v))/s)², over a grid of clipping points.
fn least_squares_scale(values: &[f64], top: f64) -> f64 {
    let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return 1.0;
    }
    let error = |s: f64| -> f64 {
        let of = |v: &f64| (v - (v * s).round().clamp(-top, top) / s).powi(2);
        values.iter().map(of).sum()
    };
    let mut best = (f64::INFINITY, 1.0);
    for step in 0..64 {
        let s = top / (largest * (1.0 - f64::from(step) / 80.0));
        let e = error(s);
        if e < best.0 {
            best = (e, s);
        }
    }
    best.1
}

/// The proven bound of the module documentation; `p` and `d` beside what their integers stand for.
fn worst_error(
    p: &[f64],
    p_rounded: &[f64],
    d: &[f64],
    d_rounded: &[f64],
    (hidden, outputs): (usize, usize),
) -> Vec<f64> {
    let mut delta = vec![(0.0f64, 0.0f64); hidden];
    let mut range = vec![(0.0f64, 0.0f64); hidden];
    for (row, rounded) in p.chunks_exact(hidden).zip(p_rounded.chunks_exact(hidden)) {
        for j in 0..hidden {
            let error = row[j] - rounded[j];
            delta[j].0 += error.max(0.0);
            delta[j].1 += (-error).max(0.0);
            range[j].0 += row[j].max(0.0);
            range[j].1 += (-row[j]).max(0.0);
        }
    }
    let mut bound = vec![0.0; outputs];
    for j in 0..hidden {
        let (delta, top) = (delta[j].0.max(delta[j].1), range[j].0.max(range[j].1));
        for (k, bound) in bound.iter_mut().enumerate() {
            let index = j * outputs + k;
            *bound += d[index].abs() * delta * (2.0 * top + delta)
                + (d[index] - d_rounded[index]).abs() * (top + delta).powi(2);
        }
    }
    // Room for the rounding of this very sum.
    bound.into_iter().map(|b| b * (1.0 + 1e-9)).collect()
}
