//! What a party brings: its rows, before or after collective standardisation.

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
