//! Running a plan.

use super::plan::{StudyPlan, private};
use super::record::{Leak, Purpose, Record, Records};
use crate::error::SplitError;
use crate::harden::{Hardened, Recipe, harden};
use crate::noise::ClientSecret;
use std::collections::BTreeMap;
use tacit_audit::features::{Ceiling, LeakStudy, Private, Subjects};
use tacit_data::tasks::{Sets, TaskData};
use tacit_nn::layered::Layered;
use tacit_nn::predict::{accuracy, argmax, classes};
use tacit_nn::train::Recipe as FitRecipe;
use tacit_nn::{Draws, Matrix, Samples, fit};

/// What a study is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Runs done, those of earlier attempts included.
    pub done: usize,
    /// Runs there will be.
    pub all: usize,
    /// The seed of the next.
    pub seed: u64,
    /// Its candidate.
    pub candidate: String,
    /// What it is for.
    pub purpose: Purpose,
}

/// All of one seed.
struct Bench {
    train: Samples,
    validation: Samples,
    private: BTreeMap<String, Samples>,
    sets: Sets,
    network: Layered,
    subjects: Subjects,
    ceilings: BTreeMap<String, Ceiling>,
    study: LeakStudy,
}

/// Runs what is missing of a plan: first the choice of a strength for each candidate (on the first
/// seed), then every candidate at that strength for every seed. Records already there are not made
/// again.
pub fn run(
    plan: &StudyPlan,
    task: &TaskData,
    records: &mut Records,
    mut progress: impl FnMut(Stage),
) -> Result<(), SplitError> {
    plan.check(task)?;
    let digest = plan.digest()?;
    let tuned = plan.candidates.iter().filter(|c| c.recipes.len() > 1);
    let all =
        tuned.map(|c| c.recipes.len()).sum::<usize>() + plan.candidates.len() * plan.seeds.len();
    let mut done = 0;
    let mut tell = |seed: u64, candidate: &str, purpose| {
        progress(Stage {
            done,
            all,
            seed,
            candidate: candidate.to_owned(),
            purpose,
        });
        done += 1;
    };
    for (turn, &seed) in plan.seeds.iter().enumerate() {
        // Made when it is first needed: a finished seed costs nothing again.
        let mut bench: Option<Bench> = None;
        for candidate in &plan.candidates {
            if turn == 0 && candidate.recipes.len() > 1 {
                for strength in 0..candidate.recipes.len() {
                    tell(seed, &candidate.name, Purpose::Tuning);
                    let key = (Purpose::Tuning, seed, candidate.name.clone(), strength);
                    if records.find(&key).is_some() {
                        continue;
                    }
                    let bench = ready(&mut bench, plan, task, seed)?;
                    let record = bench.measure(plan, &digest, key, candidate.private.as_deref())?;
                    records.add(record)?;
                }
            }
            tell(seed, &candidate.name, Purpose::Report);
            let strength = chosen(plan, records, &candidate.name);
            let key = (Purpose::Report, seed, candidate.name.clone(), strength);
            if records.find(&key).is_some() {
                continue;
            }
            let bench = ready(&mut bench, plan, task, seed)?;
            let record = bench.measure(plan, &digest, key, candidate.private.as_deref())?;
            records.add(record)?;
        }
    }
    Ok(())
}

fn ready<'a>(
    bench: &'a mut Option<Bench>,
    plan: &StudyPlan,
    task: &TaskData,
    seed: u64,
) -> Result<&'a mut Bench, SplitError> {
    let made = match bench.take() {
        Some(made) => made,
        None => Bench::new(plan, task, seed)?,
    };
    Ok(bench.insert(made))
}

/// The strength of a candidate that its tuning records speak for: of those whose public loss is
/// within the plan's, the one with the least leak on the tuning label, or the strongest where there
/// is no such label; if none is within, the one that loses least.
fn chosen(plan: &StudyPlan, records: &Records, candidate: &str) -> usize {
    let tried: Vec<&Record> = records
        .all()
        .iter()
        .filter(|r| r.purpose == Purpose::Tuning && r.candidate == candidate)
        .collect();
    let loss = |r: &Record| r.public_before - r.public_accuracy;
    let allowed = tried.iter().filter(|r| loss(r) <= plan.public_loss);
    let best = allowed.min_by(|a, b| {
        let leak = |r: &Record| match r.leaks.first() {
            Some(leak) => leak.attack_max,
            None => -(r.strength as f64),
        };
        leak(a).total_cmp(&leak(b))
    });
    let least = || tried.iter().min_by(|a, b| loss(a).total_cmp(&loss(b)));
    best.or_else(least).map_or(0, |r| r.strength)
}

