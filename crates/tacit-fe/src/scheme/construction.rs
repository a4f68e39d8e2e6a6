//! What schemes have in common: their ciphertexts are sums of multiples of generators and of points of
//! the public key, and differ in which.

use tacit_ring::Xof;

use super::QuadraticFe;
use super::ciphertext::Points;
use super::domain::Domain;
use crate::group::{G1, G2, Generator, Lookup, SmallInputs};

/// A scheme, for the code that is written once for all: encryptors, ciphertexts and their bytes.
pub(crate) trait Construction: QuadraticFe + Sized {
    /// How its ciphertexts are written.
    const LAYOUT: Layout;
    /// Tables of the points of a public key.
    type Tables;

    fn domain(public: &Self::PublicKey) -> &Domain;
    fn public_key(secret: &Self::MasterSecret) -> &Self::PublicKey;

    /// A number of tables for each point of the key: more memory, faster encryption.
    fn tables(public: &Self::PublicKey, number: usize) -> Self::Tables;
    fn table_bytes(tables: &Self::Tables) -> usize;

    /// Encrypts with fresh randomness and the points of the key; none about once in 2^240 tries.
    fn with_points(
        public: &Self::PublicKey,
        tables: &Self::Tables,
        x: &SmallInputs,
        lookup: Lookup,
        xof: &mut Xof,
    ) -> Option<Points>;

    /// The same with the secret: multiples of the generators.
    fn with_secret(
        secret: &Self::MasterSecret,
        generators: &Generators,
        x: &SmallInputs,
        xof: &mut Xof,
    ) -> Option<Points>;
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

/// Points in a ciphertext, and its kind bytes.
pub(crate) struct Layout {
    pub(super) compressed: u8,
    pub(super) raw: u8,
    /// Points of the mask.
    pub(super) mask: usize,
    /// Points of G1 for each input.
    pub(super) g1: usize,
    /// Points of G2 for each input.
    pub(super) g2: usize,
}
