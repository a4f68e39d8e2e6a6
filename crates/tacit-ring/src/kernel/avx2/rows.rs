//! The pointwise functions.

use super::super::MAX_TERMS;
use super::{
    F, Field, Modulus, Multiplier, Root, load, load_words, splat, store_words, to_doubles, vectors,
    vectors_mut,
};
use std::arch::x86_64::*;

/// Products below 3q/4 that are summed, with a residue, before a reduction: the sum stays below
/// 8q < 2^53.
const CHUNK: usize = 8;

/// x − q if x ≥ q, else x, for words below 2^62.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn subtract_once(x: __m256i, q: __m256i) -> __m256i {
    let difference = _mm256_sub_epi64(x, q);
    let choice = _mm256_blendv_pd(
        _mm256_castsi256_pd(difference),
        _mm256_castsi256_pd(x),
        _mm256_castsi256_pd(difference),
    );
    _mm256_castpd_si256(choice)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn splat_word(x: u64) -> __m256i {
    _mm256_set1_epi64x(x as i64)
}

/// a ← op(a, b) on words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn zip_words(a: &mut [u64], b: &[u64], op: impl Fn(__m256i, __m256i) -> __m256i) {
    assert_eq!(a.len(), b.len());
    for (a, b) in vectors_mut(a).iter_mut().zip(vectors(b)) {
        store_words(a, op(load_words(a), load_words(b)));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let q = splat_word(m.value());
    zip_words(a, b, |a, b| subtract_once(_mm256_add_epi64(a, b), q));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let q = splat_word(m.value());
    zip_words(a, b, |a, b| {
        subtract_once(_mm256_sub_epi64(_mm256_add_epi64(a, q), b), q)
    });
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn neg_assign(a: &mut [u64], m: &Modulus) {
    let q = splat_word(m.value());
    for a in vectors_mut(a) {
        store_words(a, subtract_once(_mm256_sub_epi64(q, load_words(a)), q));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    assert_eq!(a.len(), b.len());
    let f = Field::new(m);
    for (a, b) in vectors_mut(a).iter_mut().zip(vectors(b)) {
        f.store(a, f.mul(load(a), load(b)));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul(out: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    assert!(out.len() == a.len() && a.len() == b.len());
    let f = Field::new(m);
    for ((out, a), b) in vectors_mut(out).iter_mut().zip(vectors(a)).zip(vectors(b)) {
        f.store(out, f.mul(load(a), load(b)));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    assert!(acc.len() == a.len() && a.len() == b.len());
    let f = Field::new(m);
    for ((acc, a), b) in vectors_mut(acc).iter_mut().zip(vectors(a)).zip(vectors(b)) {
        let sum = _mm256_add_pd(load(acc), f.mul(load(a), load(b)));
        f.store(acc, f.reduce(sum));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_scalar_assign(a: &mut [u64], w: Multiplier, m: &Modulus) {
    let (f, w) = (Field::new(m), Root::new(w.w, m));
    for a in vectors_mut(a) {
        f.store(a, f.mul_root(load(a), w));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_scalar(out: &mut [u64], a: &[u64], w: Multiplier, m: &Modulus) {
    assert_eq!(out.len(), a.len());
    let (f, w) = (Field::new(m), Root::new(w.w, m));
    for (out, a) in vectors_mut(out).iter_mut().zip(vectors(a)) {
        f.store(out, f.mul_root(load(a), w));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sub_mul_scalar(x: &mut [u64], y: &[u64], w: Multiplier, m: &Modulus) {
    assert_eq!(x.len(), y.len());
    let (f, w) = (Field::new(m), Root::new(w.w, m));
    for (x, y) in vectors_mut(x).iter_mut().zip(vectors(y)) {
        f.store(x, f.mul_root(_mm256_sub_pd(load(x), load(y)), w));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn tensor(d: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2], m: &Modulus) {
    let n = d[0].len();
    assert!(d.iter().all(|r| r.len() == n));
    assert!(a.iter().chain(&b).all(|r| r.len() == n));
    let f = Field::new(m);
    let [d0, d1, d2] = d.map(vectors_mut);
    let ([a0, a1], [b0, b1]) = (a.map(vectors), b.map(vectors));
    let inputs = a0.iter().zip(a1).zip(b0.iter().zip(b1));
    let outputs = d0.iter_mut().zip(d1).zip(d2);
    for (((d0, d1), d2), ((a0, a1), (b0, b1))) in outputs.zip(inputs) {
        let ([a0, a1], [b0, b1]) = ([load(a0), load(a1)], [load(b0), load(b1)]);
        f.store(d0, f.mul(a0, b0));
        f.store(d1, f.reduce(_mm256_add_pd(f.mul(a0, b1), f.mul(a1, b0))));
        f.store(d2, f.mul(a1, b1));
    }
}

#[target_feature(enable = "avx2,fma")]
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
    let f = Field::new(m);
    let [out0, out1] = out.map(vectors_mut);
    for (i, (out0, out1)) in out0.iter_mut().zip(out1).enumerate() {
        let (mut sum0, mut sum1) = (_mm256_setzero_pd(), _mm256_setzero_pd());
        for (k, ((digit, key0), key1)) in digits.iter().zip(key0).zip(key1).enumerate() {
            if k > 0 && k % CHUNK == 0 {
                (sum0, sum1) = (f.reduce(sum0), f.reduce(sum1));
            }
            let digit = load(&vectors(digit)[i]);
            sum0 = _mm256_add_pd(sum0, f.mul(digit, load(&vectors(key0)[i])));
            sum1 = _mm256_add_pd(sum1, f.mul(digit, load(&vectors(key1)[i])));
        }
        f.store(out0, f.reduce(sum0));
        f.store(out1, f.reduce(sum1));
    }
}

#[target_feature(enable = "avx2,fma")]
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
    let f = Field::new(m);
    let c_v = Root::new(c_v, m);
    let mut roots = [c_v; MAX_TERMS];
    for (root, &c) in roots.iter_mut().zip(c) {
        *root = Root::new(c, m);
    }
    for (i, (out, v)) in vectors_mut(out).iter_mut().zip(vectors(v)).enumerate() {
        let mut sum = f.mul_root(load(v), c_v);
        for (k, (y, &root)) in y.iter().zip(&roots).enumerate() {
            if k > 0 && k % CHUNK == 0 {
                sum = f.reduce(sum);
            }
            sum = _mm256_add_pd(sum, f.mul_root(load(&vectors(y)[i]), root));
        }
        f.store(out, f.reduce(sum));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn round_quotient(v: &mut [u64], y: &[&[u64]], q: &[u64]) {
    assert!(y.len() <= MAX_TERMS && y.len() == q.len());
    assert!(y.iter().all(|r| r.len() == v.len()));
    let mut inverse = [0.0; MAX_TERMS];
    for (inverse, &q) in inverse.iter_mut().zip(q) {
        *inverse = 1.0 / q as f64;
    }
    for (i, v) in vectors_mut(v).iter_mut().enumerate() {
        let mut sum = splat(0.5);
        for (y, &inverse) in y.iter().zip(&inverse) {
            sum = _mm256_fmadd_pd(load(&vectors(y)[i]), splat(inverse), sum);
        }
        store_words(v, _mm256_cvtepi32_epi64(_mm256_cvttpd_epi32(sum)));
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce_signed(out: &mut [u64], x: &[i64], m: &Modulus) {
    assert_eq!(out.len(), x.len());
    let f = Field::new(m);
    // x = high·2^32 + low − 2^62, with 0 ≤ high, low < 2^32
    let bias = 1u64 << 62;
    let radix = Root::new((1 << 32) % m.value(), m);
    let shift = splat(m.neg(bias % m.value()) as f64);
    let low_half = splat_word(u32::MAX.into());
    let (x, _) = x.as_chunks::<4>();
    for (out, x) in vectors_mut(out).iter_mut().zip(x) {
        let x = _mm256_add_epi64(load_words(&x.map(|x| x as u64)), splat_word(bias));
        let high = f.mul_root(to_doubles(_mm256_srli_epi64::<32>(x)), radix);
        let low = to_doubles(_mm256_and_si256(x, low_half));
        f.store(
            out,
            f.reduce(_mm256_add_pd(high, _mm256_add_pd(low, shift))),
        );
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce_centred(out: &mut [u64], x: &[u64], other: u64, m: &Modulus) {
    assert_eq!(out.len(), x.len());
    let f = Field::new(m);
    let half = splat((other / 2) as f64);
    let other = splat(other as f64);
    for (out, x) in vectors_mut(out).iter_mut().zip(vectors(x)) {
        let x = load(x);
        let above = _mm256_cmp_pd::<_CMP_GT_OQ>(x, half);
        let centred = _mm256_sub_pd(x, _mm256_and_pd(above, other));
        f.store(out, f.reduce(centred));
    }
}

/// Applies `op` to every pair (a_j, a_{N−j}), 1 ≤ j ≤ N/2, and to a_{N/2} paired with itself.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn map_mirrored(f: &Field, row: &mut [u64], op: impl Fn(F, F) -> F) {
    const REVERSED: i32 = 0b00_01_10_11;
    let n = row.len();
    // Positions 0…3 and N/2 have no mirror vector of their own: gather them first.
    let mut first: [u64; 4] = std::array::from_fn(|j| row[j]);
    let mut last: [u64; 4] = std::array::from_fn(|j| row[(n - j) % n]);
    (first[0], last[0]) = (row[n / 2], row[n / 2]);
    let (low, high) = row.split_at_mut(n / 2);
    let (high, _) = high[1..].as_chunks_mut::<4>();
    for (low, high) in vectors_mut(low)[1..].iter_mut().zip(high.iter_mut().rev()) {
        let (x, y) = (load(low), load(high));
        let [x_reversed, y_reversed] = [x, y].map(|v| _mm256_permute4x64_pd::<REVERSED>(v));
        f.store(low, op(x, y_reversed));
        f.store(high, op(y, x_reversed));
    }
    let (x, y) = (load(&first), load(&last));
    f.store(&mut first, op(x, y));
    f.store(&mut last, op(y, x));
    row[n / 2] = first[0];
    for j in 1..4 {
        (row[j], row[n - j]) = (first[j], last[j]);
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn fold(row: &mut [u64], i: Multiplier, m: &Modulus) {
    let (f, i) = (Field::new(m), Root::new(i.w, m));
    map_mirrored(&f, row, |a, b| f.reduce(_mm256_sub_pd(a, f.mul_root(b, i))));
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn unfold(row: &mut [u64], i_half: Multiplier, half: Multiplier, m: &Modulus) {
    let f = Field::new(m);
    let (i_half, half) = (Root::new(i_half.w, m), Root::new(half.w, m));
    map_mirrored(&f, row, |a, b| {
        f.reduce(_mm256_add_pd(f.mul_root(a, half), f.mul_root(b, i_half)))
    });
}
