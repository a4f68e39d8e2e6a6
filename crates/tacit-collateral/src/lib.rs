//! Collateral learning: quadratic networks whose outputs keep the public label and lose the private one.
//!
//! A server that holds a functional key learns the K outputs f_k(x) = Σ_j D_jk (Px + b)_j² of an
//! encrypted image x, *by design*: they are what it was given the key for. Whatever they say about a
//! second label, such as whose hand wrote the character, it learns as well (Ryffel, Dufour-Sans, Gay,
//! Bach and Pointcheval, "Partially Encrypted Machine Learning using Functional Encryption",
//! NeurIPS 2019). So the network is trained against adversaries that read the private label from its
//! outputs, rounded to integers while it still learns, and attacked afresh when it is done.
//!
//! ```text
//!   Task ──► train(recipe) ──► IntegerModel ──► outputs ──► Head            (what the server may learn)
//!                                                    └────► AttackSuite     (what it learns besides)
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`task`] | images with both labels, in disjoint parts for defender, attackers and test |
//! | [`cells`] | batches with equally many rows of every pair of labels |
//! | [`whitening`] | outputs on the scale of their class |
//! | [`matching`] | the energy distance between private labels, class by class |
//! | [`mod@train`] | network and adversaries, in turns |
//! | [`grid`] | training on the integers' grid |
//! | [`head`] | the public head, its files |
//! | [`measure`] | accuracy and attacks on finished models |
//! | [`study`] | all of it for several output sizes and seeds, resumable |
//!
//! # Limits
//! The defence is empirical: it holds against the attackers that were tried, with the budget they
//! had, on data like the test rows. A server that sees many images known to share a private label
//! adds up what little each gives away ([`measure::Leak::several`]).

#![forbid(unsafe_code)]

pub mod cells;
mod error;
pub mod grid;
pub mod head;
pub mod matching;
pub mod measure;
mod panel;
mod recipe;
pub mod study;
pub mod task;
pub mod train;
pub mod warp;
pub mod whitening;

pub use error::CollateralError;
pub use grid::{INPUT_MAX, integer_inputs};
pub use head::{Head, Outputs};
pub use measure::{Leak, Use, outputs, usefulness};
pub use recipe::{CollateralRecipe, Protection};
pub use study::{Doing, Figures, Judged, Pair, judge, pair};
pub use task::{Part, Task};
pub use train::{EpochEnd, Trained, train};
