//! What a party must keep to itself.

use crate::ledger::{Ledger, SharedLedger};
use crate::zero_share::ZeroShare;
use crate::{Instance, InstanceId, MheError};
use std::sync::MutexGuard;
use tacit_ckks::{Parameters, SecretKey};
use tacit_ring::{Basis, Ntt, RnsPoly, Seed, Xof};

/// A party's secrets: its additive share s_i of the collective key, and the share key from which
/// all randomness of its shares is derived.
///
/// There is no way to read, print or encode them; they are erased on drop. The ledger of shares on
/// c_1 polynomials travels with the secret that made them.
pub struct PartySecret {
    key: SecretKey,
    share_key: Seed,
    zero: Option<ZeroShare>,
    ledger: SharedLedger,
}

impl std::fmt::Debug for PartySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartySecret(redacted)")
    }
}

impl PartySecret {
    /// Fresh secrets from the operating system's entropy.
    pub fn generate(params: &Parameters) -> Result<Self, MheError> {
        Ok(Self::from_seed(params, &Seed::from_os()?))
    }

    /// Secrets derived from one seed: what a party restores from its sealed backup.
    ///
    /// The ledger is *not* part of the seed: restore it too ([`Self::shared_ledger`]), before the first share.
    pub fn from_seed(params: &Parameters, seed: &Seed) -> Self {
        let key = SecretKey::sample(params, &mut seed.child("mhe secret key", []).expand());
        Self {
            key,
            share_key: seed.child("mhe share key", []),
            zero: None,
            ledger: SharedLedger::default(),
        }
    }

    /// Secrets of the threshold mode: the key is the party's weighted Shamir share.
    ///
    /// The ledger is that of the party, whatever the active set: what it gave under one set counts under all.
    pub(crate) fn with_zero_share(
        key: SecretKey,
        share_key: Seed,
        zero: ZeroShare,
        ledger: SharedLedger,
    ) -> Self {
        Self {
            key,
            share_key,
            zero: Some(zero),
            ledger,
        }
    }

    /// Secrets of a party that stands by: the key is zero, the ledger is the party's.
    pub(crate) fn without_key(key: SecretKey, share_key: Seed, ledger: SharedLedger) -> Self {
        Self {
            key,
            share_key,
            zero: None,
            ledger,
        }
    }

    pub(crate) fn key(&self) -> &SecretKey {
        &self.key
    }

    /// The randomness of this party's share in an instance: PRF(share key, all public inputs).
    pub(crate) fn randomness(&self, purpose: &str, id: &InstanceId) -> Xof {
        self.share_key.child(purpose, [id.0.as_slice()]).expand()
    }

    /// A stream for re-randomising this party's data-dependent ciphertexts: bound to a label and
    /// to the ciphertext itself, so that no two ciphertexts share it.
    pub(crate) fn rerandomisation(&self, label: &[u8], digest: &[u8; 32]) -> Xof {
        self.share_key
            .child("mhe rerandomisation", [label, digest.as_slice()])
            .expand()
    }

    /// A seed for this party's own encryptions, bound to a purpose and to the digest of everything that
    /// the randomness must depend on.
    pub fn stream_seed(&self, purpose: &str, digest: &[u8; 32]) -> Seed {
        self.share_key
            .child(purpose, [b"own encryption".as_slice(), digest])
    }

    /// The ledger of shares on c_1 polynomials, for whoever makes it durable while this secret is at work.
    pub fn shared_ledger(&self) -> SharedLedger {
        self.ledger.clone()
    }

    pub(crate) fn child_share_key(&self, purpose: &str) -> Seed {
        self.share_key.child(purpose, [])
    }

    /// In threshold mode, adds the zero-share of polynomial number `index`.
    pub(crate) fn mask(
        &self,
        params: &Parameters,
        instance: &Instance,
        id: &InstanceId,
        index: usize,
        poly: &mut RnsPoly<Ntt>,
    ) -> Result<(), MheError> {
        match &self.zero {
            None => Ok(()),
            Some(zero) => zero.add_to(params, instance.active(), id, index, poly),
        }
    }

    /// Access to the ledger of shares on c_1 polynomials.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// −a·s_i + e over the basis of `a`, the start of most shares.
    pub(crate) fn lwe(&self, params: &Parameters, a: &RnsPoly<Ntt>, xof: &mut Xof) -> RnsPoly<Ntt> {
        let ring = params.ring();
        let basis: Basis = a.basis();
        let mut out = tacit_ckks::sample_error(params, basis, xof);
        let product = ring.mul(a, self.key.poly());
        ring.sub_assign(&mut out, &product);
        out
    }
}
