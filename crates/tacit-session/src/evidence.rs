//! Two statements of one party that an honest one cannot have made.
//!
//! A signed head proves what its signer said. Two of one session and round with different payloads, or
//! different claims about them, are a [`Contradiction`]: whoever has the roster can check it, without
//! trust in whoever shows it, and it names the culprit. A machine meets one when both reach it
//! ([`Misbehaviour::Equivocation`](crate::Misbehaviour::Equivocation),
//! [`InputChanged`](crate::Misbehaviour::InputChanged)); [`contradictions`] finds those that journals
//! of several parties hold together, such as a root that asked two parties different things.
//!
//! ```
//! use tacit_session::evidence::contradictions;
//! use tacit_session::simulation::{Simulation, Tally};
//!
//! let table = Simulation::new(1, 3);
//! let outcome = table.run(|_| Tally::new(3, 2))?;
//! let heads = outcome.journals.iter().flat_map(|journal| journal.heads());
//! assert!(contradictions(&*table.roster()?, heads).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is not proven: that a share is wrong, or that somebody stayed silent. Requests, and round 0,
//! whose input may be made again, contradict nothing.

use std::collections::HashMap;
use std::fmt;

use crate::codec::{Reader, Writer};
use crate::digest::Digest;
use crate::error::DecodeError;
use crate::frame::{FrameKind, SignedHeader};
use crate::machine::ROUND_OPEN;
use crate::party_set::PartyIndex;
use crate::roster::Roster;

const MAGIC: &[u8; 4] = b"TCEV";
const VERSION: u8 = 1;
const WHAT: &str = "evidence";

/// Two signed heads that contradict each other, and who signed both.
#[derive(Clone, PartialEq, Eq)]
pub struct Contradiction {
    name: String,
    heads: [SignedHeader; 2],
}

impl Contradiction {
    /// Whether two heads prove one: same signer, session, round and purpose, and something else said.
    pub fn between(roster: &Roster, one: &SignedHeader, other: &SignedHeader) -> Option<Self> {
        if topic(one) != topic(other) || statement(one) == statement(other) {
            return None;
        }
        topic(one)?;
        let member = roster.party(one.header().sender)?;
        if !one.verifies(&member.key) || !other.verifies(&member.key) {
            return None;
        }
        Some(Self {
            name: member.name.clone(),
            heads: [one.clone(), other.clone()],
        })
    }

    /// Who signed both.
    pub fn culprit(&self) -> PartyIndex {
        self.heads[0].header().sender
    }

    /// Its name in the roster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The heads.
    pub fn heads(&self) -> &[SignedHeader; 2] {
        &self.heads
    }

    /// Bytes to hand to others.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.raw(MAGIC).u8(VERSION);
        for head in &self.heads {
            out.u16(head.as_bytes().len() as u16).raw(head.as_bytes());
        }
        out.into_bytes()
    }

    /// Reads evidence that somebody shows, and checks it under the roster: what is accepted is proven.
    pub fn decode(roster: &Roster, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::new(WHAT, bytes);
        let malformed = |problem| DecodeError::Malformed {
            what: WHAT,
            problem,
        };
        if from.take(MAGIC.len())? != MAGIC {
            return Err(malformed("it does not begin as evidence"));
        }
        let found = from.u8()?;
        if found != VERSION {
            return Err(DecodeError::UnknownVersion {
                what: WHAT,
                found,
                spoken: VERSION,
            });
        }
        let one = SignedHeader::read(&mut from)?;
        let other = SignedHeader::read(&mut from)?;
        from.finish()?;
        Self::between(roster, &one, &other)
            .ok_or(malformed("the two heads prove nothing under this roster"))
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.heads[0].header();
        let (name, kind, round) = (&self.name, header.kind, header.round);
        write!(
            f,
            "`{name}` signed two different {kind} frames for round {round}"
        )
    }
}

impl fmt::Debug for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contradiction({self})")
    }
}

/// Every party and topic on which heads from journals contradict each other, once.
pub fn contradictions(
    roster: &Roster,
    heads: impl IntoIterator<Item = SignedHeader>,
) -> Vec<Contradiction> {
    let mut said: HashMap<Topic, (SignedHeader, bool)> = HashMap::new();
    let mut found = Vec::new();
    for head in heads {
        let Some(topic) = topic(&head) else { continue };
        let (first, is_found) = said.entry(topic).or_insert_with(|| (head.clone(), false));
        if *is_found {
            continue;
        }
        if let Some(contradiction) = Contradiction::between(roster, first, &head) {
            *is_found = true;
            found.push(contradiction);
        }
    }
    found
}

/// Who speaks about what; a completion is the last input.
type Topic = (PartyIndex, Digest, u32, bool);

fn topic(head: &SignedHeader) -> Option<Topic> {
    let header = head.header();
    let is_share = header.kind == FrameKind::Share;
    // Letters belong to no session, and their numbers need not differ.
    let is_said = !matches!(header.kind, FrameKind::Request | FrameKind::Letter);
    let counts = is_said && header.round != ROUND_OPEN;
    counts.then_some((header.sender, header.session, header.round, is_share))
}

/// Everything a head says on its topic: all but the signature, which a signer could vary.
fn statement(head: &SignedHeader) -> &[u8] {
    head.signed_part()
}
