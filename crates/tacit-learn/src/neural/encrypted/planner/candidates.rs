//! What is compared.

use std::ops::RangeInclusive;

use tacit_ckks::max_log_qp;

use super::super::super::{MlpConfig, PolynomialActivation};
use super::super::{MlpPlan, ModulusShape};
use crate::Error;
use crate::encrypted::EncryptedError;

/// The plans that may be chosen from, around a configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Slots of a ciphertext, and the degree of the ring.
    pub slots: Vec<usize>,
    /// Numbers of special primes.
    pub special: RangeInclusive<usize>,
    /// log2 of Δ.
    pub scale_bits: RangeInclusive<u32>,
    /// Samples per party and iteration.
    pub batch: Vec<usize>,
    /// Activations.
    pub activations: Vec<PolynomialActivation>,
}

impl Space {
    /// Both rings of the table that a network fits, one to six special primes, and all batches from an eighth of
    /// what a layer's width allows.
    pub fn around(config: &MlpConfig) -> Self {
        let widest = config.layers[1..].iter().max().copied().unwrap_or(1);
        let most = widest.next_power_of_two();
        let batches = std::iter::successors(Some(most), |b| Some(b / 2));
        Self {
            slots: vec![1 << 14, 1 << 15],
            special: 1..=6,
            scale_bits: 32..=49,
            batch: batches.take_while(|&b| b >= (most / 8).max(1)).collect(),
            activations: vec![config.activation.clone()],
        }
    }
}

/// A plan to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The training.
    pub config: MlpConfig,
    /// The modulus.
    pub shape: ModulusShape,
    /// Ciphertext primes.
    pub primes: usize,
    /// log2 of the modulus, special primes included.
    pub bits: u32,
    /// The largest modulus that is secure for this ring.
    pub limit: u32,
}

impl Candidate {
    /// Whether the modulus is within the table of 128-bit security.
    pub fn is_secure(&self) -> bool {
        self.bits <= self.limit
    }
}

/// All moduli for one training. Of several with the same numbers of primes only the one of the highest precision is
/// kept that is secure (or, if none is, the smallest): all cost the same.
pub fn moduli(
    space: &Space,
    config: &MlpConfig,
    rows: &[usize],
    lambda_s: u32,
) -> Result<Vec<Candidate>, EncryptedError> {
    let log_n = config.slots.trailing_zeros();
    let limit = max_log_qp(log_n).ok_or_else(|| {
        let problem = format!("no ring with {} slots has a security level", config.slots);
        Error::config("slots", problem, "use 16384 or 32768")
    })?;
    let mut out: Vec<Candidate> = Vec::new();
    for special in space.special.clone() {
        for scale_bits in space.scale_bits.clone() {
            let shape = ModulusShape {
                special,
                scale_bits,
            };
            let modulus = MlpPlan::modulus(config, rows, lambda_s, shape)?;
            let candidate = Candidate {
                config: config.clone(),
                shape,
                primes: modulus.primes,
                bits: modulus.bits,
                limit,
            };
            let alike =
                |c: &&mut Candidate| (c.shape.special, c.primes) == (special, candidate.primes);
            match out.iter_mut().find(alike) {
                Some(known) if candidate.is_secure() => *known = candidate,
                Some(_) => {}
                None => out.push(candidate),
            }
        }
    }
    // More digits than ciphertext primes there are none.
    out.retain(|c| c.shape.special <= c.primes);
    Ok(out)
}
