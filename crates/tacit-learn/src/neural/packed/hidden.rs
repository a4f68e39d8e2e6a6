//! Hidden layers: products of encrypted matrices.
//!
//! A hidden layer lies between a plain and a skewed side; its weights are stored once, M(q, p) between skewed
//! neuron q and plain neuron p, as S\[p\]\[i\] = M((p + i) mod H, p). Then
//!
//! ```text
//! plain[p][i]  = Σ_k S[p][i + k]         · skewed[p + k][i]        Σ_q M(q, p)·skewed_q
//! skewed[r][i] = Σ_k S[r + k][i + H − k] · plain[r + k][i]         Σ_p M(q, p)·plain_p, q = r + i
//! G[p][i]      = Σ_k (skewed[p + k] ⊙ plain[p])[i − k]             Σ_samples skewed_q·plain_p
//! ```
//!
//! (Jiang, Kim, Lauter and Song, CCS 2018, for square matrices.) The first two are each other's
//! transposes, so one serves the forward pass and the other the backward pass of the same layer; the next
//! layer has them the other way round. Columns are only ever read to the right, up to H beyond those
//! in use: the *guard* of H empty columns keeps rows apart. With k = k1 + n1·k2 the sums over k take
//! n1 − 1 hoisted rotations of the batch, n2 relinearisations and n2 − 1 giant rotations per ciphertext;
//! the H rotations of S are shared by all ciphertexts and made in two hoisted stages.

use rayon::prelude::*;
use tacit_ckks::{Ciphertext, CkksError};

use super::{ColumnLayout, Engine, LayerCounts, Side, Split};
use crate::Error;
use crate::encrypted::EncryptedError;

/// Values of all neurons of a layer for a whole batch.
#[derive(Debug, Clone)]
pub struct Columns {
    side: Side,
    groups: Vec<Ciphertext>,
}

impl Columns {
    /// One ciphertext per group of parties.
    pub fn new(
        layout: &ColumnLayout,
        side: Side,
        groups: Vec<Ciphertext>,
    ) -> Result<Self, EncryptedError> {
        if groups.len() == layout.groups() {
            return Ok(Self { side, groups });
        }
        Err(Error::Shape {
            what: "ciphertexts of a batch",
            expected: layout.groups(),
            found: groups.len(),
        }
        .into())
    }

    /// How neurons are laid out.
    pub fn side(&self) -> Side {
        self.side
    }

    /// The ciphertexts.
    pub fn groups(&self) -> &[Ciphertext] {
        &self.groups
    }

    /// Takes it apart.
    pub fn into_groups(self) -> Vec<Ciphertext> {
        self.groups
    }

    /// The same operation on every ciphertext; the layout stays.
    pub fn map(
        &self,
        f: impl Fn(&Ciphertext) -> Result<Ciphertext, EncryptedError> + Sync + Send,
    ) -> Result<Self, EncryptedError> {
        let groups = self.groups.par_iter().map(f).collect::<Result<_, _>>()?;
        let side = self.side;
        Ok(Self { side, groups })
    }

    /// An operation on pairs of ciphertexts of two batches of one layout.
    pub fn zip(
        &self,
        other: &Self,
        f: impl Fn(&Ciphertext, &Ciphertext) -> Result<Ciphertext, EncryptedError> + Sync + Send,
    ) -> Result<Self, EncryptedError> {
        if self.side != other.side {
            return Err(mispacked(self.side, other.side));
        }
        let pairs = self.groups.par_iter().zip(&other.groups);
        let groups = pairs.map(|(a, b)| f(a, b)).collect::<Result<_, _>>()?;
        let side = self.side;
        Ok(Self { side, groups })
    }
}

fn mispacked(expected: Side, found: Side) -> EncryptedError {
    Error::Packing {
        problem: format!("a batch is packed {found:?}, the operation needs {expected:?}"),
        remedy: "apply the layer in between, which changes the side".into(),
    }
    .into()
}

