//! The circuit itself, on the slot simulator: the reference for the encrypted path, operation by
//! operation.

use super::{Bsgs, Diagonals, GradientForm, Layout, SlotMachine, SlotVector};
use crate::activation::{Folded, Shape};
use crate::model::Family;

/// A party's part of one iteration: weights in, unfolded gradient out.
#[derive(Debug)]
pub struct PartyCircuit<'a> {
    machine: &'a SlotMachine,
    diagonals: &'a Diagonals<'a>,
    family: Family,
    activation: &'a Folded,
}

impl<'a> PartyCircuit<'a> {
    /// A circuit over one batch.
    pub fn new(
        machine: &'a SlotMachine,
        diagonals: &'a Diagonals<'a>,
        family: Family,
        activation: &'a Folded,
    ) -> Self {
        PartyCircuit {
            machine,
            diagonals,
            family,
            activation,
        }
    }

    /// `scale · X·w`, in every copy.
    pub fn forward(&self, weights: &SlotVector, scale: f64) -> SlotVector {
        let layout = self.diagonals.layout();
        let babies = self.babies(weights);
        let mut plain = Vec::with_capacity(layout.slots());
        let mut u = self.giants(|t1, t| {
            self.diagonals.forward_into(t, scale, &mut plain);
            self.machine.mul_plain(&babies[t1], &plain)
        });
        for by in layout.copy_folds() {
            u = self.machine.add(&u, &self.machine.rotate(&u, by as isize));
        }
        u
    }

    /// The unfolded, row-weighted gradient `Xᵀ(act(Xw) − y)`, in the given form.
    pub fn gradient(&self, weights: &SlotVector, form: GradientForm) -> SlotVector {
        let machine = self.machine;
        let u = self.forward(weights, self.activation.scale);
        let x = machine.add_constant(&u, self.activation.shift);
        match (form, self.activation.shape) {
            (GradientForm::Separate, _) | (_, Shape::Identity) => self.separate(x),
            (GradientForm::Fused, _) => self.fused(x),
        }
    }

    fn separate(&self, x: SlotVector) -> SlotVector {
        let machine = self.machine;
        let mut error = match self.activation.shape {
            Shape::Identity => x,
            _ => machine.mul(&x, &self.middle(&x)),
        };
        error = machine.add_constant(&error, self.activation.offset);
        let mut plain = Vec::new();
        self.diagonals.targets_into(self.family, &mut plain);
        plain.iter_mut().for_each(|y| *y = -*y);
        error = machine.add_plain(&error, &plain);
        let babies = self.babies(&error);
        self.giants(|t1, t| {
            self.diagonals.gradient_into(t, &mut plain);
            machine.mul_plain(&babies[t1], &plain)
        })
    }

    fn fused(&self, x: SlotVector) -> SlotVector {
        let machine = self.machine;
        let middle = self.middle(&x);
        let (xs, hs) = (self.babies(&x), self.babies(&middle));
        let mut plain = Vec::new();
        let gradient = self.giants(|t1, t| {
            self.diagonals.gradient_into(t, &mut plain);
            machine.tensor(&machine.mul_plain(&xs[t1], &plain), &hs[t1])
        });
        let offset = self
            .diagonals
            .offset_gradient(self.family, self.activation.offset);
        machine.add_plain(&gradient, &offset)
    }

    /// `h(x)` with `act = x·h(x) + γ`.
    fn middle(&self, x: &SlotVector) -> SlotVector {
        let machine = self.machine;
        match self.activation.shape {
            Shape::Identity => unreachable!("a degree-1 activation has no product"),
            // The sign rides on a negation, which is free.
            Shape::Square { sign } => SlotVector::scaled(x, sign),
            Shape::Cubic { beta } => machine.add_constant(&machine.mul(x, x), beta),
            Shape::Quintic { alpha, beta } => {
                let z = machine.mul(x, x);
                machine.add_constant(&machine.mul(&z, &machine.add_constant(&z, alpha)), beta)
            }
        }
    }

    /// Rotations of `a` by `g·t1`.
    fn babies(&self, a: &SlotVector) -> Vec<SlotVector> {
        let layout = self.diagonals.layout();
        let group = layout.group();
        (0..layout.bsgs().baby)
            .map(|t| self.machine.rotate(a, (group * t) as isize))
            .collect()
    }

    /// `Σ_t2 rot(Σ_t1 term(t1, t1 + n1·t2), g·n1·t2)`.
    fn giants(&self, mut term: impl FnMut(usize, usize) -> SlotVector) -> SlotVector {
        let machine = self.machine;
        let layout = self.diagonals.layout();
        let Bsgs { baby, giant } = layout.bsgs();
        let mut sum: Option<SlotVector> = None;
        for t2 in 0..giant {
            let mut inner = term(0, baby * t2);
            for t1 in 1..baby {
                inner = machine.add(&inner, &term(t1, t1 + baby * t2));
            }
            if !inner.is_linear() {
                inner = machine.relinearise(inner);
            }
            let inner = machine.rotate(&inner, (layout.group() * baby * t2) as isize);
            sum = Some(match sum {
                Some(sum) => machine.add(&sum, &inner),
                None => inner,
            });
        }
        sum.expect("a layout has at least one diagonal")
    }
}

