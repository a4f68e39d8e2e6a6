//! Polynomials in one ciphertext, at depth ⌈log2(d+1)⌉.
//!
//! A polynomial of degree d < 2g is split as p = q·b_g + r, where b_k is the k-th basis function
//! (X^k, or the Chebyshev polynomial T_k) and g a power of two; q and r are split further until they
//! are linear combinations of basis functions that are cheap to have (Paterson and Stockmeyer, SIAM
//! J. Comput. 1973). Three things matter under encryption:
//!
//! - **Scales.** The result has a scale that the *caller* chooses. It is reached from the top down:
//!   the sum q·b_g + r must have scale S before its rescale, so q is evaluated to the scale
//!   S/scale(b_g), and each coefficient of r is encoded at S/scale(b_k). All terms then have exactly
//!   equal scales, whatever the primes are (the idea is in Bossuat, Mouchet, Troncoso-Pastoriza and
//!   Hubaux, EUROCRYPT 2021).
//! - **Depth.** Multiplication by a coefficient is merged into the product above it: the innermost
//!   q is c + c'·x, so x³ costs two levels with its coefficient, as x²·(c'·x).
//! - **Relinearisation.** All products of one sum are added as three polynomials and share one
//!   relinearisation, merged with the rescale.
//!
//! Coefficients that are zero cost nothing: an even polynomial of degree 2m costs one product more than a
//! dense one of degree m.
//!
//! ```
//! use tacit_ckks::circuits::polynomial::Polynomial;
//!
//! // The logistic function on [−8, 8], interpolated at degree 7.
//! let sigmoid = Polynomial::interpolate(|x| 1.0 / (1.0 + (-x).exp()), 7, [-8.0, 8.0]);
//! assert!((sigmoid.evaluate(1.0) - 0.731).abs() < 0.05);
//! assert_eq!(sigmoid.cost().levels, 3);
//! ```
//!
//! Limits: degree at most [`MAX_DEGREE`]; the input must lie in the interval of a Chebyshev series,
//! outside of which the series explodes. The map of [a, b] to [−1, 1] costs no level: the
//! midpoint is subtracted and the scale is declared anew, so that with b − a = 2h the input's scale grows by h,
//! and those of its powers faster. Precision is kept when the input comes at
//! [`Polynomial::input_scale`], that is scale/h (choose the scale of the plaintexts of the linear map before it
//! so); at larger scales too few bits are left for the coefficients, and in the extreme the evaluation is refused.

mod plan;

use crate::{Ciphertext, CkksError, Evaluator};
use plan::{Plan, Sum, depth};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Largest degree that is evaluated.
pub const MAX_DEGREE: usize = 127;

/// Coefficients are encoded with at least this many bits after the point.
const MIN_COEFFICIENT_BITS: f64 = 20.0;

/// What the coefficients multiply.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PolynomialBasis {
    /// Powers of x.
    Power,
    /// Chebyshev polynomials T_k of the interval mapped to [−1, 1].
    Chebyshev {
        /// The interval [a, b], a < b.
        interval: [f64; 2],
    },
}

/// A polynomial with real coefficients.
#[derive(Debug, Clone, PartialEq)]
pub struct Polynomial {
    basis: PolynomialBasis,
    coefficients: Vec<f64>,
}

/// What one evaluation costs, see [`Polynomial::cost`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolynomialCost {
    /// Levels consumed.
    pub levels: usize,
    /// Products of ciphertexts.
    pub products: usize,
    /// Relinearisations: key switches, by far the largest part of the time.
    pub relinearisations: usize,
}

impl Polynomial {
    /// Σ c_k·x^k.
    pub fn power(coefficients: impl Into<Vec<f64>>) -> Self {
        Self::new(PolynomialBasis::Power, coefficients.into())
    }

    /// Σ c_k·T_k((2x − a − b)/(b − a)) on [a, b].
    pub fn chebyshev(coefficients: impl Into<Vec<f64>>, interval: [f64; 2]) -> Self {
        Self::new(PolynomialBasis::Chebyshev { interval }, coefficients.into())
    }

    fn new(basis: PolynomialBasis, mut coefficients: Vec<f64>) -> Self {
        while coefficients.last() == Some(&0.0) {
            coefficients.pop();
        }
        Self {
            basis,
            coefficients,
        }
    }

