//! All parties of a training in one process: demonstrations, benchmarks, tests.
//!
//! Every party is its own state machine with its own secret and rows, and hears of the others only what
//! the protocol sends.

use std::sync::Arc;
use std::time::Duration;

use tacit_mhe::PartySecret;
use tacit_session::plan::{Plan, Release, ReleaseKind};
use tacit_session::{NoJournal, Party};
use tacit_transport::memory::{Options, Progress, Traffic, run_local, seats};

use super::super::MlpWeights;
use super::super::checkpoint::{CheckpointFolder, Resumption};
use super::super::packed::LayerCounts;
use super::{MlpParty, MlpPlan};
use crate::Error;
use crate::encrypted::local::LocalError;
use crate::encrypted::{EncryptedError, LocalRows};

/// A finished training.
#[derive(Debug)]
pub struct MlpTrained {
    /// The released model.
    pub weights: MlpWeights,
    /// The released totals of collective standardisation.
    pub totals: Vec<f64>,
    /// The errors that an early stop was decided by.
    pub errors: Vec<f64>,
    /// What each party computed on its own rows.
    pub parties: Vec<LayerCounts>,
    /// What the root computed for all.
    pub root: LayerCounts,
    /// Who sent and received how much, by kind of round.
    pub traffic: Traffic,
    /// Every round with its time and bytes.
    pub rounds: Vec<Progress>,
    /// Wall time.
    pub took: Duration,
}

/// Trains among all parties, and releases the model to them.
pub fn train(
    plan: &Arc<MlpPlan>,
    names: &[String],
    rows: Vec<Box<dyn LocalRows>>,
    options: &Options,
    observer: impl FnMut(&Progress) + Send,
) -> Result<MlpTrained, LocalError> {
    Ok(train_to_serve(plan, names, rows, options, observer)?.0)
}

/// As [`train`], with the parties: they can answer queries on the encrypted model ([`MlpParty::into_serving`]).
pub fn train_to_serve(
    plan: &Arc<MlpPlan>,
    names: &[String],
    rows: Vec<Box<dyn LocalRows>>,
    options: &Options,
    observer: impl FnMut(&Progress) + Send,
) -> Result<(MlpTrained, Vec<MlpParty>), LocalError> {
    let params = &plan.encryption.params;
    let parties = (rows.into_iter())
        .enumerate()
        .map(|(number, rows)| {
            let secret = PartySecret::generate(params).map_err(EncryptedError::from)?;
            Ok(MlpParty::new(plan.clone(), secret, rows)?.numbered(number))
        })
        .collect::<Result<_, EncryptedError>>()?;
    run(plan, names, parties, options, observer)
}

/// As [`train`], from where a training of the same plan and rows in `folder` was interrupted, if one was; what this one can
/// be resumed from is kept there until it is done.
pub fn train_or_resume(
    plan: &Arc<MlpPlan>,
    names: &[String],
    rows: Vec<Box<dyn LocalRows>>,
    folder: CheckpointFolder,
    options: &Options,
    observer: impl FnMut(&Progress) + Send,
) -> Result<MlpTrained, LocalError> {
    if plan.rotation.is_some() {
        let problem = "checkpoints are kept by one root".to_owned();
        let remedy = "resume plans that do not rotate".to_owned();
        return Err(EncryptedError::from(Error::config("rotation", problem, remedy)).into());
    }
    if plan.config.stop.is_some() {
        let problem = "a training that is resumed would release errors twice";
        let remedy = "train without `stop`, or without checkpoints";
        return Err(EncryptedError::from(Error::config("stop", problem, remedy)).into());
    }
    let (params, count) = (&plan.encryption.params, rows.len());
    let folder = Arc::new(folder);
    let found = folder.resume(params, count, plan.moments);
    let (secrets, mut found) = match found.map_err(EncryptedError::from)? {
        Some(Resumption {
            secrets,
            keys,
            state,
        }) => (secrets, Some((keys, state))),
        None => {
            let secrets = folder.begin(params, count);
            (secrets.map_err(EncryptedError::from)?, None)
        }
    };
    let done = found.as_ref().map(|(_, state)| state.iteration);
    let mut parties = Vec::with_capacity(count);
    for (index, (secret, rows)) in secrets.into_iter().zip(rows).enumerate() {
        let mut party = MlpParty::new(plan.clone(), secret, rows)?;
        if let Some((keys, state)) = &mut found {
            party = match index {
                0 => party.resume_root(keys, std::mem::take(state))?,
                _ => party.resume(keys, done.unwrap_or(0))?,
            };
        }
        if index == 0 {
            party = party.keep(Box::new(folder.clone()));
        }
        parties.push(party);
    }
    drop(found);
    let (trained, _) = run(plan, names, parties, options, observer)?;
    folder.finish(count).map_err(EncryptedError::from)?;
    Ok(trained)
}

