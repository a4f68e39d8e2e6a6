//! Predictions of encrypted networks: model and query both encrypted under the collective key, answers readable by
//! the querier alone.
//!
//! A query of up to 192 samples goes through the network in a few rounds. Between the layers the parties refresh it
//! together; the last layer's output is flooded by every party and switched to the querier's key. The
//! parameters and the keys are those of the training.
//!
//! | file | holds |
//! |---|---|
//! | `plan` | levels, scales, masks, flooding |
//! | `query` | what a querier does |
//! | `circuit` | the root's arithmetic, and what it costs |
//! | `party`, `root` | what a party does in each round: [`ServingParty`] implements [`tacit_session::Application`] |
//! | `local` | all parties in one process |
//!
//! # What answers give away
//!
//! Answers are f(x) of an unknown f, and enough of them determine it: `max_answers` of the plan limits
//! them. Parties learn how many queries there were, and when. Somebody who deviates can do more: a querier whose inputs are
//! out of bounds makes masks too narrow for its own predictors, and whoever computes (the root) is trusted to compute
//! what was agreed, as in training.

mod circuit;
pub mod local;
mod party;
mod plan;
mod query;
mod root;

pub use circuit::{ServingCost, ServingModel};
pub use party::{ServingParty, ServingStep, TrainedModel, WAVE};
pub use plan::{INPUT_BITS, ServingPlan};
pub use query::{Introduction, Querier, Query};
