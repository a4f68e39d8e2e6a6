//! Claims about what blocks compute, their gradients, and running statistics.

mod slow;

use slow::{Slow, moments, numbers};
use tacit_nn::burn::module::Module;
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::layered::{Architecture, Block, Layered, Shape};
use tacit_nn::store::{self, parameters};
use tacit_nn::{
    Draws, Matrix, Network, Optimiser, Rule, matrix::floats, plain_device, predict, training_device,
};

fn draws(seed: u64) -> Draws {
    Draws::new(seed, "layered numbers")
}

fn normal(rows: usize, columns: usize, seed: u64) -> Matrix {
    let mut d = draws(seed);
    let values = (0..rows * columns).map(|_| d.normal()).collect();
    Matrix::new(rows, columns, values).unwrap()
}

/// A network whose every number, running statistics included, was drawn.
fn shaken(architecture: &Architecture, seed: u64) -> Layered {
    let network = Layered::new(architecture, &mut draws(seed)).unwrap();
    let mut d = draws(seed + 1);
    let mut tensors = parameters(&network);
    for (name, tensor) in &mut tensors {
        for v in &mut tensor.values {
            *v = match name.rsplit('.').next() {
                Some("variance") => 0.5 + d.uniform(),
                Some("scale") => 1.0 + d.symmetric(0.5),
                Some("mean" | "shift") => d.symmetric(0.5),
                _ => *v,
            };
        }
    }
    store::load_parameters(network, tensors, "test").unwrap()
}

fn with_convolution(stride: usize, kernel: usize, norm: bool, pool: Block) -> Architecture {
    Architecture {
        input: [2, 7, 6].into(),
        blocks: vec![
            Block::Convolution {
                channels: 3,
                kernel,
                stride,
                norm,
                relu: true,
            },
            pool,
            Block::Dense {
                outputs: 3,
                relu: false,
            },
        ],
    }
}

fn residual(channels: usize, stride: usize) -> Architecture {
    Architecture {
        input: [2, 5, 4].into(),
        blocks: vec![Block::Residual { channels, stride }],
    }
}

fn architectures() -> Vec<Architecture> {
    vec![
        Architecture::mlp(&[9, 7, 3]).unwrap(),
        with_convolution(1, 3, false, Block::MaxPool { side: 2 }),
        with_convolution(2, 5, true, Block::StemPool),
        with_convolution(1, 1, true, Block::GlobalAveragePool),
        with_convolution(3, 7, false, Block::MaxPool { side: 1 }),
        residual(2, 1),
        residual(3, 1),
        residual(2, 2),
        residual(4, 3),
        Architecture::resnet_cifar(8, [1, 6, 6].into(), 3).unwrap(),
    ]
}

fn rows_of(matrix: &Matrix) -> Vec<Vec<f64>> {
    matrix
        .iter()
        .map(|row| row.iter().map(|&v| f64::from(v)).collect())
        .collect()
}

fn assert_near(found: &[f32], expected: &[Vec<f64>], what: &str) {
    let expected: Vec<f64> = expected.concat();
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(&expected) {
        let difference = (f64::from(*f) - e).abs();
        assert!(difference < 1e-4 * (1.0 + e.abs()), "{what}: {f} for {e}");
    }
}

#[test]
fn every_block_computes_its_definition_in_inference_and_in_training() {
    for architecture in architectures() {
        let network = shaken(&architecture, 1);
        let rows = normal(3, network.inputs(), 2);
        let numbers = numbers(&network);
        for batch in [false, true] {
            let slow = Slow {
                architecture: &architecture,
                numbers: &numbers,
                batch,
            };
            let x = rows.tensor(0, 3, &training_device());
            let found = match batch {
                true => network.forward_training(x, &mut draws(1)),
                false => network.forward(x),
            };
            let what = format!("{:?}, batch {batch}", architecture.blocks);
            assert_near(&floats(found), &slow.forward(&rows_of(&rows)), &what);
        }
    }
}

