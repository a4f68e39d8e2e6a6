//! How a network is hardened.

use crate::error::{SplitError, setting};
use crate::loss::{Penalty, WarmUp};
use crate::noise::{Noise, Veil};
use serde::{Deserialize, Serialize};

/// What is done to the network. Those marked * learn from private labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Method {
    /// Nothing: the deployed network, cut, without a veil. No steps.
    Undefended,
    /// Fine-tuned under the noise of the veil, no penalty.
    NoiseOnly,
    /// The same with dropped features in the place of added noise.
    Dropout,
    /// λ · [`Penalty::Center`].
    Center,
    /// λ · [`Penalty::Contrastive`].
    Contrastive,
    /// λ · [`Penalty::Cosine`].
    Cosine,
    /// λ · [`Penalty::Mahalanobis`].
    Mahalanobis,
    /// * Against a network that learns the private label beside it.
    Adversarial,
    /// λ · distance correlation of inputs and features.
    DistanceCorrelation,
    /// * Directions that predict the private label linearly are projected out.
    NullSpace,
}

impl Method {
    /// All of them, in the order of tables.
    pub const ALL: [Method; 10] = [
        Method::Undefended,
        Method::NoiseOnly,
        Method::Dropout,
        Method::Center,
        Method::Contrastive,
        Method::Cosine,
        Method::Mahalanobis,
        Method::DistanceCorrelation,
        Method::Adversarial,
        Method::NullSpace,
    ];

    /// Its name in files and tables.
    pub fn name(&self) -> &'static str {
        match self {
            Method::Undefended => "undefended",
            Method::NoiseOnly => "noise-only",
            Method::Dropout => "dropout",
            Method::Center => "center",
            Method::Contrastive => "contrastive",
            Method::Cosine => "cosine",
            Method::Mahalanobis => "mahalanobis",
            Method::Adversarial => "adversarial",
            Method::DistanceCorrelation => "distance-correlation",
            Method::NullSpace => "null-space",
        }
    }

    /// Whether it learns from private labels, which a provider may not have, and which tells it what
    /// to hide: compare such methods with that in mind.
    pub fn uses_private_labels(&self) -> bool {
        matches!(self, Method::Adversarial | Method::NullSpace)
    }

    /// Its penalty, if it is one of centres.
    pub fn penalty(&self) -> Option<Penalty> {
        match self {
            Method::Center => Some(Penalty::Center),
            Method::Contrastive => Some(Penalty::Contrastive),
            Method::Cosine => Some(Penalty::Cosine),
            Method::Mahalanobis => Some(Penalty::Mahalanobis),
            _ => None,
        }
    }
}

impl std::str::FromStr for Method {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let known = Method::ALL.into_iter().find(|m| m.name() == text);
        known.ok_or_else(|| SplitError::Format {
            origin: format!("method `{text}`"),
            reason: format!(
                "there is no such method; there are: {}",
                Method::ALL.map(|m| m.name()).join(", ")
            ),
        })
    }
}

/// How a network is hardened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// What is done.
    pub method: Method,
    /// λ, the weight of the method's penalty beside cross-entropy.
    pub lambda: f32,
    /// λ over time; the learning rate grows over the same share.
    pub warm_up: WarmUp,
    /// α of the centres.
    pub alpha: f32,
    /// What covers features, in training and after.
    pub veil: Veil,
    /// Numbers (channels of a map) that a layer added at the cut leaves.
    pub bottleneck: Option<usize>,
    /// Leave the deployed head as it is and tune only the encoder.
    pub keep_head: bool,
    /// Times every row is used, at most.
    pub epochs: usize,
    /// Rows per step.
    pub batch: usize,
    /// Learning rate after the warm-up; half a cosine takes it to 0.
    pub rate: f64,
    /// Stop after this many epochs without a better public accuracy on validation rows, counted
    /// from the end of the warm-up.
    pub patience: Option<usize>,
    /// The network that is kept is the latest whose public validation accuracy is within this of the
    /// best: the penalty goes on working after accuracy has settled.
    pub tolerance: f64,
    /// Of the order of rows, of noise in training and of added layers.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Recipe::of(Method::Mahalanobis)
    }
}

impl Recipe {
    /// The defaults of a method. Noise of half the power of the signal: as much noise as signal made the
    /// fine-tuning of networks with ten classes come out differently from seed to seed.
    pub fn of(method: Method) -> Self {
        let (lambda, noise) = match method {
            Method::Undefended => (0.0, Noise::None),
            Method::Dropout => (0.0, Noise::Dropout { share: 0.5 }),
            _ => {
                let lambda = match method {
                    Method::NoiseOnly => 0.0,
                    // λ counts the rounds of projection.
                    Method::NullSpace => 4.0,
                    Method::Center | Method::Mahalanobis => 16.0,
                    Method::Contrastive => 32.0,
                    _ => 2.0,
                };
                (lambda, Noise::Gaussian { snr: 2.0 })
            }
        };
        Recipe {
            method,
            lambda,
            warm_up: WarmUp { share: 0.25 },
            alpha: 0.5,
            veil: Veil {
                noise,
                ..Veil::default()
            },
            bottleneck: None,
            keep_head: false,
            epochs: 24,
            batch: 128,
            rate: 1e-2,
            patience: None,
            tolerance: 0.005,
            seed: 0,
        }
    }

    /// All of it, as numbers come back from a file.
    #[cfg(feature = "audit")]
    pub(crate) fn settings(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Checks every setting.
    pub fn check(&self) -> Result<(), SplitError> {
        self.veil.check()?;
        self.warm_up.check()?;
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let lambda = f64::from(self.lambda);
        let fine = lambda.is_finite() && (0.0..=1e6).contains(&lambda);
        setting("lambda", lambda, fine, "between 0 and 1000000")?;
        setting(
            "rate",
            self.rate,
            positive(self.rate),
            "positive and finite",
        )?;
        let fine = (0.0..=1.0).contains(&self.tolerance);
        setting("tolerance", self.tolerance, fine, "between 0 and 1")?;
        let batch = self.batch as f64;
        setting("batch", batch, self.batch >= 2, "at least 2")?;
        let epochs = self.epochs as f64;
        setting("epochs", epochs, self.epochs >= 1, "at least 1")?;
        if let Some(size) = self.bottleneck {
            setting("bottleneck", size as f64, size >= 1, "at least 1")?;
            setting(
                "bottleneck",
                size as f64,
                !self.keep_head,
                "left out when the deployed head is kept, which takes its own features only",
            )?;
        }
        let dropped = matches!(self.veil.noise, Noise::Dropout { .. });
        if self.method == Method::Dropout {
            let expected = "dropout, for the method `dropout`";
            setting("noise", 0.0, dropped, expected)?;
        }
        Ok(())
    }
}
