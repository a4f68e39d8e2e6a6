//! What is trained: the family, its configuration, the rows, the weights and the schedule of
//! steps. Everything here is public to all parties except [`Samples`], which stays at its owner.

mod agreed;
mod batches;
mod config;
mod family;
mod samples;
mod schedule;
mod weights;

pub use batches::BatchOrder;
pub use config::{ActivationConfig, Curvature, FitMethod, GlmConfig, Momentum};
pub use family::Family;
pub use samples::Samples;
pub use schedule::{MOMENTUM_UNIT, Schedule, Step};
pub use weights::Weights;