/// The root's fold: sums every group of the aggregated gradient, multiplies by `scale` and
/// spreads the result in the layout of the weights.
pub fn fold(
    machine: &SlotMachine,
    layout: &Layout,
    gradient: &SlotVector,
    scale: f64,
) -> SlotVector {
    let sweep = |mut a: SlotVector| {
        for by in layout.group_folds() {
            a = machine.add(&a, &machine.rotate(&a, by as isize));
        }
        a
    };
    let summed = sweep(gradient.clone());
    sweep(machine.mul_plain(&summed, &layout.fold_mask(scale)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::activation::{self, fold_levels};
    use crate::model::{Samples, Weights};
    use crate::packing::{Batch, Cost, Counts};

    /// Rows, a batch of them and weights, all of small deterministic numbers.
    fn problem(columns: usize, rows: usize, outputs: usize, seed: u64) -> (Samples, Weights) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % 2_001) as f64 / 1_000.0 - 1.0
        };
        let features = (0..rows * columns).map(|_| next()).collect();
        let labels = (0..rows).map(|row| (row % outputs.max(2)) as f64).collect();
        let weights = (0..outputs * (columns + 1)).map(|_| next()).collect();
        (
            Samples::new(columns, features, labels).unwrap(),
            Weights::from_values(columns, weights).unwrap(),
        )
    }

    fn family(outputs: usize) -> Family {
        if outputs == 1 {
            Family::Logistic
        } else {
            Family::Multinomial { classes: outputs }
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn packed_iteration_equals_the_direct_formula(
            columns in 1usize..20,
            batch_bits in 0u32..8,
            fill in 1usize..=128,
            outputs in 1usize..4,
            degree in prop::sample::select(vec![1usize, 2, 3, 5]),
            fused in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let layout = Layout::new(512, columns + 1, 1 << batch_bits, outputs);
            prop_assume!(layout.is_ok());
            let layout = layout.unwrap();
            let rows = fill.min(layout.batch());
            let (samples, weights) = problem(columns, rows + 3, outputs, seed);
            let family = family(outputs);
            let folded = activation::tests::some_folded(degree);
            let form = if fused { GradientForm::Fused } else { GradientForm::Separate };

            let batch = Batch::new(&samples, (0..rows).map(|i| (i * 2) % (rows + 3)), 0.75).unwrap();
            let diagonals = Diagonals::new(layout, batch.clone()).unwrap();
            let machine = SlotMachine::new();
            let packed = SlotVector::fresh(layout.pack_weights(&weights).unwrap());
            let circuit = PartyCircuit::new(&machine, &diagonals, family, &folded);

            let u = circuit.forward(&packed, 1.0);
            for (s, &value) in u.values().iter().enumerate() {
                let (sample, lane) = (layout.sample(s), layout.lane(s));
                let expected = match batch.rows().get(sample) {
                    Some(&row) if lane < outputs => weights.predictor(lane, samples.row(row)),
                    _ => 0.0,
                };
                prop_assert!(close(value, expected), "u[{s}] = {value}, not {expected}");
            }

            let machine = SlotMachine::new();
            let circuit = PartyCircuit::new(&machine, &diagonals, family, &folded);
            let unfolded = circuit.gradient(&packed, form);
            let party = machine.counts();
            let gradient = fold(&machine, &layout, &unfolded, 0.5);

            let mut expected = Weights::zero(outputs, columns);
            for &row in batch.rows() {
                for lane in 0..outputs {
                    let u = weights.predictor(lane, samples.row(row));
                    let error = folded.eval(u) - family.target(samples.labels()[row], lane);
                    let base = lane * (columns + 1);
                    for (j, x) in samples.row(row).iter().chain([&1.0]).enumerate() {
                        expected.values_mut()[base + j] += 0.75 * 0.5 * error * x;
                    }
                }
            }
            for (s, &value) in gradient.values().iter().enumerate() {
                let (lane, coordinate) = (layout.lane(s), layout.coordinate(s));
                if lane < outputs && coordinate <= columns {
                    let expected = expected.output(lane)[coordinate];
                    prop_assert!(close(value, expected), "g[{s}] = {value}, not {expected}");
                }
            }

            let cost = Cost::of(&layout, degree, form);
            prop_assert_eq!(party, Counts {
                rotations: cost.party.rotations,
                plain_products: cost.party.plain_products,
                products: cost.party.products,
                relinearisations: cost.party.relinearisations,
            });
            prop_assert_eq!(machine.counts().rotations - party.rotations, cost.root.rotations);
            prop_assert_eq!(unfolded.depth(), cost.party.levels);
            prop_assert_eq!(gradient.depth(), cost.levels());
        }
    }

    #[test]
    fn padding_of_the_weights_stays_zero() {
        let layout = Layout::new(256, 5, 16, 1).unwrap();
        let (samples, weights) = problem(4, 16, 1, 3);
        let folded = activation::tests::some_folded(3);
        let batch = Batch::new(&samples, 0..16, 1.0).unwrap();
        let diagonals = Diagonals::new(layout, batch).unwrap();
        let machine = SlotMachine::new();
        let packed = SlotVector::fresh(layout.pack_weights(&weights).unwrap());
        let circuit = PartyCircuit::new(&machine, &diagonals, Family::Logistic, &folded);
        let gradient = fold(
            &machine,
            &layout,
            &circuit.gradient(&packed, GradientForm::Fused),
            1.0,
        );
        for (s, &value) in gradient.values().iter().enumerate() {
            assert!(layout.coordinate(s) < 5 || value.abs() < 1e-12);
        }
        assert_eq!(fold_levels(3), 2);
    }
}
