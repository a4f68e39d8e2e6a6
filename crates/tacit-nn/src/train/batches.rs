//! Rows in random order, a batch at a time.

use crate::Draws;

/// The batches of one epoch: each row once, the last batch possibly smaller.
#[derive(Debug, Clone)]
pub struct Batches {
    order: Vec<usize>,
    batch: usize,
    next: usize,
}

impl Batches {
    /// The batches of `epoch` under `seed`. Epochs are independent of each other, so that training
    /// resumes anywhere.
    pub fn new(rows: usize, batch: usize, seed: u64, epoch: usize) -> Self {
        let order = Draws::new(seed, &format!("order of rows in epoch {epoch}")).permutation(rows);
        Batches {
            order,
            batch: batch.max(1),
            next: 0,
        }
    }

    /// How many batches an epoch has.
    pub fn count(rows: usize, batch: usize) -> usize {
        rows.div_ceil(batch.max(1))
    }
}

impl Iterator for Batches {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let from = self.next;
        if from >= self.order.len() {
            return None;
        }
        self.next = (from + self.batch).min(self.order.len());
        Some(self.order[from..self.next].to_vec())
    }
}
