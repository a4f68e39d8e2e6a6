//! The first layer: a party's plaintext batch times encrypted weights, and its transpose.
//!
//! With D_{j,r} the plaintext that holds, in column i = b·k + s, coordinate (j, i + r) of sample s,
//!
//! ```text
//! forward    U   = Σ_{j,r} turn(W_j, r) ⊙ D_{j,r}        partial sums in C copies
//! gradient   G_j = Σ_r    turn(E ⊙ D_{j,r}, −r)          in the layout of W_j
//! ```
//!
//! where `turn` moves skewed columns. With r = r1 + n1·r2 both are done by baby and giant steps on the *same*
//! plaintexts, D_{j,r} moved by −n1·r2: what are baby steps of one are giant steps of the other.

use rayon::prelude::*;
use tacit_ckks::{Ciphertext, CkksError, PeriodicEncoder, PeriodicPlaintext};
use tacit_mhe::Private;

use super::{ColumnLayout, Engine, LayerCounts, Split};
use crate::Error;
use crate::encrypted::EncryptedError;
use crate::model::Samples;

/// A party's batch, encoded once for both passes. Data in the clear: it stays with its owner.
pub struct EncodedBatch {
    layout: ColumnLayout,
    level: usize,
    /// By j, then r.
    diagonals: Vec<Vec<PeriodicPlaintext>>,
}

impl std::fmt::Debug for EncodedBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncodedBatch(level {})", self.level)
    }
}

impl EncodedBatch {
    /// Encodes rows for ciphertexts at `level`, at `scale` (that of the level's prime keeps the ciphertexts'), with an
    /// encoder of the layout's number of columns: all rows of these plaintexts are alike.
    pub fn new(
        encoder: &PeriodicEncoder,
        layout: ColumnLayout,
        samples: &Samples,
        rows: &[usize],
        level: usize,
        scale: f64,
    ) -> Result<Self, EncryptedError> {
        let shape = |what, expected, found| Error::Shape {
            what,
            expected,
            found,
        };
        if rows.len() > layout.batch() {
            return Err(shape("rows of a batch", layout.batch(), rows.len()).into());
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= samples.len()) {
            return Err(shape("row index below the number of rows", samples.len(), row).into());
        }
        let Split { baby, .. } = layout.first_split();
        let bias = samples.columns();
        let encode = |index: usize| {
            let (j, r) = (index / layout.batch(), index % layout.batch());
            let back = r - r % baby;
            // One row of the layout.
            let mut profile = vec![0.0; layout.columns()];
            for column in 0..layout.used() {
                let Some(&row) = rows.get(column % layout.batch()) else {
                    continue;
                };
                let target = (column + back) % layout.columns();
                profile[target] = match layout.coordinate(j, column + r) {
                    Some(q) if q == bias => 1.0,
                    Some(q) => samples.row(row)[q],
                    None => 0.0,
                };
            }
            encoder.encode(&profile, level, scale)
        };
        let count = layout.first_ciphertexts() * layout.batch();
        let encoded: Vec<PeriodicPlaintext> = (0..count)
            .into_par_iter()
            .map(encode)
            .collect::<Result<_, CkksError>>()?;
        let mut encoded = encoded.into_iter();
        let diagonals = (0..layout.first_ciphertexts())
            .map(|_| encoded.by_ref().take(layout.batch()).collect())
            .collect();
        Ok(Self {
            layout,
            level,
            diagonals,
        })
    }

    /// Σ over coordinates of x·W, spread over the copies; one level down.
    pub fn forward(
        &self,
        engine: &Engine,
        weights: &[Ciphertext],
    ) -> Result<Private, EncryptedError> {
        let (layout, Split { baby, giant }) = (self.layout, self.layout.first_split());
        self.check(weights.len(), layout.first_ciphertexts())?;
        let steps: Vec<i64> = (0..baby as i64)
            .map(|k| layout.skewed_rotation(k))
            .collect();
        let lowered = self.lowered(engine, weights)?;
        let babies: Vec<Vec<Ciphertext>> = (lowered.iter())
            .map(|w| engine.turns(w, &steps))
            .collect::<Result<_, _>>()?;
        let turned = (0..giant)
            .into_par_iter()
            .map(|r2| {
                let terms: Vec<_> = (babies.iter().zip(&self.diagonals))
                    .flat_map(|(babies, d)| babies.iter().zip(&d[baby * r2..]))
                    .collect();
                let step = layout.skewed_rotation((baby * r2) as i64);
                engine.turn(&engine.weighted_periodic(&terms)?, step)
            })
            .collect::<Result<Vec<_>, CkksError>>()?;
        let mut sum = engine.sum(turned)?;
        engine.evaluator().rescale_assign(&mut sum)?;
        Ok(Private::new(sum))
    }

