//! Many multiples of few known points: Σ over digits of a table entry each, all sums side by side.
//!
//! A scalar is written in signed digits of w bits. For each *base* there are V tables of the
//! multiples 1 … 2^{w−1} of 2^{wS·v}·B, v = 0 … V−1, S = ⌈digits/V⌉, and
//!
//! ```text
//!   [k]B = Σ_{s<S} 2^{ws} Σ_{v<V} d_{vS+s} · 2^{wSv}·B
//! ```
//!
//! which is one addition for each digit and w(S−1) doublings: none with V = digits (a generator that
//! everything is a multiple of), few with a handful of tables (thousands of bases, where memory
//! counts). A vector of accumulators takes one step at a time, in affine coordinates, the inversions
//! batched.
//!
//! # Secrets
//! With [`Lookup::Masked`] neither branches nor addresses depend on digits: an entry is read by going
//! through its whole table. Accumulators start at a random multiple of the generator, which is taken
//! off at the end, so that the affine formula meets its exceptions (equal x) with probability below
//! 2^−240 whatever the scalars are, unless a sum is the identity; should it, the sums are given up ([`Accumulation::run`] is none) and
//! computed another way. [`Lookup::Indexed`] reads the entry itself.

use zeroize::{Zeroize, Zeroizing};

use super::Scalar;
use super::batch::{BATCH, Inversions, Points};
use super::both::{Import, InLanes};
use super::lanes::{Algorithm, Field, Lane, Stored, dispatch};
use tacit_ring::Xof;

/// How a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// All of it, in constant time.
    Masked,
    /// At a secret place.
    Indexed,
}

/// Tables of multiples of one or many bases.
pub(crate) struct Tables<C> {
    window: usize,
    digits: usize,
    /// V.
    tables: usize,
    bases: usize,
    memory: Vec<Stored>,
    curve: std::marker::PhantomData<C>,
}

impl<C> Tables<C> {
    /// Memory used.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.memory.as_slice())
    }

    /// S.
    fn spacing(&self) -> usize {
        self.digits.div_ceil(self.tables)
    }
}

#[allow(private_bounds)]
impl<C: InLanes> Tables<C> {
    /// Tables for scalars of `bits` bits. Variable time in the bases, which are public or will not
    /// be used again.
    pub(crate) fn new(bases: &[C::Affine], bits: usize, window: usize, tables: usize) -> Self {
        // A digit more, unless the last one has room for a carry: r < 0.91·2^255.
        let digits = (bits + 1).div_ceil(window);
        let tables = tables.min(digits);
        let entries = 1 << (window - 1);
        let spacing = digits.div_ceil(tables);
        let mut memory = vec![Stored::default(); bases.len() * tables * entries * C::WORDS];
        let mut out = memory.chunks_mut((tables * entries * C::WORDS * 16).max(1));
        for bases in bases.chunks(16) {
            let mut multiples = Vec::with_capacity(bases.len() * tables * entries);
            for base in bases {
                let mut power = C::from_affine(base);
                for table in 0..tables {
                    let mut multiple = power;
                    multiples.push(multiple);
                    for _ in 1..entries {
                        multiple = multiple + power;
                        multiples.push(multiple);
                    }
                    if table + 1 < tables {
                        // The last entry is already 2^{w−1} times the power.
                        power = C::double(&multiple);
                        for _ in window..window * spacing {
                            power = C::double(&power);
                        }
                    }
                }
            }
            let affine = C::to_affine(&multiples);
            let points: Vec<C::Limbs> = affine.iter().map(C::limbs).collect();
            if let Some(out) = out.next() {
                let points = &points;
                dispatch(Import::<C> { points, out });
            }
        }
        Self {
            window,
            digits,
            tables,
            bases: bases.len(),
            memory,
            curve: std::marker::PhantomData,
        }
    }

    /// Signed digits of scalars, digit by digit; constant-time.
    pub(crate) fn digits(&self, scalars: &[Scalar]) -> Zeroizing<Vec<i16>> {
        let (window, half) = (self.window, 1i32 << (self.window - 1));
        let mut out = Zeroizing::new(vec![0; self.digits * scalars.len()]);
        for (index, scalar) in scalars.iter().enumerate() {
            let mut bytes = [0; 36];
            bytes[..32].copy_from_slice(&*Zeroizing::new(scalar.to_bytes()));
            let mut carry = 0;
            for digit in 0..self.digits {
                let (byte, shift) = (window * digit / 8, window * digit % 8);
                let word = u32::from_le_bytes([bytes[byte], bytes[byte + 1], 0, 0]) >> shift;
                let value = (word & ((1 << window) - 1)) as i32 + carry;
                carry = ((half - value) >> 31) & 1;
                out[digit * scalars.len() + index] = (value - (carry << window)) as i16;
            }
            bytes.zeroize();
        }
        out
    }
}

