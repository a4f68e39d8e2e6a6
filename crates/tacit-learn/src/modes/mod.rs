//! What the encrypted model is compared with.
//!
//! - [`pooled`]: all rows in one place, in the clear. For a linear model its optimum is the best there is, the bar
//!   for collaboration under encryption; for a network, the same training without parties.
//! - [`local`]: each party alone, the alternative without collaboration.
//! - [`averaged`]: local training and plain averages of the models (FedAvg), the alternative without encryption.

pub mod averaged;
pub mod local;
pub mod pooled;
mod solver;
