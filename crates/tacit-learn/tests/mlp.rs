//! Whole encrypted trainings of networks against the twin, on small rings without security, and the
//! parameters that are really used.

use std::sync::Arc;

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::{IterationCost, MlpPlan, local};
use tacit_learn::neural::{
    Curve, EarlyStop, Head, MlpConfig, PolynomialActivation, Rate, StepMomentum, train_mlp,
};
use tacit_learn::synthetic;
use tacit_transport::memory::Options;

mod beside_twin;

use beside_twin::{boxed, check, names};

fn table(features: usize, rows: usize, classes: usize) -> Samples {
    let mut source = synthetic::Ar1Logistic::new(features, 0.4, 0.1, 4).unwrap();
    let drawn = source.draw(rows).unwrap();
    let features_of =
        (0..rows).flat_map(|i| drawn.row(i).iter().map(|x| x / 3.0).collect::<Vec<_>>());
    let label = |i: usize| (2.0 * drawn.row(i)[0]).round().rem_euclid(classes as f64);
    let labels = (0..rows).map(label).collect();
    Samples::new(features, features_of.collect(), labels).unwrap()
}

fn config(layers: &[usize]) -> MlpConfig {
    MlpConfig {
        slots: 256,
        batch: 8,
        iterations: 3,
        ..MlpConfig::new(layers)
    }
}

#[test]
fn an_encrypted_network_learns_what_its_twin_learns() {
    // Parties of unequal size, one below the batch; more of them than a ciphertext has blocks for.
    let table = table(12, 90, 3);
    let (a, rest) = table.split_at(5).unwrap();
    let (b, rest) = rest.split_at(25).unwrap();
    let mut parties = vec![a, b];
    parties.extend(rest.deal(3).unwrap());
    check(config(&[12, 8, 5, 3]), &parties);
}

#[test]
fn depths_and_settings_agree_too() {
    let parties = table(5, 60, 2).deal(2).unwrap();
    let silu = PolynomialActivation::fit(Curve::Silu, 2, 4.0).unwrap();
    check(
        MlpConfig {
            activation: silu,
            weight_decay: 0.05,
            rate: Rate::Cosine {
                from: 0.2,
                to: 0.02,
            },
            ..config(&[5, 6, 2])
        },
        &parties,
    );
    check(
        MlpConfig {
            momentum: StepMomentum::None,
            batch: 4,
            iterations: 2,
            ..config(&[5, 7, 8, 4, 2])
        },
        &parties,
    );
}

#[test]
fn features_are_centred_by_what_the_parties_release_together() {
    let config = config(&[12, 8, 3]);
    let shifted = |rows: Samples| {
        let features =
            (0..rows.len()).flat_map(|i| rows.row(i).iter().map(|x| x + 2.0).collect::<Vec<_>>());
        Samples::new(12, features.collect(), rows.labels().to_vec()).unwrap()
    };
    let parties: Vec<_> = (table(12, 50, 3).deal(3).unwrap().into_iter())
        .map(|rows| CentredRows(shifted(rows)))
        .collect();
    let sizes = parties.iter().map(|p| p.0.len()).collect();
    let plan = MlpPlan::insecure_toy(config.clone(), sizes).unwrap();
    let plan = Arc::new(plan.with_moments(CentredRows::moments_of(12)).unwrap());
    let (names, options) = (names(3), Options::default());
    let trained = local::train(&plan, &names, boxed(&parties), &options, |_| {}).unwrap();

    let mut totals = vec![0.0; 13];
    for party in &parties {
        let own = party.moments().unwrap();
        totals.iter_mut().zip(own).for_each(|(t, own)| *t += own);
    }
    let released = totals.iter().zip(&trained.totals);
    assert!(released.clone().all(|(a, b)| (a - b).abs() < 1e-6));
    let centred: Vec<_> = (parties.iter())
        .map(|p| CentredRows::centred(&p.0, &totals).unwrap())
        .collect();
    let twin = train_mlp(&config, &centred, |_, _| {}).unwrap();
    assert!(trained.weights.max_abs_diff(&twin) < 1e-5);

    // Rows that come ready do not fit a plan that standardises.
    let refused = local::train(&plan, &names, boxed(&centred), &options, |_| {}).unwrap_err();
    assert!(refused.to_string().contains("moments"), "{refused}");
}

#[test]
fn gradients_at_nesterovs_point_agree_too() {
    // Parties of several ciphertexts; a step that has moved; decay at the point, but not of the bias.
    let parties = table(9, 80, 3).deal(5).unwrap();
    for mu in [0.9, 0.875] {
        let config = MlpConfig {
            momentum: StepMomentum::Nesterov { mu },
            weight_decay: 0.02,
            iterations: 4,
            ..config(&[9, 8, 6, 3])
        };
        check(config, &parties);
    }
}

