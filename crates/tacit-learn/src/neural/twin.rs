//! The plaintext twin: the encrypted training's arithmetic on `f64`.
//!
//! ```text
//! point  = w, or w + μ(w − w⁻) for Nesterov
//! g      = Σ_parties ω_i Σ_rows ∇loss(point) / (N·b·k)            k batches of every party
//! w'     = w + μ(w − w⁻) − η_t (g + λ·point)          λ not on biases
//! ```
//!
//! Batches are those of [`BatchOrder`]: the same windows of the same shuffles, weighted so that the
//! expected sum is the pooled gradient whatever the parties' sizes.

use rayon::prelude::*;

use super::gradient::BatchGradient;
use super::{EarlyStop, MlpConfig, MlpWeights, StepMomentum};
use crate::Error;
use crate::model::{BatchOrder, Samples};

/// What an iteration looked like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MlpProgress {
    /// Iteration, from 0.
    pub iteration: usize,
    /// Mean loss over the batch, before the step.
    pub loss: f64,
    /// Mean of half the squared errors of the outputs over the last batch before the step.
    pub squared_error: f64,
    /// The largest pre-activation of a hidden layer in the batch.
    pub max_abs_u: f64,
}

/// A training in progress.
///
/// ```
/// use tacit_learn::neural::{Descent, MlpConfig};
/// use tacit_learn::synthetic;
///
/// let table = synthetic::Ar1Logistic::new(6, 0.5, 0.1, 7)?.draw(900)?;
/// let (train, test) = table.split_at(600)?;
/// let parties = train.deal(3)?;
///
/// let config = MlpConfig { batch: 32, iterations: 40, target: 1.0, ..MlpConfig::new(&[6, 8, 2]) };
/// let mut descent = Descent::new(&config, &parties)?;
/// while !descent.is_done() {
///     descent.step()?;
/// }
/// assert!(descent.weights().accuracy(&config, &test) > 0.7);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Descent<'a> {
    config: &'a MlpConfig,
    parties: &'a [Samples],
    orders: Vec<BatchOrder>,
    total: usize,
    weights: MlpWeights,
    previous: MlpWeights,
    iteration: usize,
    released: Vec<f64>,
}

impl<'a> Descent<'a> {
    /// From the public initial weights.
    pub fn new(config: &'a MlpConfig, parties: &'a [Samples]) -> Result<Self, Error> {
        config.validate()?;
        if parties.is_empty() {
            return Err(Error::Empty {
                what: "the list of parties",
            });
        }
        for (party, rows) in parties.iter().enumerate() {
            config.check(rows).map_err(|e| e.at_party(party))?;
        }
        let order = |(party, rows): (usize, &Samples)| {
            BatchOrder::new(rows.len(), config.batch, config.seed, party)
        };
        let weights = MlpWeights::initial(config);
        Ok(Self {
            config,
            parties,
            orders: parties.iter().enumerate().map(order).collect(),
            total: parties.iter().map(Samples::len).sum(),
            previous: weights.clone(),
            weights,
            iteration: 0,
            released: Vec::new(),
        })
    }

    /// The weights so far.
    pub fn weights(&self) -> &MlpWeights {
        &self.weights
    }

    /// Goes on from other weights of the same shape, at rest: without the momentum of earlier steps.
    pub(crate) fn restart(&mut self, weights: MlpWeights) {
        self.previous = weights.clone();
        self.weights = weights;
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.iteration
    }

    /// The errors that an early stop is decided by, so far.
    pub fn released_errors(&self) -> &[f64] {
        &self.released
    }

    /// Whether all iterations of the plan are done, or its rule says stop.
    pub fn is_done(&self) -> bool {
        let stops = |stop: EarlyStop| stop.stops(&self.released);
        self.iteration >= self.config.iterations || self.config.stop.is_some_and(stops)
    }

