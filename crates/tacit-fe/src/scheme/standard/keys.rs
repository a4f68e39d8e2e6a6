//! The authority's keys and the keys it issues.

use std::fmt;

use tacit_ring::{Seed, Xof};
use zeroize::Zeroizing;

use super::{BLOCKS, ROWS};
use crate::error::FeError;
use crate::group::{G1Affine, G2, G2Affine, Generator, Scalar, SecretScalar};
use crate::model::{IntegerModel, ModelHash};
use crate::scheme::construction::Generators;
use crate::scheme::domain::{Domain, PublicKeyHash, Purpose, check_count};
use crate::scheme::network::{combine, live_columns, project};
use crate::scheme::timing::Timing;

/// (\[a\]_1, \[A1\]_1, \[A0·W\]_1, \[A2\]_2): what one needs to encrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) domain: Domain,
    /// \[a\]_1.
    pub(super) a: G1Affine,
    /// The rows of \[A1\]_1, one after the other.
    pub(super) a1: Vec<G1Affine>,
    /// The blocks of \[A0·W\]_1, one after the other.
    pub(super) t: Vec<G1Affine>,
    /// \[A2\]_2.
    pub(super) a2: Vec<G2Affine>,
}

impl PublicKey {
    pub(super) fn new(
        input_max: u16,
        a: G1Affine,
        (a1, t): (Vec<G1Affine>, Vec<G1Affine>),
        a2: Vec<G2Affine>,
    ) -> Self {
        let shape = (a2.len(), input_max);
        let domain = Domain::new("fe standard public key", shape, &[&[a], &a1, &t], &a2);
        Self {
            domain,
            a,
            a1,
            t,
            a2,
        }
    }

    /// n, the length of the vectors.
    pub fn inputs(&self) -> usize {
        self.domain.inputs
    }

    /// Inputs are 0 to this.
    pub fn input_max(&self) -> u16 {
        self.domain.input_max
    }

    /// Names the master key.
    pub fn hash(&self) -> PublicKeyHash {
        self.domain.hash
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("inputs", &self.inputs())
            .field("input_max", &self.input_max())
            .field("hash", &self.hash())
            .finish()
    }
}

/// (a, A1, A2, W). Never printed, not cloned, erased on drop.
pub struct MasterSecret {
    pub(super) a: SecretScalar,
    pub(super) a1: [Vec<SecretScalar>; ROWS],
    pub(super) a2: Vec<SecretScalar>,
    /// A0·W.
    pub(super) t: [Vec<SecretScalar>; BLOCKS],
    /// W, in rows of blocks.
    w: [[Vec<SecretScalar>; BLOCKS]; 2],
    public: PublicKey,
}

impl fmt::Debug for MasterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterSecret({}, redacted)", self.public.hash().short())
    }
}

impl MasterSecret {
    /// A fresh master key for vectors of `inputs` integers in 0 … `input_max`.
    pub fn generate(inputs: usize, input_max: u16) -> Result<Self, FeError> {
        Self::generate_with(inputs, input_max, &mut Xof::from_os()?)
    }

    /// The master key that a seed determines: for known-answer tests, and for an authority that
    /// keeps a seed instead of the key.
    pub fn from_seed(inputs: usize, input_max: u16, seed: &Seed) -> Result<Self, FeError> {
        let mut xof = seed.child("fe standard master secret", []).expand();
        Self::generate_with(inputs, input_max, &mut xof)
    }

    fn generate_with(inputs: usize, input_max: u16, xof: &mut Xof) -> Result<Self, FeError> {
        Domain::check_shape(inputs, input_max)?;
        let a = SecretScalar::random(xof);
        let vectors = (0..VECTORS).map(|_| {
            let entries = 0..inputs;
            entries.map(|_| SecretScalar::random(xof)).collect()
        });
        let vectors = vectors.collect::<Vec<_>>().into_iter();
        Ok(Self::assemble(input_max, a, vectors, xof))
    }

    /// Computes the public half. The vectors are the rows of A1, A2 and the blocks of W, row by row.
    pub(super) fn assemble(
        input_max: u16,
        a: SecretScalar,
        mut vectors: impl Iterator<Item = Vec<SecretScalar>>,
        xof: &mut Xof,
    ) -> Self {
        let mut vector = || vectors.next().unwrap_or_default();
        let a1 = std::array::from_fn(|_| vector());
        let a2 = vector();
        let w: [[Vec<SecretScalar>; BLOCKS]; 2] =
            std::array::from_fn(|_| std::array::from_fn(|_| vector()));
        let t = std::array::from_fn(|block| {
            let entries = w[0][block].iter().zip(&w[1][block]);
            let entry = |(w0, w1): (&SecretScalar, &SecretScalar)| {
                SecretScalar::new(*w0.expose() + *a.expose() * *w1.expose())
            };
            entries.map(entry).collect()
        });
        let public = publish(input_max, &a, &a1, &t, &a2, xof);
        Self {
            a,
            a1,
            a2,
            t,
            w,
            public,
        }
    }

