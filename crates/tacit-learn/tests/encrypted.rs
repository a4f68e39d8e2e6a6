//! Whole encrypted trainings against the twin: every family on small rings without security, under
//! all kinds of schedules, and one at the parameters that are really used.

use std::sync::Arc;

use tacit_learn::encrypted::{
    EncryptedError, EncryptionPlan, GlmParty, LocalRows, Querier, SessionPlan, local,
};
use tacit_learn::model::{Curvature, Family, GlmConfig, Momentum, Samples};
use tacit_learn::{synthetic, twin};
use tacit_mhe::PartySecret;
use tacit_ring::Seed;
use tacit_session::simulation::{Simulation, Weather};
use tacit_transport::memory::Options;

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("site-{i}")).collect()
}

fn plan(config: &GlmConfig, encryption: EncryptionPlan, parties: &[Samples]) -> Arc<SessionPlan> {
    Arc::new(SessionPlan {
        config: config.clone(),
        encryption,
        total_rows: parties.iter().map(Samples::len).sum(),
        moments: 0,
        release_model: true,
        max_answers: 4,
    })
}

/// Trains, compares the released model with the twin's, and asks an encrypted query.
fn check(config: &GlmConfig, encryption: EncryptionPlan, parties: &[Samples], queries: &Samples) {
    let plan = plan(config, encryption, parties);
    let rows = parties
        .iter()
        .map(|p| Box::new(p.clone()) as Box<dyn LocalRows>)
        .collect();
    let options = Options::default();
    let mut trained = local::train(&plan, &names(parties.len()), rows, &options, |_| {}).unwrap();

    // The released bound is the one that the twin computes for itself.
    let bound = twin::second_moment_bound(parties).unwrap();
    assert!((trained.curvature_bound() - bound).abs() < 0.07);
    let twin_config = GlmConfig {
        curvature: Curvature::Bound(trained.curvature_bound()),
        ..config.clone()
    };
    let expected = twin::train(&twin_config, parties).unwrap().weights;
    let found = trained.released_model().unwrap();
    let difference = found.max_abs_diff(&expected).unwrap();
    assert!(
        difference < 1e-4,
        "{config:?}: weights differ by {difference:e}"
    );

    let querier = Querier::new(config, &plan.encryption).unwrap();
    let count = queries.len().min(querier.capacity());
    let rows: Vec<&[f64]> = (0..count).map(|i| queries.row(i)).collect();
    let query = querier
        .ask(trained.collective_key().unwrap(), rows.iter().copied())
        .unwrap();
    let answers = trained.answer(vec![query], &options, |_| {}).unwrap();
    let predictors = querier.read(&answers.answers[0], count).unwrap();
    for (row, found) in rows.iter().zip(&predictors) {
        for (lane, &found) in found.iter().enumerate() {
            let expected = expected.predictor(lane, row);
            assert!(
                (found - expected).abs() < 1e-3,
                "{config:?}: {found} is not {expected}"
            );
        }
    }
}

fn table(features: usize, rows: usize) -> Samples {
    synthetic::Ar1Logistic::new(features, 0.5, 0.1, 4)
        .unwrap()
        .draw(rows)
        .unwrap()
}

fn small(family: Family, features: usize) -> GlmConfig {
    GlmConfig {
        slots: 256,
        batch: 32,
        iterations: 3,
        ..GlmConfig::new(family, features)
    }
}

#[test]
fn every_family_trains_like_its_twin() {
    let data = table(5, 220);
    let (train, test) = data.split_at(200).unwrap();
    let classes: Vec<f64> = (0..200)
        .map(|i| ((train.row(i)[0] * 2.0) as i64).rem_euclid(3) as f64)
        .collect();
    let features = (0..200).flat_map(|i| train.row(i).to_vec()).collect();
    let three = Samples::new(5, features, classes).unwrap();
    for (family, rows) in [
        (Family::Linear, &train),
        (Family::Logistic, &train),
        (Family::Poisson, &train),
        (Family::Multinomial { classes: 3 }, &three),
    ] {
        let config = small(family, 5);
        let encryption = EncryptionPlan::insecure_toy(&config, 3).unwrap();
        check(&config, encryption, &rows.deal(3).unwrap(), &test);
    }
}

#[test]
fn every_shape_of_layout_and_activation_trains_like_its_twin() {
    let data = table(5, 220);
    let (train, test) = data.split_at(200).unwrap();
    let parties = train.deal(2).unwrap();
    for (batch, degree, momentum) in [
        (4, 3, Momentum::None),
        (256, 3, Momentum::default()),
        (128, 2, Momentum::HeavyBall { mu: 0.5 }),
        (64, 5, Momentum::Nesterov { mu: 0.5 }),
        (32, 1, Momentum::default()),
    ] {
        let mut config = GlmConfig {
            batch,
            momentum,
            ..small(Family::Logistic, 5)
        };
        config.activation.degree = degree;
        config.l2 = 0.01;
        let encryption = EncryptionPlan::insecure_toy(&config, 2).unwrap();
        check(&config, encryption, &parties, &test);
    }
}

