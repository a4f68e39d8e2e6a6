//! Entering a round: which protocol it is, and what its input teaches.

use std::sync::Arc;

use tacit_mhe::Instance;

use super::*;

impl GlmParty {
    /// The step of a round, checked against its label.
    pub(super) fn step_of(&self, round: &RoundId) -> Result<Step> {
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
    pub(super) fn enter(&mut self, round: &RoundId, input: &[u8]) -> Result<Step> {
        self.follow(round);
        let step = self.step_of(round)?;
        if matches!(&self.round, Some((number, _)) if *number == round.number) {
            return Ok(step);
        }
        let params = self.params().clone();
        let instance = self.keys.instance(round.number)?;
        let state = match step {
            Step::Key(step) => Round::Key(self.keys.enter(step, input)?),
            Step::SubShares => Round::SubShares,
            Step::Confirm => {
                let exchange = self.exchange()?;
                let place = exchange.receive(&self.secret, input)?;
                let receipt = exchange.receipt(input);
                self.away.place = Some(place);
                Round::Confirm(receipt)
            }
            Step::Checkpoint => Round::Several(self.learn_checkpoint(input)?),
            Step::Moments => {
                self.keys.learn_public_key(input)?;
                Round::Ciphertexts
            }
            Step::Curvature => {
                let parts = sections::split("curvature", input, 2)?;
                self.keys.learn_public_key(parts[0])?;
                self.learn_totals(parts[1])?;
                Round::Ciphertexts
            }
            Step::ReleaseMoments | Step::ReleaseCurvature => {
                let sum = Ciphertext::from_bytes(&params, input)?;
                Round::Release(Release::new(
                    &params,
                    &instance,
                    &sum,
                    self.moments_smudging()?,
                )?)
            }
            Step::Gradient(t) => {
                if t <= 1 {
                    self.learn_before(t, input)?;
                }
                Round::Ciphertexts
            }
            Step::Refresh(t) => {
                self.count_refresh()?;
                let refresh = self.refresh(t, &instance, input)?;
                self.refreshed.push(&refresh);
                Round::Refresh(refresh)
            }
            Step::ReleaseModel => {
                let model = Ciphertext::from_bytes(&params, input)?;
                self.begin_release()?;
                let smudging = self.model_smudging();
                Round::Release(Release::new(&params, &instance, &model, smudging)?)
            }
            Step::Answer(_) => {
                let parts = sections::split("answer", input, 3)?;
                let result = Ciphertext::from_bytes(&params, parts[0])?;
                let target = PublicKey::from_bytes(&params, parts[1])?;
                let smudging = self.answer_smudging()?;
                let protocol =
                    KeySwitchToPublic::new(&params, &instance, &result, &target, smudging)?;
                Round::Answer(protocol)
            }
        };
        self.round = Some((round.number, state));
        Ok(step)
    }

    /// The refresh after iteration t; the last one leads to where answers are.
    fn refresh(&mut self, t: usize, instance: &Instance, input: &[u8]) -> Result<Refresh> {
        let lowered = self.root.lowered.take();
        let (encryption, params) = (&self.plan.encryption, self.params());
        let last = t + 1 == self.plan.config.iterations;
        let raise = encryption.query_scale_bits() - params.literal().log_scale;
        let bits = if last { raise } else { 0 };
        let (map, mask) = (ExactMap::Multiple { bits }, encryption.mask);
        let (to, wide) = match last {
            true => (encryption.answer_level(), encryption.wide_error_bits()),
            false => (encryption.top_level(), 0),
        };
        let refresh = match lowered {
            Some(whole) => Refresh::new(params, instance, whole, to, mask, map)?,
            None => {
                let input = ShareInput::from_bytes(params, input)?;
                Refresh::from_input(params, instance, input, to, mask, map)?
            }
        };
        Ok(refresh.with_wide_errors(wide))
    }

    /// The released totals; with them the rows can be standardised.
    pub(super) fn learn_totals(&mut self, bytes: &[u8]) -> Result<()> {
        if self.samples.is_some() {
            return Ok(());
        }
        self.root.totals = statistics::totals_from_bytes(bytes, self.plan.moments)?;
        let samples = self
            .rows
            .samples(&self.root.totals)
            .map_err(EncryptedError::Standardisation)?;
        let config = &self.plan.config;
        samples.check(config.family, config.features)?;
        self.order = Some(BatchOrder::new(
            samples.len(),
            config.batch,
            config.seed,
            self.me,
        ));
        self.samples = Some(samples);
        Ok(())
    }

    /// What comes with the first two gradient rounds: public key and totals, then evaluation keys.
    pub(super) fn learn_before(&mut self, t: usize, input: &[u8]) -> Result<()> {
        if t == 0 {
            let parts = sections::split("first gradient", input, 3)?;
            self.keys.learn_public_key(parts[0])?;
            self.learn_totals(parts[1])?;
            return self.learn_bound(parts[2]);
        }
        if self.circuit.is_none() {
            let parts = sections::split("gradient", input, 2)?;
            self.learn_keys(parts[0])?;
        }
        Ok(())
    }

    /// The bound that step sizes rest on; the first one stays.
    pub(super) fn learn_bound(&mut self, bytes: &[u8]) -> Result<()> {
        if self.schedule.is_some() {
            return Ok(());
        }
        let bound: [u8; 8] = bytes.try_into().map_err(|_| EncryptedError::Message {
            what: "curvature bound",
            problem: format!("{} bytes instead of 8", bytes.len()),
        })?;
        let bound = f64::from_le_bytes(bound);
        // The second moment of the intercept alone is 1.
        if !(1.0..1e6).contains(&bound) {
            let problem = format!("{bound} is not between 1 and 10^6");
            return Err(EncryptedError::Message {
                what: "curvature bound",
                problem,
            });
        }
        self.root.curvature_bound = bound;
        self.schedule = Some(self.plan.config.schedule(bound)?);
        Ok(())
    }

    /// The evaluation keys that the root handed out; the first ones stay.
    pub(super) fn learn_keys(&mut self, bytes: &[u8]) -> Result<()> {
        if self.circuit.is_none() {
            let which = self.party_keys();
            let keys = self.keys.learn(bytes, &which)?;
            self.circuit = Some(self.make_circuit(keys)?);
        }
        Ok(())
    }

    pub(super) fn make_circuit(&self, keys: Arc<EvaluationKeys>) -> Result<Circuit> {
        let config = &self.plan.config;
        let evaluator = Evaluator::with_shared_keys(self.params(), keys);
        let activation = *config.activation()?.folded();
        Ok(Circuit::new(
            evaluator,
            self.keys.encoder().clone(),
            self.layout,
            config.family,
            activation,
        ))
    }
}
