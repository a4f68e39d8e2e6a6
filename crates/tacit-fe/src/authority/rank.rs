//! How many independent outputs a set of models has.
//!
//! Output k of a model is the quadratic form with matrix M_k = Σ_j D_jk p_j p_jᵀ. Keys are linear in
//! the form: from keys for f and g anyone makes the key for αf + βg, α, β modulo the group order r. So
//! what was given away is the span of the forms over Z_r, and its dimension is what the budget limits.
//!
//! It is found by evaluation. At N points z_1 … z_N the forms f_1 … f_m give the m × N matrix
//! f_i(z_l) over Z_r, whose rank is at most that of the forms, and N if that is less. It falls short
//! only if all minors of the right size vanish: choose ρ independent forms, ρ ≤ N; the determinant
//! of their values at ρ points is a non-zero polynomial of degree 2ρ in the coordinates, which for
//! coordinates uniform in a set of 2^90 is zero with probability at most 2ρ/2^90 (Schwartz, Zippel):
//! below 2^−80 for any ρ ≤ 512.
//!
//! The points are drawn afresh each time from the operating system and *all* models in question, so
//! no model can be chosen to vanish on them. Arithmetic is modulo r itself, not a smaller prime for
//! which somebody could choose forms that are independent but look dependent.

use tacit_ring::{RingError, Seed, Xof};

use crate::group::Scalar;
use crate::model::IntegerModel;

/// Bits of a coordinate: Σ_i p_i z_i < 2^16 · 2^15 · 2^90 stays within 127 bits.
const COORDINATE_BITS: u32 = 90;

/// min(rank of all outputs of all models, `most`). All models have the same number of inputs.
pub(super) fn rank(models: &[&IntegerModel], most: usize) -> Result<usize, RingError> {
    let forms: usize = models.iter().map(|model| model.outputs()).sum();
    let points = forms.min(most);
    let hashes: Vec<_> = models.iter().map(|model| model.hash()).collect();
    let parts = hashes.iter().map(|hash| hash.as_bytes().as_slice());
    let mut xof = Seed::from_os()?.child("fe rank points", parts).expand();

    let inputs = models.first().map_or(0, |model| model.inputs());
    let mut columns = Vec::with_capacity(points);
    for _ in 0..points {
        let z: Vec<i128> = (0..inputs).map(|_| coordinate(&mut xof)).collect();
        let values = models.iter().flat_map(|model| evaluate(model, &z));
        columns.push(values.collect());
    }
    Ok(rank_of(columns))
}

fn coordinate(xof: &mut Xof) -> i128 {
    let mut bytes = [0; 16];
    xof.fill(&mut bytes);
    i128::from_le_bytes(bytes) & ((1 << COORDINATE_BITS) - 1)
}

/// f_1(z) … f_K(z) modulo r.
fn evaluate(model: &IntegerModel, z: &[i128]) -> Vec<Scalar> {
    let mut hidden = vec![0i128; model.hidden()];
    for (&z, row) in z
        .iter()
        .zip(model.projection().chunks_exact(model.hidden()))
    {
        for (h, &p) in hidden.iter_mut().zip(row) {
            *h += i128::from(p) * z;
        }
    }
    let squares: Vec<Scalar> = hidden
        .into_iter()
        .map(|h| {
            let h = scalar(h.unsigned_abs());
            h * h
        })
        .collect();
    let output = |k| {
        let terms = squares.iter().zip(model.combination_column(k));
        terms.fold(Scalar::ZERO, |sum, (&square, d)| {
            sum + square * Scalar::from(i64::from(d))
        })
    };
    (0..model.outputs()).map(output).collect()
}

fn scalar(value: u128) -> Scalar {
    let shift = Scalar::from(1u64 << 32);
    Scalar::from((value >> 64) as u64) * shift * shift + Scalar::from(value as u64)
}

