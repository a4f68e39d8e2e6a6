//! The pointwise functions.

use super::{
    Field, Modulus, Multiplier, Root, V, add_high, add_low, broadcast, load, store, subtract_once,
    vectors, vectors_mut,
};
use std::arch::x86_64::*;

/// hi·2^52 + lo, with garbage-free halves: lo < 2^64, hi < 2^52 − 2^12.
#[derive(Clone, Copy)]
pub(super) struct Wide {
    lo: V,
    hi: V,
}

impl Wide {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn from(lo: V) -> Self {
        let hi = _mm512_setzero_si512();
        Self { lo, hi }
    }

    /// + a·b, for the low 52 bits of a and b.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn add_product(self, a: V, b: V) -> Self {
        Self {
            lo: add_low(self.lo, a, b),
            hi: add_high(self.hi, a, b),
        }
    }

    /// Moves what exceeds 52 bits of `lo` to `hi`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn carry(self) -> Self {
        let hi = _mm512_add_epi64(self.hi, _mm512_srli_epi64(self.lo, 52));
        Self { lo: self.lo, hi }
    }
}

/// Reduces double words.
#[derive(Clone, Copy)]
pub(super) struct WideField {
    field: Field,
    /// 2^52 mod q
    radix: Root,
}

impl WideField {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self {
            field: Field::new(m),
            radix: Root::new(Multiplier::new(m.r52(), m)),
        }
    }

    /// hi·2^52 + (lo mod 2^52), reduced. Both terms are reduced to [0, 2q) by one common
    /// estimate.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn reduce(&self, x: Wide) -> V {
        let f = &self.field;
        let estimate = add_high(_mm512_setzero_si512(), x.hi, self.radix.quotient);
        let estimate = add_high(estimate, x.lo, f.inverse);
        let sum = add_low(x.lo, x.hi, self.radix.w);
        let sum = _mm512_and_si512(add_low(sum, estimate, f.minus_q), f.mask);
        subtract_once(subtract_once(sum, f.two_q), f.q)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn mul(&self, a: V, b: V) -> V {
        self.reduce(Wide::from(_mm512_setzero_si512()).add_product(a, b))
    }
}

/// a ← op(a)
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn map(a: &mut [u64], op: impl Fn(V) -> V) {
    for a in vectors_mut(a) {
        store(a, op(load(a)));
    }
}

/// out ← op(a)
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn map_to(out: &mut [u64], a: &[u64], op: impl Fn(V) -> V) {
    assert_eq!(out.len(), a.len());
    for (out, a) in vectors_mut(out).iter_mut().zip(vectors(a)) {
        store(out, op(load(a)));
    }
}

