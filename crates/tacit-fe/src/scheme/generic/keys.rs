//! Keys: (s, t), (\[s\]_1, \[t\]_2) and \[f_k(s, t)\]_2.

use zeroize::Zeroizing;

use super::GenericGroup;
use crate::error::FeError;
use crate::group::{G2, G2Affine, Scalar, SecretScalar};
use crate::model::IntegerModel;
use crate::scheme::construction::Keys;
use crate::scheme::keys::{Secret, check_outputs};
use crate::scheme::network::{combine, project};

/// s and t.
pub(super) fn parts(secret: &Secret) -> (&[SecretScalar], &[SecretScalar]) {
    secret.drawn.split_at(secret.inputs)
}

impl Keys for GenericGroup {
    fn derived(_: usize, _: &[SecretScalar]) -> Vec<SecretScalar> {
        vec![]
    }

    /// s and t.
    fn public_exponents(secret: &Secret) -> [Zeroizing<Vec<Scalar>>; 2] {
        let (s, t) = parts(secret);
        [s, t].map(|v| Zeroizing::new(v.iter().map(|v| *v.expose()).collect()))
    }

    /// \[f_k(s, t)\]_2 for every output of a model: f_k(s,t) = Σ_j D_jk (Pᵀs)_j (Pᵀt)_j. One
    /// constant-time multiplication of the generator for each.
    fn key_points(secret: &Secret, model: &IntegerModel) -> Result<[Vec<G2Affine>; 2], FeError> {
        let (s, t) = parts(secret);
        let mut products = project(s, model);
        for (product, other) in products.iter_mut().zip(&*project(t, model)) {
            *product = *product * *other;
        }
        let values = combine(&products, model);
        // f(s,t) = 0 for uniform s, t only if f is the zero form.
        check_outputs(&values, 1)?;
        let g = G2::generator();
        let elements: Vec<G2> = values.iter().map(|value| g.mul(value)).collect();
        Ok([vec![], G2::batch_to_affine(&elements)])
    }
}
