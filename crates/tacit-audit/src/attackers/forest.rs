//! A random forest.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use crate::trees::{Bins, Forest, ForestSettings};
use tacit_nn::predict::{accuracy, argmax};
use tacit_nn::{Matrix, Samples};

/// A random forest; the least size of a leaf is chosen on validation rows.
#[derive(Debug, Clone, Copy)]
pub struct RandomForest;

struct Fitted {
    bins: Bins,
    forest: Forest,
    classes: usize,
    settings: String,
}

impl Fitted {
    fn log_shares(&self, binned: &crate::trees::Binned) -> Result<Matrix, AuditError> {
        let shares = self.forest.shares(binned);
        let values = shares.iter().map(|s| (s + 1e-3).ln()).collect();
        Ok(Matrix::new(binned.rows, self.classes, values)?)
    }
}

impl Attacker for RandomForest {
    fn name(&self) -> &'static str {
        "random-forest"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let bins = Bins::fit(train.features());
        let rows = bins.apply(train.features());
        let checks = bins.apply(validation.features());
        let classes = train.classes();
        let columns = (train.features().columns() as f64).sqrt().round() as usize;
        let grow = |trees, leaf| {
            let settings = ForestSettings {
                trees,
                leaf,
                columns,
                seed,
            };
            Forest::fit(&rows, train.labels(), classes, settings)
        };
        let mut best = (-1.0, 1);
        for leaf in [1, 8, 50] {
            let fitted = Fitted {
                forest: grow(budget.trees.div_ceil(5), leaf),
                bins: Bins::fit(&Matrix::new(0, 0, Vec::new())?),
                classes,
                settings: String::new(),
            };
            let guesses = argmax(&fitted.log_shares(&checks)?);
            let score = accuracy(&guesses, validation.labels())?;
            if score > best.0 {
                best = (score, leaf);
            }
        }
        let leaf = best.1;
        Ok(Box::new(Fitted {
            forest: grow(budget.trees, leaf),
            bins,
            classes,
            settings: format!("{} trees, leaves of at least {leaf}", budget.trees),
        }))
    }
}

impl FittedAttacker for Fitted {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        self.log_shares(&self.bins.apply(rows))
    }

    fn settings(&self) -> String {
        self.settings.clone()
    }
}
