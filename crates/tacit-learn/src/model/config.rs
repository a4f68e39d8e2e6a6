//! The public configuration of a training: what a plan fixes and every party signs.

use serde::{Deserialize, Serialize};

use super::{Family, Schedule};
use crate::Error;
use crate::activation::Activation;
use crate::packing::Layout;

/// Everything that determines a training besides the parties' rows. Public.
///
/// ```
/// use tacit_learn::model::{Family, GlmConfig};
///
/// let config = GlmConfig { iterations: 10, ..GlmConfig::new(Family::Logistic, 9) };
/// config.validate()?;
///
/// let text = toml::to_string(&config).unwrap();
/// assert_eq!(toml::from_str::<GlmConfig>(&text).unwrap(), config);
///
/// let error = GlmConfig { batch: 100, ..config }.validate().unwrap_err();
/// assert!(error.to_string().contains("use 128"));
/// # Ok::<(), tacit_learn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlmConfig {
    /// Number of features; the intercept is added.
    pub features: usize,
    /// Slots of a ciphertext.
    #[serde(default = "defaults::slots")]
    pub slots: usize,
    /// Samples per party and iteration, a power of two.
    #[serde(default = "defaults::batch")]
    pub batch: usize,
    /// Gradient steps. All but the first need a refresh of the weights.
    #[serde(default = "defaults::iterations")]
    pub iterations: usize,
    /// L2 penalty `λ/2·‖w‖²` beside the *mean* loss; the intercept is free of it.
    #[serde(default = "defaults::l2")]
    pub l2: f64,
    /// Step, in units of 1/(bound on the loss' curvature). Up to 1 is safe, up to 2 may be stable.
    #[serde(default = "defaults::step_factor")]
    pub step_factor: f64,
    /// Seed of the parties' shuffles.
    #[serde(default)]
    pub seed: u64,
    /// Distribution of the label.
    pub family: Family,
    /// Where the weights start.
    #[serde(default)]
    pub start: Start,
    /// Use of earlier steps.
    #[serde(default)]
    pub momentum: Momentum,
    /// What is publicly known about the features' second moments.
    #[serde(default)]
    pub curvature: Curvature,
    /// The polynomial in place of the mean function.
    #[serde(default = "defaults::activation")]
    pub activation: ActivationConfig,
}

/// Where the weights start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Start {
    /// At zero, which is public, so that the first gradient is computed by each party in the clear
    /// over *all* its rows, exactly, and only then encrypted: no forward pass, no refresh.
    #[default]
    Zero,
}

/// Use of earlier steps. Factors are rounded to multiples of 1/[`MOMENTUM_UNIT`](super::MOMENTUM_UNIT),
/// so that a product with one is an integer product and takes no level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Momentum {
    /// Plain gradient descent.
    None,
    /// Polyak's heavy ball, `v ← μ v − η ∇f(w)`, `w ← w + v`.
    HeavyBall {
        /// `μ`.
        mu: f64,
    },
    /// Nesterov's method with a fixed factor: the gradient is taken at `w + μ v`.
    Nesterov {
        /// `μ`.
        mu: f64,
    },
    /// Nesterov's method for convex functions, factors `t/(t+3)`, capped.
    NesterovRamp {
        /// Largest factor.
        cap: f64,
    },
}

/// What is publicly known about the second moments `M = XᵀX/n` of the standardised features with
/// intercept: an upper bound of their largest eigenvalue, which bounds the step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Curvature {
    /// `λ_max(M) ≤ trace(M)`, features + 1 for standardised features: nothing is released, and it
    /// is nearly tight when features are strongly correlated.
    #[default]
    Trace,
    /// A bound stated in the plan: domain knowledge, or the released weighted mean
    /// `Σ (n_i/n)·λ_max(M_i)` of the parties' own largest eigenvalues, which bounds the pooled one
    /// because `λ_max` is convex ([`second_moment_bound`](crate::twin::second_moment_bound)).
    Bound(f64),
}

/// The polynomial in place of the mean function.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActivationConfig {
    /// Degree: 1, 2, 3 or 5.
    pub degree: usize,
    /// Half width of the interval it is fitted on.
    pub bound: f64,
    /// Criterion of the fit.
    pub method: FitMethod,
}

