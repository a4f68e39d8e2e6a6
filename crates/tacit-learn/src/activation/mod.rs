//! Polynomials that stand in for the link's mean function.
//!
//! Encrypted values can be added and multiplied; `σ(u) = 1/(1+e^{-u})` and `e^u` must become
//! polynomials on an interval `[-B, B]`. The fits are made here, when the plan is read, with
//! their exact errors; no table is copied from a paper. [`FitMethod`] chooses the criterion:
//!
//! - [`FitMethod::Minimax`]: smallest largest error, by Remez exchange (Remez 1934; Trefethen,
//!   *Approximation Theory and Practice*, ch. 10);
//! - [`FitMethod::LeastSquares`]: smallest mean square error, all of the interval alike;
//! - [`FitMethod::Chebyshev`]: least squares with weight `1/√(B²−u²)`: the truncated Chebyshev
//!   series, within a small factor of minimax;
//! - [`FitMethod::Gaussian`]: least squares with weight `e^{-u²/2σ²}`: best where predictors are.
//!
//! # What a polynomial does to training
//!
//! Gradient descent with `act` in place of `μ` converges to the weights where
//! `Xᵀ(act(Xw) − y) = 0`, a neighbour of the maximum-likelihood solution, as close as `act` is to
//! `μ` over the *rows'* predictors. Outside `[-B, B]` an odd polynomial of falling leading term
//! turns back and pushes the wrong way; [`RangeReport`] says how many samples were there. The twin
//! measures this before anything is encrypted.
//!
//! This is why the sigmoid's default is the *quintic*: the fits of degree 3 and 7 have a negative
//! leading coefficient, so that a confident, right prediction beyond the interval is answered by
//! a push further out, and training explodes within a few steps; the fit of degree 5 has a
//! positive one and pulls back (far outside too hard, so the interval still matters). On breast cancer data, where the largest `|u|` are 3 or 4 times the
//! typical ones, cubics that were accurate enough elsewhere diverged within 8 to 12 iterations; the
//! quintic did not, with 1 % of the samples outside. The price is one level.
//!
//! # Folding saves levels
//!
//! A cubic `a u³ + b u² + c u + d` is evaluated as `x·(x² + β) + γ` with `x = κu + δ`, `κ = ∛a`:
//! `κ` is multiplied into the plaintext data, `δ`, `β`, `γ` are additions, and no level is spent
//! on coefficients: two levels, two products. See [`Folded`].
//!
//! # Example
//!
//! ```
//! use tacit_learn::activation::Activation;
//! use tacit_learn::model::{ActivationConfig, Family, FitMethod};
//!
//! let config = ActivationConfig { degree: 3, bound: 6.0, method: FitMethod::Minimax };
//! let act = Activation::fit(Family::Logistic, &config)?;
//! assert!(act.report().max_abs_error < 0.06);
//! assert!((act.eval(1.0) - act.folded().eval(1.0)).abs() < 1e-12);
//! assert_eq!(act.folded().levels(), 2);
//! # Ok::<(), tacit_learn::Error>(())
//! ```
//!
//! # Limits
//!
//! Degrees 1, 2, 3 and, for functions odd about their centre (the sigmoid), 5 can be folded.
//! The interval is symmetric.

mod fit;
mod folded;
mod polynomial;
mod range;
mod remez;

pub use folded::{Folded, Shape, fold_levels, fold_products};
pub use polynomial::Polynomial;
pub use range::{RangeCheck, RangeReport};

use crate::Error;
use crate::model::{ActivationConfig, Family, FitMethod};

/// The polynomial of least mean square error on [−half_width, half_width].
pub(crate) fn least_squares(
    f: impl Fn(f64) -> f64,
    half_width: f64,
    degree: usize,
) -> Option<Polynomial> {
    fit::weighted(f, |_| 1.0, half_width, degree)
}

/// A fitted activation: the polynomial, its folded form and how far it is from the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Activation {
    polynomial: Polynomial,
    folded: Folded,
    report: FitReport,
}

/// Distance between polynomial and mean function on the interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitReport {
    /// Largest error.
    pub max_abs_error: f64,
    /// Where it occurs.
    pub at: f64,
    /// Root mean square error over the interval.
    pub rms_error: f64,
    /// Largest slope (in magnitude) of the polynomial on the interval.
    pub max_slope: f64,
}

