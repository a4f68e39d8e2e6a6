//! Keys: (a, A1, A2, W), (\[a\]_1, \[A1\]_1, \[A0·W\]_1, \[A2\]_2) and (\[α_j\]_2, \[W·v_k\]_2).

use tacit_ring::Xof;
use zeroize::Zeroizing;

use super::{BLOCKS, ROWS, StandardModel};
use crate::error::FeError;
use crate::group::{G2, G2Affine, Generator, Scalar, SecretScalar};
use crate::model::IntegerModel;
use crate::scheme::construction::{Construction, Keys};
use crate::scheme::keys::{Secret, check_outputs};
use crate::scheme::network::{combine, live_columns, project};
use crate::scheme::timing::Timing;

/// What the scalars of a master secret are: after a come, in vectors of n entries, the rows of A1, A2 and the
/// blocks of W, row by row.
pub(super) struct Parts<'a> {
    pub(super) a: &'a SecretScalar,
    pub(super) a1: [&'a [SecretScalar]; ROWS],
    pub(super) a2: &'a [SecretScalar],
    /// W, in rows of blocks.
    w: [[&'a [SecretScalar]; BLOCKS]; 2],
    /// A0·W.
    pub(super) t: [&'a [SecretScalar]; BLOCKS],
}

impl<'a> Parts<'a> {
    pub(super) fn of(secret: &'a Secret) -> Self {
        let mut vectors = secret.drawn[1..].chunks_exact(secret.inputs);
        let mut vector = || vectors.next().unwrap_or_default();
        let block = |i| &secret.derived[i * secret.inputs..][..secret.inputs];
        Self {
            a: &secret.drawn[0],
            a1: std::array::from_fn(|_| vector()),
            a2: vector(),
            w: std::array::from_fn(|_| std::array::from_fn(|_| vector())),
            t: std::array::from_fn(block),
        }
    }
}

impl Keys for StandardModel {
    /// A0·W = (1, a)·W, which every encryption needs.
    fn derived(inputs: usize, drawn: &[SecretScalar]) -> Vec<SecretScalar> {
        let a = drawn[0].expose();
        let (w0, w1) = drawn[1 + (ROWS + 1) * inputs..].split_at(BLOCKS * inputs);
        let entries = w0.iter().zip(w1);
        entries
            .map(|(w0, w1)| SecretScalar::new(*w0.expose() + *a * *w1.expose()))
            .collect()
    }

    /// a, A1 and A0·W; A2.
    fn public_exponents(secret: &Secret) -> [Zeroizing<Vec<Scalar>>; 2] {
        let Parts { a, a1, a2, t, .. } = Parts::of(secret);
        let count = Self::LAYOUT.public_g1.of(secret.inputs);
        let mut in_g1 = Zeroizing::new(Vec::with_capacity(count));
        let vectors = a1.into_iter().chain(t).flatten();
        in_g1.extend(std::iter::once(a).chain(vectors).map(|v| *v.expose()));
        let in_g2 = Zeroizing::new(a2.iter().map(|v| *v.expose()).collect());
        [in_g1, in_g2]
    }

    /// \[α_j\]_2 for the hidden values of a model, and \[W·v_k\]_2 for every output k. Multiples of the
    /// generator from tables that are read in full.
    fn key_points(secret: &Secret, model: &IntegerModel) -> Result<[Vec<G2Affine>; 2], FeError> {
        let Parts { a1, a2, w, .. } = Parts::of(secret);
        let [row0, row1] = a1;
        let alpha = [row0, row1, a2].map(|v| project(v, model));
        // ⟨W's row, v_k⟩ = Σ_j D_jk Σ_b α_bj ⟨p_j, W's block b⟩.
        let [k0, k1] = w.map(|row| {
            let mut products = Zeroizing::new(vec![Scalar::ZERO; model.hidden()]);
            for (alpha, block) in alpha.iter().zip(row) {
                let block = project(block, model);
                for (product, (alpha, w)) in products.iter_mut().zip(alpha.iter().zip(&*block)) {
                    *product += *alpha * *w;
                }
            }
            combine(&products, model)
        });
        let live = live_columns(model);
        let hidden = BLOCKS * live.len();
        let mut exponents = Zeroizing::new(vec![]);
        exponents.reserve_exact(hidden + 2 * model.outputs());
        exponents.extend(live.iter().flat_map(|&j| alpha.iter().map(move |a| a[j])));
        exponents.extend(k0.iter().zip(&*k1).flat_map(|(k0, k1)| [*k0, *k1]));
        // W·v = 0 for uniform W and A only if v is zero for all A, which is if f is the zero form.
        check_outputs(&exponents[hidden..], 2)?;
        let g2 = Generator::<G2>::new(Timing::ConstantTime.lookup());
        let mut points = g2.multiples_of_any(&exponents, &mut Xof::from_os()?);
        let elements = points.split_off(hidden);
        Ok([points, elements])
    }
}
