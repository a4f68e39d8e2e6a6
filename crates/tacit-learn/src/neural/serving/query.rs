//! Encrypted queries: made by a querier with its own keys, answered to it alone.
//!
//! A query goes out in one of two forms:
//!
//! | form | encrypted | bytes | at the parties |
//! |---|---|---|---|
//! | expanded | under the collective key | two polynomials a ciphertext | nothing |
//! | compact | under the querier's own key, c_1 as a seed | one polynomial a ciphertext | a key switch a ciphertext |
//!
//! For the compact form the querier has once sent a gadget encryption of its asking key under the collective key
//! (its [`Introduction`]). The key that answers are read with is another one, so nothing is encrypted in a cycle.

use std::sync::Arc;

use tacit_ckks::{
    Ciphertext, CkksError, Encoder, Parameters, Plaintext, PublicKey, SecretKey, SeededCiphertext,
    SwitchingKey, add_gadget_multiple, decrypt, encrypt, encrypt_seeded, sample_error,
};
use tacit_ring::{SecretPoly, Transcript, Xof, sample};

use super::super::Matrix;
use super::plan::{INPUT_BITS, ServingPlan};
use crate::encrypted::{EncryptedError, sections};
use crate::model::Samples;

type Result<T> = std::result::Result<T, EncryptedError>;

/// Someone who asks: holds keys of its own and knows the collective public key.
pub struct Querier {
    plan: Arc<ServingPlan>,
    collective: PublicKey,
    encoder: Encoder,
    asking: SecretKey,
    reading: SecretKey,
    target: PublicKey,
}

impl std::fmt::Debug for Querier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Querier(secrets redacted)")
    }
}

/// What a querier sends once.
#[derive(Debug, Clone, PartialEq)]
pub struct Introduction {
    /// The key that answers are switched to.
    pub(super) target: PublicKey,
    /// From the asking key to the collective one; for compact queries.
    pub(super) asking: Option<SwitchingKey>,
}

/// Encrypted samples on their way to the parties.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Under the collective key.
    Expanded(Vec<Ciphertext>),
    /// Under the querier's own.
    Compact(Vec<SeededCiphertext>),
}

impl Querier {
    /// A querier with fresh keys.
    pub fn new(plan: Arc<ServingPlan>, collective: PublicKey) -> Result<Self> {
        let params = &plan.encryption.params;
        let reading = SecretKey::generate(params)?;
        let target = PublicKey::generate(params, &reading, &mut fresh_xof()?);
        Ok(Self {
            encoder: Encoder::new(params),
            asking: SecretKey::generate(params)?,
            collective,
            reading,
            target,
            plan,
        })
    }

    /// Samples that fit one query.
    pub fn capacity(&self) -> usize {
        self.plan.layout.samples()
    }

    /// What has to be sent before the first query, for one form of query or for both.
    pub fn introduction(&self, compact: bool) -> Result<Introduction> {
        let asking = match compact {
            true => Some(self.asking_key()?),
            false => None,
        };
        let target = self.target.clone();
        Ok(Introduction { target, asking })
    }

    /// P·w_j·s' encrypted under the collective key, for every digit j.
    fn asking_key(&self) -> Result<SwitchingKey> {
        let params = &self.plan.encryption.params;
        let (ring, basis) = (params.ring(), params.key_basis());
        let (key_b, key_a) = self.collective.parts();
        if key_b.basis() != basis {
            let problem = "compact queries need the extended collective key";
            return Err(EncryptedError::Query(problem.into()));
        }
        let mut xof = fresh_xof()?;
        let (mut b, mut a) = (vec![], vec![]);
        for digit in 0..params.digits() {
            let u = sample::ternary(ring.n(), &mut xof);
            let u = SecretPoly::new(ring.forward(ring.lift_signed(u.as_slice(), basis)));
            let mut b_j = sample_error(params, basis, &mut xof);
            ring.mul_add_assign(&mut b_j, &u, key_b);
            add_gadget_multiple(params, digit, self.asking.poly(), &mut b_j);
            let mut a_j = sample_error(params, basis, &mut xof);
            ring.mul_add_assign(&mut a_j, &u, key_a);
            b.push(b_j);
            a.push(a_j);
        }
        Ok(SwitchingKey::from_parts(params, b, a))
    }

    /// Encrypts rows of a table under the collective key.
    pub fn ask(&self, table: &Samples, rows: &[usize]) -> Result<Query> {
        let params = &self.plan.encryption.params;
        let mut xof = fresh_xof()?;
        let encrypt = |message| encrypt(params, &self.collective, &message, &mut xof);
        let messages = self.messages(table, rows)?;
        Ok(Query::Expanded(messages.into_iter().map(encrypt).collect()))
    }

    /// Encrypts rows of a table under the asking key; half the bytes.
    pub fn ask_compact(&self, table: &Samples, rows: &[usize]) -> Result<Query> {
        let params = &self.plan.encryption.params;
        let mut xof = fresh_xof()?;
        let encrypt = |message: Plaintext| {
            let mut seed = [0; 32];
            xof.fill(&mut seed);
            encrypt_seeded(params, &self.asking, &message, seed, &mut xof)
        };
        let messages = self.messages(table, rows)?;
        Ok(Query::Compact(messages.into_iter().map(encrypt).collect()))
    }

