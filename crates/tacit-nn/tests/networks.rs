//! Claims about networks, their gradients and their training.

use tacit_nn::burn::tensor::Tensor;
use tacit_nn::store::{checkpoint, parameters};
use tacit_nn::train::cross_entropy;
use tacit_nn::{
    Draws, Matrix, Mlp, Network, NnError, Optimiser, QuadraticNetwork, Recipe, Rule, Samples,
    Schedule, Trainer, VectorCnn, fit, predict, store, training_device,
};

fn draws(seed: u64) -> Draws {
    Draws::new(seed, "test")
}

/// `classes` clouds on a circle of radius 2, in `columns` dimensions.
fn clouds(rows: usize, columns: usize, classes: usize, seed: u64) -> Samples {
    let mut d = draws(seed);
    let labels: Vec<usize> = (0..rows).map(|_| d.below(classes)).collect();
    let mut values = Vec::new();
    for &l in &labels {
        let angle = std::f32::consts::TAU * l as f32 / classes as f32;
        for c in 0..columns {
            let centre = if c % 2 == 0 { angle.cos() } else { angle.sin() };
            values.push(2.0 * centre + 0.5 * d.normal());
        }
    }
    Samples::new(Matrix::new(rows, columns, values).unwrap(), labels, classes).unwrap()
}

#[test]
fn quadratic_network_computes_its_formula() {
    let network = QuadraticNetwork::new(3, 2, 2, &mut draws(1)).unwrap();
    let (p, b, d) = (
        network.projection_values(),
        network.bias_values(),
        network.diagonal_values(),
    );
    let x = [0.5, -1.0, 2.0];
    let rows = Matrix::new(1, 3, x.to_vec()).unwrap();
    let out = predict::logits(&network, &rows).unwrap();
    for k in 0..2 {
        let expected: f32 = (0..2)
            .map(|j| {
                let z = (0..3).map(|i| p[i * 2 + j] * x[i]).sum::<f32>() + b[j];
                d[j * 2 + k] * z * z
            })
            .sum();
        assert!((out.row(0)[k] - expected).abs() < 1e-5);
    }
}

#[test]
fn quadratic_network_has_the_gradient_of_finite_differences() {
    let network = QuadraticNetwork::new(5, 4, 3, &mut draws(2)).unwrap();
    let device = training_device();
    let rows = Matrix::new(6, 5, (0..30).map(|_| draws(3).normal()).collect()).unwrap();
    // A loss that is linear in the outputs is at most quadratic in each weight, where central
    // differences are exact up to rounding.
    let loss = |network: &QuadraticNetwork| -> Tensor<1> {
        let out = network.forward(rows.tensor(0, 6, &device));
        (out.slice([0..6, 0..2]) * 0.7).sum()
    };
    let before = parameters(&network);
    // One plain step at rate 1 moves every weight by its gradient.
    let l = loss(&network);
    let mut plain = Optimiser::new(Rule::Sgd { momentum: 0.0 });
    let moved = parameters(&plain.step(network.clone(), &l, 1.0).unwrap());
    let step = 0.05;
    for (name, tensor) in &before {
        for i in 0..tensor.values.len() {
            let at = |delta: f32| {
                let mut shifted = before.clone();
                shifted.get_mut(name).unwrap().values[i] += delta;
                let network = store::load_parameters(network.clone(), shifted, "test").unwrap();
                f64::from(tacit_nn::train::value(&loss(&network)))
            };
            let numeric = (at(step) - at(-step)) / (2.0 * f64::from(step));
            let analytic = f64::from(tensor.values[i] - moved[name].values[i]);
            assert!(
                (numeric - analytic).abs() < 2e-3 * (1.0 + numeric.abs()),
                "{name}[{i}]: {numeric} by differences, {analytic} by differentiation"
            );
        }
    }
}

#[test]
fn a_step_moves_only_the_network_it_is_given() {
    let model = QuadraticNetwork::new(4, 3, 2, &mut draws(4)).unwrap();
    let adversary = Mlp::new(&[2, 4, 2], 0.0, &mut draws(5)).unwrap();
    let samples = clouds(16, 4, 2, 6);
    let device = training_device();
    let rows: Vec<usize> = (0..16).collect();
    let (x, y) = samples.batch(&rows, &device);
    let loss = cross_entropy(adversary.forward(model.forward(x)), y);
    let moved = Optimiser::new(Rule::adam())
        .step(model.clone(), &loss, 0.1)
        .unwrap();
    assert_ne!(parameters(&moved), parameters(&model));
    // The moved network still learns: its parameters require gradients.
    let (x, y) = samples.batch(&rows, &device);
    let loss = cross_entropy(adversary.forward(moved.forward(x)), y);
    let again = Optimiser::new(Rule::sgd())
        .step(moved.clone(), &loss, 0.1)
        .unwrap();
    assert_ne!(parameters(&again), parameters(&moved));
}

