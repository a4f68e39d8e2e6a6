//! The root's part: inputs of rounds, and what is made of the sums.

use super::*;

impl GlmParty {
    pub(super) fn input(&mut self, step: Step) -> Result<Vec<u8>> {
        if matches!(step, Step::Answer(_)) {
            self.assemble_root_circuit()?;
        }
        if step == Step::ReleaseModel {
            self.begin_release()?;
        }
        let root = &self.root;
        Ok(match step {
            Step::Key(step) => self.keys.input(step),
            Step::SubShares => Vec::new(),
            Step::Confirm => std::mem::take(&mut self.root.dealt),
            Step::Checkpoint => self.checkpoint_input()?,
            Step::Moments => self.public_key_part(step).to_vec(),
            Step::ReleaseMoments => root.moments.clone(),
            Step::Curvature => sections::join(&[self.public_key_part(step), &self.totals_bytes()]),
            Step::ReleaseCurvature => root.curvature.clone(),
            Step::Gradient(0) => {
                let bound = self.bound_bytes();
                sections::join(&[self.public_key_part(step), &self.totals_bytes(), &bound])
            }
            Step::Gradient(t) => self.gradient_input(t)?,
            Step::Refresh(_) => {
                let lowered = root.lowered.as_ref().ok_or_else(not_entered)?;
                ShareInput::of(lowered)?.to_bytes(self.params())
            }
            Step::ReleaseModel => self.weights()?.to_bytes(self.params()),
            Step::Answer(_) => {
                let query = self
                    .root
                    .queries
                    .pop_front()
                    .ok_or_else(|| EncryptedError::Query("an answer without a query".into()))?;
                let circuit = self.assembled()?;
                let result = circuit.predict(self.weights()?, &query.rows)?;
                let result = self.answered_anew(result)?;
                let params = self.params();
                sections::join(&[
                    &result.to_bytes(params),
                    &query.target.to_bytes(params),
                    &query.warrant,
                ])
            }
        })
    }

    /// The sum of the public key's shares, with the first round that encrypts under it.
    fn public_key_part(&self, step: Step) -> &[u8] {
        match self.script.first_encryption() {
            Some(first) if first == step => self.keys.public_key_sum(),
            _ => &[],
        }
    }

    pub(super) fn totals_bytes(&self) -> Vec<u8> {
        statistics::totals_to_bytes(&self.root.totals)
    }

    pub(super) fn bound_bytes(&self) -> [u8; 8] {
        let config = &self.plan.config;
        let bound = config.curvature.known(config.features);
        bound.unwrap_or(self.root.curvature_bound).to_le_bytes()
    }

    pub(super) fn gradient_input(&mut self, t: usize) -> Result<Vec<u8>> {
        let handed_out = match t {
            // Who goes on has them already.
            1 if self.away.last.is_none() => Some(self.keys.hand_out(&self.party_keys())?),
            _ => None,
        };
        self.assemble_root_circuit()?;
        let circuit = self.assembled()?;
        let step = &self.schedule()?.steps()[t];
        let base = circuit.extrapolate(self.weights()?, self.root.previous.as_ref(), step)?;
        let nesterov = self.schedule()?.is_nesterov();
        let point = if nesterov { &base } else { self.weights()? };
        let point = self.point_to_bytes(t, point)?;
        self.root.base = Some(base);
        let mut parts: Vec<&[u8]> = handed_out.iter().map(Vec::as_slice).collect();
        parts.push(&point);
        Ok(sections::join(&parts))
    }

    /// All evaluation keys, once.
    pub(super) fn assemble_root_circuit(&mut self) -> Result<()> {
        if self.circuit.is_none() {
            let keys = self.keys.assemble()?;
            self.circuit = Some(self.make_circuit(keys)?);
        }
        Ok(())
    }

    pub(super) fn weights(&self) -> Result<&Ciphertext> {
        self.root
            .weights
            .as_ref()
            .ok_or(missing("model", "training has not begun"))
    }

    /// What this party computes with, once it has its evaluation keys.
    pub(super) fn assembled(&self) -> Result<&Circuit> {
        self.circuit
            .as_ref()
            .ok_or(missing("evaluation keys", "not generated or received yet"))
    }

    pub(super) fn conclude(&mut self, step: Step, sum: Vec<u8>) -> Result<()> {
        let Some((_, round)) = &self.round else {
            return Ok(());
        };
        match (step, round) {
            (Step::Key(step), _) => self.keys.conclude(step, sum),
            (Step::SubShares, _) => self.root.dealt = sum,
            (Step::Confirm, _) => self.root.confirmed = true,
            (Step::Checkpoint, _) => self.go_on_from(&sum)?,
            (Step::Moments, _) => self.root.moments = sum,
            (Step::ReleaseMoments, Round::Release(p)) => {
                let plain = finish(p, &sum)?;
                let mut totals = self.keys.encoder().decode(&plain);
                totals.truncate(self.plan.moments);
                self.root.totals = totals;
            }
            (Step::Curvature, _) => self.root.curvature = sum,
            (Step::ReleaseCurvature, Round::Release(p)) => {
                let plain = finish(p, &sum)?;
                let mean = self.keys.encoder().decode(&plain)[0];
                self.root.curvature_bound = crate::twin::coarsened(1.01 * mean).max(1.0);
            }
            (Step::Gradient(0), _) => {
                self.root.lowered = Some(Ciphertext::from_bytes(self.params(), &sum)?);
            }
            (Step::Gradient(t), _) => {
                let sum = Ciphertext::from_bytes(self.params(), &sum)?;
                let divisor = self.plan.encryption.parties * self.plan.config.batch;
                let step = self.schedule()?.steps()[t];
                let circuit = self.assembled()?;
                let update = circuit.fold(sum, step.rate / divisor as f64)?;
                let base = self.root.base.as_ref().unwrap_or(self.weights()?);
                let nesterov = self.schedule()?.is_nesterov();
                let next = circuit.step(base, self.weights()?, nesterov, step.decay, &update)?;
                self.root.lowered = Some(next);
            }
            (Step::Refresh(t), Round::Refresh(p)) => {
                let fresh = finish(p, &sum)?;
                self.root.completed = t + 1;
                self.root.previous = self.root.weights.replace(fresh);
            }
            (Step::ReleaseModel, Round::Release(p)) => {
                let plain = finish(p, &sum)?;
                let slots = self.keys.encoder().decode(&plain);
                let outputs = self.plan.config.family.outputs();
                self.root.released = Some(self.layout.unpack_weights(&slots, outputs)?);
            }
            (Step::Answer(_), Round::Answer(p)) => {
                let answer = finish(p, &sum)?;
                self.root.answers.push(answer.to_bytes(self.params()));
            }
            _ => {
                return Err(not_entered());
            }
        }
        Ok(())
    }
}
