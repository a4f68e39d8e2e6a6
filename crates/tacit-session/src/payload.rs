//! The bytes a frame carries, shared rather than copied.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::digest::Digest;

/// Immutable bytes behind a reference count, with their digest computed at most once.
///
/// A broadcast to 160 parties is 160 reference counts: neither the bytes nor the hash are made
/// again for a receiver in the same process.
#[derive(Clone)]
pub struct Payload(Arc<Inner>);

struct Inner {
    bytes: Vec<u8>,
    digest: OnceLock<Digest>,
}

impl Payload {
    /// The bytes; copied only if someone else holds them too.
    pub(crate) fn into_vec(self) -> Vec<u8> {
        Arc::try_unwrap(self.0).map_or_else(|shared| shared.bytes.clone(), |sole| sole.bytes)
    }

    /// BLAKE3 of the bytes.
    pub fn digest(&self) -> Digest {
        *self.0.digest.get_or_init(|| Digest::of(&self.0.bytes))
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Inner {
            bytes,
            digest: OnceLock::new(),
        }))
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}
