//! One coordinate of a product in GT, and of the quotient, for a tenth of the price of the two.
//!
//! A fingerprint needs one coordinate only. Write elements of F_{p^12} as a0 + a1 w with
//! a0, a1 ∈ F_{p^6}, w² = v, those as c0 + c1 v + c2 v² with c ∈ F_{p^2}, v³ = ξ = 1 + u, and
//! u² = −1. In GT the inverse of b is its conjugate b0 − b1 w, so
//!
//! ```text
//!   (a·b)_0   = a0 b0 + v a1 b1          (the half that conjugation leaves alone)
//!   (a·b⁻¹)_0 = a0 b0 − v a1 b1
//! ```
//!
//! and the first coefficient of each half, real part, is P ± Q with
//!
//! ```text
//!   P = Re( a00 b00 + a01 ξb02 + a02 ξb01 ),     Q = Re( a10 ξb12 + a11 ξb11 + a12 ξb10 ).
//! ```
//!
//! Re(x y) = x_0 y_0 − x_1 y_1: with b prepared, P and Q are inner products of six integers modulo p
//! each, and each is reduced once (Montgomery). Two fingerprints for 12 products of integers and
//! two reductions, where two full multiplications take 108 and 24.

use crate::group::{Gt, P};

const LIMBS: usize = 6;
type Limbs = [u64; LIMBS];

/// −1/p modulo 2^64.
const NEGATIVE_INVERSE: u64 = {
    let mut x: u64 = 1;
    let mut i = 0;
    while i < 6 {
        x = x.wrapping_mul(2u64.wrapping_sub(P[0].wrapping_mul(x)));
        i += 1;
    }
    x.wrapping_neg()
};

/// 2^384 modulo p and its square: what Montgomery reduction divides by.
const R2: Limbs = {
    // Doubling 1 modulo p, 768 times.
    let mut x = [0; LIMBS];
    x[0] = 1;
    let mut i = 0;
    while i < 768 {
        x = add(&x, &x);
        i += 1;
    }
    x
};

/// The left factor: coordinates as integers below p, in the order in which [`Right`] wants them.
#[derive(Clone)]
pub(super) struct Left([Limbs; 12]);

/// The right factor, prepared: ±coefficients times 2^384.
#[derive(Clone)]
pub(super) struct Right([Limbs; 12]);

/// 64 bits that y and 1/y share: the lowest limb of the first coordinate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(pub u64);

/// Coordinates by (half, coefficient, part), from blst's order of bytes.
fn coordinates(y: &Gt) -> [[[Limbs; 2]; 3]; 2] {
    let bytes = y.to_bytes();
    let mut out = [[[[0; LIMBS]; 2]; 3]; 2];
    for (index, bytes) in bytes.as_chunks::<48>().0.iter().enumerate() {
        let (coefficient, half, part) = (index / 4, index / 2 % 2, index % 2);
        let words = bytes.as_chunks::<8>().0.iter().rev();
        for (limb, word) in out[half][coefficient][part].iter_mut().zip(words) {
            *limb = u64::from_be_bytes(*word);
        }
    }
    out
}

impl Fingerprint {
    /// Of an element.
    pub(super) fn of(y: &Gt) -> Self {
        Self(coordinates(y)[0][0][0][0])
    }
}

impl Left {
    pub(super) fn new(y: &Gt) -> Self {
        let c = coordinates(y);
        let mut out = [[0; LIMBS]; 12];
        for (i, limbs) in out.iter_mut().enumerate() {
            *limbs = c[i / 6][i / 2 % 3][i % 2];
        }
        Self(out)
    }
}

impl Right {
    pub(super) fn new(y: &Gt) -> Self {
        let [low, high] = coordinates(y);
        let xi = |[re, im]: &[Limbs; 2]| [sub(re, im), add(re, im)];
        let factors = [
            low[0],
            xi(&low[2]),
            xi(&low[1]),
            xi(&high[2]),
            xi(&high[1]),
            xi(&high[0]),
        ];
        let mut out = [[0; LIMBS]; 12];
        for (pair, [re, im]) in out.as_chunks_mut::<2>().0.iter_mut().zip(&factors) {
            let minus_im = sub(&[0; LIMBS], im);
            *pair = [reduce(product(re, &R2)), reduce(product(&minus_im, &R2))];
        }
        Self(out)
    }
}

/// The fingerprints of a·b and of a/b.
#[inline]
pub(super) fn fingerprints(a: &Left, b: &Right) -> (Fingerprint, Fingerprint) {
    let p = inner_product(&a.0[..6], &b.0[..6]);
    let q = inner_product(&a.0[6..], &b.0[6..]);
    (Fingerprint(add(&p, &q)[0]), Fingerprint(sub(&p, &q)[0]))
}

