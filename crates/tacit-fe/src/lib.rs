//! Functional encryption of quadratic networks: a key reveals f(x) and nothing else of x.

mod error;

pub use error::FeError;
