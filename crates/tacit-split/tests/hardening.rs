//! Hardening on data where the public and the private label are independent by construction.

use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::predict::{accuracy, argmax};
use tacit_nn::store::parameters;
use tacit_nn::train::Recipe as FitRecipe;
use tacit_nn::{Draws, Matrix, Mlp, Samples, fit, predict};
use tacit_split::SplitError;
use tacit_split::harden::{Collapse, Hardened, Method, Outcome, Recipe, harden};
use tacit_split::noise::{ClientSecret, Noise};

/// Twelve numbers: three lean on the public label, three on the private one, six on neither.
fn people(rows: usize, seed: u64) -> (Samples, Samples) {
    let mut draws = Draws::new(seed, "people");
    let (mut values, mut public, mut private) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let (a, b) = (draws.below(2), draws.below(2));
        let lean = |on: usize| 3.0 * on as f32 - 1.5;
        for at in 0..12 {
            let mean = match at / 3 {
                0 => lean(a),
                1 => lean(b),
                _ => 0.0,
            };
            values.push(mean + draws.normal());
        }
        public.push(a);
        private.push(b);
    }
    let matrix = Matrix::new(rows, 12, values).unwrap();
    let public = Samples::new(matrix.clone(), public, 2).unwrap();
    (public, Samples::new(matrix, private, 2).unwrap())
}

struct World {
    network: Layered,
    train: (Samples, Samples),
    validation: (Samples, Samples),
    attacker: (Samples, Samples),
    test: (Samples, Samples),
}

fn world() -> World {
    let architecture = Architecture::mlp(&[12, 32, 16, 2]).unwrap();
    let network = Layered::new(&architecture, &mut Draws::new(1, "weights")).unwrap();
    let train = people(600, 1);
    let recipe = FitRecipe {
        epochs: 6,
        batch: 64,
        ..FitRecipe::default()
    };
    let network = fit(network, &train.0, None, &recipe, |_| {})
        .unwrap()
        .network;
    World {
        network,
        train,
        validation: people(300, 2),
        attacker: people(1200, 3),
        test: people(600, 4),
    }
}

fn recipe(method: Method) -> Recipe {
    Recipe {
        lambda: 8.0,
        epochs: 30,
        batch: 32,
        rate: 1e-2,
        ..Recipe::of(method)
    }
}

impl World {
    fn harden(&self, recipe: &Recipe) -> Result<Hardened, SplitError> {
        let known = Some(&self.train.1);
        let (train, validation) = (&self.train.0, &self.validation.0);
        harden(&self.network, 1, train, validation, known, recipe, |_| {})
    }

    /// Public accuracy, and that of a network that learns the private label from what is sent.
    fn measure(&self, hardened: &Hardened) -> (f64, f64) {
        let deployed = hardened.deploy(ClientSecret::from_bytes([3; 32])).unwrap();
        let sent = |s: &Samples| deployed.client.sent(s.features(), 0).unwrap();
        let answers = argmax(&deployed.head.answer(&sent(&self.test.0)).unwrap());
        let public = accuracy(&answers, self.test.0.labels()).unwrap();
        let labelled = |s: &Samples| Samples::new(sent(s), s.labels().iter().copied(), 2).unwrap();
        let (attacker, test) = (labelled(&self.attacker.1), labelled(&self.test.1));
        let columns = attacker.features().columns();
        let network = Mlp::new(&[columns, 32, 2], 0.0, &mut Draws::new(1, "attacker")).unwrap();
        let recipe = FitRecipe {
            epochs: 6,
            ..FitRecipe::default()
        };
        let network = fit(network, &attacker, None, &recipe, |_| {})
            .unwrap()
            .network;
        let guesses = predict::classes(&network, test.features()).unwrap();
        (public, accuracy(&guesses, test.labels()).unwrap())
    }
}

#[test]
fn penalties_with_noise_keep_the_public_label_and_hide_the_private_one() {
    let world = world();
    let undefended = world.harden(&recipe(Method::Undefended)).unwrap();
    assert_eq!(undefended.outcome, Outcome::Untouched);
    assert_eq!(undefended.cost.steps, 0);
    let (public, private) = world.measure(&undefended);
    assert!(
        public > 0.97 && private > 0.85,
        "undefended: {public}, {private}"
    );
    for method in [Method::Center, Method::Mahalanobis] {
        let hardened = world.harden(&recipe(method)).unwrap();
        assert_eq!(hardened.outcome, Outcome::Finished);
        let (public, private) = world.measure(&hardened);
        assert!(public > 0.95, "{method:?}: public {public}");
        assert!(private < 0.65, "{method:?}: private {private}");
    }
}

