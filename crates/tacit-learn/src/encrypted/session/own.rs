//! What a party computes on its own rows.

use super::*;

impl GlmParty {
    /// What this party adds to collective statistics.
    pub(super) fn own_sums(&self, step: Step) -> Result<Vec<f64>> {
        if step == Step::Curvature {
            let rows = self.samples()?;
            let share = rows.len() as f64 / self.plan.total_rows as f64;
            return Ok(vec![share * crate::twin::largest_second_moment(rows)]);
        }
        statistics::own_moments(self.rows.as_ref(), self.plan.moments)
    }

    pub(super) fn samples(&self) -> Result<&Samples> {
        self.samples
            .as_ref()
            .ok_or(missing("gradient", "rows are not standardised yet"))
    }

    /// A fresh encryption of own values.
    pub(super) fn encrypt_own(
        &self,
        round: &RoundId,
        values: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<Vec<u8>> {
        let keys = &self.keys;
        let ct = keys.encrypt_own(self.acting(), round, values, level, scale)?;
        Ok(ct.to_bytes(self.params()))
    }

    /// −η/n times the gradient at zero over all rows: the first step, computed in the clear by its owner.
    pub(super) fn first_step(&self) -> Result<Vec<f64>> {
        let config = &self.plan.config;
        let rate = self.schedule()?.steps()[0].rate / self.plan.total_rows as f64;
        let activation = *config.activation()?.folded();
        let mut gradient =
            crate::twin::gradient_at_zero(config.family, &activation, self.samples()?);
        gradient.values_mut().iter_mut().for_each(|g| *g *= -rate);
        Ok(self.layout.pack_weights(&gradient)?)
    }

    pub(super) fn gradient_share(
        &self,
        round: &RoundId,
        t: usize,
        input: &[u8],
    ) -> Result<Vec<u8>> {
        let encryption = &self.plan.encryption;
        if t == 0 {
            let (level, scale) = (encryption.refresh_level, self.params().scale());
            return self.encrypt_own(round, &self.first_step()?, level, scale);
        }
        let circuit = self.assembled()?;
        let missing = || missing("gradient", "rows or the point are not there");
        let order = self.order.as_ref().ok_or_else(missing)?;
        let parts = sections::split_any("gradient", input)?;
        let point = self.point_from_bytes(t, parts.last().ok_or_else(missing)?)?;
        let weight = order.row_weight(encryption.parties, self.plan.total_rows);
        let batch = Batch::new(self.samples()?, order.rows(t - 1), weight)?;
        let diagonals = Diagonals::new(self.layout, batch)?;
        let gradient = circuit.gradient(&point, &diagonals)?;
        let mut label = round.session.0.to_vec();
        label.extend(round.number.to_le_bytes());
        let out = gradient.rerandomise(
            self.params(),
            self.keys.public_key()?,
            self.acting(),
            &label,
            None,
        )?;
        Ok(out.to_bytes(self.params()))
    }

    /// Root: the released model, for everybody with the end of the training; empty in any other session.
    pub(super) fn released_bytes(&self) -> Vec<u8> {
        match &self.root.released {
            Some(weights) if !self.script.is_empty() => {
                statistics::totals_to_bytes(weights.values())
            }
            _ => Vec::new(),
        }
    }

    /// The released model, from the root.
    pub(super) fn learn_released(&mut self, bytes: &[u8]) -> Result<()> {
        let config = &self.plan.config;
        let count = match self.plan.release_model {
            true => config.family.outputs() * (config.features + 1),
            false => 0,
        };
        let values = statistics::released_from_bytes("released model", bytes, count)?;
        self.root.released = Some(Weights::from_values(config.features, values)?);
        Ok(())
    }
}
