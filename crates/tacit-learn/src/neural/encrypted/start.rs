//! Where a training starts: at public initial weights, or at a checkpoint.

use tacit_ckks::Ciphertext;
use tacit_ring::Transcript;

use super::super::MlpWeights;
use super::super::checkpoint::TrainingState;
use super::circuit::HiddenCircuit;
use super::party::{MlpParty, Result};
use crate::encrypted::keys::missing;

/// Encrypted weights of the first layer, of the hidden layers, and their biases.
pub(super) type Kinds = [Vec<Ciphertext>; 3];

impl MlpParty {
    /// The public initial weights, encrypted.
    pub(super) fn initial_weights(&self) -> Result<Kinds> {
        let plan = &self.plan;
        let initial = MlpWeights::initial(&plan.config);
        let session = self.keys.session()?.session;
        let encrypt = |index: usize, slots: &[f64], above: usize, scale: f64| {
            let mut transcript = Transcript::new("learn initial weights");
            transcript.append(&session).append_u64(index as u64);
            let (keys, secret) = (&self.keys, &self.secret);
            keys.encrypt_bound(secret, transcript, slots, plan.level(above), scale)
        };
        let (scale, bias_scale) = (plan.weight_scale(), plan.bias_scale());
        let first: Vec<Ciphertext> = (0..plan.first_weights())
            .map(|k| {
                let slots = plan.pack_first(&initial.layers()[0], k);
                encrypt(k, &slots, plan.weights_above(1), scale)
            })
            .collect::<Result<_>>()?;
        let mut hidden = Vec::new();
        for l in 2..=plan.config.depth() {
            for k in 0..plan.hidden_weights(l) {
                let slots = plan.pack_hidden(&initial.layers()[l - 1], l, k);
                let index = first.len() + hidden.len();
                hidden.push(encrypt(index, &slots, plan.weights_above(l), scale)?);
            }
        }
        let biased = (2..=plan.config.depth()).filter(|&l| plan.config.has_bias(l));
        let bias: Vec<Ciphertext> = biased
            .map(|l| {
                let bias = initial.layers()[l - 1].row(plan.config.layers[l - 1]);
                let slots = plan.layout.pack_bias(HiddenCircuit::side(l), bias);
                encrypt(plan.first_bias() + l, &slots, 1, bias_scale)
            })
            .collect::<Result<_>>()?;
        Ok([first, hidden, bias])
    }

    /// The weights of a checkpoint, now and before its last step, with fresh encryptions of zero added: their c₁ are new,
    /// whatever the session before gave shares for.
    pub(super) fn restored_weights(&self, state: TrainingState) -> Result<[Kinds; 2]> {
        let session = self.keys.session()?.session;
        let fresh = |list: usize, index: usize, ct: &Ciphertext| -> Result<Ciphertext> {
            let mut transcript = Transcript::new("learn restored weights");
            transcript
                .append(&session)
                .append_u64(list as u64)
                .append_u64(index as u64);
            let (keys, secret) = (&self.keys, &self.secret);
            let zero = keys.encrypt_bound(secret, transcript, &[0.0], ct.level(), ct.scale())?;
            Ok(self.root_engine()?.evaluator().add(ct, &zero)?)
        };
        let lists = (state.lists.iter().enumerate())
            .map(|(list, cts)| {
                let cts = cts.iter().enumerate();
                cts.map(|(index, ct)| fresh(list, index, ct)).collect()
            })
            .collect::<Result<Vec<Vec<Ciphertext>>>>()?;
        let expected = {
            let (first, biases) = (self.plan.first_weights(), self.plan.first_bias());
            let (hidden, bias) = (biases - first, self.plan.weight_ciphertexts() - biases);
            [first, hidden, bias, first, hidden, bias]
        };
        let [a, b, c, d, e, f] = <[Vec<Ciphertext>; 6]>::try_from(lists)
            .ok()
            .filter(|lists| lists.iter().map(Vec::len).eq(expected))
            .ok_or_else(|| missing("training state", "not the ciphertexts of this plan"))?;
        Ok([[a, b, c], [d, e, f]])
    }
}
