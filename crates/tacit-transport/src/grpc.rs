//! Parties on different machines: gRPC over mutual TLS, through a hub that all of them dial.
//!
//! ```text
//!   Party ─ frames ─ parcels ─ gRPC ─ TLS ──►  Hub  ◄── TLS ─ gRPC ─ parcels ─ frames ─ Party
//! ```
//!
//! - [`Hub`] relays. It is in the roster, without data and without a share of the key.
//! - [`run`] drives one [`Party`](tacit_session::Party) through the hub to the end of its session,
//!   over as many connections as it takes.
//! - Without a common hub, each site dials its parent in the plan's tree, and parties with children
//!   relay for them ([`Site::listen`]).
//!
//! What the layers protect, and what they do not:
//!
//! - *TLS* keeps the network out: only members of the roster get a word in, and nobody between a
//!   site and the hub reads or changes anything.
//! - *Signatures of frames* keep the hub out: it cannot alter, forge or attribute a frame to another
//!   party. It can lose, delay, repeat and reorder them, which the session is made for.
//! - *The payloads* are encrypted or public by protocol. The hub does see who sends how much, when,
//!   in which kind of round, and it learns what the plan releases to the parties, because the shares
//!   that open it pass through.
//! - *Availability* is the hub's to give: a hub that drops everything stops the session, and no
//!   more than that. Its parties go on with another hub from where they were.

mod census;
mod desk;
mod door;
mod hub;
mod letters;
mod link;
mod parcels;
pub mod shaped;
mod site;
mod stop;
mod thread;
mod tls;
mod traffic;
mod uplink;
mod wire;

pub use census::{Census, RefusalClass};
pub use hub::{Hub, HubEvent, HubLimits};
pub use letters::{Correspondence, Mailbox, correspond};
pub use link::{Reached, reach};
pub use parcels::Complaint;
pub use site::{Site, SiteEvent, SiteOptions, run};
pub use stop::Stop;
pub use thread::HubThread;
pub use traffic::Traffic;

#[cfg(test)]
mod tests;
