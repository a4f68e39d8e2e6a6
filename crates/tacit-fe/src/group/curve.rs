//! Points of G1 and G2: the same text for both, which blst names apart.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg};

use super::Scalar;
use crate::error::PointFault;

/// Defines a group's projective and affine points.
macro_rules! curve {
    (
        $name:literal, $Point:ident($point:ident), $Affine:ident($affine:ident),
        compressed: $compressed:literal, raw: $raw:literal,
        $generator:ident, $add:ident, $add_affine:ident, $double:ident, $mult:ident, $cneg:ident,
        $equal:ident, $is_inf:ident, $from_affine:ident, $to_affine:ident, $batch_to_affine:ident,
        $batch_add:ident, $affine_is_inf:ident, $on_curve:ident, $in_group:ident,
        $compress:ident, $serialize:ident, $uncompress:ident, $deserialize:ident
    ) => {
        #[doc = concat!("A point of ", $name, " in Jacobian coordinates.")]
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub struct $Point(pub(super) blst::$point);

        #[doc = concat!("A point of ", $name, " as (x, y), or the identity.")]
        #[derive(Clone, Copy, PartialEq, Eq)]
        #[repr(transparent)]
        pub struct $Affine(pub(super) blst::$affine);

        impl $Point {
            /// The identity.
            pub fn identity() -> Self {
                Self(blst::$point::default())
            }

            /// The generator that the standard fixes.
            pub fn generator() -> Self {
                // SAFETY: blst returns a pointer to a constant.
                Self(unsafe { *blst::$generator() })
            }

            /// Whether this is the identity.
            pub fn is_identity(&self) -> bool {
                // SAFETY: the pointer is to a value of the type.
                unsafe { blst::$is_inf(&self.0) }
            }

            /// 2·self.
            pub fn double(&self) -> Self {
                let mut out = Self::identity();
                // SAFETY: both point to values of the type.
                unsafe { blst::$double(&mut out.0, &self.0) };
                out
            }

            /// self + an affine point; right also for equal, opposite and identity points.
            pub fn add_affine(&self, other: &$Affine) -> Self {
                let mut out = Self::identity();
                // SAFETY: all point to values of their types.
                unsafe { blst::$add_affine(&mut out.0, &self.0, &other.0) };
                out
            }

            /// \[scalar\]self, in time that does not depend on the scalar.
            pub fn mul(&self, scalar: &Scalar) -> Self {
                use zeroize::Zeroize;
                let mut bytes = scalar.to_bytes();
                let mut out = Self::identity();
                // SAFETY: 255 bits are read of the 32 bytes; points are of their types.
                unsafe { blst::$mult(&mut out.0, &self.0, bytes.as_ptr(), 255) };
                bytes.zeroize();
                out
            }

            /// \[small\]self, in time that does not depend on the multiplier.
            pub fn mul_u16(&self, small: u16) -> Self {
                let mut out = Self::identity();
                // SAFETY: 16 bits are read of the two bytes; points are of their types.
                unsafe { blst::$mult(&mut out.0, &self.0, small.to_le_bytes().as_ptr(), 16) };
                out
            }

            /// (x, y).
            pub fn to_affine(&self) -> $Affine {
                let mut out = blst::$affine::default();
                // SAFETY: both point to values of their types.
                unsafe { blst::$to_affine(&mut out, &self.0) };
                $Affine(out)
            }

            /// Many points at the price of one inversion.
            pub fn batch_to_affine(points: &[Self]) -> Vec<$Affine> {
                let mut out = vec![$Affine::identity(); points.len()];
                if points.is_empty() {
                    return out;
                }
                // blst multiplies all Z together, so an identity (Z = 0) would spoil the batch.
                if points.iter().any(Self::is_identity) {
                    for (out, point) in out.iter_mut().zip(points) {
                        *out = point.to_affine();
                    }
                    return out;
                }
                let list = [points.as_ptr().cast::<blst::$point>(), std::ptr::null()];
                // SAFETY: the wrappers are transparent; a null second entry says that the points
                // follow each other in memory; the output has as many places as there are points.
                unsafe {
                    blst::$batch_to_affine(out.as_mut_ptr().cast(), list.as_ptr(), points.len());
                }
                out
            }

            /// Σ points, batched, variable time.
            pub fn sum_vartime(points: &[$Affine]) -> Self {
                let mut out = Self::identity();
                if points.is_empty() {
                    return out;
                }
                let list = [points.as_ptr().cast::<blst::$affine>(), std::ptr::null()];
                // SAFETY: as in `batch_to_affine`; the sum is one point.
                unsafe { blst::$batch_add(&mut out.0, list.as_ptr(), points.len()) };
                out
            }
        }

        impl $Affine {
            /// Bytes of the compressed encoding.
            pub const COMPRESSED_BYTES: usize = $compressed;
            /// Bytes of the raw encoding.
            pub const RAW_BYTES: usize = $raw;

            /// The identity.
            pub fn identity() -> Self {
                Self(blst::$affine::default())
            }

            /// The generator.
            pub fn generator() -> Self {
                $Point::generator().to_affine()
            }

            /// Whether this is the identity.
            pub fn is_identity(&self) -> bool {
                // SAFETY: the pointer is to a value of the type.
                unsafe { blst::$affine_is_inf(&self.0) }
            }

            /// Whether y² = x³ + b.
            pub(super) fn is_on_curve(&self) -> bool {
                // SAFETY: the pointer is to a value of the type.
                unsafe { blst::$on_curve(&self.0) }
            }

            /// Whether the point has order r (or is the identity): the exact endomorphism test.
            pub fn in_subgroup(&self) -> bool {
                // SAFETY: the pointer is to a value of the type.
                unsafe { blst::$in_group(&self.0) }
            }

            /// x with three flag bits, big-endian: the encoding that pairing standards share.
            pub fn to_compressed(&self) -> [u8; $compressed] {
                let mut out = [0; $compressed];
                // SAFETY: the output has the length that blst writes.
                unsafe { blst::$compress(out.as_mut_ptr(), &self.0) };
                out
            }

            /// x and y, big-endian.
            pub fn to_raw(&self) -> [u8; $raw] {
                let mut out = [0; $raw];
                // SAFETY: the output has the length that blst writes.
                unsafe { blst::$serialize(out.as_mut_ptr(), &self.0) };
                out
            }

            /// Decodes a compressed point of the subgroup. The identity is refused.
            pub fn from_compressed(bytes: &[u8; $compressed]) -> Result<Self, PointFault> {
                Self::decompress(bytes)?.of_subgroup()
            }

            /// Decodes a compressed point of the curve, without the subgroup test.
            pub(crate) fn decompress(bytes: &[u8; $compressed]) -> Result<Self, PointFault> {
                if bytes[0] & 0x80 == 0 {
                    return Err(PointFault::Encoding);
                }
                let mut out = Self::identity();
                // SAFETY: the input has the length that blst reads for compressed points.
                let fault = unsafe { blst::$uncompress(&mut out.0, bytes.as_ptr()) };
                out.accept(fault)
            }

            /// Decodes a raw point of the subgroup. The identity is refused.
            pub fn from_raw(bytes: &[u8; $raw]) -> Result<Self, PointFault> {
                Self::from_raw_trusted(bytes)?.of_subgroup()
            }

            fn of_subgroup(self) -> Result<Self, PointFault> {
                match self.in_subgroup() {
                    true => Ok(self),
                    false => Err(PointFault::NotInSubgroup),
                }
            }

            /// Decodes a raw point from a source that is trusted to have written points of the
            /// subgroup: only that it is a canonical encoding of a point of the curve, and not
            /// the identity, is checked.
            pub fn from_raw_trusted(bytes: &[u8; $raw]) -> Result<Self, PointFault> {
                // With its top bit set blst would read a compressed point and ignore the rest.
                if bytes[0] & 0x80 != 0 {
                    return Err(PointFault::Encoding);
                }
                let mut out = Self::identity();
                // SAFETY: the input has the length that blst reads for raw points.
                let fault = unsafe { blst::$deserialize(&mut out.0, bytes.as_ptr()) };
                out.accept(fault)
            }

            /// x and y in blst's form, a coordinate of F_p after the other; zeros for the identity.
            pub(super) fn limbs(&self) -> [[u64; 6]; $raw / 48] {
                // SAFETY: both are x then y, each one or two arrays of six words, and nothing else.
                unsafe { std::mem::transmute::<blst::$affine, [[u64; 6]; $raw / 48]>(self.0) }
            }

            /// The point of such limbs: reduced, and on the curve or all zero.
            pub(super) fn from_limbs(limbs: &[[u64; 6]; $raw / 48]) -> Self {
                // SAFETY: as in `limbs`.
                Self(unsafe { std::mem::transmute::<[[u64; 6]; $raw / 48], blst::$affine>(*limbs) })
            }

            fn accept(self, fault: blst::BLST_ERROR) -> Result<Self, PointFault> {
                use blst::BLST_ERROR::*;
                match fault {
                    BLST_SUCCESS if self.is_identity() => Err(PointFault::Identity),
                    BLST_SUCCESS => Ok(self),
                    BLST_POINT_NOT_ON_CURVE => Err(PointFault::NotOnCurve),
                    BLST_POINT_NOT_IN_GROUP => Err(PointFault::NotInSubgroup),
                    _ => Err(PointFault::Encoding),
                }
            }
        }

        impl PartialEq for $Point {
            fn eq(&self, other: &Self) -> bool {
                // SAFETY: both point to values of the type.
                unsafe { blst::$equal(&self.0, &other.0) }
            }
        }

        impl Eq for $Point {}

        impl Add for $Point {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                let mut out = Self::identity();
                // SAFETY: all point to values of the type.
                unsafe { blst::$add(&mut out.0, &self.0, &other.0) };
                out
            }
        }

        impl AddAssign for $Point {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl Sum for $Point {
            fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
                points.fold(Self::identity(), |a, b| a + b)
            }
        }

        impl Neg for $Point {
            type Output = Self;
            fn neg(mut self) -> Self {
                // SAFETY: the pointer is to a value of the type.
                unsafe { blst::$cneg(&mut self.0, true) };
                self
            }
        }

        impl From<$Affine> for $Point {
            fn from(affine: $Affine) -> Self {
                let mut out = Self::identity();
                // SAFETY: both point to values of their types.
                unsafe { blst::$from_affine(&mut out.0, &affine.0) };
                out
            }
        }

        impl std::fmt::Debug for $Affine {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($name, "("))?;
                for byte in self.to_compressed() {
                    write!(f, "{byte:02x}")?;
                }
                f.write_str(")")
            }
        }

        impl std::fmt::Debug for $Point {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.to_affine(), f)
            }
        }
    };
}

