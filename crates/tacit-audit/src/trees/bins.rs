//! Features as bytes.

use rayon::prelude::*;
use tacit_nn::Matrix;

/// Where each column is cut.
pub(crate) struct Bins {
    cuts: Vec<Vec<f32>>,
}

/// Rows of bin numbers.
pub(crate) struct Binned {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Row after row.
    pub(crate) codes: Vec<u8>,
}

impl Binned {
    pub(crate) fn row(&self, row: usize) -> &[u8] {
        &self.codes[row * self.columns..(row + 1) * self.columns]
    }
}

impl Bins {
    /// Cuts at the midpoints between neighbouring distinct values, at 255 quantiles at most.
    pub(crate) fn fit(rows: &Matrix) -> Self {
        let cuts = (0..rows.columns())
            .into_par_iter()
            .map(|column| {
                let mut values: Vec<f32> = rows.iter().map(|r| r[column]).collect();
                values.sort_unstable_by(f32::total_cmp);
                let mut cuts: Vec<f32> = (1..256)
                    .filter_map(|q| {
                        let at = q * values.len() / 256;
                        // The next cut between distinct values at or after the quantile.
                        let below = values[at.saturating_sub(1)];
                        let above = values[at..].iter().find(|v| **v > below)?;
                        Some(below + (above - below) / 2.0)
                    })
                    .collect();
                cuts.dedup();
                cuts
            })
            .collect();
        Bins { cuts }
    }

    /// The bin of a value is how many cuts lie below it.
    pub(crate) fn apply(&self, rows: &Matrix) -> Binned {
        let columns = rows.columns();
        let codes = rows
            .values()
            .par_chunks(columns.max(1))
            .flat_map_iter(|row| {
                row.iter()
                    .zip(&self.cuts)
                    .map(|(v, cuts)| cuts.partition_point(|c| c < v) as u8)
            })
            .collect();
        Binned {
            rows: rows.rows(),
            columns,
            codes,
        }
    }
}
