//! Kernels in plain Rust: the reference for the others and the path for any processor.

use super::{Kernels, Multiplier, Simd};
use crate::Modulus;
use crate::modulus::{MASK52, conditional_subtract};
use crate::ntt::NttTable;

pub(super) static KERNELS: Kernels = Kernels {
    simd: Simd::Portable,
    ntt_forward,
    ntt_inverse,
    add_assign,
    sub_assign,
    neg_assign,
    mul_assign,
    mul,
    mul_add_assign,
    mul_scalar_assign,
    mul_scalar,
    sub_mul_scalar,
    tensor,
    mac_digits,
    base_convert,
    round_quotient,
    permute,
    reduce_signed,
    reduce_wide,
    invert_table,
    reduce_centred,
    fold,
    unfold,
};

/// x·w mod q in [0, 2q), for x < 2^52.
#[inline(always)]
fn mul_lazy(x: u64, w: Multiplier, q: u64) -> u64 {
    let estimate = ((x as u128 * w.quotient as u128) >> 52) as u64;
    x.wrapping_mul(w.w).wrapping_sub(estimate.wrapping_mul(q)) & MASK52
}

#[inline(always)]
fn mul_exact(x: u64, w: Multiplier, q: u64) -> u64 {
    conditional_subtract(mul_lazy(x, w, q), q)
}

/// Harvey's butterflies (arXiv:1205.2926): residues stay below 4q < 2^52 between layers.
fn ntt_forward(row: &mut [u64], table: &NttTable) {
    let q = table.modulus().value();
    let n = row.len();
    assert_eq!(n, table.n());
    let (mut half, mut blocks) = (n / 2, 1);
    while half >= 1 {
        for (block, chunk) in row.chunks_exact_mut(2 * half).enumerate() {
            let w = table.forward_root(blocks + block);
            let (low, high) = chunk.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                let u = conditional_subtract(*x, 2 * q);
                let t = mul_lazy(*y, w, q);
                *x = u + t;
                *y = u + 2 * q - t;
            }
        }
        half /= 2;
        blocks *= 2;
    }
    for x in row {
        *x = conditional_subtract(conditional_subtract(*x, 2 * q), q);
    }
}

fn ntt_inverse(row: &mut [u64], table: &NttTable, scale: Multiplier) {
    let q = table.modulus().value();
    let n = row.len();
    assert_eq!(n, table.n());
    let (mut half, mut blocks) = (1, n / 2);
    while blocks >= 1 {
        for (block, chunk) in row.chunks_exact_mut(2 * half).enumerate() {
            let w = table.inverse_root(blocks + block);
            let (low, high) = chunk.split_at_mut(half);
            for (x, y) in low.iter_mut().zip(high) {
                let (u, t) = (*x, *y);
                *x = conditional_subtract(u + t, 2 * q);
                *y = mul_lazy(u + 2 * q - t, w, q);
            }
        }
        half *= 2;
        blocks /= 2;
    }
    for x in row {
        *x = mul_exact(*x, scale, q);
    }
}

fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    assert_eq!(a.len(), b.len());
    let q = m.value();
    for (x, &y) in a.iter_mut().zip(b) {
        *x = conditional_subtract(*x + y, q);
    }
}

fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    assert_eq!(a.len(), b.len());
    let q = m.value();
    for (x, &y) in a.iter_mut().zip(b) {
        *x = conditional_subtract(*x + q - y, q);
    }
}

fn neg_assign(a: &mut [u64], m: &Modulus) {
    for x in a {
        *x = m.neg(*x);
    }
}

fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    assert_eq!(a.len(), b.len());
    for (x, &y) in a.iter_mut().zip(b) {
        *x = m.mul(*x, y);
    }
}

fn mul(out: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    assert!(out.len() == a.len() && a.len() == b.len());
    for ((o, &x), &y) in out.iter_mut().zip(a).zip(b) {
        *o = m.mul(x, y);
    }
}

fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    assert!(acc.len() == a.len() && a.len() == b.len());
    for ((o, &x), &y) in acc.iter_mut().zip(a).zip(b) {
        *o = m.add(*o, m.mul(x, y));
    }
}

fn mul_scalar_assign(a: &mut [u64], w: Multiplier, m: &Modulus) {
    for x in a {
        *x = mul_exact(*x, w, m.value());
    }
}

fn mul_scalar(out: &mut [u64], a: &[u64], w: Multiplier, m: &Modulus) {
    assert_eq!(out.len(), a.len());
    for (o, &x) in out.iter_mut().zip(a) {
        *o = mul_exact(x, w, m.value());
    }
}

fn sub_mul_scalar(x: &mut [u64], y: &[u64], w: Multiplier, m: &Modulus) {
    assert_eq!(x.len(), y.len());
    let q = m.value();
    for (x, &y) in x.iter_mut().zip(y) {
        *x = mul_exact(*x + q - y, w, q);
    }
}

fn tensor(d: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2], m: &Modulus) {
    let [d0, d1, d2] = d;
    let n = d0.len();
    assert!(d1.len() == n && d2.len() == n);
    assert!(a.iter().chain(&b).all(|r| r.len() == n));
    for i in 0..n {
        d0[i] = m.mul(a[0][i], b[0][i]);
        d1[i] = m.add(m.mul(a[0][i], b[1][i]), m.mul(a[1][i], b[0][i]));
        d2[i] = m.mul(a[1][i], b[1][i]);
    }
}

