//! Evaluation keys are public and large; parties that live in one process (a demonstration, a
//! simulation, a test) keep one copy between them. Separate processes are not affected.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tacit_ckks::EvaluationKeys;
use tacit_mhe::{Protocol, RelinearisationRoundTwo};

use super::EncryptedError;

type Result<T> = std::result::Result<T, EncryptedError>;

/// What is held, by its digest.
struct Held<T>(Mutex<Option<HashMap<[u8; 32], Weak<T>>>>);

static KEYS: Held<EvaluationKeys> = Held::nothing();
static ROUNDS: Held<RelinearisationRoundTwo> = Held::nothing();

impl<T> Held<T> {
    const fn nothing() -> Self {
        Self(Mutex::new(None))
    }

    fn or_made(&self, digest: [u8; 32], make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut guard = self.0.lock().unwrap_or_else(|e| e.into_inner());
        let held = guard.get_or_insert_default();
        held.retain(|_, one| one.strong_count() > 0);
        if let Some(one) = held.get(&digest).and_then(Weak::upgrade) {
            return Ok(one);
        }
        let one = Arc::new(make()?);
        held.insert(digest, Arc::downgrade(&one));
        Ok(one)
    }
}

/// The keys with this digest of their encoding: those already held, or freshly decoded.
pub(crate) fn keys(
    digest: [u8; 32],
    decode: impl FnOnce() -> Result<EvaluationKeys>,
) -> Result<Arc<EvaluationKeys>> {
    KEYS.or_made(digest, decode)
}

/// The second round of a relinearisation key: the same one if it is held already.
pub(crate) fn round_two(two: RelinearisationRoundTwo) -> Result<Arc<RelinearisationRoundTwo>> {
    ROUNDS.or_made(*two.id().as_bytes(), || Ok(two))
}
