//! The networks of Tacit.
//!
//! Every network takes rows and gives rows: an image is its pixels, row after row, and the network
//! knows the picture's shape. So attackers, heads and encoders can be exchanged freely, and only
//! the data says how wide a row is.
//!
//! Their weights start uniform in ±1/√fan-in (as PyTorch's layers do), drawn from [`Draws`]. Networks
//! that can be cut in two are in [`crate::layered`].

mod layers;
mod mlp;
mod quadratic;
mod vector_cnn;

pub(crate) use layers::uniform;
pub use layers::{conv1d, conv2d, linear};
pub use mlp::Mlp;
pub use quadratic::QuadraticNetwork;
pub use vector_cnn::VectorCnn;

use crate::Draws;
use burn::module::Module;
use burn::tensor::Tensor;

/// A network from rows to rows.
pub trait Network: Module + Sync {
    /// Columns of a row it takes.
    fn inputs(&self) -> usize;

    /// Columns of a row it gives: one per class for a classifier.
    fn outputs(&self) -> usize;

    /// The outputs without their softmax: `[rows, inputs] → [rows, outputs]`.
    fn forward(&self, rows: Tensor<2>) -> Tensor<2>;

    /// The same as it is done in training: with dropout, or normalised by the batch.
    fn forward_training(&self, rows: Tensor<2>, draws: &mut Draws) -> Tensor<2> {
        let _ = draws;
        self.forward(rows)
    }
}
