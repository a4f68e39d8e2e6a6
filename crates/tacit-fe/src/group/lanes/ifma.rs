//! Eight lanes in 52-bit limbs, for the integer multiply-add of AVX-512 IFMA.
//!
//! An element a is held as a·2^416 mod p in eight limbs of 52 bits, one vector for each limb. As
//! 416 bits leave 35 above p, sums need no reduction and products come out below 2p. `vpmadd52`
//! reads only the low 52 bits of its factors, so limbs are brought back to 52 bits by carries
//! before they are multiplied.

use std::arch::x86_64::*;

use blst::blst_fp;

use super::{Algorithm, Lane, Stored};

type V = __m512i;

/// Eight elements: limb i of all of them in `0[i]`.
#[derive(Clone, Copy)]
pub(in super::super) struct Eight([V; 8]);

const P: [u64; 8] = [
    0xeffffffffaaab,
    0xfeb153ffffb9f,
    0x6b0f6241eabff,
    0x12bf6730d2a0f,
    0x764774b84f385,
    0x1ba7b6434bacd,
    0x1ea397fe69a4b,
    0x1a011,
];
/// 2^416 − p.
const MINUS_P: [u64; 8] = [
    0x1000000005555,
    0x14eac0000460,
    0x94f09dbe15400,
    0xed4098cf2d5f0,
    0x89b88b47b0c7a,
    0xe45849bcb4532,
    0xe15c6801965b4,
    0xffffffffe5fee,
];
/// −1/p modulo 2^52.
const P_INVERSE: u64 = 0x3fffcfffcfffd;
/// 2^448 mod p: a product with it takes blst's form (2^384) to ours (2^416).
const IMPORT: [u64; 8] = [
    0x7fde37dba9366,
    0x4e27525bc342b,
    0x1f5b1e9778489,
    0xb872b2b91b9dc,
    0xb206f497dfcaf,
    0x4137cc89a9b0b,
    0xd9d20d7e39959,
    0x411c,
];
/// 2^384 mod p: a product with it takes our form to blst's.
const EXPORT: [u64; 8] = [
    0x900000002fffd,
    0xbc40c0002760,
    0x3c758baebf400,
    0x57455f4898575,
    0xd77ce58537052,
    0x71a97a256ec6,
    0xec3fa80e4935c,
    0x15f65,
];
/// 2^480 mod p. Read as blst's form, our a·2^416 is a·2^32; blst's inverse of it is a^{-1}·2^352,
/// and a product with this is a^{-1}·2^416.
const INVERTED: [u64; 8] = [
    0x6a0c0a653f6fc,
    0xdf21bc8d58e0c,
    0x63665a0c7a249,
    0xf6cc74d9c6d43,
    0xb33c525492b6b,
    0xc5935a887f8c8,
    0x487a48f1eb623,
    0x1447c,
];
const MASK: u64 = (1 << 52) - 1;

/// k·p in limbs of 52 bits, the last one longer.
const fn multiple(k: u64) -> [u64; 8] {
    let (mut out, mut carry, mut i) = ([0; 8], 0, 0);
    while i < 8 {
        let limb = P[i] * k + carry;
        out[i] = if i < 7 { limb & MASK } else { limb };
        carry = limb >> 52;
        i += 1;
    }
    out
}
const P2: [u64; 8] = multiple(2);
const P4: [u64; 8] = multiple(4);
const P8: [u64; 8] = multiple(8);
const P16: [u64; 8] = multiple(16);

/// Whether this processor has the instructions.
pub(in super::super) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512ifma")
}

/// Enters the instruction set.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(in super::super) fn run<A: Algorithm>(algorithm: A) -> A::Output {
    algorithm.run::<Eight>()
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn constant(limb: u64) -> V {
    _mm512_set1_epi64(limb as i64)
}

/// Limbs back to 52 bits. They may be signed; the value must not be negative.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn carried(mut a: [V; 8]) -> Eight {
    let mask = constant(MASK);
    for i in 0..7 {
        a[i + 1] = _mm512_add_epi64(a[i + 1], _mm512_srai_epi64::<52>(a[i]));
        a[i] = _mm512_and_si512(a[i], mask);
    }
    Eight(a)
}