#[test]
fn every_network_learns_clouds() {
    let train = clouds(600, 4, 3, 7);
    let test = clouds(300, 4, 3, 8);
    let recipe = Recipe {
        epochs: 8,
        batch: 32,
        rate: 5e-3,
        ..Recipe::default()
    };
    fn score<N: Network>(network: N, train: &Samples, test: &Samples, recipe: &Recipe) -> f64 {
        let fitted = fit(network, train, None, recipe, |_| {}).unwrap();
        let classes = predict::classes(&fitted.network, test.features()).unwrap();
        predict::accuracy(&classes, test.labels()).unwrap()
    }
    let mlp = Mlp::new(&[4, 16, 3], 0.1, &mut draws(1)).unwrap();
    assert!(score(mlp, &train, &test, &recipe) > 0.97);
    let cnn = VectorCnn::new(4, 3, &mut draws(1)).unwrap();
    assert!(score(cnn, &train, &test, &recipe) > 0.97);
    let quadratic = QuadraticNetwork::new(4, 8, 3, &mut draws(1)).unwrap();
    assert!(score(quadratic, &train, &test, &recipe) > 0.95);
}

#[test]
fn training_is_a_function_of_the_seed() {
    let samples = clouds(200, 4, 2, 10);
    let run = |seed| {
        let network = Mlp::new(&[4, 8, 2], 0.3, &mut draws(1)).unwrap();
        let recipe = Recipe {
            epochs: 2,
            seed,
            ..Recipe::default()
        };
        parameters(
            &fit(network, &samples, None, &recipe, |_| {})
                .unwrap()
                .network,
        )
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_resumed_trainer_goes_on_as_if_it_had_not_stopped() {
    let samples = clouds(150, 4, 2, 11);
    for rule in [Rule::adam(), Rule::sgd()] {
        let recipe = Recipe {
            epochs: 4,
            rule,
            batch: 16,
            weight_decay: 0.01,
            clip: Some(1.0),
            ..Recipe::default()
        };
        let network = Mlp::new(&[4, 8, 2], 0.2, &mut draws(1)).unwrap();
        let mut whole = Trainer::new(network, recipe.clone()).unwrap();
        let mut stored = Vec::new();
        for epoch in 0..4 {
            if epoch == 2 {
                stored = checkpoint::to_bytes(&whole).unwrap();
            }
            whole.run_epoch(&samples, |_| {}).unwrap();
        }
        let other = Mlp::new(&[4, 8, 2], 0.2, &mut draws(99)).unwrap();
        let mut resumed =
            checkpoint::from_bytes(other.clone(), recipe.clone(), &stored, "test").unwrap();
        assert_eq!(resumed.epoch(), 2);
        resumed.run_epoch(&samples, |_| {}).unwrap();
        resumed.run_epoch(&samples, |_| {}).unwrap();
        assert_eq!(parameters(resumed.network()), parameters(whole.network()));

        let another = Recipe { batch: 8, ..recipe };
        let refused = checkpoint::from_bytes(other, another, &stored, "test");
        assert!(matches!(refused, Err(NnError::Metadata { field, .. }) if field == "recipe"));
    }
}

#[test]
fn early_stopping_returns_the_best_network() {
    // Labels without any relation to the features: validation loss only gets worse.
    let noise = |seed| {
        let mut d = draws(seed);
        let values = (0..60 * 8).map(|_| d.normal()).collect();
        let labels: Vec<usize> = (0..60).map(|_| d.below(2)).collect();
        Samples::new(Matrix::new(60, 8, values).unwrap(), labels, 2).unwrap()
    };
    let recipe = Recipe {
        epochs: 60,
        batch: 8,
        rate: 1e-2,
        schedule: Schedule::Constant,
        patience: Some(3),
        ..Recipe::default()
    };
    let network = Mlp::new(&[8, 64, 2], 0.0, &mut draws(1)).unwrap();
    let fitted = fit(network, &noise(1), Some(&noise(2)), &recipe, |_| {}).unwrap();
    assert!(fitted.losses.len() < 60);
    let best = fitted.validation.iter().copied().fold(f32::MAX, f32::min);
    assert_eq!(fitted.validation[fitted.epoch - 1], best);
}

#[test]
fn a_rate_without_reason_is_reported_as_divergence() {
    let samples = clouds(64, 4, 2, 12);
    let recipe = Recipe {
        rate: 1e18,
        rule: Rule::sgd(),
        ..Recipe::default()
    };
    let network = QuadraticNetwork::new(4, 4, 2, &mut draws(1)).unwrap();
    let result = fit(network, &samples, None, &recipe, |_| {});
    assert!(matches!(result, Err(NnError::Diverged { .. })));
}

#[test]
fn bad_input_is_named() {
    assert!(matches!(
        Matrix::new(2, 2, vec![0.0, 1.0, f32::NAN, 0.0]),
        Err(NnError::Feature {
            row: 1,
            column: 0,
            ..
        })
    ));
    let matrix = Matrix::new(2, 1, vec![0.0, 1.0]).unwrap();
    assert!(matches!(
        Samples::new(matrix.clone(), [0u8, 3], 2),
        Err(NnError::Label {
            row: 1,
            label: 3,
            classes: 2
        })
    ));
    let samples = Samples::new(matrix, [0u8, 1], 2).unwrap();
    let network = Mlp::new(&[2, 2], 0.0, &mut draws(1)).unwrap();
    let result = fit(network, &samples, None, &Recipe::default(), |_| {});
    assert!(matches!(
        result,
        Err(NnError::Shape {
            expected: 2,
            found: 1,
            ..
        })
    ));
    assert!(Mlp::new(&[3], 0.0, &mut draws(1)).is_err());
    let recipe = Recipe {
        batch: 0,
        ..Recipe::default()
    };
    assert!(matches!(
        recipe.check(),
        Err(NnError::Setting { name: "batch", .. })
    ));
}
