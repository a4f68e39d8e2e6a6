//! Means with intervals over seeds.

use serde::{Deserialize, Serialize};

/// A mean over seeds with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Half the width of Student's interval; none for a single seed.
    pub half_width: Option<f64>,
    /// How many seeds.
    pub seeds: usize,
}

impl Estimate {
    /// Of finite values; none without any.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let n = values.len();
        if n == 0 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let half_width = (n > 1).then(|| {
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            let deviation = (squares / (n - 1) as f64).sqrt();
            student(n - 1) * deviation / (n as f64).sqrt()
        });
        Some(Estimate {
            mean,
            half_width,
            seeds: n,
        })
    }
}

impl std::fmt::Display for Estimate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.half_width {
            Some(half) => write!(f, "{:.3} ± {half:.3}", self.mean),
            None => write!(f, "{:.3}", self.mean),
        }
    }
}

/// The 97.5 % quantile of Student's t.
pub fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    match freedom {
        0 => f64::INFINITY,
        n if n <= 30 => TABLE[n - 1],
        // Two terms of the expansion in 1/freedom (Fisher 1926); right to three digits from 30 on.
        n => {
            let (z, n) = (1.959_964f64, n as f64);
            z + (z.powi(3) + z) / (4.0 * n)
                + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n * n)
        }
    }
}
