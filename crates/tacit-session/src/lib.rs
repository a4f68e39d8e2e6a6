//! Who takes part, what they agreed, what was said: protocol sessions without input or output.
//!
//! A session is one execution of a [`Plan`] by the parties of a [`Roster`], each of which has
//! signed both ([`Approval`]). What it computes is an [`Application`]: a sequence of rounds in
//! which the root broadcasts a public input, every party answers with a share, shares are summed
//! up a tree ([`Topology`]) and the root finishes. [`Party`] is the state machine of one party. It
//! turns [`Event`]s into [`Action`]s; moving frames, keeping time and storing the [`Journal`] are
//! the business of whoever drives it.
//!
//! ```
//! use std::collections::VecDeque;
//! use tacit_session::simulation::{Simulation, Tally};
//! use tacit_session::{Action, Event, MemoryJournal, Party, PartyIndex};
//!
//! // Three parties with a secret number each; `Tally` adds them up in two rounds.
//! let table = Simulation::new(1, 3);
//! let mut parties = Vec::new();
//! for i in 0..3 {
//!     let app = Tally::new(10 + u64::from(i), 2);
//!     parties.push(Party::new(table.seat(PartyIndex(i), 0)?, app, MemoryJournal::new())?);
//! }
//!
//! // The whole transport: a queue.
//! let mut wire = VecDeque::from_iter((0..3).map(|i| (i, Event::Start)));
//! while let Some((to, event)) = wire.pop_front() {
//!     let party = &mut parties[to];
//!     party.handle(event)?;
//!     while party.has_work() {
//!         party.work()?;
//!     }
//!     while let Some(action) = party.poll_action() {
//!         if let Action::Send { to, frame } = action {
//!             wire.push_back((to.as_usize(), Event::Frame(frame)));
//!         }
//!     }
//! }
//!
//! assert!(parties.iter().all(|p| p.status().done));
//! for app in parties.into_iter().map(Party::into_application) {
//!     assert_eq!(app.totals(), Tally::expected(&[10, 11, 12], 2));
//! }
//! # Ok::<(), tacit_session::Error>(())
//! ```
//!
//! What holds whatever the network and the machines do (the [`simulation`] tests it):
//!
//! - **No share twice with different bytes.** A share is journaled before it is handed out and a
//!   lost one is answered from the journal; one round has one input.
//! - **A bad frame changes nothing.** Truncated, forged, replayed, of another session, round or
//!   sender: each is a named [`Fault`] or [`DecodeError`], and the session goes on.
//! - **A crash loses nothing that was acknowledged.** A party made anew from its journal continues
//!   with the step after the last record.
//! - **Nobody runs with another's view.** Session id and common random string depend on a fresh nonce of everyone
//!   who takes part and on who that is: where some go on without others ([`Continuation`]), all of them sign it.
//! - **Secrets stay inside.** A party owns its application and its signing key by value and lends
//!   them to nobody.

mod application;
mod approval;
mod codec;
mod continuation;
mod digest;
mod error;
pub mod evidence;
mod frame;
mod identity;
mod journal;
mod machine;
pub mod opening;
mod party_set;
mod payload;
pub mod plan;
mod roster;
pub mod simulation;
pub mod topology;

pub use application::{Application, Next, RoundId, RoundInput, SessionContext};
pub use approval::Approval;
pub use continuation::Continuation;
pub use digest::{Digest, DigestWriter};
pub use error::{BoxedError, DecodeError, Error, Fault, Misbehaviour};
pub use frame::{
    FRAME_VERSION, Frame, FrameKind, HEAD_PREFIX, Header, Label, ShareClaim, SignedHeader,
};
pub use identity::{Attestation, IdentityKey, PublicKey};
pub use journal::{AggregateBytes, Journal, MemoryJournal, NoJournal, Record};
pub use machine::{Action, Event, Party, ROUND_FIRST, ROUND_OPEN, ROUND_START, Seat, Status};
pub use opening::Nonce;
pub use party_set::{PartyIndex, PartySet};
pub use payload::Payload;
pub use plan::Plan;
pub use roster::{MAX_PARTIES, Member, Role, Roster};
pub use topology::Topology;
