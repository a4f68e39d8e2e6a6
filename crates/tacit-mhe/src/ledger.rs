//! Which c_1 polynomials a party has given a share on.
//!
//! Two shares on the same c_1 with independent small noise average to c_1·s_i. So each party keeps a
//! ledger per c_1, across sessions: a new session or protocol id does not freshen c_1, a ciphertext and
//! the ciphertext plus a constant have the same c_1, and dropping levels keeps its first row,
//! which is what is recorded.
//!
//! The ledger in memory is only as old as the process. What was answered must be on the disk before the
//! answer leaves, and be read back before anything is asked: whoever stores it holds a [`SharedLedger`],
//! takes what is [`unkept`](Ledger::unkept) and says when it is [`kept`](Ledger::kept).

use crate::{InstanceId, MheError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tacit_ring::{Ntt, RnsPoly, Transcript};

/// Digest of a c_1, and digest of the one request that was answered on it.
pub type LedgerEntry = ([u8; 32], [u8; 32]);

/// Maps the digest of a c_1 to the one request that was answered for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    answered: BTreeMap<[u8; 32], InstanceId>,
    unkept: Vec<LedgerEntry>,
}

impl Ledger {
    /// The name of a c_1 in ledgers: the digest of its first row.
    pub fn name_of(c1: &RnsPoly<Ntt>) -> [u8; 32] {
        Transcript::new("mhe ledger c1")
            .append_words(c1.row(0))
            .digest()
    }

    /// Admits a request on `c1`: the first one, or the very same again (which gives the same bytes).
    pub(crate) fn admit(
        &mut self,
        protocol: &'static str,
        c1: &RnsPoly<Ntt>,
        id: InstanceId,
    ) -> Result<(), MheError> {
        let name = Self::name_of(c1);
        let Some(first) = self.answered.get(&name) else {
            self.answered.insert(name, id);
            self.unkept.push((name, id.0));
            return Ok(());
        };
        if *first == id {
            return Ok(());
        }
        Err(MheError::SecondShare {
            protocol,
            first: first.to_string(),
        })
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.answered.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.answered.is_empty()
    }

    /// All entries.
    pub fn entries(&self) -> impl Iterator<Item = LedgerEntry> {
        self.answered.iter().map(|(c1, id)| (*c1, id.0))
    }

    /// Puts stored entries in; existing ones win.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = LedgerEntry>) {
        for (c1, id) in entries {
            self.answered.entry(c1).or_insert(InstanceId(id));
        }
    }

    /// The entries that were made since the last ones were kept, oldest first.
    pub fn unkept(&self) -> &[LedgerEntry] {
        &self.unkept
    }

    /// The first `count` of the unkept entries are durable.
    pub fn kept(&mut self, count: usize) {
        self.unkept.drain(..count.min(self.unkept.len()));
    }
}

/// The ledger of one party's key: whoever has a clone sees what all others enter.
#[derive(Debug, Clone, Default)]
pub struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    /// Exclusive access.
    pub fn lock(&self) -> MutexGuard<'_, Ledger> {
        // Every change is one step; a panic elsewhere leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
