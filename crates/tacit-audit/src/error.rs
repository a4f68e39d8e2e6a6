//! What can go wrong in an audit.

use tacit_fe::ModelError;
use tacit_nn::NnError;

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Two sets of rows that do not belong together.
    #[error("{what}: {found} in the {set} set, {expected} in the training set")]
    Sets {
        /// What differs.
        what: &'static str,
        /// Which set differs.
        set: &'static str,
        /// What the training set has.
        expected: usize,
        /// What this set has.
        found: usize,
    },
    /// Fewer rows than an attack can be judged on.
    #[error("the {set} set has {rows} rows; at least {least} are needed")]
    TooFew {
        /// Which set.
        set: &'static str,
        /// Its rows.
        rows: usize,
        /// The least it may have.
        least: usize,
    },
    /// A private label that does not vary.
    #[error(
        "the private label has the value {class} in every row of the training set: nothing can be attacked"
    )]
    OneClass {
        /// The value.
        class: usize,
    },
    /// A parameter outside its range.
    #[error("`{name}` is {value}; it must be {expected}")]
    Setting {
        /// The parameter.
        name: &'static str,
        /// Its value.
        value: usize,
        /// What it may be.
        expected: &'static str,
    },
    /// A suite without attackers.
    #[error("the suite has no attackers; a maximum over none says nothing")]
    NoAttackers,
    /// A network attacker or the data failed.
    #[error("attacker `{attacker}`: {source}")]
    Network {
        /// Which attacker.
        attacker: &'static str,
        /// What failed.
        #[source]
        source: Box<NnError>,
    },
    /// The data was refused.
    #[error(transparent)]
    Data(#[from] NnError),
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
    /// Rows without height and width, where pictures are needed.
    #[error(
        "rows are {height} high and {width} wide; only pictures can be reconstructed: give the \
         shape of the rows"
    )]
    NotPictures {
        /// Height.
        height: usize,
        /// Width.
        width: usize,
    },
    /// A source of features that failed.
    #[error("the source of features: {reason}")]
    Source {
        /// What it said.
        reason: String,
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
