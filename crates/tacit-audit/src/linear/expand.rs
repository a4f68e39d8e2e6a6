//! From features to more features.

use crate::error::AuditError;
use rayon::prelude::*;
use tacit_nn::{Draws, Matrix};

/// A map of rows to longer rows. The constant 1 is always the first column.
#[derive(Debug, Clone)]
pub(crate) enum Expansion {
    /// All monomials up to a degree, each divided by its deviation on the training rows.
    Polynomial {
        monomials: Vec<Vec<usize>>,
        scale: Vec<f32>,
    },
    /// √(2/D) cos(⟨ω, x⟩ + b), ω normal with variance 2γ, b uniform in [0, 2π): inner products are
    /// e^{−γ‖x−y‖²} on average. And the features themselves.
    Cosines {
        directions: Vec<f32>,
        phases: Vec<f32>,
        columns: usize,
    },
}

impl Expansion {
    /// Monomials up to `degree`.
    pub(crate) fn polynomial(rows: &Matrix, degree: usize) -> Self {
        let mut monomials: Vec<Vec<usize>> = vec![vec![]];
        let mut last: Vec<Vec<usize>> = vec![vec![]];
        for _ in 0..degree {
            let mut next = Vec::new();
            for monomial in &last {
                let from = monomial.last().copied().unwrap_or(0);
                for column in from..rows.columns() {
                    let mut longer = monomial.clone();
                    longer.push(column);
                    next.push(longer);
                }
            }
            monomials.extend(next.iter().cloned());
            last = next;
        }
        let scale = monomials
            .par_iter()
            .map(|monomial| {
                let values = || rows.iter().map(|row| f64::from(product(row, monomial)));
                let n = rows.rows().max(1) as f64;
                let mean = values().sum::<f64>() / n;
                let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
                match (monomial.is_empty(), variance > 1e-12) {
                    (true, _) => 1.0,
                    (_, true) => (1.0 / variance.sqrt()) as f32,
                    _ => 0.0,
                }
            })
            .collect();
        Expansion::Polynomial { monomials, scale }
    }

    /// `count` cosines of the Gaussian kernel e^{−γ‖x−y‖²}.
    pub(crate) fn cosines(columns: usize, count: usize, gamma: f32, draws: &mut Draws) -> Self {
        let deviation = (2.0 * gamma).sqrt();
        Expansion::Cosines {
            directions: (0..count * columns)
                .map(|_| deviation * draws.normal())
                .collect(),
            phases: (0..count)
                .map(|_| std::f32::consts::TAU * draws.uniform())
                .collect(),
            columns,
        }
    }

    /// Columns of an expanded row.
    pub(crate) fn width(&self) -> usize {
        match self {
            Expansion::Polynomial { monomials, .. } => monomials.len(),
            Expansion::Cosines {
                phases, columns, ..
            } => 1 + columns + phases.len(),
        }
    }

    /// Expands every row.
    pub(crate) fn apply(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        let width = self.width();
        let mut values = vec![0.0f32; rows.rows() * width];
        values
            .par_chunks_mut(width)
            .enumerate()
            .for_each(|(i, out)| self.expand(rows.row(i), out));
        Ok(Matrix::new(rows.rows(), width, values)?)
    }

    fn expand(&self, row: &[f32], out: &mut [f32]) {
        match self {
            Expansion::Polynomial { monomials, scale } => {
                for ((o, monomial), s) in out.iter_mut().zip(monomials).zip(scale) {
                    *o = product(row, monomial) * s;
                }
            }
            Expansion::Cosines {
                directions,
                phases,
                columns,
            } => {
                out[0] = 1.0;
                out[1..=*columns].copy_from_slice(row);
                let amplitude = (2.0 / phases.len().max(1) as f32).sqrt();
                let cosines = directions.chunks(*columns).zip(phases);
                for (o, (direction, phase)) in out[columns + 1..].iter_mut().zip(cosines) {
                    let dot: f32 = direction.iter().zip(row).map(|(d, x)| d * x).sum();
                    *o = amplitude * (dot + phase).cos();
                }
            }
        }
    }
}

fn product(row: &[f32], monomial: &[usize]) -> f32 {
    monomial.iter().map(|&c| row[c]).product()
}
