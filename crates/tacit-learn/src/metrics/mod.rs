//! How good is a model? Each figure a function of plain slices, and [`evaluate`] for all that
//! apply to a family.
//!
//! ```
//! use tacit_learn::metrics;
//!
//! let (scores, labels) = ([0.9, 0.4, 0.4, 0.1], [1.0, 1.0, 0.0, 0.0]);
//! assert_eq!(metrics::auc(&scores, &labels), Some(0.875)); // the tie counts half
//! assert_eq!(metrics::majority_floor(&[0.0, 1.0, 1.0]), 2.0 / 3.0);
//! ```

mod classification;
mod regression;
mod summary;

pub use classification::{auc, macro_auc, macro_f1, majority_floor};
pub use regression::{poisson_deviance, rmse};
pub use summary::Summary;

use rayon::prelude::*;

use crate::Error;
use crate::model::{Family, Samples, Weights};

/// Every figure that applies to the family; `None` where it has no meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Rows measured.
    pub rows: usize,
    /// Mean negative log-likelihood (log-loss for classifiers), exact link.
    pub loss: f64,
    /// Share of rows whose class is predicted.
    pub accuracy: Option<f64>,
    /// Area under the ROC curve; the mean over one-vs-rest curves for more than two classes.
    pub auc: Option<f64>,
    /// Unweighted mean of the classes' F1 scores.
    pub macro_f1: Option<f64>,
    /// Accuracy of always answering the most frequent class *of these rows*.
    pub majority_floor: Option<f64>,
    /// Root mean square error of the mean prediction, for regressions.
    pub rmse: Option<f64>,
    /// Mean Poisson deviance.
    pub poisson_deviance: Option<f64>,
}

/// Measures `weights` on `rows`.
pub fn evaluate(family: Family, weights: &Weights, rows: &Samples) -> Result<Evaluation, Error> {
    rows.check(family, weights.columns())?;
    let outputs = family.outputs();
    if weights.outputs() != outputs {
        return Err(Error::Shape {
            what: "outputs of the model",
            expected: outputs,
            found: weights.outputs(),
        });
    }
    let mut predictors = vec![0.0; rows.len() * outputs];
    predictors
        .par_chunks_mut(outputs)
        .enumerate()
        .for_each(|(row, u)| weights.predictors_into(rows.row(row), u));
    evaluate_predictors(family, &predictors, rows.labels())
}

/// Measures linear predictors, one per output and row, row after row: what a querier of an encrypted
/// model holds.
pub fn evaluate_predictors(
    family: Family,
    predictors: &[f64],
    labels: &[f64],
) -> Result<Evaluation, Error> {
    let outputs = family.outputs();
    let rows = labels.len();
    if rows == 0 {
        return Err(Error::Empty {
            what: "the set of rows to measure",
        });
    }
    if predictors.len() != rows * outputs {
        return Err(Error::Shape {
            what: "predictors",
            expected: rows * outputs,
            found: predictors.len(),
        });
    }
    let u = |row: usize| &predictors[row * outputs..][..outputs];
    let n = rows as f64;
    let loss = (0..rows)
        .map(|row| family.loss(u(row), labels[row]))
        .sum::<f64>()
        / n;
    let mut out = Evaluation {
        rows,
        loss,
        accuracy: None,
        auc: None,
        macro_f1: None,
        majority_floor: None,
        rmse: None,
        poisson_deviance: None,
    };
    if family.is_classifier() {
        let classes: Vec<usize> = (0..rows).map(|row| family.predict_class(u(row))).collect();
        let correct = classes
            .iter()
            .zip(labels)
            .filter(|&(&k, &y)| k as f64 == y)
            .count();
        out.accuracy = Some(correct as f64 / n);
        out.auc = if outputs == 1 {
            auc(predictors, labels)
        } else {
            macro_auc(predictors, outputs, labels)
        };
        out.macro_f1 = Some(macro_f1(&classes, labels, outputs.max(2)));
        out.majority_floor = Some(majority_floor(labels));
    } else {
        let means: Vec<f64> = predictors.iter().map(|&u| family.mean(u)).collect();
        out.rmse = Some(rmse(&means, labels));
        if family == Family::Poisson {
            out.poisson_deviance = Some(poisson_deviance(&means, labels));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_classifier_scores_one() {
        let rows = Samples::new(1, vec![-2.0, -1.0, 1.0, 2.0], vec![0.0, 0.0, 1.0, 1.0]).unwrap();
        let weights = Weights::from_values(1, vec![5.0, 0.0]).unwrap();
        let out = evaluate(Family::Logistic, &weights, &rows).unwrap();
        assert_eq!(
            (out.accuracy, out.auc, out.macro_f1),
            (Some(1.0), Some(1.0), Some(1.0))
        );
        assert_eq!(out.majority_floor, Some(0.5));
        assert_eq!(out.rmse, None);
    }

    #[test]
    fn a_model_of_another_shape_is_refused() {
        let rows = Samples::new(1, vec![1.0], vec![0.0]).unwrap();
        assert!(evaluate(Family::Logistic, &Weights::zero(1, 2), &rows).is_err());
        assert!(evaluate(Family::Logistic, &Weights::zero(2, 1), &rows).is_err());
    }
}
