//! Sums over all parties that are released to all of them: what standardises features, and what sizes steps.
//!
//! Each party encrypts its sums, the root adds them, and the total is decrypted by all together, flooded: nobody sees a
//! party's own. They are bounded ([`MOMENT_BITS`]) and encrypted at a scale that survives flooding.

use tacit_ckks::noise::{Message, NoiseModel, ReleaseMargin, Tracked};
use tacit_ckks::{CkksError, Parameters};

use super::{EncryptedError, LocalRows};

/// log2 of the largest sum.
const MOMENT_BITS: u32 = 20;

/// Most sums of one session: moments, and a bound on the curvature.
const RELEASES: u64 = 2;

/// The scale of encrypted sums: wide enough to survive flooding.
pub(crate) fn scale() -> f64 {
    150f64.exp2()
}

/// The flooding of a released total, encrypted at `level` under the key of `parties` parties.
pub(crate) fn margin(
    params: &Parameters,
    parties: usize,
    level: usize,
    lambda_s: u32,
) -> Result<ReleaseMargin, CkksError> {
    let model = NoiseModel::collective(params, parties as u32).of_encoded_messages();
    let message = Message::bounded(f64::from(MOMENT_BITS).exp2());
    let share = Tracked::encrypt(&model, message, level, scale());
    let mut sum = share.clone();
    for _ in 1..parties {
        sum = sum.add(&share)?;
    }
    // The bound on the message is on the sum, not on each share.
    let sum = sum.with_message(message);
    Ok(ReleaseMargin::new(&sum, lambda_s, RELEASES))
}

/// What a party adds to the moments, as many as the plan says.
pub(crate) fn own_moments(
    rows: &dyn LocalRows,
    expected: usize,
) -> Result<Vec<f64>, EncryptedError> {
    let moments = rows.moments().map_err(EncryptedError::Standardisation)?;
    if moments.len() == expected {
        return Ok(moments);
    }
    Err(EncryptedError::Standardisation(format!(
        "this party has {} moments, the plan says {expected}",
        moments.len()
    )))
}

/// Released totals, to be sent.
pub(crate) fn totals_to_bytes(totals: &[f64]) -> Vec<u8> {
    totals.iter().flat_map(|t| t.to_le_bytes()).collect()
}

/// Released totals, as many as the plan says.
pub(crate) fn totals_from_bytes(bytes: &[u8], expected: usize) -> Result<Vec<f64>, EncryptedError> {
    let (totals, rest) = bytes.as_chunks::<8>();
    if totals.len() != expected || !rest.is_empty() {
        return Err(EncryptedError::Standardisation(format!(
            "{} released totals instead of {expected}",
            totals.len()
        )));
    }
    Ok(totals.iter().map(|b| f64::from_le_bytes(*b)).collect())
}

/// Other numbers that were released, as many as the plan says.
pub(crate) fn released_from_bytes(
    what: &'static str,
    bytes: &[u8],
    expected: usize,
) -> Result<Vec<f64>, EncryptedError> {
    let (values, rest) = bytes.as_chunks::<8>();
    let values: Vec<f64> = values.iter().map(|b| f64::from_le_bytes(*b)).collect();
    let problem = match values.iter().find(|v| !v.is_finite()) {
        _ if values.len() != expected || !rest.is_empty() => {
            format!("{} bytes instead of {}", bytes.len(), 8 * expected)
        }
        Some(value) => format!("{value} is not a number"),
        None => return Ok(values),
    };
    Err(EncryptedError::Message { what, problem })
}
