//! Integers modulo the group order r.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use blst::{blst_fr, blst_scalar};
use tacit_ring::Xof;
use zeroize::Zeroize;

/// An integer modulo the group order r ≈ 2^254.86, in Montgomery form.
///
/// Secrets are kept in [`SecretScalar`]; this type is for sums and products on the way.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Scalar(blst_fr);

impl Scalar {
    /// 0.
    pub const ZERO: Self = Self(blst_fr { l: [0; 4] });

    /// 1.
    pub fn one() -> Self {
        Self::from(1u64)
    }

    /// Uniform: 64 bytes of the stream reduced modulo r, so the distance from uniform is below
    /// 2^−256.
    pub fn random(xof: &mut Xof) -> Self {
        let mut bytes = [0; 64];
        xof.fill(&mut bytes);
        let mut reduced = blst_scalar::default();
        let mut out = Self::ZERO;
        // SAFETY: the length is that of the array; outputs are of the right types.
        unsafe {
            blst::blst_scalar_from_le_bytes(&mut reduced, bytes.as_ptr(), bytes.len());
            blst::blst_fr_from_scalar(&mut out.0, &reduced);
        }
        bytes.zeroize();
        reduced.b.zeroize();
        out
    }

    /// Little-endian bytes of the representative in \[0, r).
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut out = blst_scalar::default();
        // SAFETY: both point to values of their types.
        unsafe { blst::blst_scalar_from_fr(&mut out, &self.0) };
        out.b
    }

    /// The scalar of 32 little-endian bytes; none if they are not below r.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let mut scalar = blst_scalar { b: *bytes };
        let mut out = Self::ZERO;
        // SAFETY: both point to values of their types; the value is checked before it is used.
        let reduced = unsafe {
            let reduced = blst::blst_scalar_fr_check(&scalar);
            if reduced {
                blst::blst_fr_from_scalar(&mut out.0, &scalar);
            }
            reduced
        };
        scalar.b.zeroize();
        reduced.then_some(out)
    }

    /// 1/self, or 0 for 0; constant-time (a binary gcd of fixed length).
    pub fn inverse(&self) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fr_eucl_inverse(&mut out.0, &self.0) };
        out
    }

    /// Whether this is 0.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl Zeroize for Scalar {
    fn zeroize(&mut self) {
        self.0.l.zeroize();
    }
}

impl From<u64> for Scalar {
    fn from(value: u64) -> Self {
        let mut out = Self::ZERO;
        // SAFETY: the source has the four limbs that are read.
        unsafe { blst::blst_fr_from_uint64(&mut out.0, [value, 0, 0, 0].as_ptr()) };
        out
    }
}

impl From<i64> for Scalar {
    fn from(value: i64) -> Self {
        let magnitude = Self::from(value.unsigned_abs());
        let mut out = Self::ZERO;
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fr_cneg(&mut out.0, &magnitude.0, value < 0) };
        out
    }
}

/// An operator, by a function of blst's.
macro_rules! operator {
    ($Operator:ident, $method:ident, $function:ident) => {
        impl $Operator for Scalar {
            type Output = Self;
            fn $method(self, other: Self) -> Self {
                let mut out = Self::ZERO;
                // SAFETY: all point to values of the type.
                unsafe { blst::$function(&mut out.0, &self.0, &other.0) };
                out
            }
        }
    };
}

operator!(Add, add, blst_fr_add);
operator!(Sub, sub, blst_fr_sub);
operator!(Mul, mul, blst_fr_mul);

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Scalar {
    type Output = Self;
    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, |a, b| a + b)
    }
}

impl std::fmt::Debug for Scalar {
    /// Redacted: most scalars here are secret or made from secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scalar(redacted)")
    }
}

/// Σ c_i·v_i for small public c_i, reduced once at the end: at most 2^16 terms. Constant-time in the v_i.
#[derive(Clone, Copy, Default, Zeroize)]
pub(crate) struct SmallSum([i64; 8]);

