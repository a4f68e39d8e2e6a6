//! Sums and doubles of many pairs of affine points at once, one inversion for a batch.

use super::lanes::{Field, Lane, Stored};

/// Vectors of one batch: an inversion costs about as much as thirty additions of a vector, and the
/// batch should stay in the second-level cache.
pub(super) const BATCH: usize = 128;

/// Lanes of affine points.
#[derive(Clone, Copy)]
pub(super) struct Points<F> {
    pub(super) x: F,
    pub(super) y: F,
}

impl<F: Field> Points<F> {
    /// The same point in all lanes.
    #[inline(always)]
    pub(super) fn splat(point: &[Stored]) -> Self {
        Self {
            x: F::splat(point, 0),
            y: F::splat(point, 1),
        }
    }

    #[inline(always)]
    pub(super) fn select(mask: u8, yes: Self, no: Self) -> Self {
        Self {
            x: F::select(mask, yes.x, no.x),
            y: F::select(mask, yes.y, no.y),
        }
    }

    #[inline(always)]
    pub(super) fn load(points: &[Stored], at: impl Fn(usize) -> usize) -> Self {
        Self {
            x: F::load(points, &at, 0),
            y: F::load(points, &at, 1),
        }
    }

    #[inline(always)]
    pub(super) fn store(self, points: &mut [Stored], at: impl Fn(usize) -> usize) {
        self.x.store(points, &at, 0);
        self.y.store(points, &at, 1);
    }

    /// −P where the mask has a bit.
    #[inline(always)]
    pub(super) fn negate_where(self, mask: u8) -> Self {
        Self {
            x: self.x,
            y: F::select(mask, F::neg(self.y), self.y),
        }
    }

    /// The sum, given 1/(other.x − self.x).
    #[inline(always)]
    pub(super) fn add(self, other: Self, inverse: F) -> Self {
        let slope = F::mul(&F::sub(other.y, self.y), &inverse);
        self.third(other.x, slope)
    }

    /// The double, given 1/(2y).
    #[inline(always)]
    pub(super) fn double(self, inverse: F) -> Self {
        let square = F::square(&self.x);
        let slope = F::mul(&F::add(F::add(square, square), square), &inverse);
        self.third(self.x, slope)
    }

    #[inline(always)]
    fn third(self, other_x: F, slope: F) -> Self {
        let x = F::x3(F::square(&slope), self.x, other_x);
        let y = F::y3(F::mul(&slope, &F::sub(self.x, x)), self.y);
        Self { x, y }
    }
}

/// Montgomery's trick: n inversions for one and 3n products.
pub(super) struct Inversions<F> {
    values: Vec<F>,
    prefixes: Vec<F>,
}

impl<F: Field> Inversions<F> {
    pub(super) fn new() -> Self {
        Self {
            values: Vec::with_capacity(BATCH),
            prefixes: Vec::with_capacity(BATCH),
        }
    }

    /// Takes a value.
    #[inline(always)]
    pub(super) fn push(&mut self, value: F) {
        let product = match self.prefixes.last() {
            Some(last) => F::mul(last, &value),
            None => value,
        };
        self.values.push(value);
        self.prefixes.push(product);
    }

    /// The inverse of the product of all; none if one of them is zero in some lane.
    #[inline(always)]
    pub(super) fn invert(&self) -> Option<F> {
        self.prefixes.last()?.invert()
    }

    /// The inverse of the value pushed last, which is taken off; `all` becomes that of the others.
    #[inline(always)]
    pub(super) fn pop(&mut self, all: &mut F) -> F {
        let (Some(value), Some(_)) = (self.values.pop(), self.prefixes.pop()) else {
            return *all;
        };
        match self.prefixes.last() {
            None => *all,
            Some(before) => {
                let inverse = F::mul(all, before);
                *all = F::mul(all, &value);
                inverse
            }
        }
    }
}

/// A point of a list, or its opposite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Signed(u32);

impl Signed {
    pub(super) fn new(index: usize, negative: bool) -> Self {
        Self((index as u32) << 1 | u32::from(negative))
    }

    #[inline(always)]
    pub(super) fn index(self) -> usize {
        (self.0 >> 1) as usize
    }

    #[inline(always)]
    pub(super) fn is_negative(self) -> bool {
        self.0 & 1 == 1
    }
}

/// points\[to + i\] = points\[a_i\] ± points\[b_i\] for every pair; the number of pairs is a multiple of
/// eight. False, with nothing promised about the results, if some pair has equal x.
#[inline(always)]
pub(super) fn add_pairs<F: Field>(
    points: &mut [Stored],
    pairs: &[(u32, Signed)],
    to: usize,
    inversions: &mut Inversions<F>,
) -> bool {
    let width = <F::Lane as Lane>::WIDTH;
    let mut done = 0;
    for batch in pairs.chunks(BATCH * width) {
        for pairs in batch.chunks_exact(width) {
            let x1 = F::load(points, |lane| pairs[lane].0 as usize, 0);
            let x2 = F::load(points, |lane| pairs[lane].1.index(), 0);
            inversions.push(F::sub(x2, x1));
        }
        let Some(mut all) = inversions.invert() else {
            return false;
        };
        for (vector, pairs) in batch.chunks_exact(width).enumerate().rev() {
            let inverse = inversions.pop(&mut all);
            let a = Points::load(points, |lane| pairs[lane].0 as usize);
            let mut negative = 0;
            for (lane, pair) in pairs.iter().enumerate() {
                negative |= u8::from(pair.1.is_negative()) << lane;
            }
            let b = Points::load(points, |lane| pairs[lane].1.index()).negate_where(negative);
            let first = to + done + vector * width;
            a.add(b, inverse).store(points, |lane| first + lane);
        }
        done += batch.len();
    }
    true
}

/// points\[to + i\] = 2·points\[a_i\]; as [`add_pairs`]. Never false for points of odd order.
#[inline(always)]
pub(super) fn double_all<F: Field>(
    points: &mut [Stored],
    sources: &[(u32, Signed)],
    to: usize,
    inversions: &mut Inversions<F>,
) -> bool {
    let width = <F::Lane as Lane>::WIDTH;
    let mut done = 0;
    for batch in sources.chunks(BATCH * width) {
        for sources in batch.chunks_exact(width) {
            let y = F::load(points, |lane| sources[lane].0 as usize, 1);
            inversions.push(F::add(y, y));
        }
        let Some(mut all) = inversions.invert() else {
            return false;
        };
        for (vector, sources) in batch.chunks_exact(width).enumerate().rev() {
            let inverse = inversions.pop(&mut all);
            let a = Points::<F>::load(points, |lane| sources[lane].0 as usize);
            let first = to + done + vector * width;
            a.double(inverse).store(points, |lane| first + lane);
        }
        done += batch.len();
    }
    true
}
