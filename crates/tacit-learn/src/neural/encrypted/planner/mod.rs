//! The planner: the cheapest plan that is secure, precise and accurate enough, and what it will cost.
//!
//! A plan's price is a sum of counts times unit costs:
//!
//! ```text
//! bill of a round   = { operation at a level → how often }      from the layout, exactly as it is run
//! unit costs        = { operation at a level → seconds }        measured here, or read from a file
//! wall of a round   = (N·share + (N−1)·fold + root) / C + (1 − 1/C)·share + serial      on one machine of C cores
//!                   = share + root / cores + serial + (N−1)·fold + bytes / bandwidth + 2·latency     apart
//! ```
//!
//! (POSEIDON, Sav et al., NDSS 2021, section V-D, chooses its parameters by such a constrained optimisation.) Constraints
//! come before prices: the modulus is within the table of 128-bit security at its degree, with refresh masks of λ_s bits and a
//! union over all refreshes of the plan; the noise that one iteration leaves in the weights, followed operation by operation,
//! stays below what the outputs' tolerance allows; and the plaintext twin reaches the wanted figure, which says how many
//! iterations a batch takes.
//!
//! ```
//! use tacit_learn::neural::MlpConfig;
//! use tacit_learn::neural::encrypted::planner::*;
//!
//! let config = MlpConfig::new(&[784, 64, 64, 10]);
//! let task = Task {
//!     rows: vec![6_000; 10],
//!     lambda_s: 64,
//!     setting: Setting::Together { cores: 2 },
//!     tolerance: 0.02,
//!     config: config.clone(),
//! };
//! let space = Space { slots: vec![1 << 14], batch: vec![64], ..Space::around(&config) };
//! // `measure` in place of prices that nothing was measured for.
//! let mut units = |plan: &_| Ok(UnitCosts::reckoned(Workload::of(plan)));
//! let choice = choose(&task, &space, Goal::Samples, &mut units)?;
//! println!("{}", choice.to_text(5));
//! # Ok::<(), tacit_learn::encrypted::EncryptedError>(())
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `operation` | kinds of work, and bills of them |
//! | `rounds` | the bill of every round |
//! | `units` | unit costs, saved and loaded |
//! | `calibrate` | measuring this machine |
//! | `cost` | bills priced: processor and wall seconds, bytes, memory |
//! | `precision` | the noise of an iteration |
//! | `candidates`, `choose` | what is compared, and the choice |
//!
//! Limits: the levels between two refreshes and their places are the circuit's and the same for every candidate; the division
//! of wall time by cores takes shares and the root's sums as evenly spread; memory is an estimate; the iterations that an early
//! stop saves are not foreseen.

mod calibrate;
mod candidates;
mod choose;
mod cost;
mod operation;
mod precision;
mod rounds;
mod units;

pub use calibrate::measure;
pub use candidates::{Candidate, Space};
pub use choose::{Choice, Compared, Goal, Task, Verdict, choose};
pub use cost::{PlanCost, RoundCost, Setting};
pub use operation::{Bill, Kind, Operation};
pub use precision::{needed as precision_needed, of as precision_of};
pub use rounds::{
    RoundBill, error as error_bills, iteration as iteration_bills, keys as key_bills,
    model as model_bills,
};
pub use units::{Calibration, UnitCosts, Workload};
