//! Training and answering as a session: what every party does in every round.

use std::collections::VecDeque;
use std::sync::Arc;

use tacit_ckks::{Ciphertext, EvaluationKeys, Evaluator, PublicKey};
use tacit_mhe::threshold::{Exchange, ThresholdSecret, announcement};
use tacit_mhe::{
    ExactMap, KeySwitchToPublic, PartySecret, Protocol, Refresh, Release, ShareInput, SmudgingBits,
};
use tacit_session::{
    Application, Continuation, Digest, Next, PartyIndex, RoundId, RoundInput, SessionContext,
};

use super::circuit::Circuit;
use super::keys::{CollectiveKeys, FIRST_ROUND, KeyRound, check_parties, missing};
use super::rows::LocalRows;
use super::script::{Script, Step};
use super::shares::{encoded, finish, not_entered};
use super::{EncryptedError, EncryptionPlan, Query, sections, statistics};
use crate::model::{BatchOrder, GlmConfig, Samples, Schedule, Weights};
use crate::packing::{Batch, Diagonals, Layout};

mod continuing;
mod enter;
mod own;
mod point;
mod root;

type Result<T> = std::result::Result<T, EncryptedError>;

/// What all parties agreed on. Public.
#[derive(Debug, Clone)]
pub struct SessionPlan {
    /// The training.
    pub config: GlmConfig,
    /// The encryption.
    pub encryption: EncryptionPlan,
    /// Rows of all parties together.
    pub total_rows: usize,
    /// Number of released moments; 0 when features are standardised by public ranges.
    pub moments: usize,
    /// Whether the model itself is released to everyone.
    pub release_model: bool,
    /// Most answers to queriers.
    pub max_answers: usize,
}

/// One party of a training session: its secret, its rows, and where it is in the script.
///
/// Owns everything; gives out only what the protocol sends.
pub struct GlmParty {
    plan: Arc<SessionPlan>,
    script: Script,
    layout: Layout,
    schedule: Option<Schedule>,
    keys: CollectiveKeys,
    secret: PartySecret,
    rows: Box<dyn LocalRows>,
    samples: Option<Samples>,
    order: Option<BatchOrder>,
    me: usize,
    away: Away,
    refreshed: point::Refreshed,
    circuit: Option<Circuit>,
    round: Option<(u32, Round)>,
    position: usize,
    root: Root,
}

/// The protocol of the current round, where it is one; sums of ciphertexts otherwise.
enum Round {
    Key(KeyRound),
    Release(Release),
    Refresh(Refresh),
    Answer(KeySwitchToPublic),
    Ciphertexts,
    /// So many ciphertexts side by side.
    Several(usize),
    SubShares,
    /// What everybody should say.
    Confirm([u8; 32]),
}

/// What a party needs so that it can go on without some of the others.
#[derive(Default)]
struct Away {
    /// The exchange of sub-shares, while it is under way.
    exchange: Option<Exchange>,
    /// This party's part of the key that any t of the parties have together.
    place: Option<ThresholdSecret>,
    /// What it acts with in a session without some of the others.
    acting: Option<PartySecret>,
    /// The last such session that began.
    last: Option<Continuation>,
    /// A session has begun and is not complete.
    under_way: bool,
    /// The last session was not complete and is over for this party.
    left: bool,
    /// Refreshes that this party took part in: masks hide so many and no more.
    refreshes: usize,
    /// The session in which shares of the model's release may have left.
    releasing: Option<[u8; 32]>,
}

/// What only the root accumulates.
#[derive(Default)]
struct Root {
    moments: Vec<u8>,
    totals: Vec<f64>,
    curvature: Vec<u8>,
    curvature_bound: f64,
    /// The list of sub-shares, until everybody has it.
    dealt: Vec<u8>,
    /// Everybody has its sub-shares.
    confirmed: bool,
    /// Iterations whose weights are here.
    completed: usize,
    weights: Option<Ciphertext>,
    previous: Option<Ciphertext>,
    base: Option<Ciphertext>,
    /// The weights to refresh next, whole: the others receive what shares are made of.
    lowered: Option<Ciphertext>,
    released: Option<Weights>,
    queries: VecDeque<Query>,
    answers: Vec<Vec<u8>>,
}

impl GlmParty {
    /// A party with its secret and its rows.
    pub fn new(
        plan: Arc<SessionPlan>,
        secret: PartySecret,
        rows: Box<dyn LocalRows>,
    ) -> Result<Self> {
        let config = &plan.config;
        let layout = config.layout()?;
        let rotations = plan.encryption.rotations(&layout).into_iter();
        let rotations = rotations.map(|rotation| (rotation.steps as i64, rotation.level));
        let threshold = plan.encryption.threshold.is_some();
        let keys = CollectiveKeys::new(&plan.encryption.params, rotations)
            .multiplying(plan.encryption.answer_level());
        let keys = match threshold {
            true => keys.keeping_sums(),
            false => keys,
        };
        let script = Script::new(
            config,
            keys.galois_keys(),
            threshold,
            plan.moments > 0,
            plan.release_model,
            plan.max_answers,
        );
        Ok(Self {
            script,
            layout,
            schedule: None,
            keys,
            secret,
            rows,
            samples: None,
            order: None,
            me: 0,
            away: Away::default(),
            refreshed: point::Refreshed::default(),
            circuit: None,
            round: None,
            position: 0,
            root: Root::default(),
            plan,
        })
    }

    /// Root only: a query to be answered after training.
    pub fn submit(&mut self, query: Query) {
        self.root.queries.push_back(query);
    }

