//! Dotted names and finite numbers: the figures of a run.
//!
//! A figure is what a machine reads: `encrypted.accuracy`, `wall_s`, `n14.ntt_us`. Its unit is in
//! its name. Names are checked when a figure is recorded, so that a file which exists is a file
//! that every reader accepts, and a figure that is not a finite number is an error rather than
//! the `null` that JSON would quietly make of it.

use std::collections::BTreeMap;

use crate::Error;

const LONGEST_NAME: usize = 160;

/// Checks a dotted name: segments of `[A-Za-z0-9_-]`, joined by single dots, 160 bytes at most.
///
/// ```
/// use tacit_report::check_name;
/// assert!(check_name("private.marital-status.attack_max").is_ok());
/// assert!(check_name("accuracy (test)").is_err());
/// assert!(check_name(".accuracy").is_err());
/// ```
pub fn check_name(name: &str) -> Result<(), Error> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST_NAME {
        "it is longer than 160 bytes"
    } else if name.split('.').any(str::is_empty) {
        "it has an empty segment"
    } else if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    {
        "it has a character that is not allowed"
    } else {
        return Ok(());
    };
    Err(Error::Name {
        name: name.chars().take(80).collect(),
        why,
    })
}

/// Figures by name, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Records a figure; the name must be valid and new, the number finite.
    pub fn insert(&mut self, name: &str, value: f64) -> Result<(), Error> {
        check_name(name)?;
        if !value.is_finite() {
            return Err(Error::NotFinite {
                name: name.into(),
                value,
            });
        }
        if self.0.contains_key(name) {
            return Err(Error::Duplicate { name: name.into() });
        }
        self.0.insert(name.into(), value);
        Ok(())
    }

    /// The figure of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// All figures, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Mean and sample standard deviation (n − 1) of repeated measurements; the deviation of a single
/// measurement is 0. `None` when there are no values.
///
/// ```
/// assert_eq!(tacit_report::mean_sd(&[1.0, 3.0]), Some((2.0, 2f64.sqrt())));
/// ```
pub fn mean_sd(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() == 1 {
        return Some((mean, 0.0));
    }
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    Some((mean, (squares / (n - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinite_figures_are_refused_by_name() {
        let mut figures = Figures::default();
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = figures.insert("encrypted.auc", bad).unwrap_err();
            assert!(matches!(&error, Error::NotFinite { name, .. } if name == "encrypted.auc"));
            assert!(error.to_string().contains("encrypted.auc"));
        }
        assert!(figures.is_empty());
    }

    #[test]
    fn names_outside_the_grammar_are_refused() {
        for bad in [
            "", ".", "a.", ".a", "a..b", "a b", "ä", "a/b", "a\n", "<script>",
        ] {
            assert!(
                matches!(check_name(bad), Err(Error::Name { .. })),
                "{bad:?} passed"
            );
        }
        assert!(check_name(&"x".repeat(161)).is_err());
        assert!(check_name(&"x".repeat(160)).is_ok());
    }

    #[test]
    fn a_figure_is_recorded_once() {
        let mut figures = Figures::default();
        figures.insert("wall_s", 1.0).unwrap();
        assert!(matches!(
            figures.insert("wall_s", 2.0),
            Err(Error::Duplicate { .. })
        ));
        assert_eq!(figures.get("wall_s"), Some(1.0));
    }
}
