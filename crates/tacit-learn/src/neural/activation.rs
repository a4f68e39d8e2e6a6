//! Polynomials in place of a hidden layer's activation.
//!
//! Encrypted numbers can be added and multiplied, so an activation is a polynomial; one of degree two costs one
//! product, degrees three to seven cost one or two levels more. The network learns with the polynomial itself, not with the function it was fitted to, so the fit
//! need not be close: it must keep the slope positive where the pre-activations are and grow slowly.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::activation::least_squares;

/// A function to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Curve {
    /// max(0, u).
    Relu,
    /// u/(1 + e^−u).
    Silu,
    /// The hyperbolic tangent: odd, so a polynomial of degree 2 fits it by a line.
    Tanh,
    /// 1/(1 + e^−u).
    Sigmoid,
}

impl Curve {
    /// The function itself.
    pub fn eval(self, u: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-u).exp());
        match self {
            Curve::Relu => u.max(0.0),
            Curve::Silu => u * sigmoid,
            Curve::Tanh => u.tanh(),
            Curve::Sigmoid => sigmoid,
        }
    }
}

/// A polynomial activation Σ c_k·u^k.
///
/// ```
/// use tacit_learn::neural::{Curve, PolynomialActivation};
///
/// let act = PolynomialActivation::fit(Curve::Silu, 2, 4.0)?;
/// let [a, b, c] = act.coefficients()[..] else { panic!() };
/// assert!(a > 0.0 && (b - 0.5).abs() < 1e-9 && c > 0.0);
/// assert!((act.slope(1.0) - (b + 2.0 * c)).abs() < 1e-12);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct PolynomialActivation {
    coefficients: Vec<f64>,
}

impl PolynomialActivation {
    /// From coefficients, the constant first; degree 1 to 7.
    pub fn new(coefficients: Vec<f64>) -> Result<Self, Error> {
        let degree = coefficients.len().saturating_sub(1);
        let finite = coefficients.iter().all(|c| c.is_finite());
        if !(1..=7).contains(&degree) || !finite || coefficients[degree] == 0.0 {
            return Err(Error::config(
                "activation",
                format!("{coefficients:?} is not a polynomial of degree 1 to 7"),
                "give finite coefficients, the constant first and the last not zero",
            ));
        }
        Ok(Self { coefficients })
    }

    /// a + b·u + c·u²: the cheapest under encryption.
    pub fn quadratic(a: f64, b: f64, c: f64) -> Result<Self, Error> {
        Self::new(vec![a, b, c])
    }

    /// u².
    pub fn square() -> Self {
        Self {
            coefficients: vec![0.0, 0.0, 1.0],
        }
    }

    /// The least-squares fit of `curve` on [−half_width, half_width].
    pub fn fit(curve: Curve, degree: usize, half_width: f64) -> Result<Self, Error> {
        let problem = |problem: &str| Error::Fit {
            degree,
            low: -half_width,
            high: half_width,
            problem: problem.into(),
        };
        if !((1..=7).contains(&degree) && half_width > 0.0 && half_width.is_finite()) {
            return Err(problem(
                "the degree must be 1 to 7 and the interval not empty",
            ));
        }
        let fitted = least_squares(|u| curve.eval(u), half_width, degree)
            .ok_or_else(|| problem("the normal equations are singular"))?;
        let mut coefficients = fitted.monomials();
        // An odd function has no even part; what rounding leaves of it is no coefficient.
        for c in &mut coefficients {
            if c.abs() < 1e-12 {
                *c = 0.0;
            }
        }
        while coefficients.last() == Some(&0.0) {
            coefficients.pop();
        }
        Self::new(coefficients)
    }

    /// The coefficients, the constant first.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The degree.
    pub fn degree(&self) -> usize {
        self.coefficients.len() - 1
    }

    /// The value at `u`.
    pub fn eval(&self, u: f64) -> f64 {
        self.coefficients
            .iter()
            .rev()
            .fold(0.0, |acc, c| acc * u + c)
    }

    /// The derivative at `u`.
    pub fn slope(&self, u: f64) -> f64 {
        let terms = self.coefficients.iter().enumerate().skip(1).rev();
        terms.fold(0.0, |acc, (k, c)| acc * u + k as f64 * c)
    }

    /// (a, b, c) of a + b·u + c·u² with c > 0.
    pub fn as_quadratic(&self) -> Option<(f64, f64, f64)> {
        match self.coefficients[..] {
            [a, b, c] if c > 0.0 => Some((a, b, c)),
            _ => None,
        }
    }
}

impl TryFrom<Vec<f64>> for PolynomialActivation {
    type Error = Error;

    fn try_from(coefficients: Vec<f64>) -> Result<Self, Error> {
        Self::new(coefficients)
    }
}

impl From<PolynomialActivation> for Vec<f64> {
    fn from(activation: PolynomialActivation) -> Self {
        activation.coefficients
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn higher_degrees_fit_better() {
        for curve in [Curve::Relu, Curve::Silu, Curve::Tanh, Curve::Sigmoid] {
            let worst = |degree| {
                let act = PolynomialActivation::fit(curve, degree, 3.0).unwrap();
                let points = (-30..=30).map(|k| f64::from(k) / 10.0);
                points.fold(0.0f64, |m, u| m.max((act.eval(u) - curve.eval(u)).abs()))
            };
            assert!(worst(7) < worst(1), "{curve:?}");
            assert!(worst(7) < 0.2, "{curve:?}");
        }
    }

    #[test]
    fn slopes_are_derivatives() {
        let act = PolynomialActivation::fit(Curve::Silu, 5, 4.0).unwrap();
        for u in [-3.0, -0.5, 0.0, 2.0] {
            let difference = (act.eval(u + 1e-6) - act.eval(u - 1e-6)) / 2e-6;
            assert!((difference - act.slope(u)).abs() < 1e-6);
        }
    }

    #[test]
    fn what_is_no_activation_is_refused() {
        assert!(PolynomialActivation::new(vec![1.0]).is_err());
        assert!(PolynomialActivation::new(vec![1.0, 0.0]).is_err());
        assert!(PolynomialActivation::new(vec![1.0, f64::NAN]).is_err());
        assert!(PolynomialActivation::fit(Curve::Tanh, 0, 1.0).is_err());
        assert!(PolynomialActivation::fit(Curve::Tanh, 3, -1.0).is_err());
        assert_eq!(
            PolynomialActivation::fit(Curve::Tanh, 2, 2.0)
                .unwrap()
                .degree(),
            1
        );
    }
}
