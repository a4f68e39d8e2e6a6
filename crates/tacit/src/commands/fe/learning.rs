//! What `train`, `attack`, `experiment` and `demo` share: the recipe's arguments, and bars for the work.

use tacit_audit::{AttackSuite, Step};
use tacit_collateral::{CollateralRecipe, Doing, Judged, Protection, Task, judge};

use super::dataset::DataSet;
use crate::error::Context;
use crate::{Error, Phase, Progress};

/// How the network is trained.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RecipeArgs {
    /// Squares, d.
    #[arg(long, value_name = "D")]
    pub hidden: Option<usize>,

    /// Epochs on the public task alone, before protection.
    #[arg(long, value_name = "EPOCHS")]
    pub warm_up: Option<usize>,

    /// Epochs in floating point.
    #[arg(long, value_name = "EPOCHS")]
    pub epochs: Option<usize>,

    /// Epochs on the grid of the integers.
    #[arg(long, value_name = "EPOCHS")]
    pub grid_epochs: Option<usize>,

    /// Rows of a batch.
    #[arg(long, value_name = "ROWS")]
    pub batch: Option<usize>,

    /// How far training images are warped anew in every epoch; 1 is usual for handwriting.
    #[arg(long, value_name = "SHARE")]
    pub warp: Option<f32>,

    /// Weight of the adversaries' confusion.
    #[arg(long, value_name = "ALPHA")]
    pub sabotage: Option<f32>,

    /// Weight of the distance between the outputs of different private labels.
    #[arg(long, value_name = "MU")]
    pub matching: Option<f32>,
}

impl RecipeArgs {
    /// The recipe for K outputs; `outputs` of the default recipe when there is none.
    pub fn recipe(&self, set: &DataSet, outputs: Option<usize>, seed: u64) -> CollateralRecipe {
        let base = match set.has_private() {
            true => CollateralRecipe::default(),
            false => CollateralRecipe::handwriting(),
        };
        let protection = base.protection.as_ref().map(|usual| Protection {
            sabotage: self.sabotage.unwrap_or(usual.sabotage),
            matching: self.matching.unwrap_or(usual.matching),
            ..usual.clone()
        });
        CollateralRecipe {
            hidden: self.hidden.unwrap_or(base.hidden),
            outputs: outputs.unwrap_or(base.outputs),
            warm_up: self.warm_up.unwrap_or(base.warm_up),
            epochs: self.epochs.unwrap_or(base.epochs),
            grid_epochs: self.grid_epochs.unwrap_or(base.grid_epochs),
            batch: self.batch.unwrap_or(base.batch),
            warp: self.warp.unwrap_or(base.warp),
            protection,
            seed,
            ..base
        }
    }
}

/// Bars for what a model goes through: epochs, then attackers.
pub struct Watch<'a> {
    progress: &'a Progress,
    name: String,
    phase: Option<(&'static str, Phase)>,
}

impl<'a> Watch<'a> {
    /// `name` says which model.
    pub fn new(name: impl Into<String>, progress: &'a Progress) -> Self {
        Watch {
            progress,
            name: name.into(),
            phase: None,
        }
    }

    /// What is being done.
    pub fn doing(&mut self, doing: Doing) {
        match doing {
            Doing::Training(end) => self.count("training", end.of, true),
            Doing::Attacking(step) => self.count("attackers", step.all, step.done > 0),
        }
    }

    /// An attacker starts.
    pub fn attacking(&mut self, step: Step) {
        self.doing(Doing::Attacking(step));
    }

    fn count(&mut self, what: &'static str, of: usize, one_done: bool) {
        if self.phase.as_ref().is_none_or(|(name, _)| *name != what) {
            self.end();
            let name = match self.name.is_empty() {
                true => what.to_owned(),
                false => format!("{what}, {}", self.name),
            };
            self.phase = Some((what, self.progress.phase(name, of as u64)));
        }
        if let Some((_, phase)) = self.phase.as_ref().filter(|_| one_done) {
            phase.inc();
        }
    }

    /// The last phase is over.
    pub fn end(&mut self) {
        if let Some((_, phase)) = self.phase.take() {
            phase.finish();
        }
    }
}

/// A model trained, given a head, and attacked.
pub fn judged(
    task: &Task,
    recipe: &CollateralRecipe,
    suite: &AttackSuite,
    name: &str,
    progress: &Progress,
) -> Result<Judged, Error> {
    let mut watch = Watch::new(name, progress);
    let judged = judge(task, recipe, suite, |doing| watch.doing(doing))
        .bad_input(|| "the network could not be trained and attacked")?;
    watch.end();
    Ok(judged)
}
