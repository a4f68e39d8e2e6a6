//! The root's part: inputs of rounds, and what is made of the sums.

use rayon::prelude::*;
use tacit_ckks::Ciphertext;
use tacit_mhe::Protocol;
use tacit_ring::Transcript;

use super::super::packed::{Columns, Engine};
use super::super::{Matrix, MlpWeights};
use super::circuit::{HiddenCircuit, Stored};
use super::own::entries;
use super::party::{MlpParty, Result, Round, join};
use super::script::MlpStep;
use crate::encrypted::keys::missing;
use crate::encrypted::{sections, statistics};

/// What only the root accumulates.
#[derive(Default)]
pub(super) struct Root {
    pub engine: Option<Engine>,
    /// Ciphertexts of the first layer.
    first: Kept,
    /// One ciphertext per hidden layer, from layer 2.
    hidden: Kept,
    labels: Vec<Ciphertext>,
    /// Of layers 1, 2, … as they become known.
    predictors: Vec<Columns>,
    activations: Vec<Columns>,
    errors: Option<Columns>,
    /// Of layers L, L−1, …, 2.
    gradients: Vec<Ciphertext>,
    /// To be refreshed or released next.
    lowered: Vec<Ciphertext>,
    pub released: Option<MlpWeights>,
}

/// Weights now and before the last step, and where their gradient is taken.
#[derive(Default)]
struct Kept {
    now: Vec<Ciphertext>,
    before: Vec<Ciphertext>,
    point: Vec<Ciphertext>,
}

impl Kept {
    /// At the start nothing has moved.
    fn start(now: Vec<Ciphertext>, circuit: &HiddenCircuit<'_>) -> Result<Self> {
        Self::of(now.clone(), now, circuit)
    }

    fn of(
        now: Vec<Ciphertext>,
        before: Vec<Ciphertext>,
        circuit: &HiddenCircuit<'_>,
    ) -> Result<Self> {
        let pairs = now.iter().zip(&before);
        let point = pairs
            .map(|(now, before)| circuit.point(now, before))
            .collect::<Result<_>>()?;
        Ok(Self { now, before, point })
    }

    fn stored(&self, k: usize) -> Stored<'_> {
        Stored {
            now: &self.now[k],
            before: &self.before[k],
            point: &self.point[k],
        }
    }
}

impl MlpParty {
    pub(super) fn input(&mut self, step: MlpStep) -> Result<Vec<u8>> {
        Ok(match step {
            MlpStep::Key(step) => self.keys.input(step),
            MlpStep::Moments => self.keys.public_key_sum().to_vec(),
            MlpStep::Forward(0) => self.first_input()?,
            MlpStep::Forward(_) => join(&[self.encoded(&self.root.first.point)]),
            MlpStep::Gradient(_) => {
                let errors = self.root.errors.as_ref();
                let errors = errors.ok_or_else(|| missing("errors", "not refreshed yet"))?;
                self.encoded(errors.groups())
            }
            _ => self.encoded(&self.root.lowered),
        })
    }

    fn encoded(&self, cts: &[Ciphertext]) -> Vec<u8> {
        let parts: Vec<_> = cts.iter().map(|ct| ct.to_bytes(self.params())).collect();
        join(&parts)
    }

    /// Keys for the parties, the initial weights, and all keys for the root itself.
    fn first_input(&mut self) -> Result<Vec<u8>> {
        let public_key = self.keys.public_key_sum().to_vec();
        self.keys.learn_public_key(&public_key)?;
        let handed_out = self.keys.hand_out(false, &self.party_keys())?;
        let keys = self.keys.assemble()?;
        self.root.engine = Some(self.make_engine(keys));

        let (plan, layout) = (self.plan.clone(), self.plan.layout);
        let initial = MlpWeights::initial(&plan.config);
        let session = self.keys.session()?.session;
        let encrypt = |index: usize, slots: &[f64], above: usize| {
            let mut transcript = Transcript::new("learn initial weights");
            transcript.append(&session).append_u64(index as u64);
            let (level, scale) = (plan.level(above), plan.weight_scale());
            let (keys, secret) = (&self.keys, &self.secret);
            keys.encrypt_bound(secret, transcript, slots, level, scale)
        };
        let first: Vec<Ciphertext> = (0..layout.first_ciphertexts())
            .map(|j| encrypt(j, &layout.pack_first(&initial.layers()[0], j), 1))
            .collect::<Result<_>>()?;
        let hidden: Vec<Ciphertext> = (2..=plan.config.depth())
            .map(|l| {
                let slots = layout.pack_hidden(&initial.layers()[l - 1], l);
                encrypt(layout.first_ciphertexts() + l, &slots, 2)
            })
            .collect::<Result<_>>()?;
        let circuit = HiddenCircuit::new(&plan, self.root_engine()?);
        let first = Kept::start(first, &circuit)?;
        let hidden = Kept::start(hidden, &circuit)?;
        (self.root.first, self.root.hidden) = (first, hidden);

        let weights = self.encoded(&self.root.first.point);
        let totals = statistics::totals_to_bytes(&self.totals);
        Ok(sections::join(&[
            &public_key,
            &totals,
            &handed_out,
            &weights,
        ]))
    }

