//! Secrets at rest: XChaCha20-Poly1305 under a key that the operator supplies.
//!
//! ```text
//!   "tacit.seal" | version u8 | kind u8 | memory KiB u32 | passes u32 | salt 16 | nonce 24
//!                | ciphertext and tag
//! ```
//!
//! Kind 1: the key is Argon2id(passphrase, salt), 64 MiB and three passes by default. Kind 2: it is
//! derived from a key file of at least 32 bytes with BLAKE3, since there is nothing to slow down.
//! Everything before the ciphertext is authenticated with it, and so is what the caller says the secret
//! belongs to. A wrong passphrase and a changed file look the same.
//!
//! ```
//! use tacit_seal::Unlock;
//!
//! let unlock = Unlock::key([42; 32])?; // or Unlock::passphrase, Unlock::key_file
//! let sealed = unlock.seal(b"a secret", b"site-3")?;
//! assert_eq!(&**unlock.open(&sealed, b"site-3")?, b"a secret");
//! assert!(unlock.open(&sealed, b"site-4").is_err());
//! # Ok::<(), tacit_seal::SealError>(())
//! ```
//!
//! What this does not do: keep an old backup from being restored, or the secret from being read out of the memory of a
//! process that has opened it.
#![forbid(unsafe_code)]

pub mod file;

use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use tacit_ring::Xof;
use zeroize::{Zeroize, Zeroizing};

/// Secrets that cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A file cannot be read or written.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A passphrase or key that is not good enough.
    #[error("{field}: {reason}")]
    Weak {
        /// Passphrase or key file.
        field: &'static str,
        /// What is wrong and what is expected.
        reason: String,
    },
    /// What should be opened cannot be.
    #[error("{0}")]
    Sealed(String),
    /// The operating system gave no randomness.
    #[error(transparent)]
    Entropy(#[from] tacit_ring::RingError),
}

impl SealError {
    fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            reason: error.to_string(),
        }
    }
}

const MAGIC: &[u8; 10] = b"tacit.seal";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 2 + 8 + 16 + 24;
const SALT: usize = MAGIC.len() + 10;
const NONCE: usize = SALT + 16;
const KEY_CONTEXT: &str = "tacit fe 2026-11 key file of an authority";
/// More memory than this is not spent on a file's say-so.
const MOST_MEMORY_KIB: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;

/// What seals secrets and opens them again. Not printed, not cloned, erased on drop.
pub struct Unlock {
    secret: Zeroizing<Vec<u8>>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passphrase { memory_kib: u32, passes: u32 },
    KeyFile,
}

impl Unlock {
    /// A passphrase of at least 12 bytes.
    pub fn passphrase(passphrase: impl Into<Vec<u8>>) -> Result<Self, SealError> {
        let secret = Zeroizing::new(passphrase.into());
        if secret.len() < 12 {
            return Err(SealError::Weak {
                field: "passphrase",
                reason: format!("{} bytes, at least 12 are needed", secret.len()),
            });
        }
        let kind = Kind::Passphrase {
            memory_kib: 64 << 10,
            passes: 3,
        };
        Ok(Self { secret, kind })
    }

    /// A passphrase with another price for guessing it: KiB of memory and passes over it.
    pub fn passphrase_with(
        passphrase: impl Into<Vec<u8>>,
        memory_kib: u32,
        passes: u32,
    ) -> Result<Self, SealError> {
        check_cost(memory_kib, passes).map_err(|reason| SealError::Weak {
            field: "passphrase",
            reason,
        })?;
        let mut unlock = Self::passphrase(passphrase)?;
        unlock.kind = Kind::Passphrase { memory_kib, passes };
        Ok(unlock)
    }

    /// The contents of a key file: at least 32 bytes of randomness.
    pub fn key(contents: impl Into<Vec<u8>>) -> Result<Self, SealError> {
        let secret = Zeroizing::new(contents.into());
        if secret.len() < 32 {
            return Err(SealError::Weak {
                field: "key file",
                reason: format!("{} bytes, at least 32 are needed", secret.len()),
            });
        }
        let kind = Kind::KeyFile;
        Ok(Self { secret, kind })
    }

    /// Reads a key file.
    pub fn key_file(path: impl AsRef<Path>) -> Result<Self, SealError> {
        let path = path.as_ref();
        let contents = std::fs::read(path).map_err(|error| SealError::io(path, &error))?;
        Self::key(contents)
    }

    /// Encrypts; `owner` is what the secret belongs to, and needed to open it.
    pub fn seal(&self, plaintext: &[u8], owner: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut out = MAGIC.to_vec();
        let (kind, memory_kib, passes) = match self.kind {
            Kind::Passphrase { memory_kib, passes } => (1, memory_kib, passes),
            Kind::KeyFile => (2, 0, 0),
        };
        out.extend([VERSION, kind]);
        out.extend(memory_kib.to_le_bytes());
        out.extend(passes.to_le_bytes());
        let mut random = [0; 40];
        Xof::from_os()?.fill(&mut random);
        out.extend(random);
        let sealed = self.cipher(&out).and_then(|cipher| {
            let aad = [&out, owner].concat();
            let payload = Payload {
                msg: plaintext,
                aad: &aad,
            };
            let nonce: [u8; 24] = nonce(&out);
            cipher
                .encrypt(&nonce.into(), payload)
                .map_err(|_| "it is too long to be encrypted".into())
        });
        out.extend(sealed.map_err(SealError::Sealed)?);
        Ok(out)
    }