/// One scalar for each accumulator, on the bases of a table (all on the only one, or accumulator i on
/// base i modulo their number).
pub(crate) struct Summand<'a, C> {
    pub(crate) tables: &'a Tables<C>,
    pub(crate) digits: &'a [i16],
}

/// Sums of multiples, one for each accumulator.
pub(crate) struct Accumulation<'a, C> {
    /// All share the doublings of the one that needs most, so those that need any have one window.
    pub(crate) summands: &'a [Summand<'a, C>],
    pub(crate) count: usize,
    pub(crate) lookup: Lookup,
}

#[allow(private_bounds)]
impl<C: InLanes> Accumulation<'_, C> {
    /// The sums; none in the exceptional case that the module describes, and if one of them is the
    /// identity.
    pub(crate) fn run(&self, xof: &mut Xof) -> Option<Vec<C::Affine>> {
        let (spacing, window) = self.steps();
        let mut offset = Scalar::random(xof);
        let mut end = -offset;
        for _ in 0..window * (spacing - 1) {
            end = end + end;
        }
        let g = C::generator();
        let ends = C::to_affine(&[C::mul(&g, &offset), C::mul(&g, &end)]);
        offset.zeroize();
        end.zeroize();
        let limbs: Vec<C::Limbs> = ends.iter().map(C::limbs).collect();
        let mut ends = Zeroizing::new(vec![Stored::default(); 2 * C::WORDS]);
        dispatch(Import::<C> {
            points: &limbs,
            out: &mut ends,
        });
        let sums = dispatch(Go {
            accumulation: self,
            ends: &ends,
        })?;
        Some(sums.iter().map(C::from_limbs).collect())
    }
}

impl<C> Accumulation<'_, C> {
    /// S of the summand with most doublings, and its window.
    fn steps(&self) -> (usize, usize) {
        let steps = |summand: &Summand<'_, C>| (summand.tables.spacing(), summand.tables.window);
        let most = self.summands.iter().map(steps).max().unwrap_or((1, 1));
        let mut doubled = self.summands.iter().map(steps).filter(|s| s.0 > 1);
        assert!(doubled.all(|s| s.1 == most.1), "windows differ");
        most
    }
}

struct Go<'a, C> {
    accumulation: &'a Accumulation<'a, C>,
    /// Where accumulators start, and what is added at the end.
    ends: &'a [Stored],
}

impl<C: InLanes> Algorithm for Go<'_, C> {
    type Output = Option<Vec<C::Limbs>>;

    #[inline(always)]
    fn run<L: Lane>(self) -> Self::Output {
        let count = self.accumulation.count;
        let mut out = vec![C::Limbs::default(); count];
        let mut stored = vec![Stored::default(); L::WIDTH * C::WORDS];
        let mut state = State::<C::Field<L>>::new();
        let (start, end) = self.ends.split_at(C::WORDS);
        let (steps, window) = self.accumulation.steps();
        for first in (0..count).step_by(BATCH * L::WIDTH) {
            let vectors = (count - first).div_ceil(L::WIDTH).min(BATCH);
            state.sums.clear();
            state.sums.resize(vectors, Points::splat(start));
            for step in (0..steps).rev() {
                if step + 1 < steps {
                    for _ in 0..window {
                        state.double()?;
                    }
                }
                for summand in self.accumulation.summands {
                    let tables = summand.tables;
                    let spacing = tables.spacing();
                    if step >= spacing {
                        continue;
                    }
                    for digit in (step..tables.digits).step_by(spacing) {
                        let entry = Entry {
                            memory: &tables.memory,
                            digits: &summand.digits[digit * count..][..count],
                            entries: 1 << (tables.window - 1),
                            stride: tables.tables,
                            table: digit / spacing,
                            bases: tables.bases,
                        };
                        state.add_entries(&entry, first, self.accumulation.lookup)?;
                    }
                }
            }
            state.add_point(end)?;
            let out = &mut out[first..];
            for (sums, out) in state.sums.iter().zip(out.chunks_mut(L::WIDTH)) {
                sums.store(&mut stored, |lane| lane);
                for (out, stored) in out.iter_mut().zip(stored.chunks(C::WORDS)) {
                    L::export(stored, out.as_mut());
                }
            }
        }
        Some(out)
    }
}

