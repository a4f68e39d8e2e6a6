//! Mean and spread over seeds or parties.

use std::fmt;

/// Mean and sample standard deviation of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Number of figures.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation (`n − 1`); 0 for a single one.
    pub sd: f64,
}

impl Summary {
    /// Summarises `figures`; `None` if there are none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let figures: Vec<f64> = figures.into_iter().collect();
        if figures.is_empty() {
            return None;
        }
        let n = figures.len() as f64;
        let mean = figures.iter().sum::<f64>() / n;
        let square: f64 = figures.iter().map(|x| (x - mean) * (x - mean)).sum();
        let sd = if figures.len() > 1 {
            (square / (n - 1.0)).sqrt()
        } else {
            0.0
        };
        Some(Summary {
            count: figures.len(),
            mean,
            sd,
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(4);
        write!(f, "{:.digits$} ± {:.digits$}", self.mean, self.sd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_spread() {
        let summary = Summary::of([1.0, 2.0, 3.0]).unwrap();
        assert_eq!((summary.mean, summary.sd, summary.count), (2.0, 1.0, 3));
        assert_eq!(format!("{summary:.1}"), "2.0 ± 1.0");
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([4.0]).unwrap().sd, 0.0);
    }
}
