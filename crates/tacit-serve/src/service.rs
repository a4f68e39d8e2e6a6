//! The two sides of the service, server and client.

mod admission;
mod authority;
mod batch;
pub mod blocking;
mod client;
mod connection;
mod exchange;
mod limits;
mod metrics;
mod operator;
mod repeats;
mod server;
mod signals;
mod tls;

pub use admission::{Clients, Serial, Token, TokenList};
pub use authority::Authority;
pub use client::{Client, ClientSettings, Proof};
pub use limits::{Limits, Repeats};
pub use metrics::Metrics;
pub use repeats::RepeatGuard;
pub use server::{Answers, Server, Settings};
pub use tls::{Credentials, certificates_to_pem, read_certificates};
