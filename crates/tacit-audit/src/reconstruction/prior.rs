//! What the attacker knows before measuring: how images of the class look.
//!
//! The public label is known to the evaluator (that is what the outputs are for), so the prior is that of
//! the class: its mean μ and covariance Σ, estimated from training images with a ridge,
//! Σ = XᵀX/N + σ²I.

use super::Images;

/// σ, in grey levels: about what a stroke's edge varies by between similar images.
const RIDGE: f64 = 8.0;

/// Mean and centred samples of one class.
#[derive(Debug, Clone)]
pub struct Prior {
    mean: Vec<f64>,
    centred: Vec<Vec<f32>>,
}

impl Prior {
    /// Of all images with a public label. Without any, an image of zeros.
    pub fn of_class(images: &Images, class: u8) -> Self {
        let chosen: Vec<&[u8]> = images.of_class(class).collect();
        let mut mean = vec![0.0; images.pixels()];
        for image in &chosen {
            for (mean, &v) in mean.iter_mut().zip(*image) {
                *mean += f64::from(v) / chosen.len() as f64;
            }
        }
        let centre = |image: &&[u8]| {
            let difference = image
                .iter()
                .zip(&mean)
                .map(|(&v, m)| (f64::from(v) - m) as f32);
            difference.collect()
        };
        let centred = chosen.iter().map(centre).collect();
        Self { mean, centred }
    }

    /// μ: the best guess without a measurement, and the floor of every reconstruction.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// Σ Aᵀ, one vector for each direction.
    pub(super) fn covariances(&self, directions: &[Vec<f64>]) -> Vec<Vec<f64>> {
        use rayon::prelude::*;
        let n = self.centred.len().max(1) as f64;
        let one = |direction: &Vec<f64>| {
            let mut out: Vec<f64> = direction.iter().map(|v| RIDGE * RIDGE * v).collect();
            for row in &self.centred {
                let pairs = row.iter().zip(direction);
                let dot: f64 = pairs.map(|(&x, d)| f64::from(x) * d).sum();
                for (out, &x) in out.iter_mut().zip(row) {
                    *out += dot / n * f64::from(x);
                }
            }
            out
        };
        directions.par_iter().map(one).collect()
    }
}

/// Every image less the mean of its class.
pub(super) fn centred_by_class(images: &Images) -> Vec<Vec<f32>> {
    let mut classes: Vec<u8> = (0..images.len()).map(|i| images.public(i)).collect();
    classes.sort_unstable();
    classes.dedup();
    let of = |class| Prior::of_class(images, class).centred;
    classes.into_iter().flat_map(of).collect()
}
