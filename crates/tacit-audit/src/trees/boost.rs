//! Gradient boosting with second derivatives (Friedman 2001; Chen and Guestrin, "XGBoost", 2016)
//! on trees that grow best leaf first.
//!
//! With g and h the sums of first and second derivatives of the loss over the rows of a node, a
//! leaf's value is −g/(h+λ) and a split gains g_l²/(h_l+λ) + g_r²/(h_r+λ) − g²/(h+λ). The histogram
//! of the larger child is its parent's less the smaller child's.

use super::{Binned, Node, Tree};
use rayon::prelude::*;

/// How boosting proceeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoostSettings {
    pub(crate) rounds: usize,
    pub(crate) rate: f32,
    pub(crate) leaves: usize,
    /// Fewest rows of a leaf.
    pub(crate) leaf: usize,
    /// λ.
    pub(crate) ridge: f32,
    /// Rounds without a better validation loss before stopping.
    pub(crate) patience: usize,
}

/// An additive model of logits.
pub(crate) struct Boosted {
    /// `outputs` trees per round.
    trees: Vec<Tree>,
    start: Vec<f32>,
    /// 1 for two classes (the logit of class 1), else one per class.
    outputs: usize,
    /// The loss on validation rows at the chosen round.
    pub(crate) loss: f64,
}

const BINS: usize = 256;

#[derive(Clone, Copy, Default)]
struct Sums {
    g: f32,
    h: f32,
    n: u32,
}

impl Boosted {
    pub(crate) fn fit(
        rows: &Binned,
        labels: &[usize],
        validation: &Binned,
        validation_labels: &[usize],
        classes: usize,
        settings: BoostSettings,
    ) -> Self {
        let outputs = if classes == 2 { 1 } else { classes };
        let mut counts = vec![1.0f32; classes];
        labels.iter().for_each(|&l| counts[l] += 1.0);
        let total: f32 = counts.iter().sum();
        let start: Vec<f32> = if outputs == 1 {
            vec![(counts[1] / counts[0]).ln()]
        } else {
            counts.iter().map(|c| (c / total).ln()).collect()
        };
        let mut logits = start.repeat(rows.rows);
        let mut on_validation = start.repeat(validation.rows);
        let mut model = Boosted {
            trees: Vec::new(),
            start,
            outputs,
            loss: f64::INFINITY,
        };
        let mut best = 0;
        for round in 0..settings.rounds {
            let derivatives = derivatives(&logits, labels, outputs);
            let grown: Vec<(Tree, Vec<u32>)> = (0..outputs)
                .into_par_iter()
                .map(|output| {
                    let own: Vec<(f32, f32)> = derivatives
                        .iter()
                        .skip(output)
                        .step_by(outputs)
                        .copied()
                        .collect();
                    Grow::new(rows, &own, settings).grow()
                })
                .collect();
            for (output, (tree, leaf_of)) in grown.into_iter().enumerate() {
                for (i, leaf) in leaf_of.iter().enumerate() {
                    logits[i * outputs + output] += tree.values[*leaf as usize];
                }
                on_validation
                    .par_chunks_mut(outputs)
                    .enumerate()
                    .for_each(|(i, z)| z[output] += tree.leaf(validation.row(i))[0]);
                model.trees.push(tree);
            }
            let loss = mean_loss(&on_validation, validation_labels, outputs);
            if loss < model.loss {
                model.loss = loss;
                best = round + 1;
            } else if round + 1 - best >= settings.patience {
                break;
            }
        }
        model.trees.truncate(best * outputs);
        model
    }

    pub(crate) fn rounds(&self) -> usize {
        self.trees.len() / self.outputs
    }

    /// Logits per row: one column per class, row after row.
    pub(crate) fn logits(&self, rows: &Binned) -> Vec<f32> {
        (0..rows.rows)
            .into_par_iter()
            .flat_map_iter(|i| {
                let row = rows.row(i);
                let mut z = self.start.clone();
                for (t, tree) in self.trees.iter().enumerate() {
                    z[t % self.outputs] += tree.leaf(row)[0];
                }
                if self.outputs == 1 {
                    z.insert(0, 0.0);
                }
                z
            })
            .collect()
    }
}

/// First and second derivatives of the cross-entropy by each logit.
fn derivatives(logits: &[f32], labels: &[usize], outputs: usize) -> Vec<(f32, f32)> {
    logits
        .par_chunks(outputs)
        .zip(labels)
        .flat_map_iter(|(z, &label)| {
            let p = if outputs == 1 {
                vec![1.0 / (1.0 + (-z[0]).exp())]
            } else {
                tacit_nn::predict::softmax(z)
            };
            (0..outputs).map(move |o| {
                let target = if outputs == 1 { label == 1 } else { label == o };
                let p = p[o];
                (p - f32::from(u8::from(target)), (p * (1.0 - p)).max(1e-6))
            })
        })
        .collect()
}

fn mean_loss(logits: &[f32], labels: &[usize], outputs: usize) -> f64 {
    let sum: f64 = logits
        .chunks(outputs)
        .zip(labels)
        .map(|(z, &label)| {
            if outputs == 1 {
                let z = f64::from(if label == 1 { z[0] } else { -z[0] });
                // ln(1 + e^{−z}), stably.
                (-z).max(0.0) + (-z.abs()).exp().ln_1p()
            } else {
                -f64::from(tacit_nn::predict::softmax(z)[label].max(1e-12)).ln()
            }
        })
        .sum();
    sum / labels.len().max(1) as f64
}

struct Grow<'a> {
    rows: &'a Binned,
    derivatives: &'a [(f32, f32)],
    settings: BoostSettings,
    members: Vec<u32>,
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
}

