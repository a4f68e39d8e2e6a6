//! Whether points of the curves lie in the subgroups of order r, many at a time.
//!
//! Both curves have an endomorphism that is cheap to apply: φ(x, y) = (βx, y) on G1 and
//! ψ(x, y) = (c·x̄, d·ȳ) on G2. On the subgroup it multiplies by a short number, with z the curve's
//! parameter −0xd201000000010000, and the converse holds too (Scott, IACR ePrint 2021/1130):
//!
//! ```text
//!   P ∈ G1  ⟺  φ(P) = [−z²]P      since φ² + φ + 1 = 0, and z⁴ − z² + 1 = r
//!   P ∈ G2  ⟺  ψ(P) = [z]P        since ψ² − (z + 1)ψ + p = 0 gives [p − z]P = 0, p − z = r(z − 1)²/3, and the
//!                                 curve has h·r points with h prime to (z − 1)²/3
//! ```
//!
//! So the test is exact for every single point; what points share is the work. \[|z|\]P takes 63 doublings
//! and 5 additions, done on all points side by side.

use std::sync::LazyLock;

use blst::{blst_fp, blst_fp2};

use super::batch::{Inversions, Signed, add_pairs, double_all};
use super::both::{Import, InLanes};
use super::field::{conjugate, inverse, inverse2, negative, product, product2};
use super::lanes::{Algorithm, Lane, Stored, dispatch};
use super::pairing::DOUBLINGS;
use super::{G1, G1Affine, G2, G2Affine};

/// Points with a test for their subgroup. The identity is a member.
pub(crate) trait Membership: Copy + Send + Sync {
    /// Of one point.
    fn is_member(&self) -> bool;

    /// Whether all points are members, and none is the identity, by work that they share.
    fn together(points: &[Self]) -> bool;

    /// Whether all points are members; the identity may be refused.
    fn are_members(points: &[Self]) -> bool {
        if points.len() < FEW {
            return points.iter().all(Self::is_member);
        }
        Self::together(points)
    }
}

/// Fewer points than this are quicker one by one: a step of all costs an inversion, whatever their number.
const FEW: usize = 128;

impl Membership for G1Affine {
    fn is_member(&self) -> bool {
        self.in_subgroup()
    }

    fn together(points: &[Self]) -> bool {
        static BETA: LazyLock<blst_fp> = LazyLock::new(|| {
            let g = G1Affine::generator();
            let multiple = times::<G1>(&[g]).and_then(|multiple| times::<G1>(&multiple));
            // [z²]g = −φ(g). For the generator there is a multiple; 0 would refuse everything.
            multiple.map_or(blst_fp::default(), |m| product(&m[0].0.x, &inverse(&g.0.x)))
        });
        let multiples = times::<G1>(points).and_then(|multiples| times::<G1>(&multiples));
        let member = |(p, multiple): (&Self, &Self)| {
            product(&BETA, &p.0.x) == multiple.0.x && p.0.y == negative(&multiple.0.y)
        };
        multiples.is_some_and(|multiples| points.iter().zip(&multiples).all(member))
    }
}

impl Membership for G2Affine {
    fn is_member(&self) -> bool {
        self.in_subgroup()
    }

    fn together(points: &[Self]) -> bool {
        static FACTORS: LazyLock<[blst_fp2; 2]> = LazyLock::new(|| {
            let g = G2Affine::generator();
            // [|z|]g = −ψ(g).
            times::<G2>(&[g]).map_or_else(Default::default, |m| {
                let y = product2(&m[0].0.y, &inverse2(&conjugate(&g.0.y)));
                let x = product2(&m[0].0.x, &inverse2(&conjugate(&g.0.x)));
                [x, y]
            })
        });
        let member = |(p, multiple): (&Self, &Self)| {
            let [x, y] = [&p.0.x, &p.0.y].map(conjugate);
            // Both sides of −ψ(P) = [|z|]P; the sign is in the second factor.
            product2(&FACTORS[0], &x) == multiple.0.x && product2(&FACTORS[1], &y) == multiple.0.y
        };
        times::<G2>(points).is_some_and(|multiples| points.iter().zip(&multiples).all(member))
    }
}

/// \[|z|\]P of every point; none if the affine formulas meet an exception, as they never do for points of
/// order r.
fn times<C: InLanes>(points: &[C::Affine]) -> Option<Vec<C::Affine>> {
    let points: Vec<C::Limbs> = points.iter().map(C::limbs).collect();
    let multiples = dispatch(Times::<C> { points: &points })?;
    Some(multiples.iter().map(C::from_limbs).collect())
}

