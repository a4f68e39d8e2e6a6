//! The script of a session: which step is which round. Public, and the same at all parties.

use tacit_session::plan::ReleaseKind;

use super::KeyStep;
use crate::model::GlmConfig;

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Generation of the collective keys.
    Key(KeyStep),
    /// Sub-shares of everybody's key, sealed to their recipients.
    SubShares,
    /// Everybody has received its sub-shares, and the same list of them.
    Confirm,
    /// What a session that goes on without somebody goes on from, re-randomised by all who take part.
    Checkpoint,
    /// Encrypted sums for standardisation.
    Moments,
    /// Release of their total.
    ReleaseMoments,
    /// Encrypted bound on the curvature of the loss.
    Curvature,
    /// Release of their mean, coarsely rounded.
    ReleaseCurvature,
    /// Encrypted gradient of iteration t.
    Gradient(usize),
    /// Refresh of the weights after iteration t.
    Refresh(usize),
    /// Release of the model, where the plan allows it.
    ReleaseModel,
    /// Key switch of answer number k to its querier.
    Answer(usize),
}

impl Step {
    /// The round's label.
    pub fn label(self) -> &'static str {
        match self {
            Step::Key(step) => step.label(),
            Step::SubShares => "threshold/shares",
            Step::Confirm => "threshold/confirm",
            Step::Checkpoint => "continue/checkpoint",
            Step::Moments => "data/moments",
            Step::ReleaseMoments => "data/release-moments",
            Step::Curvature => "data/curvature",
            Step::ReleaseCurvature => "data/release-curvature",
            Step::Gradient(_) => "train/gradient",
            Step::Refresh(_) => "train/refresh",
            Step::ReleaseModel => "model/release",
            Step::Answer(_) => "query/answer",
        }
    }
}

/// What a round of this label releases, if it releases anything.
pub fn released(label: &str) -> Option<ReleaseKind> {
    [
        (Step::ReleaseMoments, ReleaseKind::Statistics),
        (Step::ReleaseCurvature, ReleaseKind::Statistics),
        (Step::ReleaseModel, ReleaseKind::Model),
        (Step::Answer(0), ReleaseKind::Prediction),
    ]
    .into_iter()
    .find_map(|(step, kind)| (step.label() == label).then_some(kind))
}

/// All steps of a plan; answers follow at the end, as many as are asked for.
#[derive(Debug, Clone)]
pub struct Script {
    steps: Vec<Step>,
    max_answers: usize,
}

impl Script {
    /// The script of a training; with a threshold, sub-shares are exchanged after the keys.
    pub fn new(
        config: &GlmConfig,
        galois_keys: usize,
        threshold: bool,
        standardise: bool,
        release_model: bool,
        max_answers: usize,
    ) -> Self {
        let keys = KeyStep::all(galois_keys);
        let mut steps: Vec<Step> = keys.into_iter().map(Step::Key).collect();
        if threshold {
            steps.extend([Step::SubShares, Step::Confirm]);
        }
        if standardise {
            steps.extend([Step::Moments, Step::ReleaseMoments]);
        }
        if config.curvature.known(config.features).is_none() {
            steps.extend([Step::Curvature, Step::ReleaseCurvature]);
        }
        for t in 0..config.iterations {
            steps.extend([Step::Gradient(t), Step::Refresh(t)]);
        }
        if release_model {
            steps.push(Step::ReleaseModel);
        }
        Self { steps, max_answers }
    }

    /// The script of a session that goes on without somebody, as far as is known before the root says where.
    pub fn rejoining() -> Self {
        Self {
            steps: vec![Step::Checkpoint],
            max_answers: 0,
        }
    }

    /// The same from iteration `first` on; with `iterations` the training was over.
    pub fn continuing(
        first: usize,
        iterations: usize,
        release_model: bool,
        max_answers: usize,
    ) -> Self {
        let mut steps = vec![Step::Checkpoint];
        for t in first..iterations {
            steps.extend([Step::Gradient(t), Step::Refresh(t)]);
        }
        if release_model {
            steps.push(Step::ReleaseModel);
        }
        Self { steps, max_answers }
    }

    /// The script after training: answers only.
    pub fn serving(max_answers: usize) -> Self {
        Self {
            steps: Vec::new(),
            max_answers,
        }
    }

    /// The step at `position`, if the plan has one there.
    pub fn step(&self, position: usize) -> Option<Step> {
        match self.steps.get(position) {
            Some(&step) => Some(step),
            None => {
                let answer = position - self.steps.len();
                (answer < self.max_answers).then_some(Step::Answer(answer))
            }
        }
    }

    /// The first step in which parties encrypt what is theirs: the public key reaches them with it.
    pub fn first_encryption(&self) -> Option<Step> {
        let encrypts =
            |step: &&Step| matches!(step, Step::Moments | Step::Curvature | Step::Gradient(0));
        self.steps.iter().find(encrypts).copied()
    }

    /// Number of steps before the answers.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}