impl Bench {
    fn new(plan: &StudyPlan, task: &TaskData, seed: u64) -> Result<Self, SplitError> {
        let sets = task.sets(&plan.shares(), seed)?;
        let model = samples(&sets.model, None)?;
        let order = Draws::new(seed, "validation rows").permutation(model.rows());
        let held = (plan.validation * model.rows() as f64).round() as usize;
        let (validation, train) = order.split_at(held);
        let mut known = BTreeMap::new();
        for label in &sets.model.private {
            let of_label = samples(&sets.model, Some(&label.name))?.select(train)?;
            known.insert(label.name.clone(), of_label);
        }
        let (train, validation) = (model.select(train)?, model.select(validation)?);
        let network = Layered::new(&plan.architecture, &mut Draws::new(seed, "weights"))?;
        let recipe = FitRecipe {
            epochs: plan.training.epochs,
            batch: plan.training.batch,
            rate: plan.training.rate,
            seed,
            ..FitRecipe::default()
        };
        let network = fit(network, &train, Some(&validation), &recipe, |_| {})?.network;
        let subjects = Subjects::new(
            task.shape,
            samples(&sets.attacker, None)?,
            samples(&sets.validation, None)?,
            samples(&sets.test, None)?,
        )?;
        Ok(Bench {
            train,
            validation,
            private: known,
            sets,
            network,
            subjects,
            ceilings: BTreeMap::new(),
            study: LeakStudy::new(plan.effort.of_audit(), seed),
        })
    }

    fn measure(
        &mut self,
        plan: &StudyPlan,
        digest: &str,
        key: (Purpose, u64, String, usize),
        knows: Option<&str>,
    ) -> Result<Record, SplitError> {
        let (purpose, seed, name, strength) = key;
        let candidate = plan.candidates.iter().find(|c| c.name == name);
        let recipe = candidate.and_then(|c| c.recipes.get(strength));
        let recipe = Recipe {
            seed,
            ..recipe.cloned().unwrap_or_default()
        };
        let known = knows.and_then(|label| self.private.get(label));
        let hardened = harden(
            &self.network,
            plan.cut,
            &self.train,
            &self.validation,
            known,
            &recipe,
            |_| {},
        )?;
        let looked_at: Vec<String> = match purpose {
            Purpose::Tuning => plan.tuning.iter().cloned().collect(),
            Purpose::Report => plan.reported.clone(),
        };
        let judged = match purpose {
            Purpose::Tuning => self.validation.clone(),
            Purpose::Report => self.subjects.test().clone(),
        };
        let public_before = accuracy(&classes(&self.network, judged.features())?, judged.labels())?;
        let (public_accuracy, leaks) = self.audit(&hardened, &judged, seed, &looked_at)?;
        Ok(Record {
            plan: digest.to_owned(),
            purpose,
            seed,
            candidate: name,
            strength,
            recipe,
            public_before,
            public_accuracy,
            outcome: hardened.outcome,
            cost: hardened.cost,
            leaks,
        })
    }

    fn audit(
        &mut self,
        hardened: &Hardened,
        judged: &Samples,
        seed: u64,
        labels: &[String],
    ) -> Result<(f64, Vec<Leak>), SplitError> {
        let bytes = blake3::derive_key("tacit v1 secret of a study", &seed.to_le_bytes());
        let deployment = hardened.deploy(ClientSecret::from_bytes(bytes))?;
        let sent = deployment.client.sent(judged.features(), 0)?;
        let answers = argmax(&deployment.head.answer(&sent)?);
        let public_accuracy = accuracy(&answers, judged.labels())?;
        if labels.is_empty() {
            return Ok((public_accuracy, Vec::new()));
        }
        let seen = self.study.observe(&deployment, &self.subjects)?;
        let mut leaks = Vec::with_capacity(labels.len());
        for label in labels {
            let private = self.private_of(label)?;
            if !self.ceilings.contains_key(label) {
                let ceiling = self.study.ceiling(&self.subjects, &private)?;
                self.ceilings.insert(label.clone(), ceiling);
            }
            let ceiling = &self.ceilings[label];
            let report = self.study.run(&self.subjects, &seen, &private, ceiling)?;
            leaks.push(Leak::of(&report));
        }
        Ok((public_accuracy, leaks))
    }

    fn private_of(&self, label: &str) -> Result<Private, SplitError> {
        let at = private(&self.sets.attacker, label)?;
        let of = |set: &TaskData| set.private[at].values.clone();
        for (name, set) in [
            ("attacker's training", &self.sets.attacker),
            ("test", &self.sets.test),
        ] {
            let values = &set.private[at].values;
            if let Some(&value) = values.first()
                && values.iter().all(|v| *v == value)
            {
                return Err(SplitError::Constant {
                    label: label.to_owned(),
                    value,
                    set: name,
                });
            }
        }
        Ok(Private {
            name: label.to_owned(),
            classes: self.sets.attacker.private[at].classes.len(),
            train: of(&self.sets.attacker),
            validation: of(&self.sets.validation),
            test: of(&self.sets.test),
        })
    }
}

/// Rows with the public label, or a private one.
fn samples(task: &TaskData, label: Option<&str>) -> Result<Samples, SplitError> {
    let columns = task.shape.iter().product();
    let rows = Matrix::new(task.len(), columns, task.rows.clone())?;
    let labels = match label {
        None => &task.public,
        Some(label) => &task.private[private(task, label)?],
    };
    let values = labels.values.iter().copied();
    Ok(Samples::new(rows, values, labels.classes.len())?)
}
