//! A layer's weights, turned once for all batches to come.
//!
//! Half of what a layer with encrypted weights costs are rotations of the weights, and they do not depend on the
//! batch. Kept, they leave for every batch
//!
//! ```text
//! Σ_k2 turn( relin( Σ_{j,k1} W_{j,k1,k2} ⊙ turn(x_j, k1) ), n1·k2 )
//! ```
//!
//! with pieces j of the inputs: n1 − 1 hoisted rotations a piece, H products a piece, and n2 relinearisations and
//! n2 − 1 rotations in all, however many pieces there are.

use rayon::prelude::*;
use tacit_ckks::{Ciphertext, CkksError};

use super::hidden::weight_rotations;
use super::{ColumnLayout, Engine, LayerCounts, Side, Split};
use crate::Error;
use crate::encrypted::EncryptedError;

/// All rotations of a layer's weights.
#[derive(Debug)]
pub struct PreparedLayer {
    layout: ColumnLayout,
    pieces: usize,
    /// By k2; then by piece and k1.
    forms: Vec<Vec<Ciphertext>>,
}

impl PreparedLayer {
    /// Of weights for batches on `side`, one ciphertext for every H inputs, stored as hidden layers are.
    pub fn new(
        engine: &Engine,
        layout: ColumnLayout,
        side: Side,
        pieces: &[Ciphertext],
    ) -> Result<Self, EncryptedError> {
        let mut forms = vec![Vec::new(); layout.hidden_split().giant];
        for piece in pieces {
            let turned = weight_rotations(engine, &layout, piece, side)?;
            for (forms, turned) in forms.iter_mut().zip(turned) {
                forms.extend(turned);
            }
        }
        let pieces = pieces.len();
        Ok(Self {
            layout,
            pieces,
            forms,
        })
    }

    /// Ciphertexts of a batch.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// The layer applied to several batches of one scale and level, each of as many ciphertexts as there are
    /// pieces; not rescaled.
    pub fn apply(
        &self,
        engine: &Engine,
        batches: &[Vec<Ciphertext>],
    ) -> Result<Vec<Ciphertext>, EncryptedError> {
        if let Some(odd) = batches.iter().find(|batch| batch.len() != self.pieces) {
            return Err(Error::Shape {
                what: "ciphertexts of a query",
                expected: self.pieces,
                found: odd.len(),
            }
            .into());
        }
        if batches.is_empty() {
            return Ok(vec![]);
        }
        let (layout, Split { baby, .. }) = (&self.layout, self.layout.hidden_split());
        let rows: Vec<i64> = (0..baby as i64).map(|k| layout.rotation(k, 0)).collect();
        let turned = |batch: &Vec<Ciphertext>| -> Result<Vec<Ciphertext>, CkksError> {
            let babies = batch.par_iter().map(|part| engine.turns(part, &rows));
            let babies: Vec<Vec<Ciphertext>> = babies.collect::<Result<_, _>>()?;
            Ok(babies.into_iter().flatten().collect())
        };
        let babies = batches.iter().map(turned).collect::<Result<Vec<_>, _>>()?;
        let table = engine.tensor_table(&self.forms, &babies)?;
        drop(babies);
        let sum = |giants: Vec<Ciphertext>| {
            let giants = (giants.into_par_iter().enumerate())
                .map(|(k2, inner)| {
                    let inner = engine.relinearise(&inner)?;
                    engine.turn(&inner, layout.rotation((baby * k2) as i64, 0))
                })
                .collect::<Result<Vec<_>, CkksError>>()?;
            Ok(engine.sum(giants)?)
        };
        table.into_iter().map(sum).collect()
    }
}

impl ColumnLayout {
    /// Operations of [`PreparedLayer::new`] for batches of the given side.
    pub fn prepare_counts(&self, side: Side, pieces: usize) -> LayerCounts {
        let Split { baby, giant } = self.hidden_split();
        let inner = match side {
            Side::Skewed => baby - 1,
            Side::Plain => baby,
        };
        LayerCounts {
            hoisted: pieces * (giant - 1 + giant * inner),
            ..LayerCounts::default()
        }
    }

    /// Operations of [`PreparedLayer::apply`], a batch.
    pub fn prepared_counts(&self, pieces: usize) -> LayerCounts {
        let Split { baby, giant } = self.hidden_split();
        LayerCounts {
            hoisted: pieces * (baby - 1),
            rotations: giant - 1,
            products: pieces * self.height(),
            relinearisations: giant,
            ..LayerCounts::default()
        }
    }
}
