//! A convolution with average pooling in place of the first dense layer.
//!
//! K filters of k·k taps and a bias slide over a square image in steps of s; the activation is applied where they
//! stand, and p·p neighbouring results are averaged:
//!
//! ```text
//! u[o, r, c] = Σ_τ W[τ, c]·x[pixel(o, r, τ)] + W[k², c]         offset o of p², region r of g², channel c
//! a[c·g² + r] = 1/p² Σ_o act(u[o, r, c])                        the layer's outputs
//! ```
//!
//! Results are told apart by where they stand *within* their region (the offset) and by the region. All results of one offset
//! have the shape of the pooled layer, so that pooling is a sum of p² vectors: under encryption, of p² ciphertexts.
//!
//! LeCun et al. (1998) for the network; the weights are shared between positions, so the layer has k² + 1 numbers per
//! channel and its gradient is a sum over positions.

use serde::{Deserialize, Serialize};

use super::Matrix;
use crate::Error;

/// The shape of a first layer that is a convolution, activated and pooled. Public.
///
/// ```
/// use tacit_learn::neural::{Convolution, MlpConfig};
///
/// let convolution = Convolution { side: 28, kernel: 5, stride: 3, pool: 2, channels: 16 };
/// assert_eq!((convolution.grid(), convolution.features()), (4, 256));
/// let config = MlpConfig::convolutional(convolution, &[64, 10]);
/// config.validate()?;
/// assert_eq!(config.layers, [784, 256, 64, 10]);
/// assert_eq!(config.shape(1), (26, 16)); // 25 taps and a bias for each channel
/// # Ok::<(), tacit_learn::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convolution {
    /// Pixels along each side of an image.
    pub side: usize,
    /// k: taps along each side of a filter.
    pub kernel: usize,
    /// s: pixels between neighbouring positions.
    pub stride: usize,
    /// p: positions along each side of what is averaged; 1 for none.
    pub pool: usize,
    /// K: filters.
    pub channels: usize,
}

impl Convolution {
    /// g: regions along each side. Positions that fill no region are left out, half of them at each end.
    pub fn grid(&self) -> usize {
        match self.kernel <= self.side && self.stride > 0 && self.pool > 0 {
            true => ((self.side - self.kernel) / self.stride + 1) / self.pool,
            false => 0,
        }
    }

    /// g²: regions, outputs of a channel.
    pub fn regions(&self) -> usize {
        self.grid() * self.grid()
    }

    /// p²: positions of a region.
    pub fn offsets(&self) -> usize {
        self.pool * self.pool
    }

    /// k²: weights of a filter, its bias apart.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Outputs of the layer.
    pub fn features(&self) -> usize {
        self.channels * self.regions()
    }

    /// Checks every field.
    pub fn validate(&self) -> Result<(), Error> {
        if self.grid() > 0 && self.kernel > 0 && self.channels > 0 {
            return Ok(());
        }
        Err(Error::config(
            "convolution",
            format!("{self:?} has no position"),
            "give a kernel no larger than the image, a stride and a pool of at least 1 that leave room for one region, and channels",
        ))
    }

    /// The pixel under tap `tap` at offset `offset` of region `region`.
    pub fn pixel(&self, offset: usize, region: usize, tap: usize) -> usize {
        let used = (self.grid() * self.pool - 1) * self.stride + self.kernel;
        let margin = (self.side - used) / 2;
        let along = |region: usize, offset: usize, tap: usize| {
            margin + (region * self.pool + offset) * self.stride + tap
        };
        let (grid, pool, kernel) = (self.grid(), self.pool, self.kernel);
        let y = along(region / grid, offset / pool, tap / kernel);
        let x = along(region % grid, offset % pool, tap % kernel);
        y * self.side + x
    }

    /// What tap `tap` sees of an image; the tap after the last is the bias.
    pub fn seen(&self, image: &[f64], offset: usize, region: usize, tap: usize) -> f64 {
        match tap < self.taps() {
            true => image[self.pixel(offset, region, tap)],
            false => 1.0,
        }
    }

    /// Every position of every channel: index (offset·g² + region)·K + channel.
    pub(super) fn forward(&self, weights: &Matrix, image: &[f64]) -> Vec<f64> {
        let mut out = Vec::with_capacity(self.offsets() * self.features());
        for (offset, region) in self.positions() {
            let mut u = weights.row(self.taps()).to_vec();
            for tap in 0..self.taps() {
                let x = image[self.pixel(offset, region, tap)];
                (u.iter_mut().zip(weights.row(tap))).for_each(|(u, w)| *u += x * w);
            }
            out.extend(u);
        }
        out
    }