    fn root_engine(&self) -> Result<&Engine> {
        let engine = self.root.engine.as_ref();
        engine.ok_or_else(|| missing("evaluation keys", "not generated yet"))
    }

    /// The refreshed ciphertexts, at the level and the scale they are used at.
    fn refreshed_sums(
        &self,
        sum: &[u8],
        scale: impl Fn(usize) -> f64 + Sync,
    ) -> Result<Vec<Ciphertext>> {
        let Some((_, Round::Refresh(protocols))) = &self.round else {
            return Err(missing("round", "finished without having been entered"));
        };
        let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
        let parts = sections::split("refresh", sum, protocols.len())?;
        (protocols.par_iter().zip(parts).enumerate())
            .map(|(k, (p, part))| circuit.rescaled(p.finish(&p.decode(part)?)?, scale(k)))
            .collect()
    }

    pub(super) fn conclude(&mut self, step: MlpStep, sum: Vec<u8>) -> Result<()> {
        let (delta, u) = (self.plan.scale(), self.plan.predictor_scale());
        match step {
            MlpStep::Key(step) => self.keys.conclude(step, sum),
            MlpStep::Moments => self.root.lowered = self.ciphertexts(&sum, 1)?,
            MlpStep::ReleaseMoments => {
                let mut slots = self.released_slots(&sum)?;
                slots[0].truncate(self.plan.moments);
                self.totals = slots.swap_remove(0);
            }
            MlpStep::Forward(_) => self.gathered(&sum)?,
            MlpStep::Predictors(_, l) => {
                let refreshed = self.refreshed_sums(&sum, |_| u)?;
                self.forward(l, refreshed)?;
            }
            MlpStep::Errors(_, l) => {
                let refreshed = self.refreshed_sums(&sum, |_| delta)?;
                self.backward(l, refreshed)?;
            }
            MlpStep::Gradient(t) => {
                let gradient = self.ciphertexts(&sum, self.plan.layout.first_ciphertexts())?;
                self.step(t, &gradient)?;
            }
            MlpStep::Weights(_) => {
                let scale = self.plan.weight_scale();
                let mut first = self.refreshed_sums(&sum, |_| scale)?;
                let hidden = first.split_off(self.plan.layout.first_ciphertexts());
                let before = [&mut self.root.first, &mut self.root.hidden]
                    .map(|kept| std::mem::take(&mut kept.now));
                let [first_before, hidden_before] = before;
                let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
                let first = Kept::of(first, first_before, &circuit)?;
                let hidden = Kept::of(hidden, hidden_before, &circuit)?;
                (self.root.first, self.root.hidden) = (first, hidden);
                self.root.lowered = self.lowered_weights()?;
            }
            MlpStep::Raise => {
                let Some((_, Round::Refresh(protocols))) = &self.round else {
                    return Err(missing("round", "finished without having been entered"));
                };
                let parts = sections::split("raised model", &sum, protocols.len())?;
                self.root.lowered = (protocols.iter().zip(parts))
                    .map(|(p, part)| Ok(p.finish(&p.decode(part)?)?))
                    .collect::<Result<_>>()?;
            }
            MlpStep::Release => self.released(&sum)?,
        }
        Ok(())
    }

    /// Every party's predictors, to be refreshed one by one; the labels of each group.
    fn gathered(&mut self, sum: &[u8]) -> Result<()> {
        let layout = self.plan.layout;
        let entries = entries(sum, layout.parties())?;
        if !entries
            .iter()
            .map(|(party, _)| *party)
            .eq(0..layout.parties())
        {
            return Err(missing("contributions", "not one of each party"));
        }
        let engine = self.root_engine()?;
        let mut predictors = Vec::with_capacity(entries.len());
        let mut labels: Vec<Option<Ciphertext>> = vec![None; layout.groups()];
        for (party, entry) in entries {
            let parts = sections::split("contribution", entry, 3)?;
            predictors.push(Ciphertext::from_bytes(self.params(), parts[1])?);
            let own = Ciphertext::from_bytes(self.params(), parts[2])?;
            match &mut labels[layout.place(party).0] {
                Some(sum) => engine.evaluator().add_assign(sum, &own)?,
                none => *none = Some(own),
            }
        }
        self.root.labels = labels.into_iter().flatten().collect();
        self.root.lowered = predictors;
        self.root.predictors.clear();
        self.root.activations.clear();
        self.root.gradients.clear();
        Ok(())
    }

