//! Whom a study is about: rows that no model was trained on.

use crate::error::AuditError;
use tacit_nn::{Matrix, Samples};

/// Three disjoint sets of people: those the attacker learns from, those it chooses its settings on,
/// and those it attacks. None of them trained the model.
#[derive(Debug, Clone)]
pub struct Subjects {
    shape: [usize; 3],
    sets: [Samples; 3],
}

/// A private label of all subjects, set by set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Private {
    /// Its name in reports.
    pub name: String,
    /// How many values it has.
    pub classes: usize,
    /// Of the attacker's training rows.
    pub train: Vec<usize>,
    /// Of its validation rows.
    pub validation: Vec<usize>,
    /// Of the test rows.
    pub test: Vec<usize>,
}

impl Subjects {
    /// Raw inputs with their *public* labels. `shape` is that of a row: channels, height and width
    /// of a picture, `[1, 1, columns]` of a table.
    pub fn new(
        shape: [usize; 3],
        train: Samples,
        validation: Samples,
        test: Samples,
    ) -> Result<Self, AuditError> {
        let columns = shape.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
        let found = train.features().columns();
        if columns != Some(found) {
            return Err(AuditError::Shape {
                what: "columns of the attacker's training rows, as their shape says",
                found,
                expected: columns.unwrap_or(usize::MAX),
            });
        }
        crate::suite::check_sets(&train, &validation, &test)?;
        let sets = [train, validation, test];
        Ok(Subjects { shape, sets })
    }

    /// Channels, height and width of a row.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Whether rows are pictures, not lists of columns.
    pub fn are_pictures(&self) -> bool {
        self.shape[1] > 1 && self.shape[2] > 1
    }

    /// Classes of the public label.
    pub fn public_classes(&self) -> usize {
        self.sets[0].classes()
    }

    /// Those the attacker learns from, with public labels.
    pub fn train(&self) -> &Samples {
        &self.sets[0]
    }

    /// Those it chooses its settings on.
    pub fn validation(&self) -> &Samples {
        &self.sets[1]
    }

    /// Those it attacks.
    pub fn test(&self) -> &Samples {
        &self.sets[2]
    }

    pub(crate) fn rows(&self) -> [&Matrix; 3] {
        self.sets.each_ref().map(Samples::features)
    }
}

impl Private {
    /// Checks that there is one label per row of each set, all below `classes`, and more than one
    /// value among those the attacker learns from.
    pub(crate) fn check(&self, subjects: &Subjects) -> Result<(), AuditError> {
        for (samples, labels) in subjects.sets.iter().zip(self.labels()) {
            if labels.len() != samples.rows() {
                return Err(AuditError::Shape {
                    what: "private labels of a set, one per row",
                    found: labels.len(),
                    expected: samples.rows(),
                });
            }
            if let Some(&value) = labels.iter().find(|&&l| l >= self.classes) {
                return Err(AuditError::Setting {
                    name: "private label",
                    value,
                    expected: "below the number of classes",
                });
            }
        }
        match self.train.first() {
            Some(&class) if self.train.iter().all(|l| *l == class) => {
                Err(AuditError::OneClass { class })
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn labels(&self) -> [&[usize]; 3] {
        [&self.train, &self.validation, &self.test]
    }

    /// How often the most frequent private label of each public class is right, over all rows; and
    /// how much of what the majority misses that explains: 1 means that the private label is a
    /// function of the public one.
    pub(crate) fn told_by_public(&self, subjects: &Subjects) -> (f64, f64) {
        let mut counts = vec![vec![0usize; self.classes]; subjects.public_classes()];
        let mut rows = 0;
        for (samples, labels) in subjects.sets.iter().zip(self.labels()) {
            for (&public, &private) in samples.labels().iter().zip(labels) {
                counts[public][private] += 1;
                rows += 1;
            }
        }
        let most = counts.iter().map(|c| c.iter().copied().max().unwrap_or(0));
        let share = most.sum::<usize>() as f64 / rows as f64;
        let whole = |class| counts.iter().map(|c: &Vec<usize>| c[class]).sum::<usize>();
        let majority = (0..self.classes).map(whole).max().unwrap_or(0) as f64 / rows as f64;
        (
            share,
            (share - majority) / (1.0 - majority).max(f64::MIN_POSITIVE),
        )
    }
}