    /// Root only: the answers so far, in the order of the queries; only each querier can read its own.
    pub fn answers(&self) -> &[Vec<u8>] {
        &self.root.answers
    }

    /// The collective public key, once it exists.
    pub fn collective_key(&self) -> Option<&PublicKey> {
        self.keys.known_public_key()
    }

    /// Root only: the encrypted model, refreshed to the query scale.
    pub fn model(&self) -> Option<&Ciphertext> {
        self.root.weights.as_ref()
    }

    /// The model in the clear once the training is complete, if the plan releases it.
    pub fn released_model(&self) -> Option<&Weights> {
        self.root.released.as_ref()
    }

    /// The released totals of collective standardisation.
    pub fn totals(&self) -> &[f64] {
        &self.root.totals
    }

    /// The bound on the curvature that the step size rests on, released or public.
    pub fn curvature_bound(&self) -> f64 {
        self.root.curvature_bound
    }

    fn schedule(&self) -> Result<&Schedule> {
        self.schedule.as_ref().ok_or(missing(
            "step sizes",
            "the curvature bound is not known yet",
        ))
    }

    /// After training, further sessions of the same parties answer queries on the encrypted model.
    fn serve_from_now_on(&mut self) {
        self.script = Script::serving(self.plan.max_answers);
        self.round = None;
        self.samples = None;
        self.root.previous = None;
        self.root.base = None;
        self.away.under_way = false;
    }

    fn params(&self) -> &tacit_ckks::Parameters {
        &self.plan.encryption.params
    }

    /// The Galois keys that every party needs: all but those of the root alone.
    fn party_keys(&self) -> Vec<usize> {
        let rotations = self.plan.encryption.rotations(&self.layout).into_iter();
        let wanted: Vec<i64> = rotations
            .filter(|rotation| rotation.by_parties)
            .map(|rotation| rotation.steps as i64)
            .collect();
        self.keys.turning(&wanted)
    }
}

/// Widths of flooding: public functions of the plan, so that all parties agree on them.
impl GlmParty {
    fn moments_smudging(&self) -> Result<SmudgingBits> {
        Ok(self.plan.encryption.moments_margin()?.smudging())
    }

    fn model_smudging(&self) -> SmudgingBits {
        self.plan.encryption.model_margin().smudging()
    }

    fn answer_smudging(&self) -> Result<SmudgingBits> {
        let answers = self.plan.max_answers;
        Ok(self
            .plan
            .encryption
            .answer_margin(&self.layout, answers)?
            .smudging())
    }
}

impl Application for GlmParty {
    type Error = EncryptedError;

    fn announcement(&self) -> Vec<u8> {
        let is_first = self.plan.encryption.threshold.is_some() && self.keys.session().is_err();
        match is_first {
            true => announcement(&self.secret),
            false => Vec::new(),
        }
    }

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        check_parties(context, self.plan.encryption.parties)?;
        match &context.continuation {
            Some(continuation) => self.go_on(context.me, continuation)?,
            None => self.begin_with_all(context)?,
        }
        self.me = context.me.as_usize();
        self.position = 0;
        self.round = None;
        self.away.under_way = true;
        self.keys.begin(context);
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next> {
        let step = match self.script.step(self.position) {
            Some(Step::Answer(_)) if self.root.queries.is_empty() => None,
            other => other,
        };
        let Some(step) = step else {
            let released = self.released_bytes();
            self.serve_from_now_on();
            return Ok(Next::Complete(released));
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
        if let Step::Gradient(t) = step {
            return self.gradient_share(round, t, input);
        }
        if matches!(step, Step::Moments | Step::Curvature) {
            let sums = self.own_sums(step)?;
            let level = self.plan.encryption.top_level();
            return self.encrypt_own(round, &sums, level, statistics::scale());
        }
        if step == Step::Checkpoint {
            return self.checkpoint_share(round, input);
        }
        let secret = self.acting();
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::Key(p)) => p.share(secret),
            Some(Round::Release(p)) => encoded(p, secret),
            Some(Round::Refresh(p)) => encoded(p, secret),
            Some(Round::Answer(p)) => encoded(p, secret),
            Some(Round::SubShares) => Ok(self.exchange()?.deal(secret)?),
            Some(Round::Confirm(receipt)) => Ok(receipt.to_vec()),
            Some(Round::Ciphertexts | Round::Several(_)) | None => {
                Err(missing("round", "nothing to share"))
            }
        }
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        from: PartyIndex,
        share: &[u8],
    ) -> Result<()> {
        self.enter(round, input)?;
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::Key(p)) => p.aggregate(into, share)?,
            Some(Round::Release(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Refresh(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Answer(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::SubShares) => self.exchange()?.merge(into, share)?,
            Some(Round::Confirm(receipt)) if share != receipt => {
                let problem = format!("{from} or one below it has received another list");
                return Err(missing("confirmation of sub-shares", &problem));
            }
            Some(Round::Confirm(_)) => {}
            Some(Round::Several(count)) => {
                let theirs = sections::split("share", share, *count)?;
                let ours = sections::split_mut("sum", into, *count)?;
                Ciphertext::add_all_encoded(self.params(), ours, &theirs)?;
            }
            Some(Round::Ciphertexts) | None => {
                Ciphertext::add_encoded(self.params(), into, share)?;
            }
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
        self.serve_from_now_on();
        Ok(())
    }

    fn replay(&mut self, round: &RoundId, input: &[u8]) -> Result<()> {
        // What a share changes, the input has taught.
        self.enter(round, input).map(drop)
    }

    fn rounds_expected(&self) -> Option<u32> {
        Some((self.script.len() + self.root.queries.len()) as u32)
    }
}
