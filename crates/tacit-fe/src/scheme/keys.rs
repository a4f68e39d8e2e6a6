//! The authority's keys and the keys it issues.

use std::fmt;
use std::marker::PhantomData;

use tacit_ring::{Seed, Xof};

use super::construction::{Construction, Generators};
use super::domain::{Domain, PublicKeyHash, Purpose, check_count};
use super::network::live_columns;
use super::timing::Timing;
use crate::error::FeError;
use crate::group::{G1Affine, G2Affine, Scalar, SecretScalar};
use crate::model::{IntegerModel, ModelHash};

/// What one needs to encrypt by the scheme `S`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKeyOf<S> {
    pub(super) domain: Domain,
    pub(super) g1: Vec<G1Affine>,
    /// One point for each input.
    pub(super) g2: Vec<G2Affine>,
    scheme: PhantomData<S>,
}

#[allow(private_bounds)]
impl<S: Construction> PublicKeyOf<S> {
    pub(super) fn new(input_max: u16, g1: Vec<G1Affine>, g2: Vec<G2Affine>) -> Self {
        let shape = (g2.len(), input_max);
        Self {
            domain: Domain::new(S::LAYOUT.public_key, shape, &g1, &g2),
            g1,
            g2,
            scheme: PhantomData,
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

impl<S: Construction> fmt::Debug for PublicKeyOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("inputs", &self.inputs())
            .field("input_max", &self.input_max())
            .field("hash", &self.hash())
            .finish()
    }
}

/// The scalars of a master secret. They stay in the vectors they were drawn into: moving one elsewhere would
/// leave a copy behind.
pub(crate) struct Secret {
    pub(super) inputs: usize,
    pub(super) drawn: Vec<SecretScalar>,
    /// These follow from the drawn ones.
    pub(super) derived: Vec<SecretScalar>,
}

/// What an authority of the scheme `S` keeps. Never printed, not cloned, erased on drop.
pub struct MasterSecretOf<S> {
    pub(super) secret: Secret,
    public: PublicKeyOf<S>,
}

impl<S: Construction> fmt::Debug for MasterSecretOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterSecret({}, redacted)", self.public.hash().short())
    }
}

#[allow(private_bounds)]
impl<S: Construction> MasterSecretOf<S> {
    /// A fresh master key for vectors of `inputs` integers in 0 … `input_max`.
    pub fn generate(inputs: usize, input_max: u16) -> Result<Self, FeError> {
        Self::generate_with(inputs, input_max, &mut Xof::from_os()?)
    }

    /// The master key that a seed determines: for known-answer tests, and for an authority that
    /// keeps a seed instead of the key.
    pub fn from_seed(inputs: usize, input_max: u16, seed: &Seed) -> Result<Self, FeError> {
        let mut xof = seed.child(S::LAYOUT.master_secret, []).expand();
        Self::generate_with(inputs, input_max, &mut xof)
    }

    fn generate_with(inputs: usize, input_max: u16, xof: &mut Xof) -> Result<Self, FeError> {
        Domain::check_shape(inputs, input_max)?;
        let scalars = 0..S::LAYOUT.scalars.of(inputs);
        let drawn = scalars.map(|_| SecretScalar::random(xof)).collect();
        Ok(Self::assemble(inputs, input_max, drawn, xof))
    }

    /// Computes what follows from the scalars, the public half too.
    pub(super) fn assemble(
        inputs: usize,
        input_max: u16,
        drawn: Vec<SecretScalar>,
        xof: &mut Xof,
    ) -> Self {
        let derived = S::derived(inputs, &drawn);
        let secret = Secret {
            inputs,
            drawn,
            derived,
        };
        let [in_g1, in_g2] = S::public_exponents(&secret);
        let generators = Generators::new(Timing::ConstantTime.lookup());
        let g1 = generators.g1.multiples_of_any(&in_g1, xof);
        let g2 = generators.g2.multiples_of_any(&in_g2, xof);
        let public = PublicKeyOf::new(input_max, g1, g2);
        Self { secret, public }
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKeyOf<S> {
        &self.public
    }

    /// The key for the outputs of a model.
    ///
    /// Constant-time in the secret: scalar arithmetic, and constant-time multiplications of the generator.
    /// The model is public.
    pub fn keygen(&self, model: &IntegerModel) -> Result<FunctionalKeyOf<S>, FeError> {
        self.public.domain.check_model(model)?;
        let [hidden, elements] = S::key_points(&self.secret, model)?;
        let purpose = Purpose {
            public_key: self.public.hash(),
            model: model.hash(),
        };
        Ok(FunctionalKeyOf::new(purpose, hidden, elements))
    }
}

/// Refuses a model with an output whose exponents, so many `each`, are all zero.
pub(super) fn check_outputs(exponents: &[Scalar], each: usize) -> Result<(), FeError> {
    let zero = |exponents: &[Scalar]| exponents.iter().all(Scalar::is_zero);
    match exponents.chunks_exact(each).position(zero) {
        Some(output) => Err(FeError::ZeroOutput { output }),
        None => Ok(()),
    }
}

/// A key for the K outputs of one model, under one master key of the scheme `S`.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionalKeyOf<S> {
    pub(super) purpose: Purpose,
    /// Of every column of P that is not zero.
    pub(super) hidden: Vec<G2Affine>,
    /// Of every output.
    pub(super) elements: Vec<G2Affine>,
    scheme: PhantomData<S>,
}

#[allow(private_bounds)]
impl<S: Construction> FunctionalKeyOf<S> {
    pub(super) fn new(purpose: Purpose, hidden: Vec<G2Affine>, elements: Vec<G2Affine>) -> Self {
        Self {
            purpose,
            hidden,
            elements,
            scheme: PhantomData,
        }
    }

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
        self.elements.len() / S::LAYOUT.mask
    }

    /// Whether this is the key of `model`.
    pub fn check_model(&self, model: &IntegerModel) -> Result<(), FeError> {
        self.purpose.check_model(model, self.outputs())?;
        let what = "hidden values of the functional key";
        match self.hidden.len().checked_div(S::LAYOUT.hidden) {
            Some(found) => check_count(what, found, live_columns(model).len()),
            None => Ok(()),
        }
    }

    /// Whether this key opens ciphertexts under the master key of a name.
    pub fn check_public_key(&self, ciphertext: PublicKeyHash) -> Result<(), FeError> {
        self.purpose.check_public_key(ciphertext)
    }
}

impl<S: Construction> fmt::Debug for FunctionalKeyOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionalKey")
            .field("public_key", &self.public_key())
            .field("model", &self.model())
            .field("outputs", &self.outputs())
            .finish()
    }
}
