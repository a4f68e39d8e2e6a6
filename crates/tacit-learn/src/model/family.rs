//! Generalised linear families and their links.
//!
//! A generalised linear model predicts `E[y | x] = μ(x·w)`; with the canonical link, the gradient
//! of the negative log-likelihood is always `Xᵀ(μ(Xw) − y)` (McCullagh and Nelder, *Generalized
//! Linear Models*, 2nd ed., §2.2). One encrypted circuit therefore serves all of them; only the
//! polynomial that stands in for `μ` changes.
//!
//! # Multinomial
//!
//! Softmax needs `exp` and a division by an encrypted sum. The surrogate used here is
//! one-vs-rest: class `k` has its own weights and its own sigmoid, trained on the labels
//! `y = k`; all classes share one ciphertext (see [`crate::packing`]). At prediction the
//! querier, who decrypts the `K` linear predictors, normalises
//! `p_k = σ(u_k) / Σ_j σ(u_j)` in the clear. The arg max is the same as that of `u`, since `σ` is
//! monotone, and for `K = 2` the two lanes are mirror images so that `p` is the logistic model's.
//! Rifkin and Klautau (*In defense of one-vs-all classification*, JMLR 2004) found no loss of
//! accuracy against joint formulations when the binary models are well regularised; the
//! probabilities, however, are less well calibrated than softmax's when classes overlap much.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Distribution of the label given the features, with its canonical link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// Gaussian label, `μ(u) = u`.
    Linear,
    /// Label 0 or 1, `μ(u) = 1/(1+e^{-u})`.
    Logistic,
    /// Counts, `μ(u) = e^u`.
    Poisson,
    /// Label `0..classes`, one-vs-rest sigmoids.
    Multinomial {
        /// Number of classes, at least 2.
        classes: usize,
    },
}

impl Family {
    /// Name in messages and reports.
    pub fn name(self) -> &'static str {
        match self {
            Family::Linear => "linear",
            Family::Logistic => "logistic",
            Family::Poisson => "poisson",
            Family::Multinomial { .. } => "multinomial",
        }
    }

    /// Number of weight vectors (lanes of the ciphertext in use).
    pub fn outputs(self) -> usize {
        match self {
            Family::Multinomial { classes } => classes,
            _ => 1,
        }
    }

    /// Whether labels are classes.
    pub fn is_classifier(self) -> bool {
        matches!(self, Family::Logistic | Family::Multinomial { .. })
    }

    /// The mean function `μ` of one output.
    pub fn mean(self, u: f64) -> f64 {
        match self {
            Family::Linear => u,
            Family::Logistic | Family::Multinomial { .. } => sigmoid(u),
            Family::Poisson => u.exp(),
        }
    }

    /// What output `lane` should predict for label `label`: the label itself, or 1 where the
    /// class is this lane's.
    pub fn target(self, label: f64, lane: usize) -> f64 {
        match self {
            Family::Multinomial { .. } => f64::from(u8::from(label == lane as f64)),
            _ => label,
        }
    }

    /// Negative log-likelihood of one row (constants in `y` alone dropped, except that
    /// classifiers give true log-loss). `u` holds one linear predictor per output.
    pub fn loss(self, u: &[f64], label: f64) -> f64 {
        match self {
            Family::Linear => 0.5 * (u[0] - label) * (u[0] - label),
            Family::Logistic => softplus(u[0]) - label * u[0],
            Family::Poisson => u[0].exp() - label * u[0],
            Family::Multinomial { .. } => {
                // -ln p_y with p = σ(u_y)/Σσ(u_j), in logs to survive large |u|.
                let total: f64 = u.iter().map(|&v| sigmoid(v)).sum();
                softplus(-u[label as usize]) + total.max(f64::MIN_POSITIVE).ln()
            }
        }
    }

    /// The class with the largest predictor (classifiers only; 0 otherwise).
    pub fn predict_class(self, u: &[f64]) -> usize {
        match self {
            Family::Logistic => usize::from(u[0] > 0.0),
            Family::Multinomial { .. } => {
                (1..u.len()).fold(0, |best, k| if u[k] > u[best] { k } else { best })
            }
            _ => 0,
        }
    }

    /// Whether the predicted class is `label`; false for families without classes.
    pub fn is_correct(self, u: &[f64], label: f64) -> bool {
        self.is_classifier() && self.predict_class(u) as f64 == label
    }

    /// Checks one label; `row` is for the message.
    pub fn check_label(self, row: usize, label: f64) -> Result<(), Error> {
        let (fits, expected) = match self {
            Family::Linear => (label.is_finite(), "a finite number".to_string()),
            Family::Logistic => (label == 0.0 || label == 1.0, "0 or 1".to_string()),
            Family::Poisson => (
                label.is_finite() && label >= 0.0 && label.fract() == 0.0,
                "a count (0, 1, 2, …)".to_string(),
            ),
            Family::Multinomial { classes } => (
                label >= 0.0 && label < classes as f64 && label.fract() == 0.0,
                format!("a class index 0..{classes}"),
            ),
        };
        if fits {
            Ok(())
        } else {
            Err(Error::Label {
                row,
                label,
                family: self.name(),
                expected,
            })
        }
    }
}

/// `1/(1+e^{-u})` without overflow.
pub(crate) fn sigmoid(u: f64) -> f64 {
    if u >= 0.0 {
        1.0 / (1.0 + (-u).exp())
    } else {
        let e = u.exp();
        e / (1.0 + e)
    }
}

/// `ln(1+e^u)` without overflow.
pub(crate) fn softplus(u: f64) -> f64 {
    u.max(0.0) + (-u.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradient_of_the_loss_is_mean_minus_target() {
        for (family, label) in [
            (Family::Linear, 0.7),
            (Family::Logistic, 1.0),
            (Family::Poisson, 3.0),
        ] {
            for u in [-2.0, -0.3, 0.0, 1.1] {
                let h = 1e-6;
                let slope =
                    (family.loss(&[u + h], label) - family.loss(&[u - h], label)) / (2.0 * h);
                assert!(
                    (slope - (family.mean(u) - label)).abs() < 1e-8,
                    "{family:?} at {u}"
                );
            }
        }
    }

    #[test]
    fn sigmoid_and_softplus_survive_large_arguments() {
        assert_eq!(sigmoid(-800.0), 0.0);
        assert_eq!(sigmoid(800.0), 1.0);
        assert_eq!(softplus(800.0), 800.0);
        assert_eq!(softplus(-800.0), 0.0);
    }

    #[test]
    fn two_mirrored_lanes_give_the_logistic_loss() {
        let two = Family::Multinomial { classes: 2 };
        for u in [-3.0, 0.2, 2.5] {
            assert!((two.loss(&[-u, u], 1.0) - Family::Logistic.loss(&[u], 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn labels_outside_the_family_are_refused_by_name() {
        assert!(
            Family::Logistic
                .check_label(3, 2.0)
                .unwrap_err()
                .to_string()
                .contains("row 3")
        );
        assert!(Family::Poisson.check_label(0, -1.0).is_err());
        assert!(Family::Poisson.check_label(0, 1.5).is_err());
        assert!(
            Family::Multinomial { classes: 3 }
                .check_label(0, 3.0)
                .is_err()
        );
        assert!(Family::Linear.check_label(0, f64::NAN).is_err());
    }
}
