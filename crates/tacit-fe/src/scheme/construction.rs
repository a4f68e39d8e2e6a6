//! What schemes have in common: their keys and ciphertexts are lists of scalars and of points, so many for
//! the whole vector and so many for each input, hidden value or output. Keys, encryptors, plans and all bytes
//! are written once; a scheme says how many there are ([`Layout`]) and which ([`Keys`], [`Encryption`],
//! [`Evaluation`]).

use tacit_ring::Xof;
use zeroize::Zeroizing;

use super::ciphertext::Points;
use super::keys::{PublicKeyOf, Secret};
use super::plan::Sums;
use super::timing::Timing;
use crate::error::FeError;
use crate::group::{
    G1, G1Affine, G2, G2Affine, Generator, Lookup, MillerValue, PreparedG2, Scalar, SecretScalar,
    SmallInputs,
};
use crate::model::IntegerModel;

/// A scheme, for the code that is written once for all.
pub(crate) trait Construction: Keys + Encryption + Evaluation + Clone + Send + Sync {
    /// What its keys and ciphertexts consist of.
    const LAYOUT: Layout;

    /// How secrets are treated where no encryptor says.
    fn timing(&self) -> Timing;
}

/// Which scalars and points keys consist of.
pub(crate) trait Keys: Sized {
    /// Scalars that follow from those of a master secret, kept with it.
    fn derived(inputs: usize, drawn: &[SecretScalar]) -> Vec<SecretScalar>;

    /// The exponents of a public key's points, in G1 and in G2.
    fn public_exponents(secret: &Secret) -> [Zeroizing<Vec<Scalar>>; 2];

    /// The points of a functional key, of hidden values and of outputs. Constant-time in the secret.
    fn key_points(secret: &Secret, model: &IntegerModel) -> Result<[Vec<G2Affine>; 2], FeError>;
}

/// Which points ciphertexts consist of.
pub(crate) trait Encryption: Sized {
    /// Tables of the points of a public key.
    type Tables;

    /// A number of tables for each point of the key: more memory, faster encryption.
    fn tables(public: &PublicKeyOf<Self>, number: usize) -> Self::Tables;
    fn table_bytes(tables: &Self::Tables) -> usize;

    /// Encrypts with fresh randomness and the points of the key; none about once in 2^240 tries.
    fn with_points(
        public: &PublicKeyOf<Self>,
        tables: &Self::Tables,
        x: &SmallInputs,
        lookup: Lookup,
        xof: &mut Xof,
    ) -> Option<Points>;

    /// The same with the secret: multiples of the generators.
    fn with_secret(
        secret: &Secret,
        generators: &Generators,
        x: &SmallInputs,
        xof: &mut Xof,
    ) -> Option<Points>;
}

/// Which pairings an evaluation takes.
pub(crate) trait Evaluation {
    /// The square of hidden value j and its mask, in the exponent. `lines` are those of the opposites of the
    /// key's points of hidden values.
    fn hidden_value(lines: &[PreparedG2], sums: &Sums, j: usize) -> MillerValue;

    /// What takes the masks off an output: the ciphertext's mask paired with the output's elements.
    fn unmask(mask: &[G1Affine], elements: &[PreparedG2]) -> MillerValue;
}

/// Tables of both generators.
pub(crate) struct Generators {
    pub(super) g1: Generator<G1>,
    pub(super) g2: Generator<G2>,
}

impl Generators {
    pub(super) fn new(lookup: Lookup) -> Self {
        Self {
            g1: Generator::new(lookup),
            g2: Generator::new(lookup),
        }
    }
}

/// Scalars and points in keys and ciphertexts, and what they are called.
pub(crate) struct Layout {
    /// First bytes of encodings.
    pub(super) kinds: Kinds,
    /// Label of the transcript that names a public key.
    pub(super) public_key: &'static str,
    /// Label of the seed of a master secret.
    pub(super) master_secret: &'static str,
    /// Scalars of a master secret.
    pub(super) scalars: Count,
    /// Points of G1 in a public key; of G2 there is one for each input.
    pub(super) public_g1: Count,
    /// Points of a functional key for each hidden value.
    pub(super) hidden: usize,
    /// Points of a ciphertext's mask, and of a functional key for each output: they are paired.
    pub(super) mask: usize,
    /// Points of G1 in a ciphertext for each input.
    pub(super) g1: usize,
    /// The same in G2.
    pub(super) g2: usize,
}

/// First bytes of encodings.
pub(crate) struct Kinds {
    pub(super) public_key: u8,
    pub(super) master_secret: u8,
    pub(super) functional_key: u8,
    pub(super) ciphertext: u8,
    pub(super) raw_ciphertext: u8,
}

/// So many for the whole vector, and so many for each input.
pub(crate) struct Count {
    pub(super) whole: usize,
    pub(super) each: usize,
}

impl Count {
    pub(super) fn of(&self, inputs: usize) -> usize {
        self.whole + self.each * inputs
    }
}
