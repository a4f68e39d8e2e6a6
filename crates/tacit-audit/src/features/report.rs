//! What a study of one source, one private label and one seed found.

use crate::error::AuditError;
use crate::report::{Attack, wilson};
use tacit_nn::Matrix;
use tacit_nn::predict::{argmax, balanced_accuracy};

/// Which share counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Share of the rows whose label was found.
    Accuracy,
    /// Mean over classes of that share, with guesses that count all classes alike.
    BalancedAccuracy,
}

/// One attacker on one view of what it sees.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakAttack {
    /// What it saw: `features`, `whitened`, `averaged`, …, see [`crate::features`].
    pub view: &'static str,
    /// The family.
    pub family: &'static str,
    /// Share of the test rows whose label it found.
    pub accuracy: f64,
    /// Wilson interval of the accuracy, 95 %.
    pub interval: (f64, f64),
    /// Mean over classes of the share found: of the same guesses, or of those with the largest
    /// p(c | x)/p(c), which count all classes alike, whichever is more.
    pub balanced_accuracy: f64,
    /// Share of the validation rows whose label it found.
    pub validation_accuracy: f64,
    /// The settings it chose on validation rows.
    pub settings: String,
}

impl LeakAttack {
    /// View and family, as in `whitened/dense-network`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.view, self.family)
    }

    /// The share that counts.
    pub fn of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Accuracy => self.accuracy,
            Metric::BalancedAccuracy => self.balanced_accuracy,
        }
    }
}

/// Floors, ceiling and the strongest attack, in one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Of guessing without looking.
    pub base_rate: f64,
    /// From the predicted public class alone.
    pub floor_hard: f64,
    /// From all outputs of the public head.
    pub floor_full: f64,
    /// From the raw input.
    pub ceiling: f64,
    /// Of the strongest attack on what is sent, the outputs that follow from it included.
    pub attack_max: f64,
    /// Its view and family.
    pub strongest: String,
    /// (attack_max − floor_hard)/(ceiling − floor_hard), unless [`LeakReport::unscored`] or the gap
    /// in this metric is below [`NARROWEST_GAP`]. Below 0 or above 1 by chance, and above 1 where
    /// features trained on more data are easier to read than the raw input.
    pub leak_normalised: Option<f64>,
    /// The same with the floor from all outputs.
    pub leak_over_outputs: Option<f64>,
}

/// ceiling − floor below which a normalised leak is noise.
pub const NARROWEST_GAP: f64 = 0.1;

/// Why there is no normalised leak.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Unscored {
    /// The private label is a function of the public one: whoever learns the one knows the other,
    /// and nothing is left to protect.
    FunctionOfPublic {
        /// How often the most frequent private label of a public class is right.
        share: f64,
    },
    /// Even the raw input says hardly more than the public label: a quotient would be noise.
    NarrowGap {
        /// ceiling − floor.
        gap: f64,
    },
}

impl std::fmt::Display for Unscored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unscored::FunctionOfPublic { share } => write!(
                f,
                "the private label is a function of the public one (for {:.1} % of the rows): \
                 there is nothing to protect",
                100.0 * share
            ),
            Unscored::NarrowGap { gap } => write!(
                f,
                "ceiling and floor are {gap:.3} apart, less than {NARROWEST_GAP}: a normalised \
                 figure would be noise; read the absolute ones"
            ),
        }
    }
}

/// What asking again for the same input gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// The same features: nothing to average.
    Same,
    /// Other noise; the attackers averaged that many.
    Averaged(usize),
}

/// The strongest attack with few private labels.
#[derive(Debug, Clone, PartialEq)]
pub struct CurvePoint {
    /// How many private labels the attacker had.
    pub labels: usize,
    /// Of the strongest attack.
    pub accuracy: f64,
    /// Of the strongest attack.
    pub balanced_accuracy: f64,
}

/// What makes a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// The true public label.
    Public,
    /// The private label.
    Private,
}

/// Figures of the test rows of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFigures {
    /// What makes the group.
    pub by: GroupBy,
    /// The value of that label.
    pub class: usize,
    /// Test rows of the group.
    pub rows: usize,
    /// Accuracy of the public head.
    pub public_accuracy: f64,
    /// Share of the rows whose private label the strongest attack found.
    pub attack: f64,
    /// Wilson interval of it, 95 %.
    pub interval: (f64, f64),
    /// Share found from the predicted public class alone.
    pub floor: f64,
}