fn mac_digits(
    out: [&mut [u64]; 2],
    digits: &[&[u64]],
    key0: &[&[u64]],
    key1: &[&[u64]],
    m: &Modulus,
) {
    assert!(digits.len() <= super::MAX_TERMS);
    assert!(key0.len() == digits.len() && key1.len() == digits.len());
    for (out, key) in out.into_iter().zip([key0, key1]) {
        assert!(digits.iter().chain(key).all(|r| r.len() == out.len()));
        for (i, o) in out.iter_mut().enumerate() {
            let sum = digits
                .iter()
                .zip(key)
                .map(|(d, k)| d[i] as u128 * k[i] as u128)
                .sum();
            *o = m.reduce_u128(sum);
        }
    }
}

fn base_convert(out: &mut [u64], y: &[&[u64]], c: &[u64], v: &[u64], c_v: u64, m: &Modulus) {
    assert!(y.len() <= super::MAX_TERMS && c.len() == y.len());
    assert!(v.len() == out.len() && y.iter().all(|r| r.len() == out.len()));
    for (i, o) in out.iter_mut().enumerate() {
        let sum: u128 = y
            .iter()
            .zip(c)
            .map(|(y, &c)| y[i] as u128 * c as u128)
            .sum();
        *o = m.reduce_u128(sum + v[i] as u128 * c_v as u128);
    }
}

fn round_quotient(v: &mut [u64], y: &[&[u64]], q: &[u64]) {
    assert!(y.len() == q.len() && y.iter().all(|r| r.len() == v.len()));
    for (i, v) in v.iter_mut().enumerate() {
        let mut sum = 0.5f64;
        for (y, &q) in y.iter().zip(q) {
            sum = (y[i] as f64).mul_add(1.0 / q as f64, sum);
        }
        *v = sum as u64;
    }
}

pub(super) fn permute(out: &mut [u64], a: &[u64], index: &[u32]) {
    assert!(out.len() == a.len() && index.len() == a.len());
    for (o, &i) in out.iter_mut().zip(index) {
        *o = a[i as usize];
    }
}

fn reduce_signed(out: &mut [u64], x: &[i64], m: &Modulus) {
    assert_eq!(out.len(), x.len());
    for (o, &x) in out.iter_mut().zip(x) {
        *o = m.reduce_i64(x);
    }
}

fn reduce_wide(out: &mut [u64], limbs: &[&[u64]], m: &Modulus) {
    assert!((1..=super::MAX_LIMBS).contains(&limbs.len()));
    assert!(limbs.iter().all(|r| r.len() == out.len()));
    // Horner over the words from the top, which alone carries the sign.
    let r64 = m.reduce_u128(1 << 64);
    let (rest, top) = limbs.split_at(limbs.len() - 1);
    let top = top[0];
    for (o, &x) in out.iter_mut().zip(top) {
        *o = m.reduce_i64(x as i64);
    }
    for limb in rest.iter().rev() {
        for (o, &x) in out.iter_mut().zip(*limb) {
            *o = m.add(m.mul(*o, r64), m.reduce_u64(x));
        }
    }
}

pub(super) fn invert_table(out: &mut [i64], words: &[u64], table: &[u64]) {
    assert_eq!(out.len(), words.len());
    for (out, words) in out.chunks_mut(64).zip(words.chunks(64)) {
        let mut magnitude = [0i64; 64];
        for &entry in table {
            for (magnitude, &word) in magnitude.iter_mut().zip(words) {
                // +1 when entry ≤ u: both are below 2^63, so the top bit of u − entry is the borrow.
                *magnitude += 1 - (((word >> 1).wrapping_sub(entry)) >> 63) as i64;
            }
        }
        for ((out, &magnitude), &word) in out.iter_mut().zip(&magnitude).zip(words) {
            let sign = -((word & 1) as i64);
            *out = (magnitude ^ sign) - sign;
        }
    }
}

fn reduce_centred(out: &mut [u64], x: &[u64], other: u64, m: &Modulus) {
    assert_eq!(out.len(), x.len());
    let shift = m.value() - other % m.value();
    for (o, &x) in out.iter_mut().zip(x) {
        let negative = (((other / 2).wrapping_sub(x)) as i64 >> 63) as u64;
        *o = conditional_subtract(m.reduce_u64(x) + (shift & negative), m.value());
    }
}

fn fold(row: &mut [u64], i: Multiplier, m: &Modulus) {
    let n = row.len();
    let q = m.value();
    for j in 1..=n / 2 {
        let (a, b) = (row[j], row[n - j]);
        row[j] = m.sub(a, mul_exact(b, i, q));
        row[n - j] = if j == n - j {
            row[j]
        } else {
            m.sub(b, mul_exact(a, i, q))
        };
    }
}

fn unfold(row: &mut [u64], i_half: Multiplier, half: Multiplier, m: &Modulus) {
    let n = row.len();
    let q = m.value();
    for j in 1..=n / 2 {
        let (a, b) = (row[j], row[n - j]);
        row[j] = m.add(mul_exact(a, half, q), mul_exact(b, i_half, q));
        row[n - j] = if j == n - j {
            row[j]
        } else {
            m.add(mul_exact(b, half, q), mul_exact(a, i_half, q))
        };
    }
}
