//! Figures for numbers and counts.

/// Root mean square error.
pub fn rmse(predicted: &[f64], labels: &[f64]) -> f64 {
    let square: f64 = predicted
        .iter()
        .zip(labels)
        .map(|(p, y)| (p - y) * (p - y))
        .sum();
    (square / labels.len().max(1) as f64).sqrt()
}

/// Mean Poisson deviance `2/n · Σ (y ln(y/μ) − y + μ)`, with `0·ln 0 = 0`.
pub fn poisson_deviance(means: &[f64], labels: &[f64]) -> f64 {
    let term = |(&mean, &y): (&f64, &f64)| {
        let fit = if y > 0.0 { y * (y / mean).ln() } else { 0.0 };
        fit - y + mean
    };
    2.0 * means.iter().zip(labels).map(term).sum::<f64>() / labels.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(rmse(&[1.0, 3.0], &[1.0, 1.0]), 2f64.sqrt());
        assert_eq!(poisson_deviance(&[2.0, 5.0], &[2.0, 5.0]), 0.0);
        assert_eq!(poisson_deviance(&[1.5], &[0.0]), 3.0);
        let expected = 2.0 * (3.0 * 1.5f64.ln() - 1.0);
        assert!((poisson_deviance(&[2.0], &[3.0]) - expected).abs() < 1e-12);
    }
}
