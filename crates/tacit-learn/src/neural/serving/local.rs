//! All parties in one process: demonstrations, benchmarks, tests.

use std::sync::Arc;
use std::time::Duration;

use tacit_ckks::{Encoder, EvaluationKeys, Evaluator, PublicKey, encrypt};
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, PartySecret, Protocol, RelinearisationRoundOne,
    RelinearisationRoundTwo, SessionContext,
};
use tacit_ring::{Transcript, Xof};
use tacit_session::plan::{Plan, QuerierPlan, Release, ReleaseKind};
use tacit_session::{NoJournal, Party};
use tacit_transport::memory::{Options, Progress, Traffic, run_local, seats};

use super::super::MlpWeights;
use super::super::encrypted::MlpParty;
use super::super::packed::{Engine, LayerCounts};
use super::{Introduction, Query, ServingParty, ServingPlan, TrainedModel};
use crate::Error;
use crate::encrypted::EncryptedError;
use crate::encrypted::local::{LOCAL_QUERIER, LocalError};

/// Parties that hold an encrypted model together, ready to answer.
pub struct Serving {
    plan: Arc<ServingPlan>,
    agreed: Plan,
    parties: Vec<ServingParty>,
    collective: PublicKey,
}

/// What one serving session gave.
pub struct Answers {
    /// One per query; only its querier can read it.
    pub answers: Vec<Vec<u8>>,
    /// What the root computed in this session.
    pub counts: LayerCounts,
    /// Who sent and received how much, by kind of round.
    pub traffic: Traffic,
    /// Every round with its time and bytes.
    pub rounds: Vec<Progress>,
    /// Wall time.
    pub took: Duration,
}

fn run<P: Protocol>(protocol: &P, secrets: &[PartySecret]) -> Result<P::Output, EncryptedError> {
    let shares =
        (secrets.iter().map(|secret| protocol.share(secret))).collect::<Result<Vec<_>, _>>()?;
    Ok(protocol.finish(&protocol.sum(&shares)?)?)
}

impl Serving {
    /// Fresh parties, their collective keys, and `weights` encrypted under them as training would leave them: for
    /// measuring what answers cost without a training before.
    pub fn of_weights(
        plan: Arc<ServingPlan>,
        names: &[String],
        weights: &MlpWeights,
    ) -> Result<Self, LocalError> {
        let (secrets, collective, keys) = collective_keys(&plan, names.len())?;
        let params = &plan.encryption.params;
        let encoder = Encoder::new(params);
        let mut xof = Xof::from_os()
            .map_err(tacit_ckks::CkksError::from)
            .map_err(EncryptedError::from)?;
        let mut encrypted = |slots: &[f64], below: usize| {
            let message = encoder.encode(slots, plan.level(below), plan.weight_scale);
            let message = message.map_err(EncryptedError::from)?;
            Ok::<_, EncryptedError>(encrypt(params, &collective, &message, &mut xof))
        };
        let first = (0..plan.trained.first_ciphertexts())
            .map(|j| encrypted(&plan.trained.pack_first(&weights.layers()[0], j), 2))
            .collect::<Result<_, _>>()?;
        let hidden = (2..=plan.config.depth())
            .map(|l| encrypted(&plan.trained.pack_hidden(&weights.layers()[l - 1], l), 1))
            .collect::<Result<_, _>>()?;
        let engine = Engine::new(Evaluator::new(params, keys), encoder.clone());
        let model = TrainedModel { first, hidden };
        let mut parties: Vec<ServingParty> = (secrets.into_iter())
            .map(|secret| ServingParty::new(plan.clone(), secret))
            .collect();
        let root = parties
            .remove(0)
            .with_model(engine, collective.clone(), model);
        parties.insert(0, root);
        Ok(Self {
            agreed: agreement(&plan, names),
            plan,
            parties,
            collective,
        })
    }

