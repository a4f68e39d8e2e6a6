//! Early stop: one number is released every so many iterations, and a public rule ends the training.
//!
//! ```text
//! ½Σ ω·(p(u) − y)²      ω = n_i/(f_i·n) for each of the f_i rows of party i in its batch
//! ```
//!
//! is the mean over all rows that the batches stand for. The errors of the outputs are refreshed once more, through a map that
//! weighs them by √(ω/2) and cleans them of what is no sample; the root squares them and adds up all slots, so that what is
//! decrypted holds nothing but the sum. It is refreshed to a high scale and released, flooded, to all.
//!
//! The root sends the numbers released so far along with what follows from them: the next iteration, or the end. Every party applies
//! the rule by itself and refuses to go on where it says stop, or to stop where it does not.
//!
//! *Limits.* A root that lies about the number can end a training early or prolong it, within the plan's iterations. The
//! number says how well the model fits training rows, not new ones. Trainings with a rule keep one root and do not resume
//! from checkpoints: iterations run twice would release their errors twice.

use tacit_ckks::Ciphertext;
use tacit_ckks::noise::{Message, NoiseModel, ProvenNoise, ReleaseMargin, Tracked};
use tacit_mhe::ExactMap;
use tacit_ring::Transcript;
use tacit_session::RoundId;

use super::maps::Maps;
use super::party::{MlpParty, Result};
use super::plan::{LEVELS, MlpPlan, VALUE_BITS};
use super::script::MlpStep;
use crate::encrypted::keys::missing;
use crate::encrypted::{EncryptedError, sections};
use crate::neural::packed::{ColumnLayout, Columns, LayerCounts, Side};

/// What a released error costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorCost {
    /// At the root.
    pub root: LayerCounts,
    /// Ciphertexts refreshed.
    pub refreshes: usize,
    /// Rounds.
    pub rounds: usize,
}

impl ErrorCost {
    /// Of a plan.
    pub fn of(plan: &MlpPlan) -> Self {
        let groups = plan.layout.groups();
        Self {
            root: LayerCounts {
                rotations: total_rotations(&plan.layout).len(),
                products: groups,
                relinearisations: groups,
                ..LayerCounts::default()
            },
            refreshes: groups + 1,
            rounds: 3,
        }
    }
}

/// The rotations that add up all slots.
pub(super) fn total_rotations(layout: &ColumnLayout) -> Vec<i64> {
    let doublings = 0..layout.slots().trailing_zeros();
    doublings.map(|j| 1i64 << j).collect()
}

impl MlpPlan {
    /// Whether an error is released after iteration `t`: not after the last, where nothing depends on it.
    pub fn releases_error(&self, t: usize) -> bool {
        let config = &self.config;
        let due = config.stop.is_some_and(|stop| stop.releases_after(t));
        due && t + 1 < config.iterations
    }

    /// Errors released before iteration `done`.
    pub fn errors_before(&self, done: usize) -> usize {
        (0..done).filter(|&t| self.releases_error(t)).count()
    }

    /// Whether training ends after these released errors.
    pub(super) fn stops(&self, errors: &[f64]) -> bool {
        self.config.stop.is_some_and(|stop| stop.stops(errors))
    }

    /// The scale of the sum before it is raised.
    pub(super) fn error_scale(&self) -> f64 {
        self.scale() * self.scale() / self.q(2)
    }

    /// log2 of the factor by which its scale is raised.
    pub(super) fn error_raise_bits(&self) -> u32 {
        self.room_bits() - self.error_scale().log2().floor() as u32
    }

    /// The release of an error.
    pub fn error_margin(&self) -> ReleaseMargin {
        let model = NoiseModel::collective(&self.encryption.params, self.rows.len() as u32);
        let scale = self.error_scale() * f64::from(self.error_raise_bits()).exp2();
        let message = Message::bounded(f64::from(VALUE_BITS).exp2());
        let top = self.top();
        let raised: Tracked<ProvenNoise> =
            Tracked::encoded(&model.of_encoded_messages(), message, top, scale).refresh(top);
        let count = self.errors_before(self.config.iterations) as u64;
        ReleaseMargin::new(&raised, self.encryption.lambda_s, count.max(1))
    }
}

impl Maps {
    /// The weighing of a group's output errors whose squares are added up.
    pub fn measure(
        plan: &MlpPlan,
        encoder: &tacit_ckks::Encoder,
        group: usize,
    ) -> Result<ExactMap> {
        let side = Side::of_layer(plan.config.depth());
        let weight = |party: usize, sample: usize| match sample < plan.filled(party) {
            true => (0.5 * plan.share_of_row(party)).sqrt(),
            false => 0.0,
        };
        let map = plan
            .layout
            .weigh(side, plan.config.outputs(), group, weight);
        let factor = plan.scale() * plan.q(LEVELS) / plan.product_scale();
        Ok(map.encode(encoder, plan.level(LEVELS), factor)?)
    }
}

impl MlpParty {
    /// The errors released so far.
    pub fn released_errors(&self) -> &[f64] {
        &self.errors
    }

