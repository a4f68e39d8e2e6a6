//! Every operation on ciphertexts against its formula on matrices, and the counts against what was done.

use tacit_ckks::PeriodicEncoder;

use super::toy::{LOW, TOP, Toy, close, reveal, wave};
use super::*;
use crate::model::Samples;
use crate::neural::{Matrix, MlpConfig};

/// Five parties in two groups.
struct Bench {
    layout: ColumnLayout,
    toy: Toy,
}

impl Bench {
    fn new(batch: usize) -> Self {
        let config = MlpConfig {
            slots: 256,
            batch,
            ..MlpConfig::new(&[40, 8, 6, 3])
        };
        let layout = ColumnLayout::new(&config, 5).unwrap();
        let mut steps = layout.party_rotations();
        steps.extend(layout.hidden_rotations());
        steps.extend(layout.bias_rotations(Side::Skewed));
        Self {
            toy: Toy::new(8, steps),
            layout,
        }
    }

    fn batch(
        &self,
        samples: &Samples,
        rows: &[usize],
        level: usize,
    ) -> Result<EncodedBatch, crate::encrypted::EncryptedError> {
        let params = self.toy.engine.params();
        let encoder = PeriodicEncoder::new(params, self.layout.columns())?;
        EncodedBatch::new(
            &encoder,
            self.layout,
            samples,
            rows,
            level,
            params.q_at(level),
        )
    }

    /// Neuron `neuron` of the sample in `column` of `group`: some number.
    fn value(group: usize, column: usize, neuron: usize) -> f64 {
        wave(1 + group * 5_000 + column * 31 + neuron)
    }

    fn columns(&self, side: Side) -> Columns {
        let pack = |group| {
            let slots = self
                .layout
                .pack_columns(side, |i, n| Self::value(group, i, n));
            self.toy.encrypt(&slots)
        };
        let groups = (0..self.layout.groups()).map(pack).collect();
        Columns::new(&self.layout, side, groups).unwrap()
    }
}

#[test]
fn forward_passes_equal_matrix_products() {
    for batch in [2, 8] {
        let bench = Bench::new(batch);
        let layout = bench.layout;
        let weights = Matrix::from_fn(41, 8, |q, p| wave(q * 8 + p));
        let first: Vec<_> = (0..layout.first_ciphertexts())
            .map(|j| bench.toy.encrypt(&layout.pack_first(&weights, j)))
            .collect();
        let samples = samples(batch + 3);
        // One row less than there is room for.
        let rows: Vec<usize> = (1..batch).map(|s| (s * 2) % (batch + 3)).collect();
        let encoded = bench.batch(&samples, &rows, TOP).unwrap();
        let before = bench.toy.engine.counts();
        let out = encoded.forward(&bench.toy.engine, &first).unwrap();
        assert_eq!(
            bench.toy.engine.counts().since(before),
            layout.forward_counts()
        );
        let out = bench.toy.decrypt(&reveal(out));
        for block in 0..layout.blocks() {
            let folded = layout.fold_predictors(block).apply(&out);
            for (slot, value) in folded.iter().enumerate() {
                let (row, column) = (slot / layout.columns(), slot % layout.columns());
                let neuron = layout.neuron(Side::Skewed, row, column);
                let expected = match (column / batch == block, rows.get(column % batch)) {
                    (true, Some(&sample)) => product(&weights, samples.row(sample), neuron),
                    _ => 0.0,
                };
                assert!((value - expected).abs() < LOW, "{value} is not {expected}");
            }
        }
    }
}

#[test]
fn gradients_of_the_first_layer_equal_outer_products() {
    for batch in [2, 8] {
        let bench = Bench::new(batch);
        let layout = bench.layout;
        let samples = samples(batch);
        let rows: Vec<usize> = (0..batch).rev().collect();
        let encoded = bench.batch(&samples, &rows, TOP - 1).unwrap();
        let errors = bench.columns(Side::Skewed);
        for party in [0, 4] {
            let (group, block) = layout.place(party);
            let before = bench.toy.engine.counts();
            let own = spread(&bench.toy.engine, &layout, &errors.groups()[group], block).unwrap();
            let found = encoded.gradient(&bench.toy.engine, &own).unwrap();
            assert_eq!(
                bench.toy.engine.counts().since(before),
                layout.gradient_counts()
            );
            let slots: Vec<_> = (found.into_iter())
                .map(|g| layout.fold_first().apply(&bench.toy.decrypt(&reveal(g))))
                .collect();
            let found = layout.unpack_first(&slots, 8).unwrap();
            let expected = Matrix::from_fn(41, 8, |q, p| {
                let column = |s: usize| block * batch + s;
                let term = |s: usize| {
                    let x = *samples.row(rows[s]).get(q).unwrap_or(&1.0);
                    x * Bench::value(group, column(s), p)
                };
                (0..batch).map(term).sum()
            });
            close(found.values(), expected.values());
            // The repeated columns are those of the weights' layout.
            let again = layout.pack_first(&found, 0);
            assert!(
                again
                    .iter()
                    .zip(&slots[0])
                    .all(|(a, b)| (a - b).abs() < LOW)
            );
        }
    }
}

