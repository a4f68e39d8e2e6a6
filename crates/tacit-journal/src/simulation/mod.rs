//! Whole sessions on disks that tear, decay and go back in time: for tests.
//!
//! [`Site`] is a room of machines, one per party, to be used with
//! [`Simulation::run_on`](tacit_session::simulation::Simulation::run_on): real journals and ledgers over a
//! [`Disk`] in memory, whose [`Power`] fails at any operation. [`Actors`] bring what runs on them:
//! applications with their secrets, what is watched whenever a frame leaves, and what else happens to
//! disks, such as an operator who restores a backup.

mod disk;
mod site;

pub use disk::{Disk, Power};
pub use site::{Actors, DiskJournal, Disks, Site};
