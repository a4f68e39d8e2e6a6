//! Slots, columns, blocks and sides.

use super::super::{Matrix, MlpConfig};
use crate::Error;

/// How the neurons of a batch are laid out in its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Row r of column i holds neuron r.
    Plain,
    /// Row r of column i holds neuron (r + i) mod H.
    Skewed,
}

impl Side {
    /// The other one.
    pub fn flipped(self) -> Self {
        match self {
            Side::Plain => Side::Skewed,
            Side::Skewed => Side::Plain,
        }
    }

    /// The side of the predictors of layer `layer` (from 1).
    pub fn of_layer(layer: usize) -> Self {
        match layer % 2 {
            1 => Side::Skewed,
            _ => Side::Plain,
        }
    }
}

/// A split of rotations into baby and giant steps: k = k1 + baby·k2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Number of baby steps.
    pub baby: usize,
    /// Number of giant steps.
    pub giant: usize,
}

/// How often the height fits into the columns, at most.
const MAX_REPEATS: usize = 16;

/// The geometry of a training: see the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnLayout {
    slots: usize,
    height: usize,
    batch: usize,
    blocks: usize,
    parties: usize,
    inputs: usize,
}

impl ColumnLayout {
    /// The layout of `config` among `parties` parties.
    pub fn new(config: &MlpConfig, parties: usize) -> Result<Self, Error> {
        config.validate()?;
        let refuse = |problem: String, remedy: &str| {
            Err(Error::Packing {
                problem,
                remedy: remedy.into(),
            })
        };
        // The outputs of a convolution are spread over several ciphertexts.
        let dense = if config.convolution.is_some() { 2 } else { 1 };
        let widest = config.layers.iter().skip(dense).copied().max().unwrap_or(1);
        let (slots, batch) = (config.slots, config.batch);
        // Not much lower than wide: maps that repeat columns have as many terms as the height fits into the columns.
        let lowest = (slots / MAX_REPEATS).isqrt();
        let height = widest.max(lowest).next_power_of_two();
        if !slots.is_power_of_two() || slots < 2 * height {
            let problem = format!("{slots} slots hold no two columns of {height} neurons");
            return refuse(problem, "raise `slots` to a larger power of two");
        }
        if !batch.is_power_of_two() || batch > height {
            let problem = format!("a batch of {batch} samples a party beside {height} neurons");
            return refuse(problem, "set `batch` to a power of two not above the width");
        }
        if parties == 0 {
            return Err(Error::Empty {
                what: "the list of parties",
            });
        }
        let blocks = (slots / height - height) / batch;
        if slots / height <= height || blocks == 0 {
            let problem = format!(
                "{} columns leave none beside the guard of {height}",
                slots / height
            );
            return refuse(problem, "raise `slots` or narrow the layers");
        }
        Ok(Self {
            slots,
            height,
            batch,
            blocks,
            parties,
            inputs: config.inputs() + 1,
        })
    }

    /// S: slots of a ciphertext.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// H: rows, the widest layer padded to a power of two.
    pub fn height(&self) -> usize {
        self.height
    }

    /// B = S/H: columns.
    pub fn columns(&self) -> usize {
        self.slots / self.height
    }

    /// b: samples of a party.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// C: blocks of b columns beside the guard.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    /// C·b: columns that hold samples, or input coordinates.
    pub fn used(&self) -> usize {
        self.blocks * self.batch
    }

    /// Number of parties.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// Ciphertexts that hold the samples of all parties.
    pub fn groups(&self) -> usize {
        self.parties.div_ceil(self.blocks)
    }

    /// The ciphertext and the block of a party's samples.
    pub fn place(&self, party: usize) -> (usize, usize) {
        (party / self.blocks, party % self.blocks)
    }

    /// Ciphertexts that hold the first layer's weights.
    pub fn first_ciphertexts(&self) -> usize {
        self.inputs.div_ceil(self.used())
    }

    /// The input coordinate (bias last) of a column of ciphertext `j` of the first layer, if it has one. Columns
    /// from C·b on repeat the first b.
    pub fn coordinate(&self, j: usize, column: usize) -> Option<usize> {
        let inside = column < self.used() + self.batch;
        let coordinate = j * self.used() + column % self.used();
        (inside && coordinate < self.inputs).then_some(coordinate)
    }

    /// Copies of a hidden layer's weights that stand beside each other: B/H.
    pub fn repeats(&self) -> usize {
        self.columns() / self.height
    }

    /// Steps of the first layer: balanced between the forward pass (J·baby and giant rotations) and the
    /// gradient (giant and J·baby).
    pub fn first_split(&self) -> Split {
        let splits =
            std::iter::successors(Some(1), |b| Some(2 * b)).take_while(|&b| b <= self.batch);
        let j = self.first_ciphertexts();
        let cost = |baby: usize| j * baby + self.batch / baby;
        let baby = splits.min_by_key(|&baby| cost(baby)).unwrap_or(1);
        Split {
            baby,
            giant: self.batch / baby,
        }
    }

