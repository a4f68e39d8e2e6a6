//! The loop: weights and centres in turn.

use super::outcome::{Collapse, Cost, EpochRecord, Outcome};
use super::recipe::{Method, Recipe};
use super::rivals::{Adversary, distance_correlation};
use super::{Parts, Progress};
use crate::error::SplitError;
use crate::loss::Centres;
use crate::noise::{ClientSecret, Normaliser, RunningMoments};
use std::time::Instant;
use tacit_nn::burn::tensor::Tensor;
use tacit_nn::matrix::floats;
use tacit_nn::predict::{accuracy, argmax, logits};
use tacit_nn::train::{Batches, cross_entropy, value};
use tacit_nn::{Draws, Network, Optimiser, Rule, Samples, Schedule, training_device};

/// Weight of a batch in the running moments.
const MOMENTUM: f64 = 0.1;
/// Rows that moments are measured on between epochs.
const MOMENT_ROWS: usize = 4096;
/// Below this share of the deviation before, no feature varies.
const SILENT: f64 = 1e-4;
/// Of what the deployed network knew beyond the majority, the least that must be left.
const LEFT: f64 = 0.1;
/// Largest norm of a gradient.
const CLIP: f32 = 5.0;

pub(super) struct Trained {
    pub(super) parts: Parts,
    pub(super) outcome: Outcome,
    pub(super) cost: Cost,
    pub(super) epochs: Vec<EpochRecord>,
}

pub(super) fn train(
    mut parts: Parts,
    train: &Samples,
    validation: &Samples,
    private: Option<&Samples>,
    recipe: &Recipe,
    mut progress: impl FnMut(Progress),
) -> Result<Trained, SplitError> {
    let began = Instant::now();
    let mut cost = Cost::default();
    let mut records: Vec<EpochRecord> = Vec::with_capacity(recipe.epochs);
    let before = parts.bare_accuracy(validation)?;
    let majority = majority_share(train, validation);
    let mut state = State::new(&parts, train, private, recipe)?;
    let widest = state.moments.widest();
    let steps = Batches::count(train.rows(), recipe.batch);
    let warm = (recipe.warm_up.share * recipe.epochs as f32).ceil() as usize;
    let warm_up = recipe.warm_up.share;
    let schedule = Schedule::WarmCosine { warm_up };
    let (mut best, mut best_at) = (f64::NEG_INFINITY, 0);
    let mut kept: Option<Parts> = None;
    let mut outcome = Outcome::Finished;
    for epoch in 0..recipe.epochs {
        let mut sums = (0.0, 0.0);
        let mut lambda = 0.0;
        let batches = Batches::new(train.rows(), recipe.batch, recipe.seed, epoch);
        for (step, rows) in batches.enumerate().filter(|(_, rows)| rows.len() > 1) {
            let at = epoch * steps + step;
            let total = recipe.epochs * steps;
            let rate = recipe.rate * schedule.factor(at, total, epoch);
            lambda = recipe.lambda * recipe.warm_up.factor(at, total);
            let private = private.map(|p| p.labels());
            let (ce, penalty) =
                state.step(&mut parts, train, private, &rows, lambda, rate, recipe)?;
            if !(ce + penalty).is_finite() {
                outcome = Outcome::Collapsed(Collapse::Diverged { step: at as u64 });
                break;
            }
            cost.steps += 1;
            cost.samples += rows.len() as u64;
            sums.0 += f64::from(ce) * rows.len() as f64;
            sums.1 += f64::from(penalty) * rows.len() as f64;
            progress(Progress {
                epoch,
                epochs: recipe.epochs,
                step: step + 1,
                steps,
                loss: ce + lambda * penalty,
                record: None,
            });
        }
        cost.epochs = epoch + 1;
        let share = state.moments.widest() / widest.max(f64::MIN_POSITIVE);
        if outcome == Outcome::Finished && share < SILENT && parts.train_encoder {
            outcome = Outcome::Collapsed(Collapse::Variance { share });
        }
        if outcome != Outcome::Finished {
            break;
        }
        let public_accuracy = parts.public_accuracy(train, validation, recipe)?;
        let record = EpochRecord {
            epoch: epoch + 1,
            cross_entropy: sums.0 / train.rows() as f64,
            penalty: sums.1 / train.rows() as f64,
            lambda: f64::from(lambda),
            public_accuracy,
        };
        records.push(record);
        progress(Progress {
            epoch,
            epochs: recipe.epochs,
            step: steps,
            steps,
            loss: (record.cross_entropy + record.lambda * record.penalty) as f32,
            record: Some(record),
        });
        if epoch + 1 < warm {
            continue;
        }
        if public_accuracy > best {
            (best, best_at) = (public_accuracy, epoch);
        }
        if public_accuracy >= best - recipe.tolerance {
            kept = Some(parts.clone());
        }
        if recipe.patience.is_some_and(|p| epoch - best_at > p) {
            outcome = Outcome::StoppedEarly;
            break;
        }
    }
    if let Some(kept) = kept {
        parts = kept;
    }
    let lost = best.is_finite() && best < majority + LEFT * (before - majority);
    if lost && !matches!(outcome, Outcome::Collapsed(_)) {
        outcome = Outcome::Collapsed(Collapse::Accuracy {
            accuracy: best,
            majority,
        });
    }
    cost.seconds = began.elapsed().as_secs_f64();
    Ok(Trained {
        parts,
        outcome,
        cost,
        epochs: records,
    })
}

