//! What can go wrong while a quadratic network is trained, protected or attacked.

use tacit_audit::AuditError;
use tacit_fe::ModelError;
use tacit_nn::NnError;

/// Errors of collateral learning, each with what to change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollateralError {
    /// Pixels and labels that do not belong together.
    #[error("{part}: {found} {what}, {expected} are expected")]
    Length {
        /// Which rows.
        part: &'static str,
        /// What is counted.
        what: &'static str,
        /// Number expected.
        expected: usize,
        /// Number found.
        found: usize,
    },
    /// A label outside the classes.
    #[error("{part}, row {row}: {label} is {found}, labels run from 0 to {last}")]
    Label {
        /// Which rows.
        part: &'static str,
        /// The row.
        row: usize,
        /// `public label` or `private label`.
        label: &'static str,
        /// The label found.
        found: usize,
        /// The largest label.
        last: usize,
    },
    /// No row at all for a pair of labels, so that their outputs cannot be compared.
    #[error(
        "no training row has public label {public} and private label {private}: every pair needs \
         rows, or the outputs of the two private labels cannot be made alike there"
    )]
    EmptyCell {
        /// Public label.
        public: usize,
        /// Private label.
        private: usize,
    },
    /// A setting outside its range.
    #[error("{name} is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The range.
        expected: &'static str,
    },
    /// Training left the numbers.
    #[error("training diverged in {phase}, epoch {epoch}: the loss is {loss}; lower `rate`")]
    Diverged {
        /// Phase of the training.
        phase: &'static str,
        /// Epoch of the phase, from 1.
        epoch: usize,
        /// The loss.
        loss: f32,
    },
    /// A head whose file does not fit.
    #[error("head {file}: {reason}")]
    Head {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A stored result of a study that cannot be read.
    #[error("stored result {file}: {reason}; delete the file to compute it again")]
    Stored {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A network or its training.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The integer model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The attackers.
    #[error(transparent)]
    Audit(#[from] AuditError),
}
