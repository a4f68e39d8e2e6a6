//! Rounds of key generation as they are in a training: a session of their own, with frames, signatures and sums.

use cpu_time::ProcessTime;
use tacit_ckks::Parameters;
use tacit_mhe::PartySecret;
use tacit_session::plan::{Plan, Release, ReleaseKind};
use tacit_session::{
    Application, Next, NoJournal, Party, PartyIndex, RoundId, RoundInput, SessionContext,
};
use tacit_transport::memory::{Options, run_local, seats};

use super::Result;
use crate::encrypted::EncryptedError;
use crate::encrypted::keys::{CollectiveKeys, FIRST_ROUND, KeyRound, KeyStep, missing};
use crate::encrypted::local::LocalError;

/// Processor seconds of a round in which a Galois key is generated, everybody's.
pub(super) fn galois_round(
    params: &Parameters,
    secrets: Vec<PartySecret>,
    rounds: usize,
) -> Result<f64> {
    let names: Vec<String> = (0..secrets.len()).map(|k| format!("site-{k}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut plan = Plan::draft("calibration", "mlp", &names);
    plan.limits.max_payload_bytes = 1 << 30;
    plan.timing.retry_seconds = 3600;
    plan.releases.push(Release {
        what: ReleaseKind::Statistics,
        to: vec![names[0].into()],
        at_most: 1,
        precision_bits: 16,
    });
    let (mut last, mut samples) = (ProcessTime::now(), Vec::new());
    let run = || -> std::result::Result<(), LocalError> {
        let parties = (seats(&plan)?.into_iter().zip(secrets))
            .map(|(seat, secret)| {
                Party::new(seat, Rehearsal::new(params, secret, rounds), NoJournal)
            })
            .collect::<std::result::Result<_, _>>()?;
        run_local(parties, &Options::default(), |round| {
            if round.finished {
                let now = ProcessTime::now();
                if round.label.as_str() == LABEL {
                    samples.push(now.duration_since(last).as_secs_f64());
                }
                last = now;
            }
        })?;
        Ok(())
    };
    run().map_err(|error| missing("calibration", &error.to_string()))?;
    // The first one finds no memory to use again.
    samples.remove(0);
    samples.sort_by(f64::total_cmp);
    Ok(samples[samples.len() / 2])
}

const LABEL: &str = "keys/galois";

struct Rehearsal {
    keys: CollectiveKeys,
    secret: PartySecret,
    rounds: usize,
    position: usize,
    round: Option<(u32, KeyRound)>,
}

impl Rehearsal {
    fn new(params: &Parameters, secret: PartySecret, rounds: usize) -> Self {
        Self {
            keys: CollectiveKeys::at_all_levels(params, (1..=rounds as i64).collect()),
            secret,
            rounds,
            position: 0,
            round: None,
        }
    }

    fn step(round: &RoundId) -> KeyStep {
        KeyStep::Galois(round.number.saturating_sub(FIRST_ROUND) as usize)
    }

    fn entered(&mut self, round: &RoundId) -> Result<&KeyRound> {
        if self.round.as_ref().is_none_or(|(n, _)| *n != round.number) {
            let protocol = self.keys.enter(Self::step(round), &[])?;
            self.round = Some((round.number, protocol));
        }
        let entered = self.round.as_ref().map(|(_, protocol)| protocol);
        entered.ok_or_else(|| missing("round", "not entered"))
    }
}

impl Application for Rehearsal {
    type Error = EncryptedError;

    fn begin(&mut self, context: &SessionContext) -> Result<()> {
        self.keys.begin(context);
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next> {
        if self.position == self.rounds {
            return Ok(Next::Complete(Vec::new()));
        }
        self.position += 1;
        Ok(Next::Round(RoundInput {
            label: LABEL.into(),
            payload: Vec::new(),
        }))
    }

    fn share(&mut self, round: &RoundId, _input: &[u8]) -> Result<Vec<u8>> {
        self.entered(round)?;
        match &self.round {
            Some((_, protocol)) => protocol.share(&self.secret),
            None => Err(missing("round", "not entered")),
        }
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        _input: &[u8],
        into: &mut Vec<u8>,
        _from: PartyIndex,
        share: &[u8],
    ) -> Result<()> {
        self.entered(round)?.aggregate(into, share)
    }

    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<()> {
        self.keys.conclude(Self::step(round), aggregate);
        Ok(())
    }

    fn complete(&mut self, _payload: &[u8]) -> Result<()> {
        Ok(())
    }
}