/// The share of the validation rows that have the most frequent class of the training rows.
fn majority_share(train: &Samples, validation: &Samples) -> f64 {
    let mut counts = vec![0usize; train.classes()];
    train.labels().iter().for_each(|&l| counts[l] += 1);
    let most = (0..counts.len()).max_by_key(|c| counts[*c]).unwrap_or(0);
    let hits = validation.labels().iter().filter(|l| **l == most).count();
    hits as f64 / validation.rows().max(1) as f64
}

/// All that moves besides the weights.
struct State {
    moments: RunningMoments,
    centres: Centres,
    adversary: Option<Adversary>,
    of_encoder: Optimiser,
    of_head: Optimiser,
    noise: Draws,
}

impl State {
    fn new(
        parts: &Parts,
        train: &Samples,
        private: Option<&Samples>,
        recipe: &Recipe,
    ) -> Result<Self, SplitError> {
        let raw = logits(&parts.encoder, train.features())?;
        let mut moments = RunningMoments::new(raw.columns(), parts.span, MOMENTUM)?;
        moments.update(raw.values());
        let u = moments.normaliser().normalise(&raw)?;
        let (classes, features) = (train.classes(), u.columns());
        let sigma = f64::from(recipe.veil.noise.deviation());
        let centres =
            Centres::at_means(u.values(), train.labels(), classes, features, recipe.alpha)?
                .with_ridge(sigma * sigma);
        let adversary = match (recipe.method, private) {
            (Method::Adversarial, Some(private)) => {
                let mut draws = Draws::new(recipe.seed, "adversary");
                let (labels, classes) = (private.labels(), private.classes());
                Some(Adversary::new(
                    features,
                    labels,
                    classes,
                    recipe.rate,
                    &mut draws,
                )?)
            }
            _ => None,
        };
        Ok(State {
            moments,
            centres,
            adversary,
            of_encoder: Optimiser::new(Rule::adam()).with_clip(CLIP),
            of_head: Optimiser::new(Rule::adam()).with_clip(CLIP),
            noise: Draws::new(recipe.seed, "noise in training"),
        })
    }

