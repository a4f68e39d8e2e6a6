//! The authority's keys and the keys it issues.

use std::fmt;

use tacit_ring::{Seed, Xof};
use zeroize::Zeroizing;

use crate::error::FeError;
use crate::group::{G1Affine, G2, G2Affine, Scalar, SecretScalar};
use crate::model::{IntegerModel, ModelHash};
use crate::scheme::construction::Generators;
use crate::scheme::domain::{Domain, PublicKeyHash, Purpose};
use crate::scheme::network::{combine, project};
use crate::scheme::timing::Timing;

/// (\[s\]_1, \[t\]_2): what one needs to encrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) domain: Domain,
    pub(super) s: Vec<G1Affine>,
    pub(super) t: Vec<G2Affine>,
}

impl PublicKey {
    pub(super) fn new(input_max: u16, s: Vec<G1Affine>, t: Vec<G2Affine>) -> Self {
        let domain = Domain::new("fe public key", (s.len(), input_max), &[&s], &t);
        Self { domain, s, t }
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

/// (s, t). Never printed, not cloned, erased on drop.
pub struct MasterSecret {
    pub(super) s: Vec<SecretScalar>,
    pub(super) t: Vec<SecretScalar>,
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
        let mut xof = seed.child("fe master secret", []).expand();
        Self::generate_with(inputs, input_max, &mut xof)
    }

    fn generate_with(inputs: usize, input_max: u16, xof: &mut Xof) -> Result<Self, FeError> {
        Domain::check_shape(inputs, input_max)?;
        let s = (0..inputs).map(|_| SecretScalar::random(xof)).collect();
        let t = (0..inputs).map(|_| SecretScalar::random(xof)).collect();
        Ok(Self::assemble(input_max, s, t, xof))
    }

    /// Computes the public half.
    pub(super) fn assemble(
        input_max: u16,
        s: Vec<SecretScalar>,
        t: Vec<SecretScalar>,
        xof: &mut Xof,
    ) -> Self {
        let expose = |v: &[SecretScalar]| -> Zeroizing<Vec<Scalar>> {
            Zeroizing::new(v.iter().map(|v| *v.expose()).collect())
        };
        let generators = Generators::new(Timing::ConstantTime.lookup());
        let s_in_g1 = generators.g1.multiples_of_any(&expose(&s), xof);
        let t_in_g2 = generators.g2.multiples_of_any(&expose(&t), xof);
        let public = PublicKey::new(input_max, s_in_g1, t_in_g2);
        Self { s, t, public }
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// \[f_k(s, t)\]_2 for every output of a model: f_k(s,t) = Σ_j D_jk (Pᵀs)_j (Pᵀt)_j.
    ///
    /// Constant-time in the secret: scalar arithmetic, and one constant-time multiplication of the
    /// generator for each output. The model is public.
    pub fn keygen(&self, model: &IntegerModel) -> Result<FunctionalKey, FeError> {
        self.public.domain.check_model(model)?;
        let mut products = project(&self.s, model);
        for (product, other) in products.iter_mut().zip(&*project(&self.t, model)) {
            *product = *product * *other;
        }
        let values = combine(&products, model);
        // f(s,t) = 0 for uniform s, t only if f is the zero form.
        if let Some(output) = values.iter().position(Scalar::is_zero) {
            return Err(FeError::ZeroOutput { output });
        }
        let g = G2::generator();
        let elements: Vec<G2> = values.iter().map(|value| g.mul(value)).collect();
        Ok(FunctionalKey {
            purpose: Purpose {
                public_key: self.public.hash(),
                model: model.hash(),
            },
            elements: G2::batch_to_affine(&elements),
        })
    }
}

/// A key for the K outputs of one model, under one master key.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionalKey {
    pub(super) purpose: Purpose,
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
        self.elements.len()
    }

    /// Whether this is the key of `model`.
    pub fn check_model(&self, model: &IntegerModel) -> Result<(), FeError> {
        self.purpose.check_model(model, self.outputs())
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