    fn messages(&self, table: &Samples, rows: &[usize]) -> Result<Vec<Plaintext>> {
        let slots = self.plan.layout.pack_query(table, rows)?;
        let limit = f64::from(INPUT_BITS).exp2();
        for &row in rows {
            let fits = |v: &f64| v.is_finite() && v.abs() <= limit;
            if let Some(column) = table.row(row).iter().position(|v| !fits(v)) {
                let value = table.row(row)[column];
                return Err(EncryptedError::Query(format!(
                    "row {row}, column {column} is {value}: inputs must be finite and within {limit}; scale them as for training"
                )));
            }
        }
        let (level, scale) = (self.plan.query_level(), self.plan.query_scale());
        let encode = |slots: Vec<f64>| Ok(self.encoder.encode(&slots, level, scale)?);
        slots.into_iter().map(encode).collect()
    }

    /// Decrypts an answer: the outputs of each of `rows` samples.
    pub fn read(&self, answer: &[u8], rows: usize) -> Result<Matrix> {
        let params = &self.plan.encryption.params;
        let answer = Ciphertext::from_bytes(params, answer)?;
        let slots = self
            .encoder
            .decode(&decrypt(params, &self.reading, &answer));
        Ok(self.plan.layout.unpack(&slots, rows)?)
    }
}

fn fresh_xof() -> Result<Xof> {
    Ok(Xof::from_os().map_err(CkksError::from)?)
}

impl Introduction {
    /// Canonical bytes.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let mut parts = vec![self.target.to_bytes(params)];
        parts.extend(self.asking.iter().map(|key| key.to_bytes(params)));
        sections::join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Strict inverse of [`Self::to_bytes`].
    pub fn from_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self> {
        let (target, asking) = match sections::split_any("introduction", bytes)?[..] {
            [target] => (target, None),
            [target, asking] => (target, Some(asking)),
            ref parts => {
                let problem = format!("{} parts instead of 1 or 2", parts.len());
                let what = "introduction";
                return Err(EncryptedError::Message { what, problem });
            }
        };
        let asking = asking.map(|key| SwitchingKey::from_bytes(params, key));
        Ok(Self {
            target: PublicKey::from_bytes(params, target)?,
            asking: asking.transpose()?,
        })
    }
}

const EXPANDED: &[u8] = &[1];
const COMPACT: &[u8] = &[2];

impl Query {
    /// Canonical bytes.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let (form, parts): (&[u8], Vec<Vec<u8>>) = match self {
            Query::Expanded(cts) => (EXPANDED, cts.iter().map(|ct| ct.to_bytes(params)).collect()),
            Query::Compact(cts) => (COMPACT, cts.iter().map(|ct| ct.to_bytes(params)).collect()),
        };
        let mut all = vec![form];
        all.extend(parts.iter().map(Vec::as_slice));
        sections::join(&all)
    }

    /// Strict inverse of [`Self::to_bytes`].
    pub fn from_bytes(plan: &ServingPlan, bytes: &[u8]) -> Result<Self> {
        let params = &plan.encryption.params;
        let parts = sections::split("query", bytes, 1 + plan.layout.pieces())?;
        let (form, parts) = (parts[0], &parts[1..]);
        let query = match form {
            EXPANDED => Query::Expanded(
                (parts
                    .iter()
                    .map(|part| Ciphertext::from_bytes(params, part)))
                .collect::<std::result::Result<_, _>>()?,
            ),
            COMPACT => Query::Compact(
                (parts
                    .iter()
                    .map(|part| SeededCiphertext::from_bytes(params, part)))
                .collect::<std::result::Result<_, _>>()?,
            ),
            other => {
                let problem = format!("{other:?} is no form of a query");
                return Err(EncryptedError::Query(problem));
            }
        };
        Ok(query)
    }

    /// What makes a query the same as another one.
    pub(super) fn digest(&self, params: &Parameters) -> [u8; 32] {
        let mut transcript = Transcript::new("learn network query");
        transcript.append(&self.to_bytes(params));
        transcript.digest()
    }

    /// The ciphertexts under the collective key, as the plan wants them.
    pub(super) fn received(
        self,
        plan: &ServingPlan,
        introduction: &Introduction,
        evaluator: &tacit_ckks::Evaluator,
    ) -> Result<Vec<Ciphertext>> {
        let params = &plan.encryption.params;
        let cts = match self {
            Query::Expanded(cts) => cts,
            Query::Compact(cts) => {
                let key = introduction.asking.as_ref().ok_or_else(|| {
                    let problem = "a compact query needs the asking key, which was not introduced";
                    EncryptedError::Query(problem.into())
                })?;
                use rayon::prelude::*;
                let switch = |ct: &SeededCiphertext| evaluator.switch_key(&ct.expand(params), key);
                (cts.par_iter().map(switch)).collect::<std::result::Result<_, _>>()?
            }
        };
        let (level, scale) = (plan.query_level(), plan.query_scale());
        let pieces = plan.layout.pieces();
        if cts.len() != pieces {
            let found = cts.len();
            return Err(EncryptedError::Query(format!(
                "{found} ciphertexts instead of {pieces}"
            )));
        }
        for ct in &cts {
            if ct.level() != level || ct.polys().len() != 2 || ct.scale() != scale {
                return Err(EncryptedError::Query(format!(
                    "level {} and scale 2^{:.1}, level {level} and scale 2^{} are required",
                    ct.level(),
                    ct.scale().log2(),
                    scale.log2()
                )));
            }
        }
        Ok(cts)
    }
}
