//! What can go wrong between parties, and who is at fault.

use tacit_session::{DecodeError, Fault};

/// A session that did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A party stopped.
    #[error(transparent)]
    Session(#[from] tacit_session::Error),
    /// A party sent what it should not have sent.
    #[error(transparent)]
    Fault(#[from] Box<Fault>),
    /// A party sent bytes that are no frame.
    #[error("`{from}` sent `{to}` bytes that are no frame: {source}")]
    Decode {
        /// Who sent them.
        from: String,
        /// Who received them.
        to: String,
        /// What is wrong with them.
        source: DecodeError,
    },
    /// The parties handed over are not those of the roster.
    #[error("place {place} of the roster is not filled by its party; pass every party, in order")]
    WrongParties {
        /// First place that is wrong.
        place: usize,
    },
    /// Every party waits for another one.
    #[error(
        "nothing moves any more: {waiting}; a share was refused, or an application does not follow \
         the rounds"
    )]
    Stalled {
        /// Who waits for whom.
        waiting: String,
    },
    /// A party's code panicked.
    #[error("`{party}` panicked: {message}; this is a defect, please report it")]
    Panicked {
        /// Who.
        party: String,
        /// What it said.
        message: String,
    },
    /// TLS could not be set up.
    #[cfg(feature = "grpc")]
    #[error("TLS: {problem}; check the identity")]
    Tls {
        /// What is wrong.
        problem: String,
    },
    /// This site or the hub is not in the roster as it should be.
    #[cfg(feature = "grpc")]
    #[error(transparent)]
    Refused(#[from] tacit_identity::Refusal),
    /// The system refuses a socket or a thread.
    #[cfg(feature = "grpc")]
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The hub does not answer, or refuses.
    #[cfg(feature = "grpc")]
    #[error("the hub `{hub}` is not reached: {reason}")]
    Unreached {
        /// Its name in the roster.
        hub: String,
        /// Why.
        reason: String,
    },
    /// Somebody asked this site to end.
    #[cfg(feature = "grpc")]
    #[error("`{party}` was stopped by its operator; start it again, it goes on where it was")]
    Stopped {
        /// Who.
        party: String,
    },
    /// Hub, parent or relay do not fit the plan's tree.
    #[cfg(feature = "grpc")]
    #[error("`{party}`: {problem}")]
    Ways {
        /// Who.
        party: String,
        /// What does not fit, and what to do.
        problem: String,
    },
    /// The session did not come to its end in time.
    #[cfg(feature = "grpc")]
    #[error("{waiting}; start it again when they are back, nothing is lost")]
    Abandoned {
        /// Who waits for whom.
        waiting: String,
    },
}

#[cfg(feature = "grpc")]
impl Error {
    pub(crate) fn tls(error: rustls::Error) -> Self {
        Self::Tls {
            problem: error.to_string(),
        }
    }

    pub(crate) fn io(what: &str) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.to_owned();
        move |source| Self::Io { what, source }
    }
}
