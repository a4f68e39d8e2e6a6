//! What stops a node, and what to do about it.

use std::path::{Path, PathBuf};

use crate::policy::Refusal;

/// A node that cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A configuration, policy or approval that cannot be understood.
    #[error("{what}: {problem}; correct it and start again")]
    Config {
        /// Which file, or which variable.
        what: String,
        /// What is wrong.
        problem: String,
    },
    /// The plan breaks rules of this site.
    #[error("this site's policy refuses the plan: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refusal>),
    /// This site has not signed this plan with this roster.
    #[error(
        "the approval is for plan {approved}, the plan here is {found}; read it with `tacit plan \
         check` and sign it with `tacit plan sign`, or restore the plan that was signed"
    )]
    NotApproved {
        /// Digest in the approval.
        approved: String,
        /// Digest of the plan at hand.
        found: String,
    },
    /// The plan asks for what this version cannot run between sites.
    #[error("plan: {field}: {problem}; {remedy}")]
    Plan {
        /// Field of the plan.
        field: &'static str,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// This site stayed away past the deadline.
    #[error(
        "the others go on without this site since attempt {attempt}: {with}; it takes no part in this plan any more, unless \
         they stay away, too; its journal and its ledger stay what they are"
    )]
    GoneOn {
        /// Who goes on.
        with: String,
        /// How many attempts there were.
        attempt: u32,
    },
    /// The root refuses a query.
    #[error("the query is refused: {why}")]
    QueryRefused {
        /// The rule, in the root's words.
        why: String,
    },
    /// No answer came in time.
    #[error("no answer in {seconds} s; see whether all nodes run, and ask again")]
    Unanswered {
        /// How long was waited.
        seconds: u64,
    },
    /// The log of releases cannot be believed.
    #[error(
        "{path}, line {line}: {problem}; keep the file as evidence and find out who changed it"
    )]
    ReleaseLog {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// This site's rows.
    #[error("the rows of `{site}`: {source}")]
    Data {
        /// Whose.
        site: String,
        /// What is wrong.
        source: Box<tacit_data::DataError>,
    },
    /// Identity or roster.
    #[error(transparent)]
    Identity(#[from] tacit_identity::Error),
    /// This site's certificate is not let in.
    #[error(transparent)]
    Certificate(#[from] tacit_identity::Refusal),
    /// Journal, ledger or vault.
    #[error(transparent)]
    Journal(#[from] tacit_journal::Error),
    /// Sealed files.
    #[error(transparent)]
    Seal(#[from] tacit_seal::SealError),
    /// Plan, seat or state machine.
    #[error(transparent)]
    Session(#[from] tacit_session::Error),
    /// The connection to the others.
    #[error(transparent)]
    Transport(#[from] tacit_transport::Error),
    /// The model of the plan.
    #[error(transparent)]
    Model(#[from] tacit_learn::Error),
    /// The encryption of the plan.
    #[error(transparent)]
    Encryption(#[from] tacit_learn::encrypted::EncryptedError),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Entropy(#[from] tacit_ring::RingError),
}

impl Error {
    /// Whether the operator ended the node, and nothing is wrong.
    pub fn is_stop(&self) -> bool {
        matches!(
            self,
            Self::Transport(tacit_transport::Error::Stopped { .. })
        )
    }

    pub(crate) fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn config(what: impl Into<String>, problem: impl ToString) -> Self {
        Self::Config {
            what: what.into(),
            problem: problem.to_string(),
        }
    }
}