    /// The Chebyshev interpolant of a function: exact at the d + 1 Chebyshev nodes of the interval,
    /// and within a small factor of the best uniform approximation. Coefficients that vanish by
    /// symmetry are exactly zero.
    pub fn interpolate(f: impl Fn(f64) -> f64, degree: usize, interval: [f64; 2]) -> Self {
        let [a, b] = interval;
        let nodes = degree + 1;
        let angle = |i: usize| std::f64::consts::PI * (i as f64 + 0.5) / nodes as f64;
        let values: Vec<f64> = (0..nodes)
            .map(|i| f((a + b) / 2.0 + (b - a) / 2.0 * angle(i).cos()))
            .collect();
        let magnitude = values.iter().fold(0.0f64, |acc, v| acc.max(v.abs()));
        let coefficient = |k: usize| {
            let sum: f64 = (0..nodes)
                .map(|i| values[i] * (k as f64 * angle(i)).cos())
                .sum();
            let c = sum * if k == 0 { 1.0 } else { 2.0 } / nodes as f64;
            if c.abs() < 1e-13 * magnitude { 0.0 } else { c }
        };
        Self::chebyshev((0..nodes).map(coefficient).collect::<Vec<_>>(), interval)
    }

    /// The basis.
    pub fn basis(&self) -> PolynomialBasis {
        self.basis
    }

    /// The coefficients, without zeros at the end.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The degree (0 for the zero polynomial too).
    pub fn degree(&self) -> usize {
        self.coefficients.len().saturating_sub(1)
    }

    /// The value at x, on `f64` (Horner's rule, or Clenshaw's).
    pub fn evaluate(&self, x: f64) -> f64 {
        match self.basis {
            PolynomialBasis::Power => self
                .coefficients
                .iter()
                .rev()
                .fold(0.0, |acc, c| acc * x + c),
            PolynomialBasis::Chebyshev { interval: [a, b] } => {
                let u = (2.0 * x - a - b) / (b - a);
                let (mut b1, mut b2) = (0.0, 0.0);
                for c in self.coefficients.iter().skip(1).rev() {
                    (b1, b2) = (2.0 * u * b1 - b2 + c, b1);
                }
                self.coefficients.first().unwrap_or(&0.0) + u * b1 - b2
            }
        }
    }

    /// The scale at which the input should arrive, for a circuit that works at `scale`: divided by half the
    /// width of a Chebyshev interval if that is above 1.
    pub fn input_scale(&self, scale: f64) -> f64 {
        match self.basis {
            PolynomialBasis::Power => scale,
            PolynomialBasis::Chebyshev { interval: [a, b] } => scale / ((b - a) / 2.0).max(1.0),
        }
    }

    /// What its evaluation costs.
    ///
    /// # Panics
    /// If the degree is above [`MAX_DEGREE`].
    pub fn cost(&self) -> PolynomialCost {
        assert!(self.degree() <= MAX_DEGREE);
        self.plan().cost()
    }

    fn plan(&self) -> Plan {
        Plan::cheapest(
            &self.coefficients,
            matches!(self.basis, PolynomialBasis::Chebyshev { .. }),
        )
    }
}

impl Evaluator {
    /// p(x) at exactly `scale`, [`PolynomialCost::levels`] below the level of `x`.
    pub fn evaluate_polynomial(
        &self,
        p: &Polynomial,
        x: &Ciphertext,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        if p.degree() > MAX_DEGREE {
            let why = "polynomials are evaluated up to degree 127; compose smaller ones";
            return Err(CkksError::Unsupported(why));
        }
        let plan = p.plan();
        let levels = plan.cost().levels;
        if x.level() < levels {
            return Err(CkksError::Level {
                operation: "evaluate polynomial",
                needed: levels,
                found: x.level(),
            });
        }
        let level = x.level() - levels;
        if levels == 0 {
            let constant = p.coefficients.first().copied().unwrap_or(0.0);
            return self.linear_combination(&[], constant, level, scale);
        }
        let x = self.change_variable(p.basis, x)?;
        let powers = self.powers(&plan, x)?;
        self.evaluate_sum(&plan.sum, &powers, level, scale)
    }

    /// c·x at exactly `scale`, one level below.
    pub fn mul_constant_rescale(
        &self,
        x: &Ciphertext,
        c: f64,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        let level = x.level();
        if level == 0 {
            return Err(CkksError::Level {
                operation: "rescale",
                needed: 1,
                found: 0,
            });
        }
        let above = scale * self.params().q_at(level);
        let mut out = self.linear_combination(&[(c, x)], 0.0, level, above)?;
        self.rescale_assign(&mut out)?;
        out.set_scale(scale);
        Ok(out)
    }

