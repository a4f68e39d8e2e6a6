//! The floor.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use tacit_nn::{Matrix, Samples};

/// Always says the most frequent class of the training rows.
#[derive(Debug, Clone, Copy)]
pub struct Majority;

struct Fitted {
    scores: Vec<f32>,
}

impl Attacker for Majority {
    fn name(&self) -> &'static str {
        "majority"
    }

    fn fit(
        &self,
        train: &Samples,
        _validation: &Samples,
        _seed: u64,
        _budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let mut counts = vec![1.0f32; train.classes()];
        train.labels().iter().for_each(|&l| counts[l] += 1.0);
        let total: f32 = counts.iter().sum();
        let scores = counts.iter().map(|c| (c / total).ln()).collect();
        Ok(Box::new(Fitted { scores }))
    }
}

impl FittedAttacker for Fitted {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        let values = self.scores.repeat(rows.rows());
        Ok(Matrix::new(rows.rows(), self.scores.len(), values)?)
    }

    fn settings(&self) -> String {
        "none".to_owned()
    }
}
