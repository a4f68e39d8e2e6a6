//! What can go wrong while a network is split, hardened, exported or judged.

use std::path::PathBuf;
#[cfg(feature = "audit")]
use tacit_audit::AuditError;
#[cfg(feature = "audit")]
use tacit_data::DataError;
use tacit_nn::NnError;

/// The errors of this crate. Each names the setting, label, set, file or field at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A setting outside its range.
    #[error("`{name}` is {value}; it must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// Sizes that do not fit each other.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was being measured.
        what: &'static str,
        /// What would fit.
        expected: usize,
        /// What was there.
        found: usize,
    },
    /// A cut the architecture does not have.
    #[error("there is no cut after block {after}; legal cuts: {legal}")]
    Cut {
        /// The block that was asked for.
        after: usize,
        /// Those there are.
        legal: String,
    },
    /// A method that learns from private labels, and none were given.
    #[error("the method `{method}` learns from private labels; give them, or choose another one")]
    PrivateLabels {
        /// The method.
        method: &'static str,
    },
    /// A label that never changes.
    #[error(
        "the private label `{label}` has the value {value} in every row of the {set} set: nothing \
         can be attacked, so nothing can be measured"
    )]
    Constant {
        /// The label.
        label: String,
        /// Its only value.
        value: usize,
        /// Which set.
        set: &'static str,
    },
    /// A class that a set lacks.
    #[error(
        "class {class} of the label `{label}` has no row in the {set} set; give more rows or leave \
         the class out"
    )]
    ClassAbsent {
        /// The label.
        label: String,
        /// The class, from 0.
        class: usize,
        /// Which set.
        set: &'static str,
    },
    /// A label that is not in the data.
    #[error("there is no private label `{label}`; there are: {known}")]
    UnknownLabel {
        /// What was asked for.
        label: String,
        /// What there is.
        known: String,
    },
    /// A feature that no encoder of this manifest can have made.
    #[error("row {row}, feature {column} is {value}; features of this encoder lie in ±{range}")]
    Range {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f32,
        /// The clip.
        range: f32,
    },
    /// A file of a format or version that is not read.
    #[error("{origin}: {reason}")]
    Format {
        /// The file, or what the bytes are.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file whose content is not the one the manifest names.
    #[error(
        "{file} has the hash {found}, but its manifest names {expected}: encoder, head and manifest \
         must come from the same export"
    )]
    Hash {
        /// The file.
        file: String,
        /// What the manifest says.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A manifest that contradicts its files or itself.
    #[error("{origin} says {field} = {found}, expected {expected}")]
    Mismatch {
        /// The file.
        origin: String,
        /// The field.
        field: &'static str,
        /// What it says.
        found: String,
        /// What would fit.
        expected: String,
    },
    /// A line of a stored study that cannot be gone on from.
    #[error("{path}, line {line}: {reason}; mend or remove that line, or begin a new file")]
    Study {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system gave no entropy: {0}")]
    Entropy(String),
    /// The operating system refused a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The network or its data was refused.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The data was refused.
    #[cfg(feature = "audit")]
    #[error(transparent)]
    Data(Box<DataError>),
    /// The audit failed.
    #[cfg(feature = "audit")]
    #[error(transparent)]
    Audit(Box<AuditError>),
}

#[cfg(feature = "audit")]
impl From<DataError> for SplitError {
    fn from(error: DataError) -> Self {
        SplitError::Data(Box::new(error))
    }
}

#[cfg(feature = "audit")]
impl From<AuditError> for SplitError {
    fn from(error: AuditError) -> Self {
        SplitError::Audit(Box::new(error))
    }
}

/// `Ok` when `fine`, else an error that names the setting.
pub(crate) fn setting(
    name: &'static str,
    value: f64,
    fine: bool,
    expected: &'static str,
) -> Result<(), SplitError> {
    if fine {
        Ok(())
    } else {
        Err(SplitError::Setting {
            name,
            value,
            expected,
        })
    }
}