/// One digit of all accumulators and where its entries are.
struct Entry<'a> {
    memory: &'a [Stored],
    digits: &'a [i16],
    entries: usize,
    stride: usize,
    table: usize,
    bases: usize,
}

/// A batch of accumulators on its way.
struct State<F> {
    sums: Vec<Points<F>>,
    others: Vec<Points<F>>,
    /// Lanes whose digit is zero.
    keep: [u8; BATCH],
    inversions: Inversions<F>,
}

impl<F: Field> State<F> {
    fn new() -> Self {
        Self {
            sums: Vec::with_capacity(BATCH),
            others: Vec::with_capacity(BATCH),
            keep: [0; BATCH],
            inversions: Inversions::new(),
        }
    }

    #[inline(always)]
    fn double(&mut self) -> Option<()> {
        for sum in &self.sums {
            self.inversions.push(F::add(sum.y, sum.y));
        }
        let mut all = self.inversions.invert()?;
        for sum in self.sums.iter_mut().rev() {
            let inverse = self.inversions.pop(&mut all);
            *sum = sum.double(inverse);
        }
        Some(())
    }

    #[inline(always)]
    fn add_entries(&mut self, entry: &Entry<'_>, first: usize, lookup: Lookup) -> Option<()> {
        let width = <F::Lane as Lane>::WIDTH;
        let last = entry.digits.len() - 1;
        self.others.clear();
        for (vector, sum) in self.sums.iter().enumerate() {
            let (mut sizes, mut starts) = ([0u8; 8], [0usize; 8]);
            let (mut negative, mut zero) = (0u8, 0u8);
            for lane in 0..width {
                let accumulator = (first + vector * width + lane).min(last);
                let digit = entry.digits[accumulator];
                let sign = digit >> 15;
                sizes[lane] = ((digit ^ sign) - sign) as u8;
                negative |= (sign as u8 & 1) << lane;
                // The top bit of size − 1 is set only for zero.
                zero |= (sizes[lane].wrapping_sub(1) >> 7) << lane;
                let base = accumulator % entry.bases;
                starts[lane] = (base * entry.stride + entry.table) * entry.entries;
            }
            let other = match lookup {
                Lookup::Masked => {
                    let [x, y] = F::choose(entry.memory, &starts, &sizes, entry.entries);
                    Points { x, y }
                }
                Lookup::Indexed => Points::load(entry.memory, |lane| {
                    starts[lane] + usize::from(sizes[lane].saturating_sub(1))
                }),
            };
            let other = other.negate_where(negative);
            self.keep[vector] = zero;
            self.inversions.push(F::sub(other.x, sum.x));
            self.others.push(other);
        }
        self.finish()
    }

    #[inline(always)]
    fn add_point(&mut self, point: &[Stored]) -> Option<()> {
        let other = Points::<F>::splat(point);
        self.others.clear();
        for sum in &self.sums {
            self.inversions.push(F::sub(other.x, sum.x));
            self.others.push(other);
        }
        self.keep = [0; BATCH];
        self.finish()
    }