impl SmallSum {
    /// Adds c·v: half a limb at a time, so that a sum of 2^16 products of 32 and 16 bits fits.
    #[inline]
    pub(crate) fn add(&mut self, v: &Scalar, c: i16) {
        for (sums, limb) in self.0.as_chunks_mut::<2>().0.iter_mut().zip(v.0.l) {
            sums[0] += i64::from(limb as u32) * i64::from(c);
            sums[1] += (limb >> 32) as i64 * i64::from(c);
        }
    }

    /// The sum.
    pub(crate) fn total(&self) -> Scalar {
        let half_limb = Scalar::from(1u64 << 32);
        let digits = self.0.iter().rev().map(|&digit| Scalar::from(digit));
        let total = digits.fold(Scalar::ZERO, |total, digit| total * half_limb + digit);
        // The limbs were those of Montgomery's form, so this takes its factor off: 1 in that form.
        total * Scalar(blst_fr { l: [1, 0, 0, 0] })
    }
}

/// A secret scalar: never printed, not copied by accident, erased on drop.
pub struct SecretScalar(Scalar);

impl SecretScalar {
    /// Takes a scalar over; the caller's copy is the caller's to erase.
    pub fn new(scalar: Scalar) -> Self {
        Self(scalar)
    }

    /// A fresh secret from a stream.
    pub fn random(xof: &mut Xof) -> Self {
        Self(Scalar::random(xof))
    }

    /// The value, for arithmetic.
    pub fn expose(&self) -> &Scalar {
        &self.0
    }
}

impl Drop for SecretScalar {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for SecretScalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretScalar(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_ring::Seed;

    fn some() -> (Scalar, Scalar) {
        let mut xof = Seed::from_bytes([1; 32]).expand();
        (Scalar::random(&mut xof), Scalar::random(&mut xof))
    }

    #[test]
    fn signed_integers_keep_their_sign() {
        assert_eq!(Scalar::from(-7i64) + Scalar::from(7u64), Scalar::ZERO);
        assert_eq!(
            Scalar::from(i64::MIN) + Scalar::from(1u64 << 63),
            Scalar::ZERO
        );
    }

    #[test]
    fn inverse_is_inverse() {
        let (a, b) = some();
        assert_eq!(a * b * a.inverse(), b);
        assert!(Scalar::ZERO.inverse().is_zero());
    }

    #[test]
    fn bytes_round_trip_and_the_order_itself_is_refused() {
        let (a, _) = some();
        assert_eq!(Scalar::from_bytes(&a.to_bytes()), Some(a));
        let mut r = (-Scalar::one()).to_bytes();
        assert!(Scalar::from_bytes(&r).is_some());
        r[0] += 1;
        assert_eq!(Scalar::from_bytes(&r), None);
        assert_eq!(Scalar::from_bytes(&[0xff; 32]), None);
    }

    #[test]
    fn sums_of_small_multiples_agree_with_single_products() {
        let (a, b) = some();
        let largest = -Scalar::one();
        let coefficients = [i16::MIN, i16::MAX, -1, 0, 1, 31];
        let mut sum = SmallSum::default();
        let mut expected = Scalar::ZERO;
        for (v, c) in [a, b, largest, a, Scalar::ZERO, b].iter().zip(coefficients) {
            sum.add(v, c);
            expected += *v * Scalar::from(i64::from(c));
        }
        assert_eq!(sum.total(), expected);
        for c in [i16::MIN, i16::MAX] {
            let mut sum = SmallSum::default();
            (0..1 << 16).for_each(|_| sum.add(&largest, c));
            let expected = largest * Scalar::from(i64::from(c) << 16);
            assert_eq!(sum.total(), expected);
        }
    }

    #[test]
    fn debug_is_redacted() {
        assert_eq!(format!("{:?}", some().0), "Scalar(redacted)");
    }
}
