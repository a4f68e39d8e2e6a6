//! Training an epoch at a time.

use super::{Batches, Optimiser, Recipe, cross_entropy, value};
use crate::error::NnError;
use crate::matrix::Samples;
use crate::network::Network;
use crate::{Draws, training_device};

/// Where training stands, told after every step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Epochs there will be at most.
    pub epochs: usize,
    /// Steps done in this epoch.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Loss of this step's batch.
    pub loss: f32,
    /// Validation loss, after an epoch's last step and where there are validation samples.
    pub validation: Option<f32>,
}

/// A network in training.
///
/// The randomness of an epoch depends on the recipe's seed and the epoch's number only, so a
/// trainer that was stored between two epochs ([`crate::store::checkpoint`]) goes on as if it had
/// not been.
#[derive(Debug, Clone)]
pub struct Trainer<N> {
    network: N,
    optimiser: Optimiser,
    recipe: Recipe,
    epoch: usize,
}

impl<N: Network> Trainer<N> {
    /// Starts training `network`.
    pub fn new(network: N, recipe: Recipe) -> Result<Self, NnError> {
        recipe.check()?;
        Ok(Trainer {
            network,
            optimiser: recipe.optimiser(),
            recipe,
            epoch: 0,
        })
    }

    /// The network as it is.
    pub fn network(&self) -> &N {
        &self.network
    }

    /// Ends training.
    pub fn into_network(self) -> N {
        self.network
    }

    /// Epochs done.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// How it is trained.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The optimiser and its memory.
    pub fn optimiser(&self) -> &Optimiser {
        &self.optimiser
    }

    /// Goes on from stored parts.
    pub(crate) fn resumed(network: N, optimiser: Optimiser, recipe: Recipe, epoch: usize) -> Self {
        Trainer {
            network,
            optimiser,
            recipe,
            epoch,
        }
    }

    /// Uses every row once; returns the mean loss.
    pub fn run_epoch(
        &mut self,
        samples: &Samples,
        mut progress: impl FnMut(Progress),
    ) -> Result<f32, NnError> {
        check_samples(&self.network, samples)?;
        let device = training_device();
        let recipe = &self.recipe;
        let steps = Batches::count(samples.rows(), recipe.batch);
        let mut draws = Draws::new(recipe.seed, &format!("noise in epoch {}", self.epoch));
        let mut sum = 0.0;
        let batches = Batches::new(samples.rows(), recipe.batch, recipe.seed, self.epoch);
        for (step, rows) in batches.enumerate() {
            let (features, labels) = samples.batch(&rows, &device);
            let logits = self.network.forward_training(features, &mut draws);
            let loss = cross_entropy(logits, labels);
            let loss_value = value(&loss);
            let rate = recipe.rate
                * recipe.schedule.factor(
                    self.epoch * steps + step,
                    recipe.epochs * steps,
                    self.epoch,
                );
            if !loss_value.is_finite() {
                return Err(NnError::Diverged {
                    epoch: self.epoch,
                    step,
                    loss: loss_value,
                    rate,
                });
            }
            let mut gradients = loss.backward();
            // `apply` consumes the network; a clone shares its tensors.
            self.network = self
                .optimiser
                .apply(self.network.clone(), &mut gradients, rate);
            sum += f64::from(loss_value) * rows.len() as f64;
            progress(Progress {
                epoch: self.epoch,
                epochs: recipe.epochs,
                step: step + 1,
                steps,
                loss: loss_value,
                validation: None,
            });
        }
        self.epoch += 1;
        Ok((sum / samples.rows() as f64) as f32)
    }
}

/// Checks that there are rows, as wide as the network takes them, and a class for each of its outputs.
pub fn check_samples<N: Network>(network: &N, samples: &Samples) -> Result<(), NnError> {
    if samples.rows() == 0 {
        return Err(NnError::Empty {
            what: "the training set",
        });
    }
    for (what, expected, found) in [
        (
            "columns of the samples, inputs of the network",
            network.inputs(),
            samples.features().columns(),
        ),
        (
            "classes of the samples, outputs of the network",
            network.outputs(),
            samples.classes(),
        ),
    ] {
        if expected != found {
            return Err(NnError::Shape {
                what,
                expected,
                found,
            });
        }
    }
    Ok(())
}
