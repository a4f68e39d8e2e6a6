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
#[serde(from = "Draft")]
pub struct GlmConfig {
    /// Number of features; the intercept is added.
    pub features: usize,
    /// Slots of a ciphertext.
    pub slots: usize,
    /// Samples per party and iteration, a power of two.
    pub batch: usize,
    /// Gradient steps. All but the first need a refresh of the weights: they start at zero, which
    /// is public, so each party computes its first gradient in the clear, over all its rows.
    pub iterations: usize,
    /// L2 penalty `λ/2·‖w‖²` beside the *mean* loss; the intercept is free of it.
    pub l2: f64,
    /// Factor of the step the schedule chooses ([`Schedule`]); 1 is what was measured.
    pub step_factor: f64,
    /// Seed of the parties' shuffles.
    pub seed: u64,
    /// Distribution of the label.
    pub family: Family,
    /// Use of earlier steps.
    pub momentum: Momentum,
    /// What is publicly known about the features' second moments.
    pub curvature: Curvature,
    /// The polynomial in place of the mean function.
    pub activation: ActivationConfig,
}

/// A configuration as written: what is left out takes the family's default.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    family: Family,
    features: usize,
    slots: Option<usize>,
    batch: Option<usize>,
    iterations: Option<usize>,
    l2: Option<f64>,
    step_factor: Option<f64>,
    seed: Option<u64>,
    momentum: Option<Momentum>,
    curvature: Option<Curvature>,
    activation: Option<ActivationConfig>,
}

impl From<Draft> for GlmConfig {
    fn from(draft: Draft) -> Self {
        let default = GlmConfig::new(draft.family, draft.features);
        GlmConfig {
            features: draft.features,
            slots: draft.slots.unwrap_or(default.slots),
            batch: draft.batch.unwrap_or(default.batch),
            iterations: draft.iterations.unwrap_or(default.iterations),
            l2: draft.l2.unwrap_or(default.l2),
            step_factor: draft.step_factor.unwrap_or(default.step_factor),
            seed: draft.seed.unwrap_or(default.seed),
            family: draft.family,
            momentum: draft.momentum.unwrap_or(default.momentum),
            curvature: draft.curvature.unwrap_or(default.curvature),
            activation: draft.activation.unwrap_or(default.activation),
        }
    }
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
/// intercept: an upper bound of their largest eigenvalue, which sets the step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Curvature {
    /// `Σ (n_i/n)·λ_max(M_i)`, the weighted mean of the parties' own largest eigenvalues, which
    /// bounds the pooled one because `λ_max` is convex
    /// ([`second_moment_bound`](crate::twin::second_moment_bound)). One coarse number, summed under
    /// encryption and released before training, beside the standardisation.
    #[default]
    Collective,
    /// `λ_max(M) ≤ trace(M)`, features + 1 for standardised features: releases nothing. Nearly
    /// tight when features are strongly correlated; else steps are too short and more are needed.
    Trace,
    /// A bound stated in the plan.
    Bound(f64),
}

impl Curvature {
    /// The bound, where it is known without asking the parties.
    pub fn known(self, features: usize) -> Option<f64> {
        match self {
            Curvature::Collective => None,
            Curvature::Trace => Some((features + 1) as f64),
            Curvature::Bound(bound) => Some(bound),
        }
    }
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
        Momentum::NesterovRamp { cap: 0.7 }
    }
}

impl ActivationConfig {
    /// The default for a family; the crate's README has the measurements behind it.
    pub fn of(family: Family) -> Self {
        match family {
            // e^u is fitted where counts of ordinary size have their logarithm.
            Family::Poisson => ActivationConfig {
                degree: 3,
                bound: 2.5,
                method: FitMethod::LeastSquares,
            },
            _ => ActivationConfig {
                degree: 5,
                bound: 10.0,
                method: FitMethod::Minimax,
            },
        }
    }
}

impl GlmConfig {
    /// The defaults for a family and a number of features.
    pub fn new(family: Family, features: usize) -> Self {
        GlmConfig {
            features,
            slots: 16_384,
            batch: 256,
            iterations: 12,
            l2: 3e-3,
            step_factor: 1.0,
            seed: 0,
            family,
            momentum: Momentum::default(),
            curvature: Curvature::default(),
            activation: ActivationConfig::of(family),
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

    /// The steps, given a bound on the second moments' largest eigenvalue
    /// ([`Curvature`]).
    pub fn schedule(&self, eigenvalue: f64) -> Result<Schedule, Error> {
        let activation = self.activation()?;
        let slope = activation.descent_slope(self.family);
        Ok(Schedule::new(self, slope, eigenvalue))
    }
}
