//! Kernels for AVX-512 with IFMA (52-bit integer multiply-add), eight residues at a time.
//!
//! `vpmadd52` reads only the low 52 bits of its factors and adds the low or high half of their
//! product to a 64-bit word. Hence the convention of this module: a vector *modulo 2^52* may
//! carry garbage above bit 51; it is masked only where it is compared.
//!
//! This file holds the vector vocabulary, [`ntt`] the transforms, [`rows`] the pointwise
//! functions, [`sums`] sums over several rows, [`sampling`] the functions on words that
//! are not residues.

mod ntt;
mod rows;
mod sampling;
mod sums;

use super::{Kernels, Multiplier, Simd, portable};
use crate::Modulus;
use crate::modulus::MASK52;
use crate::ntt::NttTable;
use std::arch::x86_64::*;

/// Eight words.
type V = __m512i;

/// Whether this processor can run [`kernels`].
fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
}

/// The table, if this processor can run it. The only way to reach the functions of this module.
pub(super) fn kernels() -> Option<&'static Kernels> {
    available().then_some(&KERNELS)
}

/// Defines safe functions that enter the instruction set.
macro_rules! enter {
    ($($module:ident :: $name:ident ( $($arg:ident : $type:ty),* );)*) => {
        $(fn $name($($arg: $type),*) {
            // SAFETY: only `kernels` hands out these functions, after checking that the
            // processor has the features the callee is compiled for.
            unsafe { $module::$name($($arg),*) }
        })*
        static KERNELS: Kernels = Kernels { simd: Simd::Avx512, $($name),* };
    };
}

enter! {
    ntt::ntt_forward(row: &mut [u64], table: &NttTable);
    ntt::ntt_inverse(row: &mut [u64], table: &NttTable, scale: Multiplier);
    rows::add_assign(a: &mut [u64], b: &[u64], m: &Modulus);
    rows::sub_assign(a: &mut [u64], b: &[u64], m: &Modulus);
    rows::neg_assign(a: &mut [u64], m: &Modulus);
    rows::mul_assign(a: &mut [u64], b: &[u64], m: &Modulus);
    rows::mul(out: &mut [u64], a: &[u64], b: &[u64], m: &Modulus);
    rows::mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus);
    rows::mul_scalar_assign(a: &mut [u64], w: Multiplier, m: &Modulus);
    rows::mul_scalar(out: &mut [u64], a: &[u64], w: Multiplier, m: &Modulus);
    rows::sub_mul_scalar(x: &mut [u64], y: &[u64], w: Multiplier, m: &Modulus);
    rows::tensor(d: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2], m: &Modulus);
    sums::mac_digits(out: [&mut [u64]; 2], digits: &[&[u64]], key0: &[&[u64]], key1: &[&[u64]], m: &Modulus);
    sums::base_convert(out: &mut [u64], y: &[&[u64]], c: &[u64], v: &[u64], c_v: u64, m: &Modulus);
    sums::round_quotient(v: &mut [u64], y: &[&[u64]], q: &[u64]);
    rows::permute(out: &mut [u64], a: &[u64], index: &[u32]);
    rows::reduce_signed(out: &mut [u64], x: &[i64], m: &Modulus);
    sampling::reduce_wide(out: &mut [u64], limbs: &[&[u64]], m: &Modulus);
    sampling::invert_table(out: &mut [i64], words: &[u64], table: &[u64]);
    rows::reduce_centred(out: &mut [u64], x: &[u64], other: u64, m: &Modulus);
    rows::fold(row: &mut [u64], i: Multiplier, m: &Modulus);
    rows::unfold(row: &mut [u64], i_half: Multiplier, half: Multiplier, m: &Modulus);
}

/// A row as vectors.
///
/// # Panics
/// If its length is not a multiple of eight.
#[inline]
fn vectors(row: &[u64]) -> &[[u64; 8]] {
    let (vectors, rest) = row.as_chunks();
    assert!(rest.is_empty(), "rows are multiples of 16 residues");
    vectors
}

/// See [`vectors`].
#[inline]
fn vectors_mut(row: &mut [u64]) -> &mut [[u64; 8]] {
    let (vectors, rest) = row.as_chunks_mut();
    assert!(rest.is_empty(), "rows are multiples of 16 residues");
    vectors
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(x: &[u64; 8]) -> V {
    // SAFETY: the array is 64 readable bytes; the load needs no alignment.
    unsafe { _mm512_loadu_si512(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(x: &mut [u64; 8], v: V) {
    // SAFETY: the array is 64 writable bytes, borrowed exclusively; the store needs no alignment.
    unsafe { _mm512_storeu_si512(x.as_mut_ptr().cast(), v) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn broadcast(x: u64) -> V {
    _mm512_set1_epi64(x as i64)
}

/// `acc` + the low half of the 104-bit product.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_low(acc: V, a: V, b: V) -> V {
    _mm512_madd52lo_epu64(acc, a, b)
}

/// `acc` + the high half of the 104-bit product.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_high(acc: V, a: V, b: V) -> V {
    _mm512_madd52hi_epu64(acc, a, b)
}

/// x − q if x ≥ q, else x.
#[inline]
#[target_feature(enable = "avx512f")]
fn subtract_once(x: V, q: V) -> V {
    _mm512_min_epu64(x, _mm512_sub_epi64(x, q))
}

/// A constant multiplier in every lane.
#[derive(Clone, Copy)]
struct Root {
    w: V,
    quotient: V,
}

impl Root {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(w: Multiplier) -> Self {
        Self {
            w: broadcast(w.w),
            quotient: broadcast(w.quotient),
        }
    }
}

/// The constants of a prime in every lane.
#[derive(Clone, Copy)]
struct Field {
    q: V,
    two_q: V,
    /// 2^52 − q
    minus_q: V,
    /// floor(2^52/q)
    inverse: V,
    mask: V,
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(m: &Modulus) -> Self {
        let q = m.value();
        Self {
            q: broadcast(q),
            two_q: broadcast(2 * q),
            minus_q: broadcast((1 << 52) - q),
            inverse: broadcast((1 << 52) / q),
            mask: broadcast(MASK52),
        }
    }

    /// x·w mod q in [0, 2q) modulo 2^52, for x modulo 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul_lazy(&self, x: V, w: Root) -> V {
        let zero = _mm512_setzero_si512();
        let estimate = add_high(zero, x, w.quotient);
        add_low(add_low(zero, x, w.w), estimate, self.minus_q)
    }

    /// x·w mod q, for x modulo 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul_exact(&self, x: V, w: Root) -> V {
        let product = _mm512_and_si512(self.mul_lazy(x, w), self.mask);
        subtract_once(product, self.q)
    }

    /// x mod q in [0, 2q) modulo 2^52, for x modulo 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce_lazy(&self, x: V) -> V {
        let estimate = add_high(_mm512_setzero_si512(), x, self.inverse);
        add_low(x, estimate, self.minus_q)
    }

    /// x mod q, for x modulo 2^52.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce(&self, x: V) -> V {
        subtract_once(_mm512_and_si512(self.reduce_lazy(x), self.mask), self.q)
    }
}
