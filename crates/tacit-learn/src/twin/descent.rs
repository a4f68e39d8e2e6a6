//! The descent, computed directly.

use std::ops::Range;

use rayon::prelude::*;

use super::history::{Record, Run};
use crate::Error;
use crate::activation::{Activation, RangeCheck, RangeReport};
use crate::metrics;
use crate::model::{BatchOrder, GlmConfig, Samples, Schedule, Weights};

/// What stands between predictor and error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Response {
    /// The fitted polynomial, as under encryption.
    Polynomial,
    /// The exact mean function: what the polynomial costs is the difference.
    Exact,
}

/// A training on `f64`, ready to run.
#[derive(Debug)]
pub struct Descent<'a> {
    config: &'a GlmConfig,
    parties: &'a [Samples],
    activation: Activation,
    schedule: Schedule,
    orders: Vec<BatchOrder>,
    total: usize,
    response: Response,
    watch: Option<&'a Samples>,
    /// Parties that are away, and in which iterations.
    away: Vec<(usize, Range<usize>)>,
}

/// Sums of one party over its batch.
struct Partial {
    gradient: Vec<f64>,
    loss: f64,
    correct: usize,
    rows: usize,
    range: RangeCheck,
}

impl<'a> Descent<'a> {
    /// Checks configuration and rows.
    pub fn new(config: &'a GlmConfig, parties: &'a [Samples]) -> Result<Self, Error> {
        config.validate()?;
        if parties.is_empty() {
            return Err(Error::Empty {
                what: "the list of parties",
            });
        }
        for (party, rows) in parties.iter().enumerate() {
            rows.check(config.family, config.features)
                .map_err(|e| e.at_party(party))?;
        }
        let activation = config.activation()?;
        let eigenvalue = match config.curvature.known(config.features) {
            Some(bound) => bound,
            None => super::second_moment_bound(parties)?,
        };
        let schedule = config.schedule(eigenvalue)?;
        let orders = parties
            .iter()
            .enumerate()
            .map(|(party, rows)| BatchOrder::new(rows.len(), config.batch, config.seed, party))
            .collect();
        let total = parties.iter().map(Samples::len).sum();
        let response = Response::Polynomial;
        Ok(Descent {
            config,
            parties,
            activation,
            schedule,
            orders,
            total,
            response,
            watch: None,
            away: Vec::new(),
        })
    }

    /// Uses the exact mean function instead of the polynomial.
    pub fn response(mut self, response: Response) -> Self {
        self.response = response;
        self
    }

    /// Also evaluates every iteration's weights on `rows`.
    pub fn watch(mut self, rows: &'a Samples) -> Self {
        self.watch = Some(rows);
        self
    }

    /// In these iterations, counted from 0, the rows of `party` are not there: as when an encrypted training goes on
    /// without it.
    pub fn without(mut self, party: usize, iterations: Range<usize>) -> Self {
        self.away.push((party, iterations));
        self
    }

    /// The activation in use.
    pub fn activation(&self) -> &Activation {
        &self.activation
    }

    /// The steps to be taken.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Runs all iterations.
    pub fn run(&self) -> Result<Run, Error> {
        let config = self.config;
        let (outputs, stride) = (config.family.outputs(), config.features + 1);
        let mut x = Weights::zero(outputs, config.features);
        let mut previous = x.clone();
        let mut run = Run {
            weights: x.clone(),
            history: Vec::with_capacity(config.iterations),
            range: RangeReport::new(self.activation.bound()),
            max_abs_gradient_sum: 0.0,
            max_abs_weight: 0.0,
        };
        for (iteration, step) in self.schedule.steps().iter().enumerate() {
            let mut base = x.clone();
            for ((b, &now), &before) in base
                .values_mut()
                .iter_mut()
                .zip(x.values())
                .zip(previous.values())
            {
                *b += step.momentum() * (now - before);
            }
            let point = if self.schedule.is_nesterov() {
                base.clone()
            } else {
                x.clone()
            };
            // At zero, which is public, every party uses all its rows.
            let partial = self.iterate(iteration, &point);
            let divisor = self.divisor(iteration);
            let mut next = base;
            for (j, w) in next.values_mut().iter_mut().enumerate() {
                let decay = if j % stride == config.features {
                    0.0
                } else {
                    step.decay
                };
                *w -= step.rate * partial.gradient[j] / divisor + decay * point.values()[j];
            }
            let largest = |v: &[f64]| v.iter().fold(0.0f64, |m, a| m.max(a.abs()));
            run.max_abs_gradient_sum = run.max_abs_gradient_sum.max(largest(&partial.gradient));
            run.max_abs_weight = run
                .max_abs_weight
                .max(largest(next.values()))
                .max(largest(point.values()));
            if !next.values().iter().all(|w| w.abs() < 1e6) {
                return Err(Error::Diverged {
                    iteration,
                    max_abs_u: partial.range.max_abs(),
                    bound: self.activation.bound(),
                });
            }
            previous = std::mem::replace(&mut x, next);
            run.history.push(self.record(iteration, &partial, &x)?);
            run.range.push(partial.range);
        }
        run.weights = x;
        Ok(run)
    }

