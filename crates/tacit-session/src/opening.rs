//! How a session begins: everyone shows its approval and adds a nonce.
//!
//! Two rounds of the same machine that runs the application:
//!
//! - round 0, `open`: the root sends its nonce ρ; every party i answers with its nonce, its
//!   approval of the plan and a signature over both digests, ρ and the nonce;
//! - round 1, `start`: the root sends the list of all answers. Every party checks every approval
//!   and signature and that its own nonce is in the list, then derives
//!
//! ```text
//! session  = H("tacit session v1"; plan, roster, ν_0, …, ν_{n−1})
//! CRS seed = H("tacit crs v1";     plan, roster, ν_0, …, ν_{n−1})
//! ```
//!
//! A party whose own nonce is fresh is thereby in a fresh session with a fresh common random
//! string, whatever old frames are replayed to it: an old list does not hold its nonce, and an
//! answer to an old ρ does not verify under the new one. Round 0 alone accepts a second, different
//! input, since answering it costs nothing.
//!
//! *Limit.* Nonces are not committed to before they are shown, so a root may draw its list often
//! and pick one. Under a random oracle every choice is a uniform string; among 2^k draws an
//! adversary gains at most k bits, which the passive model of the proofs does not count.

use crate::approval::Approval;
use crate::codec::{Reader, Writer};
use crate::digest::{Digest, DigestWriter};
use crate::error::{DecodeError, Error};
use crate::identity::{IdentityKey, SIGNATURE_LEN};
use crate::party_set::PartyIndex;
use crate::roster::Roster;

/// A party's contribution to the session id and the common random string; public once sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nonce(pub [u8; 32]);

impl Nonce {
    /// Fresh from the operating system. Used once; a restart continues with the journaled one.
    pub fn fresh() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| Error::Entropy {
            problem: e.to_string(),
        })?;
        Ok(Self(bytes))
    }
}

const VERSION: u8 = 1;
const WHAT: &str = "opening list";
const ENTRY_LEN: usize = 2 + 32 + 2 * SIGNATURE_LEN;

/// One party's answer to the root's nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Contribution {
    party: PartyIndex,
    nonce: Nonce,
    approval: Approval,
    signature: [u8; SIGNATURE_LEN],
}

/// What is wrong with an opening message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// Not an opening message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An approval is missing or another plan's.
    #[error(transparent)]
    NotApproved(#[from] Error),
    /// A contribution is not signed by its party for this opening.
    #[error("the contribution of `{party}` is not signed by it for this opening")]
    NotSigned {
        /// Whose.
        party: String,
    },
    /// The list is not over all parties, each once.
    #[error("{found} contributions instead of {expected}, or not in the order of the roster")]
    Incomplete {
        /// Entries expected.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// The list was made without this party's present nonce: an old one is replayed.
    #[error("the list does not hold this party's nonce; it is of another session")]
    OwnNonceMissing,
}

/// The facts both rounds of the opening are about.
pub(crate) struct Opening<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) plan: Digest,
}

/// Session id and seed of the common random string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Opened {
    pub(crate) session: Digest,
    pub(crate) crs_seed: [u8; 32],
}

