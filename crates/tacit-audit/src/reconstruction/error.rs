//! What can go wrong with a reconstruction.

use tacit_fe::ModelError;

/// Errors of the reconstruction attack.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReconstructionError {
    /// Images, labels or measurements that do not fit together.
    #[error("{what}: {found}, expected {expected}")]
    Shape {
        /// What does not fit.
        what: &'static str,
        /// The number found.
        found: usize,
        /// The number expected.
        expected: usize,
    },
    /// An output that no input has under the probing model.
    #[error("output {index} of the probing model is {value}, which is not a square")]
    NotASquare {
        /// Which output.
        index: usize,
        /// Its value.
        value: i64,
    },
    /// The linear program was not solved.
    #[error("the linear program over {measurements} measurements has no solution: {reason}")]
    Unsolved {
        /// Number of measurements.
        measurements: usize,
        /// What the solver said.
        reason: String,
    },
    /// The probing model was refused.
    #[error(transparent)]
    Model(#[from] ModelError),
}
