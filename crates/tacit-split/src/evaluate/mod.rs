//! What a defence is worth, measured so that it counts.
//!
//! 1. **Four disjoint sets**: the network is trained, validated and hardened on the first, attackers
//!    learn on the second and choose their settings on the third, figures are of the fourth.
//! 2. Attackers see *defended* features, noise included, with true private labels, and hold the
//!    encoder. The figure is the **maximum** over all attackers of [`tacit_audit`].
//! 3. Beside it: the base rate, two **floors** (the private label from the predicted public class;
//!    from all outputs of the head), the **ceiling** (from the raw input), and
//!    (attack − floor)/(ceiling − floor). Where ceiling − floor < 0.1 that quotient is withheld, and
//!    where the private label is a function of the public one there is nothing to protect; both are
//!    said in [`Leak::unscored`].
//! 4. **Matched utility**: each method is tried at several strengths, and one is chosen within a
//!    budget of public accuracy on validation rows. A strength is chosen on a private label that is
//!    *not* reported ([`StudyPlan::tuning`]), or on none.
//! 5. Every seed repeats everything: sets, deployed network, hardening, attacks. [`table`] gives
//!    means with Student's 95 % intervals.
//!
//! [`run`] writes one line of JSON per finished run ([`Records`]) and goes on from a file that holds
//! some of them.
//!
//! # Limits
//! Choosing a strength on seeds of its own ([`StudyPlan::tuning_seeds`]) draws other sets from the
//! same data, not other data. The leak on the tuning label is measured on the same people as that on
//! the reported ones, so a correlation between the labels carries over.

mod candidate;
mod plan;
mod record;
mod statistics;
mod study;
mod table;

pub use candidate::Candidate;
pub use plan::{Effort, StudyPlan, Training};
pub use record::{Group, Leak, Purpose, Record, Records};
pub use statistics::{Estimate, student};
pub use study::{Stage, run};
pub use table::{Line, table};