impl Activation {
    /// Fits the mean function of `family`. The linear family is exact and ignores `config`'s
    /// degree and method.
    pub fn fit(family: Family, config: &ActivationConfig) -> Result<Self, Error> {
        let mean = |u| family.mean(u);
        let fail = |problem: &str| Error::Fit {
            degree: config.degree,
            low: -config.bound,
            high: config.bound,
            problem: problem.to_string(),
        };
        if !(config.bound > 0.0 && config.bound.is_finite()) {
            return Err(fail(
                "the interval is empty; set `activation.bound` above zero",
            ));
        }
        if family == Family::Linear {
            let identity = Polynomial::new(config.bound, vec![0.0, config.bound]);
            return Self::from_polynomial(identity, mean, fail);
        }
        if !matches!(config.degree, 1..=3 | 5) {
            return Err(fail("no folded circuit for this degree; use 1, 2, 3 or 5"));
        }
        let polynomial = match config.method {
            FitMethod::Minimax => remez::minimax(mean, config.bound, config.degree),
            FitMethod::LeastSquares => fit::weighted(mean, |_| 1.0, config.bound, config.degree),
            FitMethod::Chebyshev => {
                let weight = |t: f64| 1.0 / (1.0 - t * t).sqrt();
                fit::weighted(mean, weight, config.bound, config.degree)
            }
            FitMethod::Gaussian { sigma } => {
                if !(sigma > 0.0 && sigma.is_finite()) {
                    return Err(fail("`sigma` must be above zero"));
                }
                let scale = config.bound / sigma;
                let weight = |t: f64| (-0.5 * (t * scale).powi(2)).exp();
                fit::weighted(mean, weight, config.bound, config.degree)
            }
        };
        Self::from_polynomial(
            polynomial.ok_or_else(|| fail("the fit did not converge"))?,
            mean,
            fail,
        )
    }

    fn from_polynomial(
        polynomial: Polynomial,
        mean: impl Fn(f64) -> f64,
        fail: impl Fn(&str) -> Error,
    ) -> Result<Self, Error> {
        let folded = Folded::of(&polynomial)
            .ok_or_else(|| fail("degree 5 folds only functions odd about their centre; use 3"))?;
        let report = FitReport::measure(&polynomial, mean);
        Ok(Activation {
            polynomial,
            folded,
            report,
        })
    }

    /// The polynomial in the Chebyshev basis.
    pub fn polynomial(&self) -> &Polynomial {
        &self.polynomial
    }

    /// The circuit's form of it.
    pub fn folded(&self) -> &Folded {
        &self.folded
    }

    /// Half width `B` of the interval.
    pub fn bound(&self) -> f64 {
        self.polynomial.half_width()
    }

    /// Distance from the mean function.
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The slope that sets the step. Linear: 1. Sigmoids: two thirds of the slope at the centre,
    /// because predictors spread out as training proceeds and most meet a smaller slope; the
    /// first steps are then 1.5 times the classical `1/K`, which still descends. Poisson: the
    /// largest slope on the interval.
    pub fn descent_slope(&self, family: Family) -> f64 {
        match family {
            Family::Linear => 1.0,
            Family::Logistic | Family::Multinomial { .. } => self.polynomial.slope(0.0) / 1.5,
            Family::Poisson => self.report.max_slope,
        }
    }

    /// Value at `u`, inside the interval or not.
    pub fn eval(&self, u: f64) -> f64 {
        self.folded.eval(u)
    }
}

