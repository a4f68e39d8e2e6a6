//! Pairwise zero-shares: random polynomials that cancel in the sum over the active set.
//!
//! In threshold mode a share c_1·ℓ_i·s_i + e_i would reveal, even in a passive run with two or more
//! honest active parties, the noise modulo the Lagrange denominators. Adding zero-shares reveals only
//! the sum. Every pair of parties holds a common seed; the party with the lower index adds what
//! it expands to and the other subtracts it, bound to the instance (which names the active set).

use crate::{InstanceId, MheError};
use std::collections::BTreeMap;
use tacit_ckks::Parameters;
use tacit_ring::{Ntt, RnsPoly, Seed, sample};

/// The seeds that one party shares with each of the others.
pub struct ZeroShare {
    party: u32,
    seeds: BTreeMap<u32, Seed>,
}

impl std::fmt::Debug for ZeroShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ZeroShare(party {}, redacted)", self.party)
    }
}

impl ZeroShare {
    pub(crate) fn new(party: u32, seeds: BTreeMap<u32, Seed>) -> Self {
        Self { party, seeds }
    }

    pub(crate) fn add_to(
        &self,
        params: &Parameters,
        active: &[u32],
        id: &InstanceId,
        index: usize,
        poly: &mut RnsPoly<Ntt>,
    ) -> Result<(), MheError> {
        if !active.contains(&self.party) {
            return Err(MheError::ActiveSet(format!(
                "party {} is not in it",
                self.party
            )));
        }
        let ring = params.ring();
        for &other in active.iter().filter(|&&p| p != self.party) {
            let seed = self
                .seeds
                .get(&other)
                .ok_or_else(|| MheError::ActiveSet(format!("no common seed with party {other}")))?;
            let index = (index as u64).to_le_bytes();
            let mut xof = seed
                .child("mhe zero share", [id.0.as_slice(), &index])
                .expand();
            let term = sample::uniform(ring, poly.basis(), &mut xof);
            if self.party < other {
                ring.add_assign(poly, &term);
            } else {
                ring.sub_assign(poly, &term);
            }
        }
        Ok(())
    }
}
