//! The root's part: inputs of rounds, and what is made of the sums.

use std::sync::Arc;

use tacit_ckks::Ciphertext;

use super::super::MlpWeights;
use super::super::checkpoint::{Keeper, TrainingState};
use super::super::packed::{Columns, Engine};
use super::circuit::{HiddenCircuit, Stored};
use super::own::entries;
use super::party::{MlpParty, Result, Round, join};
use super::plan::MlpPlan;
use super::script::MlpStep;
use super::start::Kinds;
use crate::encrypted::keys::missing;
use crate::encrypted::shares::{finish_all, not_entered};
use crate::encrypted::{sections, statistics};

/// What only the root accumulates.
#[derive(Default)]
pub(super) struct Root {
    pub engine: Option<Engine>,
    /// Ciphertexts of the first layer.
    pub first: Kept,
    /// Those of the hidden layers, from layer 2: one for each, or for each tile of a convolution below.
    pub hidden: Kept,
    /// One ciphertext per hidden layer, from layer 2, if they have biases.
    pub bias: Kept,
    labels: Vec<Ciphertext>,
    /// Of layers 1, 2, … as they become known; of a convolution by tile, then offset.
    predictors: Vec<Vec<Columns>>,
    /// The same; of a convolution, pooled, by tile.
    activations: Vec<Vec<Columns>>,
    /// Of the layer reached last.
    errors: Vec<Columns>,
    /// Of layers L, L−1, …, 2.
    gradients: Vec<Vec<Ciphertext>>,
    bias_gradients: Vec<Ciphertext>,
    /// Gradients of the step to come, summed over the batches so far: of all weights, in the order of their refresh.
    summed: Vec<Ciphertext>,
    /// The errors of the outputs before their refresh, and what is released of them, for an early stop.
    compared: Vec<Ciphertext>,
    measured: Vec<Ciphertext>,
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
pub(super) struct Kept {
    pub now: Vec<Ciphertext>,
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

    /// The points of layer `layer`, of hidden layers' weights.
    fn layer(&self, plan: &MlpPlan, layer: usize) -> &[Ciphertext] {
        &self.point[plan.hidden_from(layer)..][..plan.hidden_weights(layer)]
    }

    fn stored(&self, k: usize) -> Stored<'_> {
        Stored {
            now: &self.now[k],
            before: &self.before[k],
            point: &self.point[k],
        }
    }
}

impl Root {
    /// The weights of the first layer and of the hidden layers.
    pub fn take_weights(&mut self) -> [Vec<Ciphertext>; 2] {
        [&mut self.first, &mut self.hidden].map(|kept| std::mem::take(&mut kept.now))
    }
}

impl MlpParty {
    pub(super) fn input(&mut self, step: MlpStep) -> Result<Vec<u8>> {
        Ok(match step {
            MlpStep::Key(step) => self.keys.input(step),
            MlpStep::Moments => self.keys.public_key_sum().to_vec(),
            MlpStep::Forward(m) if m == self.first_batch() => self.first_input()?,
            MlpStep::Forward(_) => {
                let weights = self.encoded(&self.root.first.point);
                match self.plan.config.stop {
                    Some(_) => self.with_errors(weights),
                    None => join(&[weights]),
                }
            }
            MlpStep::MeasureError(t) => {
                let compared = self.to_measure(t, &self.root.compared)?;
                self.encoded(&compared)
            }
            MlpStep::RaiseError(_) | MlpStep::ReleaseError(_) => self.encoded(&self.root.measured),
            MlpStep::Gradient(_) => {
                let errors: Vec<_> = self.root.errors.iter().flat_map(Columns::groups).collect();
                self.encoded(errors)
            }
            MlpStep::Raise => {
                if let Some(keeper) = &mut self.root.keeper {
                    keeper.releasing()?;
                }
                let weights = self.encoded(&self.root.lowered);
                match self.plan.config.stop {
                    Some(_) => self.with_errors(weights),
                    None => weights,
                }
            }
            _ => self.encoded(&self.root.lowered),
        })
    }

