//! Training and answering as a session: what every party does in every round.

use std::collections::VecDeque;
use std::sync::Arc;

use tacit_ckks::{
    Ciphertext, Encoder, EvaluationKeys, Evaluator, GaloisKey, PublicKey, RelinearisationKey,
    encrypt,
};
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, ExactMap, KeySwitchToPublic, MheError, PartySecret,
    Protocol, Refresh, Release, RelinearisationRoundOne, RelinearisationRoundTwo, Share,
    SmudgingBits,
};
use tacit_ring::{GaloisElement, Seed, Transcript};
use tacit_session::{Application, Next, PartyIndex, RoundId, RoundInput, SessionContext};

use super::circuit::{Circuit, prediction_folds};
use super::noise::MOMENTS_SCALE_BITS;
use super::rows::LocalRows;
use super::script::{Script, Step};
use super::{EncryptedError, EncryptionPlan, Query, intern, sections};
use crate::model::{BatchOrder, GlmConfig, Samples, Schedule, Weights};
use crate::packing::{Batch, Diagonals, Layout};

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

/// First round of the application: the two before open the session.
const FIRST_ROUND: u32 = tacit_session::ROUND_FIRST;

/// One party of a training session: its secret, its rows, and where it is in the script.
///
/// Owns everything; gives out only what the protocol sends.
pub struct GlmParty {
    plan: Arc<SessionPlan>,
    script: Script,
    layout: Layout,
    schedule: Schedule,
    elements: Vec<GaloisElement>,
    encoder: Encoder,
    secret: PartySecret,
    rows: Box<dyn LocalRows>,
    samples: Option<Samples>,
    order: Option<BatchOrder>,
    me: usize,
    mhe: Option<tacit_mhe::SessionContext>,
    public_key: Option<PublicKey>,
    circuit: Option<Circuit>,
    round: Option<(u32, Round)>,
    position: usize,
    root: Root,
}

/// The protocol of the current round, where it is one; sums of ciphertexts otherwise.
enum Round {
    PublicKey(CollectivePublicKey),
    One(RelinearisationRoundOne),
    Two(RelinearisationRoundTwo),
    Galois(CollectiveGaloisKey),
    Release(Release),
    Refresh(Refresh),
    Answer(KeySwitchToPublic),
    Ciphertexts,
}

