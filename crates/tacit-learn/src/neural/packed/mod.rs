//! Where the numbers of a network's training sit in ciphertexts, and the operations on them.
//!
//! # The layout
//!
//! A ciphertext of S slots is a table of H rows (neurons, padded to a power of two) and B = S/H columns;
//! slot = row·B + column. A rotation by k·B turns the rows, cyclically; a rotation by k moves columns, and
//! what leaves a row at one end enters the next one at the other: so the last H columns are kept empty (the
//! *guard*), and nothing that matters is ever read across the end of a row.
//!
//! Of the other columns, a party's batch of b samples takes a *block* of b; C = ⌊(B − H)/b⌋ blocks fit. Hidden
//! layers work on all parties' samples at once, C parties a ciphertext.
//!
//! Neurons of a column are *plain* (row r holds neuron r) or *skewed* (row r of column i holds neuron
//! r + i mod H); each layer leads from one side to the other ([`Side`]), and a batch knows its side
//! ([`Columns`]).
//!
//! | | layout |
//! |---|---|
//! | first layer's weights | ciphertext j, column c: input j·C·b + c, skewed; b further columns repeat the first b |
//! | hidden weights | row p, column i: between plain neuron p and skewed neuron p + i mod H, in B/H copies |
//! | biases of hidden layers | in every column in use |
//! | samples | column b·(party mod C) + s of ciphertext ⌊party/C⌋ |
//!
//! # Example
//!
//! ```
//! use tacit_learn::neural::MlpConfig;
//! use tacit_learn::neural::packed::{ColumnLayout, Side};
//!
//! let layout = ColumnLayout::new(&MlpConfig::new(&[784, 64, 64, 10]), 10)?;
//! assert_eq!((layout.groups(), layout.first_ciphertexts()), (4, 5));
//! // 640 samples: 30 rotations a party for the first layer, 119 for a hidden layer.
//! let party = layout.forward_counts();
//! assert_eq!(party.hoisted + party.rotations, 30);
//! let hidden = layout.apply_counts(Side::Skewed);
//! assert_eq!(hidden.hoisted + hidden.rotations, 119);
//! # Ok::<(), tacit_learn::Error>(())
//! ```

mod bias;
mod convolution;
mod engine;
mod first;
mod hidden;
mod layout;
mod maps;
mod predict;
mod prepared;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;

pub use bias::sum_columns;
pub use convolution::{ConvolutionLayout, EncodedPatches};
pub use engine::{Engine, LayerCounts};
pub use first::{EncodedBatch, spread};
pub use hidden::{Columns, apply, apply_sum, outer};
pub use layout::{ColumnLayout, Side, Split};
pub use maps::SlotMap;
pub use predict::PredictionLayout;
pub use prepared::PreparedLayer;