    /// E·x for the errors in this party's own columns, repeated in every block; one level down.
    pub fn gradient(
        &self,
        engine: &Engine,
        errors: &Ciphertext,
    ) -> Result<Vec<Private>, EncryptedError> {
        let (layout, Split { baby, giant }) = (self.layout, self.layout.first_split());
        let steps: Vec<i64> = (0..giant)
            .map(|r2| layout.skewed_rotation(-((baby * r2) as i64)))
            .collect();
        let errors = self.lowered(engine, std::slice::from_ref(errors))?;
        let babies = engine.turns(&errors[0], &steps)?;
        let block = |diagonals: &Vec<PeriodicPlaintext>| {
            let turned = (0..baby)
                .into_par_iter()
                .map(|r1| {
                    let terms: Vec<_> = (babies.iter().enumerate())
                        .map(|(r2, e)| (e, &diagonals[r1 + baby * r2]))
                        .collect();
                    let step = layout.skewed_rotation(-(r1 as i64));
                    engine.turn(&engine.weighted_periodic(&terms)?, step)
                })
                .collect::<Result<Vec<_>, CkksError>>()?;
            let mut sum = engine.sum(turned)?;
            engine.evaluator().rescale_assign(&mut sum)?;
            Ok(Private::new(sum))
        };
        self.diagonals.iter().map(block).collect()
    }

    fn lowered(
        &self,
        engine: &Engine,
        cts: &[Ciphertext],
    ) -> Result<Vec<Ciphertext>, EncryptedError> {
        let lower = |ct: &Ciphertext| {
            let mut ct = ct.clone();
            engine.evaluator().drop_to_level(&mut ct, self.level)?;
            Ok(ct)
        };
        cts.iter().map(lower).collect()
    }

    fn check(&self, found: usize, expected: usize) -> Result<(), EncryptedError> {
        if found == expected {
            return Ok(());
        }
        Err(Error::Shape {
            what: "ciphertexts of the first layer",
            expected,
            found,
        }
        .into())
    }
}

impl ColumnLayout {
    /// Operations of [`EncodedBatch::forward`].
    pub fn forward_counts(&self) -> LayerCounts {
        let (Split { baby, giant }, j) = (self.first_split(), self.first_ciphertexts());
        LayerCounts {
            hoisted: j * (baby - 1),
            rotations: giant - 1,
            plain_products: j * self.batch(),
            ..LayerCounts::default()
        }
    }

    /// Operations of [`spread`] and [`EncodedBatch::gradient`].
    pub fn gradient_counts(&self) -> LayerCounts {
        let (Split { baby, giant }, j) = (self.first_split(), self.first_ciphertexts());
        LayerCounts {
            hoisted: self.blocks() - 1 + giant - 1,
            rotations: j * (baby - 1),
            plain_products: 1 + j * self.batch(),
            ..LayerCounts::default()
        }
    }
}

/// The errors of block `block` alone, repeated in every block; one level down, the scale kept.
pub fn spread(
    engine: &Engine,
    layout: &ColumnLayout,
    errors: &Ciphertext,
    block: usize,
) -> Result<Ciphertext, EncryptedError> {
    let (level, scale) = (errors.level(), errors.scale());
    let own = |_, column: usize| f64::from(u8::from(column / layout.batch() == block));
    let mask = layout.fill(own);
    let mask = engine
        .encoder()
        .encode(&mask, level, engine.params().q_at(level))?;
    let mut own = engine.weighted(&[(errors, &mask)])?;
    engine.evaluator().rescale_assign(&mut own)?;
    own.set_scale(scale);
    let steps: Vec<i64> = (0..layout.blocks())
        .map(|k| layout.skewed_rotation((block as i64 - k as i64) * layout.batch() as i64))
        .collect();
    Ok(engine.sum(engine.turns(&own, &steps)?)?)
}
