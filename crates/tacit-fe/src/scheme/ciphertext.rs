//! An encrypted vector.

use std::fmt;

use super::keys::PublicKeyHash;
use crate::group::{G1Affine, G2Affine};

/// (\[γ\]_1, a, b): 2n + 1 points of G1 and 2n of G2.
#[derive(Clone, PartialEq, Eq)]
pub struct Ciphertext {
    pub(super) public_key: PublicKeyHash,
    /// \[γ\]_1.
    pub(super) gamma: G1Affine,
    /// First coordinates of all a_i, then all second ones.
    pub(super) a: Vec<G1Affine>,
    /// First coordinates of all b_i, then all second ones.
    pub(super) b: Vec<G2Affine>,
}

impl Ciphertext {
    /// The master key it was made under.
    pub fn public_key(&self) -> PublicKeyHash {
        self.public_key
    }

    /// n.
    pub fn inputs(&self) -> usize {
        self.a.len() / 2
    }
}

impl fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ciphertext")
            .field("public_key", &self.public_key)
            .field("inputs", &self.inputs())
            .finish_non_exhaustive()
    }
}
