//! Every operation against the twin's convolution, and the counts against what was done.

use tacit_ckks::PeriodicEncoder;

use super::super::toy::{TOP, Toy, close, reveal, wave};
use super::*;
use crate::encrypted::EncryptedError;
use crate::model::Samples;

/// Three parties.
struct Bench {
    layout: ConvolutionLayout,
    toy: Toy,
}

/// Shapes whose channels fill two tiles, and whose regions or taps leave rows or columns empty.
fn shapes() -> [(Convolution, usize); 2] {
    let even = Convolution {
        side: 7,
        kernel: 3,
        stride: 1,
        pool: 2,
        channels: 5,
    };
    let odd = Convolution {
        side: 9,
        kernel: 2,
        stride: 3,
        pool: 1,
        channels: 2,
    };
    [(even, 8), (odd, 4)]
}

impl Bench {
    fn new((shape, batch): (Convolution, usize)) -> Self {
        let config = MlpConfig {
            slots: 512,
            batch,
            ..MlpConfig::convolutional(shape, &[16, 3])
        };
        let layout = ConvolutionLayout::new(&config, 3).unwrap();
        let mut steps = layout.party_rotations();
        steps.extend(layout.fold_rotations());
        Self {
            toy: Toy::new(9, steps),
            layout,
        }
    }

    fn patches(
        &self,
        samples: &Samples,
        rows: &[usize],
        block: usize,
    ) -> Result<EncodedPatches, EncryptedError> {
        let params = self.toy.engine.params();
        let encoder = PeriodicEncoder::new(params, self.layout.period())?;
        let at = (TOP, params.q_at(TOP));
        EncodedPatches::new(&encoder, self.layout, samples, rows, block, at)
    }

    fn samples(&self, rows: usize) -> Samples {
        let pixels = self.layout.shape.side * self.layout.shape.side;
        let features = (0..rows * pixels).map(|k| wave(k + 3)).collect();
        Samples::new(pixels, features, vec![0.0; rows]).unwrap()
    }

    fn filters(&self) -> Matrix {
        let shape = &self.layout.shape;
        Matrix::from_fn(shape.taps() + 1, shape.channels, |q, p| wave(q * 8 + p))
    }
}

#[test]
fn forward_passes_equal_the_convolution() {
    for shape in shapes() {
        let bench = Bench::new(shape);
        let (layout, columns) = (bench.layout, bench.layout.columns);
        let weights = bench.filters();
        let filters: Vec<_> = (0..layout.tiles())
            .map(|t| bench.toy.encrypt(&layout.pack_filters(&weights, t)))
            .collect();
        let samples = bench.samples(columns.batch());
        // One row less than there is room for.
        let rows: Vec<usize> = (1..columns.batch()).rev().collect();
        for block in [0, columns.blocks() - 1] {
            let patches = bench.patches(&samples, &rows, block).unwrap();
            let before = bench.toy.engine.counts();
            let out = patches.forward(&bench.toy.engine, &filters).unwrap();
            assert_eq!(
                bench.toy.engine.counts().since(before),
                layout.forward_counts()
            );
            for (tile, offsets) in out.into_iter().enumerate() {
                for (offset, out) in offsets.into_iter().enumerate() {
                    let expected = columns.pack_columns(Side::Skewed, |column, neuron| {
                        let s = column.checked_sub(block * columns.batch());
                        let sample = s.and_then(|s| rows.get(s));
                        let (Some(&sample), Some((channel, region))) =
                            (sample, layout.neuron(tile, neuron))
                        else {
                            return 0.0;
                        };
                        let u = shape.0.forward(&weights, samples.row(sample));
                        u[(offset * shape.0.regions() + region) * shape.0.channels + channel]
                    });
                    close(&bench.toy.decrypt(&reveal(out)), &expected);
                }
            }
        }
    }
}

