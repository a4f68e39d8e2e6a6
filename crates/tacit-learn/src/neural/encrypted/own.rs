//! What a party computes on its own rows, and how such contributions travel.

use rayon::prelude::*;
use tacit_ckks::Ciphertext;
use tacit_mhe::Private;
use tacit_session::RoundId;

use super::super::packed::{Engine, Side};
use super::first::FirstBatch;
use super::party::{MlpParty, OwnRows, Result, join};
use super::plan::LEVELS;
use crate::encrypted::keys::missing;
use crate::encrypted::{sections, statistics};

impl MlpParty {
    fn own_engine(&self) -> Result<&Engine> {
        let engine = self.engine.as_ref();
        engine.ok_or_else(|| missing("evaluation keys", "not received yet"))
    }

    /// Rows of iteration `t`.
    fn batch_rows(&self, t: usize) -> Result<Vec<usize>> {
        Ok(self.own_rows()?.order.rows(t).collect())
    }

    fn own_rows(&self) -> Result<&OwnRows> {
        let own = self.own.as_ref();
        own.ok_or_else(|| missing("batch", "rows are not standardised yet"))
    }

    /// What this party adds to the moments.
    pub(super) fn moments_share(&self, round: &RoundId) -> Result<Vec<u8>> {
        let own = statistics::own_moments(self.rows.as_ref(), self.plan.moments)?;
        let level = self.plan.level(LEVELS);
        let own = self.encrypt_own(round, &own, level, statistics::scale())?;
        Ok(join(&[own.to_bytes(self.params())]))
    }

    /// Encodes the batch of iteration `t`, unless it is there from the forward pass.
    fn load_batch(&mut self, t: usize) -> Result<()> {
        if matches!(&self.batch, Some((held, _)) if *held == t) {
            return Ok(());
        }
        // The old one makes room first.
        self.batch = None;
        let (rows, samples) = (self.batch_rows(t)?, &self.own_rows()?.samples);
        let batch = FirstBatch::new(&self.plan, &self.periodic, samples, &rows, self.me)?;
        self.batch = Some((t, batch));
        Ok(())
    }

    fn own_batch(&self) -> Result<&FirstBatch> {
        let batch = self.batch.as_ref().map(|(_, batch)| batch);
        batch.ok_or_else(|| missing("batch", "not encoded"))
    }

    /// This party's partial predictors and its labels.
    pub(super) fn forward_share(
        &mut self,
        round: &RoundId,
        t: usize,
        input: &[u8],
    ) -> Result<Vec<u8>> {
        self.load_batch(t)?;
        let parts = sections::split_any("forward", input)?;
        let weights = parts
            .last()
            .ok_or_else(|| missing("forward", "no weights"))?;
        let weights = self.ciphertexts(weights, self.plan.first_weights())?;
        let predictors = self.own_batch()?.forward(self.own_engine()?, &weights)?;
        let scale = self.plan.first_predictor_scale();
        let predictors = self.randomised(predictors, scale, round)?;
        let labels = self.labels(round, t)?;
        let own = join(&[
            (self.me as u32).to_le_bytes().to_vec(),
            predictors,
            labels.to_bytes(self.params()),
        ]);
        Ok(join(&[own]))
    }

    /// This party's part of the first layer's gradient.
    pub(super) fn gradient_share(
        &mut self,
        round: &RoundId,
        t: usize,
        input: &[u8],
    ) -> Result<Vec<u8>> {
        self.load_batch(t)?;
        let (plan, layout) = (&self.plan, &self.plan.layout);
        let ((group, _), groups) = (layout.place(self.me), layout.groups());
        // Those of this party's group among those of all groups.
        let parts = sections::split("errors", input, plan.first_predictors() * groups)?;
        let errors = (parts.into_iter().skip(group).step_by(groups))
            .map(|part| Ok(Ciphertext::from_bytes(self.params(), part)?))
            .collect::<Result<Vec<_>>>()?;
        let (batch, engine) = (self.own_batch()?, self.own_engine()?);
        let gradient = batch.gradient(plan, engine, &errors, self.me)?;
        let sums = self.randomised(gradient, plan.first_gradient_scale(), round)?;
        self.batch = None;
        Ok(sums)
    }