#[test]
fn hidden_layers_transform_either_side_to_the_other() {
    let bench = Bench::new(8);
    let layout = bench.layout;
    for (layer, side) in [
        (2, Side::Skewed),
        (2, Side::Plain),
        (3, Side::Plain),
        (3, Side::Skewed),
    ] {
        let weights = Matrix::from_fn(8, 8, |q, p| wave(q * 11 + p));
        let stored = bench.toy.encrypt(&layout.pack_hidden(&weights, layer));
        let batch = bench.columns(side);
        let before = bench.toy.engine.counts();
        let out = apply(&bench.toy.engine, &layout, &stored, &batch).unwrap();
        assert_eq!(
            bench.toy.engine.counts().since(before),
            layout.apply_counts(side)
        );
        assert_eq!(out.side(), side.flipped());
        // Forward when the batch is on the side of the layer below.
        let forward = Side::of_layer(layer - 1) == side;
        for (group, ct) in out.groups().iter().enumerate() {
            let slots = bench.toy.decrypt(ct);
            let expected = layout.pack_columns(out.side(), |column, to| {
                let weight = |from: usize| match forward {
                    true => weights.get(from, to),
                    false => weights.get(to, from),
                };
                (0..8)
                    .map(|from| weight(from) * Bench::value(group, column, from))
                    .sum()
            });
            for (found, expected) in slots.iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < LOW,
                    "{layer} {side:?}: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn gradients_of_hidden_layers_equal_outer_products() {
    let bench = Bench::new(8);
    let layout = bench.layout;
    let (skewed, plain) = (bench.columns(Side::Skewed), bench.columns(Side::Plain));
    let before = bench.toy.engine.counts();
    let out = outer(&bench.toy.engine, &layout, &plain, &skewed).unwrap();
    assert_eq!(
        bench.toy.engine.counts().since(before),
        layout.outer_counts()
    );
    let slots = layout.fold_hidden().apply(&bench.toy.decrypt(&out));
    for layer in [2, 3] {
        let found = layout.unpack_hidden(&slots, layer, (8, 8)).unwrap();
        let expected = Matrix::from_fn(8, 8, |q, p| {
            let value =
                |group, column| Bench::value(group, column, q) * Bench::value(group, column, p);
            let columns =
                (0..layout.groups()).flat_map(|g| (0..layout.used()).map(move |c| (g, c)));
            columns.map(|(g, c)| value(g, c)).sum()
        });
        close(found.values(), expected.values());
        let again = layout.pack_hidden(&found, layer);
        assert!(again.iter().zip(&slots).all(|(a, b)| (a - b).abs() < LOW));
    }
}

#[test]
fn gradients_of_biases_equal_sums_over_samples() {
    let bench = Bench::new(8);
    let layout = bench.layout;
    for side in [Side::Plain, Side::Skewed] {
        let batch = bench.columns(side);
        let before = bench.toy.engine.counts();
        let sum = sum_columns(&bench.toy.engine, &layout, &batch, 1).unwrap();
        assert_eq!(
            bench.toy.engine.counts().since(before),
            layout.bias_counts()
        );
        assert_eq!(sum.level(), 1);
        let slots = layout.fold_bias().apply(&bench.toy.decrypt(&sum));
        let bias = layout.unpack_bias(&slots, side, 8);
        for (neuron, found) in bias.iter().enumerate() {
            let columns =
                (0..layout.groups()).flat_map(|g| (0..layout.used()).map(move |c| (g, c)));
            let expected: f64 = columns.map(|(g, c)| Bench::value(g, c, neuron)).sum();
            assert!((found - expected).abs() < LOW, "{found} is not {expected}");
        }
        // It comes in the layout it is stored in, with nothing in the guard.
        let again = layout.pack_bias(side, &bias);
        assert!(again.iter().zip(&slots).all(|(a, b)| (a - b).abs() < LOW));
        // Copies divided by their number fold to themselves.
        let copies = layout.bias_copies() as f64;
        let part: Vec<f64> = again.iter().map(|b| b / copies).collect();
        let folded = layout.fold_bias().apply(&part);
        assert!(again.iter().zip(&folded).all(|(a, b)| (a - b).abs() < LOW));
    }
}

#[test]
fn mispacked_operands_are_refused() {
    let bench = Bench::new(8);
    let skewed = bench.columns(Side::Skewed);
    let error = outer(&bench.toy.engine, &bench.layout, &skewed, &skewed).unwrap_err();
    assert!(error.to_string().contains("Skewed"), "{error}");
    let error = skewed
        .zip(&bench.columns(Side::Plain), |a, _| Ok(a.clone()))
        .unwrap_err();
    assert!(error.to_string().contains("Plain"), "{error}");
    assert!(Columns::new(&bench.layout, Side::Plain, vec![]).is_err());
    let rows: Vec<usize> = (0..9).collect();
    assert!(bench.batch(&samples(9), &rows, TOP).is_err());
    assert!(bench.batch(&samples(9), &[9], TOP).is_err());
}

fn samples(rows: usize) -> Samples {
    let features = (0..rows * 40).map(|k| wave(k + 3)).collect();
    Samples::new(40, features, vec![0.0; rows]).unwrap()
}

fn product(weights: &Matrix, features: &[f64], neuron: usize) -> f64 {
    let inputs = features.iter().chain([&1.0]).enumerate();
    inputs.map(|(q, x)| x * weights.get(q, neuron)).sum()
}
