//! Split inference: keep the task, lose the rest, prove it.
//!
//! A provider has a deployed classifier; its clients will not send raw data. The network is cut in
//! two. The client runs the first part (the **encoder**) and sends features, the provider runs the
//! second (the **head**). Fine-tuning and noise see to it that features carry the public task and
//! little else, and an audit says how little.
//!
//! ```text
//!  client                                                        server
//!  input ─► encoder ─► normalise, clip ─► + noise ─► k bits ──►  head ─► answer
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`loss`] | penalties that draw features of a class together |
//! | [`noise`] | normaliser, noise bound to inputs, the client's secret, the grid |
//! | [`harden`](mod@harden) | fine-tuning, and the methods it is compared with |
//! | [`client`] | both parts as they are served, noise included |
//! | [`export`] | encoder, head and manifest in files |
//! | [`evaluate`] | methods at matched utility over seeds, resumable |
//! | [`search`](mod@search) | every legal cut: cost × leak × accuracy |
//!
//! # Limits
//! The server is trusted to answer, not to be blind: it sees covered features and holds the encoder.
//! What is promised is what [`evaluate`] measured, for the private labels it was measured on, and
//! nothing about others.

#![forbid(unsafe_code)]

#[cfg(feature = "audit")]
mod audited;
pub mod client;
pub mod error;
#[cfg(feature = "audit")]
pub mod evaluate;
pub mod export;
pub mod harden;
pub mod loss;
pub mod noise;
#[cfg(feature = "audit")]
pub mod search;

pub use client::{ClientEncoder, Deployment, Head};
pub use error::SplitError;
pub use export::{Export, Manifest};
pub use harden::{Hardened, Method, Outcome, Recipe, harden};
#[cfg(feature = "audit")]
pub use search::search;
