//! A party's rows as plaintext slot vectors.

use super::Layout;
use crate::Error;
use crate::model::{Family, Samples};

/// The rows of one mini-batch of one party.
#[derive(Debug, Clone)]
pub struct Batch<'a> {
    samples: &'a Samples,
    rows: Vec<usize>,
    weight: f64,
}

impl<'a> Batch<'a> {
    /// Rows `rows` of `samples`, each counting `weight` in the gradient
    /// (see [`BatchOrder::row_weight`](crate::model::BatchOrder::row_weight)).
    pub fn new(
        samples: &'a Samples,
        rows: impl IntoIterator<Item = usize>,
        weight: f64,
    ) -> Result<Self, Error> {
        let rows: Vec<usize> = rows.into_iter().collect();
        if let Some(&row) = rows.iter().find(|&&row| row >= samples.len()) {
            return Err(Error::Shape {
                what: "row index below the number of rows",
                expected: samples.len(),
                found: row,
            });
        }
        Ok(Batch {
            samples,
            rows,
            weight,
        })
    }

    /// Row numbers in the batch.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The rows the batch was taken from.
    pub fn samples(&self) -> &'a Samples {
        self.samples
    }

    /// What each row counts in the gradient.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// Padded design matrix: features, then 1 for the intercept, then 0; empty rows are 0.
    fn entry(&self, sample: usize, coordinate: usize) -> f64 {
        let Some(&row) = self.rows.get(sample) else {
            return 0.0;
        };
        let features = self.samples.row(row);
        match coordinate.cmp(&features.len()) {
            std::cmp::Ordering::Less => features[coordinate],
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => 0.0,
        }
    }
}

/// The plaintexts of one batch under one layout, made one at a time.
///
/// With `g` the group, `n1` the baby steps and `t = t1 + n1·t2`:
/// forward diagonal `t` is `scale · rot(P_t, −g·n1·t2)`, gradient diagonal `t` is
/// `rot(D_t, g·t1)`; `P_t` and `D_t` as in the [module](super).
#[derive(Debug, Clone)]
pub struct Diagonals<'a> {
    layout: Layout,
    batch: Batch<'a>,
}

impl<'a> Diagonals<'a> {
    /// Checks that the batch fits the layout.
    pub fn new(layout: Layout, batch: Batch<'a>) -> Result<Self, Error> {
        if batch.rows.len() > layout.batch() {
            return Err(Error::Shape {
                what: "rows in the batch (at most)",
                expected: layout.batch(),
                found: batch.rows.len(),
            });
        }
        if batch.samples.columns() + 1 != layout.weights() {
            return Err(Error::Shape {
                what: "feature columns",
                expected: layout.weights() - 1,
                found: batch.samples.columns(),
            });
        }
        Ok(Diagonals { layout, batch })
    }

    /// The layout these plaintexts are for.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The batch they hold.
    pub fn batch(&self) -> &Batch<'a> {
        &self.batch
    }

    /// Writes forward diagonal `t`, times `scale` (the activation's inner scale folded in).
    pub fn forward_into(&self, t: usize, scale: f64, out: &mut Vec<f64>) {
        let (layout, period) = (&self.layout, self.layout.period());
        let back = layout.group() * (t / layout.bsgs().baby * layout.bsgs().baby);
        self.fill(out, |slot| {
            let s = (slot + period - back) % period;
            let coordinate = (layout.coordinate(s) + t) % layout.coordinates();
            scale * self.batch.entry(layout.sample(s), coordinate)
        });
    }

    /// Writes gradient diagonal `t`, rows weighted.
    pub fn gradient_into(&self, t: usize, out: &mut Vec<f64>) {
        let (layout, p) = (&self.layout, self.layout.coordinates());
        let ahead = layout.group() * (t % layout.bsgs().baby);
        self.fill(out, |slot| {
            let s = slot + ahead;
            let coordinate = (layout.landing(s) + p - t) % p;
            self.batch.weight * self.batch.entry(layout.sample(s), coordinate)
        });
    }

    /// One period from `value`, repeated.
    fn fill(&self, out: &mut Vec<f64>, value: impl Fn(usize) -> f64) {
        let period = self.layout.period();
        out.clear();
        out.extend((0..period).map(value));
        for _ in 1..self.layout.slots() / period {
            out.extend_from_within(..period);
        }
    }

    /// Targets in the slots of their samples and lanes; empty slots are 0.
    pub fn targets_into(&self, family: Family, out: &mut Vec<f64>) {
        let (layout, labels) = (&self.layout, self.batch.samples.labels());
        out.clear();
        out.extend(
            (0..layout.slots()).map(|s| match self.batch.rows.get(layout.sample(s)) {
                Some(&row) => family.target(labels[row], layout.lane(s)),
                None => 0.0,
            }),
        );
    }

    /// The plaintext term of the fused gradient, complete: `Σ_t rot(D_t ⊙ (γ − y), g·t)` with
    /// `γ = offset`.
    pub fn offset_gradient(&self, family: Family, offset: f64) -> Vec<f64> {
        let (layout, p) = (&self.layout, self.layout.coordinates());
        let (period, labels) = (layout.period(), self.batch.samples.labels());
        let mut out = vec![0.0; layout.slots()];
        for s in 0..period {
            let sample = layout.sample(s);
            let Some(&row) = self.batch.rows.get(sample) else {
                continue;
            };
            let error = self.batch.weight * (offset - family.target(labels[row], layout.lane(s)));
            for t in 0..layout.diagonals() {
                let coordinate = (layout.landing(s) + p - t) % p;
                let lands = (s + period - layout.group() * t) % period;
                out[lands] += error * self.batch.entry(sample, coordinate);
            }
        }
        for s in period..out.len() {
            out[s] = out[s - period];
        }
        out
    }
}