#[test]
fn a_residual_block_has_the_gradient_of_finite_differences() {
    // Identity and strided edge; in training, so that the statistics of the batch are
    // differentiated too, and in inference.
    for (architecture, batch) in [
        (residual(2, 1), true),
        (residual(3, 2), true),
        (residual(3, 2), false),
    ] {
        let network = shaken(&architecture, 3);
        let (count, outputs) = (3, network.outputs());
        let rows = normal(count, network.inputs(), 4);
        let pull = normal(count, outputs, 5);
        let before = numbers(&network);

        let device = training_device();
        let x = rows.tensor(0, count, &device);
        let out = match batch {
            true => network.forward_training(x, &mut draws(1)),
            false => network.forward(x),
        };
        let loss = (out * pull.tensor(0, count, &device)).sum();
        // One plain step at rate 1 moves every weight by its gradient.
        let moved = Optimiser::new(Rule::Sgd { momentum: 0.0 })
            .step(network, &loss, 1.0)
            .unwrap();
        let moved = numbers(&moved);

        let rows = rows_of(&rows);
        let pull: Vec<f64> = rows_of(&pull).concat();
        let loss = |numbers: &slow::Numbers| -> f64 {
            let slow = Slow {
                architecture: &architecture,
                numbers,
                batch,
            };
            let out = slow.forward(&rows).concat();
            out.iter().zip(&pull).map(|(o, p)| o * p).sum()
        };
        let step = 1e-6;
        for (name, values) in &before {
            if name.ends_with("mean") || name.ends_with("variance") {
                continue;
            }
            for i in 0..values.len() {
                let at = |delta: f64| {
                    let mut shifted = before.clone();
                    shifted.get_mut(name).unwrap()[i] += delta;
                    loss(&shifted)
                };
                let numeric = (at(step) - at(-step)) / (2.0 * step);
                let analytic = values[i] - moved[name][i];
                assert!(
                    (numeric - analytic).abs() < 2e-4 * (1.0 + numeric.abs()),
                    "{name}[{i}], batch {batch}: {numeric} by differences, {analytic} by \
                     differentiation"
                );
            }
        }
    }
}

/// A single normalised 1 × 1 convolution with weight 1: the statistics of the input are the
/// statistics of the batch.
fn bare_normalisation() -> Layered {
    let architecture = Architecture {
        input: Shape::from([1, 1, 2]),
        blocks: vec![Block::Convolution {
            channels: 1,
            kernel: 1,
            stride: 1,
            norm: true,
            relu: false,
        }],
    };
    let network = Layered::new(&architecture, &mut draws(1)).unwrap();
    let mut tensors = parameters(&network);
    tensors.get_mut("blocks.0.kernel.weight").unwrap().values = vec![1.0];
    store::load_parameters(network, tensors, "test").unwrap()
}

fn statistics(network: &Layered) -> (f64, f64) {
    let numbers = numbers(network);
    let first = |name: &str| numbers[&format!("blocks.0.kernel.norm.{name}")][0];
    (first("mean"), first("variance"))
}

#[test]
fn the_caller_decides_which_statistics_are_used_not_the_device() {
    let values = [1.0, 2.0, 4.0, 9.0];
    let (mean, variance) = moments(values.iter());
    for (network, device) in [
        (bare_normalisation(), training_device()),
        (bare_normalisation().valid(), plain_device()),
    ] {
        let rows = || {
            let data = TensorData::new(values.map(|v| v as f32).to_vec(), [2, 2]);
            Tensor::<2>::from_data(data, &device)
        };
        // Running statistics of a fresh network are 0 and 1, and inference leaves them.
        let out = floats(network.forward(rows()));
        assert!((out[3] - 9.0 / (1.0f32 + 1e-5).sqrt()).abs() < 1e-5);
        assert_eq!(statistics(&network), (0.0, 1.0));
        // Training normalises by the batch and moves them a tenth of the way, with the unbiased
        // variance.
        let out = floats(network.forward_training(rows(), &mut draws(1)));
        let expected = (9.0 - mean) / (variance + 1e-5).sqrt();
        assert!((f64::from(out[3]) - expected).abs() < 1e-5);
        let (m, v) = statistics(&network);
        assert!((m - 0.1 * mean).abs() < 1e-6);
        assert!((v - (0.9 + 0.1 * variance * 4.0 / 3.0)).abs() < 1e-6);
    }
}

#[test]
fn a_copy_keeps_its_statistics_while_the_original_trains() {
    let network = bare_normalisation();
    let copy = network.clone();
    let rows = normal(4, 2, 1).tensor(0, 4, &training_device());
    network.forward_training(rows, &mut draws(1));
    assert_ne!(statistics(&network), (0.0, 1.0));
    assert_eq!(statistics(&copy), (0.0, 1.0));
}

#[test]
fn differentiating_by_the_input_leaves_a_network_as_it_is() {
    let network = shaken(
        &Architecture::resnet_cifar(8, [1, 6, 6].into(), 3).unwrap(),
        7,
    );
    let before = parameters(&network);
    let rows = normal(2, 36, 8);
    let x = rows.tensor(0, 2, &training_device()).require_grad();
    let out = network.forward(x.clone());
    assert_eq!(
        floats(out.clone()),
        predict::logits(&network, &rows).unwrap().values()
    );
    let gradient = x.grad(&out.sum().backward()).unwrap();
    assert!(floats(gradient).iter().any(|g| *g != 0.0));
    assert_eq!(parameters(&network), before);
}