    fn record(&self, iteration: usize, partial: &Partial, x: &Weights) -> Result<Record, Error> {
        let family = self.config.family;
        let watched = match self.watch {
            Some(rows) => Some(metrics::evaluate(family, x, rows)?),
            None => None,
        };
        let rows = partial.rows as f64;
        Ok(Record {
            iteration,
            batch_loss: partial.loss / rows,
            batch_accuracy: family
                .is_classifier()
                .then_some(partial.correct as f64 / rows),
            range: partial.range,
            watch_loss: watched.as_ref().map(|m| m.loss),
            watch_accuracy: watched.and_then(|m| m.accuracy),
        })
    }

    /// What the sum over parties is divided by.
    fn divisor(&self, iteration: usize) -> f64 {
        if iteration == 0 {
            self.total as f64
        } else {
            (self.parties.len() * self.config.batch) as f64
        }
    }

    fn iterate(&self, iteration: usize, point: &Weights) -> Partial {
        let is_away = |party| {
            let mut away = self.away.iter();
            away.any(|(p, when)| *p == party && when.contains(&iteration))
        };
        let parts: Vec<Partial> = (0..self.parties.len())
            .into_par_iter()
            .filter(|&party| !is_away(party))
            .map(|party| {
                let (rows, order) = (&self.parties[party], &self.orders[party]);
                if iteration == 0 {
                    self.party(rows, 0..rows.len(), 1.0, point)
                } else {
                    let weight = order.row_weight(self.parties.len(), self.total);
                    self.party(rows, order.rows(iteration - 1), weight, point)
                }
            })
            .collect();
        // In roster order, so that the sum does not depend on the threads.
        parts
            .into_iter()
            .reduce(Partial::add)
            .expect("there is at least one party")
    }

    fn party(
        &self,
        samples: &Samples,
        rows: impl Iterator<Item = usize>,
        weight: f64,
        point: &Weights,
    ) -> Partial {
        let family = self.config.family;
        let (outputs, columns) = (family.outputs(), samples.columns());
        let mut u = vec![0.0; outputs];
        let mut part = Partial {
            gradient: vec![0.0; outputs * (columns + 1)],
            loss: 0.0,
            correct: 0,
            rows: 0,
            range: RangeCheck::default(),
        };
        for row in rows {
            let (features, label) = (samples.row(row), samples.labels()[row]);
            point.predictors_into(features, &mut u);
            for (lane, &u) in u.iter().enumerate() {
                part.range.observe(u, self.activation.bound());
                let mean = match self.response {
                    Response::Polynomial => self.activation.eval(u),
                    Response::Exact => family.mean(u),
                };
                let error = weight * (mean - family.target(label, lane));
                let gradient = &mut part.gradient[lane * (columns + 1)..][..columns + 1];
                gradient
                    .iter_mut()
                    .zip(features)
                    .for_each(|(g, x)| *g += error * x);
                gradient[columns] += error;
            }
            part.loss += family.loss(&u, label);
            part.correct += usize::from(family.is_correct(&u, label));
            part.rows += 1;
        }
        part
    }
}

impl Partial {
    fn add(mut self, other: Partial) -> Self {
        self.gradient
            .iter_mut()
            .zip(&other.gradient)
            .for_each(|(a, b)| *a += b);
        self.loss += other.loss;
        self.correct += other.correct;
        self.rows += other.rows;
        self.range = self.range.merge(other.range);
        self
    }
}
