//! A party of a network's training, as an application of a session.

use std::sync::Arc;

use tacit_ckks::{Ciphertext, Encoder, EvaluationKeys, Evaluator, PeriodicEncoder};
use tacit_mhe::{PartySecret, Refresh, Release};
use tacit_session::{Application, Next, PartyIndex, RoundId, RoundInput, SessionContext};

use super::super::MlpWeights;
use super::super::checkpoint::{Keeper, TrainingState};
use super::super::packed::{Engine, LayerCounts};
use super::first::FirstBatch;
use super::maps::Maps;
use super::plan::MlpPlan;
use super::root::Root;
use super::script::{MlpStep, steps, steps_between};
use crate::encrypted::keys::{CollectiveKeys, KeyRound, check_parties, missing};
use crate::encrypted::shares::{add_shares, encoded_all};
use crate::encrypted::{EncryptedError, LocalRows, sections};
use crate::model::{BatchOrder, Samples};

pub(super) type Result<T> = std::result::Result<T, EncryptedError>;

/// One party: its secret, its rows, and where it is in the script.
///
/// Owns everything; gives out only what the protocol sends.
pub struct MlpParty {
    pub(super) plan: Arc<MlpPlan>,
    pub(super) script: Vec<MlpStep>,
    pub(super) keys: CollectiveKeys,
    pub(super) periodic: PeriodicEncoder,
    pub(super) maps: Maps,
    pub(super) secret: PartySecret,
    pub(super) rows: Box<dyn LocalRows>,
    pub(super) own: Option<OwnRows>,
    pub(super) totals: Vec<f64>,
    /// Released, for an early stop.
    pub(super) errors: Vec<f64>,
    pub(super) me: usize,
    number: Option<usize>,
    /// For the party's own layer.
    pub(super) engine: Option<Engine>,
    pub(super) batch: Option<(usize, FirstBatch)>,
    pub(super) round: Option<(u32, Round)>,
    pub(super) position: usize,
    /// The iteration that this session starts with.
    pub(super) start: usize,
    pub(super) root: Root,
}

/// The protocols of the current round.
pub(super) enum Round {
    Key(KeyRound),
    Refresh(Vec<Refresh>),
    Release(Vec<Release>),
    /// Every party's contribution is kept apart.
    Gather,
    /// So many ciphertexts are summed, position by position.
    Sums(usize),
}

/// A party's rows once they are standardised, and the order of their batches.
pub(super) struct OwnRows {
    pub samples: Samples,
    pub order: BatchOrder,
}

impl MlpParty {
    /// A party with its secret and its rows.
    pub fn new(plan: Arc<MlpPlan>, secret: PartySecret, rows: Box<dyn LocalRows>) -> Result<Self> {
        let keys = CollectiveKeys::at_all_levels(&plan.encryption.params, plan.rotations());
        Ok(Self {
            script: steps(keys.galois_keys(), &plan),
            maps: Maps::new(&plan, keys.encoder())?,
            periodic: PeriodicEncoder::new(&plan.encryption.params, plan.period())?,
            keys,
            secret,
            rows,
            own: None,
            totals: Vec::new(),
            errors: Vec::new(),
            me: 0,
            number: None,
            engine: None,
            batch: None,
            round: None,
            position: 0,
            start: 0,
            root: Root::default(),
            plan,
        })
    }

    /// Goes on after `done` iterations, in a new session of the same parties; `keys` are the sums of the key shares of the session
    /// before, of which only the root uses more than the name of that session.
    pub fn resume(self, keys: &[u8], done: usize) -> Result<Self> {
        self.resumed(keys, done, false)
    }

    /// As [`Self::resume`], for the root.
    pub fn resume_root(self, keys: &[u8], state: TrainingState) -> Result<Self> {
        let mut party = self.resumed(keys, state.iteration, true)?;
        party.totals.clone_from(&state.totals);
        party.root.restored = Some(state);
        Ok(party)
    }

    fn resumed(mut self, keys: &[u8], done: usize, root: bool) -> Result<Self> {
        self.keys.restore(keys, root)?;
        let leg = self.plan.leg_after(done);
        self.script = steps_between(&self.plan, done, leg);
        self.start = done;
        self.root = Root::default();
        Ok(self)
    }

    /// In sessions whose roster has another order than the plan: the party's place in the plan.
    pub fn numbered(mut self, number: usize) -> Self {
        self.number = Some(number);
        self
    }

    /// Root only, after a session that did not come to the end of the plan: what the root of the next one goes on from. Public
    /// to all parties.
    pub fn hand_over(&mut self) -> Result<(Arc<Vec<u8>>, TrainingState)> {
        let keys = self.root.key_sums.take();
        let keys =
            keys.ok_or_else(|| missing("key shares", "not those of a root whose plan rotates"))?;
        Ok((keys, self.state(self.plan.leg_after(self.start))))
    }

