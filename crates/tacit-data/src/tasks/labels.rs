//! One label per row, and how much one label says about another.

use crate::error::DataError;
use crate::nearest::nearest;

/// One class per row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// What is asked.
    pub name: String,
    /// The possible answers.
    pub classes: Vec<String>,
    /// The answer for each row, as an index into `classes`.
    pub values: Vec<usize>,
}

impl Labels {
    /// Checks that there are at least two classes and that every value is one of them.
    pub fn new(
        name: impl Into<String>,
        classes: Vec<String>,
        values: Vec<usize>,
    ) -> Result<Labels, DataError> {
        let name = name.into();
        if classes.len() < 2 {
            return Err(DataError::ConstantLabel {
                source_name: "labels".into(),
                column: name,
                value: classes.first().cloned().unwrap_or_default(),
            });
        }
        if let Some(&value) = values.iter().find(|&&v| v >= classes.len()) {
            return Err(DataError::Parameter {
                what: "class of a label",
                value: value as f64,
                expected: "an index into the list of classes",
            });
        }
        Ok(Labels {
            name,
            classes,
            values,
        })
    }

    /// Rows of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &value in &self.values {
            counts[value] += 1;
        }
        counts
    }

    /// The label of the rows with these numbers.
    ///
    /// # Panics
    /// If there is no such row, like slice indexing.
    pub fn select(&self, rows: &[usize]) -> Labels {
        Labels {
            name: self.name.clone(),
            classes: self.classes.clone(),
            values: rows.iter().map(|&i| self.values[i]).collect(),
        }
    }

    /// Cramér's V between two labels of the same rows, without correction for small samples:
    /// V² = χ²/(n·(min(r, c) − 1)) over the r × c classes that occur. 0 means independent in this
    /// sample, 1 that one label decides the other. 0 too when either label is constant.
    pub fn cramers_v(&self, other: &Labels) -> Result<f64, DataError> {
        let table = self.crossed(other)?;
        let rows: Vec<f64> = table.iter().map(|row| row.iter().sum()).collect();
        let columns: Vec<f64> = (0..other.classes.len())
            .map(|j| table.iter().map(|row| row[j]).sum())
            .collect();
        let n: f64 = rows.iter().sum();
        let occurring = |sums: &[f64]| sums.iter().filter(|&&s| s > 0.0).count();
        let least = occurring(&rows).min(occurring(&columns));
        if least < 2 {
            return Ok(0.0);
        }
        let mut chi = 0.0;
        for (row, &r) in table.iter().zip(&rows) {
            for (&seen, &c) in row.iter().zip(&columns) {
                let expected = r * c / n;
                if expected > 0.0 {
                    chi += (seen - expected) * (seen - expected) / expected;
                }
            }
        }
        Ok((chi / (n * (least - 1) as f64)).sqrt().min(1.0))
    }

    /// Whether the other label is a function of this one on these rows: every class of this one
    /// goes with a single class of the other.
    pub fn decides(&self, other: &Labels) -> Result<bool, DataError> {
        let single = |row: &Vec<f64>| row.iter().filter(|&&n| n > 0.0).count() <= 1;
        Ok(self.crossed(other)?.iter().all(single))
    }

    /// How often each pair of classes occurs.
    fn crossed(&self, other: &Labels) -> Result<Vec<Vec<f64>>, DataError> {
        if self.values.len() != other.values.len() {
            return Err(DataError::Length {
                what: "values of two labels of the same rows",
                expected: self.values.len(),
                found: other.values.len(),
            });
        }
        let mut table = vec![vec![0.0; other.classes.len()]; self.classes.len()];
        for (&a, &b) in self.values.iter().zip(&other.values) {
            table[a][b] += 1.0;
        }
        Ok(table)
    }
}

/// Takes the public label and the private ones out of all a data set has.
pub(super) fn choose(
    task: &str,
    mut all: Vec<Labels>,
    public: &str,
    private: &[&str],
) -> Result<(Labels, Vec<Labels>), DataError> {
    distinct(task, public, private)?;
    for (name, role) in
        std::iter::once((public, "public")).chain(private.iter().map(|&p| (p, "private")))
    {
        if !all.iter().any(|label| label.name == name) {
            return Err(unknown(task, name, role, all.iter()));
        }
    }
    let mut take = |name: &str| {
        let at = all.iter().position(|label| label.name == name);
        at.map(|at| all.swap_remove(at))
    };
    let first = take(public);
    let rest = private.iter().filter_map(|&name| take(name)).collect();
    // Both were found above, and no name is asked for twice.
    first
        .map(|first| (first, rest))
        .ok_or_else(|| unknown(task, public, "public", std::iter::empty()))
}

/// Refuses a label that is asked for twice.
pub(super) fn distinct(task: &str, public: &str, private: &[&str]) -> Result<(), DataError> {
    let names: Vec<&str> = std::iter::once(public)
        .chain(private.iter().copied())
        .collect();
    match (1..names.len()).find(|&i| names[..i].contains(&names[i])) {
        None => Ok(()),
        Some(i) => Err(DataError::AttributeTwice {
            task: task.to_owned(),
            attribute: names[i].to_owned(),
        }),
    }
}

pub(super) fn unknown<'a>(
    task: &str,
    attribute: &str,
    role: &'static str,
    known: impl Iterator<Item = &'a Labels>,
) -> DataError {
    let known: Vec<&str> = known.map(|label| label.name.as_str()).collect();
    DataError::UnknownAttribute {
        task: task.to_owned(),
        attribute: attribute.to_owned(),
        role,
        nearest: nearest(attribute, known.iter().copied()),
        known: known.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[usize], classes: usize) -> Labels {
        let names = (0..classes).map(|c| c.to_string()).collect();
        Labels::new("x", names, values.to_vec()).unwrap()
    }

    #[test]
    fn cramers_v_is_zero_for_a_full_cross_and_one_for_a_function() {
        let a = labels(&[0, 0, 1, 1, 2, 2], 3);
        assert_eq!(a.cramers_v(&labels(&[0, 1, 0, 1, 0, 1], 2)).unwrap(), 0.0);
        let parity = labels(&[0, 0, 1, 1, 0, 0], 2);
        assert!((a.cramers_v(&parity).unwrap() - 1.0).abs() < 1e-12);
        assert!(a.decides(&parity).unwrap() && !parity.decides(&a).unwrap());
        assert!(a.cramers_v(&labels(&[0], 2)).is_err());
        assert_eq!(a.cramers_v(&labels(&[1; 6], 2)).unwrap(), 0.0);
    }

    #[test]
    fn cramers_v_agrees_with_the_phi_coefficient_on_a_two_by_two_table() {
        // Counts 30, 10, 20, 40: φ = (30·40 − 10·20)/√(40·60·50·50).
        let mut a = Vec::new();
        let mut b = Vec::new();
        for (x, y, n) in [(0, 0, 30), (0, 1, 10), (1, 0, 20), (1, 1, 40)] {
            a.extend(vec![x; n]);
            b.extend(vec![y; n]);
        }
        let v = labels(&a, 2).cramers_v(&labels(&b, 2)).unwrap();
        assert!((v - 1000.0 / (40.0f64 * 60.0 * 50.0 * 50.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn labels_without_a_choice_or_outside_it_are_refused() {
        assert!(Labels::new("x", vec!["a".into()], vec![0]).is_err());
        assert!(Labels::new("x", vec!["a".into(), "b".into()], vec![2]).is_err());
    }
}