    /// Decrypts what was sealed for the same `owner`.
    pub fn open(&self, sealed: &[u8], owner: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.opened(sealed, owner).map_err(SealError::Sealed)
    }

    fn opened(&self, sealed: &[u8], owner: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        if sealed.len() < HEADER || !sealed.starts_with(MAGIC) {
            return Err("not a sealed secret".into());
        }
        let (header, ciphertext) = sealed.split_at(HEADER);
        if header[MAGIC.len()] != VERSION {
            let found = header[MAGIC.len()];
            return Err(format!("version {found}, this program reads {VERSION}"));
        }
        let cipher = self.cipher(header)?;
        let aad = [header, owner].concat();
        let payload = Payload {
            msg: ciphertext,
            aad: &aad,
        };
        let nonce: [u8; 24] = nonce(header);
        cipher
            .decrypt(&nonce.into(), payload)
            .map(Zeroizing::new)
            .map_err(|_| "wrong passphrase or key file, or the file was changed".into())
    }

    /// The cipher under the key that a header asks for.
    fn cipher(&self, header: &[u8]) -> Result<XChaCha20Poly1305, String> {
        let at = MAGIC.len() + 2;
        let number = |at: usize| {
            header[at..at + 4]
                .iter()
                .rev()
                .fold(0, |n, &b| n << 8 | u32::from(b))
        };
        let (kind, memory_kib, passes) = (header[at - 1], number(at), number(at + 4));
        let salt = &header[SALT..NONCE];
        let mut key = Zeroizing::new([0u8; 32]);
        match (kind, self.kind) {
            (1, Kind::Passphrase { .. }) => {
                check_cost(memory_kib, passes)?;
                let params = Params::new(memory_kib, passes, 1, Some(32))
                    .map_err(|error| error.to_string())?;
                Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                    .hash_password_into(&self.secret, salt, key.as_mut())
                    .map_err(|error| error.to_string())?;
            }
            (2, Kind::KeyFile) => {
                let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
                hasher.update(salt).update(&self.secret);
                hasher.finalize_xof().fill(key.as_mut());
                hasher.zeroize();
            }
            (1, _) => return Err("sealed with a passphrase, not with a key file".into()),
            (2, _) => return Err("sealed with a key file, not with a passphrase".into()),
            _ => return Err(format!("sealed in an unknown way ({kind})")),
        }
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }
}

fn nonce(header: &[u8]) -> [u8; 24] {
    let mut out = [0; 24];
    out.copy_from_slice(&header[NONCE..HEADER]);
    out
}

fn check_cost(memory_kib: u32, passes: u32) -> Result<(), String> {
    if (8..=MOST_MEMORY_KIB).contains(&memory_kib) && (1..=MOST_PASSES).contains(&passes) {
        return Ok(());
    }
    Err(format!(
        "a key derivation of {memory_kib} KiB and {passes} passes; use 8 to {MOST_MEMORY_KIB} KiB and 1 \
         to {MOST_PASSES} passes"
    ))
}

impl std::fmt::Debug for Unlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unlock(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap(passphrase: &str) -> Unlock {
        Unlock::passphrase_with(passphrase, 8, 1).unwrap()
    }

    #[test]
    fn what_was_sealed_opens_with_the_same_secret_and_owner_only() {
        let file = Unlock::key([7; 32]).unwrap();
        for (unlock, other) in [
            (cheap("correct horse"), cheap("battery staple")),
            (file, Unlock::key([8; 32]).unwrap()),
        ] {
            let sealed = unlock.seal(b"secret", b"owner").unwrap();
            assert_eq!(&**unlock.open(&sealed, b"owner").unwrap(), b"secret");
            assert!(unlock.open(&sealed, b"someone").is_err());
            assert!(other.open(&sealed, b"owner").is_err());
            assert!(!sealed.windows(6).any(|window| window == b"secret"));
            for at in 0..sealed.len() {
                let mut bad = sealed.clone();
                bad[at] ^= 1;
                assert!(unlock.open(&bad, b"owner").is_err(), "byte {at}");
            }
            for length in 0..sealed.len() {
                assert!(unlock.open(&sealed[..length], b"owner").is_err());
            }
        }
    }

    #[test]
    fn a_file_is_replaced_whole_created_once_and_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        file::create(&path, b"one").unwrap();
        assert!(file::create(&path, b"two").is_err());
        assert_eq!(file::read(&path, 3).unwrap(), b"one");
        file::replace(&path, b"three").unwrap();
        assert_eq!(file::read(&path, 5).unwrap(), b"three");
        assert!(file::read(&path, 4).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let unlock = Unlock::key([7; 32]).unwrap();
        let sealed = || unlock.seal(b"secret", b"owner").unwrap();
        assert_ne!(sealed(), sealed());
    }

    #[test]
    fn the_wrong_kind_and_weak_secrets_are_named() {
        let sealed = cheap("correct horse").seal(b"secret", b"").unwrap();
        let error = Unlock::key([7; 32])
            .unwrap()
            .open(&sealed, b"")
            .unwrap_err();
        assert!(error.to_string().contains("sealed with a passphrase"));
        assert!(Unlock::passphrase("short").is_err());
        assert!(Unlock::key([1; 31]).is_err());
        assert!(Unlock::passphrase_with("correct horse", 1 << 21, 1).is_err());
    }

    #[test]
    fn a_header_cannot_ask_for_unbounded_memory() {
        let unlock = cheap("correct horse");
        let mut sealed = unlock.seal(b"secret", b"").unwrap();
        sealed[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = unlock.open(&sealed, b"").unwrap_err();
        assert!(error.to_string().contains("KiB"));
    }
}
