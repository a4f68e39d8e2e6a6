//! The end of a training at the root: weights are lowered, raised to the scale of a release, and released.

use tacit_ckks::Ciphertext;

use super::circuit::HiddenCircuit;
use super::party::{MlpParty, Result, Round};
use crate::encrypted::shares::{finish_all, not_entered};
use crate::encrypted::statistics;
use crate::neural::{Matrix, MlpWeights};

impl MlpParty {
    /// What was refreshed for a release, as it is.
    pub(super) fn raised(&self, sum: &[u8]) -> Result<Vec<Ciphertext>> {
        let Some((_, Round::Refresh(protocols))) = &self.round else {
            return Err(not_entered());
        };
        finish_all(protocols, sum, |_, ct| Ok(ct))
    }

    /// The weights at the refresh level, for their release.
    pub(super) fn lowered_weights(&self) -> Result<Vec<Ciphertext>> {
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
    pub(super) fn released_slots(&self, sum: &[u8]) -> Result<Vec<Vec<f64>>> {
        let Some((_, Round::Release(protocols))) = &self.round else {
            return Err(not_entered());
        };
        let encoder = self.encoder();
        finish_all(protocols, sum, |_, plain| Ok(encoder.decode(&plain)))
    }

    /// Reads the model from its release.
    pub(super) fn released(&mut self, sum: &[u8]) -> Result<()> {
        let slots = self.released_slots(sum)?;
        let plan = &self.plan;
        let (first, above) = slots.split_at(plan.first_weights());
        let (hidden, biases) = above.split_at(plan.first_bias() - plan.first_weights());
        let mut layers: Vec<Matrix> = vec![plan.unpack_first(first)?];
        for l in 2..=plan.config.depth() {
            let own = &hidden[plan.hidden_from(l)..][..plan.hidden_weights(l)];
            let weights = plan.unpack_hidden(own, l)?;
            let (rows, columns) = plan.config.shape(l);
            let bias = (biases.get(l - 2)).map(|slots| {
                let side = HiddenCircuit::side(l);
                plan.layout.unpack_bias(slots, side, columns)
            });
            layers.push(Matrix::from_fn(rows, columns, |q, p| match &bias {
                Some(bias) if q == weights.rows() => bias[p],
                _ => weights.get(q, p),
            }));
        }
        self.root.released = Some(MlpWeights::from_layers(&plan.config, layers)?);
        Ok(())
    }

    /// The released model for everybody, with the end of the training; empty before.
    pub(super) fn released_bytes(&self) -> Vec<u8> {
        let released = self.root.released.iter();
        let layers = released.flat_map(MlpWeights::layers);
        layers
            .flat_map(|layer| statistics::totals_to_bytes(layer.values()))
            .collect()
    }

    /// The released model, from the root.
    pub(super) fn learn_released(&mut self, bytes: &[u8]) -> Result<()> {
        let config = &self.plan.config;
        let shapes = (1..=config.depth()).map(|l| config.shape(l));
        let count = shapes.clone().map(|(rows, columns)| rows * columns).sum();
        let values = statistics::released_from_bytes("released model", bytes, count)?;
        let mut left = values.as_slice();
        let layers = shapes.map(|(rows, columns)| {
            let (own, rest) = left.split_at(rows * columns);
            left = rest;
            Matrix::from_fn(rows, columns, |q, p| own[q * columns + p])
        });
        let weights = MlpWeights::from_layers(config, layers.collect())?;
        self.root.released = Some(weights);
        Ok(())
    }
}
