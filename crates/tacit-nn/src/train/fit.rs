//! Training a classifier from beginning to end.

use super::trainer::{Progress, Trainer, check_samples};
use super::{Batches, Recipe};
use crate::error::NnError;
use crate::matrix::Samples;
use crate::network::Network;
use crate::predict;

/// A trained network and how it came about.
#[derive(Debug, Clone)]
pub struct Fitted<N> {
    /// The network: the best on validation samples with [`Recipe::patience`], else the last.
    pub network: N,
    /// Mean training loss per epoch.
    pub losses: Vec<f32>,
    /// Validation loss per epoch, where there are validation samples.
    pub validation: Vec<f32>,
    /// The epoch the network is from, counted from 1; 0 when nothing was trained.
    pub epoch: usize,
}

/// Trains a classifier; `progress` is told after every step, and after each epoch's last step a
/// second time with the validation loss.
pub fn fit<N: Network>(
    network: N,
    train: &Samples,
    validation: Option<&Samples>,
    recipe: &Recipe,
    mut progress: impl FnMut(Progress),
) -> Result<Fitted<N>, NnError> {
    check_samples(&network, train)?;
    if let Some(samples) = validation {
        check_samples(&network, samples)?;
    } else if recipe.patience.is_some() {
        return Err(NnError::Empty {
            what: "the validation set, which `patience` needs,",
        });
    }
    let mut trainer = Trainer::new(network, recipe.clone())?;
    let mut losses = Vec::new();
    let mut history = Vec::new();
    let mut best: Option<(f32, N, usize)> = None;
    while trainer.epoch() < recipe.epochs {
        let loss = trainer.run_epoch(train, &mut progress)?;
        losses.push(loss);
        let Some(samples) = validation else { continue };
        let score = mean_loss(trainer.network(), samples)?;
        history.push(score);
        let steps = Batches::count(train.rows(), recipe.batch);
        progress(Progress {
            epoch: trainer.epoch() - 1,
            epochs: recipe.epochs,
            step: steps,
            steps,
            loss,
            validation: Some(score),
        });
        let Some(patience) = recipe.patience else {
            continue;
        };
        match &best {
            Some((lowest, _, at)) if score >= *lowest => {
                if trainer.epoch() - at > patience {
                    break;
                }
            }
            _ => best = Some((score, trainer.network().clone(), trainer.epoch())),
        }
    }
    let last = trainer.epoch();
    let (network, epoch) = match best {
        Some((_, network, epoch)) => (network, epoch),
        None => (trainer.into_network(), last),
    };
    Ok(Fitted {
        network,
        losses,
        validation: history,
        epoch,
    })
}

/// The mean cross-entropy of a network on samples.
pub(crate) fn mean_loss<N: Network>(network: &N, samples: &Samples) -> Result<f32, NnError> {
    let logits = predict::logits(network, samples.features())?;
    let mut sum = 0.0;
    for (row, &label) in logits.iter().zip(samples.labels()) {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let log_sum = f64::from(row.iter().map(|z| (z - top).exp()).sum::<f32>()).ln();
        sum += log_sum + f64::from(top - row[label]);
    }
    Ok((sum / samples.rows() as f64) as f32)
}
