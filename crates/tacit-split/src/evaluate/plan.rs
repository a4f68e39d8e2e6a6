//! What a study compares.

use super::candidate::Candidate;
use crate::error::{SplitError, setting};
use serde::{Deserialize, Serialize};
use tacit_audit::features;
use tacit_data::tasks::{Shares, TaskData};
use tacit_nn::layered::Architecture;

/// How much the attackers spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effort {
    /// For a first look.
    Quick,
    /// For studies of many seeds.
    Standard,
    /// For published figures.
    Full,
}

impl Effort {
    pub(crate) fn of_audit(self) -> features::Effort {
        match self {
            Effort::Quick => features::Effort::quick(),
            Effort::Standard => features::Effort::standard(),
            Effort::Full => features::Effort::full(),
        }
    }
}

/// How the network that is deployed before anything is hardened is trained.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Times every row is used.
    pub epochs: usize,
    /// Rows per step.
    pub batch: usize,
    /// Learning rate at the start.
    pub rate: f64,
}

/// A comparison of methods on one task, architecture and cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyPlan {
    /// The network.
    pub architecture: Architecture,
    /// Blocks before the cut.
    pub cut: usize,
    /// How it is trained before it is deployed.
    pub training: Training,
    /// What is compared.
    pub candidates: Vec<Candidate>,
    /// The private label that strengths are chosen on. Without one they are chosen without looking
    /// at any: the strongest that public accuracy allows.
    pub tuning: Option<String>,
    /// The private labels that are reported; never the one of `tuning`.
    pub reported: Vec<String>,
    /// The runs that strengths are chosen on; best none of `seeds`.
    pub tuning_seeds: Vec<u64>,
    /// How much public accuracy on validation rows a chosen strength may cost, averaged over
    /// `tuning_seeds`.
    pub public_loss: f64,
    /// One run each; five or more for figures with intervals worth the name.
    pub seeds: Vec<u64>,
    /// Parts of model, attacker, attacker's validation and test.
    pub shares: [f64; 4],
    /// The part of the model's rows that it is validated on.
    pub validation: f64,
    /// What attackers spend.
    pub effort: Effort,
}

impl StudyPlan {
    /// Checks the plan against the data.
    pub fn check(&self, task: &TaskData) -> Result<(), SplitError> {
        self.architecture.check()?;
        let input = self.architecture.input.size();
        let columns: usize = task.shape.iter().product();
        let classes = self.architecture.output()?.size();
        for (what, expected, found) in [
            ("columns of the data, inputs of the network", input, columns),
            (
                "public classes of the data, outputs of the network",
                classes,
                task.public.classes.len(),
            ),
        ] {
            if expected != found {
                return Err(SplitError::Shape {
                    what,
                    expected,
                    found,
                });
            }
        }
        let legal: Vec<usize> = self.architecture.cuts().iter().map(|c| c.after).collect();
        if !legal.contains(&self.cut) {
            let after = self.cut;
            let legal = format!("{legal:?}");
            return Err(SplitError::Cut { after, legal });
        }
        let learnt = self.candidates.iter().filter_map(|c| c.private.as_ref());
        for label in self.reported.iter().chain(&self.tuning).chain(learnt) {
            private(task, label)?;
        }
        let chosen_on_itself = self.tuning.iter().any(|t| self.reported.contains(t));
        setting(
            "tuning",
            0.0,
            !chosen_on_itself,
            "a label that is not reported: strengths chosen on the label that is reported would \
             flatter the method",
        )?;
        let reported = self.reported.len() as f64;
        setting("reported labels", reported, reported > 0.0, "at least one")?;
        let seeds = self.seeds.len() as f64;
        setting("seeds", seeds, seeds > 0.0, "at least one")?;
        let seeds = self.tuning_seeds.len() as f64;
        let strengths = self.candidates.iter().map(|c| c.recipes.len()).max();
        let needed = strengths > Some(1);
        let expected = "at least one, to choose a strength on";
        setting("tuning seeds", seeds, seeds > 0.0 || !needed, expected)?;
        let v = self.validation;
        setting("validation", v, v > 0.0 && v < 1.0, "between 0 and 1")?;
        for candidate in &self.candidates {
            let strengths = candidate.recipes.len() as f64;
            setting(
                "recipes of a candidate",
                strengths,
                strengths > 0.0,
                "at least one",
            )?;
            for recipe in &candidate.recipes {
                recipe.check()?;
                if recipe.method.uses_private_labels() && candidate.private.is_none() {
                    let method = recipe.method.name();
                    return Err(SplitError::PrivateLabels { method });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn shares(&self) -> Shares {
        let [model, attacker, validation, test] = self.shares;
        Shares {
            model,
            attacker,
            validation,
            test,
        }
    }

    /// The hash that tells records of these conditions from those of others: all of the plan except
    /// which candidates and which seeds.
    pub fn digest(&self) -> Result<String, SplitError> {
        let conditions = StudyPlan {
            candidates: Vec::new(),
            tuning_seeds: Vec::new(),
            seeds: Vec::new(),
            ..self.clone()
        };
        let bytes = serde_json::to_vec(&conditions).map_err(|e| SplitError::Format {
            origin: "the plan of a study".to_owned(),
            reason: e.to_string(),
        })?;
        Ok(blake3::hash(&bytes).to_hex()[..16].to_owned())
    }

    /// The hash of these conditions and these rows: records of other data are of another study.
    pub fn fingerprint(&self, task: &TaskData) -> Result<String, SplitError> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.digest()?.as_bytes());
        for label in [&task.public].into_iter().chain(&task.private) {
            hasher.update(label.name.as_bytes()).update(&[0]);
            for &class in &label.values {
                hasher.update(&(class as u64).to_le_bytes());
            }
        }
        for value in &task.rows {
            hasher.update(&value.to_le_bytes());
        }
        Ok(hasher.finalize().to_hex()[..16].to_owned())
    }
}

/// The number of a private label.
pub(crate) fn private(task: &TaskData, label: &str) -> Result<usize, SplitError> {
    let found = task.private.iter().position(|p| p.name == label);
    found.ok_or_else(|| SplitError::UnknownLabel {
        label: label.to_owned(),
        known: {
            let names: Vec<&str> = task.private.iter().map(|p| p.name.as_str()).collect();
            names.join(", ")
        },
    })
}
