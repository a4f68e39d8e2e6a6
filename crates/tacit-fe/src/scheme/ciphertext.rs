//! Encrypted vectors: a few points of G1, and some points of G1 and of G2 for each input.

use std::fmt;
use std::marker::PhantomData;

use super::construction::Construction;
use super::domain::PublicKeyHash;
use crate::group::{G1Affine, G2Affine};

/// What one encryption makes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Points {
    /// Of the whole vector.
    pub(super) mask: Vec<G1Affine>,
    /// Of the inputs, those of one kind after those of another.
    pub(super) g1: Vec<G1Affine>,
    /// The same in G2.
    pub(super) g2: Vec<G2Affine>,
}

/// A vector encrypted by the scheme `S`.
#[derive(Clone, PartialEq, Eq)]
pub struct CiphertextOf<S> {
    pub(super) public_key: PublicKeyHash,
    pub(super) inputs: usize,
    pub(super) points: Points,
    pub(super) scheme: PhantomData<S>,
}

#[allow(private_bounds)]
impl<S: Construction> CiphertextOf<S> {
    /// The master key it was made under.
    pub fn public_key(&self) -> PublicKeyHash {
        self.public_key
    }

    /// n.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Points of G1 of one kind, one for each input.
    pub(super) fn g1(&self, kind: usize) -> &[G1Affine] {
        &self.points.g1[kind * self.inputs..][..self.inputs]
    }

    /// Points of G2 of one kind.
    pub(super) fn g2(&self, kind: usize) -> &[G2Affine] {
        &self.points.g2[kind * self.inputs..][..self.inputs]
    }
}

impl<S: Construction> fmt::Debug for CiphertextOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ciphertext")
            .field("public_key", &self.public_key)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}