    /// From refreshed predictors of layer `l` to what is refreshed next: those of the layer above, or the errors
    /// of the outputs.
    fn forward(&mut self, l: usize, refreshed: Vec<Ciphertext>) -> Result<()> {
        let (plan, layout) = (&self.plan, self.plan.layout);
        let engine = self.root_engine()?;
        let circuit = HiddenCircuit::new(plan, engine);
        let groups = match l {
            // One per party: those of a group are in different blocks.
            1 => (refreshed.chunks(layout.blocks()))
                .map(|group| Ok(engine.sum(group.to_vec())?))
                .collect::<Result<_>>()?,
            _ => refreshed,
        };
        let predictors = Columns::new(&layout, HiddenCircuit::side(l), groups)?;
        let activations = circuit.activate(l, &predictors)?;
        let above = circuit.transform(&self.root.hidden.point[l - 1], &activations)?;
        let lowered = match l + 1 == plan.config.depth() {
            true => circuit.compare(&above, &self.root.labels)?,
            false => above,
        };
        self.root.lowered = lowered.into_groups();
        self.root.predictors.push(predictors);
        self.root.activations.push(activations);
        Ok(())
    }

    /// From refreshed errors of layer `l` to its gradient and the errors below.
    fn backward(&mut self, l: usize, refreshed: Vec<Ciphertext>) -> Result<()> {
        let errors = Columns::new(&self.plan.layout, HiddenCircuit::side(l), refreshed)?;
        if l > 1 {
            let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
            let gradient = circuit.gradient(&self.root.activations[l - 2], &errors)?;
            let weights = &self.root.hidden.point[l - 2];
            let below = circuit.back(weights, &errors, &self.root.predictors[l - 2])?;
            self.root.gradients.push(gradient);
            self.root.lowered = below.into_groups();
        }
        self.root.errors = Some(errors);
        Ok(())
    }

    /// All weights after the step of iteration `t`, to be refreshed.
    fn step(&mut self, t: usize, gradient: &[Ciphertext]) -> Result<()> {
        let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
        let (first, hidden) = (&self.root.first, &self.root.hidden);
        let mut lowered = (gradient.iter().enumerate())
            .map(|(j, g)| circuit.step_first(t, j, &first.stored(j), g))
            .collect::<Result<Vec<_>>>()?;
        for (k, g) in self.root.gradients.iter().rev().enumerate() {
            lowered.push(circuit.step_hidden(t, &hidden.stored(k), g)?);
        }
        self.root.lowered = lowered;
        Ok(())
    }

    /// The weights at the refresh level, for their release.
    fn lowered_weights(&self) -> Result<Vec<Ciphertext>> {
        let evaluator = self.root_engine()?.evaluator();
        let weights = self.root.first.now.iter().chain(&self.root.hidden.now);
        let lower = |ct: &Ciphertext| {
            let mut ct = ct.clone();
            evaluator.drop_to_level(&mut ct, self.plan.level(0))?;
            Ok(ct)
        };
        weights.map(lower).collect()
    }

    /// The slots of every ciphertext of a release.
    fn released_slots(&self, sum: &[u8]) -> Result<Vec<Vec<f64>>> {
        let Some((_, Round::Release(protocols))) = &self.round else {
            return Err(missing("round", "finished without having been entered"));
        };
        let parts = sections::split("release", sum, protocols.len())?;
        (protocols.iter().zip(parts))
            .map(|(p, part)| Ok(self.encoder().decode(&p.finish(&p.decode(part)?)?)))
            .collect()
    }

    fn released(&mut self, sum: &[u8]) -> Result<()> {
        let slots = self.released_slots(sum)?;
        let (config, layout) = (&self.plan.config, &self.plan.layout);
        let (first, hidden) = slots.split_at(layout.first_ciphertexts());
        let mut layers: Vec<Matrix> = vec![layout.unpack_first(first, config.layers[1])?];
        for (k, slots) in hidden.iter().enumerate() {
            layers.push(layout.unpack_hidden(slots, k + 2, config.shape(k + 2))?);
        }
        self.root.released = Some(MlpWeights::from_layers(config, layers)?);
        Ok(())
    }
}