    /// Steps of the hidden layers.
    pub fn hidden_split(&self) -> Split {
        let baby = 1 << (self.height.trailing_zeros() / 2);
        Split {
            baby,
            giant: self.height / baby,
        }
    }

    /// Slot of a row and a column.
    pub fn slot(&self, row: usize, column: usize) -> usize {
        row * self.columns() + column
    }

    /// Rotation by which every row receives row + `rows`, every column column + `columns`.
    pub fn rotation(&self, rows: i64, columns: i64) -> i64 {
        (rows * self.columns() as i64 + columns).rem_euclid(self.slots as i64)
    }

    /// Rotation by which a skewed column receives column + `columns`, neuron for neuron.
    pub fn skewed_rotation(&self, columns: i64) -> i64 {
        self.rotation(-columns, columns)
    }

    /// A slot vector from a function of row and column.
    pub fn fill(&self, mut f: impl FnMut(usize, usize) -> f64) -> Vec<f64> {
        let columns = self.columns();
        (0..self.slots)
            .map(|s| f(s / columns, s % columns))
            .collect()
    }

    /// The neuron in a row and column.
    pub fn neuron(&self, side: Side, row: usize, column: usize) -> usize {
        match side {
            Side::Plain => row,
            Side::Skewed => (row + column) % self.height,
        }
    }

    /// Samples' values, `value(column, neuron)`, in the columns in use.
    pub fn pack_columns(&self, side: Side, value: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        self.fill(|row, column| match column < self.used() {
            true => value(column, self.neuron(side, row, column)),
            false => 0.0,
        })
    }

    /// Ciphertext `j` of the first layer's weights.
    pub fn pack_first(&self, weights: &Matrix, j: usize) -> Vec<f64> {
        self.fill(|row, column| match self.coordinate(j, column) {
            Some(q) => weights.get(q, self.neuron(Side::Skewed, row, column)),
            None => 0.0,
        })
    }

    /// Reads the first layer's weights from the slots of its ciphertexts.
    pub fn unpack_first(&self, slots: &[Vec<f64>], width: usize) -> Result<Matrix, Error> {
        self.check_slots(slots, self.first_ciphertexts())?;
        let mut out = Matrix::zero(self.inputs, width);
        for (j, slots) in slots.iter().enumerate() {
            for column in 0..self.used() {
                let Some(q) = self.coordinate(j, column) else {
                    continue;
                };
                for row in 0..self.height {
                    let neuron = self.neuron(Side::Skewed, row, column);
                    if neuron < width {
                        out.row_mut(q)[neuron] = slots[self.slot(row, column)];
                    }
                }
            }
        }
        Ok(out)
    }

    /// The weights of layer `layer` (from 2): row p, column i holds the weight between neuron p of the plain side
    /// and neuron (p + i) mod H of the skewed side, in B/H copies. Without a bias.
    pub fn pack_hidden(&self, weights: &Matrix, layer: usize) -> Vec<f64> {
        self.fill(|row, column| {
            let (q, p) = self.hidden_entry(layer, row, column);
            weights.get(q, p)
        })
    }

    /// The inverse of [`Self::pack_hidden`]: the mean over all copies.
    pub fn unpack_hidden(
        &self,
        slots: &[f64],
        layer: usize,
        shape: (usize, usize),
    ) -> Result<Matrix, Error> {
        self.check_slots(&[slots], 1)?;
        let mut out = Matrix::zero(shape.0, shape.1);
        for (s, value) in slots.iter().enumerate() {
            let (q, p) = self.hidden_entry(layer, s / self.columns(), s % self.columns());
            if q < shape.0 && p < shape.1 {
                out.row_mut(q)[p] += value / self.repeats() as f64;
            }
        }
        Ok(out)
    }

    /// (input, output) of the weight in a row and column.
    fn hidden_entry(&self, layer: usize, row: usize, column: usize) -> (usize, usize) {
        let (plain, skewed) = (row, self.neuron(Side::Skewed, row, column));
        match Side::of_layer(layer) {
            Side::Plain => (skewed, plain),
            Side::Skewed => (plain, skewed),
        }
    }

    fn check_slots<T: AsRef<[f64]>>(&self, vectors: &[T], count: usize) -> Result<(), Error> {
        let shape = |what, expected, found| {
            Err(Error::Shape {
                what,
                expected,
                found,
            })
        };
        if vectors.len() != count {
            return shape("ciphertexts of a layer's weights", count, vectors.len());
        }
        match vectors.iter().find(|v| v.as_ref().len() != self.slots) {
            Some(short) => shape("slots", self.slots, short.as_ref().len()),
            None => Ok(()),
        }
    }

