//! Parameters, checked for security when they are made.

use crate::CkksError;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use tacit_ring::convert::{BaseExtension, Division};
use tacit_ring::{Basis, Ring, RingKind, Transcript, ntt_primes};

/// Largest log2(Q·P) for 128-bit classical security with a uniform ternary secret and σ = 3.2: ePrint 2024/463 for
/// log N = 12…15, the tighter of the published tables (the Homomorphic Encryption Standard of 2018 allows
/// 109/218/438/881, which today's cost models put at 125 to 126 bits), and the standard for 16.
const LIMITS: [(u32, u32); 5] = [(12, 106), (13, 214), (14, 430), (15, 868), (16, 1747)];

/// The largest modulus, in bits, that is accepted at degree 2^`log_n`; none below 2^12.
pub fn max_log_qp(log_n: u32) -> Option<u32> {
    LIMITS
        .iter()
        .find(|(n, _)| *n == log_n)
        .map(|&(_, bits)| bits)
}

/// What a set of parameters is made from. Sizes are in bits.
///
/// For the conjugate-invariant ring the same table is applied at dimension N: that the
/// problem over the real subring is as hard is Kim and Song's argument, which the standard's table
/// does not cover.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ParametersLiteral {
    /// Standard (complex slots) or conjugate-invariant (real slots).
    pub kind: RingKind,
    /// log2 of the ring degree N.
    pub log_n: u32,
    /// Sizes of the ciphertext primes, the base prime first.
    pub q_bits: Vec<u32>,
    /// Sizes of the special primes, used in key switching only.
    pub p_bits: Vec<u32>,
    /// log2 of the default scale.
    pub log_scale: u32,
}

/// Named parameter sets, each within the table that construction checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// N = 2^13: 44 + 3×40 bits, one 50-bit special prime.
    N13,
    /// N = 2^14: 50 + 7×40 bits, two 50-bit special primes.
    N14,
    /// N = 2^15: 50 + 15×40 bits, four 50-bit special primes.
    N15,
}

impl Preset {
    /// The literal over the given ring.
    pub fn literal(self, kind: RingKind) -> ParametersLiteral {
        let (log_n, base, levels, special) = match self {
            Preset::N13 => (13, 44, 3, 1),
            Preset::N14 => (14, 50, 7, 2),
            Preset::N15 => (15, 50, 15, 4),
        };
        let mut q_bits = vec![base];
        q_bits.extend(std::iter::repeat_n(40, levels));
        ParametersLiteral {
            kind,
            log_n,
            q_bits,
            p_bits: vec![50; special],
            log_scale: 40,
        }
    }
}

/// A validated parameter set. Cheap to clone; shared by everything that computes with it.
#[derive(Clone)]
pub struct Parameters(Arc<Inner>);

struct Inner {
    literal: ParametersLiteral,
    ring: Ring,
    digest: [u8; 32],
    divisions: RwLock<HashMap<(Basis, usize), Arc<Division>>>,
    decompositions: RwLock<HashMap<usize, Arc<Decomposition>>>,
}

/// The digits of key switching at one level: consecutive groups of ciphertext primes as large as
/// the set of special primes, with the extension of each to all other primes.
#[derive(Debug)]
pub(crate) struct Decomposition {
    pub digits: Vec<Digit>,
}

#[derive(Debug)]
pub(crate) struct Digit {
    /// Rows of the digit's own primes.
    pub start: usize,
    pub end: usize,
    pub extension: BaseExtension,
}

impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parameters({:?})", self.0.literal)
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Parameters {
    /// Checks the literal, including its security, and finds the primes.
    ///
    /// ```
    /// use tacit_ckks::{Parameters, Preset};
    /// use tacit_ring::RingKind;
    ///
    /// let literal = Preset::N13.literal(RingKind::ConjugateInvariant);
    /// assert_eq!(Parameters::new(&literal)?.slots(), 8192);
    ///
    /// let mut greedy = literal;
    /// greedy.q_bits.push(40);
    /// assert!(Parameters::new(&greedy).is_err());
    /// # Ok::<(), tacit_ckks::CkksError>(())
    /// ```
    pub fn new(literal: &ParametersLiteral) -> Result<Self, CkksError> {
        let parameters = Self::build(literal)?;
        let log_qp = parameters
            .ring()
            .log2_modulus(parameters.ring().full_basis());
        match max_log_qp(literal.log_n) {
            Some(limit) if log_qp <= limit as f64 => Ok(parameters),
            limit => Err(CkksError::Insecure {
                log_n: literal.log_n,
                log_qp,
                limit: limit.unwrap_or(0),
            }),
        }
    }

    /// Parameters **without any security**, for fast tests. Only exists under the feature
    /// `insecure-toy-parameters`.
    #[cfg(any(test, feature = "insecure-toy-parameters"))]
    pub fn insecure_toy(literal: &ParametersLiteral) -> Result<Self, CkksError> {
        Self::build(literal)
    }

    fn build(literal: &ParametersLiteral) -> Result<Self, CkksError> {
        let refuse = |why: &str| Err(CkksError::Parameters(why.into()));
        if literal.q_bits.is_empty() || literal.p_bits.is_empty() {
            return refuse("at least one ciphertext prime and one special prime are needed");
        }
        if literal.q_bits.len() > 64 || literal.p_bits.len() > 16 {
            return refuse("at most 64 ciphertext primes and 16 special primes are supported");
        }
        if !(10..=200).contains(&literal.log_scale) {
            return refuse("log_scale must lie between 10 and 200");
        }
        if !(4..=16).contains(&literal.log_n) {
            return refuse("log_n must lie between 4 and 16");
        }
        let step = literal.kind.root_order(literal.log_n);
        let bits: Vec<u32> = literal
            .q_bits
            .iter()
            .chain(&literal.p_bits)
            .copied()
            .collect();
        let primes = ntt_primes(&bits, step)?;
        let (q, p) = primes.split_at(literal.q_bits.len());
        // The special modulus must cover every digit, or key switching drowns in noise.
        let log = |primes: &[u64]| primes.iter().map(|&x| (x as f64).log2()).sum::<f64>();
        let widest = q.chunks(p.len()).map(log).fold(0.0, f64::max);
        if log(p) + 1.0 < widest {
            return Err(CkksError::Parameters(format!(
                "the special primes have {:.0} bits, but a key-switching digit has {widest:.0}; use larger or more special primes",
                log(p)
            )));
        }
        let ring = Ring::new(literal.kind, literal.log_n, q, p)?;
        let mut transcript = Transcript::new("ckks parameters");
        transcript.append_u64(match literal.kind {
            RingKind::Standard => 0,
            RingKind::ConjugateInvariant => 1,
        });
        transcript
            .append_u64(literal.log_n as u64)
            .append_u64(literal.log_scale as u64);
        transcript.append_words(q).append_words(p);
        let digest = transcript.digest();
        Ok(Self(Arc::new(Inner {
            literal: literal.clone(),
            ring,
            digest,
            divisions: RwLock::default(),
            decompositions: RwLock::default(),
        })))
    }

    /// The ring.
    pub fn ring(&self) -> &Ring {
        &self.0.ring
    }

    /// What they were made from.
    pub fn literal(&self) -> &ParametersLiteral {
        &self.0.literal
    }

    /// Identifies the set: the same literal gives the same digest everywhere.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }

    /// Number of plaintext slots.
    pub fn slots(&self) -> usize {
        self.ring().slots()
    }

    /// The highest level: number of ciphertext primes minus one.
    pub fn max_level(&self) -> usize {
        self.0.literal.q_bits.len() - 1
    }

    /// The default scale.
    pub fn scale(&self) -> f64 {
        (self.0.literal.log_scale as f64).exp2()
    }

    /// The prime that [`rescale`](crate::Evaluator::rescale_assign) divides by at `level`.
    pub fn q_at(&self, level: usize) -> f64 {
        self.ring().q(level).value() as f64
    }

    /// log2 of the ciphertext modulus at `level`.
    pub fn log2_q(&self, level: usize) -> f64 {
        self.ring().log2_modulus(Basis::q(level + 1))
    }

    /// log2 of the special modulus.
    pub fn log2_p(&self) -> f64 {
        let full = self.ring().full_basis();
        self.ring().log2_modulus(full) - self.ring().log2_modulus(Basis::q(full.q))
    }

    /// The basis of key material: all primes.
    pub fn key_basis(&self) -> Basis {
        self.ring().full_basis()
    }

    /// The basis of key material for levels up to `level`: the ciphertext primes of that level, and the special ones.
    pub fn key_basis_at(&self, level: usize) -> Basis {
        Basis {
            q: level + 1,
            p: self.key_basis().p,
        }
    }

    /// Number of key-switching digits at the top level.
    pub fn digits(&self) -> usize {
        self.digits_at(self.max_level())
    }

    /// Number of key-switching digits at a level.
    pub fn digits_at(&self, level: usize) -> usize {
        (level + 1).div_ceil(self.key_basis().p)
    }

    /// The ciphertext primes (as row numbers) of key-switching digit `index`, at the top level.
    pub fn digit_range(&self, index: usize) -> std::ops::Range<usize> {
        let width = self.0.literal.p_bits.len();
        index * width..((index + 1) * width).min(self.0.literal.q_bits.len())
    }

    pub(crate) fn division(&self, from: Basis, kept: usize) -> Arc<Division> {
        let key = (from, kept);
        if let Some(found) = self
            .0
            .divisions
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .get(&key)
        {
            return found.clone();
        }
        let fresh = Arc::new(Division::new(self.ring(), from, kept));
        let mut cache = self.0.divisions.write().unwrap_or_else(|e| e.into_inner());
        cache.entry(key).or_insert(fresh).clone()
    }

    pub(crate) fn decomposition(&self, level: usize) -> Arc<Decomposition> {
        let cache = self
            .0
            .decompositions
            .read()
            .unwrap_or_else(|e| e.into_inner());
        if let Some(found) = cache.get(&level) {
            return found.clone();
        }
        drop(cache);
        let basis = self.key_basis_at(level);
        let tables: Vec<_> = self.ring().tables(basis).collect();
        let digits = (0..self.digits_at(level))
            .map(|index| {
                let start = index * basis.p;
                let end = (start + basis.p).min(level + 1);
                let extension = BaseExtension::new(&tables[start..end], &tables);
                Digit {
                    start,
                    end,
                    extension,
                }
            })
            .collect();
        let mut cache = self
            .0
            .decompositions
            .write()
            .unwrap_or_else(|e| e.into_inner());
        cache
            .entry(level)
            .or_insert(Arc::new(Decomposition { digits }))
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_sets_stay_within_the_table() {
        for (preset, limit) in [
            (Preset::N13, 214.0),
            (Preset::N14, 430.0),
            (Preset::N15, 868.0),
        ] {
            for kind in [RingKind::Standard, RingKind::ConjugateInvariant] {
                let p = Parameters::new(&preset.literal(kind)).unwrap();
                let log_qp = p.ring().log2_modulus(p.key_basis());
                assert!(log_qp <= limit + 1e-3, "{preset:?}: {log_qp}");
            }
        }
    }

    #[test]
    fn a_set_beyond_the_table_does_not_construct() {
        let mut literal = Preset::N14.literal(RingKind::Standard);
        literal.q_bits.push(40);
        let error = Parameters::new(&literal).unwrap_err();
        assert!(
            matches!(error, CkksError::Insecure { limit: 430, .. }),
            "{error}"
        );
        literal.log_n = 11;
        literal.q_bits = vec![30];
        literal.p_bits = vec![30];
        assert!(matches!(
            Parameters::new(&literal),
            Err(CkksError::Insecure { limit: 0, .. })
        ));
    }

    #[test]
    fn special_primes_must_cover_a_digit() {
        let mut literal = Preset::N14.literal(RingKind::Standard);
        literal.p_bits = vec![30, 30];
        assert!(matches!(
            Parameters::new(&literal),
            Err(CkksError::Parameters(_))
        ));
    }
}