    /// The parties of a training, with the model as it left it.
    pub fn of_parties(
        plan: Arc<ServingPlan>,
        names: &[String],
        parties: Vec<MlpParty>,
    ) -> Result<Self, EncryptedError> {
        let mut parties = (parties.into_iter())
            .map(|party| party.into_serving(plan.clone()))
            .collect::<Result<Vec<_>, _>>()?;
        let root = parties.first_mut().ok_or(Error::Empty {
            what: "the list of parties",
        })?;
        let collective = root.root_mut()?.collective.clone();
        Ok(Self {
            agreed: agreement(&plan, names),
            plan,
            parties,
            collective,
        })
    }

    /// The plan.
    pub fn plan(&self) -> &Arc<ServingPlan> {
        &self.plan
    }

    /// The collective public key, which queriers encrypt under.
    pub fn collective_key(&self) -> &PublicKey {
        &self.collective
    }

    /// A query for the next session.
    pub fn submit(
        &mut self,
        query: Query,
        introduction: &Introduction,
    ) -> Result<(), EncryptedError> {
        self.parties[0].submit(query, introduction)
    }

    /// Answers what was submitted, in a session of all parties; the first one brings the model into place.
    pub fn answer(
        &mut self,
        options: &Options,
        observer: impl FnMut(&Progress) + Send,
    ) -> Result<Answers, LocalError> {
        let before = (self.parties[0].answers().len(), self.parties[0].counts());
        let parties = std::mem::take(&mut self.parties);
        let seated = (seats(&self.agreed)?.into_iter().zip(parties))
            .map(|(seat, party)| Party::new(seat, party, NoJournal))
            .collect::<Result<Vec<_>, _>>()?;
        let finished = run_local(seated, options, observer)?;
        self.parties = finished.applications;
        let root = &self.parties[0];
        Ok(Answers {
            answers: root.answers()[before.0..].to_vec(),
            counts: root.counts().since(before.1),
            traffic: finished.traffic,
            rounds: finished.rounds,
            took: finished.took,
        })
    }
}

fn agreement(plan: &ServingPlan, names: &[String]) -> Plan {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut agreed = Plan::draft("local", "mlp", &names);
    agreed.queriers.push(QuerierPlan {
        name: LOCAL_QUERIER.into(),
    });
    agreed.limits.max_payload_bytes = 1 << 30;
    // Nothing is lost in memory: silence only means that somebody computes.
    agreed.timing.retry_seconds = 3600;
    agreed.security.statistical_bits = plan.encryption.lambda_s;
    agreed.releases.push(Release {
        what: ReleaseKind::Prediction,
        to: vec![LOCAL_QUERIER.into()],
        at_most: plan.max_answers as u64,
        precision_bits: 16,
    });
    agreed
}

type Keys = (Vec<PartySecret>, PublicKey, EvaluationKeys);

/// Secrets of all parties and the keys they generate together.
fn collective_keys(plan: &ServingPlan, parties: usize) -> Result<Keys, EncryptedError> {
    let params = &plan.encryption.params;
    let secrets = (0..parties)
        .map(|_| PartySecret::generate(params))
        .collect::<Result<Vec<_>, _>>()?;
    let mut nonces = vec![[0; 32]; parties];
    let mut xof = Xof::from_os().map_err(tacit_ckks::CkksError::from)?;
    nonces.iter_mut().for_each(|nonce| xof.fill(nonce));
    let name = |what| Transcript::new(what).digest();
    let context = SessionContext::derive(&name("local plan"), &name("local roster"), &nonces);
    let collective = run(
        &CollectivePublicKey::extended(params, &context.instance(0)),
        &secrets,
    )?;
    let one = RelinearisationRoundOne::new(params, &context.instance(1));
    let two = RelinearisationRoundTwo::new(&one, run(&one, &secrets)?);
    let mut keys = EvaluationKeys {
        relinearisation: Some(run(&two, &secrets)?),
        ..EvaluationKeys::default()
    };
    let rotations = plan.layout.columns().prediction_rotations();
    for (round, step) in (2..).zip(rotations) {
        let element = params.ring().rotation(step);
        let protocol = CollectiveGaloisKey::new(params, &context.instance(round), element);
        keys.insert(run(&protocol, &secrets)?);
    }
    Ok((secrets, collective, keys))
}