#[test]
fn biases_of_hidden_layers_agree_too() {
    // Layers of either side; a party below the batch, whose empty columns have activations then.
    let table = table(9, 80, 3);
    let (small, rest) = table.split_at(5).unwrap();
    let mut parties = vec![small];
    parties.extend(rest.deal(4).unwrap());
    let silu = PolynomialActivation::fit(Curve::Silu, 2, 4.0).unwrap();
    for momentum in [
        StepMomentum::HeavyBall { mu: 0.9 },
        StepMomentum::Nesterov { mu: 0.75 },
    ] {
        let config = MlpConfig {
            hidden_bias: true,
            activation: silu.clone(),
            momentum,
            weight_decay: 0.02,
            ..config(&[9, 8, 6, 7, 3])
        };
        check(config, &parties);
    }
}

#[test]
fn activations_of_every_degree_agree_too() {
    let parties = table(6, 50, 2).deal(3).unwrap();
    let fit = |curve, degree, width| PolynomialActivation::fit(curve, degree, width).unwrap();
    for (activation, levels) in [
        // Odd, with a constant, of degrees beyond three; a falling curvature; a line.
        (fit(Curve::Tanh, 3, 2.0), 4),
        (fit(Curve::Relu, 4, 3.0), 5),
        (fit(Curve::Sigmoid, 5, 4.0), 5),
        (fit(Curve::Silu, 7, 4.0), 5),
        (PolynomialActivation::quadratic(0.2, 0.5, -0.1).unwrap(), 3),
        (PolynomialActivation::new(vec![0.1, 0.7]).unwrap(), 3),
    ] {
        let config = MlpConfig {
            activation,
            iterations: 2,
            ..config(&[6, 7, 5, 2])
        };
        let plan = MlpPlan::insecure_toy(config.clone(), vec![17, 17, 16]).unwrap();
        let encryption = &plan.encryption;
        let top = encryption.params.literal().q_bits.len() - 1;
        assert_eq!(top - encryption.refresh_level, levels);
        check(config, &parties);
    }
}

#[test]
fn cross_entropy_agrees_too() {
    let parties = table(6, 50, 3).deal(3).unwrap();
    for degree in [1, 3, 5] {
        let sigmoid = PolynomialActivation::fit(Curve::Sigmoid, degree, 5.0).unwrap();
        let config = MlpConfig {
            head: Head::CrossEntropy(sigmoid),
            target: 1.0,
            hidden_bias: true,
            ..config(&[6, 7, 3])
        };
        check(config, &parties);
    }
}

#[test]
fn several_batches_before_a_step_agree_too() {
    // One party has less than two batches, another less than one.
    let table = table(6, 60, 3);
    let (a, rest) = table.split_at(11).unwrap();
    let (b, c) = rest.split_at(7).unwrap();
    let config = MlpConfig {
        local_batches: 3,
        hidden_bias: true,
        ..config(&[6, 7, 3])
    };
    check(config, &[a, b, c]);
}

#[test]
fn a_training_stops_where_its_rule_and_its_twin_say() {
    // Unequal parties, one below the batch, in two groups.
    let table = table(6, 60, 3);
    let (small, rest) = table.split_at(5).unwrap();
    let mut parties = vec![small];
    parties.extend(rest.deal(3).unwrap());
    let sizes: Vec<usize> = parties.iter().map(Samples::len).collect();
    let fit = PolynomialActivation::fit(Curve::Sigmoid, 3, 5.0).unwrap();
    for (improvement, head, done) in [
        (0.9, Head::SquaredError, 6),
        (0.0, Head::CrossEntropy(fit), 7),
    ] {
        let stop = EarlyStop {
            every: 2,
            patience: 2,
            improvement,
        };
        let config = MlpConfig {
            head,
            target: 1.0,
            rate: Rate::Constant { rate: 0.05 },
            iterations: 7,
            local_batches: 2,
            stop: Some(stop),
            ..config(&[6, 7, 3])
        };
        let plan = MlpPlan::insecure_toy(config.clone(), sizes.clone()).unwrap();
        assert!(plan.error_margin().fits() && plan.error_margin().precision_bits() > 20.0);
        let (trained, found) = check(config, &parties);
        assert_eq!((trained.errors.len(), found), (3, done));
    }
}

