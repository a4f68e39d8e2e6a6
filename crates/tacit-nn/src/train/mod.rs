//! Training by stochastic gradients.
//!
//! [`fit`] trains a classifier and is done. [`Trainer`] does the same an epoch at a time and can be
//! stored and resumed. [`Optimiser`] is one step: a loss goes in, a network comes out, and other
//! networks on the path to that loss stay as they are, which is what training against an
//! adversary needs:
//!
//! ```
//! use tacit_nn::burn::tensor::Tensor;
//! use tacit_nn::train::cross_entropy;
//! use tacit_nn::{Draws, Mlp, Network, Optimiser, QuadraticNetwork, Rule, training_device};
//!
//! # fn main() -> Result<(), tacit_nn::NnError> {
//! let mut model = QuadraticNetwork::new(6, 4, 2, &mut Draws::new(1, "model"))?;
//! let mut adversary = Mlp::new(&[2, 8, 2], 0.0, &mut Draws::new(1, "adversary"))?;
//! let (mut of_model, mut of_adversary) = (Optimiser::new(Rule::adam()), Optimiser::new(Rule::adam()));
//! let device = training_device();
//! let x = Tensor::ones([3, 6], &device);
//! let private = tacit_nn::matrix::label_tensor([0, 1, 1].into_iter(), &device);
//!
//! // The adversary learns on outputs that carry no gradient back to the model …
//! let loss = cross_entropy(adversary.forward(model.forward(x.clone()).detach()), private.clone());
//! adversary = of_adversary.step(adversary, &loss, 1e-3)?;
//! // … and the model learns to worsen it. Gradients are made anew by every `step`, so none of the
//! // adversary's are left over, and the adversary does not move here.
//! let loss = cross_entropy(adversary.forward(model.forward(x)), private).neg();
//! model = of_model.step(model, &loss, 1e-3)?;
//! # Ok(()) }
//! ```

mod batches;
mod fit;
mod optimiser;
mod recipe;
mod trainer;

pub use batches::Batches;
pub use fit::{Fitted, fit};
pub use optimiser::{Moments, Optimiser, Rule};
pub use recipe::{Recipe, Schedule};
pub use trainer::{Progress, Trainer, check_samples};

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// The mean over rows of −log softmax(logits)\[label\].
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
    let [rows, _] = logits.dims();
    log_softmax(logits, 1)
        .gather(1, labels.reshape([rows, 1]))
        .mean()
        .neg()
}

/// The value of a loss.
pub fn value(loss: &Tensor<1>) -> f32 {
    crate::matrix::floats(loss.clone())
        .first()
        .copied()
        .unwrap_or(f32::NAN)
}
