//! The head of a split network as a service: features in, logits or classes out.
//!
//! ```text
//!   client                                        server
//!   encoder ─▶ features ─▶ Client::query ══TLS══▶ admission ─▶ rate ─▶ message ─▶ repeats ─┐
//!                                                                                          ▼
//!   classes ◀─ Answer ◀── version checked ◀══════ answer or refusal ◀─ Head ◀─ batch ◀─ queue
//! ```
//!
//! ```
//! # #[cfg(feature = "service")] {
//! use std::time::Duration;
//! use tacit_serve::{
//!     Answer, Answers, Authority, ClientSettings, Clients, Dense, DenseHead, Encoding, FeatureRule,
//!     Limits, Model, ModelVersion, Proof, Server, Settings, blocking,
//! };
//!
//! // Two features, three classes; the version is the hash of the manifest of encoder and head.
//! let weights = vec![1.0, 0.0, -1.0, 0.0, 1.0, -1.0];
//! let head = DenseHead::new(vec![Dense { weights, bias: vec![0.0; 3] }])?;
//! let rule = FeatureRule::new(2, 4.0, Encoding::Float)?;
//! let version = ModelVersion([7; 32]);
//!
//! // An authority in memory; a lasting service has certificates from elsewhere.
//! let authority = Authority::generate("example authority", Duration::from_secs(3600))?;
//! let server = Server::start(
//!     Settings {
//!         address: "127.0.0.1:0".parse()?,
//!         operator: None,
//!         credentials: authority.server(&["localhost"])?,
//!         clients: Clients::Certificates {
//!             authorities: vec![authority.certificate()],
//!             revoked: vec![],
//!         },
//!         answers: Answers::Classes,
//!         limits: Limits::default(),
//!     },
//!     Model::new(head, version, rule)?,
//! )?;
//!
//! let client = blocking::Client::new(ClientSettings {
//!     address: server.address().to_string(),
//!     server_name: "localhost".into(),
//!     authorities: vec![authority.certificate()],
//!     proof: Proof::Certificate(authority.client("clinic-a")?),
//!     model: version,
//!     rule,
//!     timeout: Duration::from_secs(10),
//!     max_answer_bytes: 1 << 20,
//! })?;
//! let answer = client.query(&[0.5, 2.0, -3.0, -1.0])?;
//! assert_eq!(answer, Answer::Classes(vec![1, 2]));
//! assert!(server.shutdown());
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What a request must satisfy is in [`message`], what anybody may have in `Limits`, and why
//! something was not answered in [`Code`], whose numbers and names stay. Without the feature `service`
//! (on by default) there are only the messages.
//!
//! *Limits.* The server sees the features: what they say about the input is for the encoder's
//! defence to decide, not for this crate. Answers say something about the features, and many
//! answers something about the head. A client under two names has two shares of the server.
#![forbid(unsafe_code)]
// What only the service uses.
#![cfg_attr(not(feature = "service"), allow(dead_code))]

mod dense;
mod error;
pub mod message;
mod model;
mod refusal;
#[cfg(feature = "service")]
mod service;

pub use dense::{Dense, DenseHead};
pub use error::Error;
pub use message::Answer;
pub use model::{Encoding, FeatureRule, Head, HeadError, Model, ModelVersion};
pub use refusal::{Code, Refusal};
#[cfg(feature = "service")]
pub use service::{
    Answers, Authority, Client, ClientSettings, Clients, Credentials, Limits, Metrics, Proof,
    RepeatGuard, Repeats, Serial, Server, Settings, Token, TokenList, blocking,
    certificates_to_pem, read_certificates,
};

/// Where requests are posted.
pub const PATH: &str = "/v1/answer";
