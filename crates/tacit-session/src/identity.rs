//! Signing keys of parties and the public keys that name them.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::digest::{Digest, from_hex, to_hex};
use crate::error::Error;

/// A party's long-term Ed25519 signing key.
///
/// It is erased when dropped, prints nothing of itself, and can be neither cloned nor serialised:
/// a [`Party`](crate::Party) takes it by value and keeps it.
pub struct IdentityKey(SigningKey);

impl IdentityKey {
    /// A fresh key from the operating system's entropy.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut seed[..]).map_err(|e| Error::Entropy {
            problem: e.to_string(),
        })?;
        Ok(Self::from_seed(&seed))
    }

    /// The key whose 32 secret bytes are `seed`, as a key file holds them.
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a statement outside any session, such as a roster. `what` comes from a
    /// [`DigestWriter`](crate::DigestWriter) with a domain of its own, so that no statement can be
    /// taken for another kind; a frame or an approval it can never be.
    pub fn attest(&self, what: Digest) -> Attestation {
        Attestation(self.sign(&attested(what)))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey(redacted, public {})", self.public())
    }
}

/// Length of a signature in bytes.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// A party's Ed25519 verifying key; written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads 64 lower-case hexadecimal digits. Points that are not on the curve and points of
    /// small order are refused: anyone can sign for the latter.
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::from_bytes(&from_hex(text)?)
    }

    /// Reads 32 bytes, with the checks of [`PublicKey::from_hex`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes)
            .ok()
            .filter(|key| !key.is_weak())
            .map(Self)
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether the holder of this key attested `what`.
    pub fn attested(&self, what: Digest, attestation: &Attestation) -> bool {
        self.verifies(&attested(what), &attestation.0)
    }

    /// Strict verification: one message and key accept one signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.0
            .verify_strict(message, &Signature::from_bytes(signature))
            .is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A signature under a statement; written as 128 hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Attestation([u8; SIGNATURE_LEN]);

impl Attestation {
    /// Reads 128 lower-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl fmt::Display for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Attestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attestation({}…)", to_hex(&self.0[..6]))
    }
}

fn attested(what: Digest) -> Vec<u8> {
    [b"tacit attestation v1\0".as_slice(), &what.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attestation_holds_for_its_key_and_statement_alone() {
        let key = |byte| IdentityKey::from_seed(&Zeroizing::new([byte; 32]));
        let (said, other) = (Digest::of(b"this"), Digest::of(b"that"));
        let signed = key(1).attest(said);
        assert!(key(1).public().attested(said, &signed));
        assert!(!key(1).public().attested(other, &signed));
        assert!(!key(2).public().attested(said, &signed));
        assert_eq!(Attestation::from_hex(&signed.to_string()), Some(signed));
    }

    #[test]
    fn debug_of_a_signing_key_shows_no_secret_byte() {
        let key = IdentityKey::from_seed(&Zeroizing::new([0xab; 32]));
        assert!(!format!("{key:?}").contains("abab"));
    }

    #[test]
    fn small_order_points_are_no_identity() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity_point), None);
        assert_eq!(PublicKey::from_bytes(&[0; 32]), None);
    }
}
