//! Reconstruction of inputs from the features of split inference.
//!
//! | attack | what it does |
//! |---|---|
//! | `inverse-network` | learns the way back from features and inputs of the attacker's own rows |
//! | `convolutional-network` | the same, painting with convolutions; not at the least effort |
//! | `white-box` | looks for the input whose features are those that were sent, through the encoder's gradient, with total variation as prior |
//! | `query-free` | learns the way back from a shadow encoder, trained on the attacker's rows to fit the public head, and never asks the encoder |
//!
//! The measure is how much closer ([`psnr`], [`ssim`]) they come than the mean picture of the class
//! that the head predicts, which the public answer gives away in any case. Pictures are random by
//! the seed, not picked, and a few are returned for a gallery; two sources with the same seed show
//! the same ones.
//!
//! # Limits
//! A picture that is not reconstructed is not a picture that is protected: better priors exist, and
//! identification needs less than a picture. [`crate::features`] asks for labels.

mod decoder;
mod painter;
mod quality;
mod study;
mod white_box;

pub use quality::{MOST_PSNR, psnr, ssim};
pub use study::{InversionEffort, InversionStudy};

use crate::error::AuditError;
use tacit_nn::Matrix;

/// How close reconstructions come on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Mean PSNR, in dB.
    pub psnr: f64,
    /// Mean SSIM.
    pub ssim: f64,
}

impl Quality {
    /// Of rows that are pictures of this shape with values 0 … 1.
    pub fn mean(found: &Matrix, truth: &Matrix, shape: [usize; 3]) -> Result<Self, AuditError> {
        if found.rows() != truth.rows() || truth.rows() == 0 {
            return Err(AuditError::Shape {
                what: "reconstructions, one per picture and not none",
                found: found.rows(),
                expected: truth.rows().max(1),
            });
        }
        let n = truth.rows() as f64;
        let mut quality = Quality {
            psnr: 0.0,
            ssim: 0.0,
        };
        for (found, truth) in found.iter().zip(truth.iter()) {
            quality.psnr += psnr(found, truth, 1.0)? / n;
            quality.ssim += ssim(found, truth, shape, 1.0)? / n;
        }
        Ok(quality)
    }
}

/// What one attack achieved.
#[derive(Debug, Clone, PartialEq)]
pub struct InversionAttack {
    /// Its name.
    pub name: &'static str,
    /// How close it came.
    pub quality: Quality,
    /// How close the mean picture of the predicted class comes, for the same pictures.
    pub class_mean: Quality,
    /// How many pictures that is the mean of.
    pub pictures: usize,
    /// Its settings.
    pub settings: String,
}

/// One picture and what became of it; values are 0 … 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconstruction {
    /// The test row.
    pub row: usize,
    /// The picture.
    pub truth: Vec<f32>,
    /// The mean of the class that the head predicted.
    pub class_mean: Vec<f32>,
    /// The reconstruction of each attack that tried it.
    pub attempts: Vec<(&'static str, Vec<f32>)>,
}

/// What all attacks achieved, for one source and seed.
#[derive(Debug, Clone, PartialEq)]
pub struct InversionReport {
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// How close the mean picture of the predicted class comes.
    pub class_mean: Quality,
    /// One entry per attack.
    pub attacks: Vec<InversionAttack>,
    /// Random pictures.
    pub gallery: Vec<Reconstruction>,
}

impl InversionReport {
    /// The attack with the largest SSIM above that of the class mean for the same pictures.
    pub fn strongest(&self) -> Option<&InversionAttack> {
        let gain = |a: &InversionAttack| a.quality.ssim - a.class_mean.ssim;
        self.attacks
            .iter()
            .max_by(|a, b| gain(a).total_cmp(&gain(b)))
    }
}
