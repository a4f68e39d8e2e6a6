//! Flooding of everything that is released, from proven bounds of its noise.
//!
//! Each release is followed from the ciphertexts it is computed from with [`Tracked`]: a model as the last
//! refresh leaves it (what the noise of training did to the weights is part of the model by
//! then), a query as its querier encrypts it, the sums of freshly encrypted moments.

use tacit_ckks::CkksError;
use tacit_ckks::noise::{Message, NoiseModel, ProvenNoise, ReleaseMargin, Tracked};

use super::{EncryptionPlan, WEIGHT_BITS, statistics};
use crate::packing::Layout;

/// −log2 of the error that models get before they are released or answer.
pub(crate) const RELEASED_BITS: u32 = 20;

/// log2 of the largest standardised feature that a query may hold.
pub(super) const FEATURE_BITS: u32 = 6;

fn message(bits: u32) -> Message {
    Message::bounded(f64::from(bits).exp2())
}

impl EncryptionPlan {
    /// Answers to at most `answers` queries.
    pub fn answer_margin(
        &self,
        layout: &Layout,
        answers: usize,
    ) -> Result<ReleaseMargin, CkksError> {
        let (level, scale) = (self.answer_level(), self.query_scale());
        let model = self.refreshed_model();
        let query = Tracked::encrypt(&self.noise_model(), message(FEATURE_BITS), level, scale);
        let mut sum = model.mul(&query)?.relinearise()?;
        for _ in 0..layout.coordinates().trailing_zeros() {
            sum = sum.add(&sum.rotate())?;
        }
        if self.threshold.is_some() {
            // An answer that other parties than before give is re-randomised by the root.
            let zero = Message::bounded(0.0);
            let (level, scale) = (sum.level(), sum.scale());
            sum = sum.add(&Tracked::encrypt(&self.noise_model(), zero, level, scale))?;
        }
        Ok(ReleaseMargin::new(&sum, self.lambda_s, answers as u64))
    }

    /// By how much the errors of the last refresh are wider, after which the model is released or answers: see
    /// [`tacit_mhe::Refresh`].
    pub fn wide_error_bits(&self) -> u32 {
        let scale = self.params.scale();
        tacit_mhe::wide_error_bits(&self.params, scale, self.parties, RELEASED_BITS)
    }

    /// The model itself, once.
    pub fn model_margin(&self) -> ReleaseMargin {
        ReleaseMargin::new(&self.refreshed_model(), self.lambda_s, 1)
    }

    /// The sums of collective standardisation and curvature, once each.
    pub fn moments_margin(&self) -> Result<ReleaseMargin, CkksError> {
        statistics::margin(&self.params, self.parties, self.top_level(), self.lambda_s)
    }

    fn noise_model(&self) -> NoiseModel {
        NoiseModel::collective(&self.params, self.parties as u32).of_encoded_messages()
    }

    fn refreshed_model(&self) -> Tracked<ProvenNoise> {
        let (level, scale) = (self.answer_level(), self.query_scale());
        Tracked::encoded(&self.noise_model(), message(WEIGHT_BITS), level, scale).refresh(level)
    }
}