/// The weights' transform of a batch: from either side to the other, one level down.
pub fn apply(
    engine: &Engine,
    layout: &ColumnLayout,
    weights: &Ciphertext,
    batch: &Columns,
) -> Result<Columns, EncryptedError> {
    let Split { baby, giant } = layout.hidden_split();
    let level = batch
        .groups
        .iter()
        .map(Ciphertext::level)
        .min()
        .unwrap_or(0);
    let level = level.min(weights.level());
    let lowered = |ct: &Ciphertext| {
        let mut ct = ct.clone();
        engine.evaluator().drop_to_level(&mut ct, level)?;
        Ok::<_, EncryptedError>(ct)
    };
    let turned = weight_rotations(engine, layout, &lowered(weights)?, batch.side)?;
    let rows: Vec<i64> = (0..baby as i64).map(|k| layout.rotation(k, 0)).collect();
    let transform = |group: &Ciphertext| -> Result<Ciphertext, EncryptedError> {
        let babies = engine.turns(&lowered(group)?, &rows)?;
        let giants = (0..giant)
            .into_par_iter()
            .map(|k2| {
                let terms: Vec<_> = babies.iter().zip(&turned[k2]).collect();
                let inner = engine.relinearise(&engine.tensors(&terms)?)?;
                engine.turn(&inner, layout.rotation((baby * k2) as i64, 0))
            })
            .collect::<Result<Vec<_>, CkksError>>()?;
        let mut sum = engine.sum(giants)?;
        engine.evaluator().rescale_assign(&mut sum)?;
        Ok(sum)
    };
    let groups = batch
        .groups
        .par_iter()
        .map(transform)
        .collect::<Result<_, _>>()?;
    Columns::new(layout, batch.side.flipped(), groups)
}

/// Σ_j of [`apply`] of weights j to batch j, all batches on one side: relinearised and turned once, after the sum.
pub fn apply_sum(
    engine: &Engine,
    layout: &ColumnLayout,
    parts: &[(&Ciphertext, &Columns)],
) -> Result<Columns, EncryptedError> {
    let Split { baby, giant } = layout.hidden_split();
    let side = parts.first().map_or(Side::Plain, |(_, batch)| batch.side);
    if let Some((_, odd)) = parts.iter().find(|(_, batch)| batch.side != side) {
        return Err(mispacked(side, odd.side));
    }
    let all = (parts.iter()).flat_map(|(weights, batch)| batch.groups.iter().chain([*weights]));
    let level = all.map(Ciphertext::level).min().unwrap_or(0);
    let lowered = |ct: &Ciphertext| {
        let mut ct = ct.clone();
        engine.evaluator().drop_to_level(&mut ct, level)?;
        Ok::<_, EncryptedError>(ct)
    };
    let rows: Vec<i64> = (0..baby as i64).map(|k| layout.rotation(k, 0)).collect();
    // By group, then k2.
    let mut sums: Vec<Vec<Option<Ciphertext>>> = vec![vec![None; giant]; layout.groups()];
    for (weights, batch) in parts {
        // One part's rotations at a time: they are the largest thing here.
        let turned = weight_rotations(engine, layout, &lowered(weights)?, side)?;
        for (group, sums) in batch.groups.iter().zip(&mut sums) {
            let babies = engine.turns(&lowered(group)?, &rows)?;
            let add = |(sum, turned): (&mut Option<Ciphertext>, &Vec<Ciphertext>)| {
                let terms: Vec<_> = babies.iter().zip(turned).collect();
                let term = engine.tensors(&terms)?;
                match sum {
                    None => *sum = Some(term),
                    Some(sum) => engine.evaluator().add_assign(sum, &term)?,
                }
                Ok::<_, CkksError>(())
            };
            sums.par_iter_mut().zip(&turned).try_for_each(add)?;
        }
    }
    let finish = |sums: Vec<Option<Ciphertext>>| {
        let turn = |(k2, sum): (usize, Option<Ciphertext>)| {
            let sum = sum.ok_or(CkksError::Unsupported("a sum over no pieces"))?;
            let inner = engine.relinearise(&sum)?;
            engine.turn(&inner, layout.rotation((baby * k2) as i64, 0))
        };
        let giants =
            (sums.into_par_iter().enumerate().map(turn)).collect::<Result<Vec<_>, CkksError>>()?;
        let mut sum = engine.sum(giants)?;
        engine.evaluator().rescale_assign(&mut sum)?;
        Ok::<_, EncryptedError>(sum)
    };
    let groups = sums.into_iter().map(finish).collect::<Result<_, _>>()?;
    Columns::new(layout, side.flipped(), groups)
}

/// The rotations of S, by k2, then k1, already turned back by the giant step.
pub(super) fn weight_rotations(
    engine: &Engine,
    layout: &ColumnLayout,
    weights: &Ciphertext,
    side: Side,
) -> Result<Vec<Vec<Ciphertext>>, EncryptedError> {
    let Split { baby, giant } = layout.hidden_split();
    let (h1, h2, h) = (baby as i64, giant as i64, layout.height() as i64);
    let (outer, inner): (Vec<i64>, Vec<i64>) = match side {
        Side::Skewed => (
            (0..h2)
                .map(|k2| layout.rotation(-h1 * k2, h1 * k2))
                .collect(),
            (0..h1).map(|k1| layout.rotation(0, k1)).collect(),
        ),
        Side::Plain => (
            (0..h2)
                .map(|k2| layout.rotation(0, h - h1 - h1 * k2))
                .collect(),
            (0..h1).map(|k1| layout.rotation(k1, h1 - k1)).collect(),
        ),
    };
    let stage = engine.turns(weights, &outer)?;
    Ok((stage.par_iter())
        .map(|w| engine.turns(w, &inner))
        .collect::<Result<_, _>>()?)
}

