//! A party that answers queries, as an application of a session.
//!
//! The model comes first, once: refreshes transpose the first layer's blocks and put them in the places that
//! predictions need ([`ServingStep::Swap`], [`ServingStep::Place`]). Then queries are answered a few at a time, each
//! wave in the same rounds: two refreshes for every hidden layer, and the key switch to the queriers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tacit_ckks::{Ciphertext, Encoder, PublicKey};
use tacit_mhe::{ExactMap, KeySwitchToPublic, PartySecret, Refresh};
use tacit_session::{Application, Next, PartyIndex, RoundId, RoundInput, SessionContext};

use super::super::packed::{Engine, LayerCounts, SlotMap};
use super::circuit::ServingModel;
use super::plan::{ServingPlan, Stage};
use super::query::{Introduction, Query};
use crate::encrypted::keys::{FIRST_ROUND, check_parties, missing, protocols_of};
use crate::encrypted::shares::{add_shares, encoded_all, finish_all, not_entered};
use crate::encrypted::{EncryptedError, sections};

pub(super) type Result<T> = std::result::Result<T, EncryptedError>;

/// Most queries that are answered together.
pub const WAVE: usize = 4;

/// One round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingStep {
    /// Step k of the transposition of the first layer's blocks.
    Swap(usize),
    /// Every block becomes a piece of the first layer; all layers are raised to the scales of predictions.
    Place,
    /// Refresh of the predictors of hidden layer l.
    Predictors(usize),
    /// Refresh of the activations of hidden layer l.
    Activations(usize),
    /// Key switch of answers to their queriers.
    Answer,
}

impl ServingStep {
    /// The round's label.
    pub fn label(self) -> &'static str {
        match self {
            ServingStep::Swap(_) => "model/swap",
            ServingStep::Place => "model/place",
            ServingStep::Predictors(_) => "query/refresh-predictors",
            ServingStep::Activations(_) => "query/refresh-activations",
            ServingStep::Answer => "query/answer",
        }
    }
}

/// An encrypted model as training leaves it.
#[derive(Debug, Clone)]
pub struct TrainedModel {
    /// The first layer, in the packing of training.
    pub first: Vec<Ciphertext>,
    /// Layers 2, 3 …, one ciphertext each.
    pub hidden: Vec<Ciphertext>,
}

/// One party: its secret, and where it is in the script.
pub struct ServingParty {
    pub(super) plan: Arc<ServingPlan>,
    pub(super) secret: PartySecret,
    encoder: Encoder,
    mhe: Option<tacit_mhe::SessionContext>,
    script: Vec<ServingStep>,
    converted: bool,
    position: usize,
    round: Option<(u32, Round)>,
    /// Answers that this party has taken part in.
    answered: usize,
    pub(super) root: Option<Root>,
}

/// The protocols of the current round.
enum Round {
    Refresh(Vec<Refresh>),
    Answer(Vec<KeySwitchToPublic>),
}

/// What only the root has.
pub(super) struct Root {
    pub engine: Engine,
    pub collective: PublicKey,
    pub trained: Option<TrainedModel>,
    pub model: Option<ServingModel>,
    pub queue: VecDeque<(Vec<Ciphertext>, PublicKey)>,
    pub seen: BTreeSet<[u8; 32]>,
    /// Whose queries are on their way.
    pub targets: Vec<PublicKey>,
    /// To be refreshed or answered next.
    pub lowered: Vec<Ciphertext>,
    pub answers: Vec<Vec<u8>>,
}

impl ServingParty {
    /// A party with its secret.
    pub fn new(plan: Arc<ServingPlan>, secret: PartySecret) -> Self {
        let mut script: Vec<_> = (0..plan.swaps().len()).map(ServingStep::Swap).collect();
        script.push(ServingStep::Place);
        Self {
            encoder: Encoder::new(&plan.encryption.params),
            plan,
            secret,
            mhe: None,
            script,
            converted: false,
            position: 0,
            round: None,
            answered: 0,
            root: None,
        }
    }

    /// Makes this party the root: it has the evaluation keys and the encrypted model.
    pub fn with_model(
        mut self,
        engine: Engine,
        collective: PublicKey,
        model: TrainedModel,
    ) -> Self {
        self.root = Some(Root {
            engine,
            collective,
            trained: Some(model),
            model: None,
            queue: VecDeque::new(),
            seen: BTreeSet::new(),
            targets: vec![],
            lowered: vec![],
            answers: vec![],
        });
        self
    }

