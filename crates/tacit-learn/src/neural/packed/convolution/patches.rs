//! What a party computes with its images: the forward pass and the filters' gradient.

use rayon::prelude::*;
use tacit_ckks::{Ciphertext, CkksError, PeriodicEncoder, PeriodicPlaintext};
use tacit_mhe::Private;

use super::super::{Engine, LayerCounts, Side, Split};
use super::ConvolutionLayout;
use crate::Error;
use crate::encrypted::EncryptedError;
use crate::model::Samples;

/// A party's images as the taps see them, encoded once for both passes. Data in the clear: it stays with its
/// owner.
pub struct EncodedPatches {
    layout: ConvolutionLayout,
    /// By offset, then r.
    diagonals: Vec<Vec<PeriodicPlaintext>>,
}

impl std::fmt::Debug for EncodedPatches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncodedPatches({} offsets)", self.diagonals.len())
    }
}

impl EncodedPatches {
    /// Encodes rows in the columns of block `block`, for ciphertexts up to `level`, at `scale`, with an encoder of
    /// the layout's period.
    pub fn new(
        encoder: &PeriodicEncoder,
        layout: ConvolutionLayout,
        samples: &Samples,
        rows: &[usize],
        block: usize,
        (level, scale): (usize, f64),
    ) -> Result<Self, EncryptedError> {
        let columns = *layout.columns();
        let shape = |what, expected, found| Error::Shape {
            what,
            expected,
            found,
        };
        if rows.len() > columns.batch() {
            return Err(shape("rows of a batch", columns.batch(), rows.len()).into());
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= samples.len()) {
            return Err(shape("row index below the number of rows", samples.len(), row).into());
        }
        let pixels = layout.shape().side * layout.shape().side;
        if samples.columns() != pixels {
            return Err(shape("pixels of an image", pixels, samples.columns()).into());
        }
        let (taps, Split { baby, .. }) = (layout.taps(), layout.split());
        let encode = |index: usize| {
            let (offset, r) = (index / taps, index % taps);
            let back = r - r % baby;
            // The first rows of the layout, after which it repeats.
            let mut profile = vec![0.0; layout.period()];
            for (s, &sample) in rows.iter().enumerate() {
                let column = block * columns.batch() + s;
                let (tap, image) = ((column + r) % taps, samples.row(sample));
                if tap > layout.shape().taps() {
                    continue;
                }
                let column = column + back;
                for row in 0..layout.regions() {
                    let region = columns.neuron(Side::Skewed, row, column) % layout.regions();
                    if region < layout.shape().regions() {
                        profile[columns.slot(row, column)] =
                            layout.shape().seen(image, offset, region, tap);
                    }
                }
            }
            encoder.encode(&profile, level, scale)
        };
        let encoded: Vec<PeriodicPlaintext> = (0..layout.offsets() * taps)
            .into_par_iter()
            .map(encode)
            .collect::<Result<_, CkksError>>()?;
        let mut encoded = encoded.into_iter();
        let diagonals = (0..layout.offsets())
            .map(|_| encoded.by_ref().take(taps).collect())
            .collect();
        Ok(Self { layout, diagonals })
    }

    /// The predictors by tile, then offset, in this party's columns and zero elsewhere; one level down.
    pub fn forward(
        &self,
        engine: &Engine,
        filters: &[Ciphertext],
    ) -> Result<Vec<Vec<Private>>, EncryptedError> {
        let (layout, Split { baby, giant }) = (self.layout, self.layout.split());
        self.check("ciphertexts of filters", layout.tiles(), filters.len())?;
        let turn = |k: usize| layout.columns().skewed_rotation(k as i64);
        let steps: Vec<i64> = (0..baby).map(turn).collect();
        let mut out = Vec::with_capacity(filters.len());
        for filter in filters {
            let babies = engine.turns(filter, &steps)?;
            let at_offset = |diagonals: &Vec<PeriodicPlaintext>| {
                let giants = (0..giant)
                    .into_par_iter()
                    .map(|r2| {
                        let terms: Vec<_> = babies.iter().zip(&diagonals[baby * r2..]).collect();
                        engine.turn(&engine.weighted_periodic(&terms)?, turn(baby * r2))
                    })
                    .collect::<Result<Vec<_>, CkksError>>()?;
                let mut sum = engine.sum(giants)?;
                engine.evaluator().rescale_assign(&mut sum)?;
                Ok::<_, EncryptedError>(Private::new(sum))
            };
            out.push(
                self.diagonals
                    .par_iter()
                    .map(at_offset)
                    .collect::<Result<_, _>>()?,
            );
        }
        Ok(out)
    }

    /// What errors, by tile, then offset, make of the filters' gradient in this party's columns: not yet
    /// folded; one level down.
    pub fn gradient(
        &self,
        engine: &Engine,
        errors: &[Vec<Ciphertext>],
    ) -> Result<Vec<Private>, EncryptedError> {
        let (layout, Split { baby, giant }) = (self.layout, self.layout.split());
        self.check("tiles of errors", layout.tiles(), errors.len())?;
        let turn = |k: usize| layout.columns().skewed_rotation(-(k as i64));
        let steps: Vec<i64> = (0..giant).map(|r2| turn(baby * r2)).collect();
        let mut out = Vec::with_capacity(errors.len());
        for offsets in errors {
            self.check("offsets of errors", layout.offsets(), offsets.len())?;
            let giants: Vec<Vec<Ciphertext>> = (offsets.par_iter())
                .map(|error| engine.turns(error, &steps))
                .collect::<Result<_, _>>()?;
            let babies = (0..baby)
                .into_par_iter()
                .map(|r1| {
                    let terms: Vec<_> = (giants.iter().zip(&self.diagonals))
                        .flat_map(|(errors, d)| errors.iter().zip(d[r1..].iter().step_by(baby)))
                        .collect();
                    engine.turn(&engine.weighted_periodic(&terms)?, turn(r1))
                })
                .collect::<Result<Vec<_>, CkksError>>()?;
            let mut sum = engine.sum(babies)?;
            engine.evaluator().rescale_assign(&mut sum)?;
            out.push(Private::new(sum));
        }
        Ok(out)
    }

    fn check(&self, what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
        match found == expected {
            true => Ok(()),
            false => Err(Error::Shape {
                what,
                expected,
                found,
            }),
        }
    }
}

impl ConvolutionLayout {
    /// Operations of [`EncodedPatches::forward`].
    pub fn forward_counts(&self) -> LayerCounts {
        let Split { baby, giant } = self.split();
        LayerCounts {
            hoisted: baby - 1,
            rotations: self.offsets() * (giant - 1),
            plain_products: self.offsets() * self.taps(),
            ..LayerCounts::default()
        }
        .times(self.tiles())
    }

    /// Operations of [`EncodedPatches::gradient`].
    pub fn gradient_counts(&self) -> LayerCounts {
        let Split { baby, giant } = self.split();
        LayerCounts {
            hoisted: self.offsets() * (giant - 1),
            rotations: baby - 1,
            plain_products: self.offsets() * self.taps(),
            ..LayerCounts::default()
        }
        .times(self.tiles())
    }
}
