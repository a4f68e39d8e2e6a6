//! Galois automorphisms X → X^g in evaluation form.
//!
//! Slot rotation by r is the automorphism with g = 5^r: ⟨5⟩ acts on the slots as a cycle of
//! length N/2 in the standard ring (g = −1 conjugates) and of length N in the conjugate-invariant
//! ring, where g and −g act alike and the representative ≡ 1 (mod 4) is used.

use crate::{RingError, RingKind};

/// An element of the Galois group, normalised to one representative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GaloisElement(u64);

impl GaloisElement {
    /// Normalises `g`, which must be odd.
    pub fn new(kind: RingKind, log_n: u32, g: u64) -> Result<Self, RingError> {
        let order = kind.root_order(log_n);
        if g.is_multiple_of(2) {
            return Err(RingError::Galois {
                element: g,
                reason: "it is even",
            });
        }
        let g = g % order;
        Ok(Self(match kind {
            RingKind::Standard => g,
            RingKind::ConjugateInvariant if g % 4 == 3 => order - g,
            RingKind::ConjugateInvariant => g,
        }))
    }

    /// The element that moves the content of slot i + `steps` to slot i (indices modulo the number
    /// of slots).
    pub fn rotation(kind: RingKind, log_n: u32, steps: i64) -> Self {
        let order = kind.root_order(log_n);
        let slots = kind.slots(log_n) as i64;
        let mut exponent = steps.rem_euclid(slots) as u64;
        let (mut g, mut base) = (1u64, 5u64);
        while exponent > 0 {
            if exponent & 1 == 1 {
                g = g * base % order;
            }
            base = base * base % order;
            exponent >>= 1;
        }
        Self(g)
    }

    /// Complex conjugation of the slots (standard ring only).
    pub fn conjugation(kind: RingKind, log_n: u32) -> Result<Self, RingError> {
        match kind {
            RingKind::Standard => Ok(Self(kind.root_order(log_n) - 1)),
            RingKind::ConjugateInvariant => Err(RingError::Galois {
                element: kind.root_order(log_n) - 1,
                reason: "the slots of the conjugate-invariant ring are real",
            }),
        }
    }

    /// The representative.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The inverse element.
    pub fn inverse(self, kind: RingKind, log_n: u32) -> Self {
        // g^(order/4 − 1) inverts every odd g modulo a power of two ≥ 8, as exponents divide order/4.
        let order = kind.root_order(log_n);
        let (mut acc, mut base, mut exponent) = (1u64, self.0, order / 4 - 1);
        while exponent > 0 {
            if exponent & 1 == 1 {
                acc = acc * base % order;
            }
            base = base * base % order;
            exponent >>= 1;
        }
        Self(acc)
    }

    /// Whether it is the identity.
    pub const fn is_identity(self) -> bool {
        self.0 == 1
    }

    /// `index` such that (φ_g a)\[k\] = a\[index\[k\]\] in evaluation form.
    pub fn permutation(self, kind: RingKind, log_n: u32) -> Vec<u32> {
        let n = 1u64 << log_n;
        let order = kind.root_order(log_n);
        let step = order / n; // leaf k evaluates at ζ^(step·br(k)+1)
        let reverse = |k: u64| k.reverse_bits() >> (64 - log_n);
        (0..n)
            .map(|k| {
                let e = (step * reverse(k) + 1) * self.0 % order;
                reverse((e - 1) / step) as u32
            })
            .collect()
    }
}
