//! Nearest neighbours.
//!
//! A k-d tree with leaves of 32 rows; a branch is skipped when its box is further than the k-th
//! neighbour so far. k is chosen on validation rows, one search serving all k.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use rayon::prelude::*;
use std::collections::BinaryHeap;
use tacit_nn::{Matrix, Samples};

const LEAF: usize = 32;
const NEIGHBOURS: [usize; 10] = [1, 3, 5, 9, 15, 25, 45, 75, 125, 201];

/// The most frequent label among the k nearest training rows.
#[derive(Debug, Clone, Copy)]
pub struct NearestNeighbours;

struct Fitted {
    tree: KdTree,
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
        let tree = KdTree::new(train);
        let classes = train.classes();
        let most = NEIGHBOURS[NEIGHBOURS.len() - 1];
        let hits: Vec<[u32; NEIGHBOURS.len()]> = (0..validation.rows())
            .into_par_iter()
            .map(|i| {
                let near = tree.nearest(validation.features().row(i), most);
                let mut votes = vec![0u32; classes];
                let mut hits = [0; NEIGHBOURS.len()];
                let mut taken = 0;
                for (hit, k) in hits.iter_mut().zip(NEIGHBOURS) {
                    for label in near.iter().take(k).skip(taken) {
                        votes[*label as usize] += 1;
                    }
                    taken = k;
                    *hit = u32::from(first_largest(&votes) == validation.labels()[i]);
                }
                hits
            })
            .collect();
        let mut best = 0;
        let total = |at: usize| hits.iter().map(|h| u64::from(h[at])).sum::<u64>();
        for at in 1..NEIGHBOURS.len() {
            if total(at) > total(best) {
                best = at;
            }
        }
        Ok(Box::new(Fitted {
            tree,
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
        let values = (0..rows.rows())
            .into_par_iter()
            .flat_map_iter(|i| {
                let near = self.tree.nearest(rows.row(i), self.k);
                let mut votes = vec![0.5f32; self.classes];
                near.iter().for_each(|l| votes[*l as usize] += 1.0);
                let total: f32 = votes.iter().sum();
                votes.into_iter().map(move |v| (v / total).ln())
            })
            .collect();
        Ok(Matrix::new(rows.rows(), self.classes, values)?)
    }

    fn settings(&self) -> String {
        format!("k = {}", self.k)
    }
}

struct KdTree {
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
    fn new(samples: &Samples) -> Self {
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

    /// Labels of the k nearest rows, nearest first.
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
        self.heap
            .push(u64::from(distance.to_bits()) << 32 | row as u64);
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
