//! Records as a table of estimates.

use super::plan::StudyPlan;
use super::record::{Purpose, Record, Records};
use super::statistics::Estimate;
use super::study::chosen;
use crate::harden::Outcome;
use serde::{Deserialize, Serialize};

/// One candidate and one private label over all seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The candidate.
    pub candidate: String,
    /// The strength that was chosen.
    pub strength: usize,
    /// Whether it learnt from private labels.
    pub used_private_labels: bool,
    /// The private label.
    pub private: String,
    /// `accuracy` or `balanced`.
    pub metric: String,
    /// Public accuracy of the deployed network.
    pub public_before: Estimate,
    /// Public accuracy of the hardened one.
    pub public_after: Estimate,
    /// The difference, seed by seed.
    pub public_loss: Estimate,
    /// Of guessing without looking.
    pub base_rate: Estimate,
    /// From the predicted public class.
    pub floor_hard: Estimate,
    /// From all outputs.
    pub floor_full: Estimate,
    /// From the raw input.
    pub ceiling: Estimate,
    /// Of the strongest attack of each seed.
    pub attack_max: Estimate,
    /// (attack − floor)/(ceiling − floor); none where any seed withholds it.
    pub leak_normalised: Option<Estimate>,
    /// Why it is withheld.
    pub unscored: Option<String>,
    /// Seeds in which the public task was lost.
    pub collapsed: usize,
    /// Seconds of hardening.
    pub seconds: Estimate,
    /// Gradient steps of hardening.
    pub steps: Estimate,
}

/// The table of a study, candidates in the order of the plan.
pub fn table(plan: &StudyPlan, records: &Records) -> Vec<Line> {
    let mut lines = Vec::new();
    for candidate in &plan.candidates {
        let strength = chosen(plan, records, candidate);
        let runs: Vec<&Record> = plan
            .seeds
            .iter()
            .filter_map(|&seed| {
                records.find(&(Purpose::Report, seed, candidate.name.clone(), strength))
            })
            .collect();
        for private in &plan.reported {
            lines.extend(line(&runs, private));
        }
    }
    lines
}

fn line(runs: &[&Record], private: &str) -> Option<Line> {
    let first = runs.first()?;
    let leaks: Vec<_> = runs
        .iter()
        .filter_map(|r| r.leaks.iter().find(|l| l.private == private))
        .collect();
    let of_runs = |f: &dyn Fn(&Record) -> f64| Estimate::of(runs.iter().map(|r| f(r)));
    let withheld = leaks.iter().find_map(|l| l.unscored.clone());
    let scored = leaks.iter().all(|l| l.leak_normalised.is_some());
    let collapsed = runs
        .iter()
        .filter(|r| matches!(r.outcome, Outcome::Collapsed(_)));
    Some(Line {
        candidate: first.candidate.clone(),
        strength: first.strength,
        used_private_labels: first.recipe.method.uses_private_labels(),
        private: private.to_owned(),
        metric: leaks.first()?.metric.clone(),
        public_before: of_runs(&|r| r.public_before)?,
        public_after: of_runs(&|r| r.public_accuracy)?,
        public_loss: of_runs(&|r| r.public_before - r.public_accuracy)?,
        base_rate: Estimate::of(leaks.iter().map(|l| l.base_rate))?,
        floor_hard: Estimate::of(leaks.iter().map(|l| l.floor_hard))?,
        floor_full: Estimate::of(leaks.iter().map(|l| l.floor_full))?,
        ceiling: Estimate::of(leaks.iter().map(|l| l.ceiling))?,
        attack_max: Estimate::of(leaks.iter().map(|l| l.attack_max))?,
        leak_normalised: scored
            .then(|| Estimate::of(leaks.iter().filter_map(|l| l.leak_normalised)))
            .flatten(),
        unscored: withheld,
        collapsed: collapsed.count(),
        seconds: of_runs(&|r| r.cost.seconds)?,
        steps: of_runs(&|r| r.cost.steps as f64)?,
    })
}
