//! The choice of baby and giant steps.

use crate::Parameters;
use std::collections::BTreeSet;

/// When the division by the special primes happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hoisting {
    /// Before the products with plaintexts, which are over the ciphertext primes only.
    Single,
    /// After all products, which are also over the special primes.
    Double,
}

/// Rotations r written as giant + baby step, at the least estimated cost.
///
/// Known from the diagonals' numbers alone: make one to learn which keys are needed. Maps that are
/// to share baby steps share a plan, made from the union of their diagonals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPlan {
    slots: i64,
    /// Baby steps are below it.
    stride: i64,
    hoisting: Hoisting,
    babies: BTreeSet<i64>,
    giants: BTreeSet<i64>,
}

impl StepPlan {
    /// The cheapest plan for maps with the given diagonals, to be applied at `level`.
    pub fn new(
        params: &Parameters,
        level: usize,
        diagonals: impl IntoIterator<Item = i64>,
        hoisting: Hoisting,
    ) -> Self {
        let slots = params.slots() as i64;
        let diagonals: BTreeSet<i64> = diagonals.into_iter().map(|r| r.rem_euclid(slots)).collect();
        let cost = Cost::new(params, level, hoisting);
        // Strides: powers of two times the greatest common divisor of all diagonals. The last, as
        // large as the vector, has no giant steps.
        let unit = diagonals.iter().fold(slots, |acc, &r| gcd(acc, r));
        let strides =
            std::iter::successors(Some(unit), |s| Some(2 * s)).take_while(|&s| s <= slots);
        strides
            .map(|stride| Self::with_stride(slots, stride, hoisting, &diagonals))
            .min_by(|a, b| cost.of(a).total_cmp(&cost.of(b)))
            .unwrap_or_else(|| Self::with_stride(slots, slots, hoisting, &diagonals))
    }

    fn with_stride(slots: i64, stride: i64, hoisting: Hoisting, diagonals: &BTreeSet<i64>) -> Self {
        Self {
            slots,
            stride,
            hoisting,
            babies: diagonals.iter().map(|r| r % stride).collect(),
            giants: diagonals.iter().map(|r| r - r % stride).collect(),
        }
    }

    /// (giant step, baby step) of a diagonal.
    pub fn split(&self, diagonal: i64) -> (i64, i64) {
        let r = diagonal.rem_euclid(self.slots);
        (r - r % self.stride, r % self.stride)
    }

    /// When to divide by the special primes.
    pub fn hoisting(&self) -> Hoisting {
        self.hoisting
    }

    /// The baby steps, ascending.
    pub fn babies(&self) -> impl Iterator<Item = i64> {
        self.babies.iter().copied()
    }

    /// The giant steps, ascending.
    pub fn giants(&self) -> impl Iterator<Item = i64> {
        self.giants.iter().copied()
    }

    /// The rotations for which Galois keys are needed.
    pub fn rotations(&self) -> Vec<i64> {
        let all: BTreeSet<i64> = self
            .babies()
            .chain(self.giants())
            .filter(|&r| r != 0)
            .collect();
        all.into_iter().collect()
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Estimated times in units of one transform of one row; a pass over a row is about a tenth.
struct Cost {
    decompose: f64,
    baby: f64,
    giant: f64,
}

impl Cost {
    const PASS: f64 = 0.1;

    fn new(params: &Parameters, level: usize, hoisting: Hoisting) -> Self {
        let (q, p) = ((level + 1) as f64, params.key_basis().p as f64);
        let digits = (q / p).ceil();
        let rows = q + p;
        // Transforms, and the base extensions before them.
        let decompose = q + (digits * rows - q) * (1.0 + 3.0 * Self::PASS);
        let divide = p + q * (1.0 + 3.0 * Self::PASS);
        let inner = rows * (3.0 * digits + 2.0 + 4.0) * Self::PASS;
        let (baby, giant) = match hoisting {
            Hoisting::Single => (inner + 2.0 * divide, decompose + inner),
            Hoisting::Double => (inner, divide + decompose + inner),
        };
        Self {
            decompose,
            baby,
            giant,
        }
    }

    fn of(&self, plan: &StepPlan) -> f64 {
        let babies = plan.babies().filter(|&b| b != 0).count();
        let giants = plan.giants().filter(|&g| g != 0).count();
        let hoist = if babies > 0 { self.decompose } else { 0.0 };
        hoist + babies as f64 * self.baby + giants as f64 * self.giant
    }
}
