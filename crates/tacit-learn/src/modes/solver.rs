//! L-BFGS for the penalised likelihood of every family (Nocedal and Wright, *Numerical
//! Optimization*, 2nd ed., algorithms 7.4 and 7.5), with backtracking to the Armijo condition.

use rayon::prelude::*;

use crate::Error;
use crate::model::{Family, Samples, Weights};

const MEMORY: usize = 20;
const TOLERANCE: f64 = 1e-8;
const MAX_ITERATIONS: usize = 2_000;

/// Minimises the mean loss plus `l2/2·‖w‖²` over all rows.
pub(super) fn minimise(parties: &[Samples], family: Family, l2: f64) -> Result<Weights, Error> {
    let first = parties.first().ok_or(Error::Empty {
        what: "the list of parties",
    })?;
    let problem = Problem {
        parties,
        family,
        l2,
        columns: first.columns(),
    };
    let mut weights = Weights::zero(family.outputs(), problem.columns);
    let (mut value, mut gradient) = problem.evaluate(&weights);
    let mut memory: Vec<Pair> = Vec::with_capacity(MEMORY);
    for _ in 0..MAX_ITERATIONS {
        if norm(&gradient) < TOLERANCE {
            return Ok(weights);
        }
        let mut direction = two_loops(&memory, &gradient);
        let mut slope = -dot(&direction, &gradient);
        if slope >= 0.0 {
            memory.clear();
            direction.clone_from(&gradient);
            slope = -dot(&direction, &gradient);
        }
        // The first step has no curvature to go by.
        let mut length = if memory.is_empty() {
            1.0 / norm(&gradient).max(1.0)
        } else {
            1.0
        };
        let (mut trial, mut trial_value, mut trial_gradient);
        loop {
            trial = weights.clone();
            trial
                .values_mut()
                .iter_mut()
                .zip(&direction)
                .for_each(|(w, d)| *w -= length * d);
            (trial_value, trial_gradient) = problem.evaluate(&trial);
            // At the end of the descent the differences drown in rounding.
            let slack = 1e-14 * (1.0 + value.abs());
            if trial_value <= value + 1e-4 * length * slope + slack {
                break;
            }
            length *= 0.5;
            if length < 1e-20 {
                return not_converged(memory.len(), &gradient);
            }
        }
        let step: Vec<f64> = direction.iter().map(|d| -length * d).collect();
        let change: Vec<f64> = trial_gradient
            .iter()
            .zip(&gradient)
            .map(|(a, b)| a - b)
            .collect();
        let curvature = dot(&step, &change);
        if curvature > 1e-16 * dot(&change, &change) {
            if memory.len() == MEMORY {
                memory.remove(0);
            }
            memory.push(Pair {
                step,
                change,
                curvature,
            });
        }
        (weights, value, gradient) = (trial, trial_value, trial_gradient);
    }
    not_converged(MAX_ITERATIONS, &gradient)
}

fn not_converged(iterations: usize, gradient: &[f64]) -> Result<Weights, Error> {
    Err(Error::NotConverged {
        solver: "L-BFGS",
        iterations,
        gradient: norm(gradient),
    })
}

/// A step and the change of gradient along it.
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
    curvature: f64,
}

/// The inverse Hessian estimate times `gradient`.
fn two_loops(memory: &[Pair], gradient: &[f64]) -> Vec<f64> {
    let mut q = gradient.to_vec();
    let mut factors = vec![0.0; memory.len()];
    for (pair, factor) in memory.iter().zip(&mut factors).rev() {
        *factor = dot(&pair.step, &q) / pair.curvature;
        add_scaled(&mut q, -*factor, &pair.change);
    }
    if let Some(last) = memory.last() {
        let scale = last.curvature / dot(&last.change, &last.change);
        q.iter_mut().for_each(|x| *x *= scale);
    }
    for (pair, factor) in memory.iter().zip(&factors) {
        let back = dot(&pair.change, &q) / pair.curvature;
        add_scaled(&mut q, factor - back, &pair.step);
    }
    q
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn add_scaled(a: &mut [f64], factor: f64, b: &[f64]) {
    a.iter_mut().zip(b).for_each(|(x, y)| *x += factor * y);
}

struct Problem<'a> {
    parties: &'a [Samples],
    family: Family,
    l2: f64,
    columns: usize,
}

