//! Logistic regression, also on polynomials, and linear support vectors.

use super::{log_probabilities, one_against_rest, right};
use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use crate::linear::{Expansion, LinearModel, Loss, fit_binary, platt};
use tacit_nn::{Matrix, Samples};

/// Terms a polynomial may have.
const MOST_TERMS: usize = 600;

/// Logistic regression on all monomials up to a degree.
#[derive(Debug, Clone, Copy)]
pub struct Logistic {
    /// 1, 2 or 3.
    pub degree: usize,
}

/// Support vectors with the squared hinge on the features as they are.
#[derive(Debug, Clone, Copy)]
pub struct LinearSvm;

pub(super) struct Fitted {
    pub(super) expansion: Expansion,
    pub(super) models: Vec<LinearModel>,
    pub(super) classes: usize,
    pub(super) settings: String,
}

impl Attacker for Logistic {
    fn name(&self) -> &'static str {
        match self.degree {
            0 | 1 => "logistic",
            2 => "logistic-2",
            _ => "logistic-3",
        }
    }

    fn applies(&self, columns: usize) -> bool {
        let terms = match self.degree {
            0 | 1 => return columns > 0,
            2 => (columns + 1) * (columns + 2) / 2,
            _ => (columns + 1) * (columns + 2) * (columns + 3) / 6,
        };
        columns > 0 && terms <= MOST_TERMS
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        _seed: u64,
        _budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let expansion = Expansion::polynomial(train.features(), self.degree.clamp(1, 3));
        let ridges = [1e-6, 1e-4, 1e-2];
        let fitted = best_ridge(train, validation, expansion, Loss::Logistic, &ridges)?;
        Ok(Box::new(fitted))
    }
}

impl Attacker for LinearSvm {
    fn name(&self) -> &'static str {
        "svm-linear"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        _seed: u64,
        _budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let expansion = Expansion::polynomial(train.features(), 1);
        let ridges = [1e-5, 1e-3, 1e-1];
        let fitted = best_ridge(train, validation, expansion, Loss::SquaredHinge, &ridges)?;
        Ok(Box::new(fitted))
    }
}

/// Fits with each λ, largest first so that each starts from the one before, and keeps the one with
/// the best accuracy on the validation rows.
pub(super) fn best_ridge(
    train: &Samples,
    validation: &Samples,
    expansion: Expansion,
    loss: Loss,
    ridges: &[f64],
) -> Result<Fitted, AuditError> {
    let rows = expansion.apply(train.features())?;
    let checks = expansion.apply(validation.features())?;
    let targets = one_against_rest(train);
    let check_targets = one_against_rest(validation);
    let mut starts: Vec<Option<Vec<f64>>> = vec![None; targets.len()];
    let mut best: Option<(f64, Fitted)> = None;
    let mut ridges = ridges.to_vec();
    ridges.sort_by(|a, b| b.total_cmp(a));
    for ridge in ridges {
        let mut models = Vec::with_capacity(targets.len());
        for ((target, check), start) in targets.iter().zip(&check_targets).zip(&mut starts) {
            let weights = fit_binary(&rows, target, loss, ridge, start.as_deref());
            *start = Some(weights.clone());
            let mut model = LinearModel {
                weights,
                slope: 1.0,
                offset: 0.0,
            };
            if loss == Loss::SquaredHinge {
                let line = platt(&model.log_odds(&checks), check);
                (model.slope, model.offset) = line;
            }
            models.push(model);
        }
        let fitted = Fitted {
            expansion: expansion.clone(),
            models,
            classes: train.classes(),
            settings: format!("λ {ridge:e}, {} terms", expansion.width()),
        };
        let score = right(&fitted.expanded_scores(&checks)?, validation)?;
        if best.as_ref().is_none_or(|(b, _)| score > *b) {
            best = Some((score, fitted));
        }
    }
    match best {
        Some((_, fitted)) => Ok(fitted),
        None => Err(AuditError::NoAttackers),
    }
}

impl Fitted {
    fn expanded_scores(&self, expanded: &Matrix) -> Result<Matrix, AuditError> {
        let odds: Vec<Vec<f64>> = self.models.iter().map(|m| m.log_odds(expanded)).collect();
        let values = log_probabilities(&odds);
        Ok(Matrix::new(expanded.rows(), self.classes, values)?)
    }
}

impl FittedAttacker for Fitted {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        self.expanded_scores(&self.expansion.apply(rows)?)
    }

    fn settings(&self) -> String {
        self.settings.clone()
    }
}
