//! Outputs as seen by someone who knows the class: centred and whitened class by class.
//!
//! The public label is no secret, and within a class the outputs vary much less than between
//! classes, in some directions much less than in others. Whatever compares private labels must look
//! at that scale, or it compares the classes:
//!
//! ```text
//!   z = L_c⁻¹ (y − μ_c),     Σ_c + ε·tr(Σ_c)/K·I = L_c L_cᵀ,     μ_c, Σ_c of the batch's rows of class c
//! ```
//!
//! The maps are constants of the batch: gradients pass through y only, so that nothing is gained by
//! shrinking a class.

use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::matrix;

use crate::cells::Shape;

/// ε: directions with less than this share of the mean variance are not stretched further.
const FLOOR: f64 = 1e-2;
/// Keeps a class that has collapsed to a point finite.
const LEAST: f64 = 1e-12;

/// z for a batch of outputs `[rows, K]` in the order of [`crate::cells`]. Every class has mean 0 and
/// about unit covariance, both private labels taken together.
pub fn within_class(outputs: Tensor<2>, shape: Shape) -> Tensor<2> {
    let [rows, width] = outputs.dims();
    let n = shape.groups * shape.per_cell;
    let by_class = outputs.reshape([shape.classes, n, width]);
    let known = by_class.clone().detach();
    let mean = known.clone().mean_dim(1);
    let centred = known - mean.clone();
    let covariance = centred.clone().swap_dims(1, 2).matmul(centred) / n as f32;
    let device = covariance.device();
    let mut maps = Vec::with_capacity(shape.classes * width * width);
    for class in matrix::floats(covariance).chunks_exact(width * width) {
        maps.extend(whitening(class, width));
    }
    let maps = TensorData::new(maps, [shape.classes, width, width]);
    let maps = Tensor::<3>::from_data(maps, &device);
    (by_class - mean).matmul(maps).reshape([rows, width])
}

/// L⁻ᵀ, row-major, so that a row y − μ times it is z.
fn whitening(covariance: &[f32], n: usize) -> Vec<f32> {
    let mut l: Vec<f64> = covariance.iter().map(|&v| v.into()).collect();
    let trace: f64 = (0..n).map(|i| l[i * n + i]).sum();
    let floor = (FLOOR * trace / n as f64).max(LEAST);
    (0..n).for_each(|i| l[i * n + i] += floor);
    for j in 0..n {
        for i in j..n {
            let dot: f64 = (0..j).map(|k| l[i * n + k] * l[j * n + k]).sum();
            let value = l[i * n + j] - dot;
            l[i * n + j] = match i == j {
                true => value.max(floor / 2.0).sqrt(),
                false => value / l[j * n + j],
            };
        }
    }
    // Column c of L⁻¹, by forward substitution, is row c of L⁻ᵀ.
    let mut inverse = vec![0.0f32; n * n];
    for c in 0..n {
        let mut column = vec![0.0f64; n];
        for i in c..n {
            let dot: f64 = (c..i).map(|k| l[i * n + k] * column[k]).sum();
            let one = if i == c { 1.0 } else { 0.0 };
            column[i] = (one - dot) / l[i * n + i];
        }
        for (to, from) in inverse[c * n..].iter_mut().zip(&column) {
            *to = *from as f32;
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_nn::{Draws, plain_device};

    const SHAPE: Shape = Shape {
        classes: 2,
        groups: 2,
        per_cell: 400,
    };

    /// Class 1 is far away, thin, and turned.
    fn batch() -> Tensor<2> {
        let mut draws = Draws::new(1, "outputs");
        let mut values = Vec::new();
        for class in SHAPE.public() {
            let (a, b) = (draws.normal(), draws.normal());
            values.extend(match class {
                0 => [a, 3.0 * b],
                _ => [50.0 + a + 0.3 * b, -7.0 + a - 0.3 * b],
            });
        }
        let data = TensorData::new(values, [SHAPE.rows(), 2]);
        Tensor::from_data(data, &plain_device())
    }

    #[test]
    fn every_class_has_mean_zero_and_unit_covariance() {
        let z = matrix::floats(within_class(batch(), SHAPE));
        for class in z.chunks_exact(2 * SHAPE.rows() / SHAPE.classes) {
            let n = class.len() as f32 / 2.0;
            let mean = |of: &dyn Fn(&[f32]) -> f32| class.chunks_exact(2).map(of).sum::<f32>() / n;
            assert!(mean(&|r| r[0]).abs() < 1e-3 && mean(&|r| r[1]).abs() < 1e-3);
            assert!((mean(&|r| r[0] * r[0]) - 1.0).abs() < 0.1);
            assert!((mean(&|r| r[1] * r[1]) - 1.0).abs() < 0.1);
            assert!(mean(&|r| r[0] * r[1]).abs() < 0.05);
        }
    }

    #[test]
    fn a_class_that_is_a_point_stays_finite() {
        let same = Tensor::ones([SHAPE.rows(), 3], &plain_device());
        let z = matrix::floats(within_class(same, SHAPE));
        assert!(z.iter().all(|v| v.is_finite()));
    }
}
