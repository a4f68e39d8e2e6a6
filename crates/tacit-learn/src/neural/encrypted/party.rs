//! A party of a network's training, as an application of a session.

use std::sync::Arc;

use tacit_ckks::{Ciphertext, Encoder, PeriodicEncoder, PublicKey};
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, PartySecret, Protocol, Refresh, Release,
    RelinearisationRoundOne, RelinearisationRoundTwo, Share, aggregate_all,
};
use tacit_ring::GaloisElement;
use tacit_session::{Application, Next, PartyIndex, RoundId, RoundInput, SessionContext};

use super::super::MlpWeights;
use super::super::packed::{EncodedBatch, Engine, LayerCounts};
use super::maps::Maps;
use super::plan::MlpPlan;
use super::root::Root;
use super::script::{MlpStep, steps};
use crate::encrypted::{EncryptedError, sections};
use crate::model::{BatchOrder, Samples};

pub(super) type Result<T> = std::result::Result<T, EncryptedError>;

/// First round of the application: the two before open the session.
pub(super) const FIRST_ROUND: u32 = tacit_session::ROUND_FIRST;

/// One party: its secret, its rows, and where it is in the script.
///
/// Owns everything; gives out only what the protocol sends.
pub struct MlpParty {
    pub(super) plan: Arc<MlpPlan>,
    pub(super) script: Vec<MlpStep>,
    pub(super) elements: Vec<GaloisElement>,
    pub(super) encoder: Encoder,
    pub(super) periodic: PeriodicEncoder,
    pub(super) maps: Maps,
    pub(super) secret: PartySecret,
    pub(super) samples: Samples,
    pub(super) order: Option<BatchOrder>,
    pub(super) me: usize,
    pub(super) mhe: Option<tacit_mhe::SessionContext>,
    pub(super) public_key: Option<PublicKey>,
    /// For the party's own layer.
    pub(super) engine: Option<Engine>,
    pub(super) batch: Option<(usize, EncodedBatch)>,
    pub(super) round: Option<(u32, Round)>,
    position: usize,
    pub(super) root: Root,
}

/// The protocols of the current round.
pub(super) enum Round {
    PublicKey(CollectivePublicKey),
    One(RelinearisationRoundOne),
    Two(RelinearisationRoundTwo),
    Galois(CollectiveGaloisKey),
    Refresh(Vec<Refresh>),
    Release(Vec<Release>),
    /// Every party's contribution is kept apart.
    Gather,
    /// Ciphertexts are summed, position by position.
    Sums,
}

impl MlpParty {
    /// A party with its secret and its rows.
    pub fn new(plan: Arc<MlpPlan>, secret: PartySecret, samples: Samples) -> Result<Self> {
        plan.config.check(&samples)?;
        let ring = plan.encryption.params.ring();
        let mut rotations = plan.layout.party_rotations();
        rotations.extend(plan.layout.hidden_rotations());
        rotations.sort_unstable();
        rotations.dedup();
        let elements: Vec<_> = rotations.iter().map(|&s| ring.rotation(s)).collect();
        let encoder = Encoder::new(&plan.encryption.params);
        Ok(Self {
            script: steps(elements.len(), plan.config.iterations, plan.config.depth()),
            elements,
            maps: Maps::new(&plan, &encoder)?,
            periodic: PeriodicEncoder::new(&plan.encryption.params, plan.layout.columns())?,
            encoder,
            secret,
            samples,
            order: None,
            me: 0,
            mhe: None,
            public_key: None,
            engine: None,
            batch: None,
            round: None,
            position: 0,
            root: Root::default(),
            plan,
        })
    }

