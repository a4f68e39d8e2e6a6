//! What a party brings: its rows, before or after collective standardisation.

use crate::Error;
use crate::model::Samples;

/// A party's own rows. They never leave it.
pub trait LocalRows: Send {
    /// The sums that collective standardisation adds up over all parties, each below 2^20 in magnitude; empty when the
    /// plan uses public ranges instead.
    fn moments(&self) -> Result<Vec<f64>, String>;

    /// The rows to train on, given the released totals (empty when there are none).
    fn samples(&self, totals: &[f64]) -> Result<Samples, String>;
}

/// Rows that are ready as they are.
impl LocalRows for Samples {
    fn moments(&self) -> Result<Vec<f64>, String> {
        Ok(Vec::new())
    }

    fn samples(&self, _: &[f64]) -> Result<Samples, String> {
        Ok(self.clone())
    }
}

/// Rows whose features are to be centred at the mean over all parties: for features that have a common unit already, as
/// the pixels of an image have.
///
/// ```
/// use tacit_learn::encrypted::{CentredRows, LocalRows};
/// use tacit_learn::model::Samples;
///
/// let a = CentredRows(Samples::new(2, vec![1.0, 4.0], vec![0.0])?);
/// let b = CentredRows(Samples::new(2, vec![3.0, 0.0, 2.0, 2.0], vec![1.0, 0.0])?);
/// assert_eq!(a.moments()?, [1.0, 1.0, 4.0]); // rows, then a sum per column
/// let totals: Vec<f64> = a.moments()?.iter().zip(b.moments()?).map(|(a, b)| a + b).collect();
/// assert_eq!(a.samples(&totals)?.row(0), [-1.0, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CentredRows(pub Samples);

impl CentredRows {
    /// Number of sums for rows of `features` columns.
    pub fn moments_of(features: usize) -> usize {
        1 + features
    }

    /// `rows` less the means that the totals of all parties give.
    pub fn centred(rows: &Samples, totals: &[f64]) -> Result<Samples, Error> {
        let columns = rows.columns();
        if totals.len() != Self::moments_of(columns) {
            return Err(Error::Shape {
                what: "totals of centred rows",
                expected: Self::moments_of(columns),
                found: totals.len(),
            });
        }
        // The count is released with noise far below one.
        let count = totals[0].round().max(1.0);
        let means: Vec<f64> = totals[1..].iter().map(|sum| sum / count).collect();
        let features = (0..rows.len())
            .flat_map(|i| rows.row(i).iter().zip(&means).map(|(x, mean)| x - mean))
            .collect();
        Samples::new(columns, features, rows.labels().to_vec())
    }
}

impl LocalRows for CentredRows {
    fn moments(&self) -> Result<Vec<f64>, String> {
        let mut sums = vec![0.0; Self::moments_of(self.0.columns())];
        sums[0] = self.0.len() as f64;
        for i in 0..self.0.len() {
            let row = self.0.row(i).iter();
            sums[1..].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        Ok(sums)
    }

    fn samples(&self, totals: &[f64]) -> Result<Samples, String> {
        Self::centred(&self.0, totals).map_err(|e| e.to_string())
    }
}