    /// Root only: a query to be answered, in the order of submission.
    pub fn submit(&mut self, query: Query, introduction: &Introduction) -> Result<()> {
        let (plan, answered) = (self.plan.clone(), self.answered);
        let root = self.root_mut()?;
        let asked = answered + root.queue.len() + 1;
        if asked > plan.max_answers {
            let (query, limit) = (asked, plan.max_answers);
            return Err(EncryptedError::QueryLimit { query, limit });
        }
        // Answering the same ciphertexts twice would ask every party for a second share on one of them.
        let digest = query.digest(&plan.encryption.params);
        if root.seen.contains(&digest) {
            let problem = "this very query was asked before; encrypt its rows afresh";
            return Err(EncryptedError::Query(problem.into()));
        }
        let received = query.received(&plan, introduction, root.engine.evaluator())?;
        root.seen.insert(digest);
        root.queue
            .push_back((received, introduction.target.clone()));
        Ok(())
    }

    /// Root only: the answers so far, in the order of the queries; only each querier can read its own.
    pub fn answers(&self) -> &[Vec<u8>] {
        self.root.as_ref().map_or(&[], |root| &root.answers)
    }

    /// Root only: what was computed so far.
    pub fn counts(&self) -> LayerCounts {
        let root = self.root.as_ref();
        root.map_or(LayerCounts::default(), |root| root.engine.counts())
    }

    pub(super) fn root_mut(&mut self) -> Result<&mut Root> {
        let root = self.root.as_mut();
        root.ok_or_else(|| missing("model", "only the root has it"))
    }

    pub(super) fn context(&self) -> Result<&tacit_mhe::SessionContext> {
        let context = self.mhe.as_ref();
        context.ok_or_else(|| missing("session", "a round before the session began"))
    }

    /// The step at a position of this session: the model's first, then wave after wave.
    fn step_at(&self, position: usize) -> ServingStep {
        if let Some(&step) = self.script.get(position) {
            return step;
        }
        let layers = self.plan.config.depth() - 1;
        let at = (position - self.script.len()) % (2 * layers + 1);
        match at == 2 * layers {
            true => ServingStep::Answer,
            false if at.is_multiple_of(2) => ServingStep::Predictors(at / 2 + 1),
            false => ServingStep::Activations(at / 2 + 1),
        }
    }

    pub(super) fn step_of(&self, round: &RoundId) -> Result<ServingStep> {
        let position = round.number.checked_sub(FIRST_ROUND).map(|p| p as usize);
        let step = position.map(|p| self.step_at(p));
        match step {
            Some(step) if round.label.as_str() == step.label() => Ok(step),
            _ => Err(EncryptedError::OutOfScript {
                round: round.number,
                found: round.label.as_str().into(),
                expected: step.map_or("(the opening)", ServingStep::label).into(),
            }),
        }
    }

    /// Builds the protocols of a round from its public input.
    fn enter(&mut self, round: &RoundId, input: &[u8]) -> Result<ServingStep> {
        let step = self.step_of(round)?;
        if matches!(&self.round, Some((number, _)) if *number == round.number) {
            return Ok(step);
        }
        let params = self.plan.encryption.params.clone();
        let instance = self.context()?.instance(u64::from(round.number));
        let parts = sections::split_any(step.label(), input)?;
        let state = match step {
            ServingStep::Answer => {
                let count = parts.len() / 2;
                if parts.len() != 2 * count || !(1..=WAVE).contains(&count) {
                    return Err(missing("answers", "not between one and a wave of pairs"));
                }
                let (query, limit) = (self.answered + count, self.plan.max_answers);
                if query > limit {
                    return Err(EncryptedError::QueryLimit { query, limit });
                }
                let smudging = self.plan.smudging();
                let answer = |pair: &[&[u8]]| {
                    let output = Ciphertext::from_bytes(&params, pair[0])?;
                    let target = PublicKey::from_bytes(&params, pair[1])?;
                    Ok(KeySwitchToPublic::new(
                        &params, &instance, &output, &target, smudging,
                    )?)
                };
                let protocols = parts.chunks_exact(2).map(answer).collect::<Result<_>>()?;
                self.answered += count;
                Round::Answer(protocols)
            }
            _ => {
                let mask = self.plan.encryption.mask;
                let targets = self.targets(step, parts.len())?;
                let protocols = (parts.iter().zip(targets))
                    .map(|(part, (scale, level, map))| {
                        let ct = Ciphertext::from_bytes(&params, part)?;
                        if ct.level() != self.plan.level(2)
                            || (ct.scale() / scale - 1.0).abs() > 1e-6
                        {
                            let found =
                                format!("level {}, scale 2^{:.2}", ct.level(), ct.scale().log2());
                            return Err(missing(
                                step.label(),
                                &format!("{found} is not the plan's"),
                            ));
                        }
                        Ok(Refresh::new(&params, &instance, ct, level, mask, map)?)
                    })
                    .collect::<Result<_>>()?;
                Round::Refresh(protocols)
            }
        };
        self.round = Some((round.number, state));
        Ok(step)
    }

