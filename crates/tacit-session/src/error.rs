//! What can go wrong, and who is at fault.
//!
//! Three kinds, because three people act on them. A [`DecodeError`] says that bytes are not a
//! message; nobody can be named, for nothing in them is authentic. A [`Fault`] says that a peer
//! sent a well-formed frame it should not have sent: it names the signer, carries the signed
//! headers that prove it, and leaves the session as it was. An [`Error`] stops the operation: a
//! plan or roster that does not hold together, a journal that cannot be written, an application
//! that failed.

use std::fmt;

use crate::evidence::Contradiction;
use crate::frame::{FrameKind, SignedHeader};
use crate::party_set::{PartyIndex, PartySet};
use crate::roster::Roster;

/// A boxed error of an application or a journal.
pub type BoxedError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An operation that could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan is not well-formed TOML, or holds unknown or missing fields.
    #[error("plan: {problem}")]
    PlanSyntax {
        /// What the parser said, with line and field.
        problem: String,
    },
    /// The plan parses and makes no sense.
    #[error("plan: `{field}`: {problem}; {remedy}")]
    Plan {
        /// Path of the field.
        field: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        remedy: String,
    },
    /// The roster is not well-formed TOML.
    #[error("roster: {problem}")]
    RosterSyntax {
        /// What the parser said.
        problem: String,
    },
    /// The roster parses and makes no sense.
    #[error("roster: member `{member}`: {problem}; {remedy}")]
    Roster {
        /// Name of the member.
        member: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// An approval does not verify.
    #[error(
        "`{party}` has not approved this plan with this roster; ask it to read the plan \
         (digest {plan}) and sign it again"
    )]
    NotApproved {
        /// Whose approval.
        party: String,
        /// Digest of the plan to approve.
        plan: crate::Digest,
    },
    /// The signing key belongs to nobody who computes.
    #[error("the signing key {key} is no data party of the roster; use the key that was enrolled")]
    NotInRoster {
        /// Public half of the key.
        key: Box<crate::PublicKey>,
    },
    /// A session of fewer parties that cannot be.
    #[error("continuation: {problem}; {remedy}")]
    Continuation {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// This party takes no part in a session of fewer parties.
    #[error("`{party}` takes no part in {continuation}; it can take part in a later attempt")]
    NotAParticipant {
        /// This party.
        party: String,
        /// Who goes on.
        continuation: Box<crate::Continuation>,
    },
    /// The operating system gave no entropy.
    #[error("no entropy from the operating system: {problem}")]
    Entropy {
        /// What it said.
        problem: String,
    },
    /// Bytes that are no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A round's label is empty, too long or holds odd characters.
    #[error("round label {label:?}: use 1 to 48 of a-z, 0-9, `-`, `_`, `.`, `/`")]
    Label {
        /// The label.
        label: String,
    },
    /// The application failed in a step of its own.
    #[error("`{party}`: {step} of round {round} ({label}): {source}")]
    Application {
        /// Who ran it.
        party: String,
        /// Which step.
        step: &'static str,
        /// Which round.
        round: u32,
        /// The round's label.
        label: String,
        /// What it said.
        source: BoxedError,
    },
    /// An input or a share is longer than the plan allows.
    #[error(
        "`{party}`: {len} bytes in round {round} ({label}) exceed the plan's \
         `limits.max_payload_bytes` = {limit}; raise it and have the plan approved again"
    )]
    Oversize {
        /// Who made it.
        party: String,
        /// Which round.
        round: u32,
        /// The round's label.
        label: String,
        /// Its length.
        len: u64,
        /// The limit.
        limit: u64,
    },
    /// The journal could not be written or read; nothing was sent.
    #[error("`{party}`: journal: {source}; free space or repair the disk, then restart")]
    Journal {
        /// Whose journal.
        party: String,
        /// What it said.
        source: BoxedError,
    },
    /// The journal holds something this session did not write.
    #[error("`{party}`: journal record {index}: {problem}; restore the journal of this session")]
    JournalCorrupt {
        /// Whose journal.
        party: String,
        /// Which record.
        index: usize,
        /// What is wrong.
        problem: String,
    },
    /// A share was asked for again and the journal no longer has it.
    #[error(
        "`{party}`: round {round} is asked for again, but this journal keeps no bytes; \
         use one that does"
    )]
    NotJournaled {
        /// Who was asked.
        party: String,
        /// Which round.
        round: u32,
    },
    /// After a restart the application made another input than the journaled one.
    #[error(
        "`{party}`: after a restart the input of round {round} differs from the journaled one; \
         the application must be a function of its secrets and the public inputs"
    )]
    NotReproducible {
        /// Who restarted.
        party: String,
        /// Which round.
        round: u32,
    },
    /// The party stopped on an earlier error.
    #[error("`{party}` stopped on an earlier error; make it anew from its journal")]
    Stopped {
        /// Who.
        party: String,
    },
    /// The round number ran out.
    #[error("no round after {round} can be numbered; split the plan")]
    TooManyRounds {
        /// The last one.
        round: u32,
    },
}

