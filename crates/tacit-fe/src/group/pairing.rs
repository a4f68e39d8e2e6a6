//! The pairing in its two steps, and the target group.

use std::ops::Mul;

use blst::{blst_fp, blst_fp6, blst_fp12};

use super::field::{self, negative, sum};
use super::{G1Affine, G2Affine};

/// Π e(P_i, Q_i) before the final exponentiation.
///
/// Values are defined up to factors that [`MillerValue::final_exponentiation`] removes; compare
/// the results of that, not these.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct MillerValue(pub(super) blst_fp12);

/// Π_i e(P_i, Q_i), squarings shared by all pairs. A pair with an identity contributes 1.
pub fn miller_loop(pairs: &[(G1Affine, G2Affine)]) -> MillerValue {
    // blst keeps sixteen pairs on the stack; so do we.
    const BLOCK: usize = 16;
    let mut product: Option<MillerValue> = None;
    let (mut ps, mut qs) = ([std::ptr::null(); BLOCK], [std::ptr::null(); BLOCK]);
    let mut filled = 0;
    for (index, (p, q)) in pairs.iter().enumerate() {
        if !p.is_identity() && !q.is_identity() {
            (ps[filled], qs[filled]) = (&raw const p.0, &raw const q.0);
            filled += 1;
        }
        if filled == BLOCK || (filled > 0 && index + 1 == pairs.len()) {
            let mut out = blst_fp12::default();
            // SAFETY: the first `filled` pointers of both lists are to live points.
            unsafe { blst::blst_miller_loop_n(&mut out, qs.as_ptr(), ps.as_ptr(), filled) };
            let block = MillerValue(out);
            product = Some(product.map_or(block, |product| product * block));
            filled = 0;
        }
    }
    product.unwrap_or_else(MillerValue::one)
}

/// A point of G2 with the lines of its pairing worked out: for points paired many times.
#[derive(Clone)]
pub struct PreparedG2(Box<[blst_fp6; LINES]>);

/// Doublings and additions of a Miller loop.
const LINES: usize = 68;

impl PreparedG2 {
    /// Works out the lines; none for the identity, whose pairings are 1.
    pub fn new(q: &G2Affine) -> Option<Self> {
        if q.is_identity() {
            return None;
        }
        let mut lines = Box::new([blst_fp6::default(); LINES]);
        // SAFETY: blst writes 68 lines for a point that is not the identity.
        unsafe { blst::blst_precompute_lines(lines.as_mut_ptr(), &q.0) };
        Some(Self(lines))
    }

    /// e(p, self) before the final exponentiation.
    pub fn miller_loop(&self, p: &G1Affine) -> MillerValue {
        if p.is_identity() {
            return MillerValue::one();
        }
        let mut out = blst_fp12::default();
        // SAFETY: the lines are those that blst wrote; the point is not the identity.
        unsafe { blst::blst_miller_loop_lines(&mut out, self.0.as_ptr(), &p.0) };
        MillerValue(out)
    }
}

/// Additions of the Miller loop stand before so many doublings each, after a first doubling: the bits of
/// the curve's parameter −0xd201000000010000.
pub(super) const DOUBLINGS: [usize; 5] = [2, 3, 9, 32, 16];

