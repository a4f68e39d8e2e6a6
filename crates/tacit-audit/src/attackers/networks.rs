//! Dense and convolutional networks.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use tacit_nn::{Draws, Matrix, Mlp, Network, Recipe, Samples, VectorCnn, fit, predict};

/// Rows per step.
const BATCH: usize = 256;

/// Two hidden layers of 64.
#[derive(Debug, Clone, Copy)]
pub struct DenseNetwork;

/// Logistic regression by gradients, for so many columns and classes that Newton's method would cost
/// too much.
#[derive(Debug, Clone, Copy)]
pub struct SoftmaxRegression;

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
        dense(self.name(), &[64, 64], train, validation, seed, budget)
    }
}

/// A dense network with these hidden widths, trained.
fn dense(
    attacker: &'static str,
    hidden: &[usize],
    train: &Samples,
    validation: &Samples,
    seed: u64,
    budget: &Budget,
) -> Result<Box<dyn FittedAttacker>, AuditError> {
    let (columns, classes) = (train.features().columns(), train.classes());
    let sizes = [&[columns], hidden, &[classes]].concat();
    let network = Mlp::new(&sizes, 0.0, &mut Draws::new(seed, "weights"))?;
    let training = Training {
        attacker,
        steps: budget.steps,
        batch: BATCH,
        rate: 4e-3,
    };
    train_on(training, network, train, validation, seed)
}

impl Attacker for SoftmaxRegression {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        dense(self.name(), &[], train, validation, seed, budget)
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
        let training = Training {
            attacker: self.name(),
            // A step costs several times that of the dense network.
            steps: budget.steps / 4,
            batch: BATCH,
            rate: 2e-3,
        };
        train_on(training, network, train, validation, seed)
    }
}

/// How a network attacker is trained.
pub(crate) struct Training {
    pub(crate) attacker: &'static str,
    /// Steps, more or less: whole epochs, at least two.
    pub(crate) steps: usize,
    /// Rows per step.
    pub(crate) batch: usize,
    /// Learning rate at the start.
    pub(crate) rate: f64,
}

pub(crate) fn train_on<N: Network + 'static>(
    training: Training,
    network: N,
    train: &Samples,
    validation: &Samples,
    seed: u64,
) -> Result<Box<dyn FittedAttacker>, AuditError> {
    let Training {
        attacker,
        steps,
        batch,
        rate,
    } = training;
    let recipe = Recipe {
        epochs: (steps * batch / train.rows().max(1)).clamp(2, 200),
        batch: batch.min(train.rows().div_ceil(4)),
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
