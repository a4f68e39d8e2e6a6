//! The columns worth looking at, for families whose cost grows with the columns.
//!
//! Columns are ordered by the variance between private classes over that within (Fisher's F). What
//! is spread thinly over many columns is left to the families that take all of them.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use tacit_nn::{Matrix, Samples};

/// An attacker on the columns with the largest F.
pub(crate) struct Screened {
    pub(crate) attacker: Box<dyn Attacker>,
    /// How many columns it is given.
    pub(crate) columns: usize,
}

struct Fitted {
    inner: Box<dyn FittedAttacker>,
    chosen: Vec<usize>,
    of: usize,
}

fn select(rows: &Matrix, chosen: &[usize]) -> Result<Matrix, AuditError> {
    let values = rows.iter().flat_map(|row| chosen.iter().map(|&c| row[c]));
    Ok(Matrix::new(rows.rows(), chosen.len(), values.collect())?)
}

fn select_samples(samples: &Samples, chosen: &[usize]) -> Result<Samples, AuditError> {
    let labels = samples.labels().iter().copied();
    Ok(Samples::new(
        select(samples.features(), chosen)?,
        labels,
        samples.classes(),
    )?)
}

/// Numbers of the columns with the largest F, in order of number.
pub(crate) fn largest_f(samples: &Samples, count: usize) -> Vec<usize> {
    let columns = samples.features().columns();
    let mut sums = vec![vec![0.0f64; columns]; samples.classes()];
    let mut rows = vec![0.0f64; samples.classes()];
    let mut squares = vec![0.0f64; columns];
    for (row, &label) in samples.features().iter().zip(samples.labels()) {
        rows[label] += 1.0;
        for ((sum, square), v) in sums[label].iter_mut().zip(&mut squares).zip(row) {
            *sum += f64::from(*v);
            *square += f64::from(*v) * f64::from(*v);
        }
    }
    let n = samples.rows() as f64;
    let f = |column: usize| {
        let total: f64 = sums.iter().map(|s| s[column]).sum();
        let per_class = sums.iter().zip(&rows).filter(|(_, n)| **n > 0.0);
        let explained: f64 = per_class.map(|(s, n)| s[column] * s[column] / n).sum();
        let between = explained - total * total / n;
        let within = squares[column] - explained;
        let rounding = 1e-9 * squares[column];
        match (between > rounding, within > rounding) {
            (false, _) => 0.0,
            (true, true) => between / within,
            (true, false) => f64::INFINITY,
        }
    };
    let mut order: Vec<(f64, usize)> = (0..columns).map(|c| (f(c), c)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = order.into_iter().take(count).map(|(_, c)| c).collect();
    chosen.sort_unstable();
    chosen
}

impl Attacker for Screened {
    fn name(&self) -> &'static str {
        self.attacker.name()
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let chosen = largest_f(train, self.columns);
        let train_chosen = select_samples(train, &chosen)?;
        let validation = select_samples(validation, &chosen)?;
        Ok(Box::new(Fitted {
            inner: self
                .attacker
                .fit(&train_chosen, &validation, seed, budget)?,
            of: train.features().columns(),
            chosen,
        }))
    }
}

impl FittedAttacker for Fitted {
    fn scores(&self, rows: &Matrix) -> Result<Matrix, AuditError> {
        self.inner.scores(&select(rows, &self.chosen)?)
    }

    fn settings(&self) -> String {
        let (chosen, of) = (self.chosen.len(), self.of);
        format!("{chosen} of {of} columns by F, {}", self.inner.settings())
    }
}
