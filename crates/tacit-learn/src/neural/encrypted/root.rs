//! The root's part: inputs of rounds, and what is made of the sums.

use std::sync::Arc;

use rayon::prelude::*;
use tacit_ckks::Ciphertext;
use tacit_mhe::Protocol;

use super::super::checkpoint::{Keeper, TrainingState};
use super::super::packed::{Columns, Engine};
use super::super::{Matrix, MlpWeights};
use super::circuit::{HiddenCircuit, Stored};
use super::own::entries;
use super::party::{MlpParty, Result, Round, join};
use super::script::MlpStep;
use super::start::Kinds;
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
    /// One ciphertext per hidden layer, from layer 2, if they have biases.
    bias: Kept,
    labels: Vec<Ciphertext>,
    /// Of layers 1, 2, … as they become known.
    predictors: Vec<Columns>,
    activations: Vec<Columns>,
    errors: Option<Columns>,
    /// Of layers L, L−1, …, 2.
    gradients: Vec<Ciphertext>,
    bias_gradients: Vec<Ciphertext>,
    /// To be refreshed or released next.
    lowered: Vec<Ciphertext>,
    pub released: Option<MlpWeights>,
    /// Where to start, if not at the beginning.
    pub restored: Option<TrainingState>,
    pub keeper: Option<Box<dyn Keeper>>,
    /// For the root of the next session, where the plan rotates.
    pub key_sums: Option<Arc<Vec<u8>>>,
}

/// Weights now and before the last step, and where their gradient is taken.
#[derive(Default)]
struct Kept {
    now: Vec<Ciphertext>,
    before: Vec<Ciphertext>,
    point: Vec<Ciphertext>,
}

