//! The layout as a value: which slot belongs to which sample, copy, coordinate and lane.

use crate::Error;
use crate::model::Weights;

/// Geometry of a mini-batch and its weights in one ciphertext; see the [module](super) for the
/// definitions. Public, and equal at all parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    slots: usize,
    weights: usize,
    coordinates: usize,
    batch: usize,
    lanes: usize,
    copies: usize,
}

/// How a sum over `q` diagonals is split: `baby · giant = q`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bsgs {
    /// Number of inner (hoisted) rotations, the identity included.
    pub baby: usize,
    /// Number of outer rotations, the identity included.
    pub giant: usize,
}

impl Layout {
    /// Lays out `batch` samples (a power of two) for `outputs` weight vectors of `weights`
    /// coordinates each (features + intercept) in `slots` slots.
    pub fn new(slots: usize, weights: usize, batch: usize, outputs: usize) -> Result<Self, Error> {
        if weights == 0 || outputs == 0 {
            return Err(Error::Empty {
                what: "the model (weights or outputs)",
            });
        }
        if !slots.is_power_of_two() {
            return Err(Error::config(
                "slots",
                format!("{slots} is not a power of two"),
                "take the ring's slot count",
            ));
        }
        if !batch.is_power_of_two() {
            return Err(Error::config(
                "batch",
                format!("{batch} is not a power of two"),
                format!("use {}", batch.max(1).next_power_of_two()),
            ));
        }
        let (coordinates, lanes) = (weights.next_power_of_two(), outputs.next_power_of_two());
        for (what, size, remedy) in [
            (
                "coordinates × lanes",
                coordinates * lanes,
                "use fewer features or a larger ring",
            ),
            ("batch × lanes", batch * lanes, "lower `batch`"),
        ] {
            if size > slots {
                return Err(Error::Packing {
                    problem: format!("{what} = {size} exceeds the {slots} slots of a ciphertext"),
                    remedy: remedy.to_string(),
                });
            }
        }
        let copies = coordinates.min(slots / (batch * lanes));
        Ok(Layout {
            slots,
            weights,
            coordinates,
            batch,
            lanes,
            copies,
        })
    }

    /// Slots of the ciphertext, `S`.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Coordinates in use (features + intercept), before padding.
    pub fn weights(&self) -> usize {
        self.weights
    }

    /// Coordinates, padded: `p`.
    pub fn coordinates(&self) -> usize {
        self.coordinates
    }

    /// Samples: `b`.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Outputs, padded: `m`.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Copies of the batch: `c`.
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// Diagonals per copy: `q = p/c`.
    pub fn diagonals(&self) -> usize {
        self.coordinates / self.copies
    }

    /// Period of all vectors: `L = c·b·m`.
    pub fn period(&self) -> usize {
        self.copies * self.batch * self.lanes
    }

    /// Slots per coordinate: `g = L/p`. Also the unit of the diagonals' rotations.
    pub fn group(&self) -> usize {
        self.period() / self.coordinates
    }

    /// Output that slot `s` works for.
    pub fn lane(&self, s: usize) -> usize {
        s % self.lanes
    }

    /// Sample that slot `s` works on.
    pub fn sample(&self, s: usize) -> usize {
        s / self.lanes % self.batch
    }

    /// Copy of the batch that slot `s` belongs to.
    pub fn copy(&self, s: usize) -> usize {
        s / (self.lanes * self.batch) % self.copies
    }

    /// Coordinate of the weight in slot `s`.
    pub fn coordinate(&self, s: usize) -> usize {
        s / self.group() % self.coordinates
    }

    /// Split of the diagonals into baby and giant steps; babies are the larger half because
    /// their rotations are hoisted.
    pub fn bsgs(&self) -> Bsgs {
        let bits = self.diagonals().trailing_zeros();
        Bsgs {
            baby: 1 << bits.div_ceil(2),
            giant: 1 << (bits / 2),
        }
    }

    /// Left rotations of the inner sums over diagonals, the identity left out.
    pub fn baby_steps(&self) -> impl Iterator<Item = usize> {
        let group = self.group();
        (1..self.bsgs().baby).map(move |t| group * t)
    }

    /// Left rotations of the outer sums, the identity left out.
    pub fn giant_steps(&self) -> impl Iterator<Item = usize> {
        let (group, Bsgs { baby, giant }) = (self.group(), self.bsgs());
        (1..giant).map(move |t| group * baby * t)
    }

    /// Left rotations that give every copy the sum over all copies: add after each.
    pub fn copy_folds(&self) -> impl Iterator<Item = usize> {
        let unit = self.lanes * self.batch;
        (0..self.copies.trailing_zeros()).map(move |k| unit << k)
    }

    /// Left rotations that sum each group into its last `m` slots (add after each), and, after
    /// the mask, the same amounts again to spread the sums over the group.
    pub fn group_folds(&self) -> impl Iterator<Item = usize> {
        let (unit, group) = (self.lanes, self.group());
        (0..(group / unit).trailing_zeros()).map(move |k| unit << k)
    }

    /// Gradient coordinate whose parts land in slot `s`, before the fold: `coord(s − (g − m))`.
    pub fn landing(&self, s: usize) -> usize {
        self.coordinate(s + self.period() - (self.group() - self.lanes))
    }

