//! The layout changes that ride on refreshes, encoded once.

use tacit_ckks::Encoder;
use tacit_mhe::ExactMap;

use super::super::packed::SlotMap;
use super::plan::{LEVELS, MlpPlan};
use crate::encrypted::EncryptedError;

type Result<T> = std::result::Result<T, EncryptedError>;

/// Encoded maps with the scale of what they give.
pub(super) struct Maps {
    /// By block.
    pub predictors: Vec<ExactMap>,
    /// Predictors of hidden layers from 2 on.
    pub identity_predictors: ExactMap,
    /// Predictors of the outputs, where the head needs them refreshed.
    pub identity_outputs: ExactMap,
    /// Errors of layers below the last.
    pub identity_errors: ExactMap,
    /// Ciphertexts of the first layer.
    pub first: ExactMap,
    /// Hidden weights.
    pub hidden: ExactMap,
    /// Hidden biases.
    pub bias: ExactMap,
}

impl Maps {
    pub fn new(plan: &MlpPlan, encoder: &Encoder) -> Result<Self> {
        let layout = &plan.layout;
        let (scale, top) = (plan.scale(), plan.level(LEVELS));
        // From a scale to a scale, times the prime that is divided by afterwards.
        let factor = |from: f64, to: f64, above: usize| to * plan.q(above) / from;
        let (u, hidden) = (plan.predictor_scale(1), plan.predictors_above(1) + 1);
        let product = plan.product_scale();
        let outputs = plan.predictors_above(plan.config.depth()) + 1;
        let predictors = (0..layout.blocks())
            .map(|block| {
                let map = layout.fold_predictors(block);
                map.encode(encoder, plan.level(hidden), factor(scale, u, hidden))
            })
            .collect::<std::result::Result<_, _>>()?;
        let identity = SlotMap::identity();
        let weights = plan.weight_scale();
        Ok(Self {
            predictors,
            identity_predictors: identity.encode(
                encoder,
                plan.level(hidden),
                factor(product, u, hidden),
            )?,
            identity_outputs: identity.encode(
                encoder,
                plan.level(outputs),
                factor(product, plan.predictor_scale(plan.config.depth()), outputs),
            )?,
            identity_errors: identity.encode(
                encoder,
                top,
                factor(errors_scale(plan), scale, LEVELS),
            )?,
            first: layout
                .fold_first()
                .encode(encoder, plan.level(2), factor(scale, weights, 2))?,
            hidden: layout
                .fold_hidden()
                .encode(encoder, top, factor(product, weights, LEVELS))?,
            bias: layout.fold_bias().encode(
                encoder,
                plan.level(2),
                factor(scale, plan.bias_scale(), 2),
            )?,
        })
    }

    /// The weighing of the output errors of a group in iteration t.
    pub fn weigh(plan: &MlpPlan, encoder: &Encoder, t: usize, group: usize) -> Result<ExactMap> {
        let depth = plan.config.depth();
        let side = super::super::packed::Side::of_layer(depth);
        let weight = |party: usize, sample: usize| match sample < plan.filled(party) {
            true => plan.row_weight(t, party),
            false => 0.0,
        };
        let map = plan
            .layout
            .weigh(side, plan.config.outputs(), group, weight);
        let factor = plan.scale() * plan.q(LEVELS) / plan.product_scale();
        Ok(map.encode(encoder, plan.level(LEVELS), factor)?)
    }
}

/// Scale of the errors of a hidden layer before their refresh.
pub(super) fn errors_scale(plan: &MlpPlan) -> f64 {
    let transformed = plan.scale() * plan.scale() / plan.q(2);
    transformed * plan.slope_scale() / plan.q(1)
}
