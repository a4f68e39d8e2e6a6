//! Which round is which step. Public, and the same at all parties.

use super::MlpPlan;
use crate::encrypted::KeyStep;

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MlpStep {
    /// Generation of the collective keys.
    Key(KeyStep),
    /// Encrypted sums for the standardisation of features.
    Moments,
    /// Release of their total.
    ReleaseMoments,
    /// Every party's first layer on its batch number m, and its labels.
    Forward(usize),
    /// Refresh of the predictors of layer l, of batches number m.
    Predictors(usize, usize),
    /// Refresh of the errors of layer l, of batches number m.
    Errors(usize, usize),
    /// Sum of the first layer's gradients on batches number m.
    Gradient(usize),
    /// Refresh of all weights after step t.
    Weights(usize),
    /// Refresh of the errors of the outputs in the last batches of step t, weighed for their squares.
    MeasureError(usize),
    /// Refresh of the sum of squares to the scale of a release.
    RaiseError(usize),
    /// Release of the sum of squares.
    ReleaseError(usize),
    /// Refresh of the final weights to the scale of a release.
    Raise,
    /// Release of the model.
    Release,
}

impl MlpStep {
    /// The round's label.
    pub fn label(self) -> &'static str {
        match self {
            MlpStep::Key(step) => step.label(),
            MlpStep::Moments => "data/moments",
            MlpStep::ReleaseMoments => "data/release-moments",
            MlpStep::Forward(_) => "train/forward",
            MlpStep::Predictors(..) => "train/refresh-predictors",
            MlpStep::Errors(..) => "train/refresh-errors",
            MlpStep::Gradient(_) => "train/gradient",
            MlpStep::Weights(_) => "train/refresh-weights",
            MlpStep::MeasureError(_) => "stop/measure",
            MlpStep::RaiseError(_) => "stop/raise",
            MlpStep::ReleaseError(_) => "stop/release",
            MlpStep::Raise => "model/raise",
            MlpStep::Release => "model/release",
        }
    }
}

/// All steps of a plan.
pub fn steps(galois_keys: usize, plan: &MlpPlan) -> Vec<MlpStep> {
    let keys = KeyStep::all(galois_keys);
    let mut steps: Vec<MlpStep> = keys.into_iter().map(MlpStep::Key).collect();
    if plan.moments > 0 {
        steps.extend([MlpStep::Moments, MlpStep::ReleaseMoments]);
    }
    let leg = plan.leg_after(0);
    steps.extend(steps_between(plan, 0, leg));
    steps
}

/// The steps of a session from one number of iterations done to another: to the release, if those are all.
pub fn steps_between(plan: &MlpPlan, done: usize, until: usize) -> Vec<MlpStep> {
    let depth = plan.config.depth();
    let refreshed = depth - 1 + usize::from(plan.head.is_some());
    let mut steps = Vec::new();
    let batches = plan.config.local_batches;
    for t in done..until {
        // A convolution is left and reached again without a refresh.
        let lowest = if plan.convolution.is_some() { 2 } else { 1 };
        for m in t * batches..(t + 1) * batches {
            steps.push(MlpStep::Forward(m));
            steps.extend((lowest..=refreshed).map(|l| MlpStep::Predictors(m, l)));
            steps.extend((lowest..=depth).rev().map(|l| MlpStep::Errors(m, l)));
            steps.push(MlpStep::Gradient(m));
        }
        steps.push(MlpStep::Weights(t));
        if plan.releases_error(t) {
            steps.extend([
                MlpStep::MeasureError(t),
                MlpStep::RaiseError(t),
                MlpStep::ReleaseError(t),
            ]);
        }
    }
    if until == plan.config.iterations {
        steps.extend([MlpStep::Raise, MlpStep::Release]);
    }
    steps
}