#[test]
fn every_method_runs_and_says_whether_it_used_private_labels() {
    let world = world();
    for method in Method::ALL {
        let recipe = Recipe {
            epochs: 2,
            batch: 64,
            ..Recipe::of(method)
        };
        let hardened = world.harden(&recipe).unwrap();
        let private = matches!(method, Method::Adversarial | Method::NullSpace);
        assert_eq!(hardened.used_private_labels(), private);
        let (public, _) = world.measure(&hardened);
        assert!(public > 0.8, "{method:?}: public {public}");
    }
}

#[test]
fn the_deployed_head_can_be_left_as_it_is() {
    let world = world();
    let recipe = Recipe {
        keep_head: true,
        ..recipe(Method::Mahalanobis)
    };
    let hardened = world.harden(&recipe).unwrap();
    let (_, head) = world.network.split_at(1).unwrap();
    assert_eq!(parameters(&hardened.head), parameters(&head));
    let (public, private) = world.measure(&hardened);
    assert!(public > 0.9 && private < 0.75, "{public}, {private}");
}

#[test]
fn a_bottleneck_narrows_what_is_sent() {
    let world = world();
    let recipe = Recipe {
        bottleneck: Some(3),
        ..recipe(Method::Center)
    };
    let hardened = world.harden(&recipe).unwrap();
    assert_eq!(hardened.normaliser.features(), 3);
    let (public, _) = world.measure(&hardened);
    assert!(public > 0.8, "{public}");
    let wide = Recipe {
        bottleneck: Some(32),
        ..recipe
    };
    assert!(matches!(
        world.harden(&wide),
        Err(SplitError::Setting { .. })
    ));
}

#[test]
fn the_same_seed_gives_the_same_network() {
    let world = world();
    let recipe = Recipe {
        epochs: 2,
        ..recipe(Method::Mahalanobis)
    };
    let (a, b) = (
        world.harden(&recipe).unwrap(),
        world.harden(&recipe).unwrap(),
    );
    assert_eq!(parameters(&a.encoder), parameters(&b.encoder));
    let other = Recipe { seed: 9, ..recipe };
    let c = world.harden(&other).unwrap();
    assert_ne!(parameters(&a.encoder), parameters(&c.encoder));
}

#[test]
fn a_lost_public_task_is_named() {
    let world = world();
    let mut recipe = recipe(Method::NoiseOnly);
    recipe.veil.noise = Noise::Gaussian { snr: 1e-4 };
    recipe.veil.range = 1.0;
    recipe.epochs = 2;
    let outcome = world.harden(&recipe).unwrap().outcome;
    let sign = matches!(outcome, Outcome::Collapsed(Collapse::Accuracy { .. }));
    assert!(sign, "{outcome:?}");
}

#[test]
fn training_stops_when_accuracy_no_longer_rises() {
    let world = world();
    let recipe = Recipe {
        epochs: 40,
        patience: Some(1),
        ..recipe(Method::Center)
    };
    let hardened = world.harden(&recipe).unwrap();
    assert_eq!(hardened.outcome, Outcome::StoppedEarly);
    assert!(hardened.cost.epochs < 40);
    assert_eq!(hardened.epochs.len(), hardened.cost.epochs);
}

#[test]
fn bad_input_is_named() {
    let world = world();
    let (train, validation) = (&world.train.0, &world.validation.0);
    let run = |recipe: &Recipe, train: &Samples| {
        harden(&world.network, 1, train, validation, None, recipe, |_| {})
    };
    let method = recipe(Method::Adversarial);
    let found = run(&method, train);
    assert!(
        matches!(found, Err(SplitError::PrivateLabels { .. })),
        "{found:?}"
    );

    let constant = Samples::new(train.features().clone(), vec![0usize; train.rows()], 2).unwrap();
    let found = run(&recipe(Method::Center), &constant);
    assert!(
        matches!(found, Err(SplitError::ClassAbsent { class: 1, .. })),
        "{found:?}"
    );

    let wide = Recipe {
        batch: 1,
        ..recipe(Method::Center)
    };
    assert!(matches!(run(&wide, train), Err(SplitError::Setting { .. })));

    let deployed = world.harden(&recipe(Method::Undefended)).unwrap();
    let head = deployed
        .deploy(ClientSecret::from_bytes([1; 32]))
        .unwrap()
        .head;
    let loud = Matrix::new(1, 32, vec![1e6; 32]).unwrap();
    assert!(matches!(head.answer(&loud), Err(SplitError::Range { .. })));
}
