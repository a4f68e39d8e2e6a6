//! Activations, their slopes and heads: polynomials of encrypted predictors.
//!
//! Degree two takes one level and one product. With u² = |c|·Δ·q for the scale u of the predictors U,
//!
//! ```text
//! value   a ± U·(|c|·U ± b)      slope   b + 2c·U
//! ```
//!
//! multiplying by |c| is declaring another scale, so the value is a product of two ciphertexts and the slope costs
//! nothing. Any other degree d is evaluated by Paterson's and Stockmeyer's method in ⌈log2(d+1)⌉ levels
//! ([`tacit_ckks::circuits::polynomial`]), its slope likewise; both start from predictors at Δ, so many levels higher.
//! Degree 3 takes one level more than degree 2, degrees 4 to 7 two.

use tacit_ckks::circuits::polynomial::Polynomial;

use super::super::PolynomialActivation;
use super::super::packed::LayerCounts;

/// How a polynomial is evaluated.
#[derive(Debug, Clone)]
pub(super) enum Pointwise {
    /// a + b·u + c·u².
    Quadratic {
        /// The constant.
        a: f64,
        /// The slope at 0.
        b: f64,
        /// The curvature, not zero.
        c: f64,
    },
    /// constant + value(u).
    Polynomial {
        /// The constant.
        constant: f64,
        /// The rest.
        value: Polynomial,
        /// Its derivative.
        slope: Polynomial,
    },
}

impl Pointwise {
    /// The cheapest way for an activation.
    pub fn of(activation: &PolynomialActivation) -> Self {
        match *activation.coefficients() {
            [a, b, c] => Self::Quadratic { a, b, c },
            _ => Self::polynomial(activation),
        }
    }

    /// By the general method, whose result has any scale that is asked for.
    pub fn polynomial(activation: &PolynomialActivation) -> Self {
        let coefficients = activation.coefficients();
        let mut value = coefficients.to_vec();
        value[0] = 0.0;
        let terms = coefficients.iter().enumerate().skip(1);
        let slope: Vec<f64> = terms.map(|(k, c)| k as f64 * c).collect();
        Self::Polynomial {
            constant: coefficients[0],
            value: Polynomial::power(value),
            slope: Polynomial::power(slope),
        }
    }

    /// The constant term.
    pub fn constant(&self) -> f64 {
        match self {
            Self::Quadratic { a, .. } => *a,
            Self::Polynomial { constant, .. } => *constant,
        }
    }

    /// Levels from predictors to values.
    pub fn levels(&self) -> usize {
        match self {
            Self::Quadratic { .. } => 1,
            Self::Polynomial { value, .. } => value.cost().levels,
        }
    }

    /// Operations of a value, for one ciphertext.
    pub fn value_counts(&self) -> LayerCounts {
        match self {
            Self::Quadratic { .. } => counts(1, 1),
            Self::Polynomial { value, .. } => polynomial_counts(value),
        }
    }

    /// Operations of a slope, for one ciphertext.
    pub fn slope_counts(&self) -> LayerCounts {
        match self {
            Self::Quadratic { .. } => LayerCounts::default(),
            Self::Polynomial { slope, .. } => polynomial_counts(slope),
        }
    }
}

fn counts(products: usize, relinearisations: usize) -> LayerCounts {
    LayerCounts {
        products,
        relinearisations,
        ..LayerCounts::default()
    }
}

fn polynomial_counts(p: &Polynomial) -> LayerCounts {
    let cost = p.cost();
    counts(cost.products, cost.relinearisations)
}

#[cfg(test)]
mod tests {
    use super::super::super::Curve;
    use super::*;

    #[test]
    fn levels_follow_the_degree() {
        let levels = |coefficients: &[f64]| {
            let activation = PolynomialActivation::new(coefficients.to_vec()).unwrap();
            Pointwise::of(&activation).levels()
        };
        assert_eq!(levels(&[0.5, 2.0]), 1);
        assert_eq!(levels(&[0.5, 2.0, -0.1]), 1);
        assert_eq!(levels(&[0.0, 1.0, 0.0, -0.1]), 2);
        assert_eq!(levels(&[0.1; 5]), 3);
        assert_eq!(levels(&[0.1; 8]), 3);
    }

    #[test]
    fn slopes_take_no_more_levels_than_values() {
        for curve in [Curve::Relu, Curve::Silu, Curve::Tanh, Curve::Sigmoid] {
            for degree in 1..=7 {
                let activation = PolynomialActivation::fit(curve, degree, 4.0).unwrap();
                if let Pointwise::Polynomial {
                    value,
                    slope,
                    constant,
                } = Pointwise::polynomial(&activation)
                {
                    assert!(slope.cost().levels <= value.cost().levels);
                    for u in [-3.0, 0.0, 0.7] {
                        let found = constant + value.evaluate(u);
                        assert!((found - activation.eval(u)).abs() < 1e-12);
                        assert!((slope.evaluate(u) - activation.slope(u)).abs() < 1e-12);
                    }
                }
            }
        }
    }
}
