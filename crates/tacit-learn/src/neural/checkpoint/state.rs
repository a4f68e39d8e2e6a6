//! The state of a training after an iteration, encoded.
//!
//! ```text
//! "tacit.training" | version u8 | BLAKE3 of all that follows, 32
//!                  | plan digest 32 | iteration u32 | totals, lists of ciphertexts as sections
//! ```

use tacit_ckks::{Ciphertext, Parameters};

use crate::encrypted::{EncryptedError, sections, statistics};

const MAGIC: &[u8; 14] = b"tacit.training";
const VERSION: u8 = 1;
const BODY: usize = MAGIC.len() + 1 + 32;
/// Plan digest and iteration.
const HEAD: usize = 32 + 4;

/// What the root holds between two iterations.
#[derive(Debug, Clone, Default)]
pub struct TrainingState {
    /// Digest of the plan.
    pub plan: [u8; 32],
    /// Iterations done.
    pub iteration: usize,
    /// Released totals of collective standardisation.
    pub totals: Vec<f64>,
    /// Encrypted weights, by kind: as many lists as the plan's network has kinds of weights.
    pub lists: Vec<Vec<Ciphertext>>,
}

impl TrainingState {
    /// Encodes.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let mut body = self.plan.to_vec();
        body.extend((self.iteration as u32).to_le_bytes());
        let list = |cts: &Vec<Ciphertext>| {
            let parts: Vec<Vec<u8>> = cts.iter().map(|ct| ct.to_bytes(params)).collect();
            sections::join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
        };
        let mut parts = vec![statistics::totals_to_bytes(&self.totals)];
        parts.extend(self.lists.iter().map(list));
        body.extend(sections::join(
            &parts.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        ));
        sealed_by_checksum(&body)
    }

    /// Decodes a state of the plan with this digest and as many moments. Strict.
    pub fn from_bytes(
        params: &Parameters,
        plan: [u8; 32],
        moments: usize,
        bytes: &[u8],
    ) -> Result<Self, EncryptedError> {
        let wrong = |problem: &str| EncryptedError::Message {
            what: "training state",
            problem: problem.into(),
        };
        let body = checked(bytes).map_err(wrong)?;
        let (head, rest) = (body.split_at_checked(HEAD)).ok_or_else(|| wrong("truncated"))?;
        let (digest, iteration) = head.split_at(32);
        if digest != plan {
            return Err(wrong("of another plan, other parties or other rows"));
        }
        let iteration = iteration
            .iter()
            .rev()
            .fold(0, |n, &b| n << 8 | usize::from(b));
        let parts = sections::split_any("training state", rest)?;
        let (totals, lists) = parts.split_first().ok_or_else(|| wrong("empty"))?;
        let list = |bytes: &&[u8]| -> Result<Vec<Ciphertext>, EncryptedError> {
            let parts = sections::split_any("training state", bytes)?;
            let decode = |part| Ok(Ciphertext::from_bytes(params, part)?);
            parts.into_iter().map(decode).collect()
        };
        Ok(Self {
            plan,
            iteration,
            totals: statistics::totals_from_bytes(totals, moments)?,
            lists: lists.iter().map(list).collect::<Result<_, _>>()?,
        })
    }
}

/// A body behind its name, version and checksum.
pub(super) fn sealed_by_checksum(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(BODY + body.len());
    out.extend(MAGIC);
    out.push(VERSION);
    out.extend(blake3::hash(body).as_bytes());
    out.extend(body);
    out
}

/// The inverse of [`sealed_by_checksum`].
pub(super) fn checked(bytes: &[u8]) -> Result<&[u8], &'static str> {
    if bytes.len() < BODY || !bytes.starts_with(MAGIC) {
        return Err("not a file of this program");
    }
    if bytes[MAGIC.len()] != VERSION {
        return Err("written by another version of this program");
    }
    let (head, body) = bytes.split_at(BODY);
    match blake3::hash(body).as_bytes() == &head[MAGIC.len() + 1..] {
        true => Ok(body),
        false => Err("damaged: its checksum is wrong"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_damage_to_a_body_is_noticed(body in prop::collection::vec(any::<u8>(), 0..60), at: prop::sample::Index) {
            let bytes = sealed_by_checksum(&body);
            prop_assert_eq!(checked(&bytes).unwrap(), &body[..]);
            let mut bad = bytes.clone();
            bad[at.index(bytes.len())] ^= 1;
            prop_assert!(checked(&bad).is_err());
            prop_assert!(checked(&bytes[..at.index(bytes.len())]).is_err());
        }
    }
}