/// Π_i e(P_i, Q_i) over points of G2 whose lines are worked out, squarings shared by all pairs. A pair
/// with the identity contributes 1.
pub fn miller_loop_prepared(pairs: &[(&G1Affine, &PreparedG2)]) -> MillerValue {
    let pairs = pairs.iter().filter(|(p, _)| !p.is_identity());
    // A line is c0 + c1·(−2x) + c2·2y at the point (x, y).
    let at: Vec<(blst_fp, blst_fp, &PreparedG2)> = pairs
        .map(|(p, q)| {
            let (x, y) = (sum(&p.0.x, &p.0.x), sum(&p.0.y, &p.0.y));
            (negative(&x), y, *q)
        })
        .collect();
    let mut value = one();
    let mut step = 0;
    let mut multiply_lines = |value: &mut blst_fp12| {
        for (x, y, q) in &at {
            let line = evaluated(&q.0[step], x, y);
            let value: *mut blst_fp12 = value;
            // SAFETY: all point to values of their types; blst allows the product in place.
            unsafe { blst::blst_fp12_mul_by_xy00z0(value, value, &line) };
        }
        step += 1;
    };
    multiply_lines(&mut value);
    for doublings in DOUBLINGS {
        multiply_lines(&mut value);
        for _ in 0..doublings {
            value = MillerValue(value).square().0;
            multiply_lines(&mut value);
        }
    }
    // The parameter is negative.
    MillerValue(conjugate(&value))
}

/// A line with its second and third coefficients multiplied.
fn evaluated(line: &blst_fp6, x: &blst_fp, y: &blst_fp) -> blst_fp6 {
    let mut out = *line;
    for (coefficient, by) in [(1, x), (2, y)] {
        for value in &mut out.fp2[coefficient].fp {
            *value = field::product(value, by);
        }
    }
    out
}

impl std::fmt::Debug for PreparedG2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PreparedG2")
    }
}

impl MillerValue {
    /// Π values_i^{exponents_i}, squarings shared, for small public exponents.
    pub fn product_of_powers(terms: impl Iterator<Item = (Self, i32)> + Clone) -> Self {
        let largest = terms.clone().map(|(_, e)| e.unsigned_abs()).max();
        let bits = u32::BITS - largest.unwrap_or(0).leading_zeros();
        let mut product: Option<Self> = None;
        for bit in (0..bits).rev() {
            product = product.map(|product| product.square());
            for (value, exponent) in terms.clone() {
                if exponent.unsigned_abs() >> bit & 1 == 1 {
                    let value = if exponent < 0 {
                        value.conjugate()
                    } else {
                        value
                    };
                    product = Some(product.map_or(value, |product| product * value));
                }
            }
        }
        product.unwrap_or_else(Self::one)
    }

    /// The empty product.
    pub fn one() -> Self {
        Self(one())
    }

    /// self².
    pub fn square(&self) -> Self {
        let mut out = blst_fp12::default();
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fp12_sqr(&mut out, &self.0) };
        Self(out)
    }

    /// The p^6-power: after the final exponentiation this is the inverse.
    pub fn conjugate(&self) -> Self {
        Self(conjugate(&self.0))
    }

    /// self^exponent, for small public exponents. A negative one conjugates.
    pub fn pow_vartime(&self, exponent: i64) -> Self {
        let base = if exponent < 0 {
            self.conjugate()
        } else {
            *self
        };
        let magnitude = exponent.unsigned_abs();
        let mut out = Self::one();
        for bit in (0..u64::BITS - magnitude.leading_zeros()).rev() {
            out = out.square();
            if magnitude >> bit & 1 == 1 {
                out = out * base;
            }
        }
        out
    }

    /// f^{3(p^12−1)/r}: the factor 3, prime to r, makes the exponent cheap and is part of what e is here
    /// (and in other implementations).
    pub fn final_exponentiation(&self) -> Gt {
        let mut out = blst_fp12::default();
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_final_exp(&mut out, &self.0) };
        Gt(out)
    }
}

impl Mul for MillerValue {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(product(&self.0, &other.0))
    }
}

impl std::fmt::Debug for MillerValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MillerValue")
    }
}

/// An element of GT, the subgroup of order r of the unit group of F_{p^12}.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Gt(blst_fp12);

impl Gt {
    /// Bytes of [`Gt::to_bytes`].
    pub const BYTES: usize = 576;

    /// 1.
    pub fn identity() -> Self {
        Self(one())
    }

    /// e(g1, g2).
    pub fn generator() -> Self {
        Self::pairing(&G1Affine::generator(), &G2Affine::generator())
    }