    /// Scale, output level and map of everything that a round refreshes.
    fn targets(&self, step: ServingStep, count: usize) -> Result<Vec<(f64, usize, ExactMap)>> {
        let plan = &self.plan;
        let (first, pieces) = (plan.trained.first_ciphertexts(), plan.layout.pieces());
        let fits = match step {
            ServingStep::Swap(_) => count == first,
            ServingStep::Place => count == pieces + plan.config.depth() - 1,
            _ => (1..=WAVE).contains(&count),
        };
        if !fits {
            return Err(missing(step.label(), &format!("{count} ciphertexts")));
        }
        let encode = |map: &SlotMap, below: usize, scale: f64| {
            let level = plan.level(below);
            let map = map.encode(&self.encoder, level, scale)?;
            Ok::<_, EncryptedError>((plan.weight_scale, level, map))
        };
        let raise = |stage: Stage| {
            let map = ExactMap::Multiple { bits: stage.bits };
            (stage.scale, plan.level(0), map)
        };
        let stage = |k: usize| plan.stages().get(k).copied();
        Ok(match step {
            ServingStep::Swap(k) => {
                vec![encode(&plan.trained.swap(plan.swaps()[k]), 1, plan.q(1))?; count]
            }
            ServingStep::Place => {
                let used = plan.trained.used();
                let height = plan.trained.height();
                let weights = plan.hidden_weights();
                let scale = f64::from(weights.bits).exp2();
                let maps = (0..used / height)
                    .map(|block| encode(&plan.trained.repeat_block(block * height), 0, scale))
                    .collect::<Result<Vec<_>>>()?;
                let mut targets: Vec<_> = (maps.iter().cycle().take(pieces).cloned()).collect();
                targets.extend(vec![raise(weights); plan.config.depth() - 2]);
                targets.push(raise(plan.last_weights()));
                targets
            }
            ServingStep::Predictors(l) => {
                let stage = stage(2 * l - 2).ok_or_else(|| missing("layer", "not hidden"))?;
                vec![raise(stage); count]
            }
            ServingStep::Activations(l) => {
                let stage = stage(2 * l - 1).ok_or_else(|| missing("layer", "not hidden"))?;
                vec![raise(stage); count]
            }
            ServingStep::Answer => vec![],
        })
    }

    /// The results of a round's refreshes.
    pub(super) fn refreshed(&self, sum: &[u8]) -> Result<Vec<Ciphertext>> {
        let Some((_, Round::Refresh(protocols))) = &self.round else {
            return Err(not_entered());
        };
        finish_all(protocols, sum, |_, ct| Ok(ct))
    }

    /// The answers of a round, encoded.
    pub(super) fn switched(&self, sum: &[u8]) -> Result<Vec<Vec<u8>>> {
        let Some((_, Round::Answer(protocols))) = &self.round else {
            return Err(not_entered());
        };
        let params = &self.plan.encryption.params;
        finish_all(protocols, sum, |_, answer| Ok(answer.to_bytes(params)))
    }
}

impl Application for ServingParty {
    type Error = EncryptedError;

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        check_parties(context, self.plan.parties)?;
        if self.converted {
            self.script.clear();
        }
        self.position = 0;
        self.round = None;
        self.mhe = Some(protocols_of(context));
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next> {
        let step = self.step_at(self.position);
        let payload = match self.input(step)? {
            Some(payload) => payload,
            None => {
                self.converted = true;
                self.round = None;
                return Ok(Next::Complete(Vec::new()));
            }
        };
        self.position += 1;
        Ok(Next::Round(RoundInput {
            label: step.label().into(),
            payload,
        }))
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>> {
        self.enter(round, input)?;
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::Refresh(p)) => encoded_all(p, &self.secret),
            Some(Round::Answer(p)) => encoded_all(p, &self.secret),
            None => Err(missing("round", "nothing to share")),
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
            Some(Round::Refresh(p)) => add_shares(p, into, share),
            Some(Round::Answer(p)) => add_shares(p, into, share),
            None => Err(missing("round", "nothing to add")),
        }
    }

    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<()> {
        let step = self.step_of(round)?;
        self.conclude(step, &aggregate)
    }

    fn complete(&mut self, _payload: &[u8]) -> Result<()> {
        self.converted = true;
        self.round = None;
        Ok(())
    }
}
