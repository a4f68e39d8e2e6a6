//! All parties of a training in one process: demonstrations, benchmarks, tests.
//!
//! Every party is its own state machine with its own secret and rows, and hears of the others only what
//! the protocol sends.

use std::sync::Arc;
use std::time::Duration;

use tacit_ckks::PublicKey;
use tacit_mhe::PartySecret;
use tacit_session::plan::{Plan, QuerierPlan, Release, ReleaseKind, Threshold};
use tacit_session::{NoJournal, Party};
use tacit_transport::memory::{Options, Progress, Traffic, run_local, seats};

use super::{EncryptedError, GlmParty, LocalRows, Query, SessionPlan};
use crate::model::Weights;

/// A session that could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Building a party.
    #[error(transparent)]
    Party(#[from] EncryptedError),
    /// Running the session.
    #[error(transparent)]
    Transport(#[from] tacit_transport::Error),
}

impl From<tacit_session::Error> for LocalError {
    fn from(error: tacit_session::Error) -> Self {
        LocalError::Transport(error.into())
    }
}

/// Name of the querier in local plans.
pub const LOCAL_QUERIER: &str = "querier";

/// The agreement behind a local run, as every party would sign it.
pub fn agreement(plan: &SessionPlan, parties: &[String]) -> Result<Plan, LocalError> {
    let names: Vec<&str> = parties.iter().map(String::as_str).collect();
    let mut agreed = Plan::draft("local", plan.config.family.name(), &names);
    agreed.queriers.push(QuerierPlan {
        name: LOCAL_QUERIER.into(),
    });
    agreed.limits.max_payload_bytes = 1 << 30;
    // Nothing is lost in memory: silence only means that somebody computes.
    agreed.timing.retry_seconds = 3600;
    let everyone = parties.to_vec();
    let release = |what, to, at_most: usize, precision_bits| Release {
        what,
        to,
        at_most: at_most as u64,
        precision_bits,
    };
    let curvature = plan.config.curvature.known(plan.config.features).is_none();
    let statistics = usize::from(plan.moments > 0) + usize::from(curvature);
    if statistics > 0 {
        agreed.releases.push(release(
            ReleaseKind::Statistics,
            everyone.clone(),
            statistics,
            20,
        ));
    }
    if plan.release_model {
        agreed
            .releases
            .push(release(ReleaseKind::Model, everyone, 1, 20));
    }
    let querier = vec![LOCAL_QUERIER.to_owned()];
    agreed.releases.push(release(
        ReleaseKind::Prediction,
        querier,
        plan.max_answers.max(1),
        16,
    ));
    plan.config
        .write_to_plan(&mut agreed)
        .map_err(EncryptedError::from)?;
    agreed.security.statistical_bits = plan.encryption.lambda_s;
    let t = |t| Threshold {
        t: u16::try_from(t).unwrap_or(u16::MAX),
    };
    agreed.threshold = plan.encryption.threshold.map(t);
    Ok(agreed)
}

/// The parties after training, ready to answer queries.
pub struct Trained {
    agreed: Plan,
    parties: Vec<GlmParty>,
    /// Who sent and received how much, by kind of round.
    pub traffic: Traffic,
    /// Every round with its time and bytes.
    pub rounds: Vec<Progress>,
    /// Wall time.
    pub took: Duration,
}

/// Answers of one serving session.
pub struct Answers {
    /// One per query; only the querier can read them.
    pub answers: Vec<Vec<u8>>,
    /// Who sent and received how much.
    pub traffic: Traffic,
    /// Wall time.
    pub took: Duration,
}

/// Trains among all parties: keys, standardisation, iterations.
pub fn train(
    plan: &Arc<SessionPlan>,
    names: &[String],
    rows: Vec<Box<dyn LocalRows>>,
    options: &Options,
    observer: impl FnMut(&Progress) + Send,
) -> Result<Trained, LocalError> {
    let agreed = agreement(plan, names)?;
    let mut parties = Vec::with_capacity(rows.len());
    for rows in rows {
        let secret =
            PartySecret::generate(&plan.encryption.params).map_err(EncryptedError::from)?;
        parties.push(GlmParty::new(plan.clone(), secret, rows)?);
    }
    let (parties, traffic, rounds, took) = run(&agreed, parties, options, observer)?;
    Ok(Trained {
        agreed,
        parties,
        traffic,
        rounds,
        took,
    })
}

type Ran = (Vec<GlmParty>, Traffic, Vec<Progress>, Duration);

fn run(
    agreed: &Plan,
    parties: Vec<GlmParty>,
    options: &Options,
    observer: impl FnMut(&Progress) + Send,
) -> Result<Ran, LocalError> {
    let seated: Result<Vec<_>, _> = seats(agreed)?
        .into_iter()
        .zip(parties)
        .map(|(seat, party)| Party::new(seat, party, NoJournal))
        .collect();
    let finished = run_local(seated?, options, observer)?;
    Ok((
        finished.applications,
        finished.traffic,
        finished.rounds,
        finished.took,
    ))
}

impl Trained {
    fn root(&self) -> &GlmParty {
        &self.parties[0]
    }

    /// The collective public key, which queriers encrypt under.
    pub fn collective_key(&self) -> Option<&PublicKey> {
        self.root().collective_key()
    }

    /// The model in the clear, if the plan releases it.
    pub fn released_model(&self) -> Option<&Weights> {
        self.root().released_model()
    }

    /// The released totals of collective standardisation.
    pub fn totals(&self) -> &[f64] {
        self.root().totals()
    }

    /// The bound on the curvature that the steps were sized by.
    pub fn curvature_bound(&self) -> f64 {
        self.root().curvature_bound()
    }

    /// Answers queries in one further session of the same parties.
    pub fn answer(
        &mut self,
        queries: Vec<Query>,
        options: &Options,
        observer: impl FnMut(&Progress) + Send,
    ) -> Result<Answers, LocalError> {
        let mut parties = std::mem::take(&mut self.parties);
        let before = parties[0].answers().len();
        queries.into_iter().for_each(|q| parties[0].submit(q));
        let (parties, traffic, _, took) = run(&self.agreed, parties, options, observer)?;
        self.parties = parties;
        Ok(Answers {
            answers: self.root().answers()[before..].to_vec(),
            traffic,
            took,
        })
    }
}
