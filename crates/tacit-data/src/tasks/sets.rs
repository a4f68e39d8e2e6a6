//! Dealing the rows of a task into four disjoint sets.
//!
//! Rows are grouped by their combination of public and private classes, shuffled within the group,
//! and laid one group after the other; each row then goes to the set that is furthest behind its
//! share. So every set has its share of every combination, up to one row, and of the whole.

use std::collections::BTreeMap;

use super::{Labels, TaskData};
use crate::error::DataError;
use crate::stream::Stream;

/// Which part of the rows each set gets; all positive, at most 1 together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// For training and hardening the model.
    pub model: f64,
    /// For training attackers.
    pub attacker: f64,
    /// For choosing among attackers and their settings.
    pub validation: f64,
    /// For what is reported.
    pub test: f64,
}

impl Default for Shares {
    fn default() -> Shares {
        Shares {
            model: 0.4,
            attacker: 0.3,
            validation: 0.1,
            test: 0.2,
        }
    }
}

/// Four sets without a row in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Sets {
    /// For training and hardening the model.
    pub model: TaskData,
    /// For training attackers.
    pub attacker: TaskData,
    /// For choosing among attackers and their settings.
    pub validation: TaskData,
    /// For what is reported.
    pub test: TaskData,
}

impl TaskData {
    /// Four sets, stratified on public and private labels together. A class without a row in one
    /// of them is an error: nothing could be measured about it.
    pub fn sets(&self, shares: &Shares, seed: u64) -> Result<Sets, DataError> {
        let shares = [
            shares.model,
            shares.attacker,
            shares.validation,
            shares.test,
        ];
        for share in shares {
            if !(share > 0.0 && share < 1.0) {
                return Err(DataError::Parameter {
                    what: "share of a set",
                    value: share,
                    expected: "a number strictly between 0 and 1",
                });
            }
        }
        let sum: f64 = shares.iter().sum();
        if sum > 1.0 + 1e-9 {
            return Err(DataError::Parameter {
                what: "sum of the four shares",
                value: sum,
                expected: "at most 1",
            });
        }
        let rest = (1.0 - sum).max(0.0);
        let [model, attacker, validation, test] = ["model", "attacker", "validation", "test"];
        let dealt = self.deal(&[shares[0], shares[1], shares[2], shares[3], rest], seed);
        let set = |at: usize, name| {
            let set = self.select(&dealt[at]);
            set.check_classes(name)?;
            Ok(set)
        };
        Ok(Sets {
            model: set(0, model)?,
            attacker: set(1, attacker)?,
            validation: set(2, validation)?,
            test: set(3, test)?,
        })
    }

    /// Two sets, stratified in the same way; the first gets `share` of the rows. For a provider who
    /// keeps some of its training rows to choose settings on.
    pub fn divide(&self, share: f64, seed: u64) -> Result<(TaskData, TaskData), DataError> {
        if !(share > 0.0 && share < 1.0) {
            return Err(DataError::Parameter {
                what: "share of a set",
                value: share,
                expected: "a number strictly between 0 and 1",
            });
        }
        let dealt = self.deal(&[share, 1.0 - share], seed);
        let (first, second) = (self.select(&dealt[0]), self.select(&dealt[1]));
        first.check_classes("first")?;
        second.check_classes("second")?;
        Ok((first, second))
    }

    /// A stratified part of `rows` rows; all of them when there are no more.
    pub fn sample(&self, rows: usize, seed: u64) -> Result<TaskData, DataError> {
        if rows >= self.len() {
            return Ok(self.clone());
        }
        let sample = self.select(&sampled(&self.labels(), self.len(), rows, seed));
        sample.check_classes("sampled")?;
        Ok(sample)
    }

    fn labels(&self) -> Vec<&Labels> {
        std::iter::once(&self.public).chain(&self.private).collect()
    }

    fn deal(&self, shares: &[f64], seed: u64) -> Vec<Vec<usize>> {
        deal(&self.labels(), self.len(), shares, seed)
    }

    fn check_classes(&self, set: &'static str) -> Result<(), DataError> {
        for label in self.labels() {
            if let Some(absent) = label.counts().iter().position(|&n| n == 0) {
                return Err(DataError::ClassOutsideSet {
                    task: self.name.clone(),
                    label: label.name.clone(),
                    class: label.classes[absent].clone(),
                    set,
                    rows: self.len(),
                });
            }
        }
        Ok(())
    }
}

/// Numbers of a stratified part of `count` rows, ascending.
pub(super) fn sampled(labels: &[&Labels], count: usize, rows: usize, seed: u64) -> Vec<usize> {
    let share = rows as f64 / count.max(1) as f64;
    let mut dealt = deal(labels, count, &[share, 1.0 - share], seed);
    dealt.swap_remove(0)
}

/// Row numbers of each set, ascending.
fn deal(labels: &[&Labels], count: usize, shares: &[f64], seed: u64) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for row in 0..count {
        let key = labels.iter().map(|label| label.values[row]).collect();
        groups.entry(key).or_default().push(row);
    }
    let key = blake3::derive_key("tacit-data 1 task sets", &seed.to_le_bytes());
    let mut sets = vec![Vec::new(); shares.len()];
    let mut dealt = 0.0;
    for (at, rows) in groups.values_mut().enumerate() {
        let mut stream = Stream::new(&key, at as u64);
        for last in (1..rows.len()).rev() {
            rows.swap(last, (stream.uniform() * (last + 1) as f64) as usize);
        }
        for &row in rows.iter() {
            dealt += 1.0;
            let behind =
                |set: usize, sets: &[Vec<usize>]| shares[set] * dealt - sets[set].len() as f64;
            let next = (0..shares.len())
                .max_by(|&a, &b| behind(a, &sets).total_cmp(&behind(b, &sets)))
                .unwrap_or(0);
            sets[next].push(row);
        }
    }
    for set in &mut sets {
        set.sort_unstable();
    }
    sets
}
