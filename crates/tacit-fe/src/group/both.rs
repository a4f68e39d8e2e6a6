//! G1 or G2: what an algorithm that is written once for both needs to know of them.

use super::lanes::{Algorithm, Field, Lane, Prime, Quadratic, Stored};
use super::{G1, G1Affine, G2, G2Affine, Scalar};

/// G1 or G2, for what is written once for both.
pub(crate) trait Curve: 'static {
    type Point: Copy + std::ops::Add<Output = Self::Point>;
    type Affine: Copy;
    fn generator() -> Self::Point;
    fn mul(point: &Self::Point, scalar: &Scalar) -> Self::Point;
    fn double(point: &Self::Point) -> Self::Point;
    fn from_affine(point: &Self::Affine) -> Self::Point;
    fn to_affine(points: &[Self::Point]) -> Vec<Self::Affine>;
}

/// What the arithmetic in lanes needs to know of a curve.
pub(super) trait InLanes: Curve {
    /// The field of its coordinates.
    type Field<L: Lane>: Field<Lane = L>;
    /// Limbs of x and y in blst's form.
    type Limbs: AsRef<[[u64; 6]]> + AsMut<[[u64; 6]]> + Default + Copy;
    /// Elements of F_p in a point.
    const WORDS: usize;
    fn limbs(point: &Self::Affine) -> Self::Limbs;
    fn from_limbs(limbs: &Self::Limbs) -> Self::Affine;
}

macro_rules! curve {
    ($Point:ident, $Affine:ident, $Field:ident, $words:literal) => {
        impl Curve for $Point {
            type Point = $Point;
            type Affine = $Affine;
            fn generator() -> $Point {
                $Point::generator()
            }
            fn mul(point: &$Point, scalar: &Scalar) -> $Point {
                point.mul(scalar)
            }
            fn double(point: &$Point) -> $Point {
                point.double()
            }
            fn from_affine(point: &$Affine) -> $Point {
                (*point).into()
            }
            fn to_affine(points: &[$Point]) -> Vec<$Affine> {
                $Point::batch_to_affine(points)
            }
        }

        impl InLanes for $Point {
            type Field<L: Lane> = $Field<L>;
            type Limbs = [[u64; 6]; $words];
            const WORDS: usize = $words;
            fn limbs(point: &$Affine) -> Self::Limbs {
                point.limbs()
            }
            fn from_limbs(limbs: &Self::Limbs) -> $Affine {
                $Affine::from_limbs(limbs)
            }
        }
    };
}

curve!(G1, G1Affine, Prime, 2);
curve!(G2, G2Affine, Quadratic, 4);

/// Converts points to the form of the lanes, one after the other.
pub(super) struct Import<'a, C: InLanes> {
    pub(super) points: &'a [C::Limbs],
    pub(super) out: &'a mut [Stored],
}

impl<C: InLanes> Algorithm for Import<'_, C> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane>(self) {
        let words = C::WORDS;
        for (points, place) in self.points.chunks(8).zip(self.out.chunks_mut(8 * words)) {
            let mut flat = [[0; 6]; 32];
            for (flat, limbs) in flat.chunks_mut(words).zip(points) {
                flat.copy_from_slice(limbs.as_ref());
            }
            let count = points.len() * words;
            L::import(&flat[..count], &mut place[..count]);
        }
    }
}
