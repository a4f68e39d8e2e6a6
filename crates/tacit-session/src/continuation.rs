//! Going on without a party that stays away.
//!
//! A plan with `threshold.t` can be gone on with by fewer than all of its parties: a session of its own, with fresh
//! nonces, an id and a common random string of its own. What distinguishes it from the plan's first session is a
//! [`Continuation`]: who takes part, which t of them hold the key for it, how many attempts there were before, and the
//! session whose keys are used. Everyone who takes part signs it in the opening (see [`crate::opening`]), and the session
//! id depends on it, so nobody runs with another's view of it.
//!
//! Places stay those of the roster: frames, faults and evidence name a party as they always do.

use std::fmt;

use crate::codec::{Reader, Writer};
use crate::digest::{Digest, DigestWriter};
use crate::error::{DecodeError, Error};
use crate::party_set::PartyIndex;
use crate::roster::Roster;

/// Who goes on, with what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Continuation {
    /// 1 for the first; a party that was in one takes part in later ones only.
    pub attempt: u32,
    /// Who takes part, ascending; the root is among them.
    pub participants: Vec<PartyIndex>,
    /// Which of them act with the key: exactly t, ascending.
    pub holders: Vec<PartyIndex>,
    /// The session of all parties that is gone on with: the one whose keys are used.
    pub origin: Digest,
}

const VERSION: u8 = 1;
const WHAT: &str = "continuation";

impl Continuation {
    /// The same participants with the first t of them as holders.
    ///
    /// ```
    /// use tacit_session::{Continuation, Digest, PartyIndex};
    ///
    /// let [a, b, d] = [0, 1, 3].map(PartyIndex);
    /// let without_c = Continuation::among(1, vec![a, b, d], 2, Digest::of(b"the first session"));
    /// assert_eq!(without_c.holders, [a, b]);
    /// assert_eq!(Continuation::decode(&without_c.encode())?, without_c);
    /// # Ok::<(), tacit_session::DecodeError>(())
    /// ```
    pub fn among(attempt: u32, participants: Vec<PartyIndex>, t: u16, origin: Digest) -> Self {
        Self {
            attempt,
            holders: participants.iter().copied().take(t.into()).collect(),
            participants,
            origin,
        }
    }

    /// What everyone signs.
    pub fn digest(&self) -> Digest {
        DigestWriter::new("tacit continuation v1")
            .bytes(&self.encode())
            .finish()
    }

    /// Bytes for files and letters: version, attempt, origin, participants, holders.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(VERSION).u32(self.attempt).raw(&self.origin.0);
        for set in [&self.participants, &self.holders] {
            out.u16(set.len() as u16);
            for party in set {
                out.u16(party.0);
            }
        }
        out.into_bytes()
    }

    /// Strict inverse of [`Self::encode`]. Whether it fits a plan is for [`Seat::among`](crate::Seat::among) to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::new(WHAT, bytes);
        let found = from.u8()?;
        if found != VERSION {
            return Err(DecodeError::UnknownVersion {
                what: WHAT,
                found,
                spoken: VERSION,
            });
        }
        let attempt = from.u32()?;
        let origin = Digest(from.array()?);
        let mut set = || -> Result<Vec<PartyIndex>, DecodeError> {
            let count = from.u16()?;
            (0..count).map(|_| from.u16().map(PartyIndex)).collect()
        };
        let (participants, holders) = (set()?, set()?);
        from.finish()?;
        Ok(Self {
            attempt,
            participants,
            holders,
            origin,
        })
    }

    /// Whether a plan with this threshold can be gone on with so.
    pub(crate) fn check(&self, roster: &Roster, threshold: Option<u16>) -> Result<(), Error> {
        let refuse = |problem: String, remedy| Err(Error::Continuation { problem, remedy });
        let Some(t) = threshold else {
            let problem = "the plan has no threshold, so all parties are needed".into();
            return refuse(problem, "wait for the party that is away");
        };
        if self.attempt == 0 {
            return refuse("attempt 0".into(), "count attempts from 1");
        }
        let ascending = |set: &[PartyIndex]| set.windows(2).all(|w| w[0] < w[1]);
        let places = "list places of the roster, each once, in its order";
        if !ascending(&self.participants) || !ascending(&self.holders) {
            return refuse("parties out of order".into(), places);
        }
        let known = |party: &&PartyIndex| roster.party(**party).is_none();
        if let Some(party) = self.participants.iter().find(known) {
            return refuse(format!("{party} is not in the roster"), places);
        }
        if self.participants.first() != Some(&PartyIndex::ROOT) {
            let name = roster.name(PartyIndex::ROOT);
            let problem = format!("`{name}`, the root, does not take part");
            return refuse(
                problem,
                "wait for it: nobody else holds the encrypted model",
            );
        }
        if self.holders.len() != usize::from(t) {
            let problem = format!("{} parties hold the key", self.holders.len());
            return refuse(problem, "name as many as the plan's threshold.t");
        }
        let absent = |party: &&PartyIndex| !self.participants.contains(party);
        if let Some(party) = self.holders.iter().find(absent) {
            let problem = format!(
                "`{}` holds the key and does not take part",
                roster.name(*party)
            );
            return refuse(problem, "choose holders among those who take part");
        }
        Ok(())
    }
}

impl fmt::Display for Continuation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |of: &[PartyIndex]| {
            let places: Vec<String> = of.iter().map(|p| p.0.to_string()).collect();
            places.join(", ")
        };
        let (all, some) = (set(&self.participants), set(&self.holders));
        write!(
            f,
            "attempt {}, parties {all}, key held by {some}",
            self.attempt
        )
    }
}