    /// The mask between fold and spread: `scale` in the last `m` slots of each group, else 0.
    /// The root folds the step `η/(N·b)` into `scale`.
    pub fn fold_mask(&self, scale: f64) -> Vec<f64> {
        let (group, lanes) = (self.group(), self.lanes);
        (0..self.slots)
            .map(|s| {
                if s % group >= group - lanes {
                    scale
                } else {
                    0.0
                }
            })
            .collect()
    }

    /// All left rotations that training under this layout uses, ascending: one Galois key each.
    pub fn rotations(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (self.baby_steps())
            .chain(self.giant_steps())
            .chain(self.copy_folds())
            .chain(self.group_folds())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The slots' share of L2 decay: 1 at feature weights, 0 at intercept and padding.
    pub fn decay_mask(&self) -> Vec<f64> {
        let features = self.weights - 1;
        (0..self.slots)
            .map(|s| f64::from(u8::from(self.coordinate(s) < features)))
            .collect()
    }

    /// Slot vector of `weights`; padding is zero.
    pub fn pack_weights(&self, weights: &Weights) -> Result<Vec<f64>, Error> {
        if weights.columns() + 1 != self.weights {
            return Err(Error::Shape {
                what: "weights per output (features + intercept)",
                expected: self.weights,
                found: weights.columns() + 1,
            });
        }
        if weights.outputs().next_power_of_two() != self.lanes {
            return Err(Error::Shape {
                what: "outputs (padded)",
                expected: self.lanes,
                found: weights.outputs().next_power_of_two(),
            });
        }
        let value = |s: usize| {
            let (lane, coordinate) = (self.lane(s), self.coordinate(s));
            if lane < weights.outputs() && coordinate < self.weights {
                weights.output(lane)[coordinate]
            } else {
                0.0
            }
        };
        Ok((0..self.slots).map(value).collect())
    }

    /// Reads weights of `outputs` outputs back from a slot vector: the mean over all slots that
    /// hold the same weight, which also averages the noise of encryption.
    pub fn unpack_weights(&self, slots: &[f64], outputs: usize) -> Result<Weights, Error> {
        if slots.len() != self.slots {
            return Err(Error::Shape {
                what: "slots",
                expected: self.slots,
                found: slots.len(),
            });
        }
        if outputs > self.lanes {
            return Err(Error::Shape {
                what: "outputs",
                expected: self.lanes,
                found: outputs,
            });
        }
        let mut weights = Weights::zero(outputs, self.weights - 1);
        let copies = (self.slots / (self.coordinates * self.lanes)) as f64;
        for (s, value) in slots.iter().enumerate() {
            let (lane, coordinate) = (self.lane(s), self.coordinate(s));
            if lane < outputs && coordinate < self.weights {
                weights.values_mut()[lane * self.weights + coordinate] += value / copies;
            }
        }
        Ok(weights)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_sees_each_coordinate_once() {
        for (slots, weights, batch, outputs) in [
            (64, 5, 4, 1),
            (64, 5, 16, 1),
            (64, 5, 64, 1),
            (128, 7, 8, 3),
            (64, 1, 8, 1),
            (64, 30, 4, 2),
        ] {
            let layout = Layout::new(slots, weights, batch, outputs).unwrap();
            let p = layout.coordinates();
            let mut seen = vec![0; layout.batch() * layout.lanes() * p];
            for s in 0..layout.period() {
                for t in 0..layout.diagonals() {
                    let partner = s + layout.group() * t;
                    assert_eq!(layout.lane(partner), layout.lane(s));
                    let coordinate = layout.coordinate(partner);
                    assert_eq!(coordinate, (layout.coordinate(s) + t) % p);
                    seen[(layout.sample(s) * layout.lanes() + layout.lane(s)) * p + coordinate] +=
                        1;
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{layout:?}");
        }
    }

    #[test]
    fn each_product_lands_in_its_coordinate_once() {
        for (slots, weights, batch, outputs) in [(64, 5, 4, 1), (64, 5, 64, 1), (64, 30, 4, 2)] {
            let layout = Layout::new(slots, weights, batch, outputs).unwrap();
            let p = layout.coordinates();
            let mut seen = vec![0; layout.batch() * layout.lanes() * p];
            for s in 0..layout.period() {
                for t in 0..layout.diagonals() {
                    let coordinate = (layout.landing(s) + p - t) % p;
                    let lands = s + layout.period() - layout.group() * t;
                    assert_eq!(layout.landing(lands), coordinate);
                    seen[(layout.sample(s) * layout.lanes() + layout.lane(s)) * p + coordinate] +=
                        1;
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{layout:?}");
        }
    }

    #[test]
    fn weights_survive_packing() {
        let layout = Layout::new(64, 3, 4, 3).unwrap();
        let weights = Weights::from_values(2, (1..=9).map(f64::from).collect()).unwrap();
        let packed = layout.pack_weights(&weights).unwrap();
        let back = layout.unpack_weights(&packed, 3).unwrap();
        assert!(weights.max_abs_diff(&back).unwrap() < 1e-12);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_remedy() {
        assert!(
            Layout::new(64, 65, 4, 1)
                .unwrap_err()
                .to_string()
                .contains("fewer features")
        );
        assert!(
            Layout::new(64, 4, 64, 2)
                .unwrap_err()
                .to_string()
                .contains("batch")
        );
        assert!(
            Layout::new(64, 4, 12, 1)
                .unwrap_err()
                .to_string()
                .contains("use 16")
        );
        assert!(Layout::new(63, 4, 8, 1).is_err());
        assert!(Layout::new(64, 0, 8, 1).is_err());
    }
}
