//! Decompressing many points: their square roots side by side.
//!
//! Both roots come from powers to e = (p − 3)/4, an exponent of 379 bits; p is 3 modulo 4.
//!
//! ```text
//!   F_p    √w = w·w^e if there is a root
//!   F_p²   w = w0 + w1·u, s = √(w0² + w1²), δ = (w0 + s)/2, q = δ^e, h = w1·q/2:
//!          √w = δq + h·u  or  −h + δq·u, depending on whether δ is a square
//! ```
//!
//! Nothing here is trusted: what comes out is taken only if it is a point of the curve and its own
//! compressed encoding is the bytes that were read. Whatever is not, special cases included, is decoded by
//! blst, which also names the fault.

use blst::{blst_fp, blst_fp2, blst_p1_affine, blst_p2_affine};

use super::field::{
    P, from_bytes, inverse, negative, negative2, product, product2, small, square, square2, sum,
    sum2,
};
use super::lanes::{Algorithm, Lane, Stored, dispatch};
use super::{G1Affine, G2Affine};
use crate::error::PointFault;

macro_rules! encoded {
    ($Affine:ident) => {
        impl $Affine {
            /// Whether this is the point of these bytes; false also for x = 0, which blst decides.
            fn is_encoded_by(&self, bytes: &[u8; Self::COMPRESSED_BYTES]) -> bool {
                let is_zero = self.0.x == Default::default();
                !is_zero && self.is_on_curve() && self.to_compressed() == *bytes
            }
        }
    };
}

encoded!(G1Affine);
encoded!(G2Affine);

impl G1Affine {
    /// Compressed points of the curve, without the subgroup test.
    pub(crate) fn decompress_many(
        bytes: &[[u8; Self::COMPRESSED_BYTES]],
    ) -> Vec<Result<Self, PointFault>> {
        let x: Vec<blst_fp> = bytes.iter().map(coordinate).collect();
        let four = small(4);
        let w = |x: &blst_fp| sum(&product(&square(x), x), &four);
        let w: Vec<blst_fp> = x.iter().map(w).collect();
        let powers = powers(&w);
        let point = |i: usize| {
            let y = product(&w[i], &powers[i]);
            let roots = [y, negative(&y)];
            let points = roots.map(|y| Self(blst_p1_affine { x: x[i], y }));
            let found = points.into_iter().find(|p| p.is_encoded_by(&bytes[i]));
            found.map_or_else(|| Self::decompress(&bytes[i]), Ok)
        };
        (0..bytes.len()).map(point).collect()
    }
}

impl G2Affine {
    /// Compressed points of the curve, without the subgroup test.
    pub(crate) fn decompress_many(
        bytes: &[[u8; Self::COMPRESSED_BYTES]],
    ) -> Vec<Result<Self, PointFault>> {
        let x = |bytes: &[u8; 96]| {
            let (halves, _) = bytes.as_chunks::<48>();
            let fp = [from_bytes(&halves[1]), coordinate(&halves[0])];
            blst_fp2 { fp }
        };
        let x: Vec<blst_fp2> = bytes.iter().map(x).collect();
        let (four, half) = (small(4), inverse(&small(2)));
        let b = blst_fp2 { fp: [four, four] };
        let w = |x: &blst_fp2| sum2(&product2(&square2(x), x), &b);
        let w: Vec<blst_fp2> = x.iter().map(w).collect();
        let norm = |w: &blst_fp2| sum(&square(&w.fp[0]), &square(&w.fp[1]));
        let norms: Vec<blst_fp> = w.iter().map(norm).collect();
        let delta = |((w, norm), power): ((&blst_fp2, &blst_fp), &blst_fp)| {
            product(&sum(&w.fp[0], &product(norm, power)), &half)
        };
        let of_norms = powers(&norms);
        let deltas = w.iter().zip(&norms).zip(&of_norms).map(delta);
        let deltas: Vec<blst_fp> = deltas.collect();
        let powers = powers(&deltas);
        let point = |i: usize| {
            let first = product(&deltas[i], &powers[i]);
            let second = product(&product(&w[i].fp[1], &powers[i]), &half);
            let roots = [[first, second], [negative(&second), first]].map(|fp| blst_fp2 { fp });
            let points = roots
                .iter()
                .flat_map(|y| [*y, negative2(y)].map(|y| Self(blst_p2_affine { x: x[i], y })));
            let found = points.into_iter().find(|p| p.is_encoded_by(&bytes[i]));
            found.map_or_else(|| Self::decompress(&bytes[i]), Ok)
        };
        (0..bytes.len()).map(point).collect()
    }
}

