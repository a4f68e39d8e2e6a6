//! Functional encryption of quadratic networks: a key reveals f(x) and nothing else of x.

mod error;
pub mod model;

pub use error::FeError;
pub use model::{Bounds, IntegerModel, Interval, ModelError, ModelHash, Quantisation, Quantised};
