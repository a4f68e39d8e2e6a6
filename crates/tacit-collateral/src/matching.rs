//! How differently the outputs are distributed under the private labels, class by class.
//!
//! For two independent outputs Y, Y′ under private labels g and h, both of class c, write
//! E_gh = E‖Y − Y′‖. The energy distance (Székely and Rizzo, 2004) of two labels is
//! 2E₀₁ − E₀₀ − E₁₁ ≥ 0, and it is 0 only if both distributions are the same. For G labels
//!
//! ```text
//!   M = 1/C · Σ_c 2 (mean_{g≠h} E_gh − mean_g E_gg) / mean_{g≠h} E_gh
//! ```
//!
//! divides by the spread of the class, so that shrinking all outputs gains nothing. Estimated
//! without bias from a batch, it can be slightly negative.
//!
//! An adversary says how well one family of classifiers tells the labels apart; this says whether
//! anything could, with no adversary to be trained. Both are used: the distance is blunt where
//! distributions differ in detail, an adversary is blind where it has not learnt to look.

use tacit_nn::burn::tensor::Tensor;

use crate::cells::Shape;

/// Keeps the derivative of a distance finite where two outputs coincide.
const SOFTENING: f32 = 1e-4;

/// The distance M of a batch of outputs `[rows, K]` in the order of [`crate::cells`]; 0 with a
/// single private label.
pub fn energy_distance(outputs: Tensor<2>, shape: Shape) -> Tensor<1> {
    let Shape {
        classes,
        groups,
        per_cell: m,
    } = shape;
    let [_, width] = outputs.dims();
    if groups < 2 || m < 2 {
        return outputs.sum() * 0.0;
    }
    let n = groups * m;
    // ‖y − y′‖² = ‖y‖² + ‖y′‖² − 2yᵀy′: a product of matrices, where a difference of every pair would
    // need K times the memory.
    let by_class = outputs.reshape([classes, n, width]);
    let squares = (by_class.clone() * by_class.clone()).sum_dim(2);
    let products = by_class.clone().matmul(by_class.swap_dims(1, 2));
    let squared = squares.clone() + squares.swap_dims(1, 2) - products * 2.0;
    let distance = (squared.clamp_min(0.0) + SOFTENING).sqrt();
    // [class, g, h]: mean distance of a row under g to a row under h.
    let blocks = distance
        .reshape([classes, groups, m, groups, m])
        .mean_dim(4)
        .mean_dim(2)
        .reshape([classes, groups * groups]);
    let within_columns: Vec<i32> = (0..groups).map(|g| (g * groups + g) as i32).collect();
    let columns = Tensor::from_data(within_columns.as_slice(), &blocks.device());
    let trace = blocks.clone().select(1, columns).sum_dim(1);
    let between = (blocks.sum_dim(1) - trace.clone()) / (groups * (groups - 1)) as f32;
    // The distance of a row to itself is not one of a pair.
    let self_distance = SOFTENING.sqrt() / m as f32;
    let within = (trace / groups as f32 - self_distance) * (m as f32 / (m - 1) as f32);
    let spread = between.clone().detach() + 1e-3;
    ((between - within) * 2.0 / spread).mean()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_nn::burn::tensor::TensorData;
    use tacit_nn::{Draws, plain_device, training_device};

    fn oracle(rows: &[[f32; 2]], shape: Shape) -> f64 {
        let distance = |a: &[f32; 2], b: &[f32; 2]| {
            let square: f64 = (0..2).map(|k| f64::from(a[k] - b[k]).powi(2)).sum();
            (square + f64::from(SOFTENING)).sqrt()
        };
        let cell = |c: usize, g: usize| {
            let from = (c * shape.groups + g) * shape.per_cell;
            &rows[from..from + shape.per_cell]
        };
        let m = shape.per_cell as f64;
        let mut sum = 0.0;
        for c in 0..shape.classes {
            let (mut between, mut within) = (0.0, 0.0);
            for g in 0..shape.groups {
                for h in 0..shape.groups {
                    for (i, a) in cell(c, g).iter().enumerate() {
                        for (j, b) in cell(c, h).iter().enumerate() {
                            match g == h {
                                true if i == j => {}
                                true => within += distance(a, b) / (m * (m - 1.0)),
                                false => between += distance(a, b) / (m * m),
                            }
                        }
                    }
                }
            }
            let groups = shape.groups as f64;
            between /= groups * (groups - 1.0);
            within /= groups;
            sum += 2.0 * (between - within) / (between + 1e-3);
        }
        sum / shape.classes as f64
    }

    fn batch(shape: Shape, apart: f32, seed: u64) -> Vec<[f32; 2]> {
        let mut draws = Draws::new(seed, "outputs");
        shape
            .public()
            .zip(shape.private())
            .map(|(c, g)| [c as f32 + draws.normal(), apart * g as f32 + draws.normal()])
            .collect()
    }

    fn tensor(rows: &[[f32; 2]]) -> Tensor<2> {
        let data = TensorData::new(rows.concat(), [rows.len(), 2]);
        Tensor::from_data(data, &plain_device())
    }

    #[test]
    fn equals_the_sum_over_pairs() {
        for (groups, per_cell) in [(2, 4), (3, 5), (2, 2)] {
            let shape = Shape {
                classes: 3,
                groups,
                per_cell,
            };
            let rows = batch(shape, 1.0, 5);
            let fast = tacit_nn::train::value(&energy_distance(tensor(&rows), shape));
            assert!((f64::from(fast) - oracle(&rows, shape)).abs() < 1e-4);
        }
    }

    #[test]
    fn is_zero_in_the_mean_only_when_the_private_labels_do_not_matter() {
        let shape = Shape {
            classes: 4,
            groups: 2,
            per_cell: 60,
        };
        let mean = |apart: f32| -> f32 {
            let value = |seed| {
                let rows = batch(shape, apart, seed);
                tacit_nn::train::value(&energy_distance(tensor(&rows), shape))
            };
            (0..20).map(value).sum::<f32>() / 20.0
        };
        assert!(mean(0.0).abs() < 0.01);
        assert!(mean(0.5) > 0.02);
    }

    #[test]
    fn its_gradient_brings_the_groups_together() -> Result<(), tacit_nn::NnError> {
        let shape = Shape {
            classes: 1,
            groups: 2,
            per_cell: 50,
        };
        let rows = batch(shape, 2.0, 3);
        let data = TensorData::new(rows.concat(), [rows.len(), 2]);
        let outputs = Tensor::<2>::from_data(data, &training_device()).require_grad();
        let loss = energy_distance(outputs.clone(), shape);
        let mut gradients = loss.backward();
        let Some(gradient) = outputs.grad_remove(&mut gradients) else {
            return Err(tacit_nn::NnError::Empty {
                what: "the gradient",
            });
        };
        let pull: Vec<f32> = tacit_nn::matrix::floats(gradient);
        let toward = |g: usize| -> f32 {
            let rows = shape.private().enumerate().filter(|(_, of)| *of == g);
            rows.map(|(row, _)| pull[2 * row + 1]).sum()
        };
        // Descent moves group 0 up and group 1 down, towards each other.
        assert!(toward(0) < 0.0 && toward(1) > 0.0);
        Ok(())
    }
}
