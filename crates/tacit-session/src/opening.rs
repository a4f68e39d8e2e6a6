//! How a session begins: everyone shows its approval and adds a nonce.
//!
//! Two rounds of the same machine that runs the application:
//!
//! - round 0, `open`: the root sends its nonce ρ; every party i answers with its nonce, its
//!   approval of the plan, what its application announces, and a signature over both digests, ρ,
//!   nonce and announcement;
//! - round 1, `start`: the root sends the list of all answers. Every party checks every approval
//!   and signature and that its own nonce is in the list, then derives
//!
//! ```text
//! session  = H("tacit session v1"; plan, roster, ν_0, …, ν_{n−1})
//! CRS seed = H("tacit crs v1";     plan, roster, ν_0, …, ν_{n−1})
//! ```
//!
//! Where there are announcements α_i, or a [`Continuation`] that says who goes on without whom, the session
//! and the seed depend on them too ("… v2"; plan, roster, continuation, ν_0, α_0, …), the list is over those
//! who take part, and what each signs names the continuation.
//!
//! A party whose own nonce is fresh is thereby in a fresh session with a fresh common random
//! string, whatever old frames are replayed to it: an old list does not hold its nonce, and an
//! answer to an old ρ does not verify under the new one. Round 0 alone accepts a second, different
//! input, since answering it costs nothing.
//!
//! *Limit.* Nonces are not committed to before they are shown, so a root may draw its list often
//! and pick one. Under a random oracle every choice is a uniform string; among 2^k draws an
//! adversary gains at most k bits, which the passive model of the proofs does not count.

use std::sync::Arc;

use crate::approval::Approval;
use crate::codec::{Reader, Writer};
use crate::continuation::Continuation;
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

const VERSION: u8 = 2;
const WHAT: &str = "opening list";
/// Of an entry without what it announces.
const ENTRY_LEN: usize = 2 + 32 + 2 * SIGNATURE_LEN + 2;

/// One party's answer to the root's nonce.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Contribution {
    party: PartyIndex,
    nonce: Nonce,
    approval: Approval,
    announcement: Vec<u8>,
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
    /// Who takes part, ascending.
    pub(crate) participants: &'a [PartyIndex],
    pub(crate) continuation: Option<&'a Continuation>,
    /// Which session of the plan this is, from 0.
    pub(crate) number: u64,
}

/// Session id, seed of the common random string, and what the participants announced, in their order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Opened {
    pub(crate) session: Digest,
    pub(crate) crs_seed: [u8; 32],
    pub(crate) announcements: Arc<[Vec<u8>]>,
}

