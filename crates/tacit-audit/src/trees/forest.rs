//! Random forests (Breiman 2001): bootstrapped rows, a random subset of columns at each split,
//! impurity by Gini.

use super::{Binned, Node, Tree};
use rayon::prelude::*;
use tacit_nn::Draws;

/// How trees grow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForestSettings {
    pub(crate) trees: usize,
    /// Fewest rows of a leaf.
    pub(crate) leaf: usize,
    /// Columns tried per split.
    pub(crate) columns: usize,
    pub(crate) seed: u64,
}

/// Trees whose leaves hold shares of classes.
pub(crate) struct Forest {
    trees: Vec<Tree>,
    classes: usize,
}

impl Forest {
    pub(crate) fn fit(
        rows: &Binned,
        labels: &[usize],
        classes: usize,
        settings: ForestSettings,
    ) -> Self {
        let trees = (0..settings.trees)
            .into_par_iter()
            .map(|i| {
                let draws = Draws::new(settings.seed, &format!("tree {i}"));
                Grow::new(rows, labels, classes, settings, draws).grow()
            })
            .collect();
        Forest { trees, classes }
    }

    /// Mean shares of classes per row, row after row.
    pub(crate) fn shares(&self, rows: &Binned) -> Vec<f32> {
        let scale = 1.0 / self.trees.len().max(1) as f32;
        (0..rows.rows)
            .into_par_iter()
            .flat_map_iter(|i| {
                let row = rows.row(i);
                let mut sum = vec![0.0; self.classes];
                for tree in &self.trees {
                    for (s, v) in sum.iter_mut().zip(tree.leaf(row)) {
                        *s += v * scale;
                    }
                }
                sum
            })
            .collect()
    }
}

struct Grow<'a> {
    rows: &'a Binned,
    labels: &'a [usize],
    classes: usize,
    settings: ForestSettings,
    draws: Draws,
    /// Row numbers, with repetitions; a node owns a range.
    members: Vec<u32>,
    tree: Tree,
}

/// The best split of a node so far.
struct Best {
    score: f64,
    column: usize,
    bin: u8,
}

impl<'a> Grow<'a> {
    fn new(
        rows: &'a Binned,
        labels: &'a [usize],
        classes: usize,
        settings: ForestSettings,
        mut draws: Draws,
    ) -> Self {
        let members = (0..rows.rows)
            .map(|_| draws.below(rows.rows) as u32)
            .collect();
        Grow {
            rows,
            labels,
            classes,
            settings,
            draws,
            members,
            tree: Tree {
                nodes: Vec::new(),
                values: Vec::new(),
                outputs: classes,
            },
        }
    }

    fn grow(mut self) -> Tree {
        self.tree.nodes.push(Node::Leaf { value: 0 });
        let mut open = vec![(0usize, 0usize, self.members.len())];
        while let Some((node, from, to)) = open.pop() {
            let counts = self.counts(from, to);
            let pure = counts.iter().filter(|c| **c > 0).count() < 2;
            let split = if pure || to - from < 2 * self.settings.leaf {
                None
            } else {
                self.split(from, to, &counts)
            };
            let Some(best) = split else {
                let value = self.tree.values.len() as u32;
                let total = (to - from).max(1) as f32;
                self.tree
                    .values
                    .extend(counts.iter().map(|c| *c as f32 / total));
                self.tree.nodes[node] = Node::Leaf { value };
                continue;
            };
            let mid = self.partition(from, to, best.column, best.bin);
            let left = self.tree.nodes.len();
            self.tree.nodes.push(Node::Leaf { value: 0 });
            self.tree.nodes.push(Node::Leaf { value: 0 });
            self.tree.nodes[node] = Node::Split {
                column: best.column as u32,
                bin: best.bin,
                left: left as u32,
                right: left as u32 + 1,
            };
            open.push((left, from, mid));
            open.push((left + 1, mid, to));
        }
        self.tree
    }

