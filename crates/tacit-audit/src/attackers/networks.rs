//! Dense and convolutional networks.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use tacit_nn::{Draws, Matrix, Mlp, Network, Recipe, Samples, VectorCnn, fit, predict};

/// Rows per step.
const BATCH: usize = 256;

/// Two hidden layers of 64.
#[derive(Debug, Clone, Copy)]
pub struct DenseNetwork;

/// A convolutional network on a learnt map of the features, as in the published attack.
#[derive(Debug, Clone, Copy)]
pub struct ConvolutionalNetwork;

struct Fitted<N> {
    network: N,
    settings: String,
}

impl Attacker for DenseNetwork {
    fn name(&self) -> &'static str {
        "dense-network"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let sizes = [train.features().columns(), 64, 64, train.classes()];
        let network = Mlp::new(&sizes, 0.0, &mut Draws::new(seed, "weights"))?;
        train_on(
            self.name(),
            network,
            train,
            validation,
            seed,
            budget.steps,
            4e-3,
        )
    }
}

impl Attacker for ConvolutionalNetwork {
    fn name(&self) -> &'static str {
        "convolutional-network"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let (columns, classes) = (train.features().columns(), train.classes());
        let network = VectorCnn::new(columns, classes, &mut Draws::new(seed, "weights"))?;
        // A step costs several times that of the dense network.
        let steps = budget.steps / 4;
        train_on(self.name(), network, train, validation, seed, steps, 2e-3)
    }
}

fn train_on<N: Network + 'static>(
    attacker: &'static str,
    network: N,
    train: &Samples,
    validation: &Samples,
    seed: u64,
    steps: usize,
    rate: f64,
) -> Result<Box<dyn FittedAttacker>, AuditError> {
    let recipe = Recipe {
        epochs: (steps * BATCH / train.rows().max(1)).clamp(2, 200),
        batch: BATCH.min(train.rows().div_ceil(4)),
        rate,
        weight_decay: 1e-3,
        clip: Some(5.0),
        patience: Some(6),
        seed,
        ..Recipe::default()
    };
    let fitted = fit(network, train, Some(validation), &recipe, |_| {}).map_err(|source| {
        AuditError::Network {
            attacker,
            source: Box::new(source),
        }
    })?;
    Ok(Box::new(Fitted {
        settings: format!("epoch {} of {}", fitted.epoch, recipe.epochs),
        network: fitted.network,
    }))
}

impl<N: Network + 'static> FittedAttacker for Fitted<N> {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        Ok(predict::logits(&self.network, rows)?)
    }

    fn settings(&self) -> String {
        self.settings.clone()
    }
}
