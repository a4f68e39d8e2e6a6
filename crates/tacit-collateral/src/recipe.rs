//! How a quadratic network is trained.

use serde::{Deserialize, Serialize};

use crate::CollateralError;

/// Against whom the outputs are protected while the network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// Weight α of the adversaries' confusion in the network's loss.
    pub sabotage: f32,
    /// Weight μ of the energy distance between the private labels.
    pub matching: f32,
    /// Adversaries that are trained along; each has its own initial weights and batches.
    pub adversaries: usize,
    /// Steps of every adversary for one step of the network.
    pub adversary_steps: usize,
}

impl Default for Protection {
    fn default() -> Self {
        Protection {
            sabotage: 3.0,
            matching: 3.0,
            adversaries: 3,
            adversary_steps: 2,
        }
    }
}

impl Protection {
    /// The published method: adversaries only.
    pub fn adversaries_only() -> Self {
        Protection {
            matching: 0.0,
            ..Protection::default()
        }
    }
}

/// How a quadratic network is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollateralRecipe {
    /// Squares d.
    pub hidden: usize,
    /// Outputs K, which the server sees.
    pub outputs: usize,
    /// Hidden values of the public head.
    pub head: usize,
    /// Epochs on the public task alone.
    pub warm_up: usize,
    /// Epochs with protection, in floating point.
    pub epochs: usize,
    /// Epochs with protection, rounded to the integers' grid.
    pub grid_epochs: usize,
    /// Rows of a batch, about: every pair of labels gets the same number.
    pub batch: usize,
    /// Learning rate of network and head at the start of each phase.
    pub rate: f64,
    /// Learning rate of the adversaries.
    pub adversary_rate: f64,
    /// Share of every other class in the public target of a row (label smoothing).
    pub smoothing: f32,
    /// How far training images are warped anew in every epoch, as a share of [`Warp::default`].
    ///
    /// [`Warp::default`]: crate::warp::Warp::default
    pub warp: f32,
    /// Bits of the magnitudes of P.
    pub p_bits: u32,
    /// Bits of the magnitudes of D.
    pub d_bits: u32,
    /// Protection, if any.
    pub protection: Option<Protection>,
    /// Everything random follows from it.
    pub seed: u64,
}

impl Default for CollateralRecipe {
    fn default() -> Self {
        CollateralRecipe {
            hidden: 40,
            outputs: 4,
            head: 32,
            warm_up: 5,
            epochs: 25,
            grid_epochs: 25,
            batch: 1500,
            rate: 2e-3,
            adversary_rate: 2e-3,
            smoothing: 0.0,
            warp: 0.0,
            p_bits: 4,
            d_bits: 5,
            protection: Some(Protection::default()),
            seed: 1,
        }
    }
}

impl CollateralRecipe {
    /// The recipe for handwritten digits without a private question: warped images, smoothed
    /// labels, one output per class.
    pub fn handwriting() -> Self {
        CollateralRecipe {
            hidden: 64,
            outputs: 10,
            head: 64,
            warm_up: 0,
            epochs: 50,
            grid_epochs: 25,
            batch: 250,
            rate: 3e-3,
            smoothing: 0.05,
            warp: 1.0,
            protection: None,
            ..CollateralRecipe::default()
        }
    }

    /// The same without protection, as long trained: what protection is compared with.
    pub fn undefended(&self) -> Self {
        CollateralRecipe {
            protection: None,
            ..self.clone()
        }
    }

    /// Checks every setting.
    pub fn check(&self) -> Result<(), CollateralError> {
        let size = |n: usize| (1..=1024).contains(&n);
        let weight = |w: f32| w >= 0.0 && w.is_finite();
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let none = Protection {
            sabotage: 0.0,
            matching: 0.0,
            adversaries: 0,
            adversary_steps: 0,
        };
        let protection = self.protection.as_ref().unwrap_or(&none);
        let epochs = self.warm_up + self.epochs + self.grid_epochs;
        let settings = [
            ("hidden", self.hidden as f64, size(self.hidden), "1 to 1024"),
            (
                "outputs",
                self.outputs as f64,
                size(self.outputs),
                "1 to 1024",
            ),
            ("head", self.head as f64, size(self.head), "1 to 1024"),
            ("epochs", epochs as f64, epochs > 0, "at least 1 in all"),
            ("batch", self.batch as f64, self.batch > 0, "at least 1"),
            ("rate", self.rate, positive(self.rate), "positive"),
            (
                "adversary_rate",
                self.adversary_rate,
                positive(self.adversary_rate),
                "positive",
            ),
            (
                "smoothing",
                self.smoothing.into(),
                (0.0..1.0).contains(&self.smoothing),
                "at least 0 and below 1",
            ),
            (
                "warp",
                self.warp.into(),
                (0.0..=4.0).contains(&self.warp),
                "0 to 4",
            ),
            (
                "sabotage",
                protection.sabotage.into(),
                weight(protection.sabotage),
                "at least 0",
            ),
            (
                "matching",
                protection.matching.into(),
                weight(protection.matching),
                "at least 0",
            ),
            (
                "adversaries",
                protection.adversaries as f64,
                protection.adversaries <= 64,
                "at most 64",
            ),
        ];
        match settings.into_iter().find(|s| !s.2) {
            Some((name, value, _, expected)) => Err(CollateralError::Setting {
                name,
                value,
                expected,
            }),
            None => Ok(()),
        }
    }
}