    /// e(P, Q).
    pub fn pairing(p: &G1Affine, q: &G2Affine) -> Self {
        miller_loop(&[(*p, *q)]).final_exponentiation()
    }

    /// Whether this is 1.
    pub fn is_identity(&self) -> bool {
        // SAFETY: the pointer is to a value of the type.
        unsafe { blst::blst_fp12_is_one(&self.0) }
    }

    /// self², by the formula for the cyclotomic subgroup: about two thirds of a product.
    pub fn square(&self) -> Self {
        let mut out = blst_fp12::default();
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fp12_cyclotomic_sqr(&mut out, &self.0) };
        Self(out)
    }

    /// 1/self, which in GT is the conjugate: a change of signs.
    pub fn inverse(&self) -> Self {
        Self(conjugate(&self.0))
    }

    /// self^exponent. Not constant-time in the exponent.
    pub fn pow(&self, exponent: u64) -> Self {
        let mut out = Self::identity();
        for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
            out = out.square();
            if exponent >> bit & 1 == 1 {
                out = out * *self;
            }
        }
        out
    }

    /// self^exponent for a signed exponent.
    pub fn pow_signed(&self, exponent: i64) -> Self {
        let power = self.pow(exponent.unsigned_abs());
        if exponent < 0 { power.inverse() } else { power }
    }

    /// 64 bits of the half that conjugation leaves alone: the same for y and 1/y, and apart from
    /// that as good as random. For tables; equality is decided by `==`.
    ///
    /// An element is c0 + c1·w with w^2 = v, and its conjugate is c0 − c1·w. The two low limbs
    /// taken are those of the two coordinates of c0's first coefficient, in Montgomery form:
    /// blst keeps them reduced, so the form is unique.
    #[inline]
    pub fn fingerprint(&self) -> u64 {
        let c0 = &self.0.fp6[0].fp2[0];
        c0.fp[0].l[0] ^ c0.fp[1].l[0].rotate_left(29)
    }

    /// The twelve coordinates in big-endian, in blst's order; for hashing and tests.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        // SAFETY: the output has the length that blst writes.
        unsafe { blst::blst_bendian_from_fp12(out.as_mut_ptr(), &self.0) };
        out
    }
}

impl Mul for Gt {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(product(&self.0, &other.0))
    }
}

impl Mul<&Self> for Gt {
    type Output = Self;
    fn mul(self, other: &Self) -> Self {
        Self(product(&self.0, &other.0))
    }
}

impl PartialEq for Gt {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: both point to values of the type.
        unsafe { blst::blst_fp12_is_equal(&self.0, &other.0) }
    }
}

impl Eq for Gt {}

impl std::fmt::Debug for Gt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gt(±{:016x}…)", self.fingerprint())
    }
}

fn one() -> blst_fp12 {
    // SAFETY: blst returns a pointer to a constant.
    unsafe { *blst::blst_fp12_one() }
}

fn conjugate(value: &blst_fp12) -> blst_fp12 {
    let mut out = *value;
    // SAFETY: the pointer is to a value of the type.
    unsafe { blst::blst_fp12_conjugate(&mut out) };
    out
}