impl Opening<'_> {
    /// What the frames of rounds 0 and 1 carry in place of a session id.
    pub(crate) fn id(&self) -> Digest {
        let hash = DigestWriter::new("tacit opening v1")
            .bytes(&self.plan.0)
            .bytes(&self.roster.digest().0);
        let hash = match self.continuation {
            None => hash,
            Some(continuation) => hash.bytes(&continuation.digest().0),
        };
        match self.number {
            0 => hash.finish(),
            number => hash.u64(number).finish(),
        }
    }

    /// A party's share of round 0: a list of one.
    pub(crate) fn contribute(
        &self,
        key: &IdentityKey,
        party: PartyIndex,
        nonce: Nonce,
        approval: &Approval,
        announcement: Vec<u8>,
        open: &[u8],
    ) -> Vec<u8> {
        let signature = key.sign(&self.message(open, party, nonce, &announcement));
        encode(&[Contribution {
            party,
            nonce,
            approval: approval.clone(),
            announcement,
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
        let (expected, found) = (self.participants.len(), list.len());
        if !list
            .iter()
            .map(|c| c.party)
            .eq(self.participants.iter().copied())
        {
            return Err(OpeningError::Incomplete { expected, found });
        }
        if !list.iter().any(|c| (c.party, c.nonce) == me) {
            return Err(OpeningError::OwnNonceMissing);
        }
        let open = list[0].nonce.0;
        list.iter().try_for_each(|c| self.check(&open, c))?;
        let is_plain =
            self.continuation.is_none() && list.iter().all(|c| c.announcement.is_empty());
        let derive = |of: &str| {
            let version = if is_plain { "v1" } else { "v2" };
            let start = DigestWriter::new(&format!("tacit {of} {version}"))
                .bytes(&self.plan.0)
                .bytes(&self.roster.digest().0);
            if is_plain {
                let nonces = list.iter().map(|c| &c.nonce.0);
                return nonces.fold(start, |hash, nonce| hash.bytes(nonce)).finish();
            }
            let continuation = self.continuation.map(Continuation::digest);
            let start = start.bytes(continuation.as_ref().map_or(&[], |d| &d.0));
            list.iter()
                .fold(start, |hash, c| {
                    hash.bytes(&c.nonce.0).bytes(&c.announcement)
                })
                .finish()
        };
        Ok(Opened {
            session: derive("session"),
            crs_seed: derive("crs").0,
            announcements: list.iter().map(|c| c.announcement.clone()).collect(),
        })
    }

    fn check(&self, open: &[u8], entry: &Contribution) -> Result<(), OpeningError> {
        let name = self.roster.name(entry.party);
        let member = self.roster.party(entry.party);
        let Some(member) = member.filter(|_| self.participants.contains(&entry.party)) else {
            return Err(OpeningError::NotSigned { party: name });
        };
        entry
            .approval
            .check(&name, &member.key, self.plan, self.roster.digest())?;
        let message = self.message(open, entry.party, entry.nonce, &entry.announcement);
        if member.key.verifies(&message, &entry.signature) {
            Ok(())
        } else {
            Err(OpeningError::NotSigned { party: name })
        }
    }

    fn message(
        &self,
        open: &[u8],
        party: PartyIndex,
        nonce: Nonce,
        announcement: &[u8],
    ) -> Vec<u8> {
        let digest = DigestWriter::new("tacit contribution v2")
            .bytes(&self.id().0)
            .bytes(open)
            .u64(party.0.into())
            .bytes(&nonce.0)
            .bytes(announcement)
            .finish();
        [b"tacit contribution v2\0".as_slice(), &digest.0].concat()
    }
}

fn encode(list: &[Contribution]) -> Vec<u8> {
    let announced: usize = list.iter().map(|entry| entry.announcement.len()).sum();
    let mut out = Writer::with_capacity(3 + list.len() * ENTRY_LEN + announced);
    out.u8(VERSION).u16(list.len() as u16);
    for entry in list {
        out.u16(entry.party.0).raw(&entry.nonce.0);
        entry.approval.encode(&mut out);
        out.raw(&entry.signature)
            .u16(entry.announcement.len() as u16)
            .raw(&entry.announcement);
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
        let signature = from.array()?;
        let length = from.u16()?;
        list.push(Contribution {
            party,
            nonce,
            approval,
            announcement: from.take(length.into())?.to_vec(),
            signature,
        });
    }
    from.finish()?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Simulation;

    #[test]
    fn an_announcement_is_its_partys_and_nobody_changes_it_on_the_way() {
        let simulation = Simulation::new(3, 3);
        let (roster, plan) = (
            simulation.roster().unwrap(),
            simulation.plan.digest().unwrap(),
        );
        let everyone = [0, 1, 2].map(PartyIndex);
        let opening = Opening {
            roster: &roster,
            plan,
            participants: &everyone,
            continuation: None,
            number: 0,
        };
        let nonce = |p| simulation.nonce(p, 0);
        let open = nonce(PartyIndex::ROOT).0;
        let said = |p: PartyIndex, announcement: &[u8]| {
            let key = simulation.key(p);
            let approval = Approval::sign(&key, plan, roster.digest());
            opening.contribute(&key, p, nonce(p), &approval, announcement.to_vec(), &open)
        };
        let list = |announcements: [&[u8]; 3]| {
            let mut all = said(everyone[0], announcements[0]);
            for (party, announcement) in everyone.into_iter().zip(announcements).skip(1) {
                opening
                    .merge(&open, &mut all, &said(party, announcement))
                    .unwrap();
            }
            all
        };
        let me = (everyone[2], nonce(everyone[2]));
        let all = list([b"", b"a key", b"mine"]);
        let opened = opening.conclude(&all, me).unwrap();
        assert_eq!(
            opened.announcements[..],
            [b"".to_vec(), b"a key".to_vec(), b"mine".to_vec()]
        );
        let plain = opening.conclude(&list([b""; 3]), me).unwrap();
        let other = opening
            .conclude(&list([b"", b"a kez", b"mine"]), me)
            .unwrap();
        assert!(opened.session != plain.session && opened.session != other.session);

        let at = all.windows(5).position(|w| w == b"a key").unwrap();
        let mut changed = all.clone();
        changed[at] ^= 1;
        let refused = opening.conclude(&changed, me).unwrap_err();
        assert!(
            matches!(refused, OpeningError::NotSigned { .. }),
            "{refused}"
        );
        let mut shifted = all;
        shifted[at - 2] -= 1; // one byte shorter than it is
        assert!(opening.conclude(&shifted, me).is_err());
    }
}
