//! The seam between ring arithmetic and the processor.
//!
//! A [`Kernels`] value is a table of functions on *rows*: slices of residues modulo one prime.
//! There is one table per instruction set; all compute exactly the same results, so that parties
//! with different processors agree bit for bit. The table is chosen once, at run time, by
//! [`Kernels::detect`], and `TACIT_SIMD=portable|avx2|avx512` overrides the choice.
//!
//! Rows have at least [`MIN_ROW`] residues, a multiple of it; every input residue is reduced (in [0, q)) and every
//! output residue is reduced, unless a function says otherwise.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx512;
mod portable;
mod vectorise;

pub use vectorise::Vectorise;

use crate::ntt::NttTable;
use crate::{Modulus, RingError};
use std::sync::OnceLock;

/// Shortest row, and the granularity of rows.
pub const MIN_ROW: usize = 16;

/// Most terms that [`Kernels::mac_digits`] and [`Kernels::base_convert`] accumulate.
pub const MAX_TERMS: usize = 64;

/// Most words of an integer that [`Kernels::reduce_wide`] takes.
pub const MAX_LIMBS: usize = 8;

/// Instruction sets for which kernels exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Simd {
    /// Plain Rust, any processor.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512 F, DQ, VL and IFMA.
    Avx512,
}

impl Simd {
    /// The name used by `TACIT_SIMD`.
    pub const fn name(self) -> &'static str {
        match self {
            Simd::Portable => "portable",
            Simd::Avx2 => "avx2",
            Simd::Avx512 => "avx512",
        }
    }
}

/// A constant multiplier: the residue and its quotient floor(w·2^52 / q).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiplier {
    /// The residue, below q.
    pub w: u64,
    /// floor(w·2^52 / q).
    pub quotient: u64,
}

impl Multiplier {
    /// Prepares `w` (reduced first) for repeated multiplication modulo `m`.
    pub const fn new(w: u64, m: &Modulus) -> Self {
        let w = w % m.value();
        Self {
            w,
            quotient: (((w as u128) << 52) / m.value() as u128) as u64,
        }
    }
}

/// Row functions for one instruction set. See the module documentation for the conventions.
///
/// All slices of one call must have the same length; the functions panic otherwise.
#[derive(Clone, Copy)]
#[allow(clippy::type_complexity)] // the signatures are the documentation
pub struct Kernels {
    /// Which instruction set this table uses.
    pub simd: Simd,
    /// In-place forward transform, natural order in, bit-reversed order out.
    pub ntt_forward: fn(row: &mut [u64], table: &NttTable),
    /// In-place inverse transform without its factor 1/N, then a multiplication by `scale`
    /// (1/N, or 1/N times a constant that is wanted anyway).
    pub ntt_inverse: fn(row: &mut [u64], table: &NttTable, scale: Multiplier),
    /// a += b
    pub add_assign: fn(a: &mut [u64], b: &[u64], m: &Modulus),
    /// a −= b
    pub sub_assign: fn(a: &mut [u64], b: &[u64], m: &Modulus),
    /// a = −a
    pub neg_assign: fn(a: &mut [u64], m: &Modulus),
    /// a ·= b
    pub mul_assign: fn(a: &mut [u64], b: &[u64], m: &Modulus),
    /// out = a·b
    pub mul: fn(out: &mut [u64], a: &[u64], b: &[u64], m: &Modulus),
    /// acc += a·b
    pub mul_add_assign: fn(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus),
    /// a ·= w
    pub mul_scalar_assign: fn(a: &mut [u64], w: Multiplier, m: &Modulus),
    /// out = a·w
    pub mul_scalar: fn(out: &mut [u64], a: &[u64], w: Multiplier, m: &Modulus),
    /// x = (x − y)·w
    pub sub_mul_scalar: fn(x: &mut [u64], y: &[u64], w: Multiplier, m: &Modulus),
    /// The degree-2 product: d = (a0·b0, a0·b1 + a1·b0, a1·b1)
    pub tensor: fn(d: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2], m: &Modulus),
    /// out0 = Σ digit_k·key0_k, out1 = Σ digit_k·key1_k; at most [`MAX_TERMS`] digits
    pub mac_digits:
        fn(out: [&mut [u64]; 2], digits: &[&[u64]], key0: &[&[u64]], key1: &[&[u64]], m: &Modulus),
    /// out = Σ y_k·c_k + v·c_v with y_k below *their own* primes (< 2^50), v < 2^20 (or c_v = 0),
    /// c reduced modulo `m`; at most [`MAX_TERMS`] terms. The core of base extension.
    pub base_convert:
        fn(out: &mut [u64], y: &[&[u64]], c: &[u64], v: &[u64], c_v: u64, m: &Modulus),
    /// v = round(Σ y_k / q_k), with y_k < q_k
    pub round_quotient: fn(v: &mut [u64], y: &[&[u64]], q: &[u64]),
    /// `out[i] = a[index[i]]`
    pub permute: fn(out: &mut [u64], a: &[u64], index: &[u32]),
    /// out = x mod q for signed x, |x| < 2^62
    pub reduce_signed: fn(out: &mut [u64], x: &[i64], m: &Modulus),
    /// out = x mod q for signed x of `limbs.len()` words (1 to 8) in two's complement, the least
    /// significant word first.
    pub reduce_wide: fn(out: &mut [u64], limbs: &[&[u64]], m: &Modulus),
    /// out = ± the number of entries ≤ ⌊word/2⌋ of an increasing table of entries below 2^63, negative
    /// if the word is odd: inversion sampling, at a cost independent of the words. Slices of
    /// any length.
    pub invert_table: fn(out: &mut [i64], words: &[u64], table: &[u64]),
    /// out = x mod q for x < 2^50 reduced modulo another prime, read as centred: values above
    /// `half` stand for x − `other`.
    pub reduce_centred: fn(out: &mut [u64], x: &[u64], other: u64, m: &Modulus),
    /// The fold before a conjugate-invariant transform: a_j ← a_j − i·a_{N−j}, with i = √−1.
    pub fold: fn(row: &mut [u64], i: Multiplier, m: &Modulus),
    /// The inverse of [`Self::fold`]: a_j ← (a_j + i·a_{N−j})/2 for j ≠ 0; `i_half` is i/2 and
    /// `half` is 1/2 modulo q.
    pub unfold: fn(row: &mut [u64], i_half: Multiplier, half: Multiplier, m: &Modulus),
}

