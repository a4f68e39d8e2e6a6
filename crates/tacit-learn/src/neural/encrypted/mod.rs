//! Training of networks under multiparty encryption.
//!
//! An iteration is a handful of rounds. In the first every party multiplies its batch with the encrypted
//! weights of the first layer and encrypts its labels; the hidden layers of *all* parties' samples
//! are then worked on together by the root, between refreshes that also change layouts; in the last but one every party
//! multiplies its batch with the errors of its own samples, and the sums of these gradients, with those of the
//! hidden layers, move the weights.
//!
//! | file | holds |
//! |---|---|
//! | `plan`, `draft` | parameters, levels, scales |
//! | `script` | which round is which step |
//! | `pointwise` | how activations and heads are evaluated |
//! | `circuit`, `convolution` | the root's arithmetic |
//! | `first` | the first layer, dense or a convolution |
//! | `stop` | errors that are released, and the end they may bring |
//! | `release` | the model at the end, raised and released |
//! | `cost` | operations of an iteration, predicted |
//! | `maps` | the layout changes that ride on refreshes, encoded |
//! | `start` | initial weights, or those of a checkpoint |
//! | `party`, `own`, `root` | what a party does in each round: [`MlpParty`] implements [`tacit_session::Application`] |
//! | [`planner`] | which parameters, ring, batch and activation are the cheapest, and what they cost |
//! | `local` | all parties in one process |

mod circuit;
mod convolution;
mod cost;
mod draft;
mod enter;
mod first;
pub mod local;
mod maps;
mod own;
mod party;
mod plan;
pub mod planner;
mod pointwise;
mod release;
mod root;
mod script;
mod serve;
mod start;
mod stop;

pub use circuit::{HiddenCircuit, Stored};
pub use cost::IterationCost;
pub use draft::{Modulus, ModulusShape};
pub use party::MlpParty;
pub use plan::{MlpEncryption, MlpPlan, VALUE_BITS};
pub use script::MlpStep;
pub use stop::ErrorCost;
