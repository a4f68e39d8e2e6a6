//! Changes of layout that ride on a refresh.
//!
//! A refresh may apply any Σ w_r ⊙ turn(x, r) exactly, at the price of a permutation and a plaintext product per
//! term and party, and no key switch. What would be rotations, masks and levels elsewhere is done here.

use tacit_ckks::{CkksError, Encoder};
use tacit_mhe::{ExactMap, SharedMap};

use super::{ColumnLayout, Side};

/// Σ w_r ⊙ turn(x, r), in the clear.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotMap {
    terms: Vec<(i64, Weights)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Weights {
    Constant(f64),
    Slots(Vec<f64>),
}

impl SlotMap {
    /// x ↦ x: only the scale is brought to where it should be.
    pub fn identity() -> Self {
        Self {
            terms: vec![(0, Weights::Constant(1.0))],
        }
    }

    pub(super) fn new(terms: impl IntoIterator<Item = (i64, Vec<f64>)>) -> Self {
        let terms = terms.into_iter().map(|(r, w)| (r, Weights::Slots(w)));
        Self {
            terms: terms.collect(),
        }
    }

    /// Number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The map on `f64`.
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        for (r, weights) in &self.terms {
            for (s, out) in out.iter_mut().enumerate() {
                let weight = match weights {
                    Weights::Constant(c) => *c,
                    Weights::Slots(w) => w[s],
                };
                *out += weight * x[(s as i64 + r).rem_euclid(x.len() as i64) as usize];
            }
        }
        out
    }

    /// For a refresh to `level`; multiplies the scale by `scale`.
    pub fn encode(
        &self,
        encoder: &Encoder,
        level: usize,
        scale: f64,
    ) -> Result<ExactMap, CkksError> {
        if let [(0, Weights::Constant(c))] = self.terms[..] {
            let factor = (c * scale).round();
            if (1.0..MAX_FACTOR).contains(&factor) {
                let factor = factor as u64;
                return Ok(ExactMap::Scaled { factor, scale });
            }
        }
        let ring = encoder.params().ring();
        let term = |(r, weights): &(i64, Weights)| {
            let plain = match weights {
                Weights::Constant(c) => encoder.encode_constant(*c, level, scale)?,
                Weights::Slots(w) => encoder.encode(w, level, scale)?,
            };
            Ok((ring.rotation(*r), plain))
        };
        let terms = self.terms.iter().map(term);
        let terms = terms.collect::<Result<_, CkksError>>()?;
        Ok(ExactMap::Shared(SharedMap::new(terms)))
    }
}

/// Factors below fit into 64 bits with room.
const MAX_FACTOR: f64 = (1u64 << 62) as f64;

impl ColumnLayout {
    /// A party's partial sums, one in each copy, added up in block `block`.
    pub fn fold_predictors(&self, block: usize) -> SlotMap {
        let own = |_, column: usize| f64::from(u8::from(column / self.batch() == block));
        let mask = self.fill(own);
        let from = |k: usize| (k as i64 - block as i64) * self.batch() as i64;
        SlotMap::new((0..self.blocks()).map(|k| (self.skewed_rotation(from(k)), mask.clone())))
    }

    /// Columns beyond C·b of the first layer's sum are added to those they repeat, and repeat them again.
    pub fn fold_first(&self) -> SlotMap {
        let (used, batch) = (self.used(), self.batch());
        let mask = |from: usize, to: usize| {
            self.fill(|_, column| f64::from(u8::from((from..to).contains(&column))))
        };
        let across = used as i64;
        SlotMap::new([
            (0, mask(0, used + batch)),
            (self.skewed_rotation(across), mask(0, batch)),
            (self.skewed_rotation(-across), mask(used, used + batch)),
        ])
    }

    /// All columns that are equal modulo H are added up, in every copy.
    pub fn fold_hidden(&self) -> SlotMap {
        self.fold_equal(self.columns())
    }

    /// All columns that are equal modulo H are added up, in those in use.
    pub fn fold_bias(&self) -> SlotMap {
        self.fold_equal(self.used())
    }

    fn fold_equal(&self, to: usize) -> SlotMap {
        let (repeats, height) = (self.repeats() as i64, self.height());
        SlotMap::new((1 - repeats..repeats).map(|d| {
            let inside = |column: usize| {
                column < to && (0..repeats).contains(&((column / height) as i64 + d))
            };
            let mask = self.fill(|_, column| f64::from(u8::from(inside(column))));
            (self.rotation(0, d * height as i64), mask)
        }))
    }

    /// Bits `bits` of the row and of the column change places: one step of the transposition of all blocks of H columns.
    pub fn swap(&self, bits: usize) -> SlotMap {
        // What comes from a slot with bits (c, r) to one with (r, c) moves by (c − r)·(rows − columns).
        let distance = |row: usize, column: usize| (column & bits) as i64 - (row & bits) as i64;
        let mut distances: Vec<i64> = (0..self.height())
            .flat_map(|row| (0..self.height()).map(move |column| distance(row, column)))
            .collect();
        distances.sort_unstable();
        distances.dedup();
        SlotMap::new(distances.into_iter().map(|d| {
            let mask = self.fill(|row, column| f64::from(u8::from(distance(row, column) == d)));
            (self.rotation(d, -d), mask)
        }))
    }

    /// The block of H columns from `base` on, in every block.
    pub fn repeat_block(&self, base: usize) -> SlotMap {
        let block =
            |k: usize| self.fill(|_, column| f64::from(u8::from(column / self.height() == k)));
        let from = |k: usize| base as i64 - (k * self.height()) as i64;
        SlotMap::new((0..self.repeats()).map(|k| (self.rotation(0, from(k)), block(k))))
    }

    /// Every sample's errors times its weight, `weight(party, sample)`, 0 for what is no sample; what is no neuron or no
    /// party's becomes zero.
    pub fn weigh(
        &self,
        side: Side,
        width: usize,
        group: usize,
        weight: impl Fn(usize, usize) -> f64,
    ) -> SlotMap {
        let value = |column: usize, neuron: usize| {
            let party = group * self.blocks() + column / self.batch();
            match party < self.parties() && neuron < width {
                true => weight(party, column % self.batch()),
                false => 0.0,
            }
        };
        SlotMap::new([(0, self.pack_columns(side, value))])
    }

    /// Ones where neurons and samples of a group are.
    pub fn presence(&self, side: Side, width: usize, group: usize) -> Vec<f64> {
        let present = |column: usize, neuron: usize| {
            let party = group * self.blocks() + column / self.batch();
            f64::from(u8::from(party < self.parties() && neuron < width))
        };
        self.pack_columns(side, present)
    }
}
