//! A convolution as the first layer, in the columns of the layers above it.
//!
//! A *tile* is a group of channels whose regions fill the H rows: neuron n of tile t is region n mod Q of channel
//! t·H/Q + ⌊n/Q⌋, with the g² regions padded to Q, a power of two. Predictors take a ciphertext for each tile and offset,
//! so that pooling is the sum of the p² ciphertexts of a tile: no rotation, and one relinearisation for all of its squares.
//!
//! | | layout |
//! |---|---|
//! | filters | ciphertext t, column c: tap c mod K of the neuron's channel (k² + 1 taps padded to K, a power of two), in every region |
//! | predictors | skewed, in the columns of the party's samples: those of a group of parties are added up |
//! | weights of the layer above | as a hidden layer's, a ciphertext for each tile |
//!
//! With D\[o, r\] the plaintext that holds, in column i, what tap i + r mod K sees of the column's sample from offset o of the neuron's
//! region,
//!
//! ```text
//! forward    U[t, o] = Σ_r turn(W[t], r) ⊙ D[o, r]
//! gradient   G[t]    = Σ_r turn(Σ_o E[t, o] ⊙ D[o, r], −r)
//! ```
//!
//! as in a dense layer whose inputs are the taps. The plaintexts are the same for all tiles, and in all channels: their
//! period is Q rows. Outside a party's own columns they are zero, so that nothing has to be masked. A weight is shared by all regions: its
//! gradient is the sum over a channel's rows and over columns that are equal modulo K, made by doubling
//! ([`ConvolutionLayout::fold`]) once for all parties; what that leaves elsewhere is masked by the refresh that
//! follows ([`ConvolutionLayout::alone`]), after which doubling repeats the weights where they are needed.

mod patches;
#[cfg(test)]
mod tests;

pub use patches::EncodedPatches;

use tacit_ckks::{Ciphertext, CkksError};

use super::super::{Convolution, Matrix, MlpConfig};
use super::{ColumnLayout, Engine, LayerCounts, Side, SlotMap, Split};
use crate::Error;

/// The geometry of a convolution: see the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvolutionLayout {
    columns: ColumnLayout,
    shape: Convolution,
}

impl ConvolutionLayout {
    /// The layout of `config`'s convolution, in the columns of its other layers.
    pub fn new(config: &MlpConfig, parties: usize) -> Result<Self, Error> {
        let refuse = |problem: String, remedy: &str| Error::Packing {
            problem,
            remedy: remedy.into(),
        };
        let columns = ColumnLayout::new(config, parties)?;
        let shape = config.convolution.ok_or_else(|| {
            let problem = "the first layer is dense".to_owned();
            refuse(problem, "set `convolution`, or use the dense layout")
        })?;
        let layout = Self { columns, shape };
        if layout.regions().max(layout.taps()) > columns.height() {
            let problem = format!(
                "{} taps and {} regions in {} rows",
                shape.taps() + 1,
                shape.regions(),
                columns.height()
            );
            let remedy = "choose a smaller kernel, a larger stride or pool, or wider dense layers";
            return Err(refuse(problem, remedy));
        }
        Ok(layout)
    }

    /// The columns, which are those of all layers.
    pub fn columns(&self) -> &ColumnLayout {
        &self.columns
    }

    /// The convolution.
    pub fn shape(&self) -> &Convolution {
        &self.shape
    }

    /// Q: regions, padded to a power of two.
    pub fn regions(&self) -> usize {
        self.shape.regions().next_power_of_two()
    }

    /// K: taps and the bias, padded to a power of two.
    pub fn taps(&self) -> usize {
        (self.shape.taps() + 1).next_power_of_two()
    }

    /// p²: ciphertexts of a tile's predictors.
    pub fn offsets(&self) -> usize {
        self.shape.offsets()
    }

    /// Channels of a tile.
    pub fn tile_channels(&self) -> usize {
        self.columns.height() / self.regions()
    }

    /// Ciphertexts that hold the filters.
    pub fn tiles(&self) -> usize {
        self.shape.channels.div_ceil(self.tile_channels())
    }

    /// Slots after which a party's plaintexts repeat.
    pub fn period(&self) -> usize {
        self.regions() * self.columns.columns()
    }

    /// Steps of both passes. The gradient's giant steps and the forward pass' baby steps are hoisted; the forward pass is
    /// on half as many primes again.
    pub fn split(&self) -> Split {
        let (taps, offsets) = (self.taps(), self.offsets());
        let splits = std::iter::successors(Some(1), |b| Some(2 * b)).take_while(|&b| b <= taps);
        let cost = |baby: usize| 7 * baby + 8 * offsets * (taps / baby);
        let baby = splits.min_by_key(|&baby| cost(baby)).unwrap_or(1);
        Split {
            baby,
            giant: taps / baby,
        }
    }

    /// Channel and region of a neuron of tile `tile`, if there is one.
    pub fn neuron(&self, tile: usize, neuron: usize) -> Option<(usize, usize)> {
        let channel = tile * self.tile_channels() + neuron / self.regions();
        let region = neuron % self.regions();
        let inside = channel < self.shape.channels && region < self.shape.regions();
        inside.then_some((channel, region))
    }

    /// The output of the layer that a neuron of tile `tile` pools, if there is one.
    pub fn feature(&self, tile: usize, neuron: usize) -> Option<usize> {
        let (channel, region) = self.neuron(tile, neuron)?;
        Some(channel * self.shape.regions() + region)
    }

    /// The filters of tile `tile`, repeated in all columns and regions.
    pub fn pack_filters(&self, weights: &Matrix, tile: usize) -> Vec<f64> {
        let columns = &self.columns;
        columns.fill(|row, column| {
            let neuron = columns.neuron(Side::Skewed, row, column);
            let channel = tile * self.tile_channels() + neuron / self.regions();
            weights.get(column % self.taps(), channel)
        })
    }