    /// Rotations that a party needs for its forward pass and gradient.
    pub fn party_rotations(&self) -> Vec<i64> {
        let Split { baby, giant } = self.first_split();
        let mut out = Vec::new();
        for sign in [1, -1] {
            out.extend((1..baby).map(|k| sign * k as i64));
            out.extend((1..giant).map(|k| sign * (baby * k) as i64));
            out.extend((1..self.blocks).map(|k| sign * (self.batch * k) as i64));
        }
        self.distinct(out.into_iter().map(|columns| self.skewed_rotation(columns)))
    }

    /// Rotations that whoever computes the hidden layers needs.
    pub fn hidden_rotations(&self) -> Vec<i64> {
        let Split { baby, giant } = self.hidden_split();
        let (h1, h2, h) = (baby as i64, giant as i64, self.height as i64);
        let mut out = Vec::new();
        for k1 in 0..h1 {
            out.extend([(k1, 0), (0, k1), (k1, h1 - k1), (0, -k1)]);
        }
        for k2 in 0..h2 {
            let k = h1 * k2;
            out.extend([(k, 0), (-k, k), (0, h - h1 - k), (k, -k), (0, -k)]);
        }
        self.distinct(
            out.into_iter()
                .map(|(rows, columns)| self.rotation(rows, columns)),
        )
    }

    /// Rotations that predictions need: a subset of [`Self::hidden_rotations`].
    pub fn prediction_rotations(&self) -> Vec<i64> {
        let Split { baby, giant } = self.hidden_split();
        let (h1, h2, h) = (baby as i64, giant as i64, self.height as i64);
        let small = (0..h1).flat_map(|k| [(k, 0), (0, k), (k, h1 - k)]);
        let large = (0..h2)
            .map(|k| h1 * k)
            .flat_map(|k| [(k, 0), (-k, k), (0, h - h1 - k)]);
        let steps = small.chain(large);
        self.distinct(steps.map(|(rows, columns)| self.rotation(rows, columns)))
    }

    fn distinct(&self, rotations: impl Iterator<Item = i64>) -> Vec<i64> {
        let mut out: Vec<i64> = rotations.filter(|&r| r != 0).collect();
        out.sort_unstable();
        out.dedup();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> ColumnLayout {
        let config = MlpConfig {
            slots: 256,
            batch: 8,
            ..MlpConfig::new(&[30, 8, 5, 3])
        };
        ColumnLayout::new(&config, 5).unwrap()
    }

    #[test]
    fn digits_among_ten_parties() {
        let layout = ColumnLayout::new(&MlpConfig::new(&[784, 64, 64, 10]), 10).unwrap();
        assert_eq!(
            (layout.height(), layout.columns(), layout.blocks()),
            (64, 256, 3)
        );
        assert_eq!((layout.groups(), layout.first_ciphertexts()), (4, 5));
        assert_eq!(layout.first_split(), Split { baby: 4, giant: 16 });
        assert_eq!(layout.place(9), (3, 0));
    }

    #[test]
    fn weights_survive_packing() {
        let layout = layout();
        let first = Matrix::from_fn(31, 8, |q, p| (q * 8 + p) as f64);
        let slots: Vec<_> = (0..layout.first_ciphertexts())
            .map(|j| layout.pack_first(&first, j))
            .collect();
        assert_eq!(layout.unpack_first(&slots, 8).unwrap(), first);
        let hidden = Matrix::from_fn(8, 5, |q, p| (q * 5 + p) as f64);
        for layer in [2, 3] {
            let slots = layout.pack_hidden(&hidden, layer);
            assert_eq!(layout.unpack_hidden(&slots, layer, (8, 5)).unwrap(), hidden);
        }
        assert!(layout.unpack_first(&slots[1..], 8).is_err());
    }

    #[test]
    fn every_sample_meets_every_coordinate_once() {
        let layout = layout();
        for j in 0..layout.first_ciphertexts() {
            for sample in 0..layout.batch() {
                let mut seen = vec![0; layout.used()];
                for block in 0..layout.blocks() {
                    for r in 0..layout.batch() {
                        let column = block * layout.batch() + sample + r;
                        assert!(column < layout.columns());
                        seen[column % layout.used()] += 1;
                    }
                }
                assert!(seen.iter().all(|&n| n == 1), "ciphertext {j}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_remedy() {
        let base = MlpConfig::new(&[784, 64, 64, 10]);
        let refused = |config: MlpConfig| ColumnLayout::new(&config, 10).unwrap_err().to_string();
        assert!(
            refused(MlpConfig {
                slots: 4096,
                ..base.clone()
            })
            .contains("raise `slots`")
        );
        assert!(
            refused(MlpConfig {
                batch: 128,
                ..base.clone()
            })
            .contains("`batch`")
        );
        assert!(
            refused(MlpConfig {
                batch: 48,
                ..base.clone()
            })
            .contains("power of two")
        );
        assert!(ColumnLayout::new(&base, 0).is_err());
    }
}
