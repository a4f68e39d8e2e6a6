//! A fixed generator for logistic regression at any scale.
//!
//! Row i of seed s is a function of (s, i) alone, so each of many parties makes its own slice
//! without the rest, in any order and on any machine, with the same bits.
//!
//! Features are an AR(1) chain, x₀ = z₀ and x_j = ρ·x_{j−1} + √(1−ρ²)·z_j with z standard normal
//! and ρ = 1/2, hence unit variance and correlation 2^−|j−k|. The weights are drawn once per seed
//! and scaled so that the logit w·x + b has standard deviation 3; the label is drawn from
//! σ(w·x + b), and then one label in ten is flipped, after which the true weights are right about
//! 77 times in 100. Held-out rows come from an index range that no party can reach.

use std::ops::Range;
use std::sync::Arc;

use crate::error::DataError;
use crate::stream::Stream;
use crate::table::{RowKey, Table};

/// Correlation of neighbouring features.
pub const CORRELATION: f64 = 0.5;
/// Share of labels flipped.
pub const LABEL_NOISE: f64 = 0.1;
/// Standard deviation of the logit.
pub const LOGIT_SD: f64 = 3.0;
/// The intercept.
pub const INTERCEPT: f64 = 0.5;

/// Index of the first held-out row.
const HELD_OUT: u64 = 1 << 48;
const MAX_FEATURES: usize = 1 << 16;

/// The generator for one seed.
///
/// ```
/// use tacit_data::synthetic::Logistic;
///
/// let generator = Logistic::new(32, 1)?;
/// let all = generator.rows(0..100)?;
/// let second = generator.party(1, 25)?;            // rows 25 to 49, made alone
/// assert_eq!(second.row(0), all.row(25));
/// let held_out = generator.held_out(10)?;
/// assert_eq!(held_out.columns(), 32);
/// # Ok::<(), tacit_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Logistic {
    key: [u8; 32],
    names: Arc<[String]>,
    weights: Vec<f64>,
}

/// The first `rows` rows of [`Logistic::new(features, seed)`](Logistic::new).
pub fn logistic(rows: usize, features: usize, seed: u64) -> Result<Table, DataError> {
    Logistic::new(features, seed)?.rows(0..rows as u64)
}

impl Logistic {
    /// A generator of rows with `features` columns.
    pub fn new(features: usize, seed: u64) -> Result<Logistic, DataError> {
        if features == 0 || features > MAX_FEATURES {
            return Err(DataError::Parameter {
                what: "number of features",
                value: features as f64,
                expected: "1 to 65536",
            });
        }
        let mut stream = Stream::new(
            &blake3::derive_key(
                "tacit-data 1 synthetic logistic weights",
                &seed.to_le_bytes(),
            ),
            0,
        );
        let mut weights: Vec<f64> = (0..features).map(|_| stream.normal()).collect();
        // wᵀΣw with Σ_jk = ρ^|j−k|, by carrying Σ_{j<k} w_j ρ^{k−j} along.
        let (mut variance, mut carried) = (0.0, 0.0);
        for &w in &weights {
            variance += w * (w + 2.0 * carried);
            carried = CORRELATION * (carried + w);
        }
        let scale = LOGIT_SD / variance.sqrt();
        weights.iter_mut().for_each(|w| *w *= scale);
        Ok(Logistic {
            key: blake3::derive_key("tacit-data 1 synthetic logistic rows", &seed.to_le_bytes()),
            names: (0..features).map(|j| format!("x{j}")).collect(),
            weights,
        })
    }

    /// The weights behind the labels, before label noise; the intercept is [`INTERCEPT`].
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The rows of one of many parties that all have `rows_per_party`.
    pub fn party(&self, party: usize, rows_per_party: usize) -> Result<Table, DataError> {
        let start = (party as u64).saturating_mul(rows_per_party as u64);
        self.rows(start..start.saturating_add(rows_per_party as u64))
    }

    /// Rows that no party has.
    pub fn held_out(&self, rows: usize) -> Result<Table, DataError> {
        self.generate(HELD_OUT..HELD_OUT + rows as u64)
    }

    /// Any range of rows.
    pub fn rows(&self, range: Range<u64>) -> Result<Table, DataError> {
        if range.end > HELD_OUT {
            return Err(DataError::Parameter {
                what: "row index",
                value: range.end as f64,
                expected: "at most 2^48",
            });
        }
        self.generate(range)
    }

