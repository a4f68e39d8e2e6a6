//! What `train`, `attack`, `experiment` and `demo` share: a task, a recipe, and an examination of a
//! finished model by its public head and by attackers.

use rayon::prelude::*;
use tacit_audit::{AttackReport, AttackSuite, VotePoint, majority_vote};
use tacit_collateral::{
    CollateralRecipe, Head, Outputs, Part, Protection, Task, Trained, integer_inputs, train,
};
use tacit_fe::IntegerModel;
use tacit_nn::{Matrix, Samples};

use super::dataset::{DataSet, Labelled};
use crate::error::Context;
use crate::{Error, Progress};

/// Images known to share the private label, for the attack that adds up what each gives away.
const TOGETHER: [usize; 6] = [1, 3, 10, 30, 100, 300];
/// Share of the attackers' rows they learn from; they choose their settings on the others.
const LEARN: f64 = 0.8;

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

    /// Weight of the adversaries' confusion.
    #[arg(long, value_name = "ALPHA")]
    pub sabotage: Option<f32>,

    /// Weight of the distance between the outputs of different private labels.
    #[arg(long, value_name = "MU")]
    pub matching: Option<f32>,

    /// Training images that are kept for the attackers; a sixth when left out.
    #[arg(long, value_name = "ROWS")]
    pub attacker_rows: Option<usize>,
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
            protection,
            seed,
            ..base
        }
    }

    /// The task: the last training rows go to the attackers where something is to be hidden.
    pub fn task(&self, set: &DataSet) -> Result<Task, Error> {
        let rows = set.train.public.len();
        let kept_back = match set.has_private() {
            true => self.attacker_rows.unwrap_or(rows / 6),
            false => 0,
        };
        if kept_back >= rows {
            return Err(
                Error::bad_input(format!("{kept_back} of {rows} rows for the attackers"))
                    .remedy("leave some for the training with --attacker-rows"),
            );
        }
        let kept = rows - kept_back;
        Task::new(
            part("training rows", &set.train, set.size, 0..kept)?,
            part("attackers' rows", &set.train, set.size, kept..rows)?,
            part("test rows", &set.test, set.size, 0..set.test.public.len())?,
            set.public_classes,
            set.private_classes,
        )
        .bad_input(|| "the data set cannot be used")
    }
}

fn part(
    name: &'static str,
    from: &Labelled,
    size: usize,
    rows: std::ops::Range<usize>,
) -> Result<Part, Error> {
    let unusable = || "the data set cannot be used";
    let labels = |of: &[u8]| of[rows.clone()].iter().map(|&l| l.into()).collect();
    let (public, private) = (labels(&from.public), labels(&from.private));
    let bytes = &from.images[rows.start * size..rows.end * size];
    let pixels = Matrix::from_bytes(rows.len(), size, bytes).bad_input(unusable)?;
    Part::new(name, pixels, public, private).bad_input(unusable)
}

/// Trains with a bar that knows how many epochs are left.
pub fn trained(
    task: &Task,
    recipe: &CollateralRecipe,
    name: &str,
    progress: &Progress,
) -> Result<Trained, Error> {
    let epochs = recipe.warm_up + recipe.epochs + recipe.grid_epochs;
    let phase = progress.phase(name, epochs as u64);
    let trained =
        train(task, recipe, |_| phase.inc()).bad_input(|| "the network could not be trained")?;
    phase.finish();
    Ok(trained)
}

/// The integer outputs of every row, in the clear.
pub fn outputs(model: &IntegerModel, part: &Part) -> Result<Outputs, Error> {
    let failed = || "the model does not fit the images";
    let rows: Vec<Vec<i64>> = (0..part.rows())
        .into_par_iter()
        .map(|i| model.evaluate(&integer_inputs(part.pixels().row(i))))
        .collect::<Result<_, _>>()
        .bad_input(failed)?;
    Outputs::new(model.outputs(), rows.concat()).failed(failed)
}

/// A model seen by its head and by attackers.
pub struct Exam {
    /// The public head.
    pub head: Head,
    /// Its accuracy on test rows.
    pub accuracy: f64,
    /// What attackers made of the outputs, where something is to be hidden.
    pub attack: Option<AttackReport>,
    /// What the best of them makes of several images that share the private label.
    pub several: Vec<VotePoint>,
}

