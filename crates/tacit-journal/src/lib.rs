//! What must survive a crash, in files.
//!
//! - [`FileJournal`]: every input, share and sum of a session, before anything of it is sent.
//! - [`LedgerFile`]: which ciphertext polynomials a key has given a share on, across sessions, and
//!   before the share is sent ([`Ledgered`]).
//! - [`Vault`]: secrets, sealed under a key that the operator supplies.
//!
//! Journal and ledger are the same append-only [`log`]: an entry is there whole or not at all,
//! whatever the moment of a crash, and damage to what was acknowledged is named by file, byte and
//! entry (not to the newest entry together with its mark: that looks as if it had never been finished). An embedded database would do more than is needed here, and its answer to a damaged file
//! is part of its own design, often a panic; a log of this kind fits on a page and is tested with a
//! disk that tears every write.
//!
//! ```
//! use tacit_journal::FileJournal;
//! use tacit_session::simulation::{Simulation, Tally};
//! use tacit_session::{Event, Party, PartyIndex};
//!
//! let folder = tempfile::tempdir()?;
//! let table = Simulation::new(1, 3);
//! let root = PartyIndex::ROOT;
//! let open = || {
//!     let (plan, roster) = (table.plan.digest()?, table.roster()?.digest());
//!     let path = folder.path().join("session.log");
//!     let me = table.key(root).public();
//!     Ok::<_, Box<dyn std::error::Error>>(FileJournal::open(path, plan, roster, &me, 1 << 20)?)
//! };
//! let mut party = Party::new(table.seat(root, 0)?, Tally::new(5, 1), open()?)?;
//! party.handle(Event::Start)?;
//! drop(party); // the process dies
//! let again = Party::new(table.seat(root, 1)?, Tally::new(5, 1), open()?)?;
//! assert_eq!(again.status().round, Some(0)); // and continues where it was
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod error;
mod file;
mod ledger;
pub mod log;
mod medium;
mod session;
mod vault;

pub use error::Error;
pub use ledger::{LedgerEntry, LedgerFile, Ledgered};
pub use medium::Medium;
pub use session::FileJournal;
pub use vault::Vault;