curve!(
    "G1",
    G1(blst_p1),
    G1Affine(blst_p1_affine),
    compressed: 48,
    raw: 96,
    blst_p1_generator,
    blst_p1_add_or_double,
    blst_p1_add_or_double_affine,
    blst_p1_double,
    blst_p1_mult,
    blst_p1_cneg,
    blst_p1_is_equal,
    blst_p1_is_inf,
    blst_p1_from_affine,
    blst_p1_to_affine,
    blst_p1s_to_affine,
    blst_p1s_add,
    blst_p1_affine_is_inf,
    blst_p1_affine_on_curve,
    blst_p1_affine_in_g1,
    blst_p1_affine_compress,
    blst_p1_affine_serialize,
    blst_p1_uncompress,
    blst_p1_deserialize
);

curve!(
    "G2",
    G2(blst_p2),
    G2Affine(blst_p2_affine),
    compressed: 96,
    raw: 192,
    blst_p2_generator,
    blst_p2_add_or_double,
    blst_p2_add_or_double_affine,
    blst_p2_double,
    blst_p2_mult,
    blst_p2_cneg,
    blst_p2_is_equal,
    blst_p2_is_inf,
    blst_p2_from_affine,
    blst_p2_to_affine,
    blst_p2s_to_affine,
    blst_p2s_add,
    blst_p2_affine_is_inf,
    blst_p2_affine_on_curve,
    blst_p2_affine_in_g2,
    blst_p2_affine_compress,
    blst_p2_affine_serialize,
    blst_p2_uncompress,
    blst_p2_deserialize
);

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_ring::Seed;

    /// The properties of a group, stated once.
    macro_rules! group_tests {
        ($room:ident, $Point:ident, $Affine:ident) => {
            mod $room {
                use super::*;

                fn points(count: usize) -> Vec<$Point> {
                    let mut xof = Seed::from_bytes([2; 32]).expand();
                    (0..count)
                        .map(|_| $Point::generator().mul(&Scalar::random(&mut xof)))
                        .collect()
                }

                #[test]
                fn multiplication_is_repeated_addition() {
                    let g = $Point::generator();
                    let five = g.double().double() + g;
                    assert_eq!(g.mul(&Scalar::from(5u64)), five);
                    assert_eq!(g.mul(&Scalar::from(-5i64)), -five);
                    assert!(g.mul(&Scalar::ZERO).is_identity());
                    assert!((five + -five).is_identity());
                }

                #[test]
                fn sums_and_affine_batches_agree_with_single_steps() {
                    let mut points = points(37);
                    points.push(points[3]);
                    points.push(-points[5]);
                    let affine = $Point::batch_to_affine(&points);
                    for (a, p) in affine.iter().zip(&points) {
                        assert_eq!(*a, p.to_affine());
                    }
                    let sum: $Point = points.iter().copied().sum();
                    assert_eq!($Point::sum_vartime(&affine), sum);
                    assert_eq!(
                        $Point::batch_to_affine(&[sum, $Point::identity()]),
                        [sum.to_affine(), $Affine::identity()]
                    );
                    assert!($Point::sum_vartime(&[]).is_identity());
                }

                #[test]
                fn encodings_round_trip() {
                    for point in points(5) {
                        let point = point.to_affine();
                        assert_eq!($Affine::from_compressed(&point.to_compressed()), Ok(point));
                        assert_eq!($Affine::from_raw(&point.to_raw()), Ok(point));
                        assert_eq!($Affine::from_raw_trusted(&point.to_raw()), Ok(point));
                    }
                }

                #[test]
                fn identity_is_refused() {
                    let identity = $Affine::identity();
                    assert_eq!(
                        $Affine::from_compressed(&identity.to_compressed()),
                        Err(PointFault::Identity)
                    );
                    assert_eq!(
                        $Affine::from_raw(&identity.to_raw()),
                        Err(PointFault::Identity)
                    );
                }

                #[test]
                fn other_encodings_of_a_point_are_refused() {
                    let point = points(1)[0].to_affine();
                    // Compressed bytes where raw ones are expected.
                    let mut raw = [0; $Affine::RAW_BYTES];
                    raw[..$Affine::COMPRESSED_BYTES].copy_from_slice(&point.to_compressed());
                    assert_eq!($Affine::from_raw(&raw), Err(PointFault::Encoding));
                    // Sign flag on a raw point.
                    let mut raw = point.to_raw();
                    raw[0] |= 0x20;
                    assert_eq!($Affine::from_raw(&raw), Err(PointFault::Encoding));
                    // Coordinate not reduced.
                    let mut bytes = point.to_compressed();
                    bytes[0] |= 0x1f;
                    bytes[1..].fill(0xff);
                    assert_eq!($Affine::from_compressed(&bytes), Err(PointFault::Encoding));
                    // Compression flag absent.
                    let mut bytes = point.to_compressed();
                    bytes[0] &= 0x7f;
                    assert_eq!($Affine::from_compressed(&bytes), Err(PointFault::Encoding));
                }

                #[test]
                fn points_off_the_curve_and_outside_the_subgroup_are_refused() {
                    let mut raw = points(1)[0].to_affine().to_raw();
                    raw[$Affine::RAW_BYTES - 1] ^= 1;
                    assert_eq!($Affine::from_raw(&raw), Err(PointFault::NotOnCurve));
                    // Small x coordinates: half are on no point, almost all others outside.
                    let (mut off, mut outside) = (0, 0);
                    for x in 1..40 {
                        let mut bytes = [0; $Affine::COMPRESSED_BYTES];
                        bytes[0] = 0x80;
                        bytes[$Affine::COMPRESSED_BYTES - 1] = x;
                        match $Affine::from_compressed(&bytes) {
                            Err(PointFault::NotOnCurve) => off += 1,
                            Err(PointFault::NotInSubgroup) => {
                                outside += 1;
                                let point = $Affine::decompress(&bytes).unwrap();
                                let raw = point.to_raw();
                                assert_eq!($Affine::from_raw_trusted(&raw), Ok(point));
                                assert_eq!($Affine::from_raw(&raw), Err(PointFault::NotInSubgroup));
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                    assert!(off > 5 && outside > 5, "{off} {outside}");
                }
            }
        };
    }

    group_tests!(g1, G1, G1Affine);
    group_tests!(g2, G2, G2Affine);
}