impl Kept {
    fn of(
        now: Vec<Ciphertext>,
        before: Vec<Ciphertext>,
        circuit: &HiddenCircuit<'_>,
        scale: f64,
    ) -> Result<Self> {
        let pairs = now.iter().zip(&before);
        let point = pairs
            .map(|(now, before)| circuit.point(now, before, scale))
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
            MlpStep::Forward(t) if t == self.start => self.first_input()?,
            MlpStep::Forward(_) => join(&[self.encoded(&self.root.first.point)]),
            MlpStep::Gradient(_) => {
                let errors = self.root.errors.as_ref();
                let errors = errors.ok_or_else(|| missing("errors", "not refreshed yet"))?;
                self.encoded(errors.groups())
            }
            MlpStep::Raise => {
                if let Some(keeper) = &mut self.root.keeper {
                    keeper.releasing()?;
                }
                self.encoded(&self.root.lowered)
            }
            _ => self.encoded(&self.root.lowered),
        })
    }

    fn encoded(&self, cts: &[Ciphertext]) -> Vec<u8> {
        let parts: Vec<_> = cts.iter().map(|ct| ct.to_bytes(self.params())).collect();
        join(&parts)
    }

    /// Keys for the parties, the weights to start from, and all keys for the root itself.
    fn first_input(&mut self) -> Result<Vec<u8>> {
        let public_key = self.keys.public_key_sum().to_vec();
        self.keys.learn_public_key(&public_key)?;
        let handed_out = self.keys.hand_out(false, &self.party_keys())?;
        if self.plan.rotation.is_some() && self.root.key_sums.is_none() {
            self.root.key_sums = Some(Arc::new(self.keys.to_bytes()?));
        }
        if self.root.restored.is_none() && self.root.keeper.is_some() {
            let keys = self.keys.to_bytes()?;
            if let Some(keeper) = &mut self.root.keeper {
                keeper.keep_keys(&keys)?;
            }
        }
        let keys = self.keys.assemble()?;
        self.root.engine = Some(self.make_engine(keys));
        let [now, before] = match self.root.restored.take() {
            Some(state) => self.restored_weights(state)?,
            // At the start nothing has moved.
            None => {
                let initial = self.initial_weights()?;
                [initial.clone(), initial]
            }
        };
        self.hold(now, before)?;

        let weights = self.encoded(&self.root.first.point);
        let totals = statistics::totals_to_bytes(&self.totals);
        Ok(sections::join(&[
            &public_key,
            &totals,
            &handed_out,
            &weights,
        ]))
    }

    pub(super) fn root_engine(&self) -> Result<&Engine> {
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
        let delta = self.plan.scale();
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
                let scale = self.plan.predictor_scale(l);
                let refreshed = self.refreshed_sums(&sum, |_| scale)?;
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
            MlpStep::Weights(t) => {
                let hidden = self.plan.layout.first_ciphertexts();
                let bias = hidden + self.plan.config.depth() - 1;
                let scale = |k| match k < bias {
                    true => self.plan.weight_scale(),
                    false => self.plan.bias_scale(),
                };
                let mut refreshed = self.refreshed_sums(&sum, scale)?;
                let bias = refreshed.split_off(bias);
                let hidden = refreshed.split_off(hidden);
                let before = [
                    &mut self.root.first,
                    &mut self.root.hidden,
                    &mut self.root.bias,
                ]
                .map(|kept| std::mem::take(&mut kept.now));
                self.hold([refreshed, hidden, bias], before)?;
                self.root.lowered = self.lowered_weights()?;
                self.checkpoint(t + 1)?;
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

    /// The weights from now on.
    fn hold(&mut self, now: Kinds, before: Kinds) -> Result<()> {
        let plan = self.plan.clone();
        let circuit = HiddenCircuit::new(&plan, self.root_engine()?);
        let [first, hidden, bias] = now;
        let [first_before, hidden_before, bias_before] = before;
        let first = Kept::of(first, first_before, &circuit, plan.scale())?;
        let hidden = Kept::of(hidden, hidden_before, &circuit, plan.scale())?;
        let bias = Kept::of(bias, bias_before, &circuit, plan.product_scale())?;
        (self.root.first, self.root.hidden, self.root.bias) = (first, hidden, bias);
        Ok(())
    }

    /// Keeps the state after `done` iterations, where that is wanted: not after the last, when the release follows.
    fn checkpoint(&mut self, done: usize) -> Result<()> {
        let due = self.root.keeper.as_ref().is_some_and(|k| k.due(done));
        if due && done < self.plan.config.iterations {
            let bytes = self.state(done).to_bytes(self.params());
            if let Some(keeper) = &mut self.root.keeper {
                keeper.keep_state(done, &bytes)?;
            }
        }
        Ok(())
    }

    /// What a training goes on from after `done` iterations.
    pub(super) fn state(&self, done: usize) -> TrainingState {
        let kept = [&self.root.first, &self.root.hidden, &self.root.bias];
        let now = kept.iter().map(|kept| kept.now.clone());
        let before = kept.iter().map(|kept| kept.before.clone());
        TrainingState {
            plan: self.plan.digest(),
            iteration: done,
            totals: self.totals.clone(),
            lists: now.chain(before).collect(),
        }
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
        self.root.bias_gradients.clear();
        Ok(())
    }

    /// From refreshed predictors of layer `l` to what is refreshed next: those of the layer above, or the errors
    /// of the outputs (from their predictors directly, if the head is the identity).
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
        if l == plan.config.depth() {
            let means = circuit.head(&predictors)?;
            let errors = circuit.compare(&means, &self.root.labels)?;
            self.root.lowered = errors.into_groups();
            return Ok(());
        }
        let activations = circuit.activate(l, &predictors)?;
        let mut above = circuit.transform(&self.root.hidden.point[l - 1], &activations)?;
        if let Some(bias) = self.root.bias.point.get(l - 1) {
            above = circuit.shift(&above, bias)?;
        }
        let lowered = match l + 1 == plan.config.depth() && plan.head.is_none() {
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
        let plan = self.plan.clone();
        let errors = Columns::new(&plan.layout, HiddenCircuit::side(l), refreshed)?;
        if l > 1 {
            let circuit = HiddenCircuit::new(&plan, self.root_engine()?);
            let gradient = circuit.gradient(&self.root.activations[l - 2], &errors)?;
            let weights = &self.root.hidden.point[l - 2];
            let below = circuit.back(weights, &errors, &self.root.predictors[l - 2])?;
            let bias = match plan.config.has_bias(l) {
                true => Some(circuit.gradient_bias(&errors)?),
                false => None,
            };
            self.root.bias_gradients.extend(bias);
            self.root.gradients.push(gradient);
            self.root.lowered = below.into_groups();
        }
        self.root.errors = Some(errors);
        Ok(())
    }

    /// All weights after the step of iteration `t`, to be refreshed.
    fn step(&mut self, t: usize, gradient: &[Ciphertext]) -> Result<()> {
        let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
        let Root {
            first,
            hidden,
            bias,
            ..
        } = &self.root;
        let mut lowered = (gradient.iter().enumerate())
            .map(|(j, g)| circuit.step_first(t, j, &first.stored(j), g))
            .collect::<Result<Vec<_>>>()?;
        for (k, g) in self.root.gradients.iter().rev().enumerate() {
            lowered.push(circuit.step_hidden(t, &hidden.stored(k), g)?);
        }
        for (k, g) in self.root.bias_gradients.iter().rev().enumerate() {
            lowered.push(circuit.step_bias(t, &bias.stored(k), g)?);
        }
        self.root.lowered = lowered;
        Ok(())
    }

    /// The weights at the refresh level, for their release.
    fn lowered_weights(&self) -> Result<Vec<Ciphertext>> {
        let evaluator = self.root_engine()?.evaluator();
        let root = &self.root;
        let weights = (root.first.now.iter())
            .chain(&root.hidden.now)
            .chain(&root.bias.now);
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
        let (first, above) = slots.split_at(layout.first_ciphertexts());
        let (hidden, biases) = above.split_at(config.depth() - 1);
        let mut layers: Vec<Matrix> = vec![layout.unpack_first(first, config.layers[1])?];
        for (k, slots) in hidden.iter().enumerate() {
            let (l, width) = (k + 2, config.layers[k + 2]);
            let inputs = config.layers[l - 1];
            let weights = layout.unpack_hidden(slots, l, (inputs, width))?;
            let bias = (biases.get(k))
                .map(|slots| layout.unpack_bias(slots, HiddenCircuit::side(l), width));
            let (rows, columns) = config.shape(l);
            layers.push(Matrix::from_fn(rows, columns, |q, p| match &bias {
                Some(bias) if q == inputs => bias[p],
                _ => weights.get(q, p),
            }));
        }
        self.root.released = Some(MlpWeights::from_layers(config, layers)?);
        Ok(())
    }
}