    /// The variable of the basis. For a Chebyshev basis the interval is mapped to [−1, 1] by a
    /// subtraction, a multiplication by a small integer (for short intervals) and a new scale.
    fn change_variable(
        &self,
        basis: PolynomialBasis,
        x: &Ciphertext,
    ) -> Result<Ciphertext, CkksError> {
        let mut x = x.clone();
        if let PolynomialBasis::Chebyshev { interval: [a, b] } = basis {
            let half = (b - a) / 2.0;
            if !half.is_finite() || half <= 0.0 {
                let why = "the interval of a Chebyshev polynomial must be finite and not empty";
                return Err(CkksError::Unsupported(why));
            }
            if a + b != 0.0 {
                self.add_constant_assign(&mut x, -(a + b) / 2.0)?;
            }
            let factor = (1.0 / half).round().clamp(1.0, (1u64 << 40) as f64);
            if factor > 1.0 {
                self.mul_constant_assign(&mut x, factor, 1.0)?;
            }
            x.set_scale(x.scale() * half * factor);
        }
        Ok(x)
    }

    /// All basis functions that the plan uses, layer by layer of equal depth.
    fn powers(&self, plan: &Plan, x: Ciphertext) -> Result<BTreeMap<usize, Ciphertext>, CkksError> {
        let mut powers = BTreeMap::from([(1, x)]);
        let deepest = plan.powers.last().map_or(0, |&k| depth(k));
        for layer in 1..=deepest {
            let fresh: Vec<(usize, Ciphertext)> = plan
                .powers
                .par_iter()
                .filter(|&&k| depth(k) == layer)
                .map(|&k| Ok((k, self.next_power(plan.chebyshev, k, &powers)?)))
                .collect::<Result<_, CkksError>>()?;
            powers.extend(fresh);
        }
        Ok(powers)
    }

    /// b_k from b_a·b_b with k = a + b; for Chebyshev polynomials T_k = 2·T_a·T_b − T_{a−b}.
    fn next_power(
        &self,
        chebyshev: bool,
        k: usize,
        powers: &BTreeMap<usize, Ciphertext>,
    ) -> Result<Ciphertext, CkksError> {
        let (a, b) = plan::halves(k);
        let mut product = self.mul(&powers[&a], &powers[&b])?;
        if chebyshev {
            // Doubling is a multiplication by 2, or, when there is scale to spare, the declaration of
            // half the scale.
            let after_rescale = product.scale() / self.params().q_at(product.level());
            let spare = after_rescale > 1.5 * self.params().scale();
            let scale = product.scale() * if spare { 0.5 } else { 1.0 };
            let mut terms = vec![(2.0, &product)];
            if a != b {
                terms.push((-1.0, &powers[&(a - b)]));
            }
            let constant = if a == b { -1.0 } else { 0.0 };
            product = self.linear_combination(&terms, constant, product.level(), scale)?;
        }
        self.relinearise_rescale(&product)
    }

    /// A sum at exactly `scale` and `level`.
    fn evaluate_sum(
        &self,
        sum: &Sum,
        powers: &BTreeMap<usize, Ciphertext>,
        level: usize,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        let above = scale * self.params().q_at(level + 1);
        let sum = self.evaluate_unscaled(sum, powers, level + 1, above)?;
        let mut out = match sum.polys().len() {
            2 => {
                let mut out = sum;
                self.rescale_assign(&mut out)?;
                out
            }
            _ => self.relinearise_rescale(&sum)?,
        };
        out.set_scale(scale);
        Ok(out)
    }

    /// A sum before its relinearisation and rescale.
    fn evaluate_unscaled(
        &self,
        sum: &Sum,
        powers: &BTreeMap<usize, Ciphertext>,
        level: usize,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        let check = |k: usize| {
            let bits = (scale / powers[&k].scale()).log2();
            match bits >= MIN_COEFFICIENT_BITS {
                true => Ok(()),
                false => Err(CkksError::CoefficientScale { degree: k, bits }),
            }
        };
        let mut products = sum
            .products
            .par_iter()
            .map(|(g, q)| {
                check(*g)?;
                let b = &powers[g];
                let q = self.evaluate_sum(q, powers, level, scale / b.scale())?;
                let mut product = self.mul(&q, b)?;
                product.set_scale(scale);
                Ok(product)
            })
            .collect::<Result<Vec<_>, CkksError>>()?;
        if products.len() == 1 && sum.terms.is_empty() && sum.constant == 0.0 {
            return Ok(products.remove(0));
        }
        let mut terms: Vec<(f64, &Ciphertext)> = products.iter().map(|p| (1.0, p)).collect();
        for (&k, &c) in &sum.terms {
            check(k)?;
            terms.push((c, &powers[&k]));
        }
        self.linear_combination(&terms, sum.constant, level, scale)
    }
}

#[cfg(test)]
mod tests;
