//! How close a picture is to another.
//!
//! ```text
//! PSNR = 10 log₁₀(L² / mean (x − y)²)
//!
//!            (2 μ_x μ_y + C₁)(2 σ_xy + C₂)
//! SSIM = mean ─────────────────────────────────── ,   C₁ = (0.01 L)², C₂ = (0.03 L)²
//!            (μ_x² + μ_y² + C₁)(σ_x² + σ_y² + C₂)
//! ```
//!
//! with means, variances and covariance under a Gaussian window of 11 × 11 and σ = 1.5 that lies
//! wholly inside the picture, and L the range of the values (Wang, Bovik, Sheikh and Simoncelli,
//! "Image quality assessment: from error visibility to structural similarity", IEEE Transactions on
//! Image Processing 2004). A picture of several channels has the mean of theirs; one with a side
//! below 11 gets the largest odd window that fits.

use crate::error::AuditError;

const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
/// The PSNR of equal pictures, which would be infinite.
pub const MOST_PSNR: f64 = 100.0;

/// The peak signal-to-noise ratio in dB, at most [`MOST_PSNR`]; `range` is L.
pub fn psnr(found: &[f32], truth: &[f32], range: f64) -> Result<f64, AuditError> {
    check(found, truth, truth.len())?;
    let pairs = found.iter().zip(truth);
    let squares: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
    let mean = squares / truth.len() as f64;
    Ok((10.0 * (range * range / mean).log10()).min(MOST_PSNR))
}

/// The structural similarity of two pictures of this shape (channels, height, width).
pub fn ssim(
    found: &[f32],
    truth: &[f32],
    shape: [usize; 3],
    range: f64,
) -> Result<f64, AuditError> {
    let [channels, height, width] = shape;
    check(found, truth, channels * height * width)?;
    let (c1, c2) = ((0.01 * range).powi(2), (0.03 * range).powi(2));
    let window = window(height.min(width));
    let mut sum = 0.0;
    let planes = found.chunks_exact(height * width);
    for (x, y) in planes.zip(truth.chunks_exact(height * width)) {
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            let values = x
                .iter()
                .zip(y)
                .map(|(a, b)| f(f64::from(*a), f64::from(*b)));
            smooth(&values.collect::<Vec<_>>(), height, width, &window)
        };
        let (mx, my) = (mean(&|a, _| a), mean(&|_, b| b));
        let (xx, yy, xy) = (
            mean(&|a, _| a * a),
            mean(&|_, b| b * b),
            mean(&|a, b| a * b),
        );
        let of = |i: usize| {
            let (vx, vy) = (xx[i] - mx[i] * mx[i], yy[i] - my[i] * my[i]);
            let cross = xy[i] - mx[i] * my[i];
            (2.0 * mx[i] * my[i] + c1) * (2.0 * cross + c2)
                / ((mx[i] * mx[i] + my[i] * my[i] + c1) * (vx + vy + c2))
        };
        sum += (0..mx.len()).map(of).sum::<f64>() / mx.len() as f64;
    }
    Ok(sum / channels as f64)
}

fn check(found: &[f32], truth: &[f32], expected: usize) -> Result<(), AuditError> {
    for (what, found) in [
        ("values of a picture", truth.len()),
        ("values of a reconstruction", found.len()),
    ] {
        if found != expected || found == 0 {
            return Err(AuditError::Shape {
                what,
                found,
                expected: expected.max(1),
            });
        }
    }
    Ok(())
}

/// Weights of one direction; their sum is 1.
fn window(side: usize) -> Vec<f64> {
    let half = (WINDOW.min(side).max(1) - 1) / 2;
    let weight = |i: usize| (-0.5 * ((i as f64 - half as f64) / SIGMA).powi(2)).exp();
    let weights: Vec<f64> = (0..=2 * half).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / sum).collect()
}

/// Weighted means at every place where the window fits.
fn smooth(plane: &[f64], height: usize, width: usize, window: &[f64]) -> Vec<f64> {
    let (across, down) = (width + 1 - window.len(), height + 1 - window.len());
    let mut rows = Vec::with_capacity(height * across);
    for row in plane.chunks_exact(width) {
        rows.extend(
            row.windows(window.len())
                .map(|part| part.iter().zip(window).map(|(v, w)| v * w).sum::<f64>()),
        );
    }
    let mut out = Vec::with_capacity(down * across);
    for top in 0..down {
        for left in 0..across {
            let terms = window.iter().enumerate();
            out.push(
                terms
                    .map(|(i, w)| w * rows[(top + i) * across + left])
                    .sum(),
            );
        }
    }
    out
}
