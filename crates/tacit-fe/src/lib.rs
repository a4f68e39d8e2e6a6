//! Functional encryption of quadratic networks: a key reveals f(x) and nothing else of x.

#![deny(unsafe_code)]

pub mod authority;
mod digest;
pub mod dlog;
mod error;
pub mod evaluator;
#[allow(unsafe_code)]
pub mod group;
pub mod model;
pub mod scheme;

pub use authority::{Authority, AuthorityError, Policy, Unlock};
pub use dlog::{DlogError, DlogTable, TableSize};
pub use error::{FeError, PointFault};
pub use evaluator::{Calibration, Evaluator};
pub use model::{Bounds, IntegerModel, Interval, ModelError, ModelHash, Quantisation, Quantised};
pub use scheme::{
    Ciphertext, Encryptor, EvaluationPlan, FunctionalKey, GenericGroup, MasterSecret, PublicKey,
    PublicKeyHash, QuadraticFe, StandardModel, Timing,
};