    /// One step; cross-entropy and penalty of its batch, before the step.
    #[allow(clippy::too_many_arguments)]
    fn step(
        &mut self,
        parts: &mut Parts,
        train: &Samples,
        private: Option<&[usize]>,
        rows: &[usize],
        lambda: f32,
        rate: f64,
        recipe: &Recipe,
    ) -> Result<(f32, f32), SplitError> {
        let device = training_device();
        let (inputs, labels) = train.batch(rows, &device);
        let of_rows: Vec<usize> = rows.iter().map(|&r| train.labels()[r]).collect();
        // A part that is not trained is used as it is served, running statistics included.
        let x = match parts.train_encoder {
            true => parts
                .encoder
                .forward_training(inputs.clone(), &mut self.noise),
            false => parts.encoder.forward(inputs.clone()),
        };
        self.moments.update(&floats(x.clone().detach()));
        let (means, deviations) = self.moments.normaliser().tensors_of(&x);
        let u = (x - means.clone()) / deviations.clone();
        let sent = recipe.veil.cover_training(u.clone(), &mut self.noise);
        let restored = sent.clone() * deviations + means;
        let answers = match parts.train_head {
            true => parts.head.forward_training(restored, &mut self.noise),
            false => parts.head.forward(restored),
        };
        let ce = cross_entropy(answers, labels);
        let penalty: Option<Tensor<1>> = match (recipe.method, recipe.method.penalty()) {
            (_, Some(kind)) => Some(self.centres.penalty(kind, u.clone(), &of_rows)),
            (Method::DistanceCorrelation, _) => Some(distance_correlation(inputs, sent)),
            (Method::Adversarial, _) => match (&mut self.adversary, private) {
                (Some(adversary), Some(private)) => {
                    let private: Vec<usize> = rows.iter().map(|&r| private[r]).collect();
                    Some(adversary.penalty(sent, &private)?)
                }
                _ => None,
            },
            _ => None,
        };
        let (loss, penalty) = match penalty {
            Some(penalty) => {
                let found = value(&penalty);
                (ce.clone() + penalty.mul_scalar(lambda), found)
            }
            None => (ce.clone(), 0.0),
        };
        let ce = value(&ce);
        if !(ce + penalty).is_finite() {
            return Ok((ce, penalty));
        }
        let mut gradients = loss.backward();
        if parts.train_encoder {
            parts.encoder = self
                .of_encoder
                .apply(parts.encoder.clone(), &mut gradients, rate);
        }
        if parts.train_head {
            parts.head = self.of_head.apply(parts.head.clone(), &mut gradients, rate);
        }
        if recipe.method.penalty().is_some() {
            self.centres.update(&floats(u.detach()), &of_rows);
        }
        Ok((ce, penalty))
    }
}

impl Parts {
    /// Mean and deviation of the features as they are served, on some training rows.
    pub(super) fn normaliser(
        &self,
        train: &Samples,
        limit: usize,
    ) -> Result<Normaliser, SplitError> {
        let rows: Vec<usize> = (0..train.rows().min(limit)).collect();
        let raw = logits(&self.encoder, &train.features().select(&rows)?)?;
        Normaliser::fit(&raw, self.span)
    }

    /// Public accuracy on validation rows, nothing added.
    fn bare_accuracy(&self, validation: &Samples) -> Result<f64, SplitError> {
        let raw = logits(&self.encoder, validation.features())?;
        let answers = logits(&self.head, &raw)?;
        Ok(accuracy(&argmax(&answers), validation.labels())?)
    }

    /// Public accuracy on validation rows, under the veil.
    fn public_accuracy(
        &self,
        train: &Samples,
        validation: &Samples,
        recipe: &Recipe,
    ) -> Result<f64, SplitError> {
        let normaliser = self.normaliser(train, MOMENT_ROWS)?;
        let u = normaliser.normalise(&logits(&self.encoder, validation.features())?)?;
        let secret = ClientSecret::from_bytes([0x5a; 32]);
        let sent = recipe
            .veil
            .cover(&u, validation.features(), &secret, &[0; 32], 0)?;
        let answers = logits(&self.head, &normaliser.restore(&sent)?)?;
        Ok(accuracy(&argmax(&answers), validation.labels())?)
    }
}