/// What only the root accumulates.
#[derive(Default)]
struct Root {
    public_key: Vec<u8>,
    round_one: Vec<u8>,
    relinearisation: Vec<u8>,
    galois: Vec<Vec<u8>>,
    moments: Vec<u8>,
    totals: Vec<f64>,
    weights: Option<Ciphertext>,
    previous: Option<Ciphertext>,
    base: Option<Ciphertext>,
    lowered: Vec<u8>,
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
        let schedule = config.schedule(config.activation()?.report().max_slope);
        let ring = plan.encryption.params.ring();
        let mut steps = layout.rotations();
        steps.extend(prediction_folds(&layout));
        steps.sort_unstable();
        steps.dedup();
        let elements: Vec<_> = steps.iter().map(|&s| ring.rotation(s as i64)).collect();
        let script = Script::new(
            config,
            elements.len(),
            plan.moments > 0,
            plan.release_model,
            plan.max_answers,
        );
        let encoder = Encoder::new(&plan.encryption.params);
        Ok(Self {
            script,
            layout,
            schedule,
            elements,
            encoder,
            secret,
            rows,
            samples: None,
            order: None,
            me: 0,
            mhe: None,
            public_key: None,
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
        self.public_key.as_ref()
    }

    /// Root only: the encrypted model, refreshed to the query scale.
    pub fn model(&self) -> Option<&Ciphertext> {
        self.root.weights.as_ref()
    }

    /// Root only: the model in the clear, if the plan releases it.
    pub fn released_model(&self) -> Option<&Weights> {
        self.root.released.as_ref()
    }

    /// The released totals of collective standardisation.
    pub fn totals(&self) -> &[f64] {
        &self.root.totals
    }

    /// After training, further sessions of the same parties answer queries on the encrypted model.
    fn serve_from_now_on(&mut self) {
        self.script = Script::serving(self.plan.max_answers);
        self.round = None;
        self.samples = None;
        self.root.previous = None;
        self.root.base = None;
    }

    fn params(&self) -> &tacit_ckks::Parameters {
        &self.plan.encryption.params
    }

    fn context(&self) -> Result<&tacit_mhe::SessionContext> {
        self.mhe.as_ref().ok_or(EncryptedError::Message {
            what: "session",
            problem: "a round before the session began".into(),
        })
    }

    /// The elements whose keys every party needs: all but those of the root's fold.
    fn party_elements(&self) -> Vec<usize> {
        let bsgs = self.layout.bsgs();
        let group = self.layout.group();
        let ring = self.params().ring();
        let wanted: Vec<GaloisElement> = (1..bsgs.baby)
            .map(|t| group * t)
            .chain((1..bsgs.giant).map(|t| group * bsgs.baby * t))
            .chain(self.layout.copy_folds())
            .map(|s| ring.rotation(s as i64))
            .collect();
        (0..self.elements.len())
            .filter(|&k| wanted.contains(&self.elements[k]))
            .collect()
    }

    /// The step of a round, checked against its label.
    fn step_of(&self, round: &RoundId) -> Result<Step> {
        let position = round.number.checked_sub(FIRST_ROUND).map(|p| p as usize);
        let step = position.and_then(|p| self.script.step(p));
        let expected = step.map_or("(end of the plan)", Step::label);
        if step.is_none() || round.label.as_str() != expected {
            return Err(EncryptedError::OutOfScript {
                round: round.number,
                found: round.label.as_str().into(),
                expected: expected.into(),
            });
        }
        step.ok_or_else(|| EncryptedError::QueryLimit {
            query: self.script.len(),
            limit: self.plan.max_answers,
        })
    }

    /// Builds the protocol of a round from its public input; learns what the input carries.
    fn enter(&mut self, round: &RoundId, input: &[u8]) -> Result<Step> {
        let step = self.step_of(round)?;
        if matches!(&self.round, Some((number, _)) if *number == round.number) {
            return Ok(step);
        }
        let params = self.params().clone();
        let instance = self.context()?.instance(u64::from(round.number));
        let encryption = &self.plan.encryption;
        let state = match step {
            Step::PublicKey => Round::PublicKey(CollectivePublicKey::new(&params, &instance)),
            Step::RelinearisationOne => Round::One(self.round_one()?),
            Step::RelinearisationTwo => {
                let one = self.round_one()?;
                let sum = one.finish(&one.decode(input)?)?;
                Round::Two(RelinearisationRoundTwo::new(&one, sum))
            }
            Step::Galois(k) => Round::Galois(CollectiveGaloisKey::new(
                &params,
                &instance,
                self.elements[k],
            )),
            Step::Moments => {
                self.learn_public_key(input)?;
                Round::Ciphertexts
            }
            Step::ReleaseMoments => {
                let sum = Ciphertext::from_bytes(&params, input)?;
                Round::Release(Release::new(
                    &params,
                    &instance,
                    &sum,
                    self.moments_smudging(),
                )?)
            }
            Step::Gradient(t) => {
                if t <= 1 {
                    self.learn_before(t, input)?;
                }
                Round::Ciphertexts
            }
            Step::Refresh(t) => {
                let lowered = Ciphertext::from_bytes(&params, input)?;
                let last = t + 1 == self.plan.config.iterations;
                let raise = encryption.query_scale_bits() - params.literal().log_scale;
                let map = ExactMap::Multiple {
                    bits: if last { raise } else { 0 },
                };
                let (top, mask) = (encryption.top_level(), encryption.mask);
                Round::Refresh(Refresh::new(&params, &instance, &lowered, top, mask, map)?)
            }
            Step::ReleaseModel => {
                let model = Ciphertext::from_bytes(&params, input)?;
                let smudging = self.model_smudging();
                Round::Release(Release::new(&params, &instance, &model, smudging)?)
            }
            Step::Answer(_) => {
                let parts = sections::split("answer", input, 2)?;
                let result = Ciphertext::from_bytes(&params, parts[0])?;
                let target = PublicKey::from_bytes(&params, parts[1])?;
                let smudging = self.answer_smudging();
                let protocol =
                    KeySwitchToPublic::new(&params, &instance, &result, &target, smudging)?;
                Round::Answer(protocol)
            }
        };
        self.round = Some((round.number, state));
        Ok(step)
    }

    /// Both rounds of the relinearisation key speak of the instance of round one.
    fn round_one(&self) -> Result<RelinearisationRoundOne> {
        let instance = self.context()?.instance(u64::from(FIRST_ROUND) + 1);
        Ok(RelinearisationRoundOne::new(self.params(), &instance))
    }

    fn learn_public_key(&mut self, sum: &[u8]) -> Result<()> {
        if self.public_key.is_none() {
            let instance = self.context()?.instance(u64::from(FIRST_ROUND));
            let protocol = CollectivePublicKey::new(self.params(), &instance);
            self.public_key = Some(protocol.finish(&protocol.decode(sum)?)?);
        }
        Ok(())
    }

    /// What comes with the first two gradient rounds: public key and totals, then evaluation keys.
    fn learn_before(&mut self, t: usize, input: &[u8]) -> Result<()> {
        if t == 0 {
            let parts = sections::split("first gradient", input, 2)?;
            self.learn_public_key(parts[0])?;
            let totals = parts[1].as_chunks::<8>();
            if totals.0.len() != self.plan.moments || !totals.1.is_empty() {
                return Err(EncryptedError::Standardisation(format!(
                    "{} released totals instead of {}",
                    totals.0.len(),
                    self.plan.moments
                )));
            }
            self.root.totals = totals.0.iter().map(|b| f64::from_le_bytes(*b)).collect();
            let samples = self
                .rows
                .samples(&self.root.totals)
                .map_err(EncryptedError::Standardisation)?;
            samples.check(self.plan.config.family, self.plan.config.features)?;
            let config = &self.plan.config;
            self.order = Some(BatchOrder::new(
                samples.len(),
                config.batch,
                config.seed,
                self.me,
            ));
            self.samples = Some(samples);
            return Ok(());
        }
        let wanted = self.party_elements();
        let parts = sections::split("evaluation keys", input, 2 + wanted.len())?;
        if self.circuit.is_none() {
            let digest = {
                let mut t = Transcript::new("learn evaluation keys");
                t.append(&self.context()?.session);
                for part in &parts[..parts.len() - 1] {
                    t.append(part);
                }
                t.digest()
            };
            let keys = intern::keys(digest, || self.decode_keys(parts[0], &wanted, &parts[1..]))?;
            self.circuit = Some(self.make_circuit(keys)?);
        }
        Ok(())
    }

    fn make_circuit(&self, keys: Arc<EvaluationKeys>) -> Result<Circuit> {
        let config = &self.plan.config;
        let evaluator = Evaluator::with_shared_keys(self.params(), keys);
        let activation = *config.activation()?.folded();
        Ok(Circuit::new(
            evaluator,
            self.encoder.clone(),
            self.layout,
            config.family,
            activation,
        ))
    }

    fn decode_keys(
        &self,
        relinearisation: &[u8],
        which: &[usize],
        galois: &[&[u8]],
    ) -> Result<EvaluationKeys> {
        let mut keys = EvaluationKeys::default();
        let key: RelinearisationKey = {
            let parts = sections::split("relinearisation key", relinearisation, 2)?;
            let one = self.round_one()?;
            let two = RelinearisationRoundTwo::new(&one, one.finish(&one.decode(parts[0])?)?);
            two.finish(&two.decode(parts[1])?)?
        };
        keys.relinearisation = Some(key);
        for (&k, bytes) in which.iter().zip(galois) {
            keys.insert(self.galois_key(k, bytes)?);
        }
        Ok(keys)
    }

    fn galois_key(&self, k: usize, sum: &[u8]) -> Result<GaloisKey> {
        let round = u64::from(FIRST_ROUND) + 3 + k as u64;
        let instance = self.context()?.instance(round);
        let protocol = CollectiveGaloisKey::new(self.params(), &instance, self.elements[k]);
        Ok(protocol.finish(&protocol.decode(sum)?)?)
    }

    fn samples(&self) -> Result<&Samples> {
        self.samples.as_ref().ok_or(EncryptedError::Message {
            what: "gradient",
            problem: "rows are not standardised yet".into(),
        })
    }

    fn key(&self) -> Result<&PublicKey> {
        self.public_key.as_ref().ok_or(EncryptedError::Message {
            what: "collective public key",
            problem: "not received yet".into(),
        })
    }

    /// A fresh encryption of own values, with randomness bound to the round and the values.
    fn encrypt_own(
        &self,
        round: &RoundId,
        values: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<Vec<u8>> {
        let message = self.encoder.encode(values, level, scale)?;
        let mut transcript = Transcript::new("learn own encryption");
        transcript
            .append(&round.session.0)
            .append_u64(u64::from(round.number));
        transcript.append_words(message.poly().words());
        let seed: Seed = self
            .secret
            .stream_seed("learn own encryption", &transcript.digest());
        let ct = encrypt(self.params(), self.key()?, &message, &mut seed.expand());
        Ok(ct.to_bytes(self.params()))
    }

    /// −η/n times the gradient at zero over all rows: the first step, computed in the clear by its owner.
    fn first_step(&self) -> Result<Vec<f64>> {
        let config = &self.plan.config;
        let rate = self.schedule.steps()[0].rate / self.plan.total_rows as f64;
        let activation = *config.activation()?.folded();
        let mut gradient =
            crate::twin::gradient_at_zero(config.family, &activation, self.samples()?);
        gradient.values_mut().iter_mut().for_each(|g| *g *= -rate);
        Ok(self.layout.pack_weights(&gradient)?)
    }

    fn gradient_share(&self, round: &RoundId, t: usize, input: &[u8]) -> Result<Vec<u8>> {
        let encryption = &self.plan.encryption;
        if t == 0 {
            let (level, scale) = (encryption.refresh_level, self.params().scale());
            return self.encrypt_own(round, &self.first_step()?, level, scale);
        }
        let missing = || EncryptedError::Message {
            what: "gradient",
            problem: "evaluation keys were not received".into(),
        };
        let circuit = self.circuit.as_ref().ok_or_else(missing)?;
        let order = self.order.as_ref().ok_or_else(missing)?;
        let parts = sections::split_any("gradient", input)?;
        let point = parts.last().ok_or_else(missing)?;
        let point = Ciphertext::from_bytes(self.params(), point)?;
        let weight = order.row_weight(encryption.parties, self.plan.total_rows);
        let batch = Batch::new(self.samples()?, order.rows(t - 1), weight)?;
        let diagonals = Diagonals::new(self.layout, batch)?;
        let gradient = circuit.gradient(&point, &diagonals)?;
        let mut label = round.session.0.to_vec();
        label.extend(round.number.to_le_bytes());
        let out = gradient.rerandomise(self.params(), self.key()?, &self.secret, &label, None)?;
        Ok(out.to_bytes(self.params()))
    }
}

/// Widths of flooding: public functions of the plan, so that all parties agree on them.
impl GlmParty {
    fn moments_smudging(&self) -> SmudgingBits {
        self.plan.encryption.moments_margin().smudging
    }

    fn model_smudging(&self) -> SmudgingBits {
        self.plan.encryption.model_margin().smudging
    }

    fn answer_smudging(&self) -> SmudgingBits {
        self.plan
            .encryption
            .answer_margin(&self.layout, self.plan.max_answers)
            .smudging
    }
}

/// The root's part.
impl GlmParty {
    fn input(&mut self, step: Step) -> Result<Vec<u8>> {
        if matches!(step, Step::Answer(_)) {
            self.assemble_root_circuit()?;
        }
        let root = &self.root;
        Ok(match step {
            Step::PublicKey | Step::RelinearisationOne | Step::Galois(_) => Vec::new(),
            Step::RelinearisationTwo => root.round_one.clone(),
            Step::Moments => root.public_key.clone(),
            Step::ReleaseMoments => root.moments.clone(),
            Step::Gradient(0) => {
                let totals: Vec<u8> = root.totals.iter().flat_map(|t| t.to_le_bytes()).collect();
                sections::join(&[&root.public_key, &totals])
            }
            Step::Gradient(t) => self.gradient_input(t)?,
            Step::Refresh(_) => std::mem::take(&mut self.root.lowered),
            Step::ReleaseModel => self.weights()?.to_bytes(self.params()),
            Step::Answer(_) => {
                let query = self
                    .root
                    .queries
                    .pop_front()
                    .ok_or_else(|| EncryptedError::Query("an answer without a query".into()))?;
                let circuit = self.root_circuit()?;
                let result = circuit.predict(self.weights()?, &query.rows)?;
                let params = self.params();
                sections::join(&[&result.to_bytes(params), &query.target.to_bytes(params)])
            }
        })
    }

    fn gradient_input(&mut self, t: usize) -> Result<Vec<u8>> {
        self.assemble_root_circuit()?;
        let circuit = self.root_circuit()?;
        let step = &self.schedule.steps()[t];
        let base = circuit.extrapolate(self.weights()?, self.root.previous.as_ref(), step)?;
        let nesterov = self.schedule.is_nesterov();
        let point = if nesterov { &base } else { self.weights()? };
        let point = point.to_bytes(self.params());
        let payload = if t == 1 {
            let relinearisation =
                sections::join(&[&self.root.round_one, &self.root.relinearisation]);
            let mut parts: Vec<&[u8]> = vec![&relinearisation];
            parts.extend(
                self.party_elements()
                    .iter()
                    .map(|&k| self.root.galois[k].as_slice()),
            );
            parts.push(&point);
            let payload = sections::join(&parts);
            (self.root.galois, self.root.relinearisation) = Default::default();
            self.root.round_one = Vec::new();
            payload
        } else {
            sections::join(&[&point])
        };
        self.root.base = Some(base);
        Ok(payload)
    }

    /// All evaluation keys, once.
    fn assemble_root_circuit(&mut self) -> Result<()> {
        if self.circuit.is_none() {
            let all: Vec<usize> = (0..self.elements.len()).collect();
            let relinearisation =
                sections::join(&[&self.root.round_one, &self.root.relinearisation]);
            let galois: Vec<&[u8]> = self.root.galois.iter().map(Vec::as_slice).collect();
            let keys = self.decode_keys(&relinearisation, &all, &galois)?;
            self.circuit = Some(self.make_circuit(Arc::new(keys))?);
        }
        Ok(())
    }

    fn weights(&self) -> Result<&Ciphertext> {
        self.root.weights.as_ref().ok_or(EncryptedError::Message {
            what: "model",
            problem: "training has not begun".into(),
        })
    }

    fn root_circuit(&self) -> Result<&Circuit> {
        self.circuit.as_ref().ok_or(EncryptedError::Message {
            what: "evaluation keys",
            problem: "not generated yet".into(),
        })
    }

    fn conclude(&mut self, step: Step, sum: Vec<u8>) -> Result<()> {
        let Some((_, round)) = &self.round else {
            return Ok(());
        };
        match (step, round) {
            (Step::PublicKey, _) => self.root.public_key = sum,
            (Step::RelinearisationOne, _) => self.root.round_one = sum,
            (Step::RelinearisationTwo, _) => self.root.relinearisation = sum,
            (Step::Galois(_), _) => self.root.galois.push(sum),
            (Step::Moments, _) => self.root.moments = sum,
            (Step::ReleaseMoments, Round::Release(p)) => {
                let plain = p.finish(&p.decode(&sum)?)?;
                let mut totals = self.encoder.decode(&plain);
                totals.truncate(self.plan.moments);
                self.root.totals = totals;
            }
            (Step::Gradient(0), _) => self.root.lowered = sum,
            (Step::Gradient(t), _) => {
                let sum = Ciphertext::from_bytes(self.params(), &sum)?;
                let divisor = self.plan.encryption.parties * self.plan.config.batch;
                let step = self.schedule.steps()[t];
                let circuit = self.root_circuit()?;
                let update = circuit.fold(sum, step.rate / divisor as f64)?;
                let base = self.root.base.as_ref().unwrap_or(self.weights()?);
                let nesterov = self.schedule.is_nesterov();
                let next = circuit.step(base, self.weights()?, nesterov, step.decay, &update)?;
                self.root.lowered = next.to_bytes(self.params());
            }
            (Step::Refresh(_), Round::Refresh(p)) => {
                let fresh = p.finish(&p.decode(&sum)?)?;
                self.root.previous = self.root.weights.replace(fresh);
            }
            (Step::ReleaseModel, Round::Release(p)) => {
                let plain = p.finish(&p.decode(&sum)?)?;
                let slots = self.encoder.decode(&plain);
                let outputs = self.plan.config.family.outputs();
                self.root.released = Some(self.layout.unpack_weights(&slots, outputs)?);
            }
            (Step::Answer(_), Round::Answer(p)) => {
                let answer = p.finish(&p.decode(&sum)?)?;
                self.root.answers.push(answer.to_bytes(self.params()));
            }
            _ => {
                return Err(EncryptedError::Message {
                    what: "round",
                    problem: "finished without having been entered".into(),
                });
            }
        }
        Ok(())
    }
}

fn encoded<P: Protocol>(protocol: &P, secret: &PartySecret) -> Result<Vec<u8>> {
    let share: Share<P> = protocol.share(secret)?;
    Ok(protocol.encode(&share))
}

impl Application for GlmParty {
    type Error = EncryptedError;

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        let parties = usize::from(context.parties);
        if parties != self.plan.encryption.parties {
            let expected = self.plan.encryption.parties;
            return Err(MheError::ActiveSet(format!(
                "the roster has {parties} parties, the parameters are for {expected}"
            ))
            .into());
        }
        self.me = context.me.as_usize();
        self.position = 0;
        self.round = None;
        self.mhe = Some(tacit_mhe::SessionContext {
            session: context.session.0,
            crs: context.crs_seed,
            parties: u32::from(context.parties),
        });
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next> {
        let step = match self.script.step(self.position) {
            Some(Step::Answer(_)) if self.root.queries.is_empty() => None,
            other => other,
        };
        let Some(step) = step else {
            self.serve_from_now_on();
            return Ok(Next::Complete(Vec::new()));
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
        if step == Step::Moments {
            let moments = self
                .rows
                .moments()
                .map_err(EncryptedError::Standardisation)?;
            if moments.len() != self.plan.moments {
                return Err(EncryptedError::Standardisation(format!(
                    "this party has {} moments, the plan says {}",
                    moments.len(),
                    self.plan.moments
                )));
            }
            let scale = f64::from(MOMENTS_SCALE_BITS).exp2();
            return self.encrypt_own(round, &moments, self.plan.encryption.top_level(), scale);
        }
        let secret = &self.secret;
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::PublicKey(p)) => encoded(p, secret),
            Some(Round::One(p)) => encoded(p, secret),
            Some(Round::Two(p)) => encoded(p, secret),
            Some(Round::Galois(p)) => encoded(p, secret),
            Some(Round::Release(p)) => encoded(p, secret),
            Some(Round::Refresh(p)) => encoded(p, secret),
            Some(Round::Answer(p)) => encoded(p, secret),
            Some(Round::Ciphertexts) | None => Err(EncryptedError::Message {
                what: "round",
                problem: "nothing to share".into(),
            }),
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
            Some(Round::PublicKey(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::One(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Two(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Galois(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Release(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Refresh(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Answer(p)) => p.aggregate_encoded(into, share)?,
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

    fn complete(&mut self, _payload: &[u8]) -> Result<()> {
        self.serve_from_now_on();
        Ok(())
    }

    fn rounds_expected(&self) -> Option<u32> {
        Some((self.script.len() + self.root.queries.len()) as u32)
    }
}