    /// One iteration.
    pub fn step(&mut self) -> Result<MlpProgress, Error> {
        let (config, t) = (self.config, self.iteration);
        let mu = config.momentum.mu();
        let mut base = self.weights.clone();
        base.add_scaled(mu, &self.weights);
        base.add_scaled(-mu, &self.previous);
        let point = match config.momentum {
            StepMomentum::Nesterov { .. } => base.clone(),
            _ => self.weights.clone(),
        };
        let sum = self.batch_gradient(&point)?;
        let divisor = (self.parties.len() * config.batch * config.local_batches) as f64;
        let rate = config.rate.at(t, config.iterations);
        let mut next = base;
        for (l, layer) in next.layers_mut().iter_mut().enumerate() {
            layer.add_scaled(-rate / divisor, &sum.gradient.layers()[l]);
            let decay = rate * config.weight_decay;
            for q in 0..config.fan_in(l + 1) {
                let row = layer.row_mut(q).iter_mut().zip(point.layers()[l].row(q));
                row.for_each(|(w, p)| *w -= decay * p);
            }
        }
        let finite = next
            .layers()
            .iter()
            .all(|l| l.values().iter().all(|w| w.is_finite()));
        if !finite || !sum.loss.is_finite() {
            return Err(Error::config(
                "rate",
                format!(
                    "training diverged at iteration {t} (|u| reached {:e})",
                    sum.max_abs_u
                ),
                "lower the rate or the activation's curvature",
            ));
        }
        self.previous = std::mem::replace(&mut self.weights, next);
        self.iteration += 1;
        let one_batch = divisor / config.local_batches as f64;
        let squared_error = sum.squared_error / one_batch;
        let released = config.stop.is_some_and(|stop| stop.releases_after(t));
        if released && t + 1 < config.iterations {
            self.released.push(squared_error);
        }
        Ok(MlpProgress {
            iteration: t,
            loss: sum.loss / divisor,
            squared_error,
            max_abs_u: sum.max_abs_u,
        })
    }

    /// The weighted sum over all parties' batches; its squared error is that of the last of them alone.
    fn batch_gradient(&self, point: &MlpWeights) -> Result<BatchGradient, Error> {
        let local = self.config.local_batches;
        let parts: Vec<BatchGradient> = (self.parties.par_iter().zip(&self.orders).enumerate())
            .map(|(party, (rows, order))| {
                let weight = order.row_weight(self.parties.len(), self.total);
                let mut sum = BatchGradient::zero(self.config);
                for m in self.iteration * local..(self.iteration + 1) * local {
                    let part = point.gradient(self.config, rows, order.rows(m), weight);
                    sum.squared_error = 0.0;
                    sum.merge(&part.map_err(|e| e.at_party(party))?);
                }
                Ok(sum)
            })
            .collect::<Result<_, Error>>()?;
        let mut sum = BatchGradient::zero(self.config);
        parts.iter().for_each(|part| sum.merge(part));
        Ok(sum)
    }
}

/// Runs all iterations.
pub fn train_mlp(
    config: &MlpConfig,
    parties: &[Samples],
    mut observer: impl FnMut(&MlpProgress, &MlpWeights),
) -> Result<MlpWeights, Error> {
    let mut descent = Descent::new(config, parties)?;
    while !descent.is_done() {
        let progress = descent.step()?;
        observer(&progress, descent.weights());
    }
    Ok(descent.weights)
}

#[cfg(test)]
mod tests {
    use super::super::Rate;
    use super::*;

    fn table(rows: usize) -> Samples {
        let mut table = crate::synthetic::Ar1Logistic::new(4, 0.4, 0.2, 3).unwrap();
        table.draw(rows).unwrap()
    }

    fn config() -> MlpConfig {
        MlpConfig {
            batch: 16,
            iterations: 12,
            gain: 1.0,
            ..MlpConfig::new(&[4, 6, 5, 2])
        }
    }

    #[test]
    fn unequal_parties_descend_like_one_pool_when_batches_hold_all_rows() {
        let table = table(60);
        let (a, b) = table.split_at(13).unwrap();
        let config = MlpConfig {
            batch: 64,
            ..config()
        };
        let apart = train_mlp(&config, &[a, b], |_, _| {}).unwrap();
        let pooled = train_mlp(&config, &[table], |_, _| {}).unwrap();
        assert!(apart.max_abs_diff(&pooled) < 1e-12);
    }