/// Trains a head on the outputs of a model and lets attackers at them.
pub fn examine(
    task: &Task,
    model: &IntegerModel,
    recipe: &CollateralRecipe,
    suite: Option<&AttackSuite>,
    name: &str,
    progress: &Progress,
) -> Result<Exam, Error> {
    let failed = || "the model could not be examined";
    let seen = outputs(model, &task.train)?;
    let test = outputs(model, &task.test)?;
    let classes = task.public_classes;
    let head = Head::train(
        &seen,
        task.train.public(),
        classes,
        recipe.head,
        recipe.seed,
    )
    .failed(failed)?;
    let guesses = head.classify(&test).failed(failed)?;
    let right = guesses
        .iter()
        .zip(task.test.public())
        .filter(|(a, b)| a == b)
        .count();
    let accuracy = right as f64 / guesses.len().max(1) as f64;
    let attack = match suite.filter(|_| task.private_classes > 1) {
        Some(suite) => Some(attack(task, model, suite, recipe.seed, name, progress)?),
        None => None,
    };
    let several = match &attack {
        Some(report) => several(report, task.test.private(), recipe.seed)?,
        None => Vec::new(),
    };
    Ok(Exam {
        head,
        accuracy,
        attack,
        several,
    })
}

/// Lets attackers at the outputs of a model.
pub fn attack(
    task: &Task,
    model: &IntegerModel,
    suite: &AttackSuite,
    seed: u64,
    name: &str,
    progress: &Progress,
) -> Result<AttackReport, Error> {
    let failed = || "the attackers cannot work";
    let (theirs, test) = (outputs(model, &task.attacker)?, outputs(model, &task.test)?);
    // One scale for both, so that no attacker is hindered by a shift between them.
    let scale = vec![theirs.largest().max(1) as f64; theirs.width()];
    let shift = vec![0.0; theirs.width()];
    let samples = |outputs: &Outputs, part: &Part| {
        let features = outputs.standardised(&shift, &scale).failed(failed)?;
        let labels = part.private().iter().copied();
        Samples::new(features, labels, task.private_classes).failed(failed)
    };
    let theirs = samples(&theirs, &task.attacker)?;
    let test = samples(&test, &task.test)?;
    run_suite(suite, &theirs, &test, seed, name, progress)
}

/// The floor: what attackers find from the public label alone.
pub fn floor(task: &Task, seed: u64, progress: &Progress) -> Result<AttackReport, Error> {
    let failed = || "the floor cannot be measured";
    let classes = task.public_classes;
    let samples = |part: &Part| {
        let mut values = vec![0.0f32; part.rows() * classes];
        for (row, &label) in part.public().iter().enumerate() {
            values[row * classes + label] = 1.0;
        }
        let features = Matrix::new(part.rows(), classes, values).failed(failed)?;
        Samples::new(
            features,
            part.private().iter().copied(),
            task.private_classes,
        )
        .failed(failed)
    };
    let (theirs, test) = (samples(&task.attacker)?, samples(&task.test)?);
    let suite = AttackSuite::quick();
    run_suite(&suite, &theirs, &test, seed, "floor", progress)
}

/// The ceiling: what attackers find from the images themselves.
pub fn ceiling(
    task: &Task,
    suite: &AttackSuite,
    seed: u64,
    progress: &Progress,
) -> Result<AttackReport, Error> {
    let failed = || "the ceiling cannot be measured";
    let samples = |part: &Part| {
        let labels = part.private().iter().copied();
        Samples::new(part.pixels().clone(), labels, task.private_classes).failed(failed)
    };
    let (theirs, test) = (samples(&task.attacker)?, samples(&task.test)?);
    run_suite(suite, &theirs, &test, seed, "ceiling", progress)
}

fn run_suite(
    suite: &AttackSuite,
    theirs: &Samples,
    test: &Samples,
    seed: u64,
    name: &str,
    progress: &Progress,
) -> Result<AttackReport, Error> {
    let cannot = || "the attackers cannot work";
    let (learn, choose) = theirs.split(LEARN, seed).failed(cannot)?;
    let mut phase: Option<crate::Phase> = None;
    let report = suite
        .run(&learn, &choose, test, seed, |step| {
            match &phase {
                Some(phase) => phase.inc(),
                None => phase = Some(progress.phase(name, step.all as u64)),
            };
        })
        .bad_input(cannot)?;
    if let Some(phase) = phase {
        phase.finish();
    }
    Ok(report)
}

/// What the best attacker makes of several images that share the private label.
pub fn several(
    report: &AttackReport,
    labels: &[usize],
    seed: u64,
) -> Result<Vec<VotePoint>, Error> {
    let mut counts = vec![0usize; report.classes];
    labels.iter().for_each(|&l| counts[l] += 1);
    let rarest = counts.iter().copied().filter(|&n| n > 0).min().unwrap_or(0);
    let sizes: Vec<usize> = TOGETHER.into_iter().filter(|&m| m <= rarest).collect();
    majority_vote(&report.best().scores, labels, &sizes, 3, seed)
        .failed(|| "the votes cannot be counted")
}
