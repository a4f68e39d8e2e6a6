//! Field arithmetic on several points at once: what makes sums of many points fast.
//!
//! A sum of two points in affine coordinates,
//!
//! ```text
//!   λ = (y2 − y1)/(x2 − x1)      x3 = λ² − x1 − x2      y3 = λ(x1 − x3) − y1
//! ```
//!
//! costs three multiplications and an inversion; of many independent sums the inversions are one
//! inversion and three multiplications each (Montgomery). That is half of a sum in projective
//! coordinates, and every sum does the same steps: eight of them fit the lanes of AVX-512.
//!
//! [`Lane`] is a vector of elements of F_p, one for each of `WIDTH` independent computations. There
//! are two: [`ifma::Eight`] holds eight in 52-bit limbs for the IFMA instructions, [`Single`] holds
//! one in blst's form and runs anywhere. Algorithms are written once over [`Field`], which is F_p
//! ([`Prime`]) or F_{p²} ([`Quadratic`]) of either, and enter through [`dispatch`], which picks the
//! lanes for the processor (`TACIT_SIMD` overrides it, as everywhere).
//!
//! Nothing here branches on values, except where a function says so.

#[cfg(target_arch = "x86_64")]
pub(super) mod ifma;
mod single;

use std::sync::OnceLock;

pub(super) use single::Single;
use tacit_ring::kernel::{Kernels, Simd};
use zeroize::Zeroize;

/// An element of F_p in memory, in the form of the lanes in force.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Stored(pub(super) [u64; 8]);

impl Zeroize for Stored {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Elements of F_p side by side.
///
/// Values are kept below small multiples of p. `stored` values are below 6p; products are below
/// 2p; every function says what it takes.
pub(super) trait Lane: Copy {
    /// How many.
    const WIDTH: usize;
    /// From blst's form (six limbs) to the stored form.
    fn import(limbs: &[[u64; 6]], out: &mut [Stored]);
    /// Back, reduced.
    fn export(stored: &[Stored], out: &mut [[u64; 6]]);
    /// The same element in every lane.
    fn splat(stored: &Stored) -> Self;
    /// One element for each lane.
    fn gather<'a>(at: impl Fn(usize) -> &'a Stored) -> Self;
    /// One point of N elements for each lane out of a list of its own: number `sizes[lane]` counted
    /// from one, zeros for zero. All are read.
    fn choose<const N: usize>(lists: [&[Stored]; 8], sizes: &[u8; 8]) -> [Self; N];
    /// Lane `i` to what `at(i)` names in `out`.
    fn scatter(self, out: &mut [Stored], at: impl Fn(usize) -> usize);
    /// Lanes of `yes` where the mask has a bit, of `no` elsewhere.
    fn select(mask: u8, yes: Self, no: Self) -> Self;
    /// Product of values whose product of bounds is below 2^30 p².
    fn mul(a: &Self, b: &Self) -> Self;
    /// a².
    fn square(a: &Self) -> Self {
        Self::mul(a, a)
    }
    /// a + b.
    fn add(a: Self, b: Self) -> Self;
    /// a − b + 8p, b below 8p.
    fn sub(a: Self, b: Self) -> Self;
    /// 8p − a for stored a: below 8p.
    fn neg(a: Self) -> Self;
    /// a − b for products, below 4p.
    fn sub_products(a: Self, b: Self) -> Self;
    /// t − u − v for products, below 6p.
    fn sub_two_products(t: Self, u: Self, v: Self) -> Self;
    /// ll − x1 − x2, stored; ll below 2p, the others stored.
    fn x3(ll: Self, x1: Self, x2: Self) -> Self;
    /// m − y1, stored; m below 6p, y1 stored.
    fn y3(m: Self, y1: Self) -> Self;
    /// 1/a in every lane; none if any is zero (this leaks, and only this).
    fn invert(self) -> Option<Self>;
}