/// a ← op(a, b)
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn zip(a: &mut [u64], b: &[u64], op: impl Fn(V, V) -> V) {
    assert_eq!(a.len(), b.len());
    for (a, b) in vectors_mut(a).iter_mut().zip(vectors(b)) {
        store(a, op(load(a), load(b)));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn add_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let q = broadcast(m.value());
    zip(a, b, |a, b| subtract_once(_mm512_add_epi64(a, b), q));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn sub_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let q = broadcast(m.value());
    zip(a, b, |a, b| {
        let difference = _mm512_sub_epi64(a, b);
        _mm512_min_epu64(difference, _mm512_add_epi64(difference, q))
    });
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn neg_assign(a: &mut [u64], m: &Modulus) {
    let q = broadcast(m.value());
    map(a, |a| subtract_once(_mm512_sub_epi64(q, a), q));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul_assign(a: &mut [u64], b: &[u64], m: &Modulus) {
    let f = WideField::new(m);
    zip(a, b, |a, b| f.mul(a, b));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul(out: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    assert!(out.len() == a.len() && a.len() == b.len());
    let f = WideField::new(m);
    for ((out, a), b) in vectors_mut(out).iter_mut().zip(vectors(a)).zip(vectors(b)) {
        store(out, f.mul(load(a), load(b)));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul_add_assign(acc: &mut [u64], a: &[u64], b: &[u64], m: &Modulus) {
    assert!(acc.len() == a.len() && a.len() == b.len());
    let f = WideField::new(m);
    for ((acc, a), b) in vectors_mut(acc).iter_mut().zip(vectors(a)).zip(vectors(b)) {
        let sum = Wide::from(load(acc)).add_product(load(a), load(b));
        store(acc, f.reduce(sum.carry()));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul_scalar_assign(a: &mut [u64], w: Multiplier, m: &Modulus) {
    let (f, w) = (Field::new(m), Root::new(w));
    map(a, |a| f.mul_exact(a, w));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn mul_scalar(out: &mut [u64], a: &[u64], w: Multiplier, m: &Modulus) {
    let (f, w) = (Field::new(m), Root::new(w));
    map_to(out, a, |a| f.mul_exact(a, w));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn sub_mul_scalar(x: &mut [u64], y: &[u64], w: Multiplier, m: &Modulus) {
    let (f, w) = (Field::new(m), Root::new(w));
    zip(x, y, |x, y| {
        f.mul_exact(_mm512_sub_epi64(_mm512_add_epi64(x, f.q), y), w)
    });
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn tensor(d: [&mut [u64]; 3], a: [&[u64]; 2], b: [&[u64]; 2], m: &Modulus) {
    let n = d[0].len();
    assert!(d.iter().all(|r| r.len() == n));
    assert!(a.iter().chain(&b).all(|r| r.len() == n));
    let f = WideField::new(m);
    let [d0, d1, d2] = d.map(vectors_mut);
    let ([a0, a1], [b0, b1]) = (a.map(vectors), b.map(vectors));
    let inputs = a0.iter().zip(a1).zip(b0.iter().zip(b1));
    let outputs = d0.iter_mut().zip(d1).zip(d2);
    for (((d0, d1), d2), ((a0, a1), (b0, b1))) in outputs.zip(inputs) {
        let ([a0, a1], [b0, b1]) = ([load(a0), load(a1)], [load(b0), load(b1)]);
        let zero = Wide::from(_mm512_setzero_si512());
        store(d0, f.mul(a0, b0));
        let cross = zero.add_product(a0, b1).add_product(a1, b0);
        store(d1, f.reduce(cross.carry()));
        store(d2, f.mul(a1, b1));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn permute(out: &mut [u64], a: &[u64], index: &[u32]) {
    assert!(out.len() == a.len() && index.len() == a.len());
    let (indices, rest) = index.as_chunks::<8>();
    assert!(rest.is_empty());
    let bound = _mm256_set1_epi32(u32::try_from(a.len()).expect("rows are short") as i32);
    let zero = _mm512_setzero_si512();
    let mut inside = 0xff;
    for (out, index) in vectors_mut(out).iter_mut().zip(indices) {
        // SAFETY: the array is 32 readable bytes; the load needs no alignment.
        let index = unsafe { _mm256_loadu_si256(index.as_ptr().cast()) };
        let valid = _mm256_cmplt_epu32_mask(index, bound);
        inside &= valid;
        // SAFETY: only lanes whose index is below the length of `a` are read.
        let v = unsafe { _mm512_mask_i32gather_epi64::<8>(zero, valid, index, a.as_ptr().cast()) };
        store(out, v);
    }
    assert_eq!(inside, 0xff, "an index lies outside the row");
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn reduce_signed(out: &mut [u64], x: &[i64], m: &Modulus) {
    assert_eq!(out.len(), x.len());
    let f = WideField::new(m);
    // A multiple of q that makes every x nonnegative.
    let shift = broadcast((1u64 << 62).next_multiple_of(m.value()));
    let (x, _) = x.as_chunks::<8>();
    for (out, x) in vectors_mut(out).iter_mut().zip(x) {
        let x = load(&x.map(|x| x as u64));
        let lo = _mm512_add_epi64(x, shift);
        store(out, f.reduce(Wide::from(lo).carry()));
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn reduce_centred(out: &mut [u64], x: &[u64], other: u64, m: &Modulus) {
    let f = Field::new(m);
    let half = broadcast(other / 2);
    let shift = broadcast(m.value() - other % m.value());
    map_to(out, x, |x| {
        let negative = _mm512_cmpgt_epu64_mask(x, half);
        let r = _mm512_and_si512(f.reduce_lazy(x), f.mask);
        let r = _mm512_mask_add_epi64(r, negative, r, shift);
        subtract_once(subtract_once(r, f.two_q), f.q)
    });
}

/// Applies `op` to every pair (a_j, a_{N−j}), 1 ≤ j ≤ N/2, and to a_{N/2} paired with itself.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn map_mirrored(row: &mut [u64], op: impl Fn(V, V) -> (V, V)) {
    let n = row.len();
    let reversed = _mm512_setr_epi64(7, 6, 5, 4, 3, 2, 1, 0);
    // Positions 0…7 and N/2 have no mirror vector of their own: gather them first.
    let mut first: [u64; 8] = std::array::from_fn(|j| row[j]);
    let mut last: [u64; 8] = std::array::from_fn(|j| row[(n - j) % n]);
    (first[0], last[0]) = (row[n / 2], row[n / 2]);
    let (low, high) = row.split_at_mut(n / 2);
    let low = vectors_mut(low);
    let (high, _) = high[1..].as_chunks_mut::<8>();
    for (low, high) in low[1..].iter_mut().zip(high.iter_mut().rev()) {
        let mirrored = _mm512_permutexvar_epi64(reversed, load(high));
        let (x, y) = op(load(low), mirrored);
        store(low, x);
        store(high, _mm512_permutexvar_epi64(reversed, y));
    }
    let (x, y) = op(load(&first), load(&last));
    store(&mut first, x);
    store(&mut last, y);
    row[n / 2] = first[0];
    for j in 1..8 {
        (row[j], row[n - j]) = (first[j], last[j]);
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn fold(row: &mut [u64], i: Multiplier, m: &Modulus) {
    let (f, i) = (Field::new(m), Root::new(i));
    // a − i·b, with i·b in [0, 2q)
    let combine = |a, b| {
        let product = _mm512_and_si512(f.mul_lazy(b, i), f.mask);
        let sum = _mm512_sub_epi64(_mm512_add_epi64(a, f.two_q), product);
        subtract_once(subtract_once(sum, f.two_q), f.q)
    };
    map_mirrored(row, |a, b| (combine(a, b), combine(b, a)));
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn unfold(row: &mut [u64], i_half: Multiplier, half: Multiplier, m: &Modulus) {
    let (f, i_half, half) = (Field::new(m), Root::new(i_half), Root::new(half));
    let combine = |a, b| {
        let sum = _mm512_add_epi64(f.mul_lazy(a, half), f.mul_lazy(b, i_half));
        let sum = _mm512_and_si512(sum, f.mask);
        subtract_once(subtract_once(sum, f.two_q), f.q)
    };
    map_mirrored(row, |a, b| (combine(a, b), combine(b, a)));
}
