//! Many attackers, one report.

use crate::attacker::{Attacker, Budget};
use crate::attackers;
use crate::error::AuditError;
use crate::report::{Attack, AttackReport, wilson};
use crate::standard::Standardiser;
use tacit_nn::predict::{accuracy, argmax, balanced_accuracy};
use tacit_nn::{Draws, Samples};

/// Told before each attacker starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The attacker.
    pub name: &'static str,
    /// Attackers done.
    pub done: usize,
    /// Attackers there are.
    pub all: usize,
}

/// A list of attackers and what they may spend.
pub struct AttackSuite {
    attackers: Vec<Box<dyn Attacker>>,
    budget: Budget,
}

impl AttackSuite {
    /// All families, with the budget for reported figures.
    pub fn full() -> Self {
        AttackSuite::new(attackers::all(), Budget::full())
    }

    /// All families, with the budget for a first look.
    pub fn quick() -> Self {
        AttackSuite::new(attackers::all(), Budget::quick())
    }

    /// Any attackers.
    pub fn new(attackers: Vec<Box<dyn Attacker>>, budget: Budget) -> Self {
        AttackSuite { attackers, budget }
    }

    /// Adds an attacker.
    pub fn with(mut self, attacker: Box<dyn Attacker>) -> Self {
        self.attackers.push(attacker);
        self
    }

    /// Lets every attacker learn on `train`, choose its settings on `validation` and guess on
    /// `test`. Labels are the private ones. Attackers that do not apply to so many columns are left
    /// out.
    pub fn run(
        &self,
        train: &Samples,
        validation: &Samples,
        test: &Samples,
        seed: u64,
        mut progress: impl FnMut(Step),
    ) -> Result<AttackReport, AuditError> {
        let majority = check(train, validation, test)?;
        let standard = Standardiser::fit(train.features());
        let train = standard.samples(train)?;
        let test = standard.samples(test)?;
        let validation =
            standard.samples(&first_rows(validation, self.budget.validation_rows, seed)?)?;
        let columns = train.features().columns();
        let attackers: Vec<_> = self
            .attackers
            .iter()
            .filter(|a| a.applies(columns))
            .collect();
        if attackers.is_empty() {
            return Err(AuditError::NoAttackers);
        }
        let mut attacks = Vec::with_capacity(attackers.len());
        for (done, attacker) in attackers.iter().enumerate() {
            let name = attacker.name();
            progress(Step {
                name,
                done,
                all: attackers.len(),
            });
            attacks.push(judge(
                attacker.as_ref(),
                [&train, &validation, &test],
                seed,
                &self.budget,
            )?);
        }
        let hits = test.labels().iter().filter(|&&l| l == majority).count();
        Ok(AttackReport {
            attacks,
            base_rate: hits as f64 / test.rows() as f64,
            classes: train.classes(),
            test_rows: test.rows(),
        })
    }
}

/// What one attacker finds: it learns on the first set, chooses on the second and guesses on the
/// third. Features are standardised.
pub(crate) fn judge(
    attacker: &dyn Attacker,
    [train, validation, test]: [&Samples; 3],
    seed: u64,
    budget: &Budget,
) -> Result<Attack, AuditError> {
    let name = attacker.name();
    let fitted = attacker.fit(train, validation, Draws::new(seed, name).bits(), budget)?;
    let on_validation = argmax(&fitted.scores(validation.features())?);
    let scores = fitted.scores(test.features())?;
    let predicted = argmax(&scores);
    let pairs = predicted.iter().zip(test.labels());
    let right = pairs.filter(|(p, l)| p == l).count();
    Ok(Attack {
        name,
        accuracy: accuracy(&predicted, test.labels())?,
        balanced_accuracy: balanced_accuracy(&predicted, test.labels())?,
        interval: wilson(right, test.rows()),
        validation_accuracy: accuracy(&on_validation, validation.labels())?,
        settings: fitted.settings(),
        scores,
        predicted,
    })
}

/// Up to `limit` rows, chosen by the seed.
pub(crate) fn first_rows(
    samples: &Samples,
    limit: usize,
    seed: u64,
) -> Result<Samples, AuditError> {
    if samples.rows() <= limit {
        return Ok(samples.clone());
    }
    let mut order = Draws::new(seed, "rows of a subset").permutation(samples.rows());
    order.truncate(limit);
    Ok(samples.select(&order)?)
}

/// Checks that the sets belong together and are large enough to judge on.
pub(crate) fn check_sets(
    train: &Samples,
    validation: &Samples,
    test: &Samples,
) -> Result<(), AuditError> {
    const LEAST: usize = 20;
    for (set, samples) in [
        ("training", train),
        ("validation", validation),
        ("test", test),
    ] {
        if samples.rows() < LEAST {
            let rows = samples.rows();
            return Err(AuditError::TooFew {
                set,
                rows,
                least: LEAST,
            });
        }
        for (what, expected, found) in [
            (
                "columns",
                train.features().columns(),
                samples.features().columns(),
            ),
            ("classes", train.classes(), samples.classes()),
        ] {
            if expected != found {
                return Err(AuditError::Sets {
                    what,
                    set,
                    expected,
                    found,
                });
            }
        }
    }
    Ok(())
}

/// Checks the sets; the most frequent class of the training rows.
fn check(train: &Samples, validation: &Samples, test: &Samples) -> Result<usize, AuditError> {
    check_sets(train, validation, test)?;
    let mut counts = vec![0usize; train.classes()];
    train.labels().iter().for_each(|&l| counts[l] += 1);
    let mut majority = 0;
    for (class, count) in counts.iter().enumerate() {
        if *count > counts[majority] {
            majority = class;
        }
    }
    if counts[majority] == train.rows() {
        return Err(AuditError::OneClass { class: majority });
    }
    Ok(majority)
}
