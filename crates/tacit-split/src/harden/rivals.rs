//! Penalties of the methods that Tacit's are compared with.

use crate::error::SplitError;
use tacit_nn::burn::tensor::{Int, Tensor};
use tacit_nn::matrix::label_tensor;
use tacit_nn::train::cross_entropy;
use tacit_nn::{Draws, Mlp, Network, Optimiser, Rule};

/// Steps of the adversary per step of the network.
const ADVERSARY_STEPS: usize = 2;

/// A network that learns the private label while another learns to hide it (Ganin and Lempitsky,
/// "Unsupervised domain adaptation by backpropagation", ICML 2015; here the two alternate).
pub(super) struct Adversary {
    network: Mlp,
    optimiser: Optimiser,
    /// Entropy of the private label: what cross-entropy reaches when nothing is learnt.
    prior: f32,
    rate: f64,
}

impl Adversary {
    pub(super) fn new(
        features: usize,
        labels: &[usize],
        classes: usize,
        rate: f64,
        draws: &mut Draws,
    ) -> Result<Self, SplitError> {
        let mut counts = vec![0usize; classes];
        labels.iter().for_each(|&l| counts[l] += 1);
        let shares = counts.iter().filter(|c| **c > 0);
        let prior: f64 = shares
            .map(|c| *c as f64 / labels.len() as f64)
            .map(|p| -p * p.ln())
            .sum();
        Ok(Adversary {
            network: Mlp::new(&[features, 64, 64, classes], 0.0, draws)?,
            optimiser: Optimiser::new(Rule::adam()).with_clip(5.0),
            prior: prior as f32,
            rate: rate * 3.0,
        })
    }

    /// Learns on what was sent, then says how much better than guessing it is: max(0, H − CE),
    /// with a gradient to the features. Above H there is nothing to gain for the network: pushing
    /// further would make features that are *wrong* about the private label, which is as telling.
    pub(super) fn penalty(
        &mut self,
        sent: Tensor<2>,
        private: &[usize],
    ) -> Result<Tensor<1>, SplitError> {
        let labels: Tensor<1, Int> = label_tensor(private.iter().copied(), &sent.device());
        for _ in 0..ADVERSARY_STEPS {
            let logits = self.network.forward(sent.clone().detach());
            let loss = cross_entropy(logits, labels.clone());
            self.network = self
                .optimiser
                .step(self.network.clone(), &loss, self.rate)?;
        }
        let loss = cross_entropy(self.network.forward(sent), labels);
        Ok(loss.neg().add_scalar(self.prior).clamp_min(0.0))
    }
}

/// The distance correlation of two sets of rows (Székely, Rizzo, Bakirov, Annals of Statistics
/// 2007), as in NoPeek (Vepakomma, Singh, Gupta, Raskar, ICDM workshops 2020):
///
/// ```text
/// dCor² = ⟨A, B⟩ / √(⟨A, A⟩⟨B, B⟩),   A, B the doubly centred matrices of Euclidean distances
/// ```
pub fn distance_correlation(x: Tensor<2>, z: Tensor<2>) -> Tensor<1> {
    let (a, b) = (centred_distances(x), centred_distances(z));
    let cross = (a.clone() * b.clone()).mean();
    let scale = (a.square().mean() * b.square().mean()).add_scalar(1e-12);
    (cross / scale.sqrt())
        .clamp_min(0.0)
        .add_scalar(1e-12)
        .sqrt()
}

fn centred_distances(rows: Tensor<2>) -> Tensor<2> {
    let squares = rows.clone().square().sum_dim(1);
    let dots = rows.clone().matmul(rows.transpose()).mul_scalar(2.0);
    let distances = (squares.clone() - dots + squares.transpose())
        .clamp_min(0.0)
        .add_scalar(1e-6)
        .sqrt();
    let by_row = distances.clone().mean_dim(1);
    let by_column = distances.clone().mean_dim(0);
    let all = by_row.clone().mean_dim(0);
    distances - by_row - by_column + all
}
