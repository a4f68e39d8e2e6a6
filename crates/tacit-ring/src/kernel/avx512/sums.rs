//! Sums of products over several rows: key switching and base extension. The usual small numbers of
//! terms have loops of their own, with the constants in registers.

use super::super::MAX_TERMS;
use super::rows::{Wide, WideField};
use super::{Modulus, broadcast, load, store, vectors, vectors_mut};
use std::arch::x86_64::*;

/// Terms of products below 2^100 that are summed before a reduction: their high halves stay
/// below 2^52.
const CHUNK: usize = 15;

/// The first `A` rows, with lengths the compiler can see to be equal.
#[inline]
fn first_rows<'a, const A: usize>(rows: &[&'a [u64]], n: usize) -> [&'a [[u64; 8]]; A] {
    std::array::from_fn(|k| &vectors(rows[k])[..n])
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mac_digits(
    out: [&mut [u64]; 2],
    digits: &[&[u64]],
    key0: &[&[u64]],
    key1: &[&[u64]],
    m: &Modulus,
) {
    let n = out[0].len();
    assert!(digits.len() <= MAX_TERMS && out[1].len() == n);
    assert!(key0.len() == digits.len() && key1.len() == digits.len());
    let rows = digits.iter().chain(key0).chain(key1);
    assert!(rows.into_iter().all(|r| r.len() == n));
    let f = WideField::new(m);
    let [out0, out1] = out.map(vectors_mut);
    match digits.len() {
        1 => mac_few::<1>(&f, [out0, out1], digits, key0, key1),
        2 => mac_few::<2>(&f, [out0, out1], digits, key0, key1),
        3 => mac_few::<3>(&f, [out0, out1], digits, key0, key1),
        4 => mac_few::<4>(&f, [out0, out1], digits, key0, key1),
        5 => mac_few::<5>(&f, [out0, out1], digits, key0, key1),
        6 => mac_few::<6>(&f, [out0, out1], digits, key0, key1),
        _ => mac_many(&f, [out0, out1], digits, key0, key1),
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn mac_few<const A: usize>(
    f: &WideField,
    [out0, out1]: [&mut [[u64; 8]]; 2],
    digits: &[&[u64]],
    key0: &[&[u64]],
    key1: &[&[u64]],
) {
    let n = out0.len();
    let out1 = &mut out1[..n];
    let [digits, key0, key1] = [digits, key0, key1].map(|rows| first_rows::<A>(rows, n));
    for i in 0..n {
        let mut sum = [Wide::from(_mm512_setzero_si512()); 2];
        for k in 0..A {
            let digit = load(&digits[k][i]);
            sum[0] = sum[0].add_product(digit, load(&key0[k][i]));
            sum[1] = sum[1].add_product(digit, load(&key1[k][i]));
        }
        store(&mut out0[i], f.reduce(sum[0].carry()));
        store(&mut out1[i], f.reduce(sum[1].carry()));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn mac_many(
    f: &WideField,
    [out0, out1]: [&mut [[u64; 8]]; 2],
    digits: &[&[u64]],
    key0: &[&[u64]],
    key1: &[&[u64]],
) {
    let zero = Wide::from(_mm512_setzero_si512());
    for (i, (out0, out1)) in out0.iter_mut().zip(out1).enumerate() {
        let (mut sum0, mut sum1) = (zero, zero);
        for (k, ((digit, key0), key1)) in digits.iter().zip(key0).zip(key1).enumerate() {
            if k > 0 && k % CHUNK == 0 {
                sum0 = Wide::from(f.reduce(sum0.carry()));
                sum1 = Wide::from(f.reduce(sum1.carry()));
            }
            let digit = load(&vectors(digit)[i]);
            sum0 = sum0.add_product(digit, load(&vectors(key0)[i]));
            sum1 = sum1.add_product(digit, load(&vectors(key1)[i]));
        }
        store(out0, f.reduce(sum0.carry()));
        store(out1, f.reduce(sum1.carry()));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn base_convert(
    out: &mut [u64],
    y: &[&[u64]],
    c: &[u64],
    v: &[u64],
    c_v: u64,
    m: &Modulus,
) {
    let n = out.len();
    assert!(y.len() <= MAX_TERMS && c.len() == y.len());
    assert!(v.len() == n && y.iter().all(|r| r.len() == n));
    let f = WideField::new(m);
    let (out, v) = (vectors_mut(out), vectors(v));
    match y.len() {
        1 => convert_few::<1>(&f, out, y, c, v, c_v),
        2 => convert_few::<2>(&f, out, y, c, v, c_v),
        3 => convert_few::<3>(&f, out, y, c, v, c_v),
        4 => convert_few::<4>(&f, out, y, c, v, c_v),
        _ => convert_many(&f, out, y, c, v, c_v),
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn convert_few<const A: usize>(
    f: &WideField,
    out: &mut [[u64; 8]],
    y: &[&[u64]],
    c: &[u64],
    v: &[[u64; 8]],
    c_v: u64,
) {
    let n = out.len();
    let (y, v, c_v) = (first_rows::<A>(y, n), &v[..n], broadcast(c_v));
    let mut weights = [c_v; A];
    for (weight, &c) in weights.iter_mut().zip(c) {
        *weight = broadcast(c);
    }
    for i in 0..n {
        let mut sum = Wide::from(_mm512_setzero_si512()).add_product(load(&v[i]), c_v);
        for k in 0..A {
            sum = sum.add_product(load(&y[k][i]), weights[k]);
        }
        store(&mut out[i], f.reduce(sum.carry()));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn convert_many(
    f: &WideField,
    out: &mut [[u64; 8]],
    y: &[&[u64]],
    c: &[u64],
    v: &[[u64; 8]],
    c_v: u64,
) {
    let zero = _mm512_setzero_si512();
    for (i, (out, v)) in out.iter_mut().zip(v).enumerate() {
        let mut sum = Wide::from(zero).add_product(load(v), broadcast(c_v));
        for (k, (y, &c)) in y.iter().zip(c).enumerate() {
            if k > 0 && k % (CHUNK - 1) == 0 {
                sum = Wide::from(f.reduce(sum.carry()));
            }
            sum = sum.add_product(load(&vectors(y)[i]), broadcast(c));
        }
        store(out, f.reduce(sum.carry()));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn round_quotient(v: &mut [u64], y: &[&[u64]], q: &[u64]) {
    assert!(y.len() <= MAX_TERMS && y.len() == q.len());
    assert!(y.iter().all(|r| r.len() == v.len()));
    let v = vectors_mut(v);
    match y.len() {
        1 => quotient_few::<1>(v, y, q),
        2 => quotient_few::<2>(v, y, q),
        3 => quotient_few::<3>(v, y, q),
        4 => quotient_few::<4>(v, y, q),
        _ => quotient_many(v, y, q),
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn quotient_few<const A: usize>(v: &mut [[u64; 8]], y: &[&[u64]], q: &[u64]) {
    let n = v.len();
    let y = first_rows::<A>(y, n);
    let inverse: [f64; A] = std::array::from_fn(|k| 1.0 / q[k] as f64);
    for i in 0..n {
        let mut sum = _mm512_set1_pd(0.5);
        for k in 0..A {
            let y = _mm512_cvtepu64_pd(load(&y[k][i]));
            sum = _mm512_fmadd_pd(y, _mm512_set1_pd(inverse[k]), sum);
        }
        store(&mut v[i], _mm512_cvttpd_epu64(sum));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn quotient_many(v: &mut [[u64; 8]], y: &[&[u64]], q: &[u64]) {
    let mut inverse = [0.0; MAX_TERMS];
    for (inverse, &q) in inverse.iter_mut().zip(q) {
        *inverse = 1.0 / q as f64;
    }
    for (i, v) in v.iter_mut().enumerate() {
        let mut sum = _mm512_set1_pd(0.5);
        for (y, &inverse) in y.iter().zip(&inverse) {
            let y = _mm512_cvtepu64_pd(load(&vectors(y)[i]));
            sum = _mm512_fmadd_pd(y, _mm512_set1_pd(inverse), sum);
        }
        store(v, _mm512_cvttpd_epu64(sum));
    }
}
