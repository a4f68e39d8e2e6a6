//! What the encrypted model is compared with.
//!
//! - [`pooled`]: all rows in one place, in the clear. Its optimum is the best a linear model can
//!   do, the bar for collaboration under encryption.
//! - [`local`]: each party alone, the alternative without collaboration.

pub mod local;
pub mod pooled;
mod solver;
