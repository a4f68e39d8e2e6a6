//! How much the size of the output costs and gives: every K, several seeds, before and after.
//!
//! Each (K, seed) is trained twice, without and with protection, on the same rows for as many
//! epochs, and each model is attacked by the same suite. A finished pair is stored in the study's
//! folder as `k<K>-seed<S>.json`; a study that is started again computes what is missing.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tacit_audit::{AttackSuite, Step, VotePoint};
use tacit_fe::IntegerModel;
use tacit_nn::QuadraticNetwork;

use crate::CollateralError;
use crate::head::Head;
use crate::measure::{Leak, usefulness};
use crate::recipe::CollateralRecipe;
use crate::task::Task;
use crate::train::{EpochEnd, train};

/// Sizes of the groups of characters that are attacked together.
pub const GROUPS: [usize; 8] = [1, 2, 5, 10, 20, 50, 100, 200];

/// A model and what was measured of it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The figures.
    pub figures: Figures,
    /// The integers.
    pub model: IntegerModel,
    /// The network before it was rounded.
    pub floating: QuadraticNetwork,
    /// The public head.
    pub head: Head,
    /// Every attacker.
    pub leak: Leak,
    /// The strongest attacker on several rows of the same private label.
    pub several: Vec<VotePoint>,
    /// One entry per epoch of its training.
    pub history: Vec<EpochEnd>,
}

/// What was measured of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// Public accuracy of the integer model with its head.
    pub main: f64,
    /// Public accuracy of the network before it was rounded.
    pub main_floating: f64,
    /// Share of the more frequent private label.
    pub base_rate: f64,
    /// Accuracy of every attacker on the private label.
    pub attackers: BTreeMap<String, f64>,
    /// Accuracy of the strongest one on m rows of the same private label, by m (log-odds added).
    pub several: BTreeMap<usize, f64>,
    /// log2 of the proven largest output.
    pub bound_bits: f64,
}

impl Figures {
    /// The strongest attacker and its accuracy.
    pub fn best(&self) -> (&str, f64) {
        let mut best = ("none", 0.0);
        for (name, &accuracy) in &self.attackers {
            if accuracy > best.1 {
                best = (name.as_str(), accuracy);
            }
        }
        best
    }
}

/// Both models of one (K, seed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Outputs K.
    pub outputs: usize,
    /// Seed of training and attackers.
    pub seed: u64,
    /// Without protection.
    pub before: Figures,
    /// With protection.
    pub after: Figures,
}

/// What is being done, told as it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doing {
    /// An epoch of training ended.
    Training(EpochEnd),
    /// An attacker starts.
    Attacking(Step),
}

/// Trains a model and measures it.
pub fn judge(
    task: &Task,
    recipe: &CollateralRecipe,
    suite: &AttackSuite,
    mut progress: impl FnMut(Doing),
) -> Result<Judged, CollateralError> {
    let trained = train(task, recipe, |end| progress(Doing::Training(end)))?;
    let useful = usefulness(task, &trained, recipe.head, recipe.seed)?;
    let doing = |step| progress(Doing::Attacking(step));
    let leak = Leak::measure(task, &trained.model, suite, recipe.seed, doing)?;
    let several = leak.several(&GROUPS)?;
    let attackers = leak.report.attacks.iter();
    let figures = Figures {
        main: useful.accuracy,
        main_floating: useful.floating_accuracy,
        base_rate: leak.report.base_rate,
        attackers: attackers.map(|a| (a.name.to_owned(), a.accuracy)).collect(),
        several: several.iter().map(|p| (p.rows, p.soft)).collect(),
        bound_bits: (trained.model.bounds().largest_output() as f64).log2(),
    };
    Ok(Judged {
        figures,
        model: trained.model,
        floating: trained.floating,
        head: useful.head,
        leak,
        several,
        history: trained.history,
    })
}

/// One (K, seed) of a study: read from `folder` if it is there, else computed and stored.
/// `conditions` say what the recipe does not: the data, the attackers' budget. A stored pair with
/// other conditions is refused.
pub fn pair(
    task: &Task,
    recipe: &CollateralRecipe,
    suite: &AttackSuite,
    conditions: &str,
    folder: &Path,
    mut progress: impl FnMut(Doing),
) -> Result<Pair, CollateralError> {
    let (outputs, seed) = (recipe.outputs, recipe.seed);
    let path = folder.join(format!("k{outputs}-seed{seed}.json"));
    let stored = |reason: String| CollateralError::Stored {
        file: path.display().to_string(),
        reason,
    };
    if path.exists() {
        let text = std::fs::read(&path).map_err(|e| stored(e.to_string()))?;
        let found: Stored = serde_json::from_slice(&text).map_err(|e| stored(e.to_string()))?;
        if found.recipe != *recipe {
            return Err(stored("it was computed with another recipe".into()));
        }
        if found.conditions != conditions {
            let reason = format!(
                "it was computed on {}, not on {conditions}",
                found.conditions
            );
            return Err(stored(reason));
        }
        return Ok(found.pair);
    }
    let before = judge(task, &recipe.undefended(), suite, &mut progress)?.figures;
    let after = judge(task, recipe, suite, &mut progress)?.figures;
    let found = Stored {
        recipe: recipe.clone(),
        conditions: conditions.to_owned(),
        pair: Pair {
            outputs,
            seed,
            before,
            after,
        },
    };
    let text = serde_json::to_vec_pretty(&found).map_err(|e| stored(e.to_string()))?;
    // Returned as it will be read again, so that a resumed study has the same figures.
    let found: Stored = serde_json::from_slice(&text).map_err(|e| stored(e.to_string()))?;
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, text)
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .map_err(|e| stored(e.to_string()))?;
    Ok(found.pair)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    recipe: CollateralRecipe,
    conditions: String,
    pair: Pair,
}
