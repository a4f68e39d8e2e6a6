//! From measurements to an image.

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};

use super::{Prior, Probes};
use crate::error::AuditError;

/// How the image is looked for among those that agree with the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// min Σ_i |x_i − μ_i| subject to A x = y, 0 ≤ x ≤ 255.
    LinearProgram,
    /// E[x | A x = y] for x ~ N(μ, Σ), that is μ + ΣAᵀ (AΣAᵀ)⁻¹ (y − Aμ), cut to 0 … 255. Knows
    /// which pixels go together.
    Gaussian,
}

/// Reconstructs images of one class from one set of measurements; what does not depend on the image
/// is computed once.
#[derive(Debug)]
pub struct Reconstructor<'a> {
    prior: &'a Prior,
    /// Rows of A, scaled to norm 1, and the factor.
    rows: Vec<Vec<f64>>,
    scales: Vec<f64>,
    gaussian: Option<Gaussian>,
}

#[derive(Debug)]
struct Gaussian {
    /// ΣAᵀ.
    covariances: Vec<Vec<f64>>,
    /// Lower triangular L with L Lᵀ = AΣAᵀ.
    cholesky: Vec<Vec<f64>>,
}

impl<'a> Reconstructor<'a> {
    /// Prepares a method for a set of measurements.
    pub fn new(probes: &Probes, prior: &'a Prior, method: Method) -> Self {
        let norm = |d: &Vec<i16>| {
            let sum: f64 = d.iter().map(|&p| f64::from(p).powi(2)).sum();
            1.0 / sum.sqrt().max(1.0)
        };
        let scales: Vec<f64> = probes.directions().iter().map(norm).collect();
        let scaled = |(d, s): (&Vec<i16>, &f64)| d.iter().map(|&p| f64::from(p) * s).collect();
        let rows: Vec<Vec<f64>> = probes
            .directions()
            .iter()
            .zip(&scales)
            .map(scaled)
            .collect();
        let gaussian = (method == Method::Gaussian).then(|| {
            let covariances = prior.covariances(&rows);
            let gram = rows
                .iter()
                .map(|a| covariances.iter().map(|c| dot(a, c)).collect());
            let cholesky = cholesky(gram.collect());
            Gaussian {
                covariances,
                cholesky,
            }
        });
        Self {
            prior,
            rows,
            scales,
            gaussian,
        }
    }

    /// The image, in grey levels.
    pub fn reconstruct(&self, measurements: &[i64]) -> Result<Vec<f64>, AuditError> {
        if measurements.len() != self.rows.len() {
            return Err(AuditError::Shape {
                what: "measurements",
                found: measurements.len(),
                expected: self.rows.len(),
            });
        }
        let mean = self.prior.mean();
        let residual: Vec<f64> = (measurements.iter().zip(&self.rows).zip(&self.scales))
            .map(|((&y, row), scale)| y as f64 * scale - dot(row, mean))
            .collect();
        let change = match &self.gaussian {
            Some(gaussian) => gaussian.change(residual, mean.len()),
            None => self.linear_program(&residual)?,
        };
        let image = mean
            .iter()
            .zip(change)
            .map(|(m, c)| (m + c).clamp(0.0, 255.0));
        Ok(image.collect())
    }

    /// x − μ = u − v with u, v ≥ 0 and Σ (u + v) least.
    fn linear_program(&self, residual: &[f64]) -> Result<Vec<f64>, AuditError> {
        let mean = self.prior.mean();
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        // In units of 255, so that everything is near 1.
        let variables: Vec<_> = mean
            .iter()
            .map(|m| {
                let m = m / 255.0;
                let up = problem.add_var(1.0, (0.0, 1.0 - m));
                (up, problem.add_var(1.0, (0.0, m)))
            })
            .collect();
        for (row, residual) in self.rows.iter().zip(residual) {
            let terms = variables.iter().zip(row);
            let terms: Vec<_> = terms
                .flat_map(|(&(up, down), &a)| [(up, a), (down, -a)])
                .collect();
            problem.add_constraint(&terms, ComparisonOp::Eq, residual / 255.0);
        }
        let unsolved = |reason: String| AuditError::Unsolved {
            measurements: residual.len(),
            reason,
        };
        match problem.solve() {
            Ok(SolveOutcome::Solution(solution)) => {
                let change = |&(up, down)| solution.var_value(up) - solution.var_value(down);
                Ok(variables.iter().map(|v| 255.0 * change(v)).collect())
            }
            Ok(_) => Err(unsolved("interrupted".into())),
            Err(error) => Err(unsolved(error.to_string())),
        }
    }
}

impl Gaussian {
    fn change(&self, mut w: Vec<f64>, pixels: usize) -> Vec<f64> {
        let l = &self.cholesky;
        for i in 0..w.len() {
            let known: f64 = (0..i).map(|j| l[i][j] * w[j]).sum();
            w[i] = (w[i] - known) / l[i][i];
        }
        for i in (0..w.len()).rev() {
            let known: f64 = (i + 1..w.len()).map(|j| l[j][i] * w[j]).sum();
            w[i] = (w[i] - known) / l[i][i];
        }
        let mut out = vec![0.0; pixels];
        for (w, covariance) in w.iter().zip(&self.covariances) {
            for (out, c) in out.iter_mut().zip(covariance) {
                *out += w * c;
            }
        }
        out
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// L of a positive definite matrix; a repeated measurement gets a large pivot and counts once.
fn cholesky(mut a: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let largest = (0..a.len()).fold(0.0f64, |m, i| m.max(a[i][i]));
    for i in 0..a.len() {
        for j in 0..=i {
            let known = dot(&a[i][..j], &a[j][..j]);
            let value = a[i][j] - known;
            a[i][j] = match i == j {
                true if value < 1e-9 * largest => largest.sqrt() * 1e6,
                true => value.sqrt(),
                false => value / a[j][j],
            };
        }
    }
    a
}