#[test]
fn gradients_of_filters_sum_over_positions_and_samples() {
    for shape in shapes() {
        let bench = Bench::new(shape);
        let (layout, columns) = (bench.layout, bench.layout.columns);
        let shape = shape.0;
        let samples = bench.samples(columns.batch());
        let rows: Vec<usize> = (0..columns.batch()).rev().collect();
        let value = |column: usize, offset: usize, channel: usize, region: usize| {
            wave(1 + column * 31 + offset * 1_009 + channel * 7 + region * 97)
        };
        let errors: Vec<Vec<_>> = (0..layout.tiles())
            .map(|tile| {
                let at = |offset: usize| {
                    // Something everywhere: what is nobody's must not count.
                    bench
                        .toy
                        .encrypt(&columns.pack_columns(Side::Skewed, |column, neuron| {
                            match layout.neuron(tile, neuron) {
                                Some((c, r)) => value(column, offset, c, r),
                                None => 1.5,
                            }
                        }))
                };
                (0..layout.offsets()).map(at).collect()
            })
            .collect();
        let mut expected = Matrix::zero(shape.taps() + 1, shape.channels);
        let mut sums: Vec<Option<Ciphertext>> = vec![None; layout.tiles()];
        // Two parties of one group.
        for block in [0, 1] {
            let patches = bench.patches(&samples, &rows, block).unwrap();
            let before = bench.toy.engine.counts();
            let found = patches.gradient(&bench.toy.engine, &errors).unwrap();
            assert_eq!(
                bench.toy.engine.counts().since(before),
                layout.gradient_counts()
            );
            for (sum, found) in sums.iter_mut().zip(found) {
                let found = reveal(found);
                match sum {
                    Some(sum) => bench
                        .toy
                        .engine
                        .evaluator()
                        .add_assign(sum, &found)
                        .unwrap(),
                    None => *sum = Some(found),
                }
            }
            for (s, &row) in rows.iter().enumerate() {
                let column = block * columns.batch() + s;
                let errors: Vec<f64> = (0..shape.offsets())
                    .flat_map(|o| (0..shape.regions()).map(move |r| (o, r)))
                    .flat_map(|(o, r)| (0..shape.channels).map(move |c| value(column, o, c, r)))
                    .collect();
                shape.add_gradient(samples.row(row), &errors, &mut expected);
            }
        }
        let mut slots = Vec::new();
        for (tile, sum) in sums.into_iter().flatten().enumerate() {
            let before = bench.toy.engine.counts();
            let folded = layout.fold(&bench.toy.engine, &sum).unwrap();
            assert_eq!(
                bench.toy.engine.counts().since(before),
                layout.fold_counts()
            );
            let alone = layout.alone(tile).apply(&bench.toy.decrypt(&folded));
            let repeated = layout
                .repeat(&bench.toy.engine, &bench.toy.encrypt(&alone))
                .unwrap();
            slots.push(bench.toy.decrypt(&repeated));
            // In the layout that the forward pass takes.
            close(&slots[tile], &layout.pack_filters(&expected, tile));
        }
        let found = layout.unpack_filters(&slots).unwrap();
        close(found.values(), expected.values());
        assert!(layout.unpack_filters(&slots[1..]).is_err());
    }
}

#[test]
fn weights_of_the_layer_above_come_apart_by_tiles_and_together_again() {
    for shape in shapes() {
        let layout = Bench::new(shape).layout;
        let weights = Matrix::from_fn(shape.0.features(), 3, |q, p| wave(q * 5 + p));
        let tiles: Vec<Matrix> = (0..layout.tiles())
            .map(|t| layout.tile_of(&weights, t))
            .collect();
        assert_eq!(layout.join_tiles(&tiles, 3), weights);
        let there: f64 = (0..layout.tiles())
            .map(|t| layout.presence(t, 0).iter().sum::<f64>())
            .sum();
        let samples = layout.columns.blocks().min(3) * layout.columns.batch();
        assert_eq!(there as usize, shape.0.features() * samples);
    }
}

#[test]
fn digits_take_four_tiles_of_four_channels() {
    let shape = Convolution {
        side: 28,
        kernel: 5,
        stride: 3,
        pool: 2,
        channels: 16,
    };
    let config = MlpConfig::convolutional(shape, &[64, 10]);
    let layout = ConvolutionLayout::new(&config, 10).unwrap();
    assert_eq!(
        (layout.regions(), layout.taps(), layout.tiles()),
        (16, 32, 4)
    );
    assert_eq!(layout.split(), Split { baby: 16, giant: 2 });
    assert_eq!(layout.fold_counts().rotations, 7);
    assert_eq!(layout.period(), 4_096);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (shape, batch) = shapes()[0];
    let config = MlpConfig {
        slots: 512,
        batch,
        ..MlpConfig::convolutional(shape, &[8, 3])
    };
    let error = ConvolutionLayout::new(&config, 3).unwrap_err().to_string();
    assert!(error.contains("10 taps"), "{error}");
    let dense = MlpConfig::new(&[4, 3, 2]);
    assert!(ConvolutionLayout::new(&dense, 3).is_err());

    let bench = Bench::new(shapes()[0]);
    let samples = bench.samples(3);
    assert!(bench.patches(&samples, &[0, 3], 0).is_err());
    let small = Samples::new(4, vec![0.0; 4], vec![0.0]).unwrap();
    assert!(bench.patches(&small, &[0], 0).is_err());
    let patches = bench.patches(&samples, &[0], 0).unwrap();
    assert!(patches.forward(&bench.toy.engine, &[]).is_err());
    assert!(
        patches
            .gradient(&bench.toy.engine, &[vec![], vec![]])
            .is_err()
    );
}
