//! The rounds in which keys come to be, and their protocols.

use std::sync::Arc;

use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, PartySecret, Protocol, RelinearisationRoundOne,
    RelinearisationRoundTwo,
};

use super::Result;
use crate::encrypted::shares::encoded;

/// One round of key generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStep {
    /// Collective public key.
    Public,
    /// Relinearisation key, first round.
    RelinearisationOne,
    /// Relinearisation key, second round.
    RelinearisationTwo,
    /// Galois key number k.
    Galois(usize),
}

impl KeyStep {
    /// All rounds, in their order: the first of every session.
    pub fn all(galois: usize) -> Vec<Self> {
        let first = [
            KeyStep::Public,
            KeyStep::RelinearisationOne,
            KeyStep::RelinearisationTwo,
        ];
        (first.into_iter())
            .chain((0..galois).map(KeyStep::Galois))
            .collect()
    }

    /// The round's label.
    pub fn label(self) -> &'static str {
        match self {
            KeyStep::Public => "keys/public",
            KeyStep::RelinearisationOne => "keys/relinearisation-1",
            KeyStep::RelinearisationTwo => "keys/relinearisation-2",
            KeyStep::Galois(_) => "keys/galois",
        }
    }

    /// Position among all rounds of the session's application.
    pub(super) fn position(self) -> u32 {
        match self {
            KeyStep::Public => 0,
            KeyStep::RelinearisationOne => 1,
            KeyStep::RelinearisationTwo => 2,
            KeyStep::Galois(k) => 3 + k as u32,
        }
    }
}

/// The protocol of a round of key generation.
pub(crate) enum KeyRound {
    Public(CollectivePublicKey),
    One(RelinearisationRoundOne),
    Two(Arc<RelinearisationRoundTwo>),
    Galois(CollectiveGaloisKey),
}

impl KeyRound {
    /// A party's share, encoded.
    pub fn share(&self, secret: &PartySecret) -> Result<Vec<u8>> {
        match self {
            KeyRound::Public(p) => encoded(p, secret),
            KeyRound::One(p) => encoded(p, secret),
            KeyRound::Two(p) => encoded(&**p, secret),
            KeyRound::Galois(p) => encoded(p, secret),
        }
    }

    /// Adds an encoded share to an encoded sum.
    pub fn aggregate(&self, into: &mut [u8], share: &[u8]) -> Result<()> {
        match self {
            KeyRound::Public(p) => p.aggregate_encoded(into, share)?,
            KeyRound::One(p) => p.aggregate_encoded(into, share)?,
            KeyRound::Two(p) => p.aggregate_encoded(into, share)?,
            KeyRound::Galois(p) => p.aggregate_encoded(into, share)?,
        }
        Ok(())
    }
}
