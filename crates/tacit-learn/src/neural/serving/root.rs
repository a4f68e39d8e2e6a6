//! The root's part of answering: inputs of rounds, and what is made of the sums.

use tacit_ckks::{Ciphertext, encrypt_zero};
use tacit_ring::Transcript;

use super::circuit::{ServingModel, shape};
use super::party::{Result, Root, ServingParty, ServingStep, WAVE};
use crate::encrypted::keys::missing;
use crate::encrypted::sections;

impl ServingParty {
    /// The input of a round; none when there is nothing left to answer.
    pub(super) fn input(&mut self, step: ServingStep) -> Result<Option<Vec<u8>>> {
        match step {
            ServingStep::Swap(0) => self.unpacked()?,
            ServingStep::Predictors(1) if !self.next_wave()? => return Ok(None),
            _ => {}
        }
        let params = self.plan.encryption.params.clone();
        let root = self.root_mut()?;
        let mut parts: Vec<Vec<u8>> = Vec::new();
        for (k, ct) in root.lowered.iter().enumerate() {
            parts.push(ct.to_bytes(&params));
            if step == ServingStep::Answer {
                let target = root
                    .targets
                    .get(k)
                    .ok_or_else(|| missing("answers", "no querier"))?;
                parts.push(target.to_bytes(&params));
            }
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(Some(sections::join(&parts)))
    }

    /// The first layer as training left it, ready to be transposed.
    fn unpacked(&mut self) -> Result<()> {
        let plan = self.plan.clone();
        let trained = self.root_mut()?.trained.take();
        let trained = trained.ok_or_else(|| missing("model", "the root was given none"))?;
        let counts = [
            (
                "ciphertexts of the first layer",
                plan.trained.first_ciphertexts(),
                trained.first.len(),
            ),
            (
                "hidden layers of the model",
                plan.config.depth() - 1,
                trained.hidden.len(),
            ),
        ];
        if let Some((what, expected, found)) = counts.into_iter().find(|(_, e, f)| e != f) {
            return Err(shape(what, expected, found));
        }
        let lowered = (trained.first.iter().enumerate())
            .map(|(k, ct)| self.fresh(ct, k))
            .collect::<Result<_>>()?;
        let root = self.root_mut()?;
        root.lowered = lowered;
        root.trained = Some(trained);
        Ok(())
    }

    /// At the refresh level, with a fresh encryption of zero added: parties give one share only on every c_1.
    fn fresh(&self, ct: &Ciphertext, index: usize) -> Result<Ciphertext> {
        let (plan, params) = (&self.plan, &self.plan.encryption.params);
        let root = self
            .root
            .as_ref()
            .ok_or_else(|| missing("model", "only the root has it"))?;
        let evaluator = root.engine.evaluator();
        let mut out = ct.clone();
        evaluator.drop_to_level(&mut out, plan.level(2))?;
        let mut transcript = Transcript::new("learn serving zero");
        transcript
            .append(&self.context()?.session)
            .append_u64(index as u64);
        for poly in out.polys() {
            transcript.append_words(poly.words());
        }
        let seed = self
            .secret
            .stream_seed("learn serving zero", &transcript.digest());
        let zero = encrypt_zero(
            params,
            &root.collective,
            out.level(),
            out.scale(),
            &mut seed.expand(),
        );
        evaluator.add_assign(&mut out, &zero)?;
        Ok(out)
    }

    /// Every block of the transposed first layer, and the other layers.
    fn blocks(&self, transposed: &[Ciphertext]) -> Result<Vec<Ciphertext>> {
        let (trained, pieces) = (&self.plan.trained, self.plan.layout.pieces());
        let blocks = trained.used() / trained.height();
        let given = self.root.as_ref().and_then(|root| root.trained.as_ref());
        let given = given.ok_or_else(|| missing("model", "not there"))?;
        let first = (0..pieces).map(|k| &transposed[k / blocks]);
        let all = first.chain(&given.hidden).enumerate();
        all.map(|(k, ct)| self.fresh(ct, k)).collect()
    }

    /// Takes queries from the queue through the first layer; whether there are any.
    fn next_wave(&mut self) -> Result<bool> {
        let plan = self.plan.clone();
        let root = self.root_mut()?;
        let count = root.queue.len().min(WAVE);
        let (batches, targets): (Vec<_>, Vec<_>) = root.queue.drain(..count).unzip();
        root.targets = targets;
        root.lowered = root.model()?.apply(&plan, &root.engine, 1, &batches)?;
        Ok(count > 0)
    }

    pub(super) fn conclude(&mut self, step: ServingStep, sum: &[u8]) -> Result<()> {
        let plan = self.plan.clone();
        if step == ServingStep::Answer {
            let answers = self.switched(sum)?;
            let root = self.root_mut()?;
            root.answers.extend(answers);
            root.lowered.clear();
            return Ok(());
        }
        let mut cts = self.refreshed(sum)?;
        match step {
            ServingStep::Swap(k) => {
                self.divide(&mut cts)?;
                if k + 1 == plan.swaps().len() {
                    cts = self.blocks(&cts)?;
                }
                self.root_mut()?.lowered = cts;
            }
            ServingStep::Place => {
                let hidden = cts.split_off(plan.layout.pieces());
                let mut layers = vec![cts];
                layers.extend(hidden.into_iter().map(|ct| vec![ct]));
                let root = self.root_mut()?;
                root.trained = None;
                root.model = Some(ServingModel::new(&plan, &root.engine, &layers)?);
                root.lowered.clear();
            }
            ServingStep::Predictors(l) => {
                let root = self.root_mut()?;
                root.lowered = ServingModel::activate(&plan, &root.engine, l, &cts)?;
            }
            ServingStep::Activations(l) => {
                let batches: Vec<_> = cts.into_iter().map(|ct| vec![ct]).collect();
                let root = self.root_mut()?;
                root.lowered = root.model()?.apply(&plan, &root.engine, l + 1, &batches)?;
            }
            ServingStep::Answer => {}
        }
        Ok(())
    }

    /// Divides by the last prime, which a map's weights were scaled by.
    fn divide(&mut self, cts: &mut [Ciphertext]) -> Result<()> {
        let delta = self.plan.weight_scale;
        let root = self.root_mut()?;
        for ct in cts {
            root.engine.evaluator().rescale_assign(ct)?;
            ct.set_scale(delta);
        }
        Ok(())
    }
}

impl Root {
    fn model(&self) -> Result<&ServingModel> {
        let model = self.model.as_ref();
        model.ok_or_else(|| missing("model", "not in place yet"))
    }
}