    /// Ready to leave, at a scale: what depends on rows carries a fresh encryption of zero.
    fn randomised(&self, parts: Vec<Private>, scale: f64, round: &RoundId) -> Result<Vec<u8>> {
        let (params, key, secret) = (self.params(), self.keys.public_key()?, &self.secret);
        let one = |(index, part): (usize, Private)| {
            let part = part.map(|mut ct| {
                ct.set_scale(scale);
                ct
            });
            let mut label = round.session.0.to_vec();
            label.extend(round.number.to_le_bytes());
            label.extend((index as u32).to_le_bytes());
            let ct = part.rerandomise(params, key, secret, &label, None)?;
            Ok(ct.to_bytes(params))
        };
        let parts = parts.into_par_iter().enumerate().map(one);
        Ok(join(&parts.collect::<Result<Vec<_>>>()?))
    }

    /// One-hot labels of the batch, times the target, encrypted in this party's block.
    fn labels(&self, round: &RoundId, t: usize) -> Result<Ciphertext> {
        let (plan, layout) = (&self.plan, &self.plan.layout);
        let (_, block) = layout.place(self.me);
        let (rows, labels) = (self.batch_rows(t)?, self.own_rows()?.samples.labels());
        let target = plan.config.target;
        let one_hot = |column: usize, neuron: usize| {
            let own = column / layout.batch() == block;
            let row = rows.get(column % layout.batch()).filter(|_| own);
            let label = row.map(|&row| labels[row]);
            if label == Some(neuron as f64) {
                target
            } else {
                0.0
            }
        };
        let slots = layout.pack_columns(Side::of_layer(plan.config.depth()), one_hot);
        self.encrypt_own(round, &slots, plan.level(0), plan.product_scale())
    }

    fn encrypt_own(
        &self,
        round: &RoundId,
        slots: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<Ciphertext> {
        let keys = &self.keys;
        keys.encrypt_own(&self.secret, round, slots, level, scale)
    }
}

/// Joins contributions that are kept apart, in the order of the parties: the same bytes whatever the
/// order they come in.
pub(super) fn gather(into: &mut Vec<u8>, share: &[u8], parties: usize) -> Result<()> {
    let mut entries = entries(into, parties)?;
    entries.extend(self::entries(share, parties)?);
    entries.sort_by_key(|(party, _)| *party);
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let problem = format!("party {} contributed twice", pair[0].0);
        return Err(missing("contributions", &problem));
    }
    let joined: Vec<&[u8]> = entries.iter().map(|(_, bytes)| *bytes).collect();
    *into = sections::join(&joined);
    Ok(())
}

/// Contributions with their parties.
pub(super) fn entries(bytes: &[u8], parties: usize) -> Result<Vec<(usize, &[u8])>> {
    let parse = |entry| {
        let parts = sections::split("contribution", entry, 3)?;
        let index: [u8; 4] = (parts[0].try_into())
            .map_err(|_| missing("contribution", "a party's number has four bytes"))?;
        match u32::from_le_bytes(index) as usize {
            party if party < parties => Ok((party, entry)),
            party => Err(missing(
                "contribution",
                &format!("there is no party {party}"),
            )),
        }
    };
    let all = sections::split_any("contributions", bytes)?;
    all.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(party: u32) -> Vec<u8> {
        join(&[party.to_le_bytes().to_vec(), vec![party as u8], vec![]])
    }

    #[test]
    fn contributions_join_in_the_order_of_the_parties() {
        let mut left = join(&[entry(2)]);
        gather(&mut left, &join(&[entry(0), entry(1)]), 3).unwrap();
        let mut right = join(&[entry(1)]);
        gather(&mut right, &join(&[entry(2)]), 3).unwrap();
        gather(&mut right, &join(&[entry(0)]), 3).unwrap();
        assert_eq!(left, right);
    }

    #[test]
    fn a_bad_contribution_changes_nothing() {
        let mut sum = join(&[entry(1)]);
        let before = sum.clone();
        assert!(
            gather(&mut sum, &join(&[entry(1)]), 3)
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
        assert!(
            gather(&mut sum, &join(&[entry(7)]), 3)
                .unwrap_err()
                .to_string()
                .contains("party 7")
        );
        assert!(gather(&mut sum, &[1, 2, 3], 3).is_err());
        assert_eq!(sum, before);
    }
}