/// Brings a value between 2p and 20p below 6p, and its limbs to 52 bits.
///
/// q = ⌊(v7 − 8)/2^17⌋ underestimates ⌊v/2^381⌋ by at most one (carries not yet made change the
/// last limb v7 by less than 8), and v − q·p < 2^381·(2 + 3q/16) < 5.8 p, as p > 13/16·2^381.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn reduced(mut a: [V; 8]) -> Eight {
    let q = _mm512_srai_epi64::<17>(_mm512_sub_epi64(a[7], constant(8)));
    for i in 0..8 {
        let limb = constant(MINUS_P[i]);
        a[i] = _mm512_madd52lo_epu64(a[i], q, limb);
        if i < 7 {
            a[i + 1] = _mm512_madd52hi_epu64(a[i + 1], q, limb);
        }
    }
    // What passes 2^416 is q·2^416, which goes.
    let mut out = carried(a);
    out.0[7] = _mm512_and_si512(out.0[7], constant(MASK));
    out
}

/// a·b/2^416 mod p, below 2p: the limbs of a one by one, each followed by a step of Montgomery's
/// reduction.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn product(a: &[V; 8], b: &[V; 8]) -> [V; 8] {
    let zero = _mm512_setzero_si512();
    let p_inverse = constant(P_INVERSE);
    // Limb i of what has been added up is low[i] + high[i]: apart, each sum waits half as often for
    // itself.
    let (mut low, mut high) = ([zero; 17], [zero; 17]);
    /// One limb of a; written out for each, so that all sums stay in registers.
    macro_rules! limb {
        ($($i:literal)+) => {
            $(
                for j in 0..8 {
                    low[$i + j] = _mm512_madd52lo_epu64(low[$i + j], a[$i], b[j]);
                }
                low[$i] = _mm512_add_epi64(low[$i], high[$i]);
                let m = _mm512_madd52lo_epu64(zero, low[$i], p_inverse);
                for j in 0..8 {
                    high[$i + j + 1] = _mm512_madd52hi_epu64(high[$i + j + 1], a[$i], b[j]);
                }
                for j in 0..8 {
                    low[$i + j] = _mm512_madd52lo_epu64(low[$i + j], m, constant(P[j]));
                    high[$i + j + 1] =
                        _mm512_madd52hi_epu64(high[$i + j + 1], m, constant(P[j]));
                }
                // The limb is a multiple of 2^52 now; what is above goes up.
                let carry = _mm512_srli_epi64::<52>(low[$i]);
                low[$i + 1] = _mm512_add_epi64(low[$i + 1], carry);
            )+
        };
    }
    limb!(0 1 2 3 4 5 6 7);
    let mut out = [zero; 8];
    for j in 0..8 {
        out[j] = _mm512_add_epi64(low[8 + j], high[8 + j]);
    }
    carried(out).0
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn transposed(r: [V; 8]) -> [V; 8] {
    let mut out = r;
    for odd in 0..2 {
        let mut pairs = [r[0]; 4];
        for (k, pair) in pairs.iter_mut().enumerate() {
            *pair = if odd == 0 {
                _mm512_unpacklo_epi64(r[2 * k], r[2 * k + 1])
            } else {
                _mm512_unpackhi_epi64(r[2 * k], r[2 * k + 1])
            };
        }
        let a = _mm512_shuffle_i64x2::<0x88>(pairs[0], pairs[1]);
        let b = _mm512_shuffle_i64x2::<0xdd>(pairs[0], pairs[1]);
        let c = _mm512_shuffle_i64x2::<0x88>(pairs[2], pairs[3]);
        let d = _mm512_shuffle_i64x2::<0xdd>(pairs[2], pairs[3]);
        out[odd] = _mm512_shuffle_i64x2::<0x88>(a, c);
        out[odd + 4] = _mm512_shuffle_i64x2::<0xdd>(a, c);
        out[odd + 2] = _mm512_shuffle_i64x2::<0x88>(b, d);
        out[odd + 6] = _mm512_shuffle_i64x2::<0xdd>(b, d);
    }
    out
}

