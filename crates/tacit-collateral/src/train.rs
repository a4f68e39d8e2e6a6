//! Sabotage training: a network and its adversaries, in turns.
//!
//! Two players take turns on stratified batches ([`crate::cells`]). Each adversary takes its steps
//! on outputs through which no gradient flows back; then network and head take one step on
//!
//! ```text
//!   L = CE(head(f̄), public) + α · confusion(adversaries(f̄)) + μ · M(f̄)
//! ```
//!
//! where f̄ are the outputs standardised over the batch (so that neither player gains from their
//! scale), confusion is that of the adversaries *as they are* and M the energy distance of
//! [`crate::matching`]. Every step's gradient is computed from this loss alone: none is
//! left over from the other player's step.
//!
//! Three phases: the public task alone (`warm_up`), everything in floating point (`epochs`), and
//! everything on the integers' grid (`grid_epochs`, see [`crate::grid`]). The learning rate falls by
//! half a cosine in each of the last two.

use tacit_fe::IntegerModel;
use tacit_nn::burn::tensor::activation::log_softmax;
use tacit_nn::burn::tensor::{Int, Tensor};
use tacit_nn::train::{Schedule, cross_entropy, value};
use tacit_nn::{
    Draws, Matrix, Mlp, Network, Optimiser, QuadraticNetwork, Rule, matrix, training_device,
};

use crate::CollateralError;
use crate::cells::{Cells, Shape};
use crate::grid::Grid;
use crate::matching::energy_distance;
use crate::panel::Panel;
use crate::recipe::CollateralRecipe;
use crate::task::Task;
use crate::warp::Warp;
use crate::whitening::within_class;

/// Added to a batch's variance before a root is taken.
const EPSILON: f32 = 1e-5;
/// The rate does not fall below this share of its start.
const RATE_FLOOR: f64 = 0.01;

/// Where training stands, told after every epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochEnd {
    /// `public task`, `protection` or `protection on the grid` (`training …` without protection).
    pub phase: &'static str,
    /// Epochs done in all phases.
    pub done: usize,
    /// Epochs of all phases.
    pub of: usize,
    /// Mean cross-entropy of the head.
    pub public_loss: f32,
    /// Mean cross-entropy of the adversaries; log G when they know nothing.
    pub adversary_loss: f32,
    /// Mean energy distance.
    pub distance: f32,
}

/// A trained quadratic network.
#[derive(Debug, Clone)]
pub struct Trained {
    /// As it was at the end of the floating-point phase.
    pub floating: QuadraticNetwork,
    /// The integers keys are issued for.
    pub model: IntegerModel,
    /// One entry per epoch.
    pub history: Vec<EpochEnd>,
}

/// Trains a quadratic network on a task. `progress` is told after every epoch.
pub fn train(
    task: &Task,
    recipe: &CollateralRecipe,
    mut progress: impl FnMut(EpochEnd),
) -> Result<Trained, CollateralError> {
    recipe.check()?;
    let mut players = Players::new(task, recipe)?;
    let phases = [
        (Phase::Public, recipe.warm_up),
        (Phase::Floating, recipe.epochs),
        (Phase::Grid, recipe.grid_epochs),
    ];
    let of = phases.iter().map(|p| p.1).sum();
    let mut history = Vec::with_capacity(of);
    let mut floating = players.network.clone();
    for (phase, epochs) in phases {
        if phase == Phase::Grid {
            floating = players.network.clone();
            players.grid = Some(Grid::fit(&players.network, recipe.p_bits, recipe.d_bits)?);
            players.of_network = Optimiser::new(Rule::adam());
        }
        for epoch in 0..epochs {
            let means = players.epoch(phase, epoch, epochs)?;
            let end = EpochEnd {
                phase: phase.name(recipe.protection.is_some()),
                done: history.len() + 1,
                of,
                public_loss: means[0],
                adversary_loss: means[1],
                distance: means[2],
            };
            history.push(end);
            progress(end);
        }
    }
    let grid = match players.grid {
        Some(grid) => grid,
        None => Grid::fit(&players.network, recipe.p_bits, recipe.d_bits)?,
    };
    let model = grid.integers(&players.network)?;
    model.check_limit()?;
    Ok(Trained {
        floating,
        model,
        history,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Public,
    Floating,
    Grid,
}

impl Phase {
    fn name(self, protected: bool) -> &'static str {
        match (self, protected) {
            (Phase::Public, _) => "public task",
            (Phase::Floating, true) => "protection",
            (Phase::Grid, true) => "protection on the grid",
            (Phase::Floating, false) => "training",
            (Phase::Grid, false) => "training on the grid",
        }
    }
}

/// Network, head and adversaries in training.
struct Players<'a> {
    task: &'a Task,
    recipe: &'a CollateralRecipe,
    shape: Shape,
    network: QuadraticNetwork,
    head: Mlp,
    panel: Panel,
    of_network: Optimiser,
    of_head: Optimiser,
    grid: Option<Grid>,
    batches: Cells,
    adversary_batches: Cells,
    warps: Draws,
    public: Tensor<1, Int>,
    private: Tensor<1, Int>,
}

