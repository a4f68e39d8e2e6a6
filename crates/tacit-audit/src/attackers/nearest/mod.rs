//! Nearest neighbours.
//!
//! Up to 16 columns, a k-d tree finds them; with more, no tree saves anything, and all distances are
//! computed as |q|² + |p|² − 2⟨q, p⟩, a product of matrices. k is chosen on validation rows, one
//! search serving all k.

mod all_rows;
mod tree;

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use all_rows::AllRows;
use tacit_nn::{Matrix, Samples};
use tree::KdTree;

/// Columns up to which a tree is searched.
const TREE_COLUMNS: usize = 16;
const NEIGHBOURS: [usize; 10] = [1, 3, 5, 9, 15, 25, 45, 75, 125, 201];

/// The most frequent label among the k nearest training rows.
#[derive(Debug, Clone, Copy)]
pub struct NearestNeighbours;

enum Index {
    Tree(KdTree),
    AllRows(Box<AllRows>),
}

impl Index {
    fn new(samples: &Samples) -> Self {
        match samples.features().columns() <= TREE_COLUMNS {
            true => Index::Tree(KdTree::new(samples)),
            false => Index::AllRows(Box::new(AllRows::new(samples))),
        }
    }

    /// For every query, the labels of its k nearest rows, nearest first.
    fn neighbours(&self, queries: &Matrix, k: usize) -> Vec<Vec<u32>> {
        match self {
            Index::Tree(tree) => tree.neighbours(queries, k),
            Index::AllRows(rows) => rows.neighbours(queries, k),
        }
    }
}

/// A key that orders by distance, then by row: the bits of a number that is not negative order like
/// the number.
fn by_distance(distance: f32, row: usize) -> u64 {
    u64::from(distance.max(0.0).to_bits()) << 32 | row as u64
}

struct Fitted {
    index: Index,
    classes: usize,
    k: usize,
}

impl Attacker for NearestNeighbours {
    fn name(&self) -> &'static str {
        "nearest-neighbours"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        _seed: u64,
        _budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let index = Index::new(train);
        let classes = train.classes();
        let most = NEIGHBOURS[NEIGHBOURS.len() - 1];
        let mut hits = [0u64; NEIGHBOURS.len()];
        let near = index.neighbours(validation.features(), most);
        for (near, &label) in near.iter().zip(validation.labels()) {
            let mut votes = vec![0u32; classes];
            let mut taken = 0;
            for (hit, k) in hits.iter_mut().zip(NEIGHBOURS) {
                for label in near.iter().take(k).skip(taken) {
                    votes[*label as usize] += 1;
                }
                taken = k;
                *hit += u64::from(first_largest(&votes) == label);
            }
        }
        let mut best = 0;
        for (at, count) in hits.iter().enumerate() {
            if *count > hits[best] {
                best = at;
            }
        }
        Ok(Box::new(Fitted {
            index,
            classes,
            k: NEIGHBOURS[best],
        }))
    }
}

fn first_largest(votes: &[u32]) -> usize {
    let mut best = 0;
    for (class, v) in votes.iter().enumerate() {
        if *v > votes[best] {
            best = class;
        }
    }
    best
}

impl FittedAttacker for Fitted {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        let mut values = Vec::with_capacity(rows.rows() * self.classes);
        for near in self.index.neighbours(rows, self.k) {
            let mut votes = vec![0.5f32; self.classes];
            near.iter().for_each(|l| votes[*l as usize] += 1.0);
            let total: f32 = votes.iter().sum();
            values.extend(votes.into_iter().map(|v| (v / total).ln()));
        }
        Ok(Matrix::new(rows.rows(), self.classes, values)?)
    }

    fn settings(&self) -> String {
        format!("k = {}", self.k)
    }
}
