//! Proven ranges of every hidden value and output, by interval analysis over the integers.
//!
//! With 0 ≤ x_i ≤ m the range of a hidden value is attained at a corner of the cube,
//!
//! ```text
//!   h_j ∈ [ m Σ_i min(P_ij, 0),  m Σ_i max(P_ij, 0) ],
//! ```
//!
//! its square lies between the squares of the end points, or from 0 if the sign can change, and
//! outputs add the intervals D_jk · h_j². The first step is exact; the second ignores that different
//! hidden values see the same x, so the range of an output is an outer bound, never too small.

use super::{IntegerModel, ModelError};

/// Outputs beyond 2^this in magnitude are refused: a discrete logarithm of this size takes seconds
/// with tables of hundreds of MiB, and 16 times as long for every 8 bits more.
pub const OUTPUT_LIMIT_BITS: u32 = 48;

/// A closed range of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    low: i128,
    high: i128,
}

impl Interval {
    const ZERO: Self = Self { low: 0, high: 0 };

    /// Smallest value.
    pub fn low(self) -> i128 {
        self.low
    }

    /// Largest value.
    pub fn high(self) -> i128 {
        self.high
    }

    /// Largest magnitude.
    pub fn magnitude(self) -> i128 {
        self.high.abs().max(self.low.abs())
    }

    /// Whether a value lies in the range.
    pub fn contains(self, value: i128) -> bool {
        self.low <= value && value <= self.high
    }

    fn square(self) -> Self {
        let (a, b) = (self.low * self.low, self.high * self.high);
        let low = if self.contains(0) { 0 } else { a.min(b) };
        Self {
            low,
            high: a.max(b),
        }
    }

    fn times(self, factor: i128) -> Self {
        let (a, b) = (self.low * factor, self.high * factor);
        Self {
            low: a.min(b),
            high: a.max(b),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            high: self.high + other.high,
        }
    }
}

/// The proven ranges of a model over all inputs within `0..=input_max`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    hidden: Vec<Interval>,
    outputs: Vec<Interval>,
}

impl Bounds {
    /// Ranges of the hidden values.
    pub fn hidden(&self) -> &[Interval] {
        &self.hidden
    }

    /// Ranges of the outputs.
    pub fn outputs(&self) -> &[Interval] {
        &self.outputs
    }

    /// The largest magnitude any output can have.
    pub fn largest_output(&self) -> i128 {
        let magnitudes = self.outputs.iter().map(|range| range.magnitude());
        magnitudes.max().unwrap_or(0)
    }
}

impl IntegerModel {
    /// The proven range of every hidden value and output. Nothing is sampled.
    pub fn bounds(&self) -> Bounds {
        let input = Interval {
            low: 0,
            high: self.input_max.into(),
        };
        let mut hidden = vec![Interval::ZERO; self.hidden];
        for row in self.p.chunks_exact(self.hidden) {
            for (h, &p) in hidden.iter_mut().zip(row) {
                *h = h.plus(input.times(p.into()));
            }
        }
        let mut outputs = vec![Interval::ZERO; self.outputs];
        for (h, row) in hidden.iter().zip(self.d.chunks_exact(self.outputs)) {
            // At most 2^94 · 2^15 each, and 2^10 of them.
            let square = h.square();
            for (f, &d) in outputs.iter_mut().zip(row) {
                *f = f.plus(square.times(d.into()));
            }
        }
        Bounds { hidden, outputs }
    }

    /// The bounds, if every output is proven to stay within ±2^[`OUTPUT_LIMIT_BITS`].
    pub fn check_limit(&self) -> Result<Bounds, ModelError> {
        let bounds = self.bounds();
        for (output, range) in bounds.outputs.iter().enumerate() {
            let bound = range.magnitude();
            if bound > 1 << OUTPUT_LIMIT_BITS {
                return Err(ModelError::BoundExceedsLimit {
                    output,
                    bound,
                    bits: (bound as f64).log2(),
                });
            }
        }
        Ok(bounds)
    }
}
