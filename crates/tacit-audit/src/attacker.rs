//! What an attacker is.

use crate::error::AuditError;
use tacit_nn::{Matrix, Samples};

/// How much an attacker may spend. It is counted in work, not in time, so that the same budget
/// gives the same attack on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Training rows used by attackers whose cost grows faster than the rows (kernel machines).
    pub kernel_rows: usize,
    /// Validation rows used to choose settings.
    pub validation_rows: usize,
    /// Trees of a forest.
    pub trees: usize,
    /// Rounds of boosting, at most.
    pub rounds: usize,
    /// Steps of a network.
    pub steps: usize,
}

impl Budget {
    /// For figures that are reported.
    pub fn full() -> Self {
        Budget {
            kernel_rows: 20_000,
            validation_rows: 10_000,
            trees: 160,
            rounds: 400,
            steps: 12_000,
        }
    }

    /// For a study of many sources and seeds, each with thousands of rows, on a few cores.
    pub fn standard() -> Self {
        Budget {
            kernel_rows: 3_000,
            validation_rows: 2_000,
            trees: 100,
            rounds: 80,
            steps: 800,
        }
    }

    /// For a first look and for tests; a failure to attack says less.
    pub fn quick() -> Self {
        Budget {
            kernel_rows: 2_000,
            validation_rows: 2_000,
            trees: 30,
            rounds: 60,
            steps: 400,
        }
    }
}

/// A way of learning a private label from features.
pub trait Attacker: Send + Sync {
    /// Its name in reports: lower case, digits and hyphens.
    fn name(&self) -> &'static str;

    /// Whether it can be used on rows of this many columns at acceptable cost.
    fn applies(&self, columns: usize) -> bool {
        columns > 0
    }

    /// Learns from `train` and chooses its settings on `validation`. Features arrive standardised.
    /// The result is a function of the arguments.
    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError>;
}

/// An attacker that has learnt.
pub trait FittedAttacker: Send + Sync {
    /// Log-probabilities of the classes, up to a constant per row: one row per row, one column per
    /// class.
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError>;

    /// The settings that were chosen, for the report.
    fn settings(&self) -> String;
}