    /// a, and what [`MasterSecret::assemble`] takes.
    pub(super) fn scalars(&self) -> impl Iterator<Item = &SecretScalar> {
        let vectors = self.a1.iter().chain([&self.a2]);
        let vectors = vectors.chain(self.w.iter().flatten());
        std::iter::once(&self.a).chain(vectors.flatten())
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// \[W·v_k\]_2 for every output k of a model, and \[α_j\]_2 for its hidden values.
    ///
    /// Constant-time in the secret: scalar arithmetic, and multiples of the generator from tables that
    /// are read in full. The model is public.
    pub fn keygen(&self, model: &IntegerModel) -> Result<FunctionalKey, FeError> {
        self.public.domain.check_model(model)?;
        let [row0, row1] = &self.a1;
        let alpha = [row0, row1, &self.a2].map(|v| project(v, model));
        // ⟨W's row, v_k⟩ = Σ_j D_jk Σ_b α_bj ⟨p_j, W's block b⟩.
        let [k0, k1] = [0, 1].map(|row| {
            let mut products = Zeroizing::new(vec![Scalar::ZERO; model.hidden()]);
            for (alpha, block) in alpha.iter().zip(&self.w[row]) {
                let block = project(block, model);
                for (product, (alpha, w)) in products.iter_mut().zip(alpha.iter().zip(&*block)) {
                    *product += *alpha * *w;
                }
            }
            combine(&products, model)
        });
        // W·v = 0 for uniform W and A only if v is zero for all A, which is if f is the zero form.
        let zero = |(k0, k1): (&Scalar, &Scalar)| k0.is_zero() && k1.is_zero();
        if let Some(output) = k0.iter().zip(&*k1).position(zero) {
            return Err(FeError::ZeroOutput { output });
        }
        let live = live_columns(model);
        let mut exponents = Zeroizing::new(vec![]);
        exponents.reserve_exact(BLOCKS * live.len() + 2 * model.outputs());
        exponents.extend(live.iter().flat_map(|&j| alpha.iter().map(move |a| a[j])));
        exponents.extend(k0.iter().zip(&*k1).flat_map(|(k0, k1)| [*k0, *k1]));
        let g2 = Generator::<G2>::new(Timing::ConstantTime.lookup());
        let mut hidden = g2.multiples_of_any(&exponents, &mut Xof::from_os()?);
        let elements = hidden.split_off(BLOCKS * live.len());
        Ok(FunctionalKey {
            purpose: Purpose {
                public_key: self.public.hash(),
                model: model.hash(),
            },
            hidden,
            elements,
        })
    }
}

/// The public half of a secret.
fn publish(
    input_max: u16,
    a: &SecretScalar,
    a1: &[Vec<SecretScalar>; ROWS],
    t: &[Vec<SecretScalar>; BLOCKS],
    a2: &[SecretScalar],
    xof: &mut Xof,
) -> PublicKey {
    let inputs = a2.len();
    let generators = Generators::new(Timing::ConstantTime.lookup());
    let mut exponents = Zeroizing::new(Vec::with_capacity(1 + (ROWS + BLOCKS) * inputs));
    let in_g1 = a1.iter().chain(t).flatten();
    exponents.extend(std::iter::once(a).chain(in_g1).map(|v| *v.expose()));
    let mut in_g1 = generators.g1.multiples_of_any(&exponents, xof);
    let t = in_g1.split_off(1 + ROWS * inputs);
    let a1 = in_g1.split_off(1);
    let exponents: Zeroizing<Vec<Scalar>> =
        Zeroizing::new(a2.iter().map(|v| *v.expose()).collect());
    let a2 = generators.g2.multiples_of_any(&exponents, xof);
    PublicKey::new(input_max, in_g1[0], (a1, t), a2)
}

/// Vectors of n scalars in a master secret: A1, A2 and W.
pub(super) const VECTORS: usize = ROWS + 1 + 2 * BLOCKS;

/// A key for the K outputs of one model, under one master key.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionalKey {
    pub(super) purpose: Purpose,
    /// \[α_j\]_2 of every column of P that is not zero, three points each.
    pub(super) hidden: Vec<G2Affine>,
    /// \[W·v_k\]_2 of every output, two points each.
    pub(super) elements: Vec<G2Affine>,
}

impl FunctionalKey {
    /// The master key it was issued under.
    pub fn public_key(&self) -> PublicKeyHash {
        self.purpose.public_key
    }

    /// The model it evaluates.
    pub fn model(&self) -> ModelHash {
        self.purpose.model
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.elements.len() / 2
    }

    /// Whether this is the key of `model`.
    pub fn check_model(&self, model: &IntegerModel) -> Result<(), FeError> {
        self.purpose.check_model(model, self.outputs())?;
        let what = "hidden values of the functional key";
        check_count(what, self.hidden.len() / BLOCKS, live_columns(model).len())
    }
}

impl fmt::Debug for FunctionalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionalKey")
            .field("public_key", &self.public_key())
            .field("model", &self.model())
            .field("outputs", &self.outputs())
            .finish()
    }
}