    /// Root only: the model in the clear, once released.
    pub fn released_model(&self) -> Option<&MlpWeights> {
        self.root.released.as_ref()
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

    pub(super) fn context(&self) -> Result<&tacit_mhe::SessionContext> {
        self.mhe
            .as_ref()
            .ok_or_else(|| missing("session", "a round before the session began"))
    }

    pub(super) fn key(&self) -> Result<&PublicKey> {
        let key = self.public_key.as_ref();
        key.ok_or_else(|| missing("collective public key", "not received yet"))
    }
}

pub(super) fn missing(what: &'static str, problem: &str) -> EncryptedError {
    EncryptedError::Message {
        what,
        problem: problem.into(),
    }
}

fn encoded<P: Protocol>(protocol: &P, secret: &PartySecret) -> Result<Vec<u8>> {
    let share: Share<P> = protocol.share(secret)?;
    Ok(protocol.encode(&share))
}

fn encoded_all<P: Protocol>(protocols: &[P], secret: &PartySecret) -> Result<Vec<u8>> {
    let bytes = protocols.iter().map(P::encoded_len).sum();
    let mut out = sections::Writer::new(protocols.len(), bytes);
    for protocol in protocols {
        let share = protocol.share(secret)?;
        out.part(|out| protocol.encode_into(&share, out));
    }
    Ok(out.into_bytes())
}

pub(super) fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    sections::join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Adds one share per instance, in place; nothing changes unless all can be added.
fn add_shares<P: Protocol>(protocols: &[P], into: &mut [u8], share: &[u8]) -> Result<()> {
    let theirs = sections::split("share", share, protocols.len())?;
    let ours = sections::split_mut("sum", into, protocols.len())?;
    Ok(aggregate_all(protocols, ours, &theirs)?)
}

impl Application for MlpParty {
    type Error = EncryptedError;

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        let parties = usize::from(context.parties);
        if parties != self.plan.rows.len() {
            let expected = self.plan.rows.len();
            return Err(tacit_mhe::MheError::ActiveSet(format!(
                "the roster has {parties} parties, the parameters are for {expected}"
            ))
            .into());
        }
        self.me = context.me.as_usize();
        if self.samples.len() != self.plan.rows[self.me] {
            return Err(crate::Error::Shape {
                what: "rows of this party",
                expected: self.plan.rows[self.me],
                found: self.samples.len(),
            }
            .into());
        }
        let config = &self.plan.config;
        let order = BatchOrder::new(self.samples.len(), config.batch, config.seed, self.me);
        self.order = Some(order);
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
        let Some(&step) = self.script.get(self.position) else {
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
        match step {
            MlpStep::Forward(t) => return self.forward_share(round, t, input),
            MlpStep::Gradient(t) => return self.gradient_share(round, t, input),
            _ => {}
        }
        let secret = &self.secret;
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::PublicKey(p)) => encoded(p, secret),
            Some(Round::One(p)) => encoded(p, secret),
            Some(Round::Two(p)) => encoded(p, secret),
            Some(Round::Galois(p)) => encoded(p, secret),
            Some(Round::Refresh(p)) => encoded_all(p, secret),
            Some(Round::Release(p)) => encoded_all(p, secret),
            Some(Round::Gather | Round::Sums) | None => Err(missing("round", "nothing to share")),
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
        let first = self.plan.layout.first_ciphertexts();
        match self.round.as_ref().map(|(_, r)| r) {
            Some(Round::PublicKey(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::One(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Two(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Galois(p)) => p.aggregate_encoded(into, share)?,
            Some(Round::Refresh(p)) => add_shares(p, into, share)?,
            Some(Round::Release(p)) => add_shares(p, into, share)?,
            Some(Round::Gather) => super::own::gather(into, share, self.plan.rows.len())?,
            Some(Round::Sums) | None => {
                let theirs = sections::split("share", share, first)?;
                let ours = sections::split_mut("sum", into, first)?;
                Ciphertext::add_all_encoded(self.params(), ours, &theirs)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<()> {
        let step = self.step_of(round)?;
        self.conclude(step, aggregate)
    }

    fn complete(&mut self, _payload: &[u8]) -> Result<()> {
        self.round = None;
        self.batch = None;
        Ok(())
    }

    fn rounds_expected(&self) -> Option<u32> {
        Some(self.script.len() as u32)
    }
}
