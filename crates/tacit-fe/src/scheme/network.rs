//! A quadratic network f_k(x) = Σ_j D_jk (Pᵀx)_j² as schemes see it.

use zeroize::Zeroizing;

use crate::group::{Scalar, SecretScalar, SmallSum};
use crate::model::IntegerModel;

/// Columns of P that are not zero. The others add nothing to any output.
pub(super) fn live_columns(model: &IntegerModel) -> Vec<usize> {
    let live = |j: &usize| model.projection_column(*j).any(|p| p != 0);
    (0..model.hidden()).filter(live).collect()
}

/// Pᵀv, in time that depends on P only.
pub(super) fn project(v: &[SecretScalar], model: &IntegerModel) -> Zeroizing<Vec<Scalar>> {
    let mut sums = Zeroizing::new(vec![SmallSum::default(); model.hidden()]);
    let rows = model.projection().chunks_exact(model.hidden());
    for (v, row) in v.iter().zip(rows) {
        for (sum, &p) in sums.iter_mut().zip(row) {
            if p != 0 {
                sum.add(v.expose(), p);
            }
        }
    }
    Zeroizing::new(sums.iter().map(SmallSum::total).collect())
}

/// Σ_j D_jk v_j for every output k, in time that depends on D only.
pub(super) fn combine(v: &[Scalar], model: &IntegerModel) -> Zeroizing<Vec<Scalar>> {
    let output = |k| {
        let mut sum = Zeroizing::new(SmallSum::default());
        let terms = v.iter().zip(model.combination_column(k));
        terms.for_each(|(v, d)| sum.add(v, d));
        sum.total()
    };
    Zeroizing::new((0..model.outputs()).map(output).collect())
}