/// What leaks from one source about one private label, for one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakReport {
    /// The private label.
    pub private: String,
    /// Its classes.
    pub classes: usize,
    /// The seed.
    pub seed: u64,
    /// Rows the attackers learnt from.
    pub train_rows: usize,
    /// Rows attacked.
    pub test_rows: usize,
    /// Accuracy of the public head on the test rows.
    pub public_accuracy: f64,
    /// The metric of the headline figures below: accuracy, or balanced accuracy where the most
    /// frequent class is more than 1.2 times its equal share.
    pub metric: Metric,
    /// Of guessing without looking.
    pub base_rate: f64,
    /// From the predicted public class alone.
    pub floor_hard: f64,
    /// From all outputs of the public head.
    pub floor_full: f64,
    /// From the raw input.
    pub ceiling: f64,
    /// Of the strongest attack.
    pub attack_max: f64,
    /// Its view and family.
    pub strongest: String,
    /// (attack_max − floor_hard)/(ceiling − floor_hard), if that says something.
    pub leak_normalised: Option<f64>,
    /// Why it does not.
    pub unscored: Option<Unscored>,
    /// All of it in accuracy.
    pub accuracy: Scale,
    /// All of it in balanced accuracy.
    pub balanced: Scale,
    /// Every attack on what is sent, floors included (views `label` and `outputs`).
    pub attacks: Vec<LeakAttack>,
    /// Every attack on the raw input.
    pub ceilings: Vec<LeakAttack>,
    /// What asking again gives.
    pub repeats: Repeats,
    /// The strongest attack by number of private labels.
    pub curve: Vec<CurvePoint>,
    /// Figures of groups.
    pub groups: Vec<GroupFigures>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

impl LeakReport {
    /// The strongest attack of a view; `None` if it was not tried.
    pub fn strongest_of(&self, view: &str) -> Option<&LeakAttack> {
        let of_view = self.attacks.iter().filter(|a| a.view == view);
        strongest(of_view, self.metric)
    }
}

/// The first of those with the largest share.
pub(crate) fn strongest<'a>(
    attacks: impl Iterator<Item = &'a LeakAttack>,
    metric: Metric,
) -> Option<&'a LeakAttack> {
    attacks.fold(None, |best: Option<&LeakAttack>, attack| match best {
        Some(best) if best.of(metric) >= attack.of(metric) => Some(best),
        _ => Some(attack),
    })
}

/// An attack with what is needed to look closer.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) line: LeakAttack,
    /// Guesses that maximise accuracy, and those that count all classes alike.
    pub(crate) guesses: [Vec<usize>; 2],
}

impl Judged {
    pub(crate) fn guesses(&self, metric: Metric) -> &[usize] {
        match metric {
            Metric::Accuracy => &self.guesses[0],
            Metric::BalancedAccuracy => &self.guesses[1],
        }
    }

    /// `prior`: log-probabilities of the classes among the training rows.
    pub(crate) fn new(
        view: &'static str,
        attack: Attack,
        prior: &[f32],
        labels: &[usize],
    ) -> Result<Self, AuditError> {
        let mut corrected = Vec::with_capacity(attack.scores.values().len());
        for row in attack.scores.iter() {
            corrected.extend(row.iter().zip(prior).map(|(s, p)| s - p));
        }
        let scores = &attack.scores;
        let corrected = Matrix::new(scores.rows(), scores.columns(), corrected)?;
        let alike = argmax(&corrected);
        // Scores that are hardly more than the prior are not calibrated well enough to take it off.
        let plain = balanced_accuracy(&attack.predicted, labels)?;
        let (alike, balanced) = match balanced_accuracy(&alike, labels)? {
            share if share > plain => (alike, share),
            _ => (attack.predicted.clone(), plain),
        };
        Ok(Judged {
            line: LeakAttack {
                view,
                family: attack.name,
                accuracy: attack.accuracy,
                interval: attack.interval,
                balanced_accuracy: balanced,
                validation_accuracy: attack.validation_accuracy,
                settings: attack.settings,
            },
            guesses: [attack.predicted, alike],
        })
    }
}

/// Figures per value of a label.
pub(crate) fn groups(
    by: GroupBy,
    of: &[usize],
    right: [&[bool]; 3],
    classes: usize,
) -> Vec<GroupFigures> {
    let [public, attack, floor] = right;
    let figures = |class| {
        let rows: Vec<usize> = (0..of.len()).filter(|&i| of[i] == class).collect();
        let count = |right: &[bool]| rows.iter().filter(|&&i| right[i]).count();
        let n = rows.len().max(1) as f64;
        GroupFigures {
            by,
            class,
            rows: rows.len(),
            public_accuracy: count(public) as f64 / n,
            attack: count(attack) as f64 / n,
            interval: wilson(count(attack), rows.len()),
            floor: count(floor) as f64 / n,
        }
    };
    (0..classes).map(figures).filter(|g| g.rows > 0).collect()
}