    fn encoded<'c>(&self, cts: impl IntoIterator<Item = &'c Ciphertext>) -> Vec<u8> {
        let parts: Vec<_> = (cts.into_iter().map(|ct| ct.to_bytes(self.params()))).collect();
        join(&parts)
    }

    /// Keys for the parties, the weights to start from, and all keys for the root itself.
    fn first_input(&mut self) -> Result<Vec<u8>> {
        let public_key = self.keys.public_key_sum().to_vec();
        self.keys.learn_public_key(&public_key)?;
        let handed_out = self.keys.hand_out(&self.party_keys())?;
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
            return Err(not_entered());
        };
        let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
        finish_all(protocols, sum, |k, ct| circuit.rescaled(ct, scale(k)))
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
                let predictors = self.grouped(l, refreshed)?;
                self.forward(l, predictors)?;
            }
            MlpStep::Errors(_, l) => {
                let refreshed = self.refreshed_sums(&sum, |_| delta)?;
                self.backward(l, refreshed)?;
            }
            MlpStep::Gradient(m) => {
                let gradient = self.ciphertexts(&sum, self.plan.first_weights())?;
                self.accumulate(gradient)?;
                let batches = self.plan.config.local_batches;
                if (m + 1) % batches == 0 {
                    self.step(m / batches)?;
                }
            }
            MlpStep::Weights(t) => {
                let hidden = self.plan.first_weights();
                let bias = self.plan.first_bias();
                let scale = |k| match k < bias {
                    true => self.plan.weight_scale(),
                    false => self.plan.bias_scale(),
                };
                let mut refreshed = self.refreshed_sums(&sum, scale)?;
                let bias = refreshed.split_off(bias);
                let hidden = refreshed.split_off(hidden);
                if let Some(layout) = &self.plan.convolution {
                    let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
                    refreshed = circuit.repeat_filters(layout, &refreshed)?;
                }
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
            MlpStep::MeasureError(_) => {
                let weighed = self.refreshed_sums(&sum, |_| delta)?;
                self.root.measured = vec![self.measured(weighed)?];
            }
            MlpStep::RaiseError(_) => self.root.measured = self.raised(&sum)?,
            MlpStep::ReleaseError(_) => {
                let slots = self.released_slots(&sum)?;
                self.errors.push(slots[0][0]);
                if self.plan.stops(&self.errors) {
                    self.end_at(self.position);
                }
            }
            MlpStep::Raise => self.root.lowered = self.raised(&sum)?,
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

    /// Every party's predictors, to be refreshed one by one unless they come from a convolution; the labels of each group.
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
        let count = self.plan.first_predictors();
        let mut predictors = Vec::with_capacity(entries.len());
        let mut labels = Vec::with_capacity(entries.len());
        for (_, entry) in entries {
            let parts = sections::split("contribution", entry, 3)?;
            predictors.push(self.ciphertexts(parts[1], count)?);
            labels.push(Ciphertext::from_bytes(self.params(), parts[2])?);
        }
        // Those of a group are in different blocks.
        let sums = |parts: Vec<Ciphertext>| -> Result<Vec<Ciphertext>> {
            let groups = parts.chunks(layout.blocks());
            groups
                .map(|group| Ok(engine.sum(group.to_vec())?))
                .collect()
        };
        let labels = sums(labels)?;
        let convolution = self.plan.convolution.is_some().then(|| {
            let part = |k: usize| {
                let parts = sums(predictors.iter().map(|p| p[k].clone()).collect())?;
                Columns::new(&layout, HiddenCircuit::side(1), parts)
            };
            (0..count).map(part).collect::<Result<Vec<_>>>()
        });
        let convolution = convolution.transpose()?;
        self.root.labels = labels;
        self.root.predictors.clear();
        self.root.activations.clear();
        self.root.gradients.clear();
        self.root.bias_gradients.clear();
        match convolution {
            Some(positions) => self.forward(1, positions),
            None => {
                self.root.lowered = predictors.into_iter().flatten().collect();
                Ok(())
            }
        }
    }

    /// Refreshed predictors of layer `l`, by group: those of the first layer are one for each party.
    fn grouped(&self, l: usize, refreshed: Vec<Ciphertext>) -> Result<Vec<Columns>> {
        let (layout, engine) = (&self.plan.layout, self.root_engine()?);
        let groups = match l {
            1 => (refreshed.chunks(layout.blocks()))
                .map(|group| Ok(engine.sum(group.to_vec())?))
                .collect::<Result<_>>()?,
            _ => refreshed,
        };
        Ok(vec![Columns::new(layout, HiddenCircuit::side(l), groups)?])
    }

    /// From predictors of layer `l` to what is refreshed next: those of the layer above, or the errors of the
    /// outputs (from their predictors directly, if the head is the identity).
    fn forward(&mut self, l: usize, predictors: Vec<Columns>) -> Result<()> {
        let plan = &self.plan;
        let circuit = HiddenCircuit::new(plan, self.root_engine()?);
        if l == plan.config.depth() {
            let means = circuit.head(&predictors[0])?;
            let errors = circuit.compare(&means, &self.root.labels)?;
            self.root.lowered = errors.into_groups();
            self.keep_compared();
            return Ok(());
        }
        let activations = match (&plan.convolution, l) {
            (Some(layout), 1) => circuit.pool(layout, &predictors)?,
            _ => (predictors.iter())
                .map(|u| circuit.activate(l, u))
                .collect::<Result<_>>()?,
        };
        let weights = self.root.hidden.layer(plan, l + 1);
        let mut above = circuit.transform_all(weights, &activations)?;
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
        if l + 1 == self.plan.config.depth() && self.plan.head.is_none() {
            self.keep_compared();
        }
        Ok(())
    }

    /// Keeps the errors of the outputs, if some are to be released.
    fn keep_compared(&mut self) {
        if self.plan.config.stop.is_some() {
            self.root.compared.clone_from(&self.root.lowered);
        }
    }

    /// From refreshed errors of layer `l` to its gradient and the errors below.
    fn backward(&mut self, l: usize, refreshed: Vec<Ciphertext>) -> Result<()> {
        let plan = self.plan.clone();
        let errors = Columns::new(&plan.layout, HiddenCircuit::side(l), refreshed)?;
        if l == 1 {
            self.root.errors = vec![errors];
            return Ok(());
        }
        let circuit = HiddenCircuit::new(&plan, self.root_engine()?);
        let gradients = (self.root.activations[l - 2].iter())
            .map(|a| circuit.gradient(a, &errors))
            .collect::<Result<_>>()?;
        let weights = self.root.hidden.layer(&plan, l);
        let predictors = &self.root.predictors[l - 2];
        let bias = match plan.config.has_bias(l) {
            true => Some(circuit.gradient_bias(&errors)?),
            false => None,
        };
        match (&plan.convolution, l) {
            (Some(layout), 2) => {
                let below = circuit.back_to_positions(layout, weights, &errors, predictors)?;
                self.root.errors = below;
            }
            _ => {
                let below = circuit.back(&weights[0], &errors, &predictors[0])?;
                self.root.lowered = below.into_groups();
            }
        }
        self.root.bias_gradients.extend(bias);
        self.root.gradients.push(gradients);
        Ok(())
    }

    /// Adds the gradients of a batch of every party to those before.
    fn accumulate(&mut self, first: Vec<Ciphertext>) -> Result<()> {
        let root = &mut self.root;
        let hidden = std::mem::take(&mut root.gradients)
            .into_iter()
            .rev()
            .flatten();
        let bias = std::mem::take(&mut root.bias_gradients).into_iter().rev();
        let fresh: Vec<Ciphertext> = first.into_iter().chain(hidden).chain(bias).collect();
        if root.summed.is_empty() {
            root.summed = fresh;
            return Ok(());
        }
        let mut summed = std::mem::take(&mut root.summed);
        let evaluator = self.root_engine()?.evaluator();
        for (sum, term) in summed.iter_mut().zip(&fresh) {
            evaluator.add_assign(sum, term)?;
        }
        self.root.summed = summed;
        Ok(())
    }

    /// All weights after step `t`, to be refreshed.
    fn step(&mut self, t: usize) -> Result<()> {
        let summed = std::mem::take(&mut self.root.summed);
        let circuit = HiddenCircuit::new(&self.plan, self.root_engine()?);
        let Root {
            first,
            hidden,
            bias,
            ..
        } = &self.root;
        let (of_first, above) = summed.split_at(first.now.len());
        let (of_hidden, of_bias) = above.split_at(hidden.now.len());
        let mut lowered = (of_first.iter().enumerate())
            .map(|(j, g)| match &self.plan.convolution {
                None => circuit.step_first(t, j, &first.stored(j), g),
                Some(layout) => circuit.step_filters(t, layout, &first.stored(j), g),
            })
            .collect::<Result<Vec<_>>>()?;
        for (k, g) in of_hidden.iter().enumerate() {
            lowered.push(circuit.step_hidden(t, &hidden.stored(k), g)?);
        }
        for (k, g) in of_bias.iter().enumerate() {
            lowered.push(circuit.step_bias(t, &bias.stored(k), g)?);
        }
        self.root.lowered = lowered;
        Ok(())
    }
}