/// Σ of the first list − Σ of the second + a multiple of p, limb by limb, without carries.
macro_rules! limbs {
    ([$($plus:expr),+] - [$($minus:expr),*] + $multiple:expr) => {{
        let mut out = [_mm512_setzero_si512(); 8];
        for i in 0..8 {
            let mut limb = constant($multiple[i]);
            $(limb = _mm512_add_epi64(limb, $plus.0[i]);)+
            $(limb = _mm512_sub_epi64(limb, $minus.0[i]);)*
            out[i] = limb;
        }
        out
    }};
}

/// Functions on lanes, compiled for the instruction set.
mod within {
    use super::*;

    /// Defines functions of the instruction set.
    macro_rules! functions {
        ($($name:ident($($arg:ident),+) = $body:expr;)+) => {
            $(
                #[inline]
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
                pub(super) fn $name($($arg: Eight),+) -> Eight {
                    $body
                }
            )+
        };
    }

    const ZERO: [u64; 8] = [0; 8];

    functions! {
        add(a, b) = carried(limbs!([a, b] - [] + ZERO));
        sub(a, b) = carried(limbs!([a] - [b] + P8));
        sub_products(a, b) = carried(limbs!([a] - [b] + P2));
        sub_two_products(t, u, v) = carried(limbs!([t] - [u, v] + P4));
        x3(ll, x1, x2) = reduced(limbs!([ll] - [x1, x2] + P16));
        y3(m, y1) = reduced(limbs!([m] - [y1] + P8));
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn neg(a: Eight) -> Eight {
        let mut out = a.0;
        for i in 0..8 {
            out[i] = _mm512_sub_epi64(constant(P8[i]), a.0[i]);
        }
        carried(out)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn splat(limbs: &[u64; 8]) -> Eight {
        let mut out = [_mm512_setzero_si512(); 8];
        for i in 0..8 {
            out[i] = constant(limbs[i]);
        }
        Eight(out)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn from_rows(rows: [&Stored; 8]) -> Eight {
        let mut out = [_mm512_setzero_si512(); 8];
        for i in 0..8 {
            // SAFETY: a stored element is 64 bytes on a 64-byte boundary.
            out[i] = unsafe { _mm512_load_si512(rows[i].0.as_ptr().cast()) };
        }
        Eight(transposed(out))
    }

    /// Point `sizes[lane]` − 1 of every lane's own list, all of which is read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn choose<const N: usize>(lists: [&[Stored]; 8], sizes: &[u8; 8]) -> [Eight; N] {
        let mut rows = [[_mm512_setzero_si512(); 8]; N];
        for lane in 0..8 {
            let size = constant(sizes[lane].into());
            let mut out = [_mm512_setzero_si512(); N];
            for (index, point) in lists[lane].as_chunks::<N>().0.iter().enumerate() {
                let here = _mm512_cmpeq_epi64_mask(size, constant(index as u64 + 1));
                for word in 0..N {
                    // SAFETY: a stored element is 64 bytes on a 64-byte boundary.
                    let row = unsafe { _mm512_load_si512(point[word].0.as_ptr().cast()) };
                    out[word] = _mm512_mask_mov_epi64(out[word], here, row);
                }
            }
            for word in 0..N {
                rows[word][lane] = out[word];
            }
        }
        let mut out = [Eight([_mm512_setzero_si512(); 8]); N];
        for word in 0..N {
            out[word] = Eight(transposed(rows[word]));
        }
        out
    }

    /// Point `sizes[lane]` − 1 of one list for all lanes, all of which is read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn choose_shared<const N: usize>(list: &[Stored], sizes: &[u8; 8]) -> [Eight; N] {
        let mut wide = [0u64; 8];
        for lane in 0..8 {
            wide[lane] = sizes[lane].into();
        }
        // SAFETY: eight words are read.
        let wide = unsafe { _mm512_loadu_si512(wide.as_ptr().cast()) };
        let mut out = [Eight([_mm512_setzero_si512(); 8]); N];
        for word in 0..N {
            let mut limbs = [_mm512_setzero_si512(); 8];
            for (index, point) in list.as_chunks::<N>().0.iter().enumerate() {
                let here = _mm512_cmpeq_epi64_mask(wide, constant(index as u64 + 1));
                for (limb, value) in limbs.iter_mut().zip(point[word].0) {
                    *limb = _mm512_mask_mov_epi64(*limb, here, constant(value));
                }
            }
            out[word] = Eight(limbs);
        }
        out
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn to_rows(a: Eight) -> [Stored; 8] {
        let mut rows = [Stored::default(); 8];
        for (row, v) in rows.iter_mut().zip(transposed(a.0)) {
            // SAFETY: a stored element is 64 bytes on a 64-byte boundary.
            unsafe { _mm512_store_si512(row.0.as_mut_ptr().cast(), v) };
        }
        rows
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
    pub(super) fn select(mask: u8, yes: Eight, no: Eight) -> Eight {
        let mut out = no;
        for i in 0..8 {
            out.0[i] = _mm512_mask_blend_epi64(mask, no.0[i], yes.0[i]);
        }
        out
    }
}

/// Every method enters functions of the instruction set: an `Eight` exists only inside [`run`],
/// which is entered only on processors that have it.
macro_rules! enter {
    ($call:expr) => {
        // SAFETY: see the comment on this macro.
        unsafe { $call }
    };
}

impl Lane for Eight {
    const WIDTH: usize = 8;

    #[inline(always)]
    fn import(limbs: &[[u64; 6]], out: &mut [Stored]) {
        let factor = enter!(within::splat(&IMPORT));
        for (limbs, out) in limbs.chunks(8).zip(out.chunks_mut(8)) {
            let mut rows = [Stored::default(); 8];
            for (row, limbs) in rows.iter_mut().zip(limbs) {
                row.0 = widen(limbs);
            }
            let value = enter!(within::from_rows(std::array::from_fn(|i| &rows[i])));
            let value = enter!(within::to_rows(Self::mul(&value, &factor)));
            let count = out.len();
            out.copy_from_slice(&value[..count]);
        }
    }

    #[inline(always)]
    fn export(stored: &[Stored], out: &mut [[u64; 6]]) {
        let factor = enter!(within::splat(&EXPORT));
        for (stored, out) in stored.chunks(8).zip(out.chunks_mut(8)) {
            let last = stored.len() - 1;
            let value = Self::gather(|lane| &stored[lane.min(last)]);
            let rows = enter!(within::to_rows(Self::mul(&value, &factor)));
            for (out, row) in out.iter_mut().zip(&rows) {
                *out = narrow(&row.0);
            }
        }
    }

    #[inline(always)]
    fn splat(stored: &Stored) -> Self {
        enter!(within::splat(&stored.0))
    }
    #[inline(always)]
    fn gather<'a>(at: impl Fn(usize) -> &'a Stored) -> Self {
        let rows = [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7)];
        enter!(within::from_rows(rows))
    }
    #[inline(always)]
    fn choose<const N: usize>(lists: [&[Stored]; 8], sizes: &[u8; 8]) -> [Self; N] {
        // Where the lists are is public.
        if lists.iter().all(|list| std::ptr::eq(*list, lists[0])) {
            enter!(within::choose_shared(lists[0], sizes))
        } else {
            enter!(within::choose(lists, sizes))
        }
    }
    #[inline(always)]
    fn scatter(self, out: &mut [Stored], at: impl Fn(usize) -> usize) {
        let rows = enter!(within::to_rows(self));
        for (lane, row) in rows.into_iter().enumerate() {
            out[at(lane)] = row;
        }
    }
    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        enter!(within::select(mask, yes, no))
    }
    #[inline(always)]
    fn mul(a: &Self, b: &Self) -> Self {
        // Through a pointer: inlined into every formula, it would make kernels of a hundred kilobytes.
        // SAFETY: `unsafe` is what a pointer makes of the instructions that the function asks for; they are
        // there wherever an `Eight` is, and nothing else is asked of a caller.
        let product: unsafe fn(&[V; 8], &[V; 8]) -> [V; 8] = std::hint::black_box(product);
        Self(enter!(product(&a.0, &b.0)))
    }
    #[inline(always)]
    fn add(a: Self, b: Self) -> Self {
        enter!(within::add(a, b))
    }
    #[inline(always)]
    fn sub(a: Self, b: Self) -> Self {
        enter!(within::sub(a, b))
    }
    #[inline(always)]
    fn neg(a: Self) -> Self {
        enter!(within::neg(a))
    }
    #[inline(always)]
    fn sub_products(a: Self, b: Self) -> Self {
        enter!(within::sub_products(a, b))
    }
    #[inline(always)]
    fn sub_two_products(t: Self, u: Self, v: Self) -> Self {
        enter!(within::sub_two_products(t, u, v))
    }
    #[inline(always)]
    fn x3(ll: Self, x1: Self, x2: Self) -> Self {
        enter!(within::x3(ll, x1, x2))
    }
    #[inline(always)]
    fn y3(m: Self, y1: Self) -> Self {
        enter!(within::y3(m, y1))
    }