#[test]
fn sessions_survive_bad_weather_with_the_same_model() {
    let data = table(3, 120);
    for (seed, n) in [(1u64, 2usize), (2, 3), (3, 5), (4, 10)] {
        let config = GlmConfig {
            batch: 16,
            iterations: 2,
            ..small(Family::Logistic, 3)
        };
        let parties = data.deal(n).unwrap();
        let encryption = EncryptionPlan::insecure_toy(&config, n).unwrap();
        let plan = plan(&config, encryption, &parties);
        let make = |me: tacit_session::PartyIndex| {
            let seed = Seed::from_bytes([me.0 as u8 + 1; 32]);
            let secret = PartySecret::from_seed(&plan.encryption.params, &seed);
            let rows = Box::new(parties[me.as_usize()].clone());
            GlmParty::new(plan.clone(), secret, rows).unwrap()
        };
        let simulate = |weather| {
            let simulation = Simulation {
                weather,
                ..Simulation::new(seed, u16::try_from(n).unwrap())
            };
            simulation.run(make).unwrap().applications.swap_remove(0)
        };
        let root = simulate(Weather::storm());
        let curvature = Curvature::Bound(root.curvature_bound());
        let expected = twin::train(
            &GlmConfig {
                curvature,
                ..config
            },
            &parties,
        )
        .unwrap()
        .weights;
        let difference = root
            .released_model()
            .unwrap()
            .max_abs_diff(&expected)
            .unwrap();
        assert!(difference < 1e-4, "{n} parties: {difference:e}");
    }
}

#[test]
fn a_training_at_real_parameters_equals_its_twin() {
    let data = table(6, 400);
    let (train, test) = data.split_at(300).unwrap();
    let config = GlmConfig {
        batch: 128,
        iterations: 2,
        ..GlmConfig::new(Family::Logistic, 6)
    };
    let parties = train.deal(2).unwrap();
    let encryption = EncryptionPlan::choose(&config, 2, 64).unwrap();
    assert_eq!(encryption.params.ring().log_n(), 14);
    check(&config, encryption, &parties, &test);
}

#[test]
fn plans_that_do_not_fit_say_so() {
    let config = GlmConfig {
        slots: 512,
        ..GlmConfig::new(Family::Logistic, 6)
    };
    let refused = EncryptionPlan::choose(&config, 3, 64).unwrap_err();
    assert!(
        matches!(refused, EncryptedError::NoParameters { slots: 512, .. }),
        "{refused}"
    );
    let config = GlmConfig::new(Family::Logistic, 6);
    let refused = EncryptionPlan::choose(&config, 3, 250).unwrap_err();
    assert!(refused.to_string().contains("lambda_s = 250"), "{refused}");
}

#[test]
fn queries_out_of_range_are_refused_by_row_and_column() {
    let config = small(Family::Logistic, 2);
    let encryption = EncryptionPlan::insecure_toy(&config, 2).unwrap();
    let querier = Querier::new(&config, &encryption).unwrap();
    let sk = tacit_ckks::SecretKey::generate(&encryption.params).unwrap();
    let mut xof = tacit_ring::Xof::from_os().unwrap();
    let pk = tacit_ckks::PublicKey::generate(&encryption.params, &sk, &mut xof);
    let ask = |row: &[f64]| querier.ask(&pk, [row].into_iter()).map(|_| ());
    assert!(ask(&[0.1, 0.2]).is_ok());
    for (row, culprit) in [
        (&[0.1][..], "1 features"),
        (&[0.1, f64::NAN], "column 1"),
        (&[1e3, 0.0], "column 0"),
    ] {
        let error = ask(row).unwrap_err().to_string();
        assert!(error.contains(culprit), "{error}");
    }
    let query = querier.ask(&pk, [&[0.1, 0.2][..]].into_iter()).unwrap();
    let bytes = query.to_bytes(&encryption.params);
    let decode = tacit_learn::encrypted::Query::from_bytes;
    assert!(decode(&encryption, &bytes).is_ok());
    for bad in [
        &bytes[..bytes.len() - 1],
        &bytes[..50],
        &[],
        &[bytes.clone(), vec![0]].concat(),
    ] {
        assert!(decode(&encryption, bad).is_err());
    }
    let other = EncryptionPlan::insecure_toy(
        &GlmConfig {
            slots: 128,
            ..config
        },
        2,
    )
    .unwrap();
    assert!(decode(&other, &bytes).is_err());
}

#[test]
fn unreleased_models_stay_encrypted() {
    let config = GlmConfig {
        curvature: Curvature::Bound(4.0),
        ..small(Family::Logistic, 3)
    };
    let parties = table(3, 60).deal(2).unwrap();
    let encryption = EncryptionPlan::insecure_toy(&config, 2).unwrap();
    let secret_plan = SessionPlan {
        release_model: false,
        ..(*plan(&config, encryption, &parties)).clone()
    };
    let rows = parties
        .iter()
        .map(|p| Box::new(p.clone()) as Box<dyn LocalRows>)
        .collect();
    let trained = local::train(
        &Arc::new(secret_plan),
        &names(2),
        rows,
        &Options::default(),
        |_| {},
    )
    .unwrap();
    assert!(trained.released_model().is_none());
}