/// Σ a_i b_i / 2^384 modulo p of six pairs below p: the sum is below 6p² < 2^765.
#[inline]
fn inner_product(a: &[Limbs], b: &[Limbs]) -> Limbs {
    let mut sum = [0u64; 2 * LIMBS];
    for (a, b) in a.iter().zip(b) {
        accumulate(&mut sum, a, b);
    }
    reduce(sum)
}

fn product(a: &Limbs, b: &Limbs) -> [u64; 2 * LIMBS] {
    let mut out = [0; 2 * LIMBS];
    accumulate(&mut out, a, b);
    out
}

/// sum += a·b.
#[inline(always)]
fn accumulate(sum: &mut [u64; 2 * LIMBS], a: &Limbs, b: &Limbs) {
    let mut top = 0;
    for j in 0..LIMBS {
        let mut carry = 0;
        for k in 0..LIMBS {
            (sum[j + k], carry) = multiply_add(a[j], b[k], sum[j + k], carry);
        }
        let (s, c1) = sum[j + LIMBS].overflowing_add(carry);
        let (s, c2) = s.overflowing_add(top);
        sum[j + LIMBS] = s;
        top = u64::from(c1) + u64::from(c2);
    }
}

/// x·y + z + w, low and high word.
#[inline(always)]
const fn multiply_add(x: u64, y: u64, z: u64, w: u64) -> (u64, u64) {
    let t = x as u128 * y as u128 + z as u128 + w as u128;
    (t as u64, (t >> 64) as u64)
}

/// t / 2^384 modulo p, below p, for t < 6p² (Montgomery: the result before the last step is
/// below (6p²)/2^384 + p < 2p).
#[inline(always)]
fn reduce(mut t: [u64; 2 * LIMBS]) -> Limbs {
    let mut top = 0;
    for i in 0..LIMBS {
        let m = t[i].wrapping_mul(NEGATIVE_INVERSE);
        let mut carry = 0;
        for k in 0..LIMBS {
            (t[i + k], carry) = multiply_add(m, P[k], t[i + k], carry);
        }
        let (s, c1) = t[i + LIMBS].overflowing_add(carry);
        let (s, c2) = s.overflowing_add(top);
        t[i + LIMBS] = s;
        top = u64::from(c1) + u64::from(c2);
    }
    let mut out = [0; LIMBS];
    out.copy_from_slice(&t[LIMBS..]);
    subtract_p_once(&out)
}

/// a + b modulo p.
const fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut out, mut carry, mut i) = ([0; LIMBS], 0u128, 0);
    while i < LIMBS {
        // 2p < 2^384: nothing is carried out of the top.
        carry += a[i] as u128 + b[i] as u128;
        out[i] = carry as u64;
        carry >>= 64;
        i += 1;
    }
    subtract_p_once(&out)
}

/// a − b modulo p.
const fn sub(a: &Limbs, b: &Limbs) -> Limbs {
    let (mut out, borrow) = subtract(a, b);
    let (mut carry, mut i) = (0u128, 0);
    while i < LIMBS {
        carry += out[i] as u128 + (P[i] & borrow.wrapping_neg()) as u128;
        out[i] = carry as u64;
        carry >>= 64;
        i += 1;
    }
    out
}

#[inline(always)]
const fn subtract_p_once(a: &Limbs) -> Limbs {
    let (out, borrow) = subtract(a, &P);
    if borrow == 0 { out } else { *a }
}

/// a − b modulo 2^384, and the borrow.
#[inline(always)]
const fn subtract(a: &Limbs, b: &Limbs) -> (Limbs, u64) {
    let (mut out, mut borrow, mut i) = ([0; LIMBS], 0u64, 0);
    while i < LIMBS {
        let (d, b1) = a[i].overflowing_sub(b[i]);
        let (d, b2) = d.overflowing_sub(borrow);
        out[i] = d;
        borrow = b1 as u64 | b2 as u64;
        i += 1;
    }
    (out, borrow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_product_and_quotient() {
        let g = Gt::generator();
        let mut a = g.pow(0x0123_4567_89ab_cdef);
        for e in 0..200u64 {
            let b = g.pow(e * e * 977);
            let (times, over) = fingerprints(&Left::new(&a), &Right::new(&b));
            assert_eq!(times, Fingerprint::of(&(a * b)));
            assert_eq!(over, Fingerprint::of(&(a * b.inverse())));
            assert_eq!(Fingerprint::of(&a), Fingerprint::of(&a.inverse()));
            a = a * g;
        }
    }

    #[test]
    fn reduction_holds_at_the_largest_sum() {
        let mut top = P;
        top[0] -= 1;
        // (−1)·(−1) six times, divided by 2^384 and multiplied again.
        let sum = inner_product(&[top; 6], &[top; 6]);
        let mut six = [0; LIMBS];
        six[0] = 6;
        assert_eq!(reduce(product(&sum, &R2)), six);
    }
}
