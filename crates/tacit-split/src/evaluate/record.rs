//! One finished run as a line of JSON, and files of them.

use crate::error::SplitError;
use crate::harden::{Cost, Outcome, Recipe};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use tacit_audit::features::{GroupBy, LeakReport, Metric};

/// What leaked about one private label in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    /// The private label.
    pub private: String,
    /// Of the figures below: `accuracy`, or `balanced` where classes are uneven.
    pub metric: String,
    /// Of guessing without looking.
    pub base_rate: f64,
    /// From the predicted public class alone.
    pub floor_hard: f64,
    /// From all outputs of the head.
    pub floor_full: f64,
    /// From the raw input.
    pub ceiling: f64,
    /// Of the strongest attack.
    pub attack_max: f64,
    /// Which that was.
    pub strongest: String,
    /// (attack − floor)/(ceiling − floor).
    pub leak_normalised: Option<f64>,
    /// Why that is withheld.
    pub unscored: Option<String>,
    /// Every attack by name, in the metric.
    pub attacks: Vec<(String, f64)>,
    /// Per group: what makes it, its class, its rows, public accuracy, attack, floor.
    pub groups: Vec<Group>,
}

/// Figures of one group of test rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// `public` or `private`.
    pub by: String,
    /// The value of that label.
    pub class: usize,
    /// Test rows.
    pub rows: usize,
    /// Accuracy of the head.
    pub public_accuracy: f64,
    /// Share whose private label the strongest attack found.
    pub attack: f64,
    /// Share found from the predicted public class.
    pub floor: f64,
}

impl Leak {
    /// What a report of the audit says.
    pub fn of(report: &LeakReport) -> Self {
        let metric = match report.metric {
            Metric::Accuracy => "accuracy",
            Metric::BalancedAccuracy => "balanced",
        };
        let groups = report.groups.iter().map(|g| Group {
            by: match g.by {
                GroupBy::Public => "public".to_owned(),
                GroupBy::Private => "private".to_owned(),
            },
            class: g.class,
            rows: g.rows,
            public_accuracy: g.public_accuracy,
            attack: g.attack,
            floor: g.floor,
        });
        Leak {
            private: report.private.clone(),
            metric: metric.to_owned(),
            base_rate: report.base_rate,
            floor_hard: report.floor_hard,
            floor_full: report.floor_full,
            ceiling: report.ceiling,
            attack_max: report.attack_max,
            strongest: report.strongest.clone(),
            leak_normalised: report.leak_normalised,
            unscored: report.unscored.map(|u| u.to_string()),
            attacks: {
                let each = report.attacks.iter();
                each.map(|a| (a.name(), a.of(report.metric))).collect()
            },
            groups: groups.collect(),
        }
    }
}

/// What a run was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Choosing a strength; figures are of validation rows and of the tuning label.
    Tuning,
    /// The report.
    Report,
}

/// One hardening and its audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Digest of the plan.
    pub plan: String,
    /// What it was for.
    pub purpose: Purpose,
    /// The seed.
    pub seed: u64,
    /// The candidate's name.
    pub candidate: String,
    /// Which of its recipes.
    pub strength: usize,
    /// That recipe.
    pub recipe: Recipe,
    /// Accuracy of the deployed network before hardening.
    pub public_before: f64,
    /// Accuracy under the veil; of test rows, for tuning of validation rows.
    pub public_accuracy: f64,
    /// What became of the hardening.
    pub outcome: Outcome,
    /// What it cost.
    pub cost: Cost,
    /// One for each label looked at.
    pub leaks: Vec<Leak>,
}

/// What tells runs of one plan apart: purpose, seed, candidate, number of its recipe.
pub(super) type Key = (Purpose, u64, String, usize);

impl Record {
    pub(super) fn key(&self) -> Key {
        let candidate = self.candidate.clone();
        (self.purpose, self.seed, candidate, self.strength)
    }
}

/// Records of a study, in memory and, with a path, in a file of JSON lines that a killed study goes
/// on from.
#[derive(Debug)]
pub struct Records {
    path: Option<PathBuf>,
    records: Vec<Record>,
}

impl Records {
    /// In memory only.
    pub fn in_memory() -> Self {
        Records {
            path: None,
            records: Vec::new(),
        }
    }

    /// Reads the records of this plan from a file, or begins one. A last line without an end was cut
    /// off by a crash and is removed; any other line that cannot be read is an error.
    pub fn open(path: &Path, digest: &str) -> Result<Self, SplitError> {
        let io = |source| SplitError::Io {
            path: path.to_owned(),
            source,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(io(e)),
        };
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            let file = std::fs::OpenOptions::new().write(true).open(path);
            file.and_then(|f| f.set_len(whole as u64)).map_err(io)?;
        }
        let mut records = Vec::new();
        for (i, line) in text[..whole].lines().enumerate() {
            let wrong = |reason: String| SplitError::Study {
                path: path.to_owned(),
                line: i + 1,
                reason,
            };
            let record: Record = serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
            if record.plan != digest {
                return Err(wrong(format!(
                    "it is of the plan {}, not of {digest}",
                    record.plan
                )));
            }
            records.push(record);
        }
        Ok(Records {
            path: Some(path.to_owned()),
            records,
        })
    }

    /// All of them.
    pub fn all(&self) -> &[Record] {
        &self.records
    }

    pub(super) fn find(&self, key: &Key) -> Option<&Record> {
        self.records.iter().find(|r| r.key() == *key)
    }

    /// Adds a record; when this returns it is on the disk.
    pub(super) fn add(&mut self, record: Record) -> Result<(), SplitError> {
        let format = |e: serde_json::Error| SplitError::Format {
            origin: "a record to be written".to_owned(),
            reason: e.to_string(),
        };
        let mut line = serde_json::to_string(&record).map_err(format)?;
        // As it will be read: a last digit may be lost on the way, and a study that goes on must not
        // differ from one that was not killed.
        self.records
            .push(serde_json::from_str(&line).map_err(format)?);
        line.push('\n');
        let Some(path) = &self.path else {
            return Ok(());
        };
        let io = |source| SplitError::Io {
            path: path.clone(),
            source,
        };
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.create(true).append(true).open(path).map_err(io)?;
        file.write_all(line.as_bytes()).map_err(io)?;
        file.sync_data().map_err(io)
    }
}
