//! Encrypted queries: made by a querier with its own key, answered to it alone.

use tacit_ckks::{Ciphertext, Encoder, Parameters, PublicKey, SecretKey, decrypt, encrypt};
use tacit_ring::Xof;

use super::noise::FEATURE_BITS;
use super::sections;
use super::{EncryptedError, EncryptionPlan};
use crate::model::GlmConfig;
use crate::packing::Layout;

/// Largest standardised feature in a query; the proven noise bound depends on it.
const FEATURE_LIMIT: f64 = (1u64 << FEATURE_BITS) as f64;

/// Someone who asks: holds a key of its own and knows the collective public key.
pub struct Querier {
    plan: EncryptionPlan,
    layout: Layout,
    outputs: usize,
    secret: SecretKey,
    public: PublicKey,
}

impl std::fmt::Debug for Querier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Querier(secret redacted)")
    }
}

/// A query on the wire: encrypted rows, the public key the answer is switched to, and a warrant.
///
/// The warrant says who asks, in the words of whoever runs the parties; it is empty where all of them
/// are one program. Every party sees it, beside the target, before it gives a share of the answer
/// ([`answer_parts`]).
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) rows: Ciphertext,
    pub(super) target: PublicKey,
    pub(super) warrant: Vec<u8>,
}

/// The target and the warrant in the public input of a round that answers a query.
pub fn answer_parts(input: &[u8]) -> Result<(&[u8], &[u8]), EncryptedError> {
    let parts = sections::split("answer", input, 3)?;
    Ok((parts[1], parts[2]))
}

impl Query {
    /// Canonical bytes.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        sections::join(&[
            &self.rows.to_bytes(params),
            &self.target.to_bytes(params),
            &self.warrant,
        ])
    }

    /// The bytes of the encrypted rows and of the target: what a warrant speaks of.
    pub fn subject(&self, params: &Parameters) -> (Vec<u8>, Vec<u8>) {
        (self.rows.to_bytes(params), self.target.to_bytes(params))
    }

    /// The same query with a warrant.
    pub fn with_warrant(self, warrant: Vec<u8>) -> Self {
        Self { warrant, ..self }
    }

    /// Its warrant.
    pub fn warrant(&self) -> &[u8] {
        &self.warrant
    }

    /// Strict inverse of [`Self::to_bytes`].
    pub fn from_bytes(plan: &EncryptionPlan, bytes: &[u8]) -> Result<Self, EncryptedError> {
        let parts = sections::split("query", bytes, 3)?;
        let rows = Ciphertext::from_bytes(&plan.params, parts[0])?;
        let target = PublicKey::from_bytes(&plan.params, parts[1])?;
        let scale = plan.query_scale();
        if rows.level() != plan.answer_level() || rows.polys().len() != 2 || rows.scale() != scale {
            return Err(EncryptedError::Query(format!(
                "rows are at level {} and scale 2^{:.1}, level {} and scale 2^{} are required",
                rows.level(),
                rows.scale().log2(),
                plan.answer_level(),
                plan.query_scale_bits()
            )));
        }
        let warrant = parts[2].to_vec();
        Ok(Self {
            rows,
            target,
            warrant,
        })
    }
}

impl Querier {
    /// A querier with a fresh key.
    pub fn new(config: &GlmConfig, plan: &EncryptionPlan) -> Result<Self, EncryptedError> {
        let mut xof = Xof::from_os().map_err(tacit_ckks::CkksError::from)?;
        let secret = SecretKey::generate(&plan.params)?;
        let public = PublicKey::generate(&plan.params, &secret, &mut xof);
        let (layout, outputs) = (config.layout()?, config.family.outputs());
        Ok(Self {
            plan: plan.clone(),
            layout,
            outputs,
            secret,
            public,
        })
    }

    /// Rows that fit one query.
    pub fn capacity(&self) -> usize {
        self.layout.group() / self.layout.lanes()
    }

    /// Encrypts up to [`Self::capacity`] rows of standardised features under the collective key.
    pub fn ask<'a>(
        &self,
        collective: &PublicKey,
        rows: impl ExactSizeIterator<Item = &'a [f64]>,
    ) -> Result<Query, EncryptedError> {
        let (layout, params) = (&self.layout, &self.plan.params);
        if rows.len() > self.capacity() {
            let (found, capacity) = (rows.len(), self.capacity());
            return Err(EncryptedError::Query(format!(
                "{found} rows, one query holds {capacity}"
            )));
        }
        let rows: Vec<&[f64]> = rows.collect();
        let features = layout.weights() - 1;
        for (row, values) in rows.iter().enumerate() {
            if values.len() != features {
                let found = values.len();
                return Err(EncryptedError::Query(format!(
                    "row {row} has {found} features, the model has {features}"
                )));
            }
            if let Some(column) = values
                .iter()
                .position(|v| !v.is_finite() || v.abs() > FEATURE_LIMIT)
            {
                return Err(EncryptedError::Query(format!(
                    "row {row}, column {column} is {}: standardised features must be finite and within {FEATURE_LIMIT}",
                    values[column]
                )));
            }
        }
        let value = |slot: usize| {
            let Some(row) = rows.get(slot % layout.group() / layout.lanes()) else {
                return 0.0;
            };
            let coordinate = layout.coordinate(slot);
            match coordinate.cmp(&features) {
                std::cmp::Ordering::Less => row[coordinate],
                std::cmp::Ordering::Equal => 1.0,
                std::cmp::Ordering::Greater => 0.0,
            }
        };
        let slots: Vec<f64> = (0..layout.slots()).map(value).collect();
        let scale = self.plan.query_scale();
        let message = Encoder::new(params).encode(&slots, self.plan.answer_level(), scale)?;
        let mut xof = Xof::from_os().map_err(tacit_ckks::CkksError::from)?;
        let rows = encrypt(params, collective, &message, &mut xof);
        Ok(Query {
            rows,
            target: self.public.clone(),
            warrant: Vec::new(),
        })
    }

    /// Decrypts an answer: for each of `rows` rows, the linear predictor of every output.
    pub fn read(&self, answer: &[u8], rows: usize) -> Result<Vec<Vec<f64>>, EncryptedError> {
        let params = &self.plan.params;
        let answer = Ciphertext::from_bytes(params, answer)?;
        let slots = Encoder::new(params).decode(&decrypt(params, &self.secret, &answer));
        let (group, lanes) = (self.layout.group(), self.layout.lanes());
        // Every coordinate group holds the same predictors: their mean has less noise.
        let groups = slots.len() / group;
        let mean = |offset: usize| {
            (0..groups).map(|k| slots[k * group + offset]).sum::<f64>() / groups as f64
        };
        Ok((0..rows)
            .map(|row| {
                (0..self.outputs)
                    .map(|lane| mean(row * lanes + lane))
                    .collect()
            })
            .collect())
    }
}
