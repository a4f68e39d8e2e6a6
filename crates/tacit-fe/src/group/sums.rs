//! Σ_i c_ij·P_i for many columns j of small public integers: a straight-line program of additions.
//!
//! Points with the same |c| are added up first (a *bucket* S_v for each value v), and the buckets
//! are combined by running sums, Σ v·S_v = Σ_u Σ_{v ≥ u} S_v: for d columns of n coefficients of b
//! bits, a single addition for each coefficient that is not zero and 2^{b+1} for each column.
//! Coefficients beyond [`WINDOW`] bits are cut into signed digits first.
//!
//! Which points are added depends on the coefficients only, so the order is fixed once, when a
//! [`SumProgram`] is made: all additions of all columns that need no result of each other form a
//! *level*, and a level is one batch of affine additions.

use std::sync::{Mutex, PoisonError};

use super::batch::{Inversions, Signed, add_pairs, double_all};
use super::both::{Import, InLanes};
use super::lanes::{Algorithm, Field, Lane, Stored, dispatch};
use super::{G1, G1Affine, G2, G2Affine};

/// Bits of a coefficient that are treated as one digit.
const WINDOW: u32 = 5;

/// Levels are filled up with sums of these two points, which are first in every list.
const FILLERS: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
enum Kind {
    Add,
    Double,
}

/// One batch: the results follow each other from `to`.
struct Level {
    kind: Kind,
    pairs: Vec<(u32, Signed)>,
    to: usize,
}

/// How to compute Σ_i c_ij·P_i for a fixed matrix c.
pub struct SumProgram {
    columns: Vec<Vec<(u32, i16)>>,
    inputs: usize,
    levels: Vec<Level>,
    /// Where each column's sum is; none for a column of zeros.
    results: Vec<Option<Signed>>,
    /// Points that the program works on: fillers, inputs and results of all steps.
    places: usize,
    /// Memory to work in, for the next run.
    spare: Mutex<Vec<Vec<Stored>>>,
}

impl std::fmt::Debug for SumProgram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SumProgram")
            .field("inputs", &self.inputs)
            .field("columns", &self.columns.len())
            .field("levels", &self.levels.len())
            .field("additions", &self.additions())
            .finish()
    }
}

/// A program while it grows.
struct Builder {
    /// Of every step: its kind, operands and level.
    steps: Vec<(Kind, Signed, Signed, u32)>,
    inputs: usize,
}

/// A point that exists or will: an input (numbers below `inputs`) or a step's result; or −it.
type Term = (u32, Signed);

impl Builder {
    fn step(&mut self, kind: Kind, a: Term, b: Term) -> Term {
        let level = a.0.max(b.0) + 1;
        // s_a·A + s_b·B = s_a·(A + s_a s_b·B).
        let sign = a.1.is_negative();
        let b = Signed::new(b.1.index(), b.1.is_negative() != sign);
        self.steps.push((kind, a.1, b, level));
        let index = self.inputs + self.steps.len() - 1;
        (level, Signed::new(index, sign))
    }

    fn add(&mut self, a: Option<Term>, b: Option<Term>) -> Option<Term> {
        match (a, b) {
            (Some(a), Some(b)) if a.1 == b.1 => Some(self.step(Kind::Double, a, b)),
            (Some(a), Some(b)) => Some(self.step(Kind::Add, a, b)),
            (a, b) => a.or(b),
        }
    }

    /// The sum of a list as a balanced tree.
    fn tree(&mut self, mut terms: Vec<Term>) -> Option<Term> {
        while terms.len() > 1 {
            let next = terms.chunks(2).filter_map(|pair| match pair {
                [a, b] => self.add(Some(*a), Some(*b)),
                rest => rest.first().copied(),
            });
            terms = next.collect();
        }
        terms.pop()
    }

    /// Σ v·S_v over the digits of a column.
    fn buckets(&mut self, digits: impl Iterator<Item = (u32, i32)>) -> Option<Term> {
        let mut buckets: Vec<Vec<Term>> = vec![];
        for (input, digit) in digits {
            let value = digit.unsigned_abs() as usize;
            if buckets.len() <= value {
                buckets.resize(value + 1, vec![]);
            }
            buckets[value].push((0, Signed::new(input as usize, digit < 0)));
        }
        let (mut running, mut total) = (None, None);
        for bucket in buckets.into_iter().skip(1).rev() {
            let sum = self.tree(bucket);
            running = self.add(running, sum);
            total = self.add(total, running);
        }
        total
    }

    fn column(&mut self, coefficients: &[(u32, i16)]) -> Option<Term> {
        let largest = coefficients.iter().map(|c| c.1.unsigned_abs()).max()?;
        if largest < 1 << WINDOW {
            return self.buckets(coefficients.iter().map(|&(i, c)| (i, c.into())));
        }
        // Signed digits, most significant first.
        let digits = (16 + WINDOW) / WINDOW;
        let mut total = None;
        for position in (0..digits).rev() {
            for _ in 0..WINDOW {
                total = self.add(total, total);
            }
            let window = coefficients
                .iter()
                .map(|&(i, c)| (i, signed_digit(c.into(), position)))
                .filter(|&(_, digit)| digit != 0);
            let sum = self.buckets(window.collect::<Vec<_>>().into_iter());
            total = self.add(total, sum);
        }
        total
    }
}

