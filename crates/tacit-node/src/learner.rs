//! What a party computes in a session: a generalised linear model, or a network.

use std::sync::Arc;

use tacit_ckks::PublicKey;
use tacit_learn::encrypted::{EncryptedError, GlmParty, LocalRows, Query, released};
use tacit_learn::neural::encrypted::{MlpParty, MlpStep};
use tacit_mhe::PartySecret;
use tacit_session::plan::ReleaseKind;
use tacit_session::{Application, Digest, Next, PartyIndex, RoundId, SessionContext};

use crate::agreement::Task;
use crate::model_file::Released;

/// A party of whatever the plan trains.
pub enum Learner {
    /// A generalised linear model.
    Glm(Box<GlmParty>),
    /// A network.
    Network(Box<MlpParty>),
}

/// What a round of this label releases, if it releases anything.
pub fn releases(label: &str) -> Option<ReleaseKind> {
    match label == MlpStep::ReleaseError(0).label() {
        true => Some(ReleaseKind::Statistics),
        false => released(label),
    }
}

impl Learner {
    /// A party with its secret and its rows.
    pub fn new(
        task: &Task,
        secret: PartySecret,
        rows: Box<dyn LocalRows>,
    ) -> Result<Self, EncryptedError> {
        Ok(match task {
            Task::Glm(plan) => Self::Glm(Box::new(GlmParty::new(Arc::clone(plan), secret, rows)?)),
            Task::Network(plan) => {
                Self::Network(Box::new(MlpParty::new(Arc::clone(plan), secret, rows)?))
            }
        })
    }

    /// Root: a query for the next session, if this model answers any.
    pub fn submit(&mut self, query: Query) {
        if let Self::Glm(party) = self {
            party.submit(query);
        }
    }

    /// Gives up the session it is in, because the plan is gone on with without somebody.
    pub fn leave_unfinished(&mut self) {
        if let Self::Glm(party) = self {
            party.leave_unfinished();
        }
    }

    /// The session whose keys a continuation uses, or why all parties are needed still.
    pub fn can_go_on(&self, is_root: bool) -> Result<Digest, EncryptedError> {
        let Self::Glm(party) = self else {
            let problem = "networks are trained by all parties; wait for the one that is away";
            return Err(EncryptedError::Continuation(problem.into()));
        };
        party.can_go_on(is_root)?;
        let none = || EncryptedError::Continuation("the first session is not open yet".into());
        party.origin().ok_or_else(none)
    }

    /// Root: the answers so far.
    pub fn answers(&self) -> &[Vec<u8>] {
        match self {
            Self::Glm(party) => party.answers(),
            Self::Network(_) => &[],
        }
    }

    /// The collective public key of a model that answers queries, once it exists.
    pub fn collective_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Glm(party) => party.collective_key(),
            Self::Network(_) => None,
        }
    }

    /// The bound on the curvature that step sizes rest on, where they do.
    pub fn curvature_bound(&self) -> Option<f64> {
        match self {
            Self::Glm(party) => Some(party.curvature_bound()),
            Self::Network(_) => None,
        }
    }

    /// The released totals of collective standardisation.
    pub fn totals(&self) -> &[f64] {
        match self {
            Self::Glm(party) => party.totals(),
            Self::Network(party) => party.totals(),
        }
    }

    /// The model in the clear, if the plan releases it and the training is complete.
    pub fn released(&self) -> Option<Released<'_>> {
        match self {
            Self::Glm(party) => party.released_model().map(Released::Glm),
            Self::Network(party) => party.released_model().map(Released::Network),
        }
    }
}

/// The same call to whichever it is.
macro_rules! either {
    ($learner:expr, $party:ident => $call:expr) => {
        match $learner {
            Learner::Glm($party) => $call,
            Learner::Network($party) => $call,
        }
    };
}

impl Application for Learner {
    type Error = EncryptedError;

    fn announcement(&self) -> Vec<u8> {
        either!(self, party => party.announcement())
    }

    fn begin(&mut self, context: &SessionContext) -> Result<(), EncryptedError> {
        either!(self, party => party.begin(context))
    }

    fn next_round(&mut self) -> Result<Next, EncryptedError> {
        either!(self, party => party.next_round())
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>, EncryptedError> {
        either!(self, party => party.share(round, input))
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        from: PartyIndex,
        share: &[u8],
    ) -> Result<(), EncryptedError> {
        either!(self, party => party.aggregate(round, input, into, from, share))
    }

    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<(), EncryptedError> {
        either!(self, party => party.finish(round, aggregate))
    }

    fn complete(&mut self, payload: &[u8]) -> Result<(), EncryptedError> {
        either!(self, party => party.complete(payload))
    }

    fn replay(&mut self, round: &RoundId, input: &[u8]) -> Result<(), EncryptedError> {
        either!(self, party => party.replay(round, input))
    }

    fn rounds_expected(&self) -> Option<u32> {
        either!(self, party => party.rounds_expected())
    }
}
