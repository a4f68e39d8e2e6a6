//! What models, features and outputs leak, measured by attackers with honest floors.
//!
//! An attacker is given rows with the private label, learns, and is then asked for the label of
//! rows it has not seen. One attacker that fails proves little, since another may succeed:
//! an [`AttackSuite`] sends families that fail for different reasons, and reports the **maximum** of
//! their accuracies on the test rows beside the base rate. Taking the maximum on the test rows
//! flatters the attackers a little (with a dozen of them by about one standard error), which is the
//! side to err on; [`AttackReport::chosen_on_validation`] is the figure without that optimism.
//!
//! | family | what it sees |
//! |---|---|
//! | majority | nothing: the floor |
//! | logistic, of degree 1, 2 and 3 | smooth boundaries; degree 2 includes any two Gaussians |
//! | linear and kernel support vectors | margins; the kernel, any smooth boundary |
//! | nearest neighbours | any density, in few dimensions |
//! | random forest, gradient boosting | steps and interactions, no matter how features are scaled |
//! | dense and convolutional networks | what the other families do not |
//!
//! [`features`] sends these families to the features of split inference, with the views that undo
//! defences. [`inversion`] and [`reconstruction`] ask the other question: not for a label, but for the
//! input, from features and from the outputs of functional keys.
//!
//! ```
//! use tacit_audit::AttackSuite;
//! use tacit_nn::{Draws, Matrix, Samples};
//!
//! # fn main() -> Result<(), tacit_audit::AuditError> {
//! // The private label moves the first feature a little.
//! let mut draws = Draws::new(7, "example");
//! let mut deal = |rows: usize| {
//!     let labels: Vec<usize> = (0..rows).map(|_| draws.below(2)).collect();
//!     let values = labels.iter().flat_map(|&l| [draws.normal() + l as f32, draws.normal()]);
//!     Ok::<_, tacit_nn::NnError>(Samples::new(Matrix::new(rows, 2, values.collect())?, labels, 2)?)
//! };
//! # let (a, b, c) = (deal(300), deal(150), deal(150));
//! # let (train, validation, test) = (a?, b?, c?);
//! # let _ = "
//! let (train, validation, test) = (deal(300)?, deal(150)?, deal(150)?);
//! # ";
//! let report = AttackSuite::quick().run(&train, &validation, &test, 1, |_| {})?;
//! assert!(report.best().accuracy > report.base_rate);
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

pub mod attacker;
pub mod attackers;
pub mod error;
pub mod features;
pub mod inversion;
mod linear;
pub mod reconstruction;
pub mod report;
mod standard;
pub mod suite;
mod trees;
pub mod vote;

pub use attacker::{Attacker, Budget, FittedAttacker};
pub use error::AuditError;
pub use features::{Effort, FeatureSource, LeakReport, LeakStudy, Private, Subjects};
pub use report::{Attack, AttackReport, wilson};
pub use suite::{AttackSuite, Step};
pub use vote::{VotePoint, majority_vote, vote_in_groups};
