//! A k-d tree: leaves of 32 rows; a branch is skipped when its box is further than the k-th
//! neighbour so far.

use super::by_distance;
use rayon::prelude::*;
use std::collections::BinaryHeap;
use tacit_nn::{Matrix, Samples};

const LEAF: usize = 32;

pub(super) struct KdTree {
    columns: usize,
    /// In the order of the leaves.
    points: Vec<f32>,
    labels: Vec<u32>,
    nodes: Vec<KdNode>,
}

enum KdNode {
    Leaf {
        from: usize,
        to: usize,
    },
    Split {
        column: usize,
        at: f32,
        left: usize,
        right: usize,
    },
}

impl KdTree {
    pub(super) fn new(samples: &Samples) -> Self {
        let rows = samples.features();
        let mut order: Vec<usize> = (0..rows.rows()).collect();
        let mut nodes = Vec::new();
        build(rows, &mut order, 0, &mut nodes);
        KdTree {
            columns: rows.columns(),
            points: order.iter().flat_map(|&r| rows.row(r)).copied().collect(),
            labels: order.iter().map(|&r| samples.labels()[r] as u32).collect(),
            nodes,
        }
    }

    /// For every query, the labels of its k nearest rows, nearest first.
    pub(super) fn neighbours(&self, queries: &Matrix, k: usize) -> Vec<Vec<u32>> {
        let one = |i| self.nearest(queries.row(i), k);
        (0..queries.rows()).into_par_iter().map(one).collect()
    }

    fn nearest(&self, query: &[f32], k: usize) -> Vec<u32> {
        let mut search = Search {
            query,
            k,
            heap: BinaryHeap::with_capacity(k + 1),
            worst: f32::INFINITY,
            offsets: vec![0.0; self.columns],
        };
        self.visit(0, 0.0, &mut search);
        let sorted = search.heap.into_sorted_vec();
        sorted
            .into_iter()
            .map(|near| self.labels[(near & 0xffff_ffff) as usize])
            .collect()
    }

    /// `distance` is the squared distance of the query to the node's box.
    fn visit(&self, node: usize, distance: f32, search: &mut Search) {
        match self.nodes[node] {
            KdNode::Leaf { from, to } => {
                let points = &self.points[from * self.columns..to * self.columns];
                for (i, point) in points.chunks_exact(self.columns).enumerate() {
                    let d: f32 = point
                        .iter()
                        .zip(search.query)
                        .map(|(p, q)| (p - q) * (p - q))
                        .sum();
                    if d < search.worst {
                        search.keep(d, from + i);
                    }
                }
            }
            KdNode::Split {
                column,
                at,
                left,
                right,
            } => {
                let side = search.query[column] - at;
                let (near, far) = if side < 0.0 {
                    (left, right)
                } else {
                    (right, left)
                };
                self.visit(near, distance, search);
                let old = search.offsets[column];
                let beyond = distance - old * old + side * side;
                if beyond < search.worst {
                    search.offsets[column] = side;
                    self.visit(far, beyond, search);
                    search.offsets[column] = old;
                }
            }
        }
    }
}

struct Search<'a> {
    query: &'a [f32],
    k: usize,
    /// Squared distance (its bits order like the number) and row; the furthest on top.
    heap: BinaryHeap<u64>,
    worst: f32,
    offsets: Vec<f32>,
}

impl Search<'_> {
    fn keep(&mut self, distance: f32, row: usize) {
        self.heap.push(by_distance(distance, row));
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k
            && let Some(top) = self.heap.peek()
        {
            self.worst = f32::from_bits((top >> 32) as u32);
        }
    }
}

/// Splits `order` at the median of the widest column; returns the node.
fn build(rows: &Matrix, order: &mut [usize], from: usize, nodes: &mut Vec<KdNode>) -> usize {
    let here = nodes.len();
    nodes.push(KdNode::Leaf {
        from,
        to: from + order.len(),
    });
    if order.len() <= LEAF {
        return here;
    }
    let mut widest = (0, -1.0);
    for column in 0..rows.columns() {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for &r in order.iter() {
            let v = rows.row(r)[column];
            low = low.min(v);
            high = high.max(v);
        }
        if high - low > widest.1 {
            widest = (column, high - low);
        }
    }
    let (column, width) = widest;
    // Equal rows cannot be told apart by splitting.
    if width <= 0.0 {
        return here;
    }
    let mid = order.len() / 2;
    order.select_nth_unstable_by(mid, |a, b| {
        rows.row(*a)[column].total_cmp(&rows.row(*b)[column])
    });
    let at = rows.row(order[mid])[column];
    let (low, high) = order.split_at_mut(mid);
    let left = build(rows, low, from, nodes);
    let right = build(rows, high, from + mid, nodes);
    nodes[here] = KdNode::Split {
        column,
        at,
        left,
        right,
    };
    here
}