    #[test]
    fn several_batches_before_a_step_are_a_larger_batch() {
        // Batches of 5 and 5 cover the same ten rows as one of 10.
        let parties = table(20).deal(2).unwrap();
        let several = MlpConfig {
            batch: 5,
            local_batches: 2,
            iterations: 4,
            ..config()
        };
        let one = MlpConfig {
            batch: 10,
            local_batches: 1,
            ..several.clone()
        };
        let several = train_mlp(&several, &parties, |_, _| {}).unwrap();
        let one = train_mlp(&one, &parties, |_, _| {}).unwrap();
        assert!(several.max_abs_diff(&one) < 1e-12);
    }

    #[test]
    fn a_training_whose_error_stays_stops_when_the_rule_says_so() {
        let parties = table(40).deal(2).unwrap();
        let stop = EarlyStop {
            every: 2,
            patience: 2,
            improvement: 0.0,
        };
        let config = MlpConfig {
            stop: Some(stop),
            rate: Rate::Constant { rate: 1e-9 },
            batch: 20,
            iterations: 50,
            ..config()
        };
        // Hardly a step: the errors of full batches fall, by less than an improvement of a tenth.
        let patient = Descent::new(&config, &parties).unwrap();
        let impatient = MlpConfig {
            stop: Some(EarlyStop {
                improvement: 0.1,
                ..stop
            }),
            ..config.clone()
        };
        let mut descent = Descent::new(&impatient, &parties).unwrap();
        while !descent.is_done() {
            let progress = descent.step().unwrap();
            let last = descent.released_errors().last();
            assert!(progress.iteration.is_multiple_of(2) || last == Some(&progress.squared_error));
        }
        assert_eq!(descent.iteration(), 6);
        assert_eq!(descent.released_errors().len(), 3);
        assert!(!patient.is_done());
    }

    #[test]
    fn momenta_and_decay_are_what_their_formulas_say() {
        let parties = [table(40)];
        let rate = Rate::Constant { rate: 0.1 };
        for momentum in [
            StepMomentum::None,
            StepMomentum::HeavyBall { mu: 0.8 },
            StepMomentum::Nesterov { mu: 0.8 },
        ] {
            let config = MlpConfig {
                batch: 40,
                iterations: 3,
                momentum,
                rate,
                weight_decay: 0.01,
                ..config()
            };
            let found = train_mlp(&config, &parties, |_, _| {}).unwrap();
            // In velocities: v' = μv − η∇, w' = w + v'.
            let mut w = MlpWeights::initial(&config);
            let mut v = MlpWeights::zero(&config);
            for _ in 0..3 {
                let mut point = w.clone();
                if matches!(momentum, StepMomentum::Nesterov { .. }) {
                    point.add_scaled(0.8, &v);
                }
                let sum = point.gradient(&config, &parties[0], 0..40, 1.0).unwrap();
                let mut next = MlpWeights::zero(&config);
                next.add_scaled(momentum.mu(), &v);
                next.add_scaled(-0.1 / 40.0, &sum.gradient);
                let bias = next.layers()[0].row(4).to_vec();
                next.add_scaled(-0.1 * 0.01, &point);
                next.layers_mut()[0].row_mut(4).copy_from_slice(&bias);
                v = next;
                w.add_scaled(1.0, &v);
            }
            assert!(found.max_abs_diff(&w) < 1e-12, "{momentum:?}");
        }
    }

    #[test]
    fn the_loss_falls_and_a_training_that_diverges_says_so() {
        let parties = table(200).deal(2).unwrap();
        let mut losses = Vec::new();
        let slow = MlpConfig {
            rate: Rate::Constant { rate: 0.05 },
            ..config()
        };
        train_mlp(&slow, &parties, |p, _| losses.push(p.loss)).unwrap();
        assert!(losses[11] < losses[0]);
        let wild = MlpConfig {
            rate: Rate::Constant { rate: 90.0 },
            iterations: 200,
            ..config()
        };
        let error = train_mlp(&wild, &parties, |_, _| {}).unwrap_err();
        assert!(error.to_string().contains("diverged"));
    }
}
