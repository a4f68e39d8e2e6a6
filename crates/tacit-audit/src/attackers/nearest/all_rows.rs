//! All distances, a block of queries at a time.

use super::by_distance;
use rayon::prelude::*;
use tacit_nn::burn::tensor::Tensor;
use tacit_nn::{Matrix, Samples, matrix, plain_device};

const BLOCK: usize = 256;

pub(super) struct AllRows {
    /// One column per row of training.
    points: Tensor<2>,
    squares: Vec<f32>,
    labels: Vec<u32>,
}

fn square(row: &[f32]) -> f32 {
    row.iter().map(|v| v * v).sum()
}

impl AllRows {
    pub(super) fn new(samples: &Samples) -> Self {
        let rows = samples.features();
        let points = rows.tensor(0, rows.rows(), &plain_device());
        AllRows {
            points: points.transpose(),
            squares: rows.iter().map(square).collect(),
            labels: samples.labels().iter().map(|&l| l as u32).collect(),
        }
    }

    /// For every query, the labels of its k nearest rows, nearest first.
    pub(super) fn neighbours(&self, queries: &Matrix, k: usize) -> Vec<Vec<u32>> {
        let k = k.min(self.labels.len());
        let mut out = Vec::with_capacity(queries.rows());
        if k == 0 {
            return vec![vec![]; queries.rows()];
        }
        for from in (0..queries.rows()).step_by(BLOCK) {
            let block = queries.tensor(from, from + BLOCK, &plain_device());
            let products = matrix::floats(block.matmul(self.points.clone()));
            let near = products.par_chunks(self.labels.len()).enumerate();
            let near = near.map(|(i, products)| {
                let own = square(queries.row(from + i));
                let pairs = self.squares.iter().zip(products).enumerate();
                let mut keys: Vec<u64> = pairs
                    .map(|(row, (square, product))| by_distance(own + square - 2.0 * product, row))
                    .collect();
                keys.select_nth_unstable(k - 1);
                keys.truncate(k);
                keys.sort_unstable();
                let label = |key: u64| self.labels[(key & 0xffff_ffff) as usize];
                keys.into_iter().map(label).collect()
            });
            out.par_extend(near);
        }
        out
    }
}
