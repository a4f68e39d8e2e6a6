//! The adversaries that are trained along with the network.
//!
//! They see the class and the outputs on the scale of the class ([`crate::whitening`]), which is
//! what a server learns, and predict the private label. The network is rewarded for the panel's *confusion*, the mean divergence of its
//! predictions from the uniform ones,
//!
//! ```text
//!   L_adv = mean_rows KL(uniform ‖ q) = −mean_rows (1/G) Σ_g log q_g − log G ≥ 0,
//! ```
//!
//! which is 0 only for an adversary that knows nothing. (Rewarding wrong predictions instead would
//! teach the network to have its labels exchanged, which the next adversary reads just as well.)

use tacit_nn::burn::module::Module;
use tacit_nn::burn::tensor::activation::log_softmax;
use tacit_nn::burn::tensor::{Int, Tensor};
use tacit_nn::train::{cross_entropy, value};
use tacit_nn::{Draws, Mlp, Network, Optimiser, Rule};

use crate::CollateralError;

const WIDTH: usize = 64;

/// Adversaries and their optimisers.
#[derive(Debug)]
pub(crate) struct Panel {
    adversaries: Vec<(Mlp, Optimiser)>,
    groups: usize,
}

impl Panel {
    pub(crate) fn new(
        count: usize,
        inputs: usize,
        groups: usize,
        seed: u64,
    ) -> Result<Panel, CollateralError> {
        let adversary = |i: usize| {
            let mut draws = Draws::new(seed, &format!("adversary {i}"));
            let network = Mlp::new(&[inputs, WIDTH, WIDTH, groups], 0.0, &mut draws)?;
            Ok::<_, CollateralError>((network, Optimiser::new(Rule::adam())))
        };
        Ok(Panel {
            adversaries: (0..count).map(adversary).collect::<Result<_, _>>()?,
            groups,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.adversaries.is_empty()
    }

    /// One step of every adversary on inputs that carry no gradient; their mean loss.
    pub(crate) fn step(
        &mut self,
        seen: &Tensor<2>,
        labels: &Tensor<1, Int>,
        rate: f64,
    ) -> Result<f32, CollateralError> {
        let mut sum = 0.0;
        for (network, optimiser) in &mut self.adversaries {
            let loss = cross_entropy(network.forward(seen.clone()), labels.clone());
            sum += value(&loss);
            *network = optimiser.step(network.clone(), &loss, rate)?;
        }
        Ok(sum / self.adversaries.len().max(1) as f32)
    }

    /// The panel's mean divergence from knowing nothing; its gradient reaches the outputs only.
    pub(crate) fn confusion(&self, seen: &Tensor<2>) -> Tensor<1> {
        let chance = (self.groups as f32).ln();
        let of = |(network, _): &(Mlp, Optimiser)| {
            let logits = network.clone().no_grad().forward(seen.clone());
            log_softmax(logits, 1).mean().neg() - chance
        };
        let sum = self.adversaries.iter().map(of).reduce(|a, b| a + b);
        match sum {
            Some(sum) => sum / self.adversaries.len() as f32,
            None => seen.clone().sum() * 0.0,
        }
    }
}
