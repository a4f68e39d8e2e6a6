//! Kernels for AVX2 with FMA, four residues at a time, in exact floating point.
//!
//! AVX2 has no wide integer multiplier, but a fused multiply-add gives a product of two doubles
//! as the unevaluated sum of two: h = fl(ab), l = ab − h exactly. With e = round(ab/q) (by
//! adding and subtracting 1.5·2^52),
//!
//! ab mod q = (h − eq) + l,
//!
//! where h − eq is exact, because it is an integer below 2^53. Residues are *centred*, any
//! representative of magnitude at most c·q with c ≤ 4: below, c bounds are given for the worst
//! case q < 2^50. A constant factor w is taken in (−q/2, q/2) with the ratio w/q rounded; then
//! for |a| ≤ cq the quotient is off by at most 1/2 + c/32, hence |aw mod q| ≤ (1/2 + c/32)q.
//! For two variables below q the bound is 3/4.
//!
//! This file holds the vector vocabulary, [`ntt`] the transforms, [`rows`] the pointwise
//! functions, [`sampling`] those on words that are not residues.

mod ntt;
mod rows;
mod sampling;

use super::{Kernels, Multiplier, Simd, portable};
use crate::Modulus;
use crate::ntt::NttTable;
use std::arch::x86_64::*;

/// Four doubles.
type F = __m256d;

/// The table, if this processor can run it. The only way to reach the functions of this module.
pub(super) fn kernels() -> Option<&'static Kernels> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(&KERNELS)
}

/// Defines safe functions that enter the instruction set.
macro_rules! enter {
    ($($module:ident :: $name:ident ( $($arg:ident : $type:ty),* );)*) => {
        $(fn $name($($arg: $type),*) {
            // SAFETY: only `kernels` hands out these functions, after checking that the
            // processor has the features the callee is compiled for.
            unsafe { $module::$name($($arg),*) }
        })*
        static KERNELS: Kernels = Kernels {
            simd: Simd::Avx2,
            // A gather is no faster than four loads.
            permute: portable::permute,
            $($name),*
        };
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
    rows::mac_digits(out: [&mut [u64]; 2], digits: &[&[u64]], key0: &[&[u64]], key1: &[&[u64]], m: &Modulus);
    rows::base_convert(out: &mut [u64], y: &[&[u64]], c: &[u64], v: &[u64], c_v: u64, m: &Modulus);
    rows::round_quotient(v: &mut [u64], y: &[&[u64]], q: &[u64]);
    rows::reduce_signed(out: &mut [u64], x: &[i64], m: &Modulus);
    sampling::reduce_wide(out: &mut [u64], limbs: &[&[u64]], m: &Modulus);
    sampling::invert_table(out: &mut [i64], words: &[u64], table: &[u64]);
    rows::reduce_centred(out: &mut [u64], x: &[u64], other: u64, m: &Modulus);
    rows::fold(row: &mut [u64], i: Multiplier, m: &Modulus);
    rows::unfold(row: &mut [u64], i_half: Multiplier, half: Multiplier, m: &Modulus);
}

/// 1.5·2^52: adding it to |x| ≤ 2^51 rounds x to an integer, ties to even.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// 2^52: its bits plus an integer in [0, 2^52) are those of the sum.
const TWO52: f64 = 4_503_599_627_370_496.0;

/// A row as vectors.
///
/// # Panics
/// If its length is not a multiple of four.
#[inline]
fn vectors(row: &[u64]) -> &[[u64; 4]] {
    let (vectors, rest) = row.as_chunks();
    assert!(rest.is_empty(), "rows are multiples of 16 residues");
    vectors
}

/// See [`vectors`].
#[inline]
fn vectors_mut(row: &mut [u64]) -> &mut [[u64; 4]] {
    let (vectors, rest) = row.as_chunks_mut();
    assert!(rest.is_empty(), "rows are multiples of 16 residues");
    vectors
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_words(x: &[u64; 4]) -> __m256i {
    // SAFETY: the array is 32 readable bytes; the load needs no alignment.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_words(x: &mut [u64; 4], v: __m256i) {
    // SAFETY: the array is 32 writable bytes, borrowed exclusively; the store needs no alignment.
    unsafe { _mm256_storeu_si256(x.as_mut_ptr().cast(), v) }
}

/// Doubles kept in the words of a row, between passes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_doubles(x: &[u64; 4]) -> F {
    _mm256_castsi256_pd(load_words(x))
}

/// See [`load_doubles`].
#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_doubles(x: &mut [u64; 4], v: F) {
    store_words(x, _mm256_castpd_si256(v));
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn splat(x: f64) -> F {
    _mm256_set1_pd(x)
}

/// Integers in [0, 2^52) to doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_doubles(x: __m256i) -> F {
    let two52 = splat(TWO52);
    let biased = _mm256_or_si256(x, _mm256_castpd_si256(two52));
    _mm256_sub_pd(_mm256_castsi256_pd(biased), two52)
}

/// Residues as doubles.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn load(x: &[u64; 4]) -> F {
    to_doubles(load_words(x))
}

/// A constant factor, centred, and its ratio to q, in every lane.
#[derive(Clone, Copy)]
struct Root {
    w: F,
    ratio: F,
}

impl Root {
    /// From a residue modulo `m`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(w: u64, m: &Modulus) -> Self {
        let centred = m.centre(w) as f64;
        Self {
            w: splat(centred),
            ratio: splat(centred / m.value() as f64),
        }
    }
}

/// The constants of a prime in every lane.
#[derive(Clone, Copy)]
struct Field {
    q: F,
    inverse: F,
    rounder: F,
}

impl Field {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(m: &Modulus) -> Self {
        Self {
            q: splat(m.value() as f64),
            inverse: splat(1.0 / m.value() as f64),
            rounder: splat(ROUNDER),
        }
    }

    /// a·w mod q, |a| ≤ 4q (or a below 2^50), magnitude at most (1/2 + c/32)q.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn mul_root(&self, a: F, root: Root) -> F {
        let quotient = _mm256_sub_pd(_mm256_fmadd_pd(a, root.ratio, self.rounder), self.rounder);
        let high = _mm256_mul_pd(a, root.w);
        let low = _mm256_fmsub_pd(a, root.w, high);
        _mm256_add_pd(_mm256_fnmadd_pd(quotient, self.q, high), low)
    }

    /// a·b mod q for a, b in [0, q), magnitude at most 3q/4.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn mul(&self, a: F, b: F) -> F {
        let high = _mm256_mul_pd(a, b);
        let low = _mm256_fmsub_pd(a, b, high);
        _mm256_add_pd(self.reduce(high), low)
    }

    /// x − q·round(x/q): magnitude at most q/2 (and rounding of the quotient).
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn reduce(&self, x: F) -> F {
        let quotient = _mm256_sub_pd(_mm256_fmadd_pd(x, self.inverse, self.rounder), self.rounder);
        _mm256_fnmadd_pd(quotient, self.q, x)
    }

    /// Stores the residues in [0, q) of integers in (−q, q).
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn store(&self, out: &mut [u64; 4], x: F) {
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(x, _mm256_setzero_pd());
        let x = _mm256_add_pd(x, _mm256_and_pd(negative, self.q));
        let two52 = splat(TWO52);
        let biased = _mm256_add_pd(x, two52);
        store_doubles(out, _mm256_xor_pd(biased, two52));
    }
}
