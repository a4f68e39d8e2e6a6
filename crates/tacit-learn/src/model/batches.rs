//! Which rows a party uses in which iteration.
//!
//! A party shuffles its rows once (seeded, so that a restarted node repeats itself) and walks
//! through them in windows of `b`, around the corner at the end. A party with fewer than `b` rows
//! uses all of them every time. So that the *expected* sum over parties is the pooled gradient
//! whatever the parties' sizes, party `i` with `n_i` rows, of which `f_i = min(b, n_i)` are in the
//! batch, weighs its rows by
//!
//! ```text
//! ω_i = (n_i / f_i) · (N·b / n)          n = Σ n_i,  N parties
//! ```
//!
//! and the root divides the sum by `N·b`. `ω_i` is of order one, which keeps the plaintexts'
//! precision, and is 1 when all parties are of the same size and larger than `b`.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// The order in which one party visits its rows.
#[derive(Debug, Clone)]
pub struct BatchOrder {
    order: Vec<u32>,
    batch: usize,
}

impl BatchOrder {
    /// Shuffles `rows` row numbers by `seed` and the party's index.
    pub fn new(rows: usize, batch: usize, seed: u64, party: usize) -> Self {
        let mut order: Vec<u32> = (0..rows as u32).collect();
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(party as u64).to_le_bytes());
        key[16..].copy_from_slice(b"tacit.batchorder");
        let mut rng = ChaCha8Rng::from_seed(key);
        for i in (1..order.len()).rev() {
            // Multiply-shift; the bias is below rows/2^64.
            let j = ((u128::from(rng.next_u64()) * (i as u128 + 1)) >> 64) as usize;
            order.swap(i, j);
        }
        BatchOrder { order, batch }
    }

    /// Rows in a batch: `min(b, n_i)`.
    pub fn filled(&self) -> usize {
        self.batch.min(self.order.len())
    }

    /// Row numbers of the batch of iteration `iteration`.
    pub fn rows(&self, iteration: usize) -> impl Iterator<Item = usize> + '_ {
        let rows = self.order.len().max(1);
        let filled = self.filled();
        let start = if filled < rows {
            iteration * filled % rows
        } else {
            0
        };
        (0..filled).map(move |i| self.order[(start + i) % rows] as usize)
    }

    /// The weight `ω_i` of each row, among `parties` parties with `total` rows together.
    pub fn row_weight(&self, parties: usize, total: usize) -> f64 {
        let (rows, filled) = (self.order.len() as f64, self.filled() as f64);
        if filled == 0.0 {
            return 0.0;
        }
        rows / filled * (parties * self.batch) as f64 / total as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_visited_equally_often() {
        let order = BatchOrder::new(12, 8, 1, 0);
        let mut seen = [0; 12];
        for iteration in 0..3 {
            order.rows(iteration).for_each(|row| seen[row] += 1);
        }
        assert_eq!(seen, [2; 12]);
    }

    #[test]
    fn a_small_party_uses_all_rows_every_time() {
        let order = BatchOrder::new(5, 8, 1, 0);
        let mut rows: Vec<_> = order.rows(3).collect();
        rows.sort_unstable();
        assert_eq!(rows, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn orders_repeat_and_differ_between_parties() {
        let rows = |party| {
            BatchOrder::new(100, 100, 9, party)
                .rows(0)
                .collect::<Vec<_>>()
        };
        assert_eq!(rows(0), rows(0));
        assert_ne!(rows(0), rows(1));
    }

    #[test]
    fn weights_of_all_rows_sum_to_the_roots_divisor() {
        let sizes = [5usize, 300, 64];
        let (total, batch) = (sizes.iter().sum(), 64);
        let sum: f64 = sizes
            .iter()
            .map(|&n| BatchOrder::new(n, batch, 0, 0))
            .map(|o| o.filled() as f64 * o.row_weight(sizes.len(), total))
            .sum();
        assert!((sum - (sizes.len() * batch) as f64).abs() < 1e-9);
    }
}
