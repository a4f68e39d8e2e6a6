//! Evaluation keys are public and large; parties that live in one process (a demonstration, a
//! simulation, a test) keep one copy between them. Separate processes are not affected.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tacit_ckks::EvaluationKeys;

use super::EncryptedError;

static KEYS: Mutex<Option<HashMap<[u8; 32], Weak<EvaluationKeys>>>> = Mutex::new(None);

/// The keys with this digest of their encoding: those already held, or freshly decoded.
pub(crate) fn keys(
    digest: [u8; 32],
    decode: impl FnOnce() -> Result<EvaluationKeys, EncryptedError>,
) -> Result<Arc<EvaluationKeys>, EncryptedError> {
    let mut guard = KEYS.lock().unwrap_or_else(|e| e.into_inner());
    let held = guard.get_or_insert_default();
    held.retain(|_, keys| keys.strong_count() > 0);
    if let Some(keys) = held.get(&digest).and_then(Weak::upgrade) {
        return Ok(keys);
    }
    let keys = Arc::new(decode()?);
    held.insert(digest, Arc::downgrade(&keys));
    Ok(keys)
}
