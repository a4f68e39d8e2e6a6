//! What a suite of attackers found.

use tacit_nn::Matrix;

/// One attacker's result on the test rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// The attacker.
    pub name: &'static str,
    /// Share of the test rows whose label it found.
    pub accuracy: f64,
    /// Mean over classes of that share.
    pub balanced_accuracy: f64,
    /// Wilson interval of the accuracy, 95 %.
    pub interval: (f64, f64),
    /// Share of the validation rows whose label it found.
    pub validation_accuracy: f64,
    /// The settings it chose on validation rows.
    pub settings: String,
    /// Log-probabilities of the classes on the test rows, up to a constant per row.
    pub scores: Matrix,
    /// Its guesses on the test rows.
    pub predicted: Vec<usize>,
}

/// What all attackers found.
#[derive(Debug, Clone, PartialEq)]
pub struct AttackReport {
    /// One entry per attacker, in the order of the suite. Never empty.
    pub attacks: Vec<Attack>,
    /// Accuracy on the test rows of always saying the most frequent class of the training rows.
    pub base_rate: f64,
    /// How many classes the private label has.
    pub classes: usize,
    /// How many test rows there were.
    pub test_rows: usize,
}

impl AttackReport {
    /// The headline: the largest accuracy on the test rows over all attackers, the first of equals.
    pub fn best(&self) -> &Attack {
        self.largest(|a| a.accuracy)
    }

    /// The largest balanced accuracy on the test rows over all attackers.
    pub fn best_balanced(&self) -> &Attack {
        self.largest(|a| a.balanced_accuracy)
    }

    /// The attacker that was best on the validation rows: its accuracy on the test rows is without
    /// the optimism of a maximum.
    pub fn chosen_on_validation(&self) -> &Attack {
        self.largest(|a| a.validation_accuracy)
    }

    /// The result of one attacker.
    pub fn of(&self, name: &str) -> Option<&Attack> {
        self.attacks.iter().find(|a| a.name == name)
    }

    fn largest(&self, key: impl Fn(&Attack) -> f64) -> &Attack {
        let mut best = &self.attacks[0];
        for attack in &self.attacks {
            if key(attack) > key(best) {
                best = attack;
            }
        }
        best
    }
}

/// The Wilson score interval for `right` successes of `all` trials at 95 % (Wilson 1927); (0, 1)
/// when there were no trials.
pub fn wilson(right: usize, all: usize) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    const Z: f64 = 1.959_963_984_540_054;
    let n = all as f64;
    let p = right as f64 / n;
    let centre = p + Z * Z / (2.0 * n);
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (
        ((centre - half) / scale).max(0.0),
        ((centre + half) / scale).min(1.0),
    )
}