struct Times<'a, C: InLanes> {
    points: &'a [C::Limbs],
}

impl<C: InLanes> Algorithm for Times<'_, C> {
    type Output = Option<Vec<C::Limbs>>;

    #[inline(always)]
    fn run<L: Lane>(self) -> Self::Output {
        // The points, filled up to whole vectors, and where their multiples grow.
        let count = self.points.len().next_multiple_of(8);
        let mut memory = vec![Stored::default(); 2 * count * C::WORDS];
        let filler = C::limbs(&C::to_affine(&[C::generator()])[0]);
        let mut points = self.points.to_vec();
        points.resize(count, filler);
        let import = Import::<C> {
            points: &points,
            out: &mut memory[..count * C::WORDS],
        };
        import.run::<L>();
        let pairs = |first: usize| -> Vec<(u32, Signed)> {
            let pair = |i| ((first + i) as u32, Signed::new(i, false));
            (0..count).map(pair).collect()
        };
        let (originals, grown) = (pairs(0), pairs(count));
        let mut inversions = Inversions::<C::Field<L>>::new();
        let mut complete = double_all(&mut memory, &originals, count, &mut inversions);
        for doublings in DOUBLINGS {
            complete = complete && add_pairs(&mut memory, &grown, count, &mut inversions);
            for _ in 0..doublings {
                complete = complete && double_all(&mut memory, &grown, count, &mut inversions);
            }
        }
        if !complete {
            return None;
        }
        let multiples = memory[count * C::WORDS..].chunks_exact(C::WORDS);
        let mut out = vec![C::Limbs::default(); self.points.len()];
        for (out, multiple) in out.iter_mut().zip(multiples) {
            L::export(multiple, out.as_mut());
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Scalar;
    use tacit_ring::Seed;

    fn scalars(count: usize) -> Vec<Scalar> {
        let mut xof = Seed::from_bytes([9; 32]).expand();
        (0..count).map(|_| Scalar::random(&mut xof)).collect()
    }

    macro_rules! group_tests {
        ($room:ident, $Point:ident, $Affine:ident) => {
            mod $room {
                use super::*;

                fn members(count: usize) -> Vec<$Affine> {
                    let g = $Point::generator();
                    let points: Vec<_> = scalars(count).iter().map(|s| g.mul(s)).collect();
                    $Point::batch_to_affine(&points)
                }

                /// Points of the curve with small x, almost all of other orders.
                fn others() -> Vec<$Affine> {
                    let points = (1..100u8).filter_map(|x| {
                        let mut bytes = [0; $Affine::COMPRESSED_BYTES];
                        bytes[0] = 0x80;
                        bytes[$Affine::COMPRESSED_BYTES - 1] = x;
                        $Affine::decompress(&bytes).ok()
                    });
                    points.collect()
                }

                #[test]
                fn members_are_members_in_any_number() {
                    for count in [0, 1, 7, 8, 9, 1100] {
                        let members = members(count);
                        assert!($Affine::together(&members), "{count}");
                        assert!($Affine::are_members(&members), "{count}");
                    }
                }

                #[test]
                fn the_test_of_many_agrees_with_that_of_one() {
                    let others = others();
                    assert!(others.len() > 20);
                    for point in &others {
                        let (all, one) = ($Affine::together(&[*point]), point.is_member());
                        assert_eq!(all, one, "{point:?}");
                    }
                }

                #[test]
                fn one_stranger_is_found_wherever_it_stands() {
                    let members = members(17);
                    let others = others();
                    let strangers = others.iter().filter(|p| !p.is_member());
                    for (i, stranger) in strangers.enumerate().take(17) {
                        let mut points = members.clone();
                        points[i] = *stranger;
                        assert!(!$Affine::together(&points), "at {i}");
                    }
                }

                /// Of order 3, 11 or 13, where sums meet their exceptions, and the identity.
                #[test]
                fn points_of_small_order_are_strangers() {
                    // r times a point of the curve is in the part of the cofactor.
                    let minus_one = -Scalar::one();
                    for other in others() {
                        let point = $Point::from(other);
                        let point = (point.mul(&minus_one) + point).to_affine();
                        assert!(!$Affine::together(&[point]));
                    }
                    assert!(!$Affine::together(&[$Affine::identity()]));
                }
            }
        };
    }

    group_tests!(g1, G1, G1Affine);
    group_tests!(g2, G2, G2Affine);
}
