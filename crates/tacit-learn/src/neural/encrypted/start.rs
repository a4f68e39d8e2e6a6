//! Where a training starts: at public initial weights, or at a checkpoint.

use tacit_ckks::Ciphertext;
use tacit_ring::Transcript;

use super::super::checkpoint::TrainingState;
use super::super::{Matrix, MlpWeights};
use super::circuit::HiddenCircuit;
use super::party::{MlpParty, Result};
use crate::encrypted::keys::missing;

/// Encrypted weights of the first layer, of the hidden layers, and their biases.
pub(super) type Kinds = [Vec<Ciphertext>; 3];

impl MlpParty {
    /// The public initial weights, encrypted.
    pub(super) fn initial_weights(&self) -> Result<Kinds> {
        let (plan, layout) = (&self.plan, self.plan.layout);
        let initial = MlpWeights::initial(&plan.config);
        let session = self.keys.session()?.session;
        let encrypt = |index: usize, slots: &[f64], above: usize, scale: f64| {
            let mut transcript = Transcript::new("learn initial weights");
            transcript.append(&session).append_u64(index as u64);
            let (keys, secret) = (&self.keys, &self.secret);
            keys.encrypt_bound(secret, transcript, slots, plan.level(above), scale)
        };
        let (scale, bias_scale) = (plan.weight_scale(), plan.bias_scale());
        let first: Vec<Ciphertext> = (0..layout.first_ciphertexts())
            .map(|j| encrypt(j, &layout.pack_first(&initial.layers()[0], j), 1, scale))
            .collect::<Result<_>>()?;
        let hidden: Vec<Ciphertext> = (2..=plan.config.depth())
            .map(|l| {
                let (inputs, width) = (plan.config.layers[l - 1], plan.config.layers[l]);
                let weights = &initial.layers()[l - 1];
                let weights = Matrix::from_fn(inputs, width, |q, p| weights.get(q, p));
                let slots = layout.pack_hidden(&weights, l);
                encrypt(layout.first_ciphertexts() + l, &slots, 2, scale)
            })
            .collect::<Result<_>>()?;
        let biased = (2..=plan.config.depth()).filter(|&l| plan.config.has_bias(l));
        let bias: Vec<Ciphertext> = biased
            .map(|l| {
                let bias = initial.layers()[l - 1].row(plan.config.layers[l - 1]);
                let slots = layout.pack_bias(HiddenCircuit::side(l), bias);
                let index = layout.first_ciphertexts() + plan.config.depth() + l;
                encrypt(index, &slots, 1, bias_scale)
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
            let (first, hidden) = (
                self.plan.layout.first_ciphertexts(),
                self.plan.config.depth() - 1,
            );
            let bias = self.plan.weight_ciphertexts() - first - hidden;
            [first, hidden, bias, first, hidden, bias]
        };
        let [a, b, c, d, e, f] = <[Vec<Ciphertext>; 6]>::try_from(lists)
            .ok()
            .filter(|lists| lists.iter().map(Vec::len).eq(expected))
            .ok_or_else(|| missing("training state", "not the ciphertexts of this plan"))?;
        Ok([[a, b, c], [d, e, f]])
    }
}