/// Digit of a number in base 2^WINDOW with digits from −2^{WINDOW−1} to 2^{WINDOW−1} − 1.
fn signed_digit(mut value: i32, position: u32) -> i32 {
    let half = 1 << (WINDOW - 1);
    let mut digit = 0;
    for _ in 0..=position {
        digit = ((value + half) & ((1 << WINDOW) - 1)) - half;
        value = (value - digit) >> WINDOW;
    }
    digit
}

impl SumProgram {
    /// The program for columns given as (row, coefficient); coefficients of zero are left out.
    pub fn new(inputs: usize, columns: Vec<Vec<(u32, i16)>>) -> Self {
        let mut builder = Builder {
            steps: vec![],
            inputs,
        };
        let sums: Vec<Option<Term>> = columns.iter().map(|c| builder.column(c)).collect();

        // Steps in order of their levels; where each result will lie.
        let mut order: Vec<usize> = (0..builder.steps.len()).collect();
        order.sort_by_key(|&step| (builder.steps[step].3, builder.steps[step].0, step));
        let mut place = vec![0; inputs + builder.steps.len()];
        for (input, place) in place[..inputs].iter_mut().enumerate() {
            *place = FILLERS + input;
        }
        let mut levels: Vec<Level> = vec![];
        let mut places = FILLERS + inputs;
        let steps = &builder.steps;
        let same = |a: &usize, b: &usize| (steps[*a].3, steps[*a].0) == (steps[*b].3, steps[*b].0);
        for group in order.chunk_by(same) {
            let to = places;
            let kind = steps[group[0]].0;
            let mut pairs = Vec::with_capacity(group.len().next_multiple_of(8));
            for (offset, &step) in group.iter().enumerate() {
                let (_, a, b, _) = steps[step];
                place[inputs + step] = to + offset;
                let b = Signed::new(place[b.index()], b.is_negative());
                pairs.push((place[a.index()] as u32, b));
            }
            pairs.resize(group.len().next_multiple_of(8), (0, Signed::new(1, false)));
            places += pairs.len();
            levels.push(Level { kind, pairs, to });
        }
        let result = |(_, sum): Term| Signed::new(place[sum.index()], sum.is_negative());
        Self {
            results: sums.into_iter().map(|sum| sum.map(result)).collect(),
            columns,
            inputs,
            levels,
            places,
            spare: Mutex::default(),
        }
    }

    /// Additions of points in one run.
    pub fn additions(&self) -> usize {
        self.levels.iter().map(|level| level.pairs.len()).sum()
    }

    /// Runs on points of G1, one for each row. Variable time in points and coefficients.
    pub fn run_g1(&self, points: &[G1Affine]) -> Vec<G1Affine> {
        assert_eq!(points.len(), self.inputs, "one point for each row");
        self.run::<G1>(points)
            .unwrap_or_else(|| self.slowly(points, |p| G1::from(*p), G1::to_affine))
    }

    /// Runs on points of G2.
    pub fn run_g2(&self, points: &[G2Affine]) -> Vec<G2Affine> {
        assert_eq!(points.len(), self.inputs, "one point for each row");
        self.run::<G2>(points)
            .unwrap_or_else(|| self.slowly(points, |p| G2::from(*p), G2::to_affine))
    }

    /// The sums; none if two points met that the affine formula cannot add.
    fn run<C: InLanes>(&self, points: &[C::Affine]) -> Option<Vec<C::Affine>> {
        let g = C::generator();
        let fillers = C::to_affine(&[g, C::double(&g)]);
        let input: Vec<C::Limbs> = fillers.iter().chain(points).map(C::limbs).collect();
        let spare = || self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut memory = spare().pop().unwrap_or_default();
        memory.resize(self.places * C::WORDS, Stored::default());
        let sums = dispatch(RunProgram::<C> {
            program: self,
            memory: &mut memory,
            input: &input,
        });
        spare().push(memory);
        Some(sums?.iter().map(C::from_limbs).collect())
    }

    /// The same sums by projective additions, which have no exceptions. Honest ciphertexts never
    /// come here.
    fn slowly<A, P>(
        &self,
        points: &[A],
        from: impl Fn(&A) -> P,
        to_affine: impl Fn(&P) -> A,
    ) -> Vec<A>
    where
        P: Copy + std::ops::Add<Output = P> + std::ops::Neg<Output = P> + std::iter::Sum,
    {
        let sum = |column: &Vec<(u32, i16)>| -> P {
            let multiples = column.iter().map(|&(row, c)| {
                let point = from(&points[row as usize]);
                let point = if c < 0 { -point } else { point };
                let mut multiple: P = std::iter::empty().sum();
                for bit in (0..16).rev() {
                    multiple = multiple + multiple;
                    if c.unsigned_abs() >> bit & 1 == 1 {
                        multiple = multiple + point;
                    }
                }
                multiple
            });
            multiples.sum()
        };
        self.columns.iter().map(|c| to_affine(&sum(c))).collect()
    }
}