    /// The lanes' product is inverted by blst, and divided up again.
    #[inline(always)]
    fn invert(self) -> Option<Self> {
        // Times one, which bounds the value by 2p.
        let one = enter!(within::splat(&multiple_of_one()));
        let rows = enter!(within::to_rows(Self::mul(&self, &one)));
        let inverses = invert_eight(rows.map(|row| narrow(&row.0)))?;
        let rows = inverses.map(|limbs| Stored(widen(&limbs)));
        let value = enter!(within::from_rows(std::array::from_fn(|i| &rows[i])));
        let factor = enter!(within::splat(&INVERTED));
        Some(Self::mul(&value, &factor))
    }
}

/// 2^416 mod p: one.
const fn multiple_of_one() -> [u64; 8] {
    [
        0x6480ea8e9b9af,
        0x65766c8fe444f,
        0x8b540fea96f7d,
        0x3b2ee82efd422,
        0xa6723e5f0ade5,
        0xff6eb6fdd4230,
        0xe06ef23c24a25,
        0x14c8e,
    ]
}

/// Limbs of 64 bits to limbs of 52.
#[inline]
fn widen(a: &[u64; 6]) -> [u64; 8] {
    std::array::from_fn(|i| {
        let (word, shift) = (52 * i / 64, 52 * i % 64);
        let high = if shift > 12 && word + 1 < 6 {
            a[word + 1] << (64 - shift)
        } else {
            0
        };
        (a[word] >> shift | high) & MASK
    })
}

