//! The secret a client's noise comes from.

use super::samples::Stream;
use crate::error::SplitError;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const CONTEXT: &str = "tacit v1 noise of split inference";

/// 32 secret bytes. Erased on drop, never printed, never serialised; who loses them loses only the
/// guarantee that repeats across the loss are equal.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ClientSecret([u8; 32]);

impl ClientSecret {
    /// From the operating system.
    pub fn generate() -> Result<Self, SplitError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| SplitError::Entropy(e.to_string()))?;
        Ok(ClientSecret(bytes))
    }

    /// From bytes that were stored; also for studies, whose noise must come again.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        ClientSecret(bytes)
    }

    /// The bytes, to be stored where secrets are stored.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of one encoder.
    pub(super) fn key(&self, version: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&self.0).update(version);
        let key = Zeroizing::new(*hasher.finalize().as_bytes());
        hasher.zeroize();
        key
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// The samples of an input on a grid: a function of the key, the cells, and `query` where noise is to
/// differ between askings.
pub(super) fn of_cells(
    key: &[u8; 32],
    cells: impl ExactSizeIterator<Item = i64>,
    query: Option<u64>,
) -> Stream {
    let mut bytes = Zeroizing::new(Vec::with_capacity(9 + 8 * cells.len()));
    match query {
        None => bytes.push(0),
        Some(query) => {
            bytes.push(1);
            bytes.extend_from_slice(&query.to_le_bytes());
        }
    }
    for cell in cells {
        bytes.extend_from_slice(&cell.to_le_bytes());
    }
    let mut seed = Zeroizing::new([0; 32]);
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&bytes).finalize_xof().fill(&mut seed[..]);
    hasher.zeroize();
    Stream::seeded(&seed)
}

/// The cells of values on a grid. Whole numbers have one zero; out of range saturates.
pub(super) fn cells(values: &[f32], step: f32) -> impl ExactSizeIterator<Item = i64> {
    let step = f64::from(step);
    values
        .iter()
        .map(move |v| (f64::from(*v) / step).round() as i64)
}

/// Samples nobody can make again.
pub(super) fn fresh() -> Result<Stream, SplitError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut seed[..]).map_err(|e| SplitError::Entropy(e.to_string()))?;
    Ok(Stream::seeded(&seed))
}
