//! Training and prediction under multiparty encryption.
//!
//! | file | holds |
//! |---|---|
//! | `parameters` | the choice of ring, primes, masks for a training |
//! | `noise` | flooding of everything that is released |
//! | `circuit` | the arithmetic of one iteration, and of a prediction |
//! | `rotations` | which rotations there are, at which levels, and what their keys cost |
//! | `script` | which round is which step |
//! | `keys` | the rounds that generate collective keys, and encryption under them |
//! | `shares` | shares of one or several instances, encoded, added up, finished |
//! | `statistics` | sums released to all parties |
//! | `session` | what a party does in each round: [`GlmParty`] implements [`tacit_session::Application`] |
//! | `query` | a querier's side |
//! | `rows` | a party's rows and their collective standardisation |

mod circuit;
mod error;
pub(crate) mod intern;
pub(crate) mod keys;
pub mod local;
mod noise;
mod parameters;
mod query;
mod rotations;
mod rows;
mod script;
pub(crate) mod sections;
mod session;
pub(crate) mod shares;
pub(crate) mod statistics;

pub use circuit::Circuit;
pub use error::EncryptedError;
pub use keys::KeyStep;
pub(crate) use noise::RELEASED_BITS;
pub use parameters::{EncryptionPlan, WEIGHT_BITS};
pub use query::{Querier, Query, answer_parts};
pub use rotations::{KeyBytes, Rotation, prediction_folds};
pub use rows::{CentredRows, LocalRows};
pub use script::{Script, Step, released};
pub use session::{GlmParty, SessionPlan};
