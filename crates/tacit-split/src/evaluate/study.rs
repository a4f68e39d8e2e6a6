//! Running a plan.

use super::candidate::Candidate;
use super::plan::{StudyPlan, private};
use super::record::{Key, Leak, Purpose, Record, Records};
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

/// Runs what is missing of a plan: first every strength of each candidate that has several, on the
/// tuning seeds, then every candidate at the strength chosen for every seed. Records already there
/// are not made again; a plan may grow by candidates and seeds and go on from the same records.
pub fn run(
    plan: &StudyPlan,
    task: &TaskData,
    records: &mut Records,
    mut progress: impl FnMut(Stage),
) -> Result<(), SplitError> {
    plan.check(task)?;
    let digest = plan.digest()?;
    let tuned: Vec<&Candidate> = plan.candidates.iter().filter(|c| c.tuned()).collect();
    let strengths: usize = tuned.iter().map(|c| c.recipes.len()).sum();
    let all = strengths * plan.tuning_seeds.len() + plan.candidates.len() * plan.seeds.len();
    let mut done = 0;
    let mut step = |bench: &mut Option<Bench>, records: &mut Records, key: Key| {
        progress(Stage {
            done,
            all,
            seed: key.1,
            candidate: key.2.clone(),
            purpose: key.0,
        });
        done += 1;
        let candidate = plan.candidates.iter().find(|c| c.name == key.2);
        let Some((candidate, recipe)) = candidate.and_then(|c| Some((c, c.recipes.get(key.3)?)))
        else {
            return Ok(());
        };
        let seed = key.1;
        let recipe = Recipe {
            seed,
            ..recipe.clone()
        };
        if let Some(found) = records.find(&key) {
            return match found.recipe.settings() == recipe.settings() {
                true => Ok(()),
                false => Err(SplitError::Format {
                    origin: format!("the record of `{}`, seed {seed}", key.2),
                    reason: "it was made with other settings; give the candidate another name"
                        .to_owned(),
                }),
            };
        }
        // Made when it is first needed: a finished seed costs nothing again.
        let made = match bench.take() {
            Some(made) => made,
            None => Bench::new(plan, task, seed)?,
        };
        let known = candidate.private.as_deref();
        let record = bench
            .insert(made)
            .measure(plan, &digest, key, &recipe, known)?;
        records.add(record)
    };
    for &seed in &plan.tuning_seeds {
        let mut bench = None;
        for candidate in &tuned {
            for strength in 0..candidate.recipes.len() {
                let key = (Purpose::Tuning, seed, candidate.name.clone(), strength);
                step(&mut bench, records, key)?;
            }
        }
    }
    for &seed in &plan.seeds {
        let mut bench = None;
        for candidate in &plan.candidates {
            let strength = chosen(plan, records, candidate);
            let key = (Purpose::Report, seed, candidate.name.clone(), strength);
            step(&mut bench, records, key)?;
        }
    }
    Ok(())
}

/// The strength of a candidate that its tuning records speak for, averaged over the tuning seeds: of
/// those whose public loss is within the plan's, the one with the least leak on the tuning label, or
/// the strongest where there is no such label; if none is within, the one that loses least.
pub(super) fn chosen(plan: &StudyPlan, records: &Records, candidate: &Candidate) -> usize {
    let mut allowed: Option<(usize, f64)> = None;
    let mut least: Option<(usize, f64)> = None;
    for strength in 0..candidate.recipes.len() {
        let found = |seed: &u64| {
            let key = (Purpose::Tuning, *seed, candidate.name.clone(), strength);
            records.find(&key)
        };
        let runs: Vec<&Record> = plan.tuning_seeds.iter().filter_map(found).collect();
        let mean = |of: &dyn Fn(&Record) -> f64| {
            runs.iter().map(|r| of(r)).sum::<f64>() / runs.len().max(1) as f64
        };
        let loss = mean(&|r| r.public_before - r.public_accuracy);
        let leak = match plan.tuning {
            Some(_) => mean(&|r| r.leaks.first().map_or(1.0, |l| l.attack_max)),
            None => -(strength as f64),
        };
        if loss <= plan.public_loss && allowed.is_none_or(|(_, best)| leak < best) {
            allowed = Some((strength, leak));
        }
        if least.is_none_or(|(_, best)| loss < best) {
            least = Some((strength, loss));
        }
    }
    allowed.or(least).map_or(0, |(strength, _)| strength)
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
        (purpose, seed, name, strength): Key,
        recipe: &Recipe,
        knows: Option<&str>,
    ) -> Result<Record, SplitError> {
        let known = knows.and_then(|label| self.private.get(label));
        let hardened = harden(
            &self.network,
            plan.cut,
            &self.train,
            &self.validation,
            known,
            recipe,
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
            recipe: recipe.clone(),
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
