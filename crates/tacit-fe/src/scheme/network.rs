//! A quadratic network f_k(x) = Σ_j D_jk (Pᵀx)_j² as schemes see it.

use std::ops::Deref;

use zeroize::Zeroizing;

use crate::group::{Scalar, SecretScalar};
use crate::model::IntegerModel;

/// Columns of P that are not zero. The others add nothing to any output.
pub(super) fn live_columns(model: &IntegerModel) -> Vec<usize> {
    let live = |j: &usize| model.projection_column(*j).any(|p| p != 0);
    (0..model.hidden()).filter(live).collect()
}

/// The (public) coefficients of a network as scalars, each value converted once.
pub(super) struct Coefficients<'a> {
    model: &'a IntegerModel,
    smallest: i16,
    scalars: Vec<Scalar>,
}

impl<'a> Coefficients<'a> {
    pub(super) fn new(model: &'a IntegerModel) -> Self {
        let values = model.projection().iter().chain(model.combination());
        let smallest = values.clone().copied().min().unwrap_or(0);
        let largest = values.copied().max().unwrap_or(0);
        let range = i64::from(smallest)..=i64::from(largest);
        Self {
            model,
            smallest,
            scalars: range.map(Scalar::from).collect(),
        }
    }

    fn get(&self, value: i16) -> Scalar {
        self.scalars[usize::from(value.abs_diff(self.smallest))]
    }

    /// Pᵀv, in time that depends on P only.
    pub(super) fn project(&self, v: &[SecretScalar]) -> Zeroizing<Vec<Scalar>> {
        let hidden = self.model.hidden();
        let mut out = Zeroizing::new(vec![Scalar::ZERO; hidden]);
        for (v, row) in v.iter().zip(self.model.projection().chunks_exact(hidden)) {
            for (out, &p) in out.iter_mut().zip(row) {
                if p != 0 {
                    *out += *v.expose() * self.get(p);
                }
            }
        }
        out
    }

    /// Σ_j D_jk v_j for every output k, in time that depends on D only.
    pub(super) fn combine(&self, v: &impl Deref<Target = Vec<Scalar>>) -> Zeroizing<Vec<Scalar>> {
        let output = |k| {
            let terms = v.iter().zip(self.model.combination_column(k));
            let terms = terms.filter(|(_, d)| *d != 0);
            terms.map(|(v, d)| *v * self.get(d)).sum()
        };
        Zeroizing::new((0..self.model.outputs()).map(output).collect())
    }
}
