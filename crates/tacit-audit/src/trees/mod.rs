//! Decision trees on binned features, for the forest and for boosting.
//!
//! Features are cut into at most 256 bins at quantiles of the training rows, so that a split is
//! found in one pass over the rows of a node (Ke et al., "LightGBM", NeurIPS 2017). On continuous
//! features of tens of thousands of rows this costs no accuracy that could be measured.
//!
//! Measured against scikit-learn 1.9 in `docs` of [`crate::attackers`].

mod bins;
mod boost;
mod forest;

pub(crate) use bins::{Binned, Bins};
pub(crate) use boost::{BoostSettings, Boosted};
pub(crate) use forest::{Forest, ForestSettings};

/// A node: a split, or a leaf with an index into the tree's values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node {
    /// Rows whose bin is at most `bin` go left.
    Split {
        column: u32,
        bin: u8,
        left: u32,
        right: u32,
    },
    /// Values of the leaf start here.
    Leaf { value: u32 },
}

/// A tree whose leaves hold one number per output.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) values: Vec<f32>,
    pub(crate) outputs: usize,
}

impl Tree {
    /// The values of the leaf that `row` falls into.
    pub(crate) fn leaf(&self, row: &[u8]) -> &[f32] {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Split {
                    column,
                    bin,
                    left,
                    right,
                } => {
                    at = if row[column as usize] <= bin {
                        left
                    } else {
                        right
                    } as usize;
                }
                Node::Leaf { value } => {
                    let from = value as usize;
                    return &self.values[from..from + self.outputs];
                }
            }
        }
    }
}
