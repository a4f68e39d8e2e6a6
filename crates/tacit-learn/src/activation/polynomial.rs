//! Polynomials on `[-B, B]` in the Chebyshev basis.

/// `Σ_k c_k T_k(u/B)`, `T_k` the Chebyshev polynomials of the first kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    half_width: f64,
    coefficients: Vec<f64>,
}

impl Polynomial {
    /// From Chebyshev coefficients, constant first.
    pub fn new(half_width: f64, coefficients: Vec<f64>) -> Self {
        Polynomial {
            half_width,
            coefficients,
        }
    }

    /// Half width `B` of the interval.
    pub fn half_width(&self) -> f64 {
        self.half_width
    }

    /// Chebyshev coefficients, constant first.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// Degree (of the representation).
    pub fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }

    /// Value at `u`, by Clenshaw's recurrence.
    pub fn eval(&self, u: f64) -> f64 {
        let t = u / self.half_width;
        let (mut b1, mut b2) = (0.0, 0.0);
        for &c in self.coefficients.iter().skip(1).rev() {
            (b1, b2) = (2.0 * t * b1 - b2 + c, b1);
        }
        t * b1 - b2 + self.coefficients.first().copied().unwrap_or(0.0)
    }

    /// Derivative at `u`.
    pub fn slope(&self, u: f64) -> f64 {
        let powers = self.monomials();
        powers
            .iter()
            .enumerate()
            .skip(1)
            .rev()
            .fold(0.0, |acc, (k, c)| acc * u + k as f64 * c)
    }

    /// Coefficients of `1, u, u², …`.
    pub fn monomials(&self) -> Vec<f64> {
        let n = self.coefficients.len();
        let mut out = vec![0.0; n];
        // T_k as coefficients of t, two at a time.
        let (mut previous, mut current) = (vec![0.0; n], vec![0.0; n]);
        if n > 0 {
            current[0] = 1.0;
        }
        for (k, &c) in self.coefficients.iter().enumerate() {
            out.iter_mut().zip(&current).for_each(|(o, t)| *o += c * t);
            let factor = if k == 0 { 1.0 } else { 2.0 };
            let next: Vec<f64> = (0..n)
                .map(|i| if i > 0 { factor * current[i - 1] } else { 0.0 } - previous[i])
                .collect();
            previous = std::mem::replace(&mut current, next);
        }
        let mut scale = 1.0;
        for coefficient in &mut out {
            *coefficient *= scale;
            scale /= self.half_width;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_bases_agree(
            coefficients in prop::collection::vec(-2.0f64..2.0, 1..9),
            half_width in 0.5f64..10.0,
            position in -1.0f64..1.0,
        ) {
            let u = position * half_width;
            let polynomial = Polynomial::new(half_width, coefficients);
            let powers = polynomial.monomials();
            let horner = powers.iter().rev().fold(0.0, |acc, c| acc * u + c);
            prop_assert!((horner - polynomial.eval(u)).abs() < 1e-9);
            let h = 1e-5 * half_width;
            let slope = (polynomial.eval(u + h) - polynomial.eval(u - h)) / (2.0 * h);
            prop_assert!((slope - polynomial.slope(u)).abs() < 1e-4 * (1.0 + slope.abs()));
        }
    }
}
