//! A random forest.

use super::best_of;
use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use crate::trees::{Binned, Bins, Forest, ForestSettings};
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

fn log_shares(forest: &Forest, binned: &Binned, classes: usize) -> Result<Matrix, AuditError> {
    let shares = forest.shares(binned);
    let values = shares.iter().map(|s| (s + 1e-3).ln()).collect();
    Ok(Matrix::new(binned.rows, classes, values)?)
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
        let leaf = best_of([1, 8, 50], validation, |leaf| {
            let forest = grow(budget.trees.div_ceil(5), leaf);
            log_shares(&forest, &checks, classes)
        })?;
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
        log_shares(&self.forest, &self.bins.apply(rows), self.classes)
    }

    fn settings(&self) -> String {
        self.settings.clone()
    }
}
