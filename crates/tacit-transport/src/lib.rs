//! Moves opaque frames between parties.
//!
//! A transport drives [`Party`](tacit_session::Party) state machines: it delivers frames, keeps
//! time, and gives processors to the parties that have something to compute. It cannot forge or
//! alter a frame (they are signed end to end), and may lose, repeat and reorder them: exactly-once
//! effects come from the session.
//!
//! [`memory`] runs all parties of a session in one process; `grpc` (feature `grpc`) runs one party
//! each in a process of its own.

mod error;
#[cfg(feature = "grpc")]
pub mod grpc;
pub mod memory;

pub use error::Error;
