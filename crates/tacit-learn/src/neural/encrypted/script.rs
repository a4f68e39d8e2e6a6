//! Which round is which step. Public, and the same at all parties.

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MlpStep {
    /// Collective public key.
    PublicKey,
    /// Relinearisation key, first round.
    RelinearisationOne,
    /// Relinearisation key, second round.
    RelinearisationTwo,
    /// Galois key number k.
    Galois(usize),
    /// Every party's first layer in iteration t, and its labels.
    Forward(usize),
    /// Refresh of the predictors of layer l.
    Predictors(usize, usize),
    /// Refresh of the errors of layer l.
    Errors(usize, usize),
    /// Sum of the first layer's gradients.
    Gradient(usize),
    /// Refresh of all weights.
    Weights(usize),
    /// Refresh of the final weights to the scale of a release.
    Raise,
    /// Release of the model.
    Release,
}

impl MlpStep {
    /// The round's label.
    pub fn label(self) -> &'static str {
        match self {
            MlpStep::PublicKey => "keys/public",
            MlpStep::RelinearisationOne => "keys/relinearisation-1",
            MlpStep::RelinearisationTwo => "keys/relinearisation-2",
            MlpStep::Galois(_) => "keys/galois",
            MlpStep::Forward(_) => "train/forward",
            MlpStep::Predictors(..) => "train/refresh-predictors",
            MlpStep::Errors(..) => "train/refresh-errors",
            MlpStep::Gradient(_) => "train/gradient",
            MlpStep::Weights(_) => "train/refresh-weights",
            MlpStep::Raise => "model/raise",
            MlpStep::Release => "model/release",
        }
    }
}

/// All steps of a training of `depth` layers.
pub fn steps(galois_keys: usize, iterations: usize, depth: usize) -> Vec<MlpStep> {
    let mut steps = vec![
        MlpStep::PublicKey,
        MlpStep::RelinearisationOne,
        MlpStep::RelinearisationTwo,
    ];
    steps.extend((0..galois_keys).map(MlpStep::Galois));
    for t in 0..iterations {
        steps.push(MlpStep::Forward(t));
        steps.extend((1..depth).map(|l| MlpStep::Predictors(t, l)));
        steps.extend((1..=depth).rev().map(|l| MlpStep::Errors(t, l)));
        steps.extend([MlpStep::Gradient(t), MlpStep::Weights(t)]);
    }
    steps.extend([MlpStep::Raise, MlpStep::Release]);
    steps
}