/// F_p or F_{p²} in lanes, and how their elements lie in memory: a point is x then y, each
/// one or two elements of F_p.
pub(super) trait Field: Copy {
    /// The lanes.
    type Lane: Lane;
    fn splat(point: &[Stored], coordinate: usize) -> Self;
    fn load(points: &[Stored], at: impl Fn(usize) -> usize, coordinate: usize) -> Self;
    fn store(self, points: &mut [Stored], at: impl Fn(usize) -> usize, coordinate: usize);
    /// x and y of one point for each lane, as [`Lane::choose`]; lists begin at points `starts`.
    fn choose(points: &[Stored], starts: &[usize; 8], sizes: &[u8; 8], count: usize) -> [Self; 2];
    fn select(mask: u8, yes: Self, no: Self) -> Self;
    fn mul(a: &Self, b: &Self) -> Self;
    fn square(a: &Self) -> Self;
    fn add(a: Self, b: Self) -> Self;
    fn sub(a: Self, b: Self) -> Self;
    fn neg(a: Self) -> Self;
    fn x3(ll: Self, x1: Self, x2: Self) -> Self;
    fn y3(m: Self, y1: Self) -> Self;
    fn invert(self) -> Option<Self>;
}

/// F_p.
#[derive(Clone, Copy)]
pub(super) struct Prime<L>(L);

impl<L: Lane> Field for Prime<L> {
    type Lane = L;

    #[inline(always)]
    fn splat(point: &[Stored], coordinate: usize) -> Self {
        Self(L::splat(&point[coordinate]))
    }
    #[inline(always)]
    fn load(points: &[Stored], at: impl Fn(usize) -> usize, coordinate: usize) -> Self {
        Self(L::gather(|lane| &points[2 * at(lane) + coordinate]))
    }
    #[inline(always)]
    fn store(self, points: &mut [Stored], at: impl Fn(usize) -> usize, coordinate: usize) {
        self.0.scatter(points, |lane| 2 * at(lane) + coordinate);
    }
    #[inline(always)]
    fn choose(points: &[Stored], starts: &[usize; 8], sizes: &[u8; 8], count: usize) -> [Self; 2] {
        let lists = starts.map(|start| &points[2 * start..2 * (start + count)]);
        let [x, y] = L::choose::<2>(lists, sizes);
        [Self(x), Self(y)]
    }
    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        Self(L::select(mask, yes.0, no.0))
    }
    #[inline(always)]
    fn mul(a: &Self, b: &Self) -> Self {
        Self(L::mul(&a.0, &b.0))
    }
    #[inline(always)]
    fn square(a: &Self) -> Self {
        Self(L::square(&a.0))
    }
    #[inline(always)]
    fn add(a: Self, b: Self) -> Self {
        Self(L::add(a.0, b.0))
    }
    #[inline(always)]
    fn sub(a: Self, b: Self) -> Self {
        Self(L::sub(a.0, b.0))
    }
    #[inline(always)]
    fn neg(a: Self) -> Self {
        Self(L::neg(a.0))
    }
    #[inline(always)]
    fn x3(ll: Self, x1: Self, x2: Self) -> Self {
        Self(L::x3(ll.0, x1.0, x2.0))
    }
    #[inline(always)]
    fn y3(m: Self, y1: Self) -> Self {
        Self(L::y3(m.0, y1.0))
    }
    #[inline(always)]
    fn invert(self) -> Option<Self> {
        self.0.invert().map(Self)
    }
}

/// F_{p²} = F_p\[u\]/(u² + 1).
#[derive(Clone, Copy)]
pub(super) struct Quadratic<L>([L; 2]);

impl<L: Lane> Field for Quadratic<L> {
    type Lane = L;