/// Limbs of 52 bits of a value below 2p to limbs of 64 bits of the value modulo p, without a
/// branch.
#[inline]
fn narrow(a: &[u64; 8]) -> [u64; 6] {
    let (mut less, mut borrow) = ([0u64; 8], 0i64);
    for i in 0..8 {
        let limb = a[i] as i64 - P[i] as i64 + borrow;
        less[i] = limb as u64 & MASK;
        borrow = limb >> 52;
    }
    // All ones if a < p.
    let keep = std::hint::black_box(borrow as u64);
    let limb = |i: usize| less[i] ^ (keep & (a[i] ^ less[i]));
    std::array::from_fn(|word| {
        let (i, shift) = (64 * word / 52, 64 * word % 52);
        let mut out = limb(i) >> shift;
        for (k, next) in (i + 1..8).enumerate() {
            let up = 52 * (k + 1) - shift;
            if up < 64 {
                out |= limb(next) << up;
            }
        }
        out
    })
}

/// Inverses of eight elements in blst's form; none if one is zero.
fn invert_eight(values: [[u64; 6]; 8]) -> Option<[[u64; 6]; 8]> {
    let mul = |a: &blst_fp, b: &blst_fp| {
        let mut out = blst_fp::default();
        // SAFETY: all point to values of the type.
        unsafe { blst::blst_fp_mul(&mut out, a, b) };
        out
    };
    let values = values.map(|l| blst_fp { l });
    let mut prefix = values;
    for i in 1..8 {
        prefix[i] = mul(&prefix[i - 1], &values[i]);
    }
    if prefix[7].l == [0; 6] {
        return None;
    }
    let mut inverse = blst_fp::default();
    // SAFETY: both point to values of the type.
    unsafe { blst::blst_fp_eucl_inverse(&mut inverse, &prefix[7]) };
    let mut out = [[0; 6]; 8];
    for i in (1..8).rev() {
        out[i] = mul(&inverse, &prefix[i - 1]).l;
        inverse = mul(&inverse, &values[i]);
    }
    out[0] = inverse.l;
    Some(out)
}