    /// Reads filters from the slots of their ciphertexts: the mean over all copies.
    pub fn unpack_filters(&self, slots: &[Vec<f64>]) -> Result<Matrix, Error> {
        let (columns, shape) = (&self.columns, &self.shape);
        let shaped = |what, expected, found| Error::Shape {
            what,
            expected,
            found,
        };
        if slots.len() != self.tiles() {
            let what = "ciphertexts of filters";
            return Err(shaped(what, self.tiles(), slots.len()));
        }
        if let Some(short) = slots.iter().find(|s| s.len() != columns.slots()) {
            return Err(shaped("slots", columns.slots(), short.len()));
        }
        let copies = (columns.columns() / self.taps() * self.regions()) as f64;
        let mut out = Matrix::zero(shape.taps() + 1, shape.channels);
        for (tile, slots) in slots.iter().enumerate() {
            for (slot, value) in slots.iter().enumerate() {
                let (row, column) = (slot / columns.columns(), slot % columns.columns());
                let neuron = columns.neuron(Side::Skewed, row, column);
                let channel = tile * self.tile_channels() + neuron / self.regions();
                let tap = column % self.taps();
                if tap < out.rows() && channel < out.columns() {
                    out.row_mut(tap)[channel] += value / copies;
                }
            }
        }
        Ok(out)
    }

    /// The rows of the layer above that belong to tile `tile`.
    pub fn tile_of(&self, weights: &Matrix, tile: usize) -> Matrix {
        Matrix::from_fn(
            self.columns.height(),
            weights.columns(),
            |neuron, p| match self.feature(tile, neuron) {
                Some(q) => weights.get(q, p),
                None => 0.0,
            },
        )
    }

    /// The inverse of [`Self::tile_of`].
    pub fn join_tiles(&self, tiles: &[Matrix], width: usize) -> Matrix {
        let mut out = Matrix::zero(self.shape.features(), width);
        for (t, tile) in tiles.iter().enumerate() {
            for neuron in 0..self.columns.height() {
                if let Some(q) = self.feature(t, neuron) {
                    (out.row_mut(q).iter_mut().enumerate())
                        .for_each(|(p, w)| *w = tile.get(neuron, p));
                }
            }
        }
        out
    }

    /// Ones where tile `tile` has neurons and group `group` has samples.
    pub fn presence(&self, tile: usize, group: usize) -> Vec<f64> {
        let columns = &self.columns;
        columns.pack_columns(Side::Skewed, |column, neuron| {
            let party = group * columns.blocks() + column / columns.batch();
            let there = party < columns.parties() && self.neuron(tile, neuron).is_some();
            f64::from(u8::from(there))
        })
    }

    /// One copy of every filter of tile `tile`, where [`Self::fold`] leaves sums; zero elsewhere.
    pub fn alone(&self, tile: usize) -> SlotMap {
        let columns = &self.columns;
        let mask = columns.fill(|row, column| {
            let neuron = columns.neuron(Side::Skewed, row, column);
            let here = column <= self.shape.taps() && neuron.is_multiple_of(self.regions());
            f64::from(u8::from(here && self.neuron(tile, neuron).is_some()))
        });
        SlotMap::new([(0, mask)])
    }

    /// Rotations of the two doublings, towards the first region and columns.
    fn doublings(&self) -> impl Iterator<Item = i64> + '_ {
        let (columns, taps) = (&self.columns, self.taps());
        let across = (0..).map(move |j| taps << j);
        let across = across.take_while(|&k| k < columns.columns());
        let down = (0..).map(|j| 1usize << j);
        let down = down.take_while(|&k| k < self.regions());
        let across = across.map(|k| columns.skewed_rotation(k as i64));
        across.chain(down.map(|k| columns.rotation(k as i64, 0)))
    }

    /// Adds up columns that are equal modulo K, and the regions of every channel: right in the first K columns of
    /// every channel's first region, of no use elsewhere.
    pub fn fold(&self, engine: &Engine, gradient: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.doubled(engine, gradient, 1)
    }

    /// The copy that [`Self::alone`] left, repeated in all columns and regions.
    pub fn repeat(&self, engine: &Engine, filters: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.doubled(engine, filters, -1)
    }

    fn doubled(
        &self,
        engine: &Engine,
        ct: &Ciphertext,
        sign: i64,
    ) -> Result<Ciphertext, CkksError> {
        let mut sum = ct.clone();
        for step in self.doublings() {
            let turned = engine.turn(&sum, sign * step)?;
            engine.evaluator().add_assign(&mut sum, &turned)?;
        }
        Ok(sum)
    }

    /// Operations of [`Self::fold`] or [`Self::repeat`].
    pub fn fold_counts(&self) -> LayerCounts {
        LayerCounts {
            rotations: self.doublings().count(),
            ..LayerCounts::default()
        }
    }

    /// Rotations that a party needs for both passes.
    pub fn party_rotations(&self) -> Vec<i64> {
        let Split { baby, giant } = self.split();
        let steps = (1..baby).chain((1..giant).map(|k| baby * k));
        let turn = |k: usize| self.columns.skewed_rotation(k as i64);
        let slots = self.columns.slots() as i64;
        distinct(steps.flat_map(|k| [turn(k), slots - turn(k)]))
    }

    /// Rotations that whoever moves the weights needs.
    pub fn fold_rotations(&self) -> Vec<i64> {
        let slots = self.columns.slots() as i64;
        distinct(self.doublings().flat_map(|r| [r, slots - r]))
    }
}

fn distinct(rotations: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut out: Vec<i64> = rotations.collect();
    out.sort_unstable();
    out.dedup();
    out
}
