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
    /// Ciphertexts of the first layer: all alike in a dense one.
    pub first: Vec<ExactMap>,
    /// Weights of layer 2.
    pub second: ExactMap,
    /// Weights of the layers above.
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
        let blocks = match plan.convolution {
            None => 0..layout.blocks(),
            Some(_) => 0..0,
        };
        let predictors = blocks
            .map(|block| {
                let map = layout.fold_predictors(block);
                map.encode(encoder, plan.level(hidden), factor(scale, u, hidden))
            })
            .collect::<std::result::Result<_, _>>()?;
        let identity = SlotMap::identity();
        let weights = plan.weight_scale();
        let above = plan.weights_above(1) + 1;
        let first_factor = factor(plan.first_gradient_scale(), weights, above);
        let first = match &plan.convolution {
            None => {
                let map = layout.fold_first();
                vec![map.encode(encoder, plan.level(above), first_factor)?]
            }
            Some(convolution) => (0..convolution.tiles())
                .map(|tile| {
                    let map = convolution.alone(tile);
                    map.encode(encoder, plan.level(above), first_factor)
                })
                .collect::<std::result::Result<_, _>>()?,
        };
        let fold = layout.fold_hidden();
        let above_second = fold.encode(encoder, top, factor(product, weights, LEVELS))?;
        let second = match plan.weights_above(2) + 1 {
            LEVELS => above_second.clone(),
            above => fold.encode(encoder, plan.level(above), factor(product, weights, above))?,
        };
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
            first,
            second,
            hidden: above_second,
            bias: layout.fold_bias().encode(
                encoder,
                plan.level(2),
                factor(scale, plan.bias_scale(), 2),
            )?,
        })
    }

    /// Errors of a layer below the last.
    pub fn errors(plan: &MlpPlan, encoder: &Encoder, layer: usize) -> Result<ExactMap> {
        let above = plan.errors_above(layer) + 1;
        let factor = plan.scale() * plan.q(above) / errors_scale(plan);
        Ok(SlotMap::identity().encode(encoder, plan.level(above), factor)?)
    }

    /// The weighing of the output errors of a group in batches number m.
    pub fn weigh(plan: &MlpPlan, encoder: &Encoder, m: usize, group: usize) -> Result<ExactMap> {
        let depth = plan.config.depth();
        let side = super::super::packed::Side::of_layer(depth);
        let weight = |party: usize, sample: usize| match sample < plan.filled(party) {
            true => plan.row_weight(m, party),
            false => 0.0,
        };
        let map = plan
            .layout
            .weigh(side, plan.config.outputs(), group, weight);
        let above = plan.errors_above(depth) + 1;
        let factor = plan.scale() * plan.q(above) / plan.product_scale();
        Ok(map.encode(encoder, plan.level(above), factor)?)
    }
}

/// Scale of the errors of a hidden layer before their refresh.
pub(super) fn errors_scale(plan: &MlpPlan) -> f64 {
    let transformed = plan.scale() * plan.scale() / plan.q(2);
    transformed * plan.slope_scale() / plan.q(1)
}
