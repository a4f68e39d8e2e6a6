//! A training in miniature: everything that a real one asks of the key, on a ring of sixteen slots.
//!
//! ```text
//! public-key   everyone's part of the collective key
//! start        everyone's first guess, encrypted; W is the sum
//! gradient     everyone's W ⊙ x_i, re-randomised; the root keeps a checkpoint of the sum
//! refresh      W anew
//! release      W in the clear: the model
//! ```
//!
//! With a threshold everybody's key is split after the first round, and a session that goes on without a party begins with
//! its checkpoint re-randomised by all who take part (`away.rs`).
//!
//! The flaws of [`Flaw`] are here and not in shipped code: the suite must notice each.

mod away;

use std::cell::RefCell;
use std::rc::Rc;

use tacit_ckks::{
    Ciphertext, CkksError, Encoder, Evaluator, Parameters, ParametersLiteral, PublicKey, encrypt,
    sample_error,
};
use tacit_mhe::threshold::announcement;
use tacit_mhe::{
    CollectivePublicKey, ExactMap, Instance, MaskBits, MheError, PartySecret, Private, Protocol,
    Refresh, Release, SharedLedger, SmudgingBits,
};
use tacit_ring::codec::write_poly;
use tacit_ring::{RingKind, Seed};
use tacit_session::{Application, Next, PartyIndex, RoundId, SessionContext};

pub use away::{Away, Contexts};

/// Which mistake a party makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Part of a share's noise is drawn anew by every process.
    NoiseOfTheProcess,
    /// Products with a party's data leave as they are.
    ProductsAsTheyAre,
    /// The root goes on from a checkpoint without an encryption of zero.
    CheckpointAsItWas,
    /// Parties answer whatever is asked, whether or not the script says so.
    AnswersAnything,
    /// Frames leave before their record is written.
    JournalAfterSend,
    /// The ledger and its mark are put back to before the last session.
    BackupRestored,
    /// The ledger belongs to the session and not to the key.
    LedgerPerSession,
    /// Who goes on without a party names protocols by the session before.
    SessionIdReused,
    /// Who goes on without a party begins a release again that had begun among others.
    ReleasesTwice,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    PublicKey,
    SubShares,
    Confirm,
    Rejoin,
    Start,
    Gradient,
    Refresh,
    Release,
}

impl Step {
    pub fn label(self) -> &'static str {
        match self {
            Self::PublicKey => "public-key",
            Self::SubShares => "threshold/shares",
            Self::Confirm => "threshold/confirm",
            Self::Rejoin => "continue/checkpoint",
            Self::Start => "start",
            Self::Gradient => "gradient",
            Self::Refresh => "refresh",
            Self::Release => "release",
        }
    }

    /// Of those that only a training with a threshold has.
    fn is_away(self) -> bool {
        matches!(self, Self::SubShares | Self::Confirm | Self::Rejoin)
    }
}

/// What a training goes on from: the key, a ciphertext, and what is still to be done.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub struct Checkpoint {
    pub key: Vec<u8>,
    pub state: Vec<u8>,
    pub script: Vec<Step>,
}

impl Checkpoint {
    /// Nothing yet: a training from the start.
    pub fn fresh(iterations: usize) -> Self {
        let mut script = vec![Step::PublicKey, Step::Start];
        script.extend([Step::Gradient, Step::Refresh].repeat(iterations));
        script.push(Step::Release);
        Self {
            script,
            ..Self::default()
        }
    }

