//! What a run costs: memory, time per phase, bytes per party and phase.
//!
//! These are the raw materials of most reports. Each knows how to become a [`Table`](crate::Table)
//! and a [`Bars`](crate::Bars) plot, so every command shows them the same way.

mod machine;
mod memory;
mod stopwatch;
mod traffic;

pub use machine::machine_facts;
pub use memory::peak_rss_bytes;
pub use stopwatch::{CpuClock, Elapsed, Phases, Stopwatch};
pub use traffic::{Traffic, TrafficOf};
