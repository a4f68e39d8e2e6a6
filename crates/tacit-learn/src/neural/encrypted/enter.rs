//! Entering a round: which protocols it runs, and what its input teaches.

use std::sync::Arc;

use tacit_ckks::{Ciphertext, EvaluationKeys, Evaluator, GaloisKey, RelinearisationKey};
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, ExactMap, Protocol, Refresh, Release,
    RelinearisationRoundOne, RelinearisationRoundTwo,
};
use tacit_ring::Transcript;
use tacit_session::RoundId;

use super::super::packed::Engine;
use super::maps::Maps;
use super::party::{FIRST_ROUND, MlpParty, Result, Round, missing};
use super::plan::LEVELS;
use super::script::MlpStep;
use crate::encrypted::{EncryptedError, intern, sections};

impl MlpParty {
    /// The step of a round, checked against its label.
    pub(super) fn step_of(&self, round: &RoundId) -> Result<MlpStep> {
        let position = round.number.checked_sub(FIRST_ROUND).map(|p| p as usize);
        let step = position.and_then(|p| self.script.get(p).copied());
        match step {
            Some(step) if round.label.as_str() == step.label() => Ok(step),
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
        let params = self.params().clone();
        let instance = self.context()?.instance(u64::from(round.number));
        let state = match step {
            MlpStep::PublicKey => Round::PublicKey(CollectivePublicKey::new(&params, &instance)),
            MlpStep::RelinearisationOne => Round::One(self.round_one()?),
            MlpStep::RelinearisationTwo => {
                let one = self.round_one()?;
                let sum = one.finish(&one.decode(input)?)?;
                Round::Two(RelinearisationRoundTwo::new(&one, sum))
            }
            MlpStep::Galois(k) => Round::Galois(CollectiveGaloisKey::new(
                &params,
                &instance,
                self.elements[k],
            )),
            MlpStep::Forward(t) => {
                if t == 0 {
                    self.learn_keys(input)?;
                }
                Round::Gather
            }
            MlpStep::Gradient(_) => Round::Sums,
            MlpStep::Predictors(..)
            | MlpStep::Errors(..)
            | MlpStep::Weights(_)
            | MlpStep::Raise => {
                let protocols = (self.refreshed(step, input)?.into_iter())
                    .map(|(ct, level, map)| {
                        let mask = self.plan.encryption.mask;
                        Ok(Refresh::of(&params, &instance, ct, level, mask, map)?)
                    })
                    .collect::<Result<_>>()?;
                Round::Refresh(protocols)
            }
            MlpStep::Release => {
                let smudging = self.plan.release_margin().smudging();
                let protocols = (self.ciphertexts(input, self.weight_ciphertexts())?.iter())
                    .map(|ct| Ok(Release::new(&params, &instance, ct, smudging)?))
                    .collect::<Result<_>>()?;
                Round::Release(protocols)
            }
        };
        self.round = Some((round.number, state));
        Ok(step)
    }

    /// Ciphertexts that hold all weights.
    pub(super) fn weight_ciphertexts(&self) -> usize {
        self.plan.layout.first_ciphertexts() + self.plan.config.depth() - 1
    }

    pub(super) fn ciphertexts(&self, bytes: &[u8], count: usize) -> Result<Vec<Ciphertext>> {
        let parts = sections::split("ciphertexts", bytes, count)?;
        let decode = |part| Ok(Ciphertext::from_bytes(self.params(), part)?);
        parts.into_iter().map(decode).collect()
    }

    /// What a round refreshes: ciphertexts with the level they go to and the map they go through.
    fn refreshed(&self, step: MlpStep, input: &[u8]) -> Result<Vec<(Ciphertext, usize, ExactMap)>> {
        let (plan, layout) = (&self.plan, &self.plan.layout);
        let (top, depth) = (plan.level(LEVELS), plan.config.depth());
        let first = layout.first_ciphertexts();
        let count = match step {
            MlpStep::Predictors(_, 1) => layout.parties(),
            MlpStep::Weights(_) | MlpStep::Raise => self.weight_ciphertexts(),
            _ => layout.groups(),
        };
        let maps = &self.maps;
        let target = |k: usize| -> Result<(usize, ExactMap)> {
            Ok(match step {
                MlpStep::Predictors(_, 1) => (top, maps.predictors[layout.place(k).1].clone()),
                MlpStep::Predictors(..) => (top, maps.identity_predictors.clone()),
                MlpStep::Errors(t, l) if l == depth => {
                    (top, Maps::weigh(plan, &self.encoder, t, k)?)
                }
                MlpStep::Errors(..) => (top, maps.identity_errors.clone()),
                MlpStep::Weights(_) if k < first => (plan.level(2), maps.first.clone()),
                MlpStep::Weights(_) => (top, maps.hidden.clone()),
                _ => (
                    top,
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

    /// Both rounds of the relinearisation key speak of the instance of round one.
    pub(super) fn round_one(&self) -> Result<RelinearisationRoundOne> {
        let instance = self.context()?.instance(u64::from(FIRST_ROUND) + 1);
        Ok(RelinearisationRoundOne::new(self.params(), &instance))
    }

    pub(super) fn learn_public_key(&mut self, sum: &[u8]) -> Result<()> {
        if self.public_key.is_none() {
            let instance = self.context()?.instance(u64::from(FIRST_ROUND));
            let protocol = CollectivePublicKey::new(self.params(), &instance);
            self.public_key = Some(protocol.finish(&protocol.decode(sum)?)?);
        }
        Ok(())
    }

    /// The elements whose keys a party needs for its own layer.
    pub(super) fn party_elements(&self) -> Vec<usize> {
        let ring = self.params().ring();
        let wanted = self.plan.layout.party_rotations();
        let wanted: Vec<_> = wanted.iter().map(|&s| ring.rotation(s)).collect();
        let all = 0..self.elements.len();
        all.filter(|&k| wanted.contains(&self.elements[k]))
            .collect()
    }

    /// Public key and Galois keys come with the first iteration.
    fn learn_keys(&mut self, input: &[u8]) -> Result<()> {
        let wanted = self.party_elements();
        let parts = sections::split("evaluation keys", input, 2 + wanted.len())?;
        self.learn_public_key(parts[0])?;
        if self.engine.is_none() {
            let galois = &parts[1..parts.len() - 1];
            let mut transcript = Transcript::new("learn network keys");
            transcript.append(&self.context()?.session);
            galois.iter().for_each(|part| {
                transcript.append(part);
            });
            let keys = intern::keys(transcript.digest(), || {
                self.decode_keys(None, &wanted, galois)
            })?;
            self.engine = Some(self.make_engine(keys));
        }
        Ok(())
    }

    pub(super) fn make_engine(&self, keys: Arc<EvaluationKeys>) -> Engine {
        let evaluator = Evaluator::with_shared_keys(self.params(), keys);
        Engine::new(evaluator, self.encoder.clone())
    }

    /// Keys from the sums of shares; relinearisation from those of both rounds.
    pub(super) fn decode_keys(
        &self,
        relinearisation: Option<[&[u8]; 2]>,
        which: &[usize],
        galois: &[&[u8]],
    ) -> Result<EvaluationKeys> {
        let mut keys = EvaluationKeys::default();
        if let Some([one_sum, two_sum]) = relinearisation {
            let one = self.round_one()?;
            let two = RelinearisationRoundTwo::new(&one, one.finish(&one.decode(one_sum)?)?);
            let key: RelinearisationKey = two.finish(&two.decode(two_sum)?)?;
            keys.relinearisation = Some(key);
        }
        if galois.len() != which.len() {
            return Err(missing(
                "evaluation keys",
                "not as many as the layout needs",
            ));
        }
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
}
