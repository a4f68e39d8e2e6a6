//! A ciphertext without encryption: slots that can be added, multiplied and rotated, and a
//! counter of what was done. Slow and obvious; the tests hold everything else against it.

use std::cell::Cell;

/// What a circuit did, in the units a planner pays in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rotations (automorphism and key switch), hoisted ones included.
    pub rotations: usize,
    /// Plaintext × ciphertext products.
    pub plain_products: usize,
    /// Ciphertext × ciphertext products (tensoring).
    pub products: usize,
    /// Relinearisations.
    pub relinearisations: usize,
}

/// Executes slot operations and counts them.
#[derive(Debug, Default)]
pub struct SlotMachine {
    counts: Cell<Counts>,
}

/// Slots with the level consumed so far.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotVector {
    values: Vec<f64>,
    depth: usize,
    linear: bool,
}

impl SlotVector {
    /// A fresh vector.
    pub fn fresh(values: Vec<f64>) -> Self {
        SlotVector {
            values,
            depth: 0,
            linear: true,
        }
    }

    /// The slots.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Levels consumed.
    pub fn depth(&self) -> usize {
        self.depth
    }

    fn zip(&self, other: &[f64], op: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        assert_eq!(self.values.len(), other.len(), "slot counts differ");
        self.values
            .iter()
            .zip(other)
            .map(|(&a, &b)| op(a, b))
            .collect()
    }
}

impl SlotMachine {
    /// A machine with all counters at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    fn count(&self, change: impl Fn(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// Left rotation by `by` (right if negative): slot `s` receives slot `s + by`. Free when
    /// nothing moves.
    ///
    /// # Panics
    /// If `a` is an unrelinearised product.
    pub fn rotate(&self, a: &SlotVector, by: isize) -> SlotVector {
        assert!(a.linear, "relinearise before rotating");
        let n = a.values.len();
        let left = by.rem_euclid(n as isize) as usize;
        if left != 0 {
            self.count(|c| c.rotations += 1);
        }
        let mut out = a.clone();
        out.values.rotate_left(left);
        out
    }

    /// `a + b`.
    pub fn add(&self, a: &SlotVector, b: &SlotVector) -> SlotVector {
        SlotVector {
            values: a.zip(&b.values, |x, y| x + y),
            depth: a.depth.max(b.depth),
            linear: a.linear && b.linear,
        }
    }

    /// `a + plaintext`.
    pub fn add_plain(&self, a: &SlotVector, plain: &[f64]) -> SlotVector {
        SlotVector {
            values: a.zip(plain, |x, y| x + y),
            depth: a.depth,
            linear: a.linear,
        }
    }

    /// `a + constant`.
    pub fn add_constant(&self, a: &SlotVector, constant: f64) -> SlotVector {
        SlotVector {
            values: a.values.iter().map(|x| x + constant).collect(),
            depth: a.depth,
            linear: a.linear,
        }
    }

    /// `a ⊙ plaintext`, rescaled.
    pub fn mul_plain(&self, a: &SlotVector, plain: &[f64]) -> SlotVector {
        self.count(|c| c.plain_products += 1);
        SlotVector {
            values: a.zip(plain, |x, y| x * y),
            depth: a.depth + 1,
            linear: a.linear,
        }
    }

    /// `a ⊙ b`, rescaled, not relinearised.
    pub fn tensor(&self, a: &SlotVector, b: &SlotVector) -> SlotVector {
        self.count(|c| c.products += 1);
        SlotVector {
            values: a.zip(&b.values, |x, y| x * y),
            depth: a.depth.max(b.depth) + 1,
            linear: false,
        }
    }

    /// Back to two components.
    pub fn relinearise(&self, a: SlotVector) -> SlotVector {
        self.count(|c| c.relinearisations += 1);
        SlotVector { linear: true, ..a }
    }

    /// `a ⊙ b`, relinearised and rescaled.
    pub fn mul(&self, a: &SlotVector, b: &SlotVector) -> SlotVector {
        self.relinearise(self.tensor(a, b))
    }
}

impl SlotVector {
    /// Whether the vector has two components (no pending relinearisation).
    pub fn is_linear(&self) -> bool {
        self.linear
    }

    /// `sign · a` for a sign of ±1, which costs nothing.
    pub(super) fn scaled(a: &Self, sign: f64) -> Self {
        SlotVector {
            values: a.values.iter().map(|x| sign * x).collect(),
            ..a.clone()
        }
    }
}