/// Criterion of an activation fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FitMethod {
    /// Smallest largest error.
    Minimax,
    /// Smallest mean square error.
    LeastSquares,
    /// Least squares with the Chebyshev weight.
    Chebyshev,
    /// Least squares with a Gaussian weight.
    Gaussian {
        /// Standard deviation of the predictors expected.
        sigma: f64,
    },
}

impl Default for Momentum {
    fn default() -> Self {
        Momentum::NesterovRamp { cap: 0.9 }
    }
}

mod defaults {
    use super::{ActivationConfig, FitMethod};

    pub(super) fn slots() -> usize {
        16_384
    }
    pub(super) fn batch() -> usize {
        256
    }
    pub(super) fn iterations() -> usize {
        12
    }
    pub(super) fn l2() -> f64 {
        1e-3
    }
    pub(super) fn step_factor() -> f64 {
        1.0
    }
    pub(super) fn activation() -> ActivationConfig {
        ActivationConfig {
            degree: 3,
            bound: 6.0,
            method: FitMethod::LeastSquares,
        }
    }
}

impl GlmConfig {
    /// The defaults for a family and a number of features.
    pub fn new(family: Family, features: usize) -> Self {
        GlmConfig {
            features,
            slots: defaults::slots(),
            batch: defaults::batch(),
            iterations: defaults::iterations(),
            l2: defaults::l2(),
            step_factor: defaults::step_factor(),
            seed: 0,
            family,
            start: Start::default(),
            momentum: Momentum::default(),
            curvature: Curvature::default(),
            activation: defaults::activation(),
        }
    }

    /// Checks every field; the error names the field and the remedy.
    pub fn validate(&self) -> Result<(), Error> {
        if self.features == 0 {
            return Err(Error::config(
                "features",
                "is 0",
                "select at least one feature column",
            ));
        }
        if let Family::Multinomial { classes } = self.family
            && classes < 2
        {
            let remedy = "a multinomial model needs at least 2";
            return Err(Error::config(
                "family.classes",
                format!("is {classes}"),
                remedy,
            ));
        }
        if self.iterations == 0 {
            return Err(Error::config(
                "iterations",
                "is 0",
                "take at least one step",
            ));
        }
        let finite_at_least = |field, value: f64, low: f64, strict: bool| {
            let fine = value.is_finite() && if strict { value > low } else { value >= low };
            let bar = if strict { "above" } else { "at least" };
            if fine {
                Ok(())
            } else {
                Err(Error::config(
                    field,
                    format!("is {value}"),
                    format!("must be {bar} {low}"),
                ))
            }
        };
        finite_at_least("l2", self.l2, 0.0, false)?;
        finite_at_least("step_factor", self.step_factor, 0.0, true)?;
        if let Curvature::Bound(bound) = self.curvature {
            // The intercept's second moment is 1.
            finite_at_least("curvature.bound", bound, 1.0, false)?;
        }
        let (field, mu) = match self.momentum {
            Momentum::None => ("momentum", 0.0),
            Momentum::HeavyBall { mu } | Momentum::Nesterov { mu } => ("momentum.mu", mu),
            Momentum::NesterovRamp { cap } => ("momentum.cap", cap),
        };
        if !(0.0..1.0).contains(&mu) {
            return Err(Error::config(
                field,
                format!("is {mu}"),
                "must be in [0, 1)",
            ));
        }
        self.layout()?;
        self.activation()?;
        Ok(())
    }

    /// The packing this configuration leads to.
    pub fn layout(&self) -> Result<Layout, Error> {
        Layout::new(
            self.slots,
            self.features + 1,
            self.batch,
            self.family.outputs(),
        )
    }

    /// The activation, fitted.
    pub fn activation(&self) -> Result<Activation, Error> {
        Activation::fit(self.family, &self.activation)
    }

    /// The steps, given the largest slope of the activation.
    pub fn schedule(&self, max_slope: f64) -> Schedule {
        Schedule::new(self, max_slope)
    }
}
