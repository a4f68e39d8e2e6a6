//! What an iteration costs, before it is run.

use super::super::StepMomentum;
use super::super::packed::{LayerCounts, Side};
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
        let mut root = LayerCounts {
            plain_products: match plan.config.momentum {
                StepMomentum::HeavyBall { mu } if mu != 0.0 => 2 * layout.first_ciphertexts(),
                _ => layout.first_ciphertexts(),
            },
            ..LayerCounts::default()
        };
        for layer in 2..=depth {
            let (below, above) = (Side::of_layer(layer - 1), Side::of_layer(layer));
            root = root
                .plus(pointwise)
                .plus(layout.apply_counts(below))
                .plus(layout.apply_counts(above))
                .plus(layout.outer_counts());
            if plan.config.hidden_bias {
                root = root.plus(layout.bias_counts());
            }
        }
        if let Some(head) = &plan.head {
            root = root.plus(head.value_counts().times(groups));
        }
        Self {
            party: layout.forward_counts().plus(layout.gradient_counts()),
            root,
            refreshes: MlpPlan::refreshes(&plan.config, layout),
            rounds: 2 * depth + 2 + usize::from(plan.head.is_some()),
        }
    }

    /// Operations of everybody.
    pub fn total(&self, parties: usize) -> LayerCounts {
        self.party.times(parties).plus(self.root)
    }
}
