//! Shows the rounds of a network's training as they pass, and times them.

use tacit_learn::neural::encrypted::{IterationCost, MlpPlan};
use tacit_report::measure::{Elapsed, Phases, Stopwatch};
use tacit_transport::memory::Progress as Round;

use crate::{Console, Phase, Progress};

/// The label of the round that ends an iteration.
pub(super) const STEP: &str = "train/refresh-weights";

/// The phase of key generation.
pub(super) const KEYS: &str = "keys";

/// Phases of an iteration, by the labels of their rounds.
const ITERATION: [(&str, &str); 5] = [
    ("train/forward", "first layer"),
    ("train/refresh-predictors", "hidden layers, forward"),
    ("train/refresh-errors", "hidden layers, back"),
    ("train/gradient", "first layer's gradient"),
    (STEP, "weights"),
];

/// The phase that a round belongs to, for people.
fn phase(label: &str) -> &'static str {
    if let Some((_, name)) = ITERATION.iter().find(|(known, _)| *known == label) {
        return name;
    }
    match label.split_once('/').map_or(label, |(group, _)| group) {
        "keys" => KEYS,
        "data" => "standardisation",
        "model" => "model release",
        _ => "session",
    }
}

/// Whether a phase is part of the iterations.
pub(super) fn is_training(phase: &str) -> bool {
    ITERATION.iter().any(|(_, name)| *name == phase)
}

pub(super) struct Watch {
    progress: Progress,
    iterations: u64,
    /// Rounds of an iteration.
    rounds: u64,
    keys: Option<Phase>,
    training: Option<Phase>,
    stopwatch: Stopwatch,
    cpu: std::time::Duration,
    phases: Phases,
}

impl Watch {
    pub(super) fn new(console: &Console, plan: &MlpPlan) -> Self {
        Self {
            progress: console.progress(),
            iterations: plan.config.iterations as u64,
            rounds: IterationCost::of(plan).rounds as u64,
            keys: None,
            training: None,
            stopwatch: Stopwatch::start(),
            cpu: std::time::Duration::ZERO,
            phases: Phases::default(),
        }
    }

    pub(super) fn see(&mut self, round: &Round) {
        let label = round.label.as_str();
        if label.starts_with("train/") {
            self.keys.take().iter().for_each(Phase::finish);
            // A training that is resumed has fewer to go.
            let left = round.of.map(|of| u64::from(of.saturating_sub(round.index)));
            let left = left.map_or(self.iterations, |left| left / self.rounds);
            let left = left.min(self.iterations);
            let start = || self.progress.phase("iterations under encryption", left);
            self.training.get_or_insert_with(start);
        } else if self.training.is_none() {
            let start = || self.progress.open_ended("keys");
            self.keys.get_or_insert_with(start);
        }
        if !round.finished {
            return;
        }
        // Processor time since the round before: rounds follow one another.
        let now = self.stopwatch.elapsed().cpu;
        let cpu = now.map(|now| now.saturating_sub(self.cpu));
        self.cpu = now.unwrap_or_default();
        let wall = round.took;
        self.phases.record(phase(label), Elapsed { wall, cpu });
        if let Some(keys) = &self.keys {
            keys.inc();
        }
        if let (Some(training), STEP) = (&self.training, label) {
            training.inc();
        }
    }

    pub(super) fn finish(self) -> Phases {
        for phase in [self.keys, self.training].iter().flatten() {
            phase.finish();
        }
        self.phases
    }
}
