//! Whitening within a predicted public class.
//!
//! Center losses pull the features of a class together: what is left of the private label is small
//! beside the distance between classes, and an attacker who scales all rows alike does not see it.
//! Scaled by the deviations *within* the class that the head predicts, it is as large as ever:
//!
//! ```text
//! w = L⁻¹ D⁻¹ (z − μ),   μ and D: means and deviations of the rows of the predicted class,
//!                        L Lᵀ = (1−ρ) R + ρ I,  R: their correlations
//! ```
//!
//! The predicted class follows w as a column per class. Above [`MOST_CORRELATED`] columns, and where
//! a class has too few rows to estimate R from, L is the identity. A class without rows takes the
//! figures of all rows.

use crate::error::AuditError;
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::{Matrix, matrix, plain_device};

/// Columns up to which correlations are removed.
pub(crate) const MOST_CORRELATED: usize = 256;
/// ρ.
const SHRINKAGE: f64 = 0.02;
/// Rows a class must have to be scaled by its own figures.
const FEWEST: usize = 10;

/// Means, deviations and correlations of each predicted class.
pub(crate) struct ClassWhitener {
    classes: Vec<Figures>,
}

#[derive(Clone)]
struct Figures {
    mean: Vec<f64>,
    /// 1/deviation; 0 for constant columns.
    scale: Vec<f64>,
    /// (L⁻¹)ᵀ as a tensor `[columns, columns]`.
    decorrelate: Option<Tensor<2>>,
}

impl ClassWhitener {
    /// `predicted` holds classes below `classes`, one per row.
    pub(crate) fn fit(rows: &Matrix, predicted: &[usize], classes: usize) -> Self {
        let everyone: Vec<usize> = (0..rows.rows()).collect();
        let of_all = Figures::of(rows, &everyone);
        let of_class = |class| {
            let members = everyone.iter().copied().filter(|&i| predicted[i] == class);
            let members: Vec<usize> = members.collect();
            match members.len() >= FEWEST {
                true => Figures::of(rows, &members),
                false => of_all.clone(),
            }
        };
        let classes = (0..classes).map(of_class).collect();
        ClassWhitener { classes }
    }

    /// w of every row, and its class in one column per class.
    pub(crate) fn apply(&self, rows: &Matrix, predicted: &[usize]) -> Result<Matrix, AuditError> {
        let (columns, classes) = (rows.columns(), self.classes.len());
        let width = columns + classes;
        let mut out = vec![0.0f32; rows.rows() * width];
        for (class, figures) in self.classes.iter().enumerate() {
            let members: Vec<usize> = (0..rows.rows())
                .filter(|&i| predicted[i] == class)
                .collect();
            if members.is_empty() {
                continue;
            }
            let mut white: Vec<f32> = Vec::with_capacity(members.len() * columns);
            for &i in &members {
                white.extend(figures.standard(rows.row(i)).map(|v| v as f32));
            }
            if let Some(decorrelate) = &figures.decorrelate {
                let data = TensorData::new(white, [members.len(), columns]);
                let rows = Tensor::<2>::from_data(data, &plain_device());
                white = matrix::floats(rows.matmul(decorrelate.clone()));
            }
            for (&i, white) in members.iter().zip(white.chunks_exact(columns)) {
                let row = &mut out[i * width..(i + 1) * width];
                row[..columns].copy_from_slice(white);
                row[columns + class] = 1.0;
            }
        }
        Ok(Matrix::new(rows.rows(), width, out)?)
    }
}

impl Figures {
    fn of(rows: &Matrix, members: &[usize]) -> Self {
        let (n, columns) = (members.len() as f64, rows.columns());
        let mut mean = vec![0.0; columns];
        for &i in members {
            for (m, v) in mean.iter_mut().zip(rows.row(i)) {
                *m += f64::from(*v) / n;
            }
        }
        let mut variance = vec![0.0; columns];
        for &i in members {
            for ((s, m), v) in variance.iter_mut().zip(&mean).zip(rows.row(i)) {
                *s += (f64::from(*v) - m).powi(2) / n;
            }
        }
        // A deviation that is only the rounding of `f32` is none.
        let scale = variance.iter().zip(&mean).map(|(s, m)| {
            let rounding = (m.abs() * f64::from(f32::EPSILON)).max(1e-30);
            if s.sqrt() > rounding {
                1.0 / s.sqrt()
            } else {
                0.0
            }
        });
        let mut figures = Figures {
            scale: scale.collect(),
            mean,
            decorrelate: None,
        };
        if columns <= MOST_CORRELATED && members.len() >= 2 * columns {
            figures.decorrelate = Some(figures.inverse_root(rows, members));
        }
        figures
    }

