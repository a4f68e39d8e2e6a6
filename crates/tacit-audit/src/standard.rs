//! Features with mean 0 and deviation 1 on the training rows.

use crate::error::AuditError;
use tacit_nn::{Matrix, Samples};

/// Means and deviations of the training rows.
pub(crate) struct Standardiser {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standardiser {
    pub(crate) fn fit(rows: &Matrix) -> Self {
        let n = rows.rows().max(1) as f64;
        let mut mean = vec![0.0; rows.columns()];
        for row in rows.iter() {
            for (m, v) in mean.iter_mut().zip(row) {
                *m += f64::from(*v) / n;
            }
        }
        let mut variance = vec![0.0; rows.columns()];
        for row in rows.iter() {
            for ((s, m), v) in variance.iter_mut().zip(&mean).zip(row) {
                *s += (f64::from(*v) - m).powi(2) / n;
            }
        }
        // A constant column carries nothing and becomes 0.
        let scale = variance
            .iter()
            .map(|s| if *s > 0.0 { 1.0 / s.sqrt() } else { 0.0 })
            .collect();
        Standardiser { mean, scale }
    }

    /// Values further than 30 deviations out are pulled in, so that one wild row cannot spoil the
    /// polynomial attackers.
    pub(crate) fn apply(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        let mut values = Vec::with_capacity(rows.values().len());
        for row in rows.iter() {
            for ((v, m), s) in row.iter().zip(&self.mean).zip(&self.scale) {
                values.push(((f64::from(*v) - m) * s).clamp(-30.0, 30.0) as f32);
            }
        }
        Ok(Matrix::new(rows.rows(), rows.columns(), values)?)
    }

    pub(crate) fn samples(&self, samples: &Samples) -> Result<Samples, AuditError> {
        let features = self.apply(samples.features())?;
        let labels = samples.labels().iter().copied();
        Ok(Samples::new(features, labels, samples.classes())?)
    }
}