impl FitReport {
    fn measure(polynomial: &Polynomial, mean: impl Fn(f64) -> f64) -> Self {
        const POINTS: usize = 20_000;
        let b = polynomial.half_width();
        let at = |i: usize| -b + 2.0 * b * i as f64 / POINTS as f64;
        let error = |u: f64| (polynomial.eval(u) - mean(u)).abs();
        let mut report = FitReport {
            max_abs_error: 0.0,
            at: 0.0,
            rms_error: 0.0,
            max_slope: 0.0,
        };
        let mut square = 0.0;
        for u in (0..=POINTS).map(at) {
            let e = error(u);
            square += e * e;
            if e > report.max_abs_error {
                (report.max_abs_error, report.at) = (e, u);
            }
            report.max_slope = report.max_slope.max(polynomial.slope(u).abs());
        }
        // The grid finds the right hill; a golden-section search finds its top.
        let step = 2.0 * b / POINTS as f64;
        let top = fit::golden_maximum(error, (report.at - step).max(-b), (report.at + step).min(b));
        if error(top) > report.max_abs_error {
            (report.max_abs_error, report.at) = (error(top), top);
        }
        report.rms_error = (square / (POINTS + 1) as f64).sqrt();
        report
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A folded activation of the given degree, for other modules' tests.
    pub(crate) fn some_folded(degree: usize) -> Folded {
        // e^u has a square term, the sigmoid is odd about 1/2.
        let family = if degree == 2 {
            Family::Poisson
        } else {
            Family::Logistic
        };
        let config = ActivationConfig {
            degree,
            bound: 3.0,
            method: FitMethod::LeastSquares,
        };
        *Activation::fit(family, &config).unwrap().folded()
    }

    fn fit(family: Family, degree: usize, bound: f64, method: FitMethod) -> Activation {
        Activation::fit(
            family,
            &ActivationConfig {
                degree,
                bound,
                method,
            },
        )
        .unwrap()
    }

    #[test]
    fn minimax_has_the_smallest_largest_error() {
        for (family, bound) in [
            (Family::Logistic, 8.0),
            (Family::Logistic, 4.0),
            (Family::Poisson, 2.0),
        ] {
            let best = fit(family, 3, bound, FitMethod::Minimax)
                .report()
                .max_abs_error;
            for method in [
                FitMethod::LeastSquares,
                FitMethod::Chebyshev,
                FitMethod::Gaussian { sigma: 2.0 },
            ] {
                let other = fit(family, 3, bound, method).report().max_abs_error;
                assert!(
                    best <= other * (1.0 + 1e-9),
                    "{family:?} {method:?}: {best} > {other}"
                );
            }
        }
    }

    #[test]
    fn minimax_error_equioscillates() {
        let act = fit(Family::Poisson, 3, 1.5, FitMethod::Minimax);
        let top = act.report().max_abs_error;
        let error = |u: f64| act.polynomial().eval(u) - u.exp();
        let (mut touches, mut sign) = (0, 0.0);
        for i in 0..=30_000 {
            let e = error(-1.5 + 3.0 * f64::from(i) / 30_000.0);
            if e.abs() > top * (1.0 - 1e-6) && e.signum() != sign {
                (touches, sign) = (touches + 1, e.signum());
            }
        }
        assert_eq!(touches, 5, "degree 3 touches the bound five times");
    }

    #[test]
    fn least_squares_has_the_smallest_mean_square_error() {
        let best = fit(Family::Logistic, 3, 6.0, FitMethod::LeastSquares)
            .report()
            .rms_error;
        for method in [
            FitMethod::Minimax,
            FitMethod::Chebyshev,
            FitMethod::Gaussian { sigma: 1.0 },
        ] {
            assert!(best < fit(Family::Logistic, 3, 6.0, method).report().rms_error);
        }
    }

    #[test]
    fn linear_family_is_exact() {
        let act = fit(Family::Linear, 3, 10.0, FitMethod::Minimax);
        assert_eq!(act.folded().levels(), 0);
        assert!(act.report().max_abs_error < 1e-12);
        assert!((act.eval(3.25) - 3.25).abs() < 1e-12);
    }

    #[test]
    fn impossible_fits_are_refused() {
        let fit = |degree, bound| {
            let config = ActivationConfig {
                degree,
                bound,
                method: FitMethod::Minimax,
            };
            Activation::fit(Family::Logistic, &config)
        };
        assert!(
            fit(4, 4.0)
                .unwrap_err()
                .to_string()
                .contains("use 1, 2, 3 or 5")
        );
        assert!(fit(3, 0.0).is_err());
        assert!(fit(3, f64::NAN).is_err());
        let config = ActivationConfig {
            degree: 5,
            bound: 2.0,
            method: FitMethod::Minimax,
        };
        assert!(Activation::fit(Family::Poisson, &config).is_err());
    }
}