    fn counts(&self, from: usize, to: usize) -> Vec<u32> {
        let mut counts = vec![0; self.classes];
        for &m in &self.members[from..to] {
            counts[self.labels[m as usize]] += 1;
        }
        counts
    }

    fn partition(&mut self, from: usize, to: usize, column: usize, bin: u8) -> usize {
        let mut mid = from;
        for i in from..to {
            let row = self.members[i] as usize;
            if self.rows.codes[row * self.rows.columns + column] <= bin {
                self.members.swap(i, mid);
                mid += 1;
            }
        }
        mid
    }

    fn split(&mut self, from: usize, to: usize, counts: &[u32]) -> Option<Best> {
        // Columns are drawn without replacement until enough of them could be split, as
        // scikit-learn does: a constant column does not count.
        let mut columns: Vec<usize> = (0..self.rows.columns).collect();
        let mut best: Option<Best> = None;
        let mut tried = 0;
        let mut left = columns.len();
        while left > 0 && tried < self.settings.columns {
            let pick = self.draws.below(left);
            left -= 1;
            columns.swap(pick, left);
            if self.try_column(from, to, columns[left], counts, &mut best) {
                tried += 1;
            }
        }
        best
    }

    /// Looks for the best bin of a column; whether the column varies.
    fn try_column(
        &self,
        from: usize,
        to: usize,
        column: usize,
        counts: &[u32],
        best: &mut Option<Best>,
    ) -> bool {
        let members = &self.members[from..to];
        let code = |m: u32| self.rows.codes[m as usize * self.rows.columns + column];
        let total = members.len();
        let mut scan = Scan {
            left: vec![0u32; self.classes],
            counts,
            rows: 0,
            total,
            leaf: self.settings.leaf,
            column,
        };
        if total >= 200 {
            let mut histogram = vec![0u32; 256 * self.classes];
            for &m in members {
                histogram[code(m) as usize * self.classes + self.labels[m as usize]] += 1;
            }
            let mut distinct = 0;
            for bin in 0..256 {
                let here = &histogram[bin * self.classes..(bin + 1) * self.classes];
                if here.iter().any(|c| *c > 0) {
                    distinct += 1;
                    for (l, c) in scan.left.iter_mut().zip(here) {
                        *l += c;
                        scan.rows += *c as usize;
                    }
                    scan.consider(bin as u8, best);
                }
            }
            distinct > 1
        } else {
            let mut pairs: Vec<(u8, u16)> = members
                .iter()
                .map(|&m| (code(m), self.labels[m as usize] as u16))
                .collect();
            pairs.sort_unstable();
            for (i, (bin, class)) in pairs.iter().enumerate() {
                scan.left[*class as usize] += 1;
                scan.rows += 1;
                if pairs.get(i + 1).is_some_and(|next| next.0 != *bin) {
                    scan.consider(*bin, best);
                }
            }
            pairs.first().map(|p| p.0) != pairs.last().map(|p| p.0)
        }
    }
}

/// Class counts to the left of a moving border.
struct Scan<'a> {
    left: Vec<u32>,
    counts: &'a [u32],
    rows: usize,
    total: usize,
    leaf: usize,
    column: usize,
}

impl Scan<'_> {
    /// Minimal weighted Gini is maximal Σ_c l_c²/l + Σ_c r_c²/r.
    fn consider(&self, bin: u8, best: &mut Option<Best>) {
        let right = self.total - self.rows;
        if self.rows < self.leaf || right < self.leaf || right == 0 {
            return;
        }
        let (mut l, mut r) = (0.0, 0.0);
        for (a, c) in self.left.iter().zip(self.counts) {
            l += f64::from(*a).powi(2);
            r += f64::from(c - a).powi(2);
        }
        let score = l / self.rows as f64 + r / right as f64;
        if best.as_ref().is_none_or(|b| score > b.score) {
            *best = Some(Best {
                score,
                column: self.column,
                bin,
            });
        }
    }
}
