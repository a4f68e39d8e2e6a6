//! Several rows that are known to share the private label.
//!
//! One character tells little of its font; a page of them is in one font. An attacker who knows that
//! m rows share the label adds up what each tells:
//!
//! ```text
//! soft:  argmax_c Σ_i log p(c | x_i)        hard:  the most frequent argmax_c p(c | x_i)
//! ```
//!
//! If votes are independent with recall p of the true class (two classes), the hard vote finds it
//! with probability P(B > m/2) + ½ P(B = m/2), B binomial(m, p), which is the curve to compare with.
//! So an accuracy of 0.55 on one row is 0.58 on three, 0.62 on ten and 0.84 on a hundred.

use crate::error::AuditError;
use rayon::prelude::*;
use tacit_nn::predict::argmax;
use tacit_nn::{Draws, Matrix};

/// Accuracy with m rows together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VotePoint {
    /// m.
    pub rows: usize,
    /// How many groups were tried.
    pub groups: usize,
    /// Accuracy of adding up log-probabilities.
    pub soft: f64,
    /// Accuracy of the most frequent guess; ties count as their share.
    pub hard: f64,
    /// What the hard vote would reach with independent votes; two classes only.
    pub expected: Option<f64>,
}

/// Deals the rows of each class into groups of m at random, for each m of `sizes`, and votes.
/// Every row is used in about `repeats` groups; sizes for which a class has too few rows are an
/// error.
pub fn majority_vote(
    scores: &Matrix,
    labels: &[usize],
    sizes: &[usize],
    repeats: usize,
    seed: u64,
) -> Result<Vec<VotePoint>, AuditError> {
    let classes = scores.columns();
    check(scores, labels)?;
    let mut of_class = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        of_class[label].push(row);
    }
    let guesses = argmax(scores);
    sizes
        .par_iter()
        .map(|&m| {
            let smallest = of_class.iter().map(Vec::len).filter(|n| *n > 0).min();
            if m == 0 || m > smallest.unwrap_or(0) {
                return Err(AuditError::Setting {
                    name: "rows that vote together",
                    value: m,
                    expected: "between 1 and the number of rows of the rarest class",
                });
            }
            let mut draws = Draws::new(seed, &format!("groups of {m}"));
            let mut groups = Vec::new();
            for rows in &of_class {
                for _ in 0..repeats.max(1) {
                    let mut rows = rows.clone();
                    draws.shuffle(&mut rows);
                    groups.extend(rows.chunks_exact(m).map(<[usize]>::to_vec));
                }
            }
            let mut point = vote_in_groups(scores, labels, &groups)?;
            if classes == 2 {
                let total: usize = groups.len();
                let sum: f64 = (0..2)
                    .map(|class| {
                        let rows = &of_class[class];
                        let right = rows.iter().filter(|&&r| guesses[r] == class).count();
                        let share = groups.iter().filter(|g| labels[g[0]] == class).count();
                        let recall = right as f64 / rows.len().max(1) as f64;
                        share as f64 / total as f64 * independent_votes(m, recall)
                    })
                    .sum();
                point.expected = Some(sum);
            }
            point.rows = m;
            Ok(point)
        })
        .collect()
}

/// Votes in given groups of row numbers; the rows of a group share their label. `rows` of the
/// result is the mean size of a group.
pub fn vote_in_groups(
    scores: &Matrix,
    labels: &[usize],
    groups: &[Vec<usize>],
) -> Result<VotePoint, AuditError> {
    check(scores, labels)?;
    if groups.is_empty() {
        return Err(AuditError::TooFew {
            set: "groups",
            rows: 0,
            least: 1,
        });
    }
    let classes = scores.columns();
    let guesses = argmax(scores);
    let (mut soft, mut hard, mut rows) = (0.0, 0.0, 0);
    for group in groups {
        let outside = group.iter().find(|&&r| r >= labels.len());
        let Some(&first) = group.first().filter(|_| outside.is_none()) else {
            return Err(AuditError::Setting {
                name: "row of a group",
                value: outside.copied().unwrap_or(0),
                expected: "the number of a row, and no group empty",
            });
        };
        let label = labels[first];
        if let Some(&other) = group.iter().find(|&&r| labels[r] != label) {
            return Err(AuditError::Setting {
                name: "row of a group",
                value: other,
                expected: "of the same label as the first row of its group",
            });
        }
        let mut sums = vec![0.0f64; classes];
        let mut votes = vec![0usize; classes];
        for &row in group {
            let scores = scores.row(row);
            let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let norm: f32 = scores.iter().map(|s| (s - top).exp()).sum();
            for (sum, s) in sums.iter_mut().zip(scores) {
                *sum += f64::from(s - top - norm.ln());
            }
            votes[guesses[row]] += 1;
        }
        let best = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        soft += share_of(label, sums.iter().map(|s| *s == best));
        let most = votes.iter().copied().max();
        hard += share_of(label, votes.iter().map(|v| Some(*v) == most));
        rows += group.len();
    }
    let n = groups.len() as f64;
    Ok(VotePoint {
        rows: (rows as f64 / n).round() as usize,
        groups: groups.len(),
        soft: soft / n,
        hard: hard / n,
        expected: None,
    })
}

/// 1/t if the class is among the t tops, else 0.
fn share_of(class: usize, top: impl Iterator<Item = bool> + Clone) -> f64 {
    let tops = top.clone().filter(|t| *t).count();
    match top.into_iter().nth(class) {
        Some(true) => 1.0 / tops as f64,
        _ => 0.0,
    }
}

/// P(B > m/2) + ½ P(B = m/2) for B binomial(m, p).
pub fn independent_votes(m: usize, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return if p >= 1.0 { 1.0 } else { 0.0 };
    }
    let mut log_choose = 0.0;
    let mut sum = 0.0;
    for right in 0..=m {
        if right > 0 {
            log_choose += ((m - right + 1) as f64).ln() - (right as f64).ln();
        }
        let log = log_choose + right as f64 * p.ln() + (m - right) as f64 * (1.0 - p).ln();
        if 2 * right > m {
            sum += log.exp();
        } else if 2 * right == m {
            sum += 0.5 * log.exp();
        }
    }
    sum
}

fn check(scores: &Matrix, labels: &[usize]) -> Result<(), AuditError> {
    if scores.rows() != labels.len() {
        return Err(AuditError::Sets {
            what: "rows",
            set: "labels",
            expected: scores.rows(),
            found: labels.len(),
        });
    }
    match labels.iter().find(|&&l| l >= scores.columns()) {
        Some(&label) => Err(AuditError::Setting {
            name: "label",
            value: label,
            expected: "below the number of columns of the scores",
        }),
        None => Ok(()),
    }
}