    #[inline(always)]
    fn splat(point: &[Stored], coordinate: usize) -> Self {
        let at = 2 * coordinate;
        Self([L::splat(&point[at]), L::splat(&point[at + 1])])
    }
    #[inline(always)]
    fn load(points: &[Stored], at: impl Fn(usize) -> usize, coordinate: usize) -> Self {
        Self([
            L::gather(|lane| &points[4 * at(lane) + 2 * coordinate]),
            L::gather(|lane| &points[4 * at(lane) + 2 * coordinate + 1]),
        ])
    }
    #[inline(always)]
    fn store(self, points: &mut [Stored], at: impl Fn(usize) -> usize, coordinate: usize) {
        let [c0, c1] = self.0;
        c0.scatter(points, |lane| 4 * at(lane) + 2 * coordinate);
        c1.scatter(points, |lane| 4 * at(lane) + 2 * coordinate + 1);
    }
    #[inline(always)]
    fn choose(points: &[Stored], starts: &[usize; 8], sizes: &[u8; 8], count: usize) -> [Self; 2] {
        let lists = starts.map(|start| &points[4 * start..4 * (start + count)]);
        let [x0, x1, y0, y1] = L::choose::<4>(lists, sizes);
        [Self([x0, x1]), Self([y0, y1])]
    }
    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        let (yes, no) = (yes.0, no.0);
        Self([
            L::select(mask, yes[0], no[0]),
            L::select(mask, yes[1], no[1]),
        ])
    }
    /// Karatsuba: three products. Both coordinates come out below 6p.
    #[inline(always)]
    fn mul(a: &Self, b: &Self) -> Self {
        let ([a0, a1], [b0, b1]) = (&a.0, &b.0);
        let (u, v) = (L::mul(a0, b0), L::mul(a1, b1));
        let t = L::mul(&L::add(*a0, *a1), &L::add(*b0, *b1));
        Self([L::sub_products(u, v), L::sub_two_products(t, u, v)])
    }
    /// (a0 + a1)(a0 − a1) and 2·a0·a1, below 2p. Takes what [`Field::mul`] gives.
    #[inline(always)]
    fn square(a: &Self) -> Self {
        let [a0, a1] = a.0;
        let c0 = L::mul(&L::add(a0, a1), &L::sub(a0, a1));
        Self([c0, L::mul(&L::add(a0, a0), &a1)])
    }
    #[inline(always)]
    fn add(a: Self, b: Self) -> Self {
        Self([L::add(a.0[0], b.0[0]), L::add(a.0[1], b.0[1])])
    }
    #[inline(always)]
    fn sub(a: Self, b: Self) -> Self {
        Self([L::sub(a.0[0], b.0[0]), L::sub(a.0[1], b.0[1])])
    }
    #[inline(always)]
    fn neg(a: Self) -> Self {
        Self([L::neg(a.0[0]), L::neg(a.0[1])])
    }
    #[inline(always)]
    fn x3(ll: Self, x1: Self, x2: Self) -> Self {
        let (ll, x1, x2) = (ll.0, x1.0, x2.0);
        Self([L::x3(ll[0], x1[0], x2[0]), L::x3(ll[1], x1[1], x2[1])])
    }
    #[inline(always)]
    fn y3(m: Self, y1: Self) -> Self {
        Self([L::y3(m.0[0], y1.0[0]), L::y3(m.0[1], y1.0[1])])
    }
    /// (a0 − a1·u)/(a0² + a1²).
    #[inline(always)]
    fn invert(self) -> Option<Self> {
        let [a0, a1] = self.0;
        let norm = L::add(L::square(&a0), L::square(&a1));
        let inverse = norm.invert()?;
        Some(Self([L::mul(&a0, &inverse), L::neg(L::mul(&a1, &inverse))]))
    }
}

/// An algorithm over lanes of any kind.
pub(super) trait Algorithm {
    type Output;
    fn run<L: Lane>(self) -> Self::Output;
}

/// Runs an algorithm on the best lanes of this processor.
pub(super) fn dispatch<A: Algorithm>(algorithm: A) -> A::Output {
    #[cfg(target_arch = "x86_64")]
    if eight_lanes() {
        // SAFETY: the processor has the features that the function is compiled for.
        return unsafe { ifma::run(algorithm) };
    }
    algorithm.run::<Single>()
}

/// Whether the eight lanes are in force: the same answer for the life of the process, since stored
/// elements are in the form of the lanes.
fn eight_lanes() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let allowed = Kernels::detect().is_ok_and(|kernels| kernels.simd >= Simd::Avx512);
        #[cfg(target_arch = "x86_64")]
        let present = ifma::available();
        #[cfg(not(target_arch = "x86_64"))]
        let present = false;
        allowed && present
    })
}