/// The coordinate that flags share the first bits of.
fn coordinate(bytes: &[u8; 48]) -> blst_fp {
    let mut bytes = *bytes;
    bytes[0] &= 0x1f;
    from_bytes(&bytes)
}

/// x^e for all x.
fn powers(values: &[blst_fp]) -> Vec<blst_fp> {
    let powers = dispatch(Powers { values });
    powers.into_iter().map(|l| blst_fp { l }).collect()
}

struct Powers<'a> {
    values: &'a [blst_fp],
}

impl Algorithm for Powers<'_> {
    type Output = Vec<[u64; 6]>;

    #[inline(always)]
    fn run<L: Lane>(self) -> Self::Output {
        let mut out = vec![[0; 6]; self.values.len()];
        for (values, out) in self.values.chunks(L::WIDTH).zip(out.chunks_mut(L::WIDTH)) {
            let (mut flat, mut stored) = ([[0; 6]; 8], [Stored::default(); 8]);
            for (flat, value) in flat.iter_mut().zip(values) {
                *flat = value.l;
            }
            L::import(&flat[..L::WIDTH], &mut stored[..L::WIDTH]);
            let base = L::gather(|lane| &stored[lane]);
            // Powers 1 to 15, then digits of four bits from the top.
            let mut table = [base; 15];
            for i in 1..15 {
                table[i] = L::mul(&table[i - 1], &base);
            }
            let mut power = table[exponent_digit(94) - 1];
            for digit in (0..94).rev().map(exponent_digit) {
                for _ in 0..4 {
                    power = L::square(&power);
                }
                if digit != 0 {
                    power = L::mul(&power, &table[digit - 1]);
                }
            }
            power.scatter(&mut stored, |lane| lane);
            L::export(&stored[..values.len()], out);
        }
        out
    }
}

/// Digit of four bits of e, which is p without its last two bits.
fn exponent_digit(index: usize) -> usize {
    let bit = |i: usize| (P.get(i / 64).copied().unwrap_or(0) >> (i % 64) & 1) as usize;
    (0..4).map(|i| bit(4 * index + 2 + i) << i).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{G1, G2, Scalar};
    use tacit_ring::Seed;

    macro_rules! group_tests {
        ($room:ident, $Point:ident, $Affine:ident) => {
            #[test]
            fn $room() {
                const BYTES: usize = $Affine::COMPRESSED_BYTES;
                let mut xof = Seed::from_bytes([5; 32]).expand();
                let g = $Point::generator();
                let mut bytes: Vec<[u8; BYTES]> = (0..30)
                    .map(|_| g.mul(&Scalar::random(&mut xof)).to_affine().to_compressed())
                    .collect();
                // Small x (on the curve or not), either sign, every flag, x = 0 and x not below p.
                for x in 0..60 {
                    let mut small = [0; BYTES];
                    (small[0], small[BYTES - 1]) = (0x80 | (x % 2) << 5, x);
                    bytes.push(small);
                }
                for flags in 0..8 {
                    let mut flagged = bytes[0];
                    flagged[0] = flagged[0] & 0x1f | flags << 5;
                    bytes.push(flagged);
                    bytes.push([flags << 5; BYTES]);
                    bytes.push([flags << 5 | 0x1f; BYTES]);
                }
                bytes.push($Affine::identity().to_compressed());
                for count in [0, 1, 7, 8, 9, bytes.len()] {
                    let many = $Affine::decompress_many(&bytes[..count]);
                    assert_eq!(many.len(), count);
                    for (point, bytes) in many.iter().zip(&bytes) {
                        assert_eq!(*point, $Affine::decompress(bytes), "{bytes:02x?}");
                    }
                }
                let some = $Affine::decompress_many(&bytes);
                assert!(some.iter().filter(|p| p.is_ok()).count() > 50);
            }
        };
    }

    group_tests!(
        points_of_g1_agree_with_those_decompressed_singly,
        G1,
        G1Affine
    );
    group_tests!(
        points_of_g2_agree_with_those_decompressed_singly,
        G2,
        G2Affine
    );

    /// The powers themselves, since a wrong one would only be slow.
    #[test]
    fn powers_are_inverse_roots() {
        let values: Vec<blst_fp> = (1..40).map(small).collect();
        for (value, power) in values.iter().zip(powers(&values)) {
            // x·(x^e)² = x^{(p−1)/2} = ±1.
            let sign = product(value, &square(&power));
            assert!(sign == small(1) || sign == negative(&small(1)));
        }
        assert_eq!(powers(&[blst_fp::default()]), [blst_fp::default()]);
    }
}