impl Problem<'_> {
    /// Value and gradient of the objective.
    fn evaluate(&self, weights: &Weights) -> (f64, Vec<f64>) {
        const CHUNK: usize = 4_096;
        let stride = self.columns + 1;
        let chunks: Vec<(usize, usize)> = self
            .parties
            .iter()
            .enumerate()
            .flat_map(|(p, rows)| (0..rows.len()).step_by(CHUNK).map(move |start| (p, start)))
            .collect();
        let parts: Vec<(f64, Vec<f64>)> = chunks
            .into_par_iter()
            .map(|(p, start)| {
                let rows = &self.parties[p];
                self.chunk(weights, rows, start..(start + CHUNK).min(rows.len()))
            })
            .collect();
        let n = self.parties.iter().map(Samples::len).sum::<usize>() as f64;
        let (mut value, mut gradient) = (0.0, vec![0.0; weights.values().len()]);
        for (part, slopes) in parts {
            value += part / n;
            add_scaled(&mut gradient, 1.0 / n, &slopes);
        }
        for (j, (g, w)) in gradient.iter_mut().zip(weights.values()).enumerate() {
            if j % stride != self.columns {
                value += 0.5 * self.l2 * w * w;
                *g += self.l2 * w;
            }
        }
        (value, gradient)
    }

    fn chunk(
        &self,
        weights: &Weights,
        rows: &Samples,
        range: std::ops::Range<usize>,
    ) -> (f64, Vec<f64>) {
        let (outputs, stride) = (self.family.outputs(), self.columns + 1);
        let (mut value, mut gradient) = (0.0, vec![0.0; outputs * stride]);
        let mut u = vec![0.0; outputs];
        for row in range {
            let (features, label) = (rows.row(row), rows.labels()[row]);
            weights.predictors_into(features, &mut u);
            value += self.loss_and_errors(&mut u, label);
            for (error, slopes) in u.iter().zip(gradient.chunks_exact_mut(stride)) {
                slopes
                    .iter_mut()
                    .zip(features)
                    .for_each(|(g, x)| *g += error * x);
                slopes[self.columns] += error;
            }
        }
        (value, gradient)
    }

    /// Returns the loss and turns predictors into errors `∂loss/∂u`.
    fn loss_and_errors(&self, u: &mut [f64], label: f64) -> f64 {
        if let Family::Multinomial { .. } = self.family {
            let top = u.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = u.iter().map(|v| (v - top).exp()).sum();
            let loss = total.ln() + top - u[label as usize];
            u.iter_mut().enumerate().for_each(|(k, v)| {
                *v = (*v - top).exp() / total - self.family.target(label, k);
            });
            loss
        } else {
            let loss = self.family.loss(u, label);
            u[0] = self.family.mean(u[0]) - label;
            loss
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::Ar1Logistic;

    /// Slow oracle: Newton's method with a dense solve, single output.
    fn newton(rows: &Samples, family: Family, l2: f64) -> Vec<f64> {
        let n = rows.columns() + 1;
        let mut w = vec![0.0; n];
        for _ in 0..50 {
            let mut hessian = vec![vec![0.0; n]; n];
            let mut gradient = vec![0.0; n];
            for i in 0..rows.len() {
                let x: Vec<f64> = rows.row(i).iter().copied().chain([1.0]).collect();
                let u = dot(&x, &w);
                let mean = family.mean(u);
                let slope = match family {
                    Family::Linear => 1.0,
                    Family::Poisson => mean,
                    _ => mean * (1.0 - mean),
                };
                for a in 0..n {
                    gradient[a] += (mean - rows.labels()[i]) * x[a] / rows.len() as f64;
                    for b in 0..n {
                        hessian[a][b] += slope * x[a] * x[b] / rows.len() as f64;
                    }
                }
            }
            for a in 0..n - 1 {
                gradient[a] += l2 * w[a];
                hessian[a][a] += l2;
            }
            // Gauss–Jordan without pivoting: the Hessian is positive definite.
            for a in 0..n {
                let pivot = hessian[a][a];
                hessian[a].iter_mut().for_each(|x| *x /= pivot);
                gradient[a] /= pivot;
                let (row, value) = (hessian[a].clone(), gradient[a]);
                for b in (0..n).filter(|&b| b != a) {
                    let factor = hessian[b][a];
                    add_scaled(&mut hessian[b], -factor, &row);
                    gradient[b] -= factor * value;
                }
            }
            w.iter_mut().zip(&gradient).for_each(|(w, g)| *w -= g);
        }
        w
    }

    #[test]
    fn agrees_with_newtons_method() {
        let rows = Ar1Logistic::new(4, 0.5, 0.1, 8).unwrap().draw(400).unwrap();
        for family in [Family::Linear, Family::Logistic, Family::Poisson] {
            let ours = minimise(&rows.deal(3).unwrap(), family, 0.01).unwrap();
            for (a, b) in ours.values().iter().zip(newton(&rows, family, 0.01)) {
                assert!((a - b).abs() < 1e-6, "{family:?}: {a} {b}");
            }
        }
    }

    #[test]
    fn separable_data_without_penalty_is_reported() {
        let rows = Samples::new(1, vec![-1.0, 1.0], vec![0.0, 1.0]).unwrap();
        // The gradient dies out along the way to infinity, so either outcome must be named: here
        // the optimum is only approached, and a penalty makes it finite.
        let free = minimise(std::slice::from_ref(&rows), Family::Logistic, 0.0);
        let tied = minimise(&[rows], Family::Logistic, 0.1).unwrap();
        assert!(tied.values()[0] < 3.0);
        assert!(free.is_err() || free.unwrap().values()[0] > 10.0);
    }

    #[test]
    fn softmax_optimum_has_zero_gradient() {
        let table = Ar1Logistic::new(2, 0.2, 0.1, 4).unwrap().draw(120).unwrap();
        let labels = (0..120).map(|i| ((table.row(i)[0] * 2.0) as i64).rem_euclid(3) as f64);
        let features = (0..120).flat_map(|i| table.row(i).to_vec()).collect();
        let rows = [Samples::new(2, features, labels.collect()).unwrap()];
        let family = Family::Multinomial { classes: 3 };
        let weights = minimise(&rows, family, 0.01).unwrap();
        let problem = Problem {
            parties: &rows,
            family,
            l2: 0.01,
            columns: 2,
        };
        assert!(norm(&problem.evaluate(&weights).1) < TOLERANCE);
    }
}
