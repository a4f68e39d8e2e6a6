//! The authority's keys and the keys it issues.

use std::fmt;

use tacit_ring::{Seed, Transcript, Xof};
use zeroize::{Zeroize, Zeroizing};

use super::encrypt::{Generators, Timing};
use crate::error::FeError;
use crate::group::{G1, G1Affine, G2, G2Affine, Scalar, SecretScalar};
use crate::model::{IntegerModel, MAX_INPUTS, ModelHash};

/// Names a master key: a digest of its public half. Ciphertexts and functional keys carry it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKeyHash(pub(super) [u8; 32]);

impl PublicKeyHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From stored bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The first eight hexadecimal digits, for messages.
    pub fn short(&self) -> String {
        self.to_string()[..8].into()
    }
}

impl fmt::Display for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKeyHash({})", self.short())
    }
}

/// (\[s\]_1, \[t\]_2): what one needs to encrypt.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) input_max: u16,
    pub(super) s: Vec<G1Affine>,
    pub(super) t: Vec<G2Affine>,
    pub(super) hash: PublicKeyHash,
}

impl PublicKey {
    pub(super) fn new(input_max: u16, s: Vec<G1Affine>, t: Vec<G2Affine>) -> Self {
        let mut transcript = Transcript::new("fe public key");
        transcript.append_u64(s.len() as u64);
        transcript.append_u64(input_max.into());
        for point in &s {
            transcript.append(&point.to_compressed());
        }
        for point in &t {
            transcript.append(&point.to_compressed());
        }
        let hash = PublicKeyHash(transcript.digest());
        Self {
            input_max,
            s,
            t,
            hash,
        }
    }

    /// n, the length of the vectors.
    pub fn inputs(&self) -> usize {
        self.s.len()
    }

    /// Inputs are 0 to this.
    pub fn input_max(&self) -> u16 {
        self.input_max
    }

    /// Names the master key.
    pub fn hash(&self) -> PublicKeyHash {
        self.hash
    }

    pub(super) fn check_input(&self, x: &[u16]) -> Result<(), FeError> {
        if x.len() != self.inputs() {
            return Err(FeError::InputShape {
                found: x.len(),
                expected: self.inputs(),
            });
        }
        match x.iter().position(|&value| value > self.input_max) {
            None => Ok(()),
            Some(index) => Err(FeError::InputRange {
                index,
                found: x[index],
                input_max: self.input_max,
            }),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("inputs", &self.inputs())
            .field("input_max", &self.input_max)
            .field("hash", &self.hash)
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
        write!(f, "MasterSecret({}, redacted)", self.public.hash.short())
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
        if inputs == 0 || inputs > MAX_INPUTS || input_max == 0 {
            return Err(FeError::KeyShape { inputs, input_max });
        }
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
        let timing = Timing::ConstantTime;
        let generators = Generators::new(timing);
        let exponents = (expose(&s), expose(&t));
        let scalars: (&[Scalar], &[Scalar]) = (&exponents.0, &exponents.1);
        let (s_in_g1, t_in_g2) = generators
            .multiples(scalars, timing, xof)
            .unwrap_or_else(|| one_by_one(scalars));
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
        let public = &self.public;
        if model.inputs() != public.inputs() || model.input_max() < public.input_max {
            return Err(FeError::ModelDoesNotFitKey {
                inputs: model.inputs(),
                input_max: model.input_max(),
                key_inputs: public.inputs(),
                key_input_max: public.input_max,
            });
        }
        let mut products = self.project(&self.s, model);
        let mut other = self.project(&self.t, model);
        for (product, other) in products.iter_mut().zip(&other) {
            *product = *product * *other;
        }
        other.zeroize();
        let mut elements = Vec::with_capacity(model.outputs());
        for output in 0..model.outputs() {
            let mut value = Scalar::ZERO;
            for (product, d) in products.iter().zip(model.combination_column(output)) {
                if d != 0 {
                    value += *product * Scalar::from(i64::from(d));
                }
            }
            let element = G2::generator().mul(&value);
            value.zeroize();
            // f(s,t) = 0 for uniform s, t only if f is the zero form.
            if element.is_identity() {
                products.zeroize();
                return Err(FeError::ZeroOutput { output });
            }
            elements.push(element);
        }
        products.zeroize();
        Ok(FunctionalKey {
            public_key: public.hash,
            model: model.hash(),
            elements: G2::batch_to_affine(&elements),
        })
    }

    /// Pᵀv.
    fn project(&self, v: &[SecretScalar], model: &IntegerModel) -> Vec<Scalar> {
        let coefficients = Coefficients::new(model.projection());
        let mut out = vec![Scalar::ZERO; model.hidden()];
        for (v, row) in v
            .iter()
            .zip(model.projection().chunks_exact(model.hidden()))
        {
            for (out, &p) in out.iter_mut().zip(row) {
                if p != 0 {
                    *out += *v.expose() * coefficients.get(p);
                }
            }
        }
        out
    }
}

/// The (public) coefficients of a model as scalars, each converted once.
struct Coefficients {
    smallest: i16,
    scalars: Vec<Scalar>,
}

impl Coefficients {
    fn new(values: &[i16]) -> Self {
        let smallest = values.iter().copied().min().unwrap_or(0);
        let largest = values.iter().copied().max().unwrap_or(0);
        let range = i64::from(smallest)..=i64::from(largest);
        Self {
            smallest,
            scalars: range.map(Scalar::from).collect(),
        }
    }

    fn get(&self, value: i16) -> Scalar {
        self.scalars[usize::from(value.abs_diff(self.smallest))]
    }
}

/// Multiples of the generators without the batch, should it meet its exception.
fn one_by_one((s, t): (&[Scalar], &[Scalar])) -> (Vec<G1Affine>, Vec<G2Affine>) {
    let (g1, g2) = (G1::generator(), G2::generator());
    let s: Vec<_> = s.iter().map(|s| g1.mul(s)).collect();
    let t: Vec<_> = t.iter().map(|t| g2.mul(t)).collect();
    (G1::batch_to_affine(&s), G2::batch_to_affine(&t))
}

/// A key for the K outputs of one model, under one master key.
#[derive(Clone, PartialEq, Eq)]
pub struct FunctionalKey {
    pub(super) public_key: PublicKeyHash,
    pub(super) model: ModelHash,
    pub(super) elements: Vec<G2Affine>,
}

impl FunctionalKey {
    /// The master key it was issued under.
    pub fn public_key(&self) -> PublicKeyHash {
        self.public_key
    }

    /// The model it evaluates.
    pub fn model(&self) -> ModelHash {
        self.model
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.elements.len()
    }

    /// Whether this is the key of `model`.
    pub fn check_model(&self, model: &IntegerModel) -> Result<(), FeError> {
        let hash = model.hash();
        if hash != self.model || model.outputs() != self.outputs() {
            return Err(FeError::KeyForOtherModel {
                key: self.model.short(),
                model: hash.short(),
            });
        }
        Ok(())
    }
}

impl fmt::Debug for FunctionalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionalKey")
            .field("public_key", &self.public_key)
            .field("model", &self.model)
            .field("outputs", &self.outputs())
            .finish()
    }
}
