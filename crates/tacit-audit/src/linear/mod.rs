//! Linear models on expanded features, fitted by Newton's method.
//!
//! One solver serves logistic regression and support vectors: both minimise
//! Σ ℓ(z_i, y_i)/n + λ‖w‖²/2 over z = Xw, with ℓ the logistic loss or the squared hinge (Chapelle,
//! "Training a support vector machine in the primal", 2007). Expansions are polynomials up to degree
//! 3, and random cosines for the Gaussian kernel (Rahimi and Recht, NIPS 2007).

mod cholesky;
mod expand;
mod newton;

pub(crate) use expand::Expansion;
pub(crate) use newton::{LinearModel, Loss, fit_binary, platt};