fn product(a: &blst_fp12, b: &blst_fp12) -> blst_fp12 {
    let mut out = blst_fp12::default();
    // SAFETY: all point to values of the type.
    unsafe { blst::blst_fp12_mul(&mut out, a, b) };
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{G1, G2, Scalar};
    use tacit_ring::Seed;

    fn pairs(count: usize) -> (Vec<(G1Affine, G2Affine)>, Scalar) {
        let mut xof = Seed::from_bytes([3; 32]).expand();
        let mut sum = Scalar::ZERO;
        let pairs = (0..count)
            .map(|_| {
                let (a, b) = (Scalar::random(&mut xof), Scalar::random(&mut xof));
                sum += a * b;
                let p = G1::generator().mul(&a).to_affine();
                (p, G2::generator().mul(&b).to_affine())
            })
            .collect();
        (pairs, sum)
    }

    #[test]
    fn products_of_pairings_add_exponents_for_any_number_of_pairs() {
        for count in [0, 1, 2, 15, 16, 17, 33] {
            let (mut pairs, sum) = pairs(count);
            let expected = Gt::pairing(
                &G1::generator().mul(&sum).to_affine(),
                &G2Affine::generator(),
            );
            assert_eq!(miller_loop(&pairs).final_exponentiation(), expected);
            // Pairs with an identity change nothing, wherever they stand.
            pairs.insert(0, (G1Affine::identity(), G2Affine::generator()));
            pairs.push((G1Affine::generator(), G2Affine::identity()));
            assert_eq!(miller_loop(&pairs).final_exponentiation(), expected);
        }
    }

    #[test]
    fn powers_before_and_after_the_final_exponentiation_agree() {
        let (pairs, _) = pairs(2);
        let miller = miller_loop(&pairs);
        let gt = miller.final_exponentiation();
        for e in [0, 1, -1, 2, 31, -32, 1000, -12345] {
            let late = miller.pow_vartime(e).final_exponentiation();
            assert_eq!(late, gt.pow_signed(e));
        }
        assert_eq!(miller.square().final_exponentiation(), gt * gt);
        assert_eq!(gt.square(), gt * gt);
        assert!((gt * gt.inverse()).is_identity());
    }

    #[test]
    fn prepared_points_and_products_of_powers_agree_with_single_steps() {
        let (pairs, _) = pairs(3);
        let values = pairs.iter().map(|pair| miller_loop(&[*pair]));
        for (value, (p, q)) in values.clone().zip(&pairs) {
            let prepared = PreparedG2::new(q).unwrap().miller_loop(p);
            assert_eq!(
                prepared.final_exponentiation(),
                value.final_exponentiation()
            );
        }
        let lines: Vec<_> = pairs
            .iter()
            .filter_map(|(_, q)| PreparedG2::new(q))
            .collect();
        let identity = G1Affine::identity();
        for count in 0..=pairs.len() {
            let points = pairs[..count].iter().map(|(p, _)| p);
            let mut prepared: Vec<_> = points.zip(&lines).collect();
            prepared.insert(count / 2, (&identity, &lines[0]));
            assert_eq!(
                miller_loop_prepared(&prepared).final_exponentiation(),
                miller_loop(&pairs[..count]).final_exponentiation()
            );
        }
        assert!(PreparedG2::new(&G2Affine::identity()).is_none());
        for exponents in [[0, 0, 0], [1, -1, 0], [31, -32, 7], [0, i32::MIN, 5]] {
            let product = MillerValue::product_of_powers(values.clone().zip(exponents));
            let mut expected = Gt::identity();
            for (value, e) in values.clone().zip(exponents) {
                expected = expected * value.final_exponentiation().pow_signed(e.into());
            }
            assert_eq!(product.final_exponentiation(), expected);
        }
    }

    #[test]
    fn fingerprint_is_that_of_the_inverse_too() {
        let g = Gt::generator();
        for e in 1..50 {
            let y = g.pow(e);
            assert_eq!(y.fingerprint(), y.inverse().fingerprint());
            assert_ne!(y.fingerprint(), g.pow(e + 1).fingerprint());
        }
    }

    #[test]
    fn generator_has_order_r() {
        let g = Gt::generator();
        assert!(!g.is_identity());
        let minus_one = (-Scalar::one()).to_bytes();
        let mut power = Gt::identity();
        for byte in minus_one.iter().rev() {
            for bit in (0..8).rev() {
                power = power.square();
                if byte >> bit & 1 == 1 {
                    power = power * g;
                }
            }
        }
        assert!((power * g).is_identity());
    }
}