/// Bytes that are not the message they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end too early.
    #[error("{what}: truncated: {needed} bytes needed, {left} left")]
    Truncated {
        /// Which message.
        what: &'static str,
        /// Bytes the next field needs.
        needed: u64,
        /// Bytes there are.
        left: u64,
    },
    /// The bytes go on after the end.
    #[error("{what}: {extra} bytes after the end")]
    Trailing {
        /// Which message.
        what: &'static str,
        /// How many.
        extra: u64,
    },
    /// Not a Tacit frame at all.
    #[error("frame: does not start with the magic bytes; is the peer speaking another protocol?")]
    BadMagic,
    /// A schema this version does not speak.
    #[error("{what}: schema version {found}, this program speaks {spoken}; upgrade the older side")]
    UnknownVersion {
        /// Which message.
        what: &'static str,
        /// Version found.
        found: u8,
        /// Version spoken.
        spoken: u8,
    },
    /// A kind this version does not know.
    #[error("{what}: unknown kind {found}")]
    UnknownKind {
        /// Which message.
        what: &'static str,
        /// The kind found.
        found: u8,
    },
    /// A claimed length is over the limit; nothing was allocated.
    #[error("{what}: claims {claimed} bytes, the limit is {limit}")]
    Oversize {
        /// Which message.
        what: &'static str,
        /// Length claimed.
        claimed: u64,
        /// The limit.
        limit: u64,
    },
    /// The payload is not the one the header was signed for.
    #[error("frame: payload does not match the signed digest; it was damaged or exchanged")]
    PayloadDigest,
    /// A field holds what it may not.
    #[error("{what}: {problem}")]
    Malformed {
        /// Which message.
        what: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
}

/// A peer sent what it should not have sent. The session is unharmed.
#[derive(Debug)]
pub struct Fault {
    /// Who signed the frame; `None` while the signer is not authenticated.
    pub culprit: Option<PartyIndex>,
    /// The culprit's name in the roster, or who it claims to be.
    pub name: String,
    /// Round of the frame.
    pub round: u32,
    /// What happened.
    pub what: Misbehaviour,
    /// Signed headers that prove it to a third party.
    pub evidence: Vec<SignedHeader>,
}

impl Fault {
    /// What of it can be shown to others: evidence that the culprit contradicted itself.
    pub fn proof(&self, roster: &Roster) -> Option<Contradiction> {
        let [one, other] = self.evidence.as_slice() else {
            return None;
        };
        Contradiction::between(roster, one, other)
    }

    /// Late and repeated frames are what networks do: worth a log line, not an alarm.
    pub fn is_noise(&self) -> bool {
        matches!(
            self.what,
            Misbehaviour::StaleRound { .. } | Misbehaviour::FutureRound { .. }
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, round {}: {}", self.name, self.round, self.what)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.what)
    }
}

/// Ways in which a well-formed frame can be wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// The sender's index is not in the roster.
    #[error("the sender is not in the roster")]
    UnknownSender,
    /// The signature is not the claimed sender's.
    #[error("the signature is not the claimed sender's")]
    BadSignature,
    /// The frame belongs to another session or plan, or is replayed from one.
    #[error("the frame belongs to another session")]
    WrongSession,
    /// The payload is longer than the plan allows.
    #[error("{claimed} bytes of payload; the plan allows {limit}")]
    Oversize {
        /// Length claimed.
        claimed: u64,
        /// The limit.
        limit: u64,
    },
    /// This kind of frame does not come from this sender to this receiver.
    #[error("a {kind} frame from this sender is out of turn")]
    OutOfTurn {
        /// Its kind.
        kind: FrameKind,
    },
    /// A frame of a round that is over, late or replayed.
    #[error("the round is over; round {current} is open")]
    StaleRound {
        /// The round that is open.
        current: u32,
    },
    /// A frame of a round that has not begun here.
    #[error("the round has not begun; round {current} is open")]
    FutureRound {
        /// The round that is open.
        current: u32,
    },
    /// The root asks a round again with another input; the share already given stands.
    #[error(
        "two different inputs for one round; no second share is made, because two shares under \
         one round could give the secret key away"
    )]
    InputChanged,
    /// Two different signed shares for one round.
    #[error("two different shares for one round")]
    Equivocation,
    /// The share answers an input that was not asked.
    #[error("the share answers another input than the one of this round")]
    WrongInput,
    /// The share does not stand for exactly the sender's subtree.
    #[error("the share stands for {found:?} instead of {expected:?}")]
    WrongContributors {
        /// Who should be in it.
        expected: PartySet,
        /// Who is.
        found: PartySet,
    },
    /// The application refused the share.
    #[error("its share is refused: {source}")]
    RejectedShare {
        /// Why.
        source: BoxedError,
    },
    /// The opening list of nonces and approvals does not verify.
    #[error("the opening is refused: {source}")]
    RejectedOpening {
        /// Why.
        source: BoxedError,
    },
}