    #[inline(always)]
    fn finish(&mut self) -> Option<()> {
        let mut all = self.inversions.invert()?;
        for (vector, sum) in self.sums.iter_mut().enumerate().rev() {
            let inverse = self.inversions.pop(&mut all);
            let next = sum.add(self.others[vector], inverse);
            *sum = Points::select(self.keep[vector], *sum, next);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::{G1, G1Affine, G2};
    use tacit_ring::Seed;

    fn check<C: InLanes>(bases: usize, count: usize, (bits, window, tables): (usize, usize, usize))
    where
        C::Affine: PartialEq + std::fmt::Debug,
    {
        let mut xof = Seed::from_bytes([6; 32]).expand();
        let g = C::generator();
        let points: Vec<C::Point> = (0..bases)
            .map(|_| C::mul(&g, &Scalar::random(&mut xof)))
            .collect();
        let mut scalars: Vec<Scalar> = (0..count).map(|_| Scalar::random(&mut xof)).collect();
        if bits < 255 {
            for scalar in &mut scalars {
                *scalar = Scalar::from(xof.next_u64() >> (64 - bits));
            }
            scalars[1] = Scalar::from((1u64 << bits) - 1);
        } else {
            scalars[1] = -Scalar::one();
        }
        scalars[0] = Scalar::one();
        scalars[2] = Scalar::from(1u64 << 15);
        let tables = Tables::<C>::new(&C::to_affine(&points), bits, window, tables);
        let digits = tables.digits(&scalars);
        let expected: Vec<C::Point> = scalars
            .iter()
            .enumerate()
            .map(|(i, scalar)| C::mul(&points[i % bases], scalar))
            .collect();
        for lookup in [Lookup::Masked, Lookup::Indexed] {
            let sums = Accumulation {
                summands: &[Summand {
                    tables: &tables,
                    digits: &digits,
                }],
                count,
                lookup,
            };
            let sums = sums.run(&mut xof).unwrap();
            for (sum, expected) in sums.iter().zip(&expected) {
                let expected = C::to_affine(std::slice::from_ref(expected));
                assert_eq!(*sum, expected[0], "{bits} {window} {lookup:?}");
            }
        }
    }

    #[test]
    fn multiples_agree_with_single_multiplications() {
        for shape in [
            (255, 6, 64),
            (255, 8, 32),
            (255, 4, 8),
            (255, 4, 1),
            (255, 5, 7),
            (16, 4, 5),
        ] {
            check::<G1>(1, 19, shape);
            check::<G2>(1, 19, shape);
            check::<G1>(5, 13, shape);
            check::<G2>(5, 13, shape);
        }
    }

    #[test]
    fn more_accumulators_than_one_batch_agree() {
        check::<G1>(1, 1100, (255, 6, 64));
    }

    #[test]
    fn summands_add_up() {
        let mut xof = Seed::from_bytes([9; 32]).expand();
        let g = G1::generator();
        let bases: Vec<G1> = (0..4).map(|_| g.mul(&Scalar::random(&mut xof))).collect();
        let tables = Tables::<G1>::new(&G1::batch_to_affine(&bases), 255, 4, 8);
        let others: Vec<G1> = bases.iter().rev().map(G1::double).collect();
        let sparser = Tables::<G1>::new(&G1::batch_to_affine(&others), 255, 4, 3);
        let extra = Tables::<G1>::new(&[G1Affine::generator()], 16, 4, 5);
        let large: Vec<Scalar> = (0..4).map(|_| Scalar::random(&mut xof)).collect();
        let larger: Vec<Scalar> = (0..4).map(|_| Scalar::random(&mut xof)).collect();
        let small: Vec<Scalar> = [0u64, 1, 255, 65535].map(Scalar::from).to_vec();
        let sums = Accumulation {
            summands: &[
                Summand {
                    tables: &sparser,
                    digits: &sparser.digits(&larger),
                },
                Summand {
                    tables: &tables,
                    digits: &tables.digits(&large),
                },
                Summand {
                    tables: &extra,
                    digits: &extra.digits(&small),
                },
            ],
            count: 4,
            lookup: Lookup::Masked,
        };
        let sums = sums.run(&mut xof).unwrap();
        for i in 0..4 {
            let expected = bases[i].mul(&large[i]) + others[i].mul(&larger[i]) + g.mul(&small[i]);
            assert_eq!(sums[i], expected.to_affine());
        }
    }

    #[test]
    fn accumulators_that_meet_an_exception_are_given_up() {
        let mut xof = Seed::from_bytes([9; 32]).expand();
        // Without the random start, the first sum of the generator with itself is a doubling.
        let g = G1Affine::generator();
        let tables = Tables::<G1>::new(&[g], 255, 6, 64);
        let mut ends = vec![Stored::default(); 4];
        dispatch(Import::<G1> {
            points: &[g.limbs(), g.limbs()],
            out: &mut ends,
        });
        let accumulation = Accumulation {
            summands: &[Summand {
                tables: &tables,
                digits: &tables.digits(&[Scalar::one()]),
            }],
            count: 1,
            lookup: Lookup::Masked,
        };
        let go = Go {
            accumulation: &accumulation,
            ends: &ends,
        };
        assert!(dispatch(go).is_none());
        let zero = Accumulation {
            summands: &[Summand {
                tables: &tables,
                digits: &tables.digits(&[Scalar::ZERO]),
            }],
            ..accumulation
        };
        assert!(zero.run(&mut xof).is_none());
    }
}
