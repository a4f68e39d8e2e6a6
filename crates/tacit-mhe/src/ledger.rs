//! Which c_1 polynomials a party has given a share on.
//!
//! Two shares on the same c_1 with independent small noise average to c_1·s_i. So each party keeps a
//! ledger per c_1, across sessions: a new session or protocol id does not freshen c_1, a ciphertext and
//! the ciphertext plus a constant have the same c_1, and dropping levels keeps its first row,
//! which is what is recorded.

use crate::{InstanceId, MheError};
use std::collections::BTreeMap;
use tacit_ring::{Ntt, RnsPoly, Transcript};

/// Maps the digest of a c_1 to the one request that was answered for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger(BTreeMap<[u8; 32], InstanceId>);

impl Ledger {
    /// Admits a request on `c1`: the first one, or the very same again (which gives the same bytes).
    pub(crate) fn admit(
        &mut self,
        protocol: &'static str,
        c1: &RnsPoly<Ntt>,
        id: InstanceId,
    ) -> Result<(), MheError> {
        let digest = Transcript::new("mhe ledger c1")
            .append_words(c1.row(0))
            .digest();
        match *self.0.entry(digest).or_insert(id) {
            first if first == id => Ok(()),
            first => Err(MheError::SecondShare {
                protocol,
                first: first.to_string(),
            }),
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries as (digest of c_1, digest of the request), for storage.
    pub fn entries(&self) -> impl Iterator<Item = ([u8; 32], [u8; 32])> {
        self.0.iter().map(|(c1, id)| (*c1, id.0))
    }

    /// Restores stored entries; existing ones win.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = ([u8; 32], [u8; 32])>) {
        for (c1, id) in entries {
            self.0.entry(c1).or_insert(InstanceId(id));
        }
    }
}
