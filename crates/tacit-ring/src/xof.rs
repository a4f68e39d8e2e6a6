//! Domain-separated randomness: one extendable-output function for everything.
//!
//! BLAKE3 is used in two of its modes. [`Seed::derive`] hashes a list of length-prefixed parts in
//! *derive-key* mode under the context string `"tacit v1 " + domain`; [`Xof`] expands a 32-byte
//! seed in *keyed-hash* mode over the empty message. Both are deterministic and portable; the
//! known-answer tests pin them.
//!
//! Secrets start from the operating system: [`Seed::from_os`].

use crate::RingError;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A 32-byte seed. Never printed; erased on drop.
///
/// Public seeds (of the common random string) use the same type: see [`Seed::to_public_bytes`].
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A fresh seed from the operating system.
    pub fn from_os() -> Result<Self, RingError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| RingError::Entropy(e.to_string()))?;
        Ok(Self(bytes))
    }

    /// Wraps existing bytes (a stored share key, a public seed, a test's fixed seed).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Derives a seed from length-prefixed parts under a domain: for each part its length as
    /// eight little-endian bytes, then its bytes.
    pub fn derive<'a>(domain: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Transcript::new(domain);
        for part in parts {
            hasher.append(part);
        }
        hasher.seed()
    }

    /// A sub-seed under this seed.
    pub fn child<'a>(&self, domain: &str, parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Transcript::new(domain);
        hasher.append(&self.0);
        for part in parts {
            hasher.append(part);
        }
        hasher.seed()
    }

    /// The bytes of a seed that is public by construction. Never call it on a secret.
    pub fn to_public_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Starts expanding.
    pub fn expand(&self) -> Xof {
        Xof(blake3::Hasher::new_keyed(&self.0).finalize_xof())
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

/// Words that [`Transcript::append_words`] hashes at a time: 64 KiB.
const PIECE: usize = 8192;

/// A running hash over length-prefixed parts: the injective encoding of "all public inputs".
pub struct Transcript(blake3::Hasher);

impl Transcript {
    /// An empty transcript under a domain.
    pub fn new(domain: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(&format!(
            "tacit v1 {domain}"
        )))
    }

    /// Appends one part, length-prefixed.
    pub fn append(&mut self, part: &[u8]) -> &mut Self {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// Appends an integer.
    pub fn append_u64(&mut self, value: u64) -> &mut Self {
        self.append(&value.to_le_bytes())
    }

    /// Appends words (residues) as one part.
    pub fn append_words(&mut self, words: &[u64]) -> &mut Self {
        self.0.update(&(words.len() as u64 * 8).to_le_bytes());
        // Long pieces: 16 chunks of the hash at a time only go to the vector unit when they come
        // together, and the length before them puts pieces out of step with the chunks.
        let mut buffer = [0u8; 8 * PIECE];
        for piece in words.chunks(PIECE) {
            for (bytes, word) in buffer.as_chunks_mut::<8>().0.iter_mut().zip(piece) {
                *bytes = word.to_le_bytes();
            }
            self.0.update(&buffer[..8 * piece.len()]);
        }
        self
    }

    /// The 32-byte digest as a seed.
    pub fn seed(&self) -> Seed {
        Seed(self.digest())
    }

    /// The 32-byte digest.
    pub fn digest(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

/// A deterministic stream of bytes. Erased on drop, never printed.
pub struct Xof(blake3::OutputReader);

impl Drop for Xof {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Xof {
    /// A stream under a fresh seed from the operating system.
    pub fn from_os() -> Result<Self, RingError> {
        Ok(Seed::from_os()?.expand())
    }

    /// The next bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    /// The next words, little-endian.
    pub fn fill_words(&mut self, out: &mut [u64]) {
        let mut buffer = [0u8; 8192];
        for chunk in out.chunks_mut(1024) {
            let bytes = &mut buffer[..8 * chunk.len()];
            self.0.fill(bytes);
            for (word, bytes) in chunk.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
        }
        buffer.zeroize();
    }

    /// One word.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

impl std::fmt::Debug for Xof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Xof(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_separated_injectively() {
        let a = Seed::derive("t", [b"ab".as_slice(), b"c"]);
        let b = Seed::derive("t", [b"a".as_slice(), b"bc"]);
        let c = Seed::derive("u", [b"ab".as_slice(), b"c"]);
        assert_ne!(a.0, b.0);
        assert_ne!(a.0, c.0);
    }

    #[test]
    fn words_are_the_bytes_of_the_stream() {
        let seed = Seed::from_bytes([7; 32]);
        let mut words = [0u64; 2000];
        seed.expand().fill_words(&mut words);
        let mut bytes = vec![0u8; 16000];
        seed.expand().fill(&mut bytes);
        assert!(
            words
                .iter()
                .zip(bytes.chunks(8))
                .all(|(w, b)| w.to_le_bytes() == *b)
        );
        let mut transcript = (Transcript::new("x"), Transcript::new("x"));
        transcript.0.append_words(&words);
        transcript.1.append(&bytes);
        assert_eq!(transcript.0.digest(), transcript.1.digest());
    }

    #[test]
    fn secrets_do_not_print() {
        let seed = Seed::from_bytes([0xab; 32]);
        assert_eq!(
            format!("{seed:?} {:?}", seed.expand()),
            "Seed(redacted) Xof(redacted)"
        );
    }
}
