//! The descent walked through slot by slot, with the very rotations, masks and plaintexts of the
//! encrypted path. Slow; the reference for both the fast twin and the encrypted path.

use crate::Error;
use crate::model::{BatchOrder, GlmConfig, Samples, Weights};
use crate::packing::{Batch, Diagonals, GradientForm, PartyCircuit, SlotMachine, SlotVector, fold};

/// Trains under the configuration's layout; the weights equal [`super::train`]'s up to rounding.
pub fn train(
    config: &GlmConfig,
    parties: &[Samples],
    form: GradientForm,
    machine: &SlotMachine,
) -> Result<Weights, Error> {
    let descent = super::Descent::new(config, parties)?;
    let (layout, folded) = (config.layout()?, *descent.activation().folded());
    let total: usize = parties.iter().map(Samples::len).sum();
    let divisor = (parties.len() * config.batch) as f64;
    let decay = layout.decay_mask();

    let mut x = SlotVector::fresh(vec![0.0; layout.slots()]);
    let mut previous = x.clone();
    for (iteration, step) in descent.schedule().steps().iter().enumerate() {
        let momentum = step.momentum();
        let base = combine(&[(1.0 + momentum, &x), (-momentum, &previous)]);
        let point = if descent.schedule().is_nesterov() {
            &base
        } else {
            &x
        };

        let mut sum = SlotVector::fresh(vec![0.0; layout.slots()]);
        let mut update = if iteration == 0 {
            for rows in parties {
                let clear =
                    layout.pack_weights(&super::gradient_at_zero(config.family, &folded, rows))?;
                sum = machine.add(&sum, &SlotVector::fresh(clear));
            }
            combine(&[(step.rate / total as f64, &sum)])
        } else {
            for (party, rows) in parties.iter().enumerate() {
                let order = BatchOrder::new(rows.len(), config.batch, config.seed, party);
                let weight = order.row_weight(parties.len(), total);
                let batch = Batch::new(rows, order.rows(iteration - 1), weight)?;
                let diagonals = Diagonals::new(layout, batch)?;
                let circuit = PartyCircuit::new(machine, &diagonals, config.family, &folded);
                // Every party starts from the same refreshed ciphertext.
                let point = SlotVector::fresh(point.values().to_vec());
                sum = machine.add(&sum, &circuit.gradient(&point, form));
            }
            fold(machine, &layout, &sum, step.rate / divisor)
        };
        let decayed: Vec<f64> = point
            .values()
            .iter()
            .zip(&decay)
            .map(|(w, d)| step.decay * w * d)
            .collect();
        update = machine.add_plain(&update, &decayed);
        let next = combine(&[(1.0, &base), (-1.0, &update)]);
        previous = std::mem::replace(&mut x, next);
    }
    layout.unpack_weights(x.values(), config.family.outputs())
}

/// A linear combination; at the top level, so its depth does not count.
fn combine(terms: &[(f64, &SlotVector)]) -> SlotVector {
    let mut out = vec![0.0; terms[0].1.values().len()];
    for (factor, vector) in terms {
        out.iter_mut()
            .zip(vector.values())
            .for_each(|(o, v)| *o += factor * v);
    }
    SlotVector::fresh(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Family, Momentum, Schedule};
    use crate::synthetic::Ar1Logistic;

    fn agree(config: &GlmConfig, parties: &[Samples]) {
        let fast = crate::twin::train(config, parties).unwrap();
        for form in [GradientForm::Separate, GradientForm::Fused] {
            let slow = train(config, parties, form, &SlotMachine::new()).unwrap();
            let difference = fast.weights.max_abs_diff(&slow).unwrap();
            assert!(difference < 1e-9, "{config:?} {form:?}: {difference:e}");
        }
    }

    #[test]
    fn slots_and_formulas_train_the_same_model() {
        let table = Ar1Logistic::new(5, 0.5, 0.1, 4).unwrap().draw(150).unwrap();
        // Unequal parties: one smaller than the batch, one larger.
        let (a, rest) = table.split_at(20).unwrap();
        let (b, c) = rest.split_at(50).unwrap();
        let parties = [a, b, c];
        for batch in [4, 32, 64] {
            for momentum in [Momentum::HeavyBall { mu: 0.5 }, Momentum::default()] {
                let config = GlmConfig {
                    slots: 256,
                    batch,
                    iterations: 4,
                    momentum,
                    l2: 0.01,
                    ..GlmConfig::new(Family::Logistic, 5)
                };
                agree(&config, &parties);
            }
        }
    }

    #[test]
    fn lanes_train_all_classes_at_once() {
        let table = Ar1Logistic::new(3, 0.2, 0.1, 4).unwrap().draw(90).unwrap();
        let labels = (0..90).map(|i| ((table.row(i)[0] * 2.0) as i64).rem_euclid(3) as f64);
        let features = (0..90).flat_map(|i| table.row(i).to_vec()).collect();
        let table = Samples::new(3, features, labels.collect()).unwrap();
        let config = GlmConfig {
            slots: 256,
            batch: 16,
            iterations: 3,
            ..GlmConfig::new(Family::Multinomial { classes: 3 }, 3)
        };
        agree(&config, &table.deal(2).unwrap());
    }

    #[test]
    fn other_families_walk_the_same_way() {
        let table = Ar1Logistic::new(3, 0.2, 0.1, 4).unwrap().draw(60).unwrap();
        for family in [Family::Linear, Family::Poisson] {
            let config = GlmConfig {
                slots: 128,
                batch: 32,
                iterations: 3,
                ..GlmConfig::new(family, 3)
            };
            agree(&config, &table.deal(2).unwrap());
        }
    }

    #[test]
    fn momenta_are_exact_fractions() {
        let config = GlmConfig::new(Family::Logistic, 3);
        let schedule: Schedule = config.schedule(2.0).unwrap();
        for step in schedule.steps() {
            assert_eq!(step.momentum() * 32.0, f64::from(step.momentum_units));
        }
    }
}
