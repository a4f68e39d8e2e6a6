//! Gradient-boosted trees.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use crate::trees::{Bins, BoostSettings, Boosted};
use tacit_nn::{Matrix, Samples};

/// Gradient-boosted trees; the size of trees and the number of rounds are chosen on validation rows.
#[derive(Debug, Clone, Copy)]
pub struct GradientBoosting;

struct Fitted {
    bins: Bins,
    model: Boosted,
    classes: usize,
    leaves: usize,
}

impl Attacker for GradientBoosting {
    fn name(&self) -> &'static str {
        "gradient-boosting"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        _seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let bins = Bins::fit(train.features());
        let rows = bins.apply(train.features());
        let checks = bins.apply(validation.features());
        let fit = |leaves: usize| {
            let settings = BoostSettings {
                rounds: budget.rounds,
                rate: 0.1,
                leaves,
                leaf: (train.rows() / 1000).clamp(5, 20),
                ridge: 1.0,
                patience: 15,
            };
            let (labels, check_labels) = (train.labels(), validation.labels());
            let classes = train.classes();
            Boosted::fit(&rows, labels, &checks, check_labels, classes, settings)
        };
        let mut best: Option<(usize, Boosted)> = None;
        for leaves in [8, 31] {
            let model = fit(leaves);
            if best.as_ref().is_none_or(|(_, b)| model.loss < b.loss) {
                best = Some((leaves, model));
            }
        }
        match best {
            Some((leaves, model)) => Ok(Box::new(Fitted {
                bins,
                model,
                classes: train.classes(),
                leaves,
            })),
            None => Err(AuditError::NoAttackers),
        }
    }
}

impl FittedAttacker for Fitted {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        let logits = self.model.logits(&self.bins.apply(rows));
        Ok(Matrix::new(rows.rows(), self.classes, logits)?)
    }

    fn settings(&self) -> String {
        format!("{} rounds of {} leaves", self.model.rounds(), self.leaves)
    }
}
