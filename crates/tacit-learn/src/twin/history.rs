//! What happened, iteration by iteration.

use crate::activation::{RangeCheck, RangeReport};
use crate::model::Weights;

/// One iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Record {
    /// From 0.
    pub iteration: usize,
    /// Mean loss over the iteration's batches, exact link, at the point the gradient was taken.
    pub batch_loss: f64,
    /// Accuracy over the same rows, for classifiers.
    pub batch_accuracy: Option<f64>,
    /// Predictors against the activation's interval.
    pub range: RangeCheck,
    /// Mean loss of the weights *after* this iteration over the watched rows, if any.
    pub watch_loss: Option<f64>,
    /// Their accuracy, for classifiers.
    pub watch_accuracy: Option<f64>,
}

/// A finished training.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The model.
    pub weights: Weights,
    /// One record per iteration.
    pub history: Vec<Record>,
    /// Range check of all iterations.
    pub range: RangeReport,
    /// Largest entry of the batch gradient summed over parties, before the mean is taken, per
    /// iteration: what a ciphertext must be able to hold.
    pub max_abs_gradient_sum: f64,
    /// Largest weight at any iteration, the extrapolated points included.
    pub max_abs_weight: f64,
}