    /// Root only: states are kept from now on.
    pub fn keep(mut self, keeper: Box<dyn Keeper>) -> Self {
        self.root.keeper = Some(keeper);
        self
    }

    /// The model in the clear, once the training is complete.
    pub fn released_model(&self) -> Option<&MlpWeights> {
        self.root.released.as_ref()
    }

    /// The released totals of collective standardisation.
    pub fn totals(&self) -> &[f64] {
        &self.totals
    }

    /// What this party has computed on its own rows.
    pub fn own_counts(&self) -> LayerCounts {
        self.engine
            .as_ref()
            .map_or(LayerCounts::default(), Engine::counts)
    }

    /// Root only: what was computed for all.
    pub fn root_counts(&self) -> LayerCounts {
        self.root
            .engine
            .as_ref()
            .map_or(LayerCounts::default(), Engine::counts)
    }

    pub(super) fn params(&self) -> &tacit_ckks::Parameters {
        &self.plan.encryption.params
    }

    pub(super) fn encoder(&self) -> &Encoder {
        self.keys.encoder()
    }

    pub(super) fn make_engine(&self, keys: Arc<EvaluationKeys>) -> Engine {
        let evaluator = Evaluator::with_shared_keys(self.params(), keys);
        Engine::new(evaluator, self.encoder().clone())
    }

    /// The rows, standardised by the released totals.
    pub(super) fn prepare_rows(&mut self) -> Result<()> {
        let (config, expected) = (&self.plan.config, self.plan.rows[self.me]);
        let samples = (self.rows.samples(&self.totals)).map_err(EncryptedError::Standardisation)?;
        config.check(&samples)?;
        if samples.len() != expected {
            return Err(crate::Error::Shape {
                what: "rows of this party",
                expected,
                found: samples.len(),
            }
            .into());
        }
        let order = BatchOrder::new(samples.len(), config.batch, config.seed, self.me);
        self.own = Some(OwnRows { samples, order });
        Ok(())
    }
}

pub(super) fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    sections::join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

impl Application for MlpParty {
    type Error = EncryptedError;

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        check_parties(context, self.plan.rows.len())?;
        self.me = self.number.unwrap_or(context.me.as_usize());
        self.position = 0;
        self.round = None;
        self.keys.begin(context);
        match self.plan.moments {
            0 => self.prepare_rows(),
            _ => Ok(()),
        }
    }

    fn next_round(&mut self) -> Result<Next> {
        let Some(&step) = self.script.get(self.position) else {
            return Ok(Next::Complete(self.released_bytes()));
        };
        let payload = self.input(step)?;
        self.position += 1;
        Ok(Next::Round(RoundInput {
            label: step.label().into(),
            payload,
        }))
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>> {
        let step = self.enter(round, input)?;
        match step {
            MlpStep::Forward(t) => return self.forward_share(round, t, input),
            MlpStep::Gradient(t) => return self.gradient_share(round, t, input),
            MlpStep::Moments => return self.moments_share(round),
            _ => {}
        }
        let secret = &self.secret;
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::Key(p)) => p.share(secret),
            Some(Round::Refresh(p)) => encoded_all(p, secret),
            Some(Round::Release(p)) => encoded_all(p, secret),
            Some(Round::Gather | Round::Sums(_)) | None => {
                Err(missing("round", "nothing to share"))
            }
        }
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        _from: PartyIndex,
        share: &[u8],
    ) -> Result<()> {
        self.enter(round, input)?;
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::Key(p)) => p.aggregate(into, share)?,
            Some(Round::Refresh(p)) => add_shares(p, into, share)?,
            Some(Round::Release(p)) => add_shares(p, into, share)?,
            Some(Round::Gather) => super::own::gather(into, share, self.plan.rows.len())?,
            Some(Round::Sums(count)) => {
                let theirs = sections::split("share", share, *count)?;
                let ours = sections::split_mut("sum", into, *count)?;
                Ciphertext::add_all_encoded(self.params(), ours, &theirs)?;
            }
            None => return Err(missing("round", "nothing to add")),
        }
        Ok(())
    }

    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<()> {
        let step = self.step_of(round)?;
        self.conclude(step, aggregate)
    }

    fn complete(&mut self, payload: &[u8]) -> Result<()> {
        if !payload.is_empty() {
            self.learn_released(payload)?;
        }
        self.round = None;
        self.batch = None;
        Ok(())
    }

    fn replay(&mut self, round: &RoundId, input: &[u8]) -> Result<()> {
        // What a share changes, the input has taught; batches are encoded when they are needed.
        self.enter(round, input).map(drop)
    }

    fn rounds_expected(&self) -> Option<u32> {
        Some(self.script.len() as u32)
    }
}
