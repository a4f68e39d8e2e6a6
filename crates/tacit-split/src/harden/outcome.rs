//! What became of a hardening, and what it cost.

use serde::{Deserialize, Serialize};

/// How a hardening ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing was trained.
    Untouched,
    /// All epochs were run.
    Finished,
    /// Public accuracy no longer rose.
    StoppedEarly,
    /// The public task was lost: this network must not be deployed. A smaller λ, a longer warm-up,
    /// a deeper cut or less noise may help.
    Collapsed(Collapse),
}

/// How the public task was lost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Collapse {
    /// Public accuracy fell nearly to that of always saying the most frequent class.
    Accuracy {
        /// On validation rows.
        accuracy: f64,
        /// Of the most frequent class.
        majority: f64,
    },
    /// No feature varies any more.
    Variance {
        /// The largest deviation of a feature, as a share of that before hardening.
        share: f64,
    },
    /// The loss left the numbers.
    Diverged {
        /// The step.
        step: u64,
    },
}

/// What a hardening cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Epochs run.
    pub epochs: usize,
    /// Gradient steps on the network.
    pub steps: u64,
    /// Rows used in them, repeats counted.
    pub samples: u64,
    /// Wall time.
    pub seconds: f64,
}

/// One epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// From 1.
    pub epoch: usize,
    /// Mean cross-entropy under the veil.
    pub cross_entropy: f64,
    /// Mean penalty, before λ.
    pub penalty: f64,
    /// λ at the end of the epoch.
    pub lambda: f64,
    /// Public accuracy on validation rows, under the veil.
    pub public_accuracy: f64,
}
