//! Collaborative training and prediction: several parties fit one model on all their rows,
//! no row leaves its owner, and nobody sees the weights.
//!
//! # The rooms of this crate
//!
//! | module | holds |
//! |---|---|
//! | [`model`] | what is trained: [`Family`](model::Family), [`GlmConfig`](model::GlmConfig), rows, weights, step schedule |
//! | [`activation`] | polynomial stand-ins for the link's mean function, fitted here, with error and range reports |
//! | [`packing`] | where every number sits in a ciphertext, the plaintext diagonals, a slot simulator and operation counts |
//! | [`twin`] | the packed algorithm on `f64`: predicts accuracy, tests the encrypted path |
//! | [`neural`] | networks of dense layers: configuration, plaintext twin, packing, training and prediction under encryption |
//! | [`modes`] | what the encrypted model is compared with: pooled data, each party alone, plain averaging |
//! | [`metrics`] | accuracy, AUC, log-loss, RMSE, deviance, mean ± sd |
//! | [`synthetic`] | a fixed generator of correlated data for scale experiments |
//!
//! # The algorithm, once
//!
//! With weights `w` encrypted and rows `X, y` in plaintext at their owner, one iteration is
//!
//! ```text
//! every party   U = X·w                 plaintext diagonals × rotations of ct(w)     (packing)
//!               E = act(U) − y          act: low-degree polynomial                   (activation)
//!               G = Xᵀ·E                transposed diagonals; re-randomised and sent
//! tree          ΣG                      sums of ciphertexts
//! root          g = fold(ΣG)            rotations inside one ciphertext
//!               x' = y − η (g/n + λ y)  y' = x' + β (x' − x)                         (model::Schedule)
//! everybody     refresh(x')             the only interactive step
//! ```
//!
//! The twin runs the same lines on `f64`. What it reports (accuracy per iteration, the largest
//! |u|, the share of samples outside the activation's interval) is what the encrypted run will
//! do, up to the noise of the encryption.
//!
//! # Example
//!
//! ```
//! use tacit_learn::model::{Family, GlmConfig};
//! use tacit_learn::{metrics, modes, synthetic, twin};
//!
//! let data = synthetic::Ar1Logistic::new(8, 0.5, 0.1, 7)?.draw(3_000)?;
//! let (train, test) = data.split_at(2_400)?;
//! let parties = train.deal(3)?;
//!
//! let config = GlmConfig::new(Family::Logistic, 8);
//! let run = twin::train(&config, &parties)?;
//! let pooled = modes::pooled::optimum(&parties, Family::Logistic, config.l2)?;
//!
//! let ours = metrics::evaluate(Family::Logistic, &run.weights, &test)?;
//! let best = metrics::evaluate(Family::Logistic, &pooled, &test)?;
//! assert!(ours.accuracy.unwrap() > best.accuracy.unwrap() - 0.02);
//! assert!(run.range.share_outside() < 0.01);
//! # Ok::<(), tacit_learn::Error>(())
//! ```

pub mod activation;
pub mod encrypted;
mod error;
pub mod metrics;
pub mod model;
pub mod modes;
pub mod neural;
pub mod packing;
pub mod synthetic;
pub mod twin;

pub use error::Error;