/// Gaussian elimination over Z_r.
fn rank_of(mut rows: Vec<Vec<Scalar>>) -> usize {
    let mut rank = 0;
    let columns = rows.first().map_or(0, Vec::len);
    for column in 0..columns {
        let Some(pivot) = (rank..rows.len()).find(|&row| !rows[row][column].is_zero()) else {
            continue;
        };
        rows.swap(rank, pivot);
        let (done, rest) = rows.split_at_mut(rank + 1);
        let pivot = &done[rank];
        let inverse = pivot[column].inverse();
        for row in rest {
            let factor = row[column] * inverse;
            if !factor.is_zero() {
                for (entry, &p) in row[column..].iter_mut().zip(&pivot[column..]) {
                    *entry = *entry - factor * p;
                }
            }
        }
        rank += 1;
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn model(n: usize, d: usize, k: usize, p: Vec<i16>, c: Vec<i16>) -> IntegerModel {
        IntegerModel::new((n, d, k), p, c, 255).unwrap()
    }

    /// The rank of the matrices M_k themselves, by exact fractions-free elimination.
    fn oracle(models: &[&IntegerModel]) -> usize {
        let mut rows: Vec<Vec<i128>> = vec![];
        for model in models {
            let (n, d) = (model.inputs(), model.hidden());
            for k in 0..model.outputs() {
                let mut row = vec![];
                for a in 0..n {
                    for b in 0..=a {
                        row.push(
                            (0..d)
                                .map(|j| {
                                    let p = |i: usize| i128::from(model.projection()[i * d + j]);
                                    let c = model.combination()[j * model.outputs() + k];
                                    i128::from(c) * p(a) * p(b)
                                })
                                .sum(),
                        );
                    }
                }
                rows.push(row);
            }
        }
        let mut rank = 0;
        for column in 0..rows[0].len() {
            let Some(pivot) = (rank..rows.len()).find(|&r| rows[r][column] != 0) else {
                continue;
            };
            rows.swap(rank, pivot);
            let top = rows[rank].clone();
            for row in &mut rows[rank + 1..] {
                let factor = row[column];
                for (entry, &p) in row.iter_mut().zip(&top) {
                    *entry = *entry * top[column] - factor * p;
                }
                // Keep the numbers small: divide by their greatest common divisor.
                let gcd = row.iter().fold(0i128, |mut a, &b| {
                    let mut b = b;
                    while b != 0 {
                        (a, b) = (b, a % b);
                    }
                    a.abs()
                });
                if gcd > 1 {
                    row.iter_mut().for_each(|entry| *entry /= gcd);
                }
            }
            rank += 1;
        }
        rank
    }

    proptest! {
        #[test]
        fn rank_is_that_of_the_matrices(
            p in prop::collection::vec(-2i16..=2, 6),
            q in prop::collection::vec(-1i16..=1, 6),
            c in prop::collection::vec(-2i16..=2, 8),
            e in prop::collection::vec(-1i16..=1, 4),
        ) {
            let one = model(3, 2, 4, p, c);
            let two = model(3, 2, 2, q, e);
            for models in [vec![&one], vec![&two], vec![&one, &two], vec![&one, &two, &one]] {
                let expected = oracle(&models);
                prop_assert_eq!(rank(&models, 100).unwrap(), expected);
                prop_assert_eq!(rank(&models, 2).unwrap(), expected.min(2));
            }
        }
    }

    #[test]
    fn outputs_of_one_hidden_layer_have_at_most_its_rank() {
        // Five outputs of two squares: rank two.
        let m = model(
            2,
            2,
            5,
            vec![1, 2, 3, 4],
            vec![1, 2, 3, 4, 5, 5, 4, 3, 2, 1],
        );
        assert_eq!(rank(&[&m], 100).unwrap(), 2);
    }

    #[test]
    fn the_largest_coefficients_do_not_overflow() {
        let n = 1 << 16;
        let m = model(n, 1, 1, vec![i16::MIN; n], vec![i16::MIN]);
        assert_eq!(rank(&[&m], 4).unwrap(), 1);
    }
}