struct Leaf {
    node: usize,
    from: usize,
    to: usize,
    sums: Sums,
    histogram: Vec<Sums>,
    best: Option<Split>,
}

#[derive(Clone, Copy)]
struct Split {
    gain: f32,
    column: usize,
    bin: u8,
    left: Sums,
}

impl<'a> Grow<'a> {
    fn new(rows: &'a Binned, derivatives: &'a [(f32, f32)], settings: BoostSettings) -> Self {
        Grow {
            rows,
            derivatives,
            settings,
            members: (0..rows.rows as u32).collect(),
            leaves: Vec::new(),
            nodes: vec![Node::Leaf { value: 0 }],
        }
    }

    /// The tree, and for each training row the index of its leaf's value.
    fn grow(mut self) -> (Tree, Vec<u32>) {
        let all = self.rows.rows;
        let histogram = self.histogram(0, all);
        let mut sums = Sums::default();
        for bin in &histogram[..BINS.min(histogram.len())] {
            sums.g += bin.g;
            sums.h += bin.h;
            sums.n += bin.n;
        }
        self.open(0, 0, all, sums, histogram);
        while self.leaves.len() < self.settings.leaves {
            let mut pick: Option<(usize, Split)> = None;
            for (i, leaf) in self.leaves.iter().enumerate() {
                if let Some(split) = leaf.best
                    && pick.is_none_or(|(_, best)| split.gain > best.gain)
                {
                    pick = Some((i, split));
                }
            }
            let Some((i, split)) = pick else { break };
            self.divide(i, split);
        }
        let mut values = Vec::with_capacity(self.leaves.len());
        let mut leaf_of = vec![0u32; all];
        for (i, leaf) in self.leaves.iter().enumerate() {
            let step = -leaf.sums.g / (leaf.sums.h + self.settings.ridge);
            values.push(self.settings.rate * step);
            self.nodes[leaf.node] = Node::Leaf { value: i as u32 };
            for &m in &self.members[leaf.from..leaf.to] {
                leaf_of[m as usize] = i as u32;
            }
        }
        let tree = Tree {
            nodes: self.nodes,
            values,
            outputs: 1,
        };
        (tree, leaf_of)
    }

    fn divide(&mut self, i: usize, split: Split) {
        let parent = self.leaves.swap_remove(i);
        let mut mid = parent.from;
        for at in parent.from..parent.to {
            let row = self.members[at] as usize;
            if self.rows.codes[row * self.rows.columns + split.column] <= split.bin {
                self.members.swap(at, mid);
                mid += 1;
            }
        }
        let node = self.nodes.len();
        self.nodes.push(Node::Leaf { value: 0 });
        self.nodes.push(Node::Leaf { value: 0 });
        self.nodes[parent.node] = Node::Split {
            column: split.column as u32,
            bin: split.bin,
            left: node as u32,
            right: node as u32 + 1,
        };
        let right = Sums {
            g: parent.sums.g - split.left.g,
            h: parent.sums.h - split.left.h,
            n: parent.sums.n - split.left.n,
        };
        let mut larger = parent.histogram;
        let left_smaller = mid - parent.from <= parent.to - mid;
        let smaller = if left_smaller {
            self.histogram(parent.from, mid)
        } else {
            self.histogram(mid, parent.to)
        };
        for (l, s) in larger.iter_mut().zip(&smaller) {
            l.g -= s.g;
            l.h -= s.h;
            l.n -= s.n;
        }
        let (of_left, of_right) = if left_smaller {
            (smaller, larger)
        } else {
            (larger, smaller)
        };
        self.open(node, parent.from, mid, split.left, of_left);
        self.open(node + 1, mid, parent.to, right, of_right);
    }

    fn open(&mut self, node: usize, from: usize, to: usize, sums: Sums, histogram: Vec<Sums>) {
        let best = self.best(&sums, &histogram);
        self.leaves.push(Leaf {
            node,
            from,
            to,
            sums,
            histogram,
            best,
        });
    }

    fn histogram(&self, from: usize, to: usize) -> Vec<Sums> {
        let columns = self.rows.columns;
        let mut histogram = vec![Sums::default(); BINS * columns];
        for &m in &self.members[from..to] {
            let m = m as usize;
            let (g, h) = self.derivatives[m];
            for (column, code) in self.rows.row(m).iter().enumerate() {
                let bin = &mut histogram[column * BINS + *code as usize];
                bin.g += g;
                bin.h += h;
                bin.n += 1;
            }
        }
        histogram
    }

    fn best(&self, sums: &Sums, histogram: &[Sums]) -> Option<Split> {
        let ridge = self.settings.ridge;
        let least = self.settings.leaf as u32;
        let score = |s: &Sums| s.g * s.g / (s.h + ridge);
        let whole = score(sums);
        let mut best: Option<Split> = None;
        for (column, bins) in histogram.chunks(BINS).enumerate() {
            let mut left = Sums::default();
            for (bin, here) in bins.iter().enumerate() {
                if here.n == 0 {
                    continue;
                }
                left.g += here.g;
                left.h += here.h;
                left.n += here.n;
                let n = sums.n - left.n;
                if left.n < least {
                    continue;
                }
                if n < least.max(1) {
                    break;
                }
                let right = Sums {
                    g: sums.g - left.g,
                    h: sums.h - left.h,
                    n,
                };
                let gain = score(&left) + score(&right) - whole;
                if gain > 1e-6 && best.is_none_or(|b| gain > b.gain) {
                    best = Some(Split {
                        gain,
                        column,
                        bin: bin as u8,
                        left,
                    });
                }
            }
        }
        best
    }
}