impl Opening<'_> {
    /// What the frames of rounds 0 and 1 carry in place of a session id.
    pub(crate) fn id(&self) -> Digest {
        let hash = DigestWriter::new("tacit opening v1");
        hash.bytes(&self.plan.0)
            .bytes(&self.roster.digest().0)
            .finish()
    }

    /// A party's share of round 0: a list of one.
    pub(crate) fn contribute(
        &self,
        key: &IdentityKey,
        party: PartyIndex,
        nonce: Nonce,
        approval: &Approval,
        open: &[u8],
    ) -> Vec<u8> {
        let signature = key.sign(&self.message(open, party, nonce));
        encode(&[Contribution {
            party,
            nonce,
            approval: approval.clone(),
            signature,
        }])
    }

    /// Sum of shares of round 0: the union of two lists, in the order of the roster.
    pub(crate) fn merge(
        &self,
        open: &[u8],
        into: &mut Vec<u8>,
        more: &[u8],
    ) -> Result<(), OpeningError> {
        let incoming = decode(more)?;
        incoming.iter().try_for_each(|c| self.check(open, c))?;
        let mut all = decode(into)?;
        all.extend(incoming);
        all.sort_by_key(|c| c.party);
        let found = all.len();
        all.dedup_by_key(|c| c.party);
        if all.len() != found {
            return Err(OpeningError::Incomplete {
                expected: all.len(),
                found,
            });
        }
        *into = encode(&all);
        Ok(())
    }

    /// Checks the list of round 1 and derives the session from it. `me` is the receiver.
    pub(crate) fn conclude(
        &self,
        list: &[u8],
        me: (PartyIndex, Nonce),
    ) -> Result<Opened, OpeningError> {
        let list = decode(list)?;
        let (expected, found) = (usize::from(self.roster.parties()), list.len());
        let in_order = list.iter().zip(0..).all(|(c, i)| c.party == PartyIndex(i));
        if found != expected || !in_order {
            return Err(OpeningError::Incomplete { expected, found });
        }
        if list[me.0.as_usize()].nonce != me.1 {
            return Err(OpeningError::OwnNonceMissing);
        }
        let open = list[0].nonce.0;
        list.iter().try_for_each(|c| self.check(&open, c))?;
        let derive = |domain| {
            let start = DigestWriter::new(domain)
                .bytes(&self.plan.0)
                .bytes(&self.roster.digest().0);
            list.iter()
                .fold(start, |hash, c| hash.bytes(&c.nonce.0))
                .finish()
        };
        Ok(Opened {
            session: derive("tacit session v1"),
            crs_seed: derive("tacit crs v1").0,
        })
    }

    fn check(&self, open: &[u8], entry: &Contribution) -> Result<(), OpeningError> {
        let name = self.roster.name(entry.party);
        let Some(member) = self.roster.party(entry.party) else {
            return Err(OpeningError::NotSigned { party: name });
        };
        entry
            .approval
            .check(&name, &member.key, self.plan, self.roster.digest())?;
        let message = self.message(open, entry.party, entry.nonce);
        if member.key.verifies(&message, &entry.signature) {
            Ok(())
        } else {
            Err(OpeningError::NotSigned { party: name })
        }
    }

    fn message(&self, open: &[u8], party: PartyIndex, nonce: Nonce) -> Vec<u8> {
        let digest = DigestWriter::new("tacit contribution v1")
            .bytes(&self.plan.0)
            .bytes(&self.roster.digest().0)
            .bytes(open)
            .u64(party.0.into())
            .bytes(&nonce.0)
            .finish();
        [b"tacit contribution v1\0".as_slice(), &digest.0].concat()
    }
}

fn encode(list: &[Contribution]) -> Vec<u8> {
    let mut out = Writer::with_capacity(3 + list.len() * ENTRY_LEN);
    out.u8(VERSION).u16(list.len() as u16);
    for entry in list {
        out.u16(entry.party.0).raw(&entry.nonce.0);
        entry.approval.encode(&mut out);
        out.raw(&entry.signature);
    }
    out.into_bytes()
}

fn decode(bytes: &[u8]) -> Result<Vec<Contribution>, DecodeError> {
    let mut from = Reader::new(WHAT, bytes);
    let version = from.u8()?;
    if version != VERSION {
        return Err(DecodeError::UnknownVersion {
            what: WHAT,
            found: version,
            spoken: VERSION,
        });
    }
    let count = usize::from(from.u16()?);
    let needed = count * ENTRY_LEN;
    if bytes.len() - 3 < needed {
        let left = (bytes.len() - 3) as u64;
        return Err(DecodeError::Truncated {
            what: WHAT,
            needed: needed as u64,
            left,
        });
    }
    let mut list: Vec<Contribution> = Vec::with_capacity(count);
    for _ in 0..count {
        let party = PartyIndex(from.u16()?);
        if list.last().is_some_and(|before| before.party >= party) {
            return Err(DecodeError::Malformed {
                what: WHAT,
                problem: "parties out of order",
            });
        }
        let nonce = Nonce(from.array()?);
        let approval = Approval::decode(&mut from)?;
        list.push(Contribution {
            party,
            nonce,
            approval,
            signature: from.array()?,
        });
    }
    from.finish()?;
    Ok(list)
}
