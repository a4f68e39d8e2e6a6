//! What an iteration costs, before it is run.

use super::super::StepMomentum;
use super::super::packed::{ConvolutionLayout, LayerCounts, Side};
use super::plan::MlpPlan;

/// Operations of one iteration, all parties together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IterationCost {
    /// One party's first layer, forward and gradient.
    pub party: LayerCounts,
    /// The hidden layers, activations and steps, at the root.
    pub root: LayerCounts,
    /// Ciphertexts refreshed.
    pub refreshes: usize,
    /// Rounds.
    pub rounds: usize,
}

impl IterationCost {
    /// Of a plan.
    pub fn of(plan: &MlpPlan) -> Self {
        let (layout, depth) = (&plan.layout, plan.config.depth());
        let groups = layout.groups();
        let multiplied = LayerCounts {
            products: 1,
            relinearisations: 1,
            ..LayerCounts::default()
        };
        let activation = &plan.activation;
        let pointwise = (activation.value_counts())
            .plus(activation.slope_counts())
            .plus(multiplied)
            .times(groups);
        let mut step = LayerCounts {
            plain_products: match plan.config.momentum {
                StepMomentum::HeavyBall { mu } if mu != 0.0 => 2 * plan.first_weights(),
                _ => plan.first_weights(),
            },
            ..LayerCounts::default()
        };
        // Of a batch of every party.
        let mut root = LayerCounts::default();
        let mut lowest = 2;
        if let Some(convolution) = &plan.convolution {
            root = root.plus(of_tiles(convolution));
            step = step.plus(of_filters(convolution));
            lowest = 3;
        }
        for layer in lowest..=depth {
            let (below, above) = (Side::of_layer(layer - 1), Side::of_layer(layer));
            root = root
                .plus(pointwise)
                .plus(layout.apply_counts(below))
                .plus(layout.apply_counts(above))
                .plus(layout.outer_counts());
        }
        if plan.config.hidden_bias {
            root = root.plus(layout.bias_counts().times(depth - 1));
        }
        if let Some(head) = &plan.head {
            root = root.plus(head.value_counts().times(groups));
        }
        let batches = plan.config.local_batches;
        let rounds = 2 * depth + 1 + usize::from(plan.head.is_some()) - 2 * (lowest - 2);
        Self {
            party: plan.party_counts().times(batches),
            root: root.times(batches).plus(step),
            refreshes: MlpPlan::refreshes(&plan.config, layout, plan.convolution.as_ref()),
            rounds: batches * rounds + 1,
        }
    }

    /// Operations of everybody.
    pub fn total(&self, parties: usize) -> LayerCounts {
        self.party.times(parties).plus(self.root)
    }
}

/// The fold and repetition of a convolution's filters.
fn of_filters(convolution: &ConvolutionLayout) -> LayerCounts {
    convolution.fold_counts().times(2 * convolution.tiles())
}

/// A convolution's activations and errors, and the layer above it.
fn of_tiles(convolution: &ConvolutionLayout) -> LayerCounts {
    let layout = convolution.columns();
    let (tiles, groups, offsets) = (convolution.tiles(), layout.groups(), convolution.offsets());
    let products = LayerCounts {
        products: 2 * offsets * groups,
        relinearisations: (1 + offsets) * groups,
        ..LayerCounts::default()
    };
    (products.plus(layout.apply_counts(Side::of_layer(2))))
        .plus(layout.outer_counts())
        .times(tiles)
        .plus(layout.apply_sum_counts(Side::of_layer(1), tiles))
}
