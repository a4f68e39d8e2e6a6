//! Plaintext networks and their training.
//!
//! Plain data in, plain data out: a [`Matrix`] of `f32` rows and labels go in, a trained
//! [`Network`] and its predictions come out. The tensors underneath are those of
//! [`burn`], which is re-exported for those who write their own training loop.
//!
//! | module | holds |
//! |---|---|
//! | [`matrix`] | rows and labels, and their way into tensors |
//! | [`draws`] | every random number of this crate: initial weights, order of rows, dropout |
//! | [`network`] | [`QuadraticNetwork`], [`Mlp`], [`VectorCnn`] |
//! | [`layered`] | [`Layered`]: networks of blocks, residual ones too, that can be cut in two |
//! | [`train`] | the optimiser, its schedule, a resumable [`Trainer`] and [`fit`] |
//! | [`predict`] | logits, classes and probabilities in batches; accuracy |
//! | [`store`] | safetensors, checkpoints, ONNX |
//!
//! ```
//! use tacit_nn::{Draws, Matrix, Mlp, Recipe, Samples, fit, predict};
//!
//! // Two clouds around (−1, 0) and (1, 0).
//! let mut draws = Draws::new(7, "example");
//! let labels: Vec<usize> = (0..400).map(|i| i % 2).collect();
//! let values = labels
//!     .iter()
//!     .flat_map(|&l| [2.0 * l as f32 - 1.0 + 0.3 * draws.normal(), draws.normal()])
//!     .collect();
//! let samples = Samples::new(Matrix::new(400, 2, values)?, labels, 2)?;
//!
//! let network = Mlp::new(&[2, 16, 2], 0.0, &mut Draws::new(1, "initial weights"))?;
//! let recipe = Recipe { epochs: 20, batch: 32, ..Recipe::default() };
//! let fitted = fit(network, &samples, None, &recipe, |_| {})?;
//! let classes = predict::classes(&fitted.network, samples.features())?;
//! assert!(predict::accuracy(&classes, samples.labels())? > 0.98);
//! # Ok::<(), tacit_nn::NnError>(())
//! ```
//!
//! # What is promised
//! - The same seed, data and recipe give the same weights, bit by bit, on the same kind of
//!   processor. No random number is drawn by the tensor library, whose generator is shared by all
//!   threads of a process.
//! - A network that is read from a file has every tensor, of the right shape and finite, or there
//!   is an error that names the tensor.
//!
//! # Limits
//! First-order gradients, `f32`, one processor. Floating-point sums may be grouped differently on
//! processors with other vector units, so weights differ there in their last bits.

#![forbid(unsafe_code)]

pub mod draws;
pub mod error;
pub mod layered;
pub mod matrix;
mod module_path;
pub mod network;
pub mod predict;
pub mod store;
pub mod train;

pub use burn;
pub use draws::Draws;
pub use error::NnError;
pub use layered::{Architecture, Layered};
pub use matrix::{Matrix, Samples};
pub use network::{Mlp, Network, QuadraticNetwork, VectorCnn};
pub use train::{Fitted, Optimiser, Progress, Recipe, Rule, Schedule, Trainer, fit};

use burn::tensor::Device;

/// Where tensors live when no gradient is wanted.
pub fn plain_device() -> Device {
    Device::flex()
}

/// Where tensors live while a network is trained.
pub fn training_device() -> Device {
    Device::flex().autodiff()
}