    /// The same with everybody's key split among all.
    pub fn fresh_with_threshold(iterations: usize) -> Self {
        let mut fresh = Self::fresh(iterations);
        fresh.script.splice(1..1, [Step::SubShares, Step::Confirm]);
        fresh
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Mhe(#[from] MheError),
    #[error(transparent)]
    Ckks(#[from] CkksError),
    #[error("a {found} round where the script has {expected:?}")]
    OutOfScript {
        found: String,
        expected: Option<Step>,
    },
    #[error("all parties are needed: {0}")]
    AllAreNeeded(&'static str),
    #[error("an input of another form")]
    Input,
}

type Result<T> = std::result::Result<T, Refusal>;

pub fn params() -> Parameters {
    Parameters::insecure_toy(&ParametersLiteral {
        kind: RingKind::ConjugateInvariant,
        log_n: 4,
        q_bits: vec![50, 40, 40, 40],
        p_bits: vec![50],
        log_scale: 40,
    })
    .unwrap()
}

const TOP: usize = 3;

/// The refresh of a gradient's sum.
pub fn refresh(params: &Parameters, instance: &Instance, input: &[u8]) -> Result<Refresh> {
    let lowered = Ciphertext::from_bytes(params, input)?;
    let mask = MaskBits::hiding(42.0, 40, params.ring().n(), 10);
    let map = ExactMap::IDENTITY;
    Ok(Refresh::new(params, instance, lowered, TOP, mask, map)?)
}

/// The release of the model.
pub fn release(params: &Parameters, instance: &Instance, input: &[u8]) -> Result<Release> {
    let model = Ciphertext::from_bytes(params, input)?;
    let width = SmudgingBits::new(20);
    Ok(Release::new(params, instance, &model, width)?)
}

/// The number that a model says.
pub fn value_of(params: &Parameters, model: &[u8]) -> f64 {
    let words: Vec<u64> = model
        .as_chunks::<8>()
        .0
        .iter()
        .map(|w| u64::from_le_bytes(*w))
        .collect();
    let basis = tacit_ring::Basis::q(TOP + 1);
    let mut poly = params.ring().zero(basis);
    for (row, words) in words.chunks(params.ring().n()).enumerate() {
        poly.row_mut(row).copy_from_slice(words);
    }
    let plain = tacit_ckks::Plaintext::from_parts(poly, params.scale());
    Encoder::new(params).decode(&plain)[0]
}

/// A party's datum: what its products multiply by.
pub fn datum(party: PartyIndex) -> f64 {
    0.3 + 0.1 * f64::from(party.0)
}

pub fn encoded_datum(params: &Parameters, party: PartyIndex) -> Result<tacit_ckks::Plaintext> {
    Ok(Encoder::new(params).encode(&[datum(party)], TOP, params.q_at(TOP))?)
}

pub struct Training {
    params: Parameters,
    secret: PartySecret,
    me: PartyIndex,
    from: Checkpoint,
    away: Away,
    flaw: Option<Flaw>,
    process: u64,
    /// Root: where checkpoints go.
    keeper: Rc<RefCell<Checkpoint>>,
    context: Option<SessionContext>,
    position: usize,
    key: Vec<u8>,
    state: Vec<u8>,
    model: Vec<u8>,
}

enum Round {
    Key(CollectivePublicKey),
    Ciphertexts,
    Away,
    Refresh(Box<Refresh>),
    Release(Release),
}

impl Training {
    pub fn new(params: &Parameters, me: PartyIndex, from: Checkpoint) -> Self {
        let seed = Seed::from_bytes([40 + me.0 as u8; 32]);
        Self {
            params: params.clone(),
            secret: PartySecret::from_seed(params, &seed),
            me,
            from,
            away: Away::default(),
            flaw: None,
            process: 0,
            keeper: Rc::default(),
            context: None,
            position: 0,
            key: Vec::new(),
            state: Vec::new(),
            model: Vec::new(),
        }
    }

    pub fn keeping(self, keeper: Rc<RefCell<Checkpoint>>) -> Self {
        Self { keeper, ..self }
    }

    pub fn flawed(self, flaw: Option<Flaw>, process: u64) -> Self {
        Self {
            flaw,
            process,
            ..self
        }
    }

    pub fn ledger(&self) -> SharedLedger {
        self.secret.shared_ledger()
    }

    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// The model's ciphertext, with which the root may be asked again.
    pub fn released(&self) -> Checkpoint {
        Checkpoint {
            key: self.key.clone(),
            state: self.state.clone(),
            script: vec![Step::Release],
        }
    }

    fn step(&self, round: &RoundId) -> Result<Step> {
        let expected = self.from.script.get(round.number as usize - 2).copied();
        let found = round.label.as_str();
        let all = [
            Step::PublicKey,
            Step::SubShares,
            Step::Confirm,
            Step::Rejoin,
            Step::Start,
            Step::Gradient,
            Step::Refresh,
            Step::Release,
        ];
        let asked = all.into_iter().find(|step| step.label() == found);
        match asked {
            Some(step) if expected == asked || self.flaw == Some(Flaw::AnswersAnything) => Ok(step),
            _ => Err(Refusal::OutOfScript {
                found: found.to_owned(),
                expected,
            }),
        }
    }

    fn enter(&self, round: &RoundId, input: &[u8]) -> Result<(Step, Round)> {
        let step = self.step(round)?;
        let params = &self.params;
        let instance = self.known()?.instance(round.number)?;
        let round = match step {
            Step::PublicKey => Round::Key(CollectivePublicKey::new(params, &instance)),
            Step::Refresh => Round::Refresh(Box::new(refresh(params, &instance, input)?)),
            Step::Release => Round::Release(release(params, &instance, input)?),
            _ if step.is_away() => Round::Away,
            _ => Round::Ciphertexts,
        };
        Ok((step, round))
    }

    fn share_of<P: Protocol>(&self, protocol: &P) -> Result<Vec<u8>> {
        let mut bytes = protocol.encode(&protocol.share(self.acting())?);
        if self.flaw == Some(Flaw::NoiseOfTheProcess) {
            let mut noise = bytes[..34].to_vec();
            let process = self.process.to_le_bytes();
            let mut xof = Seed::derive("process", [process.as_slice()]).expand();
            for basis in protocol.layout() {
                let poly = sample_error(&self.params, basis, &mut xof);
                write_poly(&mut noise, self.params.ring(), &poly);
            }
            protocol.aggregate_encoded(&mut bytes, &noise)?;
        }
        Ok(bytes)
    }

    fn guess(&self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>> {
        let params = &self.params;
        let key = PublicKey::from_bytes(params, input)?;
        let value = 0.1 * f64::from(self.me.0 + 1);
        let m = Encoder::new(params).encode(&[value], TOP, params.scale())?;
        let seed = self.acting().stream_seed("start", &round.binding(input).0);
        Ok(encrypt(params, &key, &m, &mut seed.expand()).to_bytes(params))
    }

    fn product(&self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>> {
        let params = &self.params;
        let (key, weights) = self.split(input)?;
        let key = PublicKey::from_bytes(params, key)?;
        let weights = Ciphertext::from_bytes(params, weights)?;
        let evaluator = Evaluator::new(params, Default::default());
        let product = evaluator.mul_plain(&weights, &encoded_datum(params, self.me)?)?;
        if self.flaw == Some(Flaw::ProductsAsTheyAre) {
            return Ok(product.to_bytes(params));
        }
        let label = round.binding(input).0;
        let out = Private::new(product).rerandomise(params, &key, self.acting(), &label, None)?;
        Ok(out.to_bytes(params))
    }

    fn split<'a>(&self, input: &'a [u8]) -> Result<(&'a [u8], &'a [u8])> {
        let tail = Ciphertext::encoded_len(&self.params, TOP);
        let key = input.len().checked_sub(tail).ok_or(Refusal::Input)?;
        Ok(input.split_at(key))
    }
}

impl Application for Training {
    type Error = Refusal;

    fn announcement(&self) -> Vec<u8> {
        match self.away.threshold > 0 && self.origin().is_none() {
            true => announcement(&self.secret),
            false => Vec::new(),
        }
    }

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        self.begin_away(context)?;
        self.position = 0;
        self.key.clone_from(&self.from.key);
        self.state.clone_from(&self.from.state);
        let resumes = self.me == PartyIndex::ROOT && !self.state.is_empty();
        let resumes = resumes && context.continuation.is_none();
        if resumes && self.flaw != Some(Flaw::CheckpointAsItWas) {
            // With a fresh encryption of zero every c_1 that follows is new.
            let params = &self.params;
            let key = PublicKey::from_bytes(params, &self.key)?;
            let kept = Private::new(Ciphertext::from_bytes(params, &self.state)?);
            let session = &context.session.0;
            let fresh = kept.rerandomise(params, &key, &self.secret, session, None)?;
            self.state = fresh.to_bytes(params);
        }
        self.context = Some(context.clone());
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next> {
        let Some(&step) = self.from.script.get(self.position) else {
            return Ok(Next::Complete(self.model.clone()));
        };
        self.position += 1;
        let payload = match step {
            Step::PublicKey => Vec::new(),
            Step::Start => self.key.clone(),
            Step::Gradient => [&self.key[..], &self.state].concat(),
            Step::Refresh => self.state.clone(),
            other => self.away_input(other),
        };
        Ok(Next::round(step.label(), payload))
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>> {
        match self.enter(round, input)? {
            (step, Round::Away) => self.away_share(step, round, input),
            (_, Round::Key(p)) => self.share_of(&p),
            (_, Round::Refresh(p)) => self.share_of(&*p),
            (_, Round::Release(p)) => {
                self.begin_release()?;
                self.share_of(&p)
            }
            (Step::Start, Round::Ciphertexts) => self.guess(round, input),
            (_, Round::Ciphertexts) => self.product(round, input),
        }
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        _: PartyIndex,
        share: &[u8],
    ) -> Result<()> {
        let (step, entered) = self.enter(round, input)?;
        match entered {
            Round::Away => self.away_aggregate(step, into, share)?,
            Round::Key(p) => p.aggregate_encoded(into, share)?,
            Round::Refresh(p) => p.aggregate_encoded(into, share)?,
            Round::Release(p) => p.aggregate_encoded(into, share)?,
            Round::Ciphertexts => Ciphertext::add_encoded(&self.params, into, share)?,
        }
        Ok(())
    }

    fn finish(&mut self, round: &RoundId, sum: Vec<u8>) -> Result<()> {
        let step = self.step(round)?;
        if step.is_away() {
            return self.away_finish(step, sum);
        }
        let input = std::mem::take(&mut self.state);
        let params = self.params.clone();
        match self.enter(round, &input)? {
            (_, Round::Key(p)) => self.key = p.finish(&p.decode(&sum)?)?.to_bytes(&params),
            (Step::Gradient, _) => {
                let mut lowered = Ciphertext::from_bytes(&params, &sum)?;
                Evaluator::new(&params, Default::default()).rescale_assign(&mut lowered)?;
                self.state = lowered.to_bytes(&params);
                self.away.kept = Checkpoint {
                    key: self.key.clone(),
                    state: self.state.clone(),
                    script: self.from.script[self.position..].to_vec(),
                };
                *self.keeper.borrow_mut() = self.away.kept.clone();
            }
            (_, Round::Ciphertexts | Round::Away) => self.state = sum,
            (_, Round::Refresh(p)) => {
                self.state = p.finish(&p.decode(&sum)?)?.to_bytes(&params);
            }
            (_, Round::Release(p)) => {
                let plain = p.finish(&p.decode(&sum)?)?;
                let words = plain.poly().words().iter();
                self.model = words.flat_map(|w| w.to_le_bytes()).collect();
                self.state = input;
            }
        }
        Ok(())
    }

    fn complete(&mut self, payload: &[u8]) -> Result<()> {
        self.model = payload.to_vec();
        Ok(())
    }
}