impl std::fmt::Debug for Kernels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernels({})", self.simd.name())
    }
}

impl Kernels {
    /// The kernels of one instruction set, if this processor has it.
    pub fn for_simd(simd: Simd) -> Option<&'static Kernels> {
        match simd {
            Simd::Portable => Some(&portable::KERNELS),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx2 => avx2::kernels(),
            #[cfg(target_arch = "x86_64")]
            Simd::Avx512 => avx512::kernels(),
            #[cfg(not(target_arch = "x86_64"))]
            Simd::Avx2 | Simd::Avx512 => None,
        }
    }

    /// Every table this processor can run, slowest first.
    pub fn available() -> Vec<&'static Kernels> {
        [Simd::Portable, Simd::Avx2, Simd::Avx512]
            .into_iter()
            .filter_map(Self::for_simd)
            .collect()
    }

    /// The kernels in force: those named by `TACIT_SIMD`, else the fastest available.
    ///
    /// The environment is read once per process.
    pub fn detect() -> Result<&'static Kernels, RingError> {
        static CHOICE: OnceLock<Result<&'static Kernels, RingError>> = OnceLock::new();
        CHOICE
            .get_or_init(|| Self::choose(std::env::var("TACIT_SIMD").ok().as_deref()))
            .clone()
    }

    /// As [`Self::detect`], or the portable kernels if the environment asks for something
    /// impossible: for functions whose results are the same anyway.
    pub(crate) fn detect_or_portable() -> &'static Kernels {
        Self::detect().unwrap_or(&portable::KERNELS)
    }

    fn choose(requested: Option<&str>) -> Result<&'static Kernels, RingError> {
        let refuse = |name: &str, reason| RingError::Simd {
            requested: name.into(),
            reason,
        };
        let simd = match requested {
            None | Some("") => {
                return Ok(Self::available().pop().unwrap_or(&portable::KERNELS));
            }
            Some("portable") => Simd::Portable,
            Some("avx2") => Simd::Avx2,
            Some("avx512") => Simd::Avx512,
            Some(other) => return Err(refuse(other, "no such instruction set is known")),
        };
        Self::for_simd(simd).ok_or_else(|| {
            refuse(
                simd.name(),
                "this processor does not have that instruction set",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_instruction_set_is_refused_by_name() {
        let error = Kernels::choose(Some("sse9")).unwrap_err();
        assert!(error.to_string().contains("sse9"));
        assert_eq!(
            Kernels::choose(Some("portable")).unwrap().simd,
            Simd::Portable
        );
    }
}