    /// D⁻¹(z − μ), pulled in at 30 deviations.
    fn standard(&self, row: &[f32]) -> impl Iterator<Item = f64> {
        let pairs = row.iter().zip(&self.mean).zip(&self.scale);
        pairs.map(|((v, m), s)| ((f64::from(*v) - m) * s).clamp(-30.0, 30.0))
    }

    /// (L⁻¹)ᵀ.
    fn inverse_root(&self, rows: &Matrix, members: &[usize]) -> Tensor<2> {
        let (n, columns) = (members.len(), self.mean.len());
        let standard = members.iter().flat_map(|&i| self.standard(rows.row(i)));
        let data = TensorData::new(standard.map(|v| v as f32).collect::<Vec<_>>(), [n, columns]);
        let z = Tensor::<2>::from_data(data, &plain_device());
        let gram = matrix::floats(z.clone().transpose().matmul(z));
        let share = (1.0 - SHRINKAGE) / n as f64;
        let mut l: Vec<f64> = gram.iter().map(|v| f64::from(*v) * share).collect();
        for i in 0..columns {
            l[i * columns + i] += SHRINKAGE;
        }
        let inverse = lower_inverse(&mut l, columns);
        let transposed = (0..columns * columns).map(|at| {
            let (row, column) = (at / columns, at % columns);
            inverse[column * columns + row] as f32
        });
        let data = TensorData::new(transposed.collect::<Vec<_>>(), [columns, columns]);
        Tensor::from_data(data, &plain_device())
    }
}

/// L⁻¹ of the Cholesky factor L of a positive definite matrix, which is overwritten.
fn lower_inverse(a: &mut [f64], n: usize) -> Vec<f64> {
    for j in 0..n {
        let (above, rest) = a.split_at_mut((j + 1) * n);
        let row_j = &mut above[j * n..];
        let squares: f64 = row_j[..j].iter().map(|v| v * v).sum();
        row_j[j] = (row_j[j] - squares).max(1e-9).sqrt();
        let pivot = row_j[j];
        for row_i in rest.chunks_exact_mut(n) {
            let dot: f64 = row_i[..j].iter().zip(&row_j[..j]).map(|(a, b)| a * b).sum();
            row_i[j] = (row_i[j] - dot) / pivot;
        }
    }
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        // Row i of L⁻¹: (e_i − Σ_{k<i} L_ik · row_k) / L_ii.
        let (done, rest) = inverse.split_at_mut(i * n);
        let row = &mut rest[..n];
        for (k, known) in done.chunks_exact(n).enumerate() {
            let factor = a[i * n + k];
            for (r, v) in row[..=k].iter_mut().zip(known) {
                *r -= factor * v;
            }
        }
        row[i] = 1.0;
        row.iter_mut().for_each(|v| *v /= a[i * n + i]);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_nn::Draws;

    #[test]
    fn every_class_comes_out_with_mean_zero_and_the_identity_as_covariance() {
        let mut draws = Draws::new(1, "whiten");
        let mut values = Vec::new();
        let predicted: Vec<usize> = (0..600).map(|i| i % 2).collect();
        for &class in &predicted {
            let (a, b) = (draws.normal(), draws.normal());
            let far = 100.0 * class as f32;
            values.extend([far + 0.01 * a, 0.01 * (a + b) - far, 3.0]);
        }
        let rows = Matrix::new(600, 3, values).unwrap();
        let whitener = ClassWhitener::fit(&rows, &predicted, 2);
        let white = whitener.apply(&rows, &predicted).unwrap();
        for class in 0..2 {
            let members: Vec<&[f32]> = (0..600)
                .filter(|i| predicted[*i] == class)
                .map(|i| white.row(i))
                .collect();
            let n = members.len() as f32;
            for i in 0..2 {
                let mean: f32 = members.iter().map(|r| r[i]).sum::<f32>() / n;
                assert!(mean.abs() < 0.01, "{mean}");
                for j in 0..2 {
                    let cross: f32 = members.iter().map(|r| r[i] * r[j]).sum::<f32>() / n;
                    let identity = if i == j { 1.0 } else { 0.0 };
                    assert!((cross - identity).abs() < 0.08, "{i} {j} {cross}");
                }
            }
            // The constant column carries nothing; the class is written beside.
            assert!(members.iter().all(|r| r[2] == 0.0 && r[3 + class] == 1.0));
        }
    }
}