#[test]
fn what_is_not_trained_under_encryption_is_refused_by_field() {
    let refused = |config: MlpConfig| {
        MlpPlan::insecure_toy(config, vec![10, 10])
            .unwrap_err()
            .to_string()
    };
    let irrational = MlpConfig {
        momentum: StepMomentum::Nesterov {
            mu: 1.0 / 2.0f64.sqrt(),
        },
        ..config(&[5, 6, 2])
    };
    assert!(refused(irrational).contains("`momentum`"));
    assert!(refused(config(&[5, 2])).contains("`layers`"));
}

#[test]
fn digits_among_ten_parties_fit_the_secure_parameters() {
    let plan = MlpPlan::new(MlpConfig::new(&[784, 64, 64, 10]), vec![6_000; 10], 64).unwrap();
    let params = &plan.encryption.params;
    let log_qp = params.ring().log2_modulus(params.key_basis());
    assert!(log_qp <= 430.0, "{log_qp}");
    assert_eq!(params.literal().q_bits, [49, 49, 49, 42, 42, 42]);
    assert_eq!(plan.encryption.refresh_level, 2);
    assert!(params.log2_q(plan.encryption.refresh_level) >= plan.encryption.mask.modulus_bits(10));
    let margin = plan.release_margin();
    assert!(
        margin.fits() && margin.precision_bits() > 20.0,
        "{margin:?}"
    );
    let cost = IterationCost::of(&plan);
    assert_eq!((cost.refreshes, cost.rounds), (33, 8));
    let total = cost.total(10);
    assert_eq!(total.hoisted + total.rotations, 1_686);
}

#[test]
fn dearer_activations_fit_the_same_ring_at_a_lower_scale() {
    let plan = |degree, slots, lambda_s| {
        let config = MlpConfig {
            activation: PolynomialActivation::fit(Curve::Sigmoid, degree, 4.0).unwrap(),
            slots,
            ..MlpConfig::new(&[784, 64, 64, 10])
        };
        MlpPlan::new(config, vec![6_000; 10], lambda_s)
    };
    for (degree, primes) in [(2, 6), (3, 7), (7, 8)] {
        let plan = plan(degree, 1 << 14, 64).unwrap();
        let params = &plan.encryption.params;
        assert_eq!(params.literal().q_bits.len(), primes);
        assert!(params.ring().log2_modulus(params.key_basis()) <= 430.0);
        assert!(plan.release_margin().precision_bits() > 20.0);
    }
    // Where masks are wider still, five levels take a larger ring.
    let refused = plan(7, 1 << 14, 128).unwrap_err().to_string();
    assert!(refused.contains("5 levels") && refused.contains("raise `slots`"));
    let larger = plan(7, 1 << 15, 128).unwrap();
    assert_eq!(larger.encryption.params.slots(), 1 << 15);
}

#[test]
fn the_roots_work_goes_round_where_the_plan_says_so() {
    let parties: Vec<_> = table(6, 48, 2).deal(3).unwrap();
    let config = MlpConfig {
        iterations: 6,
        momentum: StepMomentum::Nesterov { mu: 0.5 },
        ..config(&[6, 8, 2])
    };
    let centred: Vec<_> = parties.iter().cloned().map(CentredRows).collect();
    let plan = MlpPlan::insecure_toy(config.clone(), vec![16; 3]).unwrap();
    let plan = plan.with_moments(CentredRows::moments_of(6)).unwrap();
    let train = |plan: MlpPlan| {
        let (names, options) = (names(3), Options::default());
        local::train(&Arc::new(plan), &names, boxed(&centred), &options, |_| {}).unwrap()
    };
    let still = train(plan.clone());
    let rotating = train(plan.clone().rotating(2).unwrap());
    assert!(still.weights.max_abs_diff(&rotating.weights) < 1e-5);
    assert_eq!(still.root, rotating.root);
    // Only the root sends inputs, so all send the same when each was root for two iterations.
    let sent = |trained: &local::MlpTrained| {
        [0, 1, 2].map(|party| trained.traffic.of(party).sent_in("train/gradient").bytes)
    };
    let [a, b, c] = sent(&still);
    assert!(a > b && b == c, "{a} {b} {c}");
    let [a, b, c] = sent(&rotating);
    assert!(a == b && b == c, "{a} {b} {c}");
    assert!(plan.rotating(0).is_err());
    // What is decided by releases is decided within one session.
    let stop = EarlyStop {
        every: 1,
        patience: 1,
        improvement: 0.1,
    };
    let stopping = MlpConfig {
        stop: Some(stop),
        ..config
    };
    let refused = MlpPlan::insecure_toy(stopping, vec![16; 3]).unwrap();
    let refused = refused.rotating(2).unwrap_err().to_string();
    assert!(refused.contains("`stop`"), "{refused}");
}