struct RunProgram<'a, C: InLanes> {
    program: &'a SumProgram,
    memory: &'a mut [Stored],
    input: &'a [C::Limbs],
}

impl<C: InLanes> Algorithm for RunProgram<'_, C> {
    type Output = Option<Vec<C::Limbs>>;

    #[inline(always)]
    fn run<L: Lane>(self) -> Self::Output {
        let (program, memory, words) = (self.program, self.memory, C::WORDS);
        let import = Import::<C> {
            points: self.input,
            out: memory,
        };
        import.run::<L>();
        let mut inversions = Inversions::<C::Field<L>>::new();
        for level in &program.levels {
            let complete = match level.kind {
                Kind::Add => add_pairs(memory, &level.pairs, level.to, &mut inversions),
                Kind::Double => double_all(memory, &level.pairs, level.to, &mut inversions),
            };
            if !complete {
                return None;
            }
        }
        let mut sums = vec![C::Limbs::default(); program.results.len()];
        for (sum, at) in sums.iter_mut().zip(&program.results) {
            let Some(at) = at else { continue };
            let point = &mut memory[at.index() * words..][..words];
            if at.is_negative() {
                let y = C::Field::<L>::splat(point, 1);
                C::Field::<L>::neg(y).store(point, |_| 0, 1);
            }
            L::export(point, sum.as_mut());
        }
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Scalar;
    use tacit_ring::Seed;

    fn scalars(count: usize) -> Vec<Scalar> {
        let mut xof = Seed::from_bytes([4; 32]).expand();
        (0..count).map(|_| Scalar::random(&mut xof)).collect()
    }

    fn matrix(inputs: usize, columns: usize, largest: i64) -> Vec<Vec<(u32, i16)>> {
        let mut xof = Seed::from_bytes([5; 32]).expand();
        let mut coefficient = move || {
            let value = (xof.next_u64() % (2 * largest as u64 + 1)) as i64 - largest;
            if xof.next_u64().is_multiple_of(2) {
                0
            } else {
                value as i16
            }
        };
        let mut column = |_| {
            (0..inputs as u32)
                .map(|i| (i, coefficient()))
                .filter(|(_, c)| *c != 0)
                .collect()
        };
        (0..columns).map(&mut column).collect()
    }

    fn check(columns: Vec<Vec<(u32, i16)>>, exponents: &[Scalar]) {
        let program = SumProgram::new(exponents.len(), columns.clone());
        let g1: Vec<G1> = exponents.iter().map(|e| G1::generator().mul(e)).collect();
        let g2: Vec<G2> = exponents.iter().map(|e| G2::generator().mul(e)).collect();
        let (g1, g2) = (G1::batch_to_affine(&g1), G2::batch_to_affine(&g2));
        for _ in 0..2 {
            let (in_g1, in_g2) = (program.run_g1(&g1), program.run_g2(&g2));
            for (j, column) in columns.iter().enumerate() {
                let term =
                    |&(i, c): &(u32, i16)| exponents[i as usize] * Scalar::from(i64::from(c));
                let sum: Scalar = column.iter().map(term).sum();
                assert_eq!(
                    in_g1[j],
                    G1::generator().mul(&sum).to_affine(),
                    "column {j}"
                );
                assert_eq!(
                    in_g2[j],
                    G2::generator().mul(&sum).to_affine(),
                    "column {j}"
                );
            }
        }
    }

    #[test]
    fn sums_agree_with_exponents() {
        for largest in [1, 2, 15, 31, 32, 500, 32767] {
            check(matrix(50, 5, largest), &scalars(50));
        }
        check(
            vec![vec![], vec![(0, i16::MIN)], vec![(1, i16::MAX)]],
            &scalars(2),
        );
    }

    #[test]
    fn batches_longer_than_one_inversion_agree() {
        check(matrix(300, 40, 15), &scalars(300));
    }

    #[test]
    fn equal_and_opposite_points_are_added_rightly() {
        let mut exponents = scalars(6);
        exponents[1] = exponents[0];
        exponents[2] = -exponents[0];
        exponents[4] = exponents[3];
        let columns = vec![
            (0..6).map(|i| (i, 1)).collect(),
            vec![(0, 3), (1, 3)],
            vec![(0, 5), (2, 5)],
            vec![(0, 7), (1, -7)],
            vec![(0, 2), (1, 1), (3, 9), (4, 9)],
        ];
        check(columns, &exponents);
    }

    #[test]
    fn signed_digits_recompose() {
        for value in i32::from(i16::MIN)..=i32::from(i16::MAX) {
            let digits =
                (0..(16 + WINDOW) / WINDOW).map(|k| signed_digit(value, k) << (WINDOW * k));
            assert_eq!(digits.sum::<i32>(), value);
        }
    }
}
