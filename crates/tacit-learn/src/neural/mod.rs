//! Neural networks of dense layers, the first of them a convolution if one likes: what is trained, and its plaintext twin.
//!
//! A network of widths n_0 (inputs), n_1, …, n_L (classes) computes
//!
//! ```text
//! u_1 = W_1ᵀ(x, 1)      u_{l+1} = W_{l+1}ᵀ act(u_l)      class = argmax u_L
//! ```
//!
//! with a polynomial `act` ([`PolynomialActivation`]) and a bias in the first layer, where it is a constant
//! input; the layers above have biases if the configuration says so. The errors go back as e_L = p(u_L) − y, e_l = act'(u_l) ⊙ W_{l+1}e_{l+1}; the gradients are
//! a_{l−1}·e_lᵀ. [`Descent`] is the training on `f64`, in the arithmetic of the encrypted one.
//!
//! POSEIDON (Sav et al., NDSS 2021) trains such networks under multiparty encryption.

mod activation;
mod agreed;
pub mod checkpoint;
mod config;
mod convolution;
pub mod encrypted;
mod gradient;
pub mod packed;
pub mod serving;
mod stop;
mod twin;
mod weights;

pub use activation::{Curve, PolynomialActivation};
pub use config::{Head, MlpConfig, Rate, StepMomentum};
pub use convolution::Convolution;
pub use gradient::BatchGradient;
pub use stop::EarlyStop;
pub use twin::{Descent, MlpProgress, train_mlp};
pub use weights::{Matrix, MlpWeights};
