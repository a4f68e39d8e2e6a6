//! What members write to each other outside of sessions: queries and answers, and who is here.
//!
//! | label | from | payload |
//! |---|---|---|
//! | `query/key` | querier | nothing |
//! | `query/key` | root | the collective public key |
//! | `query/rows` | querier | a [`Query`](tacit_learn::encrypted::Query) with its warrant |
//! | `query/answer` | root | the answer, which only the querier can read |
//! | `query/refused` | root | the rule that keeps the query, as text |
//!
//! Every letter is signed by its sender and carries the subject (plan and roster) and a number that the
//! answer repeats.

use tacit_identity::Identity;
use tacit_session::{Digest, DigestWriter, Frame, FrameKind, Label, PartyIndex, Payload, Roster};
use tacit_transport::grpc::Correspondence;

use crate::error::Error;

pub(crate) const KEY: &str = "query/key";
pub(crate) const ROWS: &str = "query/rows";
pub(crate) const ANSWER: &str = "query/answer";
pub(crate) const REFUSED: &str = "query/refused";

/// What letters are about: each has a room of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Topic {
    /// Queries and answers.
    Queries,
    /// Who is here, and who goes on.
    Absence,
}

/// The letters about one plan.
pub(crate) struct Letters {
    pub(crate) about: Correspondence,
    me: PartyIndex,
}

impl Letters {
    /// Of the member with this identity, with these others.
    pub(crate) fn new(
        topic: Topic,
        identity: &Identity,
        roster: &Roster,
        plan: Digest,
        with: Vec<PartyIndex>,
        max_payload: u64,
    ) -> Result<Self, Error> {
        let domain = match topic {
            Topic::Queries => "tacit letters about a plan v1",
            Topic::Absence => "tacit letters about absence v1",
        };
        let public = identity.session_key().public();
        let me = roster
            .place_of(&public)
            .ok_or(tacit_session::Error::NotInRoster {
                key: Box::new(public),
            })?;
        let subject = DigestWriter::new(domain)
            .bytes(&plan.0)
            .bytes(&roster.digest().0)
            .finish();
        let about = Correspondence {
            subject,
            with,
            max_payload,
        };
        Ok(Self { about, me })
    }

    /// Signs a letter.
    pub(crate) fn write(
        &self,
        identity: &Identity,
        number: u32,
        label: &str,
        payload: Vec<u8>,
    ) -> Result<Frame, Error> {
        let place = (self.about.subject, number, self.me);
        let (key, label) = (identity.session_key(), Label::new(label)?);
        Ok(Frame::letter(&key, place, label, Payload::from(payload)))
    }

    /// Whether this is a letter of the one in whose name it came, about this plan. (Whether they
    /// signed it is checked before memory is taken for it.)
    pub(crate) fn is_from(&self, from: PartyIndex, letter: &Frame) -> bool {
        let header = letter.header();
        header.kind == FrameKind::Letter
            && header.sender == from
            && header.session == self.about.subject
    }
}
