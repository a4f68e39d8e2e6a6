//! What can be wrong with identities, requests and rosters.

use tacit_seal::SealError;

/// An identity, request or roster that cannot be made, read or trusted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Sealing, opening, reading or writing a file.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The roster of the session refuses the members.
    #[error(transparent)]
    Session(#[from] tacit_session::Error),
    /// A certificate could not be made.
    #[error("certificate of `{name}`: {problem}")]
    Certificate {
        /// Whose.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The contents of an opened identity are not one.
    #[error("the sealed identity is damaged or of another version: {problem}")]
    Identity {
        /// What is wrong.
        problem: &'static str,
    },
    /// A certificate request that cannot be read, or that its own key did not sign.
    #[error("certificate request{of}: {problem}; ask its site to send it again", of = of(.name))]
    Request {
        /// Whose, when it is known.
        name: Option<String>,
        /// What is wrong.
        problem: String,
    },
    /// A roster that cannot be read or trusted.
    #[error("signed roster: {problem}; {remedy}")]
    Roster {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
}

fn of(name: &Option<String>) -> String {
    name.as_ref()
        .map(|name| format!(" of `{name}`"))
        .unwrap_or_default()
}

/// Why a certificate is not let in. Its words are for the logs of both sides.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Not in the roster.
    #[error(
        "certificate {fingerprint} is not in roster {serial}; compare the rosters of both sides, \
         and send the certificate's request to whoever issues them"
    )]
    Unknown {
        /// The certificate's fingerprint.
        fingerprint: String,
        /// Serial number of the roster here.
        serial: u64,
    },
    /// In the roster's list of revoked certificates.
    #[error("the certificate of `{name}` is revoked: {reason}; make a new identity and request")]
    Revoked {
        /// Whose it was.
        name: String,
        /// The reason the roster gives.
        reason: String,
    },
    /// Too old.
    #[error(
        "the certificate of `{name}` expired at {at}; renew it and have the roster issued again \
         (if it should be valid, compare the clocks)"
    )]
    Expired {
        /// Whose.
        name: String,
        /// When.
        at: String,
    },
    /// Too young.
    #[error("the certificate of `{name}` is valid from {from} only; compare the clocks")]
    NotYetValid {
        /// Whose.
        name: String,
        /// From when.
        from: String,
    },
    /// The roster itself is too old.
    #[error("roster {serial} expired at {at}; fetch the present one from whoever issues it")]
    RosterExpired {
        /// Serial number of the roster here.
        serial: u64,
        /// When.
        at: String,
    },
    /// A member that may not do this.
    #[error("`{name}` is a {found} in the roster and may not act as a {expected} here")]
    WrongRole {
        /// Who.
        name: String,
        /// What it is.
        found: crate::SiteRole,
        /// What it would have to be.
        expected: crate::SiteRole,
    },
}
