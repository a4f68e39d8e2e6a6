//! Penalties that draw features of one public class together.
//!
//! What an encoder tells beyond the public class lies in how features vary *within* a class. The
//! penalties here shrink that variation while cross-entropy keeps the classes apart:
//!
//! ```text
//! L = CE + λ · penalty(u, y)
//! ```
//!
//! **Scale.** u are *normalised* features: u = (x − m)/s with m and s the running mean and
//! deviation of each feature (of each channel on a map) over training rows, which carry no gradient.
//! Every penalty is a mean over rows **and** features, so a feature that varies as much within its
//! class as at all costs about ½, at any width, and λ means the same for every network.
//!
//! | [`Penalty`] | per row, with c the centre of the row's class | from |
//! |---|---|---|
//! | `Center` | ½ · mean_f (u − c)² | Wen, Zhang, Li, Qiao, "A discriminative feature learning approach for deep face recognition", ECCV 2016 |
//! | `Contrastive` | ½ · d_y / (Σ_{j≠y} d_j + 1), d_j = mean_f (u − c_j)² | Qi, Su, "Contrastive-center loss for deep neural networks", ICIP 2017 |
//! | `Cosine` | 1 − cos(u, c) | the same idea on directions |
//! | `Mahalanobis` | ½ · (u − c)ᵀ (Σ + ρI)⁻¹ (u − c) / features | below |
//!
//! **Centres** alternate with the weights: after every step Δc_j = Σᵢ δ(yᵢ=j)(c_j − uᵢ) / (1 + Σᵢ
//! δ(yᵢ=j)) and c_j ← c_j − αΔc_j ([`Centres::update`]).
//!
//! **Why Mahalanobis.** Center loss weighs directions by how much they vary, so it leaves those that
//! vary little, and an attacker who whitens features per class magnifies exactly these. With Σ the
//! running covariance within classes and ρ the power of the noise that will be added, the gradient
//! of the Mahalanobis penalty (Σ held fixed) is that of
//!
//! ```text
//! 1/(2·features) · log det(Σ + ρI)
//! ```
//!
//! which, up to a constant, is the capacity of a channel with Gaussian noise of power ρ and signal
//! covariance Σ: a bound, in nats per feature, on what the noisy features can tell within a class.
//! Directions that vary a tenth as much get ten times the pull, down to the level of the noise,
//! below which nothing is worth hiding. Above [`FULL_COVARIANCE`] features only the diagonal of Σ is
//! kept.
//!
//! ```
//! use tacit_nn::{burn::tensor::Tensor, plain_device, train::value};
//! use tacit_split::loss::{Centres, Penalty};
//!
//! // Two classes around 0 and 2, each row one off in the first of two features.
//! let rows = [[1.0f32, 0.0], [3.0, 2.0]];
//! let labels = [0, 1];
//! let centres = Centres::at(vec![vec![0.0, 0.0], vec![2.0, 2.0]], 0.5)?;
//! let u = Tensor::<2>::from_data(rows, &plain_device());
//! let penalty = centres.penalty(Penalty::Center, u, &labels);
//! assert!((value(&penalty) - 0.25).abs() < 1e-6); // ½ · mean(1, 0)
//! # Ok::<(), tacit_split::SplitError>(())
//! ```
//!
//! # Limits
//! Shrinking is not deleting: without noise an attacker can magnify what is left, however small.
//! A penalty only makes the variation small beside noise that is added afterwards ([`crate::noise`]).

mod centres;
mod covariance;
mod schedule;

pub use centres::Centres;
pub use covariance::{FULL_COVARIANCE, Spread};
pub use schedule::WarmUp;

use serde::{Deserialize, Serialize};

/// Which penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Penalty {
    /// Squared distance to the centre.
    Center,
    /// The same, relative to the distances to the other centres.
    Contrastive,
    /// One minus the cosine of the angle to the centre.
    Cosine,
    /// Squared distance in units of the spread within classes plus noise.
    Mahalanobis,
}
