//! One lane, in blst's form: runs on any processor.

use blst::blst_fp;

use super::{Lane, Stored};

/// An element of F_p, reduced.
#[derive(Clone, Copy)]
pub(in super::super) struct Single(blst_fp);

/// Wraps a blst function of two operands.
macro_rules! binary {
    ($function:ident, $a:expr, $b:expr) => {{
        let mut out = blst_fp::default();
        // SAFETY: all point to values of the type.
        unsafe { blst::$function(&mut out, $a, $b) };
        Self(out)
    }};
}

impl Lane for Single {
    const WIDTH: usize = 1;

    fn import(limbs: &[[u64; 6]], out: &mut [Stored]) {
        for (out, limbs) in out.iter_mut().zip(limbs) {
            out.0[..6].copy_from_slice(limbs);
        }
    }
    fn export(stored: &[Stored], out: &mut [[u64; 6]]) {
        for (out, stored) in out.iter_mut().zip(stored) {
            out.copy_from_slice(&stored.0[..6]);
        }
    }
    #[inline(always)]
    fn splat(stored: &Stored) -> Self {
        let [l @ .., _, _] = stored.0;
        Self(blst_fp { l })
    }
    #[inline(always)]
    fn gather<'a>(at: impl Fn(usize) -> &'a Stored) -> Self {
        Self::splat(at(0))
    }
    #[inline(always)]
    fn choose<const N: usize>(lists: [&[Stored]; 8], sizes: &[u8; 8]) -> [Self; N] {
        let mut out = [[0; 6]; N];
        for (index, point) in lists[0].as_chunks::<N>().0.iter().enumerate() {
            // All ones where index + 1 = size; through a barrier, so that no branch is made of it.
            let difference = (index as u64 + 1) ^ u64::from(sizes[0]);
            let mask = std::hint::black_box((difference.wrapping_sub(1) >> 63).wrapping_neg());
            for (out, element) in out.iter_mut().zip(point) {
                for (l, word) in out.iter_mut().zip(&element.0) {
                    *l |= mask & word;
                }
            }
        }
        out.map(|l| Self(blst_fp { l }))
    }
    #[inline(always)]
    fn scatter(self, out: &mut [Stored], at: impl Fn(usize) -> usize) {
        out[at(0)].0[..6].copy_from_slice(&self.0.l);
    }
    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        // Through a barrier, so that no branch is made of it.
        let mask = std::hint::black_box(0u64.wrapping_sub(u64::from(mask & 1)));
        let l = std::array::from_fn(|i| no.0.l[i] ^ (mask & (yes.0.l[i] ^ no.0.l[i])));
        Self(blst_fp { l })
    }
    #[inline(always)]
    fn mul(a: &Self, b: &Self) -> Self {
        binary!(blst_fp_mul, &a.0, &b.0)
    }
    #[inline(always)]
    fn square(a: &Self) -> Self {
        let mut out = blst_fp::default();
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fp_sqr(&mut out, &a.0) };
        Self(out)
    }
    #[inline(always)]
    fn add(a: Self, b: Self) -> Self {
        binary!(blst_fp_add, &a.0, &b.0)
    }
    #[inline(always)]
    fn sub(a: Self, b: Self) -> Self {
        binary!(blst_fp_sub, &a.0, &b.0)
    }
    #[inline(always)]
    fn neg(a: Self) -> Self {
        binary!(blst_fp_sub, &blst_fp::default(), &a.0)
    }
    #[inline(always)]
    fn sub_products(a: Self, b: Self) -> Self {
        Self::sub(a, b)
    }
    #[inline(always)]
    fn sub_two_products(t: Self, u: Self, v: Self) -> Self {
        Self::sub(Self::sub(t, u), v)
    }
    #[inline(always)]
    fn x3(ll: Self, x1: Self, x2: Self) -> Self {
        Self::sub(Self::sub(ll, x1), x2)
    }
    #[inline(always)]
    fn y3(m: Self, y1: Self) -> Self {
        Self::sub(m, y1)
    }
    #[inline(always)]
    fn invert(self) -> Option<Self> {
        if self.0.l == [0; 6] {
            return None;
        }
        let mut out = blst_fp::default();
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fp_eucl_inverse(&mut out, &self.0) };
        Some(Self(out))
    }
}