    /// The means over regions: index channel·g² + region.
    pub(super) fn pool(&self, values: &[f64]) -> Vec<f64> {
        let (regions, channels) = (self.regions(), self.channels);
        let mut out = vec![0.0; self.features()];
        for (k, value) in values.iter().enumerate() {
            let (region, channel) = (k / channels % regions, k % channels);
            out[channel * regions + region] += value / self.offsets() as f64;
        }
        out
    }

    /// The transpose of [`Self::pool`].
    pub(super) fn spread(&self, errors: &[f64]) -> Vec<f64> {
        let (regions, channels) = (self.regions(), self.channels);
        let entry = |k: usize| {
            let (region, channel) = (k / channels % regions, k % channels);
            errors[channel * regions + region] / self.offsets() as f64
        };
        (0..self.offsets() * self.features()).map(entry).collect()
    }

    /// Adds what errors at every position (indexed as by [`Self::forward`]) make of the weights' gradient.
    pub(super) fn add_gradient(&self, image: &[f64], errors: &[f64], gradient: &mut Matrix) {
        let positions = self.positions().zip(errors.chunks(self.channels));
        for ((offset, region), errors) in positions {
            for tap in 0..=self.taps() {
                let x = self.seen(image, offset, region, tap);
                (gradient.row_mut(tap).iter_mut().zip(errors)).for_each(|(g, e)| *g += x * e);
            }
        }
    }

    fn positions(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let regions = self.regions();
        (0..self.offsets()).flat_map(move |o| (0..regions).map(move |r| (o, r)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Convolution = Convolution {
        side: 7,
        kernel: 3,
        stride: 1,
        pool: 2,
        channels: 2,
    };

    #[test]
    fn regions_stand_in_the_middle_of_the_image() {
        // Five positions along a side, of which four make two regions; nothing to leave out on the left.
        assert_eq!((SMALL.grid(), SMALL.regions(), SMALL.features()), (2, 4, 8));
        assert_eq!(SMALL.pixel(0, 0, 0), 0);
        assert_eq!(SMALL.pixel(3, 3, 8), 5 * 7 + 5);
        let wide = Convolution {
            side: 9,
            stride: 3,
            pool: 1,
            kernel: 2,
            ..SMALL
        };
        assert_eq!((wide.grid(), wide.pixel(0, 0, 0)), (3, 0));
        let narrow = Convolution { side: 10, ..wide };
        assert_eq!((narrow.grid(), narrow.pixel(0, 0, 0)), (3, 10 + 1));
    }

    #[test]
    fn a_filter_of_one_tap_and_no_stride_averages_the_image() {
        let shape = Convolution {
            side: 4,
            kernel: 1,
            stride: 1,
            pool: 2,
            channels: 1,
        };
        let weights = Matrix::from_fn(2, 1, |tap, _| if tap == 0 { 2.0 } else { 1.0 });
        let image: Vec<f64> = (0..16).map(f64::from).collect();
        let pooled = shape.pool(&shape.forward(&weights, &image));
        let corner = |at: usize| (image[at] + image[at + 1] + image[at + 4] + image[at + 5]) / 4.0;
        assert_eq!(pooled, [0, 2, 8, 10].map(|at| 2.0 * corner(at) + 1.0));
    }

    #[test]
    fn spreading_is_the_transpose_of_pooling() {
        let errors: Vec<f64> = (0..8).map(|k| f64::from(k) - 3.0).collect();
        let values: Vec<f64> = (0..32).map(|k| (f64::from(k) * 0.7).cos()).collect();
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let left = dot(&SMALL.pool(&values), &errors);
        assert!((left - dot(&values, &SMALL.spread(&errors))).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_position_is_refused() {
        for bad in [
            Convolution { kernel: 8, ..SMALL },
            Convolution { stride: 0, ..SMALL },
            Convolution { pool: 6, ..SMALL },
            Convolution {
                channels: 0,
                ..SMALL
            },
        ] {
            let error = bad.validate().unwrap_err().to_string();
            assert!(error.contains("convolution"), "{error}");
        }
        SMALL.validate().unwrap();
    }
}
