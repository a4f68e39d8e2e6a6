//! Positive reals by their logarithm: noise before a rescaling is larger than an `f64` can square.

use std::ops::{Add, Div, Mul};

/// A real ≥ 0, held as its base-2 logarithm (−∞ for zero).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Magnitude(f64);

impl Magnitude {
    pub const ZERO: Self = Self(f64::NEG_INFINITY);
    pub const ONE: Self = Self(0.0);

    /// |x|.
    pub fn of(x: f64) -> Self {
        Self(x.abs().log2())
    }

    pub const fn from_log2(log2: f64) -> Self {
        Self(log2)
    }

    pub const fn log2(self) -> f64 {
        self.0
    }

    pub fn sqrt(self) -> Self {
        Self(self.0 / 2.0)
    }

    pub fn squared(self) -> Self {
        Self(self.0 * 2.0)
    }

    /// √(a² + b²).
    pub fn hypot(self, other: Self) -> Self {
        (self.squared() + other.squared()).sqrt()
    }

    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// self − other, or zero if that is negative.
    pub fn saturating_sub(self, other: Self) -> Self {
        if other.0 >= self.0 {
            return Self::ZERO;
        }
        Self(self.0 + (1.0 - (other.0 - self.0).exp2()).log2())
    }
}

impl Add for Magnitude {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let (low, high) = if self.0 < other.0 {
            (self.0, other.0)
        } else {
            (other.0, self.0)
        };
        if high == f64::NEG_INFINITY {
            return Self::ZERO;
        }
        Self(high + (1.0 + (low - high).exp2()).log2())
    }
}

impl Mul for Magnitude {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        // 0·x is 0, never −∞ + ∞.
        if self == Self::ZERO || other == Self::ZERO {
            return Self::ZERO;
        }
        Self(self.0 + other.0)
    }
}

impl Mul<f64> for Magnitude {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        self * Self::of(factor)
    }
}

impl Div for Magnitude {
    type Output = Self;
    #[allow(clippy::suspicious_arithmetic_impl)] // logarithms
    fn div(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::iter::Sum for Magnitude {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arithmetic_agrees_with_floating_point(a in 0.0f64..1e9, b in 0.0f64..1e9) {
            let (x, y) = (Magnitude::of(a), Magnitude::of(b));
            let close = |m: Magnitude, v: f64| (m.log2().exp2() - v).abs() <= 1e-9 * v.abs() + 1e-12;
            prop_assert!(close(x + y, a + b));
            prop_assert!(close(x * y, a * b));
            prop_assert!(close(x.hypot(y), a.hypot(b)));
            prop_assert!((x.saturating_sub(y).log2().exp2() - (a - b).max(0.0)).abs() <= 1e-6 * a.max(1.0));
        }
    }

    #[test]
    fn zero_is_neutral_and_absorbing() {
        let x = Magnitude::of(3.0);
        assert_eq!(x + Magnitude::ZERO, x);
        assert_eq!(x * Magnitude::ZERO, Magnitude::ZERO);
        assert_eq!(Magnitude::ZERO + Magnitude::ZERO, Magnitude::ZERO);
        assert_eq!(x.saturating_sub(x), Magnitude::ZERO);
    }
}