/// Σ over samples of skewed·plain, in the layout of the weights but spread over columns up to C·b + H: equal
/// columns modulo H are still to be added. One level down.
pub fn outer(
    engine: &Engine,
    layout: &ColumnLayout,
    a: &Columns,
    b: &Columns,
) -> Result<Ciphertext, EncryptedError> {
    let (skewed, plain) = match (a.side, b.side) {
        (Side::Skewed, Side::Plain) => (a, b),
        (Side::Plain, Side::Skewed) => (b, a),
        (side, _) => return Err(mispacked(side.flipped(), side)),
    };
    let Split { baby, giant } = layout.hidden_split();
    let (h1, h2) = (baby as i64, giant as i64);
    let level = |c: &Columns| c.groups.iter().map(Ciphertext::level).min().unwrap_or(0);
    let level = level(skewed).min(level(plain));
    let lowered = |ct: &Ciphertext| {
        let mut ct = ct.clone();
        engine.evaluator().drop_to_level(&mut ct, level)?;
        Ok::<_, EncryptedError>(ct)
    };
    let back: Vec<i64> = (0..h2).map(|k2| layout.rotation(0, -h1 * k2)).collect();
    let up_back: Vec<i64> = (0..h2)
        .map(|k2| layout.rotation(h1 * k2, -h1 * k2))
        .collect();
    let up: Vec<i64> = (0..h1).map(|k1| layout.rotation(k1, 0)).collect();
    // By group, then k2 (then k1).
    let mut sums: Vec<Option<Ciphertext>> = vec![None; baby];
    for (skewed, plain) in skewed.groups.iter().zip(&plain.groups) {
        let plains = engine.turns(&lowered(plain)?, &back)?;
        let stage = engine.turns(&lowered(skewed)?, &up_back)?;
        let skeweds: Vec<Vec<Ciphertext>> = (stage.par_iter())
            .map(|s| engine.turns(s, &up))
            .collect::<Result<_, _>>()?;
        let add = |(k1, sum): (usize, &mut Option<Ciphertext>)| {
            let terms: Vec<_> = (plains.iter().zip(&skeweds))
                .map(|(p, s)| (&s[k1], p))
                .collect();
            let term = engine.tensors(&terms)?;
            match sum {
                None => *sum = Some(term),
                Some(sum) => engine.evaluator().add_assign(sum, &term)?,
            }
            Ok::<_, CkksError>(())
        };
        sums.par_iter_mut().enumerate().try_for_each(add)?;
    }
    let sums: Vec<Ciphertext> = sums.into_iter().flatten().collect();
    let giants = (sums.par_iter().enumerate())
        .map(|(k1, sum)| engine.turn(&engine.relinearise(sum)?, layout.rotation(0, -(k1 as i64))))
        .collect::<Result<Vec<_>, CkksError>>()?;
    let mut sum = engine.sum(giants)?;
    engine.evaluator().rescale_assign(&mut sum)?;
    Ok(sum)
}

impl ColumnLayout {
    /// Operations of [`apply`] on a batch of the given side.
    pub fn apply_counts(&self, side: Side) -> LayerCounts {
        let (Split { baby, giant }, groups) = (self.hidden_split(), self.groups());
        let inner = match side {
            Side::Skewed => baby - 1,
            Side::Plain => baby,
        };
        LayerCounts {
            hoisted: giant - 1 + giant * inner + groups * (baby - 1),
            rotations: groups * (giant - 1),
            products: groups * self.height(),
            relinearisations: groups * giant,
            ..LayerCounts::default()
        }
    }

    /// Operations of [`apply_sum`] of `parts` batches.
    pub fn apply_sum_counts(&self, side: Side, parts: usize) -> LayerCounts {
        let one = self.apply_counts(side);
        LayerCounts {
            hoisted: parts * one.hoisted,
            products: parts * one.products,
            ..one
        }
    }

    /// Operations of [`outer`].
    pub fn outer_counts(&self) -> LayerCounts {
        let (Split { baby, giant }, groups) = (self.hidden_split(), self.groups());
        LayerCounts {
            hoisted: groups * (2 * (giant - 1) + giant * (baby - 1)),
            rotations: baby - 1,
            products: groups * self.height(),
            relinearisations: baby,
            ..LayerCounts::default()
        }
    }
}
