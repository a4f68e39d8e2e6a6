//! What the outputs of a finished model are worth, to the server and to an attacker.
//!
//! Attackers see what the server sees: the integers that come out of the evaluation. They learn on
//! rows the defender did not train on, with true private labels, and are judged on the test rows.

use rayon::prelude::*;
use tacit_audit::{AttackReport, AttackSuite, Step, VotePoint, majority_vote};
use tacit_fe::IntegerModel;
use tacit_nn::{Matrix, Network, Samples, predict};

use crate::CollateralError;
use crate::grid::integer_inputs;
use crate::head::{Head, Outputs};
use crate::task::{Part, Task};
use crate::train::Trained;

/// Share of the attackers' rows on which they choose their settings.
const VALIDATION: f64 = 0.15;

/// The outputs of an integer model for every row of a part.
pub fn outputs(model: &IntegerModel, part: &Part) -> Result<Outputs, CollateralError> {
    let rows: Vec<Vec<i64>> = (0..part.rows())
        .into_par_iter()
        .map(|row| model.evaluate(&integer_inputs(part.pixels().row(row))))
        .collect::<Result<_, _>>()?;
    Outputs::new(model.outputs(), rows.concat())
}

/// What the server can do: a head for the model, and how often it is right on the test rows.
#[derive(Debug, Clone)]
pub struct Use {
    /// The head, trained on the model's outputs.
    pub head: Head,
    /// Accuracy of the integer model with its head.
    pub accuracy: f64,
    /// Accuracy of the floating-point network before it was rounded, with a head of its own.
    pub floating_accuracy: f64,
}

/// Trains heads and measures the public task.
pub fn usefulness(
    task: &Task,
    trained: &Trained,
    hidden: usize,
    seed: u64,
) -> Result<Use, CollateralError> {
    let classes = task.public_classes;
    let judge = |train: &Outputs, test: &Outputs| {
        let head = Head::train(train, task.train.public(), classes, hidden, seed)?;
        let accuracy = predict::accuracy(&head.classify(test)?, task.test.public())?;
        Ok::<_, CollateralError>((head, accuracy))
    };
    let (head, accuracy) = judge(
        &outputs(&trained.model, &task.train)?,
        &outputs(&trained.model, &task.test)?,
    )?;
    let (_, floating_accuracy) = judge(
        &floating_outputs(trained, &task.train)?,
        &floating_outputs(trained, &task.test)?,
    )?;
    Ok(Use {
        head,
        accuracy,
        floating_accuracy,
    })
}

/// The floating-point network's outputs in units fine enough that rounding them changes nothing.
fn floating_outputs(trained: &Trained, part: &Part) -> Result<Outputs, CollateralError> {
    const UNIT: f32 = 1e6;
    let values = predict::logits(&trained.floating, part.pixels())?;
    let values = values.values().iter().map(|v| (v * UNIT) as i64);
    Outputs::new(trained.floating.outputs(), values.collect())
}

/// What attackers make of the rows, given some features of them.
#[derive(Debug, Clone)]
pub struct Leak {
    /// Every attacker, the base rate, the maximum.
    pub report: AttackReport,
    private: Vec<usize>,
    seed: u64,
}

/// Repetitions of the groups of [`Leak::several`].
const GROUP_REPEATS: usize = 20;

impl Leak {
    /// What the outputs give away of the private label.
    pub fn measure(
        task: &Task,
        model: &IntegerModel,
        suite: &AttackSuite,
        seed: u64,
        progress: impl FnMut(Step),
    ) -> Result<Leak, CollateralError> {
        let theirs = outputs(model, &task.attacker)?;
        let (shift, scale) = theirs.moments();
        // One scale for both, so that no attacker is hindered by a shift between them.
        let test = outputs(model, &task.test)?.standardised(&shift, &scale)?;
        let theirs = theirs.standardised(&shift, &scale)?;
        Leak::of(task, [theirs, test], suite, seed, progress)
    }

    /// The floor: what the public label alone says about the private one.
    pub fn floor(
        task: &Task,
        suite: &AttackSuite,
        seed: u64,
        progress: impl FnMut(Step),
    ) -> Result<Leak, CollateralError> {
        let classes = task.public_classes;
        let known = |part: &Part| {
            let mut values = vec![0.0f32; part.rows() * classes];
            for (row, &label) in part.public().iter().enumerate() {
                values[row * classes + label] = 1.0;
            }
            Matrix::new(part.rows(), classes, values)
        };
        let features = [known(&task.attacker)?, known(&task.test)?];
        Leak::of(task, features, suite, seed, progress)
    }

    /// The ceiling: what the images themselves say.
    pub fn ceiling(
        task: &Task,
        suite: &AttackSuite,
        seed: u64,
        progress: impl FnMut(Step),
    ) -> Result<Leak, CollateralError> {
        let features = [&task.attacker, &task.test].map(|part| part.pixels().clone());
        Leak::of(task, features, suite, seed, progress)
    }

    /// `features` of the attackers' rows and of the test rows.
    fn of(
        task: &Task,
        features: [Matrix; 2],
        suite: &AttackSuite,
        seed: u64,
        progress: impl FnMut(Step),
    ) -> Result<Leak, CollateralError> {
        let [theirs, test] = features;
        let samples = |features, part: &Part| {
            let labels = part.private().iter().copied();
            Samples::new(features, labels, task.private_classes)
        };
        let test = samples(test, &task.test)?;
        let (validation, train) = samples(theirs, &task.attacker)?.split(VALIDATION, seed)?;
        let report = suite.run(&train, &validation, &test, seed, progress)?;
        Ok(Leak {
            report,
            private: task.test.private().to_vec(),
            seed,
        })
    }

    /// Accuracy of the strongest attacker.
    pub fn best(&self) -> f64 {
        self.report.best().accuracy
    }

    /// The strongest attacker on groups of test rows that share the private label; sizes for which
    /// there are too few rows are left out.
    pub fn several(&self, sizes: &[usize]) -> Result<Vec<VotePoint>, CollateralError> {
        let mut counts = vec![0usize; self.report.classes];
        self.private.iter().for_each(|&label| counts[label] += 1);
        let rarest = counts.into_iter().filter(|&n| n > 0).min().unwrap_or(0);
        let sizes: Vec<usize> = sizes.iter().copied().filter(|&m| m <= rarest).collect();
        let scores = &self.report.best().scores;
        Ok(majority_vote(
            scores,
            &self.private,
            &sizes,
            GROUP_REPEATS,
            self.seed,
        )?)
    }
}