    fn generate(&self, range: Range<u64>) -> Result<Table, DataError> {
        let d = self.weights.len();
        let count = range.end.saturating_sub(range.start) as usize;
        let mut features = Vec::with_capacity(count.saturating_mul(d));
        let mut labels = Vec::with_capacity(count);
        let mut keys = Vec::with_capacity(count);
        let innovation = (1.0 - CORRELATION * CORRELATION).sqrt();
        for index in range {
            let mut stream = Stream::new(&self.key, index);
            let mut logit = INTERCEPT;
            let mut x = 0.0;
            for (j, w) in self.weights.iter().enumerate() {
                let z = stream.normal();
                x = if j == 0 {
                    z
                } else {
                    CORRELATION * x + innovation * z
                };
                logit += w * x;
                features.push(x);
            }
            let drawn = stream.uniform() < 1.0 / (1.0 + libm::exp(-logit));
            let flipped = stream.uniform() < LABEL_NOISE;
            labels.push(if drawn != flipped { 1.0 } else { 0.0 });
            keys.push(RowKey::of_text(&index.to_string()));
        }
        Table::with_keys(self.names.clone(), features, labels, keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_makes_its_slice_alone() {
        let generator = Logistic::new(5, 3).unwrap();
        let all = generator.rows(0..60).unwrap();
        let slices: Vec<Table> = (0..3).map(|p| generator.party(p, 20).unwrap()).collect();
        assert_eq!(Table::concat(&slices).unwrap(), all);
        assert_eq!(logistic(60, 5, 3).unwrap(), all);
        assert_ne!(logistic(60, 5, 4).unwrap(), all);
    }

    #[test]
    fn moments_and_correlations_are_as_described() {
        let rows = 40_000;
        let table = logistic(rows, 4, 11).unwrap();
        let mean = |f: &dyn Fn(&[f64]) -> f64| table.iter_rows().map(f).sum::<f64>() / rows as f64;
        for j in 0..4 {
            assert!(mean(&|r| r[j]).abs() < 0.03);
            assert!((mean(&|r| r[j] * r[j]) - 1.0).abs() < 0.04);
            for k in 0..j {
                let expected = CORRELATION.powi((j - k) as i32);
                assert!((mean(&|r| r[j] * r[k]) - expected).abs() < 0.03, "{j} {k}");
            }
        }
    }

    #[test]
    fn logits_have_the_stated_spread_and_labels_the_stated_noise() {
        let generator = Logistic::new(8, 2).unwrap();
        let table = generator.held_out(40_000).unwrap();
        let (mut logits, mut sure, mut wrong) = (Vec::new(), 0, 0);
        for (row, &label) in table.iter_rows().zip(table.labels()) {
            let logit: f64 = row
                .iter()
                .zip(generator.weights())
                .map(|(x, w)| x * w)
                .sum();
            logits.push(logit);
            if (logit + INTERCEPT).abs() > 5.0 {
                sure += 1;
                wrong += usize::from((logit + INTERCEPT > 0.0) != (label == 1.0));
            }
        }
        let variance = logits.iter().map(|l| l * l).sum::<f64>() / logits.len() as f64;
        assert!((variance.sqrt() - LOGIT_SD).abs() < 0.05);
        assert!((wrong as f64 / sure as f64 - LABEL_NOISE).abs() < 0.02);
    }

    #[test]
    fn the_generator_is_frozen() {
        let table = logistic(2, 2, 1).unwrap();
        let bits: Vec<u64> = table.features().iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, FROZEN, "{bits:#x?}");
        assert_eq!(table.labels(), FROZEN_LABELS);
    }

    const FROZEN: [u64; 4] = [
        0xbfdd_853f_a843_f6d0,
        0xbfe2_ec10_4167_fc29,
        0x400a_2bc9_78fb_ad83,
        0x3ff9_ae95_2b51_4c3c,
    ];
    const FROZEN_LABELS: [f64; 2] = [0.0, 1.0];

    #[test]
    fn senseless_sizes_are_refused() {
        assert!(Logistic::new(0, 1).is_err());
        assert!(Logistic::new(1 << 20, 1).is_err());
        assert!(Logistic::new(2, 1).unwrap().party(usize::MAX, 10).is_err());
        assert_eq!(logistic(0, 2, 1).unwrap().rows(), 0);
    }
}
