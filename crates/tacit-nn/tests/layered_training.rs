//! Claims about the training of layered networks.

use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::store::{checkpoint, parameters};
use tacit_nn::{Draws, Matrix, Recipe, Samples, Schedule, Trainer, fit, predict};

fn draws(seed: u64) -> Draws {
    Draws::new(seed, "layered training")
}

/// Pictures of 8 × 8 whose left or right half is brighter.
fn halves(rows: usize, noise: f32, seed: u64) -> Samples {
    let mut d = draws(seed);
    let labels: Vec<usize> = (0..rows).map(|i| i % 2).collect();
    let mut values = Vec::new();
    for &l in &labels {
        for pixel in 0..64 {
            let bright = (pixel % 8 >= 4) == (l == 1);
            values.push(if bright { 0.7 } else { 0.3 } + noise * d.normal());
        }
    }
    Samples::new(Matrix::new(rows, 64, values).unwrap(), labels, 2).unwrap()
}

fn residual(seed: u64) -> Layered {
    let architecture = Architecture::resnet_cifar(8, [1, 8, 8].into(), 2).unwrap();
    Layered::new(&architecture, &mut draws(seed)).unwrap()
}

#[test]
fn a_convnet_and_a_residual_network_find_the_bright_half() {
    let (train, test) = (halves(160, 0.3, 1), halves(80, 0.3, 2));
    let convnet = Architecture::convnet([1, 8, 8].into(), 2).unwrap();
    let convnet = Layered::new(&convnet, &mut draws(3)).unwrap();
    let recipe = Recipe {
        epochs: 6,
        batch: 16,
        ..Recipe::default()
    };
    for network in [convnet, residual(3)] {
        let fitted = fit(network, &train, None, &recipe, |_| {}).unwrap();
        let classes = predict::classes(&fitted.network, test.features()).unwrap();
        assert!(predict::accuracy(&classes, test.labels()).unwrap() > 0.97);
    }
}

#[test]
fn a_resumed_trainer_goes_on_with_the_running_statistics() {
    let samples = halves(40, 0.3, 4);
    let recipe = Recipe {
        epochs: 2,
        batch: 16,
        ..Recipe::default()
    };
    let mut whole = Trainer::new(residual(5), recipe.clone()).unwrap();
    whole.run_epoch(&samples, |_| {}).unwrap();
    let stored = checkpoint::to_bytes(&whole).unwrap();
    whole.run_epoch(&samples, |_| {}).unwrap();

    let mut resumed = checkpoint::from_bytes(residual(99), recipe, &stored, "test").unwrap();
    resumed.run_epoch(&samples, |_| {}).unwrap();
    let found = parameters(resumed.network());
    assert_eq!(found, parameters(whole.network()));
    let moved = &found["blocks.1.first.norm.mean"];
    assert!(moved.values.iter().any(|v| *v != 0.0));
}

#[test]
fn the_best_network_keeps_the_statistics_of_its_epoch() {
    // Labels that the other half does not share: validation loss gets worse and training stops.
    let (train, wrong) = (halves(32, 2.0, 6), halves(32, 2.0, 7));
    let recipe = Recipe {
        epochs: 12,
        batch: 8,
        rate: 5e-3,
        schedule: Schedule::Constant,
        patience: Some(2),
        ..Recipe::default()
    };
    let fitted = fit(residual(8), &train, Some(&wrong), &recipe, |_| {}).unwrap();
    assert!(fitted.epoch < fitted.losses.len(), "trained past the best");
    let logits = predict::logits(&fitted.network, wrong.features()).unwrap();
    let loss = logits
        .iter()
        .zip(wrong.labels())
        .map(|(z, &l)| -predict::softmax(z)[l].ln())
        .sum::<f32>()
        / 32.0;
    assert!((loss - fitted.validation[fitted.epoch - 1]).abs() < 1e-5 * (1.0 + loss));
}