impl<'a> Players<'a> {
    fn new(task: &'a Task, recipe: &'a CollateralRecipe) -> Result<Self, CollateralError> {
        let seed = recipe.seed;
        let inputs = task.train.pixels().columns();
        let (classes, groups) = (task.public_classes, task.private_classes);
        let shape = Shape {
            classes,
            groups,
            per_cell: recipe.batch.div_ceil(classes * groups).max(2),
        };
        let mut draws = Draws::new(seed, "quadratic network");
        let network = QuadraticNetwork::new(inputs, recipe.hidden, recipe.outputs, &mut draws)?;
        let sizes = [recipe.outputs, recipe.head, classes];
        let head = Mlp::new(&sizes, 0.0, &mut Draws::new(seed, "training head"))?;
        let adversaries = recipe.protection.as_ref().map_or(0, |p| p.adversaries);
        let device = training_device();
        let cells = |purpose| Cells::new(&task.train, shape, Draws::new(seed, purpose));
        Ok(Players {
            task,
            recipe,
            shape,
            network,
            head,
            panel: Panel::new(adversaries, recipe.outputs + classes, groups, seed)?,
            of_network: Optimiser::new(Rule::adam()),
            of_head: Optimiser::new(Rule::adam()),
            grid: None,
            batches: cells("batches")?,
            adversary_batches: cells("adversaries' batches")?,
            warps: Draws::new(seed, "warps"),
            public: matrix::label_tensor(shape.public(), &device),
            private: matrix::label_tensor(shape.private(), &device),
        })
    }

    /// Mean losses of an epoch: public, adversaries', distance.
    fn epoch(
        &mut self,
        phase: Phase,
        epoch: usize,
        epochs: usize,
    ) -> Result<[f32; 3], CollateralError> {
        let steps = self.task.train.rows().div_ceil(self.shape.rows());
        let mut means = [0.0; 3];
        for step in 0..steps {
            let factor = match phase {
                Phase::Public => 1.0,
                _ => Schedule::Cosine.factor(epoch * steps + step, epochs * steps, epoch),
            };
            let rate = self.recipe.rate * factor.max(RATE_FLOOR);
            let losses = self.turn(phase, rate)?;
            if !losses.iter().all(|l| l.is_finite()) {
                return Err(CollateralError::Diverged {
                    phase: phase.name(self.recipe.protection.is_some()),
                    epoch: epoch + 1,
                    loss: losses[0],
                });
            }
            for (mean, loss) in means.iter_mut().zip(losses) {
                *mean += loss / steps as f32;
            }
        }
        Ok(means)
    }

    /// Steps of the adversaries, then one of network and head.
    fn turn(&mut self, phase: Phase, rate: f64) -> Result<[f32; 3], CollateralError> {
        let protection = match phase {
            Phase::Public => None,
            _ => self.recipe.protection.as_ref(),
        };
        let mut losses = [0.0; 3];
        if let Some(protection) = protection.filter(|_| !self.panel.is_empty()) {
            for _ in 0..protection.adversary_steps {
                let rows = self.adversary_batches.next_batch();
                let outputs = self.outputs(&rows)?.detach();
                let seen = self.seen(outputs);
                let rate = self.recipe.adversary_rate;
                losses[1] = self.panel.step(&seen, &self.private, rate)?;
            }
        }
        let rows = self.batches.next_batch();
        let outputs = self.outputs(&rows)?;
        let public = self.public_loss(self.head.forward(outputs.clone()));
        losses[0] = value(&public);
        let mut loss = public;
        if let Some(protection) = protection {
            let distance = energy_distance(within_class(outputs.clone(), self.shape), self.shape);
            losses[2] = value(&distance);
            let seen = self.seen(outputs);
            loss = loss
                + self.panel.confusion(&seen) * protection.sabotage
                + distance * protection.matching;
        }
        let mut gradients = loss.backward();
        self.network = self
            .of_network
            .apply(self.network.clone(), &mut gradients, rate);
        self.head = self.of_head.apply(self.head.clone(), &mut gradients, rate);
        Ok(losses)
    }

    /// Standardised outputs of the network for these training rows.
    fn outputs(&mut self, rows: &[usize]) -> Result<Tensor<2>, CollateralError> {
        let device = training_device();
        let pixels = self.task.train.pixels();
        let rows = if self.recipe.warp > 0.0 {
            let mut values = pixels.select(rows)?.values().to_vec();
            let side = pixels.columns().isqrt();
            Warp::share(self.recipe.warp).apply(&mut values, side, &mut self.warps);
            Matrix::new(rows.len(), pixels.columns(), values)?.tensor(0, rows.len(), &device)
        } else {
            pixels.batch(rows, &device)
        };
        let outputs = match &self.grid {
            Some(grid) => grid.outputs(&self.network, rows),
            None => self.network.forward(rows),
        };
        Ok(standardised(outputs))
    }

    /// What adversaries see of standardised outputs: the class, and where within it an output lies.
    fn seen(&self, outputs: Tensor<2>) -> Tensor<2> {
        let classes = self.public.clone().one_hot::<2>(self.shape.classes).float();
        Tensor::cat(vec![within_class(outputs, self.shape), classes], 1)
    }

    fn public_loss(&self, logits: Tensor<2>) -> Tensor<1> {
        let smoothing = self.recipe.smoothing;
        let hard = cross_entropy(logits.clone(), self.public.clone());
        if smoothing == 0.0 {
            return hard;
        }
        hard * (1.0 - smoothing) - log_softmax(logits, 1).mean() * smoothing
    }
}

/// Every column with mean 0 and variance 1 over the batch.
fn standardised(outputs: Tensor<2>) -> Tensor<2> {
    let centred = outputs.clone() - outputs.mean_dim(0);
    let variance = (centred.clone() * centred.clone()).mean_dim(0);
    centred / (variance + EPSILON).sqrt()
}
