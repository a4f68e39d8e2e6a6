//! What must survive a crash, in files.
//!
//! - [`FileJournal`]: every input, share and sum of a session, before anything of it is sent.
//! - [`LedgerFile`]: which ciphertext polynomials a key has given a share on, across sessions, and
//!   before the share is sent ([`Ledgered`]).
//! - [`Vault`]: secrets, sealed under a key that the operator supplies.
//!
//! Journal and ledger are the same append-only [`log`]: an entry is there whole or not at all,
//! whatever the moment of a crash, and damage to what was acknowledged is named by file, byte and
//! entry. An embedded database would do more than is needed here, and its answer to a damaged file
//! is part of its own design, often a panic; a log of this kind fits on a page and is tested with a
//! disk that tears every write.
//!
//! Beside each stands a **mark**: how many entries were written, and their digest, in a second file
//! that belongs on another disk and in no backup. A restored older copy of the one without the other
//! is refused ([`Error::Older`]). An older copy of both, such as a snapshot of the whole machine, is
//! not noticed: then the same requests still give the same bytes, but what the ledger has lost it
//! cannot refuse.
//!
//! The [`simulation`] runs whole sessions on disks that do all this to them.
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
//!     let [file, mark] = ["session.log", "session.mark"].map(|name| folder.path().join(name));
//!     let me = table.key(root).public();
//!     Ok::<_, Box<dyn std::error::Error>>(FileJournal::open(file, mark, plan, roster, &me, 1 << 20)?)
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
mod marked;
mod medium;
mod reading;
mod session;
pub mod simulation;
mod vault;

pub use error::Error;
pub use ledger::{LedgerFile, Ledgered};
pub use medium::Medium;
pub use reading::{Account, JournalReader};
pub use session::FileJournal;
pub use vault::Vault;
