//! What a session computes.

use std::sync::Arc;

use crate::continuation::Continuation;
use crate::digest::{Digest, DigestWriter};
use crate::frame::Label;
use crate::party_set::PartyIndex;

/// The public input of a round, made by the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoundInput {
    /// Name of the kind of round (see [`Label`]).
    pub label: String,
    /// The input.
    pub payload: Vec<u8>,
}

/// What the root does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Ask everyone for a share of this.
    Round(RoundInput),
    /// The session is complete; everyone receives this payload.
    Complete(Vec<u8>),
}

impl Next {
    /// A round with this label and input.
    pub fn round(label: impl Into<String>, payload: Vec<u8>) -> Self {
        Self::Round(RoundInput {
            label: label.into(),
            payload,
        })
    }
}

/// What everyone knows once the session is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionContext {
    /// Names this execution of the plan; depends on a fresh nonce of every party.
    pub session: Digest,
    /// Seed of the common random string, likewise.
    pub crs_seed: [u8; 32],
    /// Digest of the plan.
    pub plan: Digest,
    /// Digest of the roster: the ordered participants.
    pub roster: Digest,
    /// This party.
    pub me: PartyIndex,
    /// Number of parties in the roster; places run from 0, whoever takes part.
    pub parties: u16,
    /// Who takes part, ascending: all parties, but in a session that goes on without some.
    pub participants: Vec<PartyIndex>,
    /// How it came to that; `None` in a session of all.
    pub continuation: Option<Continuation>,
    /// What the participants announced ([`Application::announcement`]), in their order, each signed by its party.
    pub announcements: Arc<[Vec<u8>]>,
}

/// Names a round; unique within a session, and sessions are unique.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RoundId {
    /// The session.
    pub session: Digest,
    /// Number of the round; the application's rounds begin at 2, after the opening.
    pub number: u32,
    /// Its label.
    pub label: Label,
}

impl RoundId {
    /// Binds the randomness of a share to the round and to what was asked: use this as (part of)
    /// the input of the PRF that yields the share's noise.
    pub fn binding(&self, input: &[u8]) -> Digest {
        DigestWriter::new("tacit round binding v1")
            .bytes(&self.session.0)
            .u64(self.number.into())
            .bytes(self.label.as_str().as_bytes())
            .bytes(input)
            .finish()
    }
}

/// What a session computes, as rounds: the root broadcasts a public input, every party answers
/// with a share, shares are summed on the way up, the root finishes.
///
/// Two laws make restarts and lost messages harmless:
///
/// 1. **Determinism.** [`next_round`](Self::next_round) and [`share`](Self::share) are functions
///    of the party's own secrets and all public inputs so far. After a restart the session replays
///    the journaled inputs and must meet the same bytes.
/// 2. **Sums.** The order in which shares are aggregated may not change the resulting bytes, and a
///    share that is refused leaves the sum untouched.
pub trait Application {
    /// What can go wrong; a message should name the remedy.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Every party, before anything else: public bytes that all others shall have from this party, unchanged by whoever
    /// is in between, such as a key; at most 65535, by default none. They travel with the party's nonce, under its
    /// signature. The same whenever it is called, also after a restart.
    fn announcement(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Every party, once, before the first round: session id and common random string are known.
    fn begin(&mut self, context: &SessionContext) -> Result<(), Self::Error>;

    /// Root only: the next round, or the end.
    fn next_round(&mut self) -> Result<Next, Self::Error>;

    /// Every party, root included: its share for this round.
    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>, Self::Error>;

    /// Inner nodes: adds `share`, which came from the child `from` and may itself be a sum, to
    /// `into`. Validates first; on an error `into` is as it was.
    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        from: PartyIndex,
        share: &[u8],
    ) -> Result<(), Self::Error>;

    /// Root only: the sum of all shares.
    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<(), Self::Error>;

    /// Every party but the root: the session is complete, with the root's final payload.
    fn complete(&mut self, payload: &[u8]) -> Result<(), Self::Error>;

    /// Brings the state to where [`share`](Self::share) left it, after a restart, for a round whose
    /// share is journaled. Override it where the state can be had without computing the share.
    fn replay(&mut self, round: &RoundId, input: &[u8]) -> Result<(), Self::Error> {
        self.share(round, input).map(drop)
    }

    /// Root only: how many rounds (opening excluded) the application expects in all, for progress
    /// reports.
    fn rounds_expected(&self) -> Option<u32> {
        None
    }
}