    /// The position of a round in the script.
    fn position_of(round: &RoundId) -> usize {
        round
            .number
            .saturating_sub(crate::encrypted::keys::FIRST_ROUND) as usize
    }

    /// The step of a round that ends a training before its last iteration.
    pub(super) fn early_end(&self, round: &RoundId) -> Option<MlpStep> {
        let position = Self::position_of(round);
        let next = self.script.get(position)?;
        let before = self.script.get(position.checked_sub(1)?)?;
        let after_error = matches!(before, MlpStep::ReleaseError(_));
        let ends = round.label.as_str() == MlpStep::Raise.label();
        let early = after_error && ends && matches!(next, MlpStep::Forward(_));
        early.then_some(MlpStep::Raise)
    }

    /// Learns the released errors that come with a step which depends on them; what remains of its input.
    pub(super) fn announced<'a>(
        &mut self,
        step: MlpStep,
        round: &RoundId,
        input: &'a [u8],
    ) -> Result<&'a [u8]> {
        if self.plan.config.stop.is_none() {
            return Ok(input);
        }
        let position = Self::position_of(round);
        let (bytes, rest) = match step {
            MlpStep::Forward(m) if m == self.first_batch() => return Ok(input),
            MlpStep::Forward(_) => (sections::split("forward", input, 2)?[0], input),
            MlpStep::Raise => {
                let parts = sections::split("last weights", input, 2)?;
                (parts[0], parts[1])
            }
            _ => return Ok(input),
        };
        let errors = errors_from_bytes(bytes)?;
        let plan = self.plan.clone();
        let done = match self.script.get(position) {
            Some(MlpStep::Forward(m)) => m / plan.config.local_batches,
            _ => plan.config.iterations,
        };
        let stops = plan.stops(&errors);
        let all = errors.len() == plan.errors_before(done);
        let scripted = matches!(self.script.get(position), Some(&found) if found == step);
        // The script of a root that has stopped is cut already: then the rule alone says that this is the end.
        let agrees = match step {
            MlpStep::Raise if scripted => all || stops,
            MlpStep::Raise => all && stops,
            _ => all && !stops,
        };
        if !errors.starts_with(&self.errors) || !agrees {
            let problem = format!("{errors:?} do not lead to `{}` here", step.label());
            return Err(missing("released errors", &problem));
        }
        self.errors = errors;
        if !scripted {
            self.end_at(position);
        }
        Ok(rest)
    }

    /// The script ends with the release of the model, from `position` on.
    pub(super) fn end_at(&mut self, position: usize) {
        self.script.truncate(position);
        self.script.extend([MlpStep::Raise, MlpStep::Release]);
    }

    /// Before an input: the released errors, where the plan has any.
    pub(super) fn with_errors(&self, payload: Vec<u8>) -> Vec<u8> {
        let bytes: Vec<u8> = (self.errors.iter().flat_map(|e| e.to_le_bytes())).collect();
        sections::join(&[&bytes, &payload])
    }

    /// The errors of the outputs to be measured, with fresh encryptions of zero: their c₁ has been refreshed already.
    pub(super) fn to_measure(&self, t: usize, compared: &[Ciphertext]) -> Result<Vec<Ciphertext>> {
        let session = self.keys.session()?.session;
        let fresh = |(index, ct): (usize, &Ciphertext)| {
            let mut transcript = Transcript::new("learn measured errors");
            transcript.append(&session).append_u64(t as u64);
            transcript.append_u64(index as u64);
            let (keys, secret) = (&self.keys, &self.secret);
            let zero = keys.encrypt_bound(secret, transcript, &[0.0], ct.level(), ct.scale())?;
            Ok(self.root_engine()?.evaluator().add(ct, &zero)?)
        };
        compared.iter().enumerate().map(fresh).collect()
    }

    /// The sum of the squares of the weighed errors, in every slot.
    pub(super) fn measured(&self, weighed: Vec<Ciphertext>) -> Result<Ciphertext> {
        let (plan, engine) = (&self.plan, self.root_engine()?);
        let side = Side::of_layer(plan.config.depth());
        let squares = Columns::new(&plan.layout, side, weighed)?
            .map(|e| Ok(engine.product(e, e)?))?
            .into_groups();
        let mut sum = engine.sum(squares)?;
        engine.evaluator().drop_to_level(&mut sum, plan.level(0))?;
        for step in total_rotations(&plan.layout) {
            let turned = engine.turn(&sum, step)?;
            engine.evaluator().add_assign(&mut sum, &turned)?;
        }
        sum.set_scale(plan.error_scale());
        Ok(sum)
    }
}

