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
        let moments = self
            .rows
            .moments()
            .map_err(EncryptedError::Standardisation)?;
        if moments.len() == self.plan.moments {
            return Ok(moments);
        }
        Err(EncryptedError::Standardisation(format!(
            "this party has {} moments, the plan says {}",
            moments.len(),
            self.plan.moments
        )))
    }

    pub(super) fn samples(&self) -> Result<&Samples> {
        self.samples.as_ref().ok_or(EncryptedError::Message {
            what: "gradient",
            problem: "rows are not standardised yet".into(),
        })
    }

    pub(super) fn key(&self) -> Result<&PublicKey> {
        self.public_key.as_ref().ok_or(EncryptedError::Message {
            what: "collective public key",
            problem: "not received yet".into(),
        })
    }

    /// A fresh encryption of own values, with randomness bound to the round and the values.
    pub(super) fn encrypt_own(
        &self,
        round: &RoundId,
        values: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<Vec<u8>> {
        let message = self.encoder.encode(values, level, scale)?;
        let mut transcript = Transcript::new("learn own encryption");
        transcript
            .append(&round.session.0)
            .append_u64(u64::from(round.number));
        transcript.append_words(message.poly().words());
        let seed: Seed = self
            .secret
            .stream_seed("learn own encryption", &transcript.digest());
        let ct = encrypt(self.params(), self.key()?, &message, &mut seed.expand());
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
        let missing = || EncryptedError::Message {
            what: "gradient",
            problem: "evaluation keys were not received".into(),
        };
        let circuit = self.circuit.as_ref().ok_or_else(missing)?;
        let order = self.order.as_ref().ok_or_else(missing)?;
        let parts = sections::split_any("gradient", input)?;
        let point = parts.last().ok_or_else(missing)?;
        let point = Ciphertext::from_bytes(self.params(), point)?;
        let weight = order.row_weight(encryption.parties, self.plan.total_rows);
        let batch = Batch::new(self.samples()?, order.rows(t - 1), weight)?;
        let diagonals = Diagonals::new(self.layout, batch)?;
        let gradient = circuit.gradient(&point, &diagonals)?;
        let mut label = round.session.0.to_vec();
        label.extend(round.number.to_le_bytes());
        let out = gradient.rerandomise(self.params(), self.key()?, &self.secret, &label, None)?;
        Ok(out.to_bytes(self.params()))
    }
}