/// Runs sessions until the model is released: one, or as many as the plan has roots.
fn run(
    plan: &MlpPlan,
    names: &[String],
    mut parties: Vec<MlpParty>,
    options: &Options,
    mut observer: impl FnMut(&Progress) + Send,
) -> Result<(MlpTrained, Vec<MlpParty>), LocalError> {
    let mut names = names.to_vec();
    let mut done: Option<MlpTrained> = None;
    let mut first = 0;
    loop {
        let agreed = agreement(plan, &names)?;
        let seated = (seats(&agreed)?.into_iter().zip(parties))
            .map(|(seat, party)| Party::new(seat, party, NoJournal))
            .collect::<Result<Vec<_>, _>>()?;
        let finished = run_local(seated, options, &mut observer)?;
        parties = finished.applications;
        let count = parties.len();
        let place = |number: usize| (number + count - first % count) % count;
        let root = parties[0].root_counts();
        let released = parties[0].released_model().cloned();
        let trained = MlpTrained {
            weights: released
                .clone()
                .unwrap_or_else(|| MlpWeights::zero(&plan.config)),
            totals: parties[0].totals().to_vec(),
            errors: parties[0].released_errors().to_vec(),
            parties: (0..count).map(|n| parties[place(n)].own_counts()).collect(),
            root: done.as_ref().map_or(root, |before| before.root.plus(root)),
            traffic: finished.traffic.reordered((0..count).map(place)),
            rounds: finished.rounds,
            took: finished.took,
        };
        let trained = match done.take() {
            Some(before) => trained.after(before),
            None => trained,
        };
        if released.is_some() {
            return Ok((trained, parties));
        }
        done = Some(trained);
        let (keys, state) = parties[0].hand_over()?;
        let iterations = state.iteration;
        parties.rotate_left(1);
        names.rotate_left(1);
        let mut state = Some(state);
        parties = (parties.into_iter())
            .map(|party| match state.take() {
                Some(state) => party.resume_root(&keys, state),
                None => party.resume(&keys, iterations),
            })
            .collect::<Result<_, _>>()?;
        first += 1;
    }
}

/// The agreement of one session.
fn agreement(plan: &MlpPlan, names: &[String]) -> Result<Plan, EncryptedError> {
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut agreed = Plan::draft("local", "mlp", &refs);
    agreed.limits.max_payload_bytes = 1 << 30;
    // Nothing is lost in memory: silence only means that somebody computes.
    agreed.timing.retry_seconds = 3600;
    agreed.security.statistical_bits = plan.encryption.lambda_s;
    let mut release = |what, at_most| {
        agreed.releases.push(Release {
            what,
            to: names.to_vec(),
            at_most,
            precision_bits: 20,
        });
    };
    release(ReleaseKind::Model, 1);
    let errors = plan.errors_before(plan.config.iterations);
    let statistics = errors + usize::from(plan.moments > 0);
    if statistics > 0 {
        release(ReleaseKind::Statistics, statistics as u64);
    }
    plan.config.write_to_plan(&mut agreed)?;
    Ok(agreed)
}

impl MlpTrained {
    /// Both sessions together.
    fn after(mut self, before: Self) -> Self {
        self.traffic.add(&before.traffic);
        let rounds = std::mem::replace(&mut self.rounds, before.rounds);
        self.rounds.extend(rounds);
        self.took += before.took;
        self
    }
}