fn errors_from_bytes(bytes: &[u8]) -> Result<Vec<f64>> {
    let (errors, rest) = bytes.as_chunks::<8>();
    let errors: Vec<f64> = errors.iter().map(|b| f64::from_le_bytes(*b)).collect();
    match rest.is_empty() && errors.iter().all(|e| e.is_finite()) {
        true => Ok(errors),
        false => Err(EncryptedError::Message {
            what: "released errors",
            problem: "not a list of numbers".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tacit_mhe::PartySecret;

    use super::*;
    use crate::model::Samples;
    use crate::neural::{EarlyStop, MlpConfig, StepMomentum};

    fn party() -> MlpParty {
        let stop = EarlyStop {
            every: 1,
            patience: 1,
            improvement: 0.5,
        };
        let config = MlpConfig {
            slots: 64,
            batch: 2,
            iterations: 4,
            stop: Some(stop),
            ..MlpConfig::new(&[2, 4, 2])
        };
        let plan = Arc::new(MlpPlan::insecure_toy(config, vec![2, 2]).unwrap());
        let secret = PartySecret::generate(&plan.encryption.params).unwrap();
        let rows = Samples::new(2, vec![0.5; 4], vec![0.0, 1.0]).unwrap();
        MlpParty::new(plan, secret, Box::new(rows)).unwrap()
    }

    /// The round at the place of `step`, under the label of `found`.
    fn round(party: &MlpParty, step: MlpStep, found: MlpStep) -> RoundId {
        let position = party.script.iter().position(|&s| s == step).unwrap();
        RoundId {
            session: tacit_session::Digest([0; 32]),
            number: crate::encrypted::keys::FIRST_ROUND + position as u32,
            label: tacit_session::Label::new(found.label()).unwrap(),
        }
    }

    fn input(errors: &[f64]) -> Vec<u8> {
        let bytes: Vec<u8> = errors.iter().flat_map(|e| e.to_le_bytes()).collect();
        sections::join(&[&bytes, b"weights"])
    }

    #[test]
    fn wide_errors_before_a_release_follow_the_scale_of_what_is_released() {
        let config = MlpConfig {
            slots: 64,
            batch: 2,
            momentum: StepMomentum::Nesterov { mu: 0.99 },
            ..MlpConfig::new(&[2, 4, 2])
        };
        let plan = MlpPlan::insecure_toy(config, vec![2, 2]).unwrap();
        // Weights are stored a hundredth below the scale, sums of squares about at it.
        let [model, error] = [MlpStep::Raise, MlpStep::RaiseError(0)];
        let [model, error] = [model, error].map(|step| plan.wide_error_bits(step));
        assert!((6..=8).contains(&(error - model)), "{error} {model}");
        // Together they come to what a release is allowed, and no more.
        let spread = 3.2 * f64::from(error).exp2() * (64.0f64 * 2.0).sqrt();
        let added = (spread / plan.error_scale()).log2();
        assert!((-21.0..=-20.0).contains(&added), "2^{added}");
        assert_eq!(plan.wide_error_bits(MlpStep::Weights(0)), 0);
    }

    #[test]
    fn nobody_goes_on_or_ends_against_the_rule() {
        let next = MlpStep::Forward(2);
        let announce = |found, errors: &[f64]| {
            let mut party = party();
            let round = round(&party, next, found);
            let step = party.step_of(&round).unwrap();
            assert_eq!(step, found);
            let bytes = input(errors);
            let rest = party.announced(step, &round, &bytes).map(<[u8]>::to_vec);
            (rest, party)
        };
        // Halved, it goes on; not halved, it ends.
        assert!(announce(next, &[1.0, 0.4]).0.is_ok());
        assert!(announce(next, &[1.0, 0.6]).0.is_err());
        let (rest, party) = announce(MlpStep::Raise, &[1.0, 0.6]);
        assert_eq!(rest.unwrap(), b"weights");
        assert_eq!(party.script.last(), Some(&MlpStep::Release));
        assert!(!party.script.contains(&next));
        assert!(announce(MlpStep::Raise, &[1.0, 0.4]).0.is_err());
        // As many as were released, and numbers.
        for errors in [&[1.0][..], &[1.0, 0.4, 0.1], &[1.0, f64::NAN]] {
            assert!(announce(next, errors).0.is_err());
        }
    }

    #[test]
    fn what_was_announced_stays() {
        let mut party = party();
        let first = round(&party, MlpStep::Forward(2), MlpStep::Forward(2));
        let errors = input(&[1.0, 0.4]);
        party
            .announced(MlpStep::Forward(2), &first, &errors)
            .unwrap();
        let later = round(&party, MlpStep::Forward(3), MlpStep::Forward(3));
        for (errors, fits) in [([0.9, 0.4, 0.1], false), ([1.0, 0.4, 0.1], true)] {
            let errors = input(&errors);
            let told = party.announced(MlpStep::Forward(3), &later, &errors);
            assert_eq!(told.is_ok(), fits);
        }
        assert_eq!(party.released_errors(), [1.0, 0.4, 0.1]);
    }

    #[test]
    fn an_end_is_early_only_after_a_released_error() {
        let party = party();
        for step in [MlpStep::Gradient(1), MlpStep::Weights(1)] {
            let round = round(&party, step, MlpStep::Raise);
            assert!(party.step_of(&round).is_err());
        }
    }
}
