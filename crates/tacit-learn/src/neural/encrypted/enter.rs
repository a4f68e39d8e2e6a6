//! Entering a round: which protocols it runs, and what its input teaches.

use tacit_ckks::Ciphertext;
use tacit_mhe::{ExactMap, Refresh, Release};
use tacit_session::RoundId;

use super::maps::Maps;
use super::party::{MlpParty, Result, Round};
use super::plan::LEVELS;
use super::script::MlpStep;
use crate::encrypted::keys::FIRST_ROUND;
use crate::encrypted::{EncryptedError, sections, statistics};

impl MlpParty {
    /// The step of a round, checked against its label.
    pub(super) fn step_of(&self, round: &RoundId) -> Result<MlpStep> {
        let position = round.number.checked_sub(FIRST_ROUND).map(|p| p as usize);
        let step = position.and_then(|p| self.script.get(p).copied());
        match step {
            Some(step) if round.label.as_str() == step.label() => Ok(step),
            _ if self.early_end(round).is_some() => Ok(MlpStep::Raise),
            _ => Err(EncryptedError::OutOfScript {
                round: round.number,
                found: round.label.as_str().into(),
                expected: step.map_or("(end of the plan)", MlpStep::label).into(),
            }),
        }
    }

    /// Builds the protocols of a round from its public input; learns what the input carries.
    pub(super) fn enter(&mut self, round: &RoundId, input: &[u8]) -> Result<MlpStep> {
        let step = self.step_of(round)?;
        if matches!(&self.round, Some((number, _)) if *number == round.number) {
            return Ok(step);
        }
        let input = self.announced(step, round, input)?;
        let params = self.params().clone();
        let instance = self.keys.instance(round.number)?;
        let state = match step {
            MlpStep::Key(step) => Round::Key(self.keys.enter(step, input)?),
            MlpStep::Moments => {
                self.keys.learn_public_key(input)?;
                Round::Sums(1)
            }
            MlpStep::ReleaseMoments => {
                let smudging = self.plan.moments_margin()?.smudging();
                let protocols = (self.ciphertexts(input, 1)?.iter())
                    .map(|ct| Ok(Release::new(&params, &instance, ct, smudging)?))
                    .collect::<Result<_>>()?;
                Round::Release(protocols)
            }
            MlpStep::Forward(m) => {
                if m == self.first_batch() {
                    self.learn_before(input)?;
                }
                Round::Gather
            }
            MlpStep::Gradient(_) => Round::Sums(self.plan.first_weights()),
            MlpStep::Predictors(..)
            | MlpStep::Errors(..)
            | MlpStep::Weights(_)
            | MlpStep::MeasureError(_)
            | MlpStep::RaiseError(_)
            | MlpStep::Raise => {
                let wide = self.plan.wide_error_bits(step);
                let protocols = (self.refreshed(step, input)?.into_iter())
                    .map(|(ct, level, map)| {
                        let mask = self.plan.encryption.mask;
                        let refresh = Refresh::new(&params, &instance, ct, level, mask, map)?;
                        Ok(refresh.with_wide_errors(wide))
                    })
                    .collect::<Result<_>>()?;
                Round::Refresh(protocols)
            }
            MlpStep::ReleaseError(_) => {
                let smudging = self.plan.error_margin().smudging();
                let protocols = (self.ciphertexts(input, 1)?.iter())
                    .map(|ct| Ok(Release::new(&params, &instance, ct, smudging)?))
                    .collect::<Result<_>>()?;
                Round::Release(protocols)
            }
            MlpStep::Release => {
                let smudging = self.plan.release_margin().smudging();
                let protocols = (self
                    .ciphertexts(input, self.plan.weight_ciphertexts())?
                    .iter())
                .map(|ct| Ok(Release::new(&params, &instance, ct, smudging)?))
                .collect::<Result<_>>()?;
                Round::Release(protocols)
            }
        };
        self.round = Some((round.number, state));
        Ok(step)
    }

    /// The number of the first batch of this session.
    pub(super) fn first_batch(&self) -> usize {
        self.start * self.plan.config.local_batches
    }

    pub(super) fn ciphertexts(&self, bytes: &[u8], count: usize) -> Result<Vec<Ciphertext>> {
        let parts = sections::split("ciphertexts", bytes, count)?;
        let decode = |part| Ok(Ciphertext::from_bytes(self.params(), part)?);
        parts.into_iter().map(decode).collect()
    }

    /// What a round refreshes: ciphertexts with the level they go to and the map they go through.
    fn refreshed(&self, step: MlpStep, input: &[u8]) -> Result<Vec<(Ciphertext, usize, ExactMap)>> {
        let (plan, layout) = (&self.plan, &self.plan.layout);
        let depth = plan.config.depth();
        let count = match step {
            MlpStep::Predictors(_, 1) => layout.parties(),
            MlpStep::Weights(_) | MlpStep::Raise => plan.weight_ciphertexts(),
            MlpStep::RaiseError(_) => 1,
            _ => layout.groups(),
        };
        let maps = &self.maps;
        let target = |k: usize| -> Result<(usize, ExactMap)> {
            Ok(match step {
                MlpStep::Predictors(_, l) => {
                    let map = match l {
                        1 => &maps.predictors[layout.place(k).1],
                        l if l == depth => &maps.identity_outputs,
                        _ => &maps.identity_predictors,
                    };
                    (plan.level(plan.predictors_above(l) + 1), map.clone())
                }
                MlpStep::Errors(m, l) => {
                    let level = plan.level(plan.errors_above(l) + 1);
                    match l == depth {
                        true => (level, Maps::weigh(plan, self.encoder(), m, k)?),
                        false => (level, Maps::errors(plan, self.encoder(), l)?),
                    }
                }
                MlpStep::Weights(_) => match plan.weights_of(k) {
                    (Some(1), at) => (at, maps.first[k % maps.first.len()].clone()),
                    (Some(2), at) => (at, maps.second.clone()),
                    (Some(_), at) => (at, maps.hidden.clone()),
                    (None, at) => (at, maps.bias.clone()),
                },
                MlpStep::MeasureError(_) => {
                    (plan.level(LEVELS), Maps::measure(plan, self.encoder(), k)?)
                }
                MlpStep::RaiseError(_) => (
                    plan.top(),
                    ExactMap::Multiple {
                        bits: plan.error_raise_bits(),
                    },
                ),
                _ => (
                    plan.top(),
                    ExactMap::Multiple {
                        bits: plan.raise_bits(),
                    },
                ),
            })
        };
        let cts = self.ciphertexts(input, count)?.into_iter().enumerate();
        cts.map(|(k, ct)| target(k).map(|(level, map)| (ct, level, map)))
            .collect()
    }

    /// The Galois keys that a party needs for its own layer.
    pub(super) fn party_keys(&self) -> Vec<usize> {
        self.keys.turning(&self.plan.party_rotations())
    }

    /// Public key, totals of the standardisation and Galois keys come with the first iteration.
    fn learn_before(&mut self, input: &[u8]) -> Result<()> {
        let parts = sections::split("first iteration", input, 4)?;
        self.keys.learn_public_key(parts[0])?;
        if self.own.is_none() {
            self.totals = statistics::totals_from_bytes(parts[1], self.plan.moments)?;
            self.prepare_rows()?;
        }
        if self.engine.is_none() {
            let which = self.party_keys();
            let keys = self.keys.learn(parts[2], &which)?;
            self.engine = Some(self.make_engine(keys));
        }
        Ok(())
    }
}
