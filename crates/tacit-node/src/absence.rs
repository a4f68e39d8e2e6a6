//! Going on without a party that stays away, where the plan has a threshold: who decides, and how the others hear of it.
//!
//! ```text
//!   root                                         another party
//!   late: somebody is silent past the deadline   late: no next round from the root
//!     hears who is here, for one retry period  ◄──── "absence/here"
//!     too few are left: waits on, as before      ────► "absence/stay"
//!     t or more: leaves the session, replays its journal,
//!     keeps the record, begins the next attempt  ────► "absence/go-on", the record
//!                                                      leaves, keeps the record, joins
//! ```
//!
//! A record says with which session of the plan the attempt begins ([`GoOn`]); it is on the disk before anything of the
//! attempt is. A party that was away hears of it when it calls: if it takes no part, it stops and says so.
//! Everything goes through the hub, signed, in a room of its own.

mod record;
mod watch;

pub(crate) use record::{GoOn, Records};
pub(crate) use watch::{Verdict, Watch, Who};
