//! Bad input is refused with the culprit and the remedy in the message.

use tacit_learn::model::{
    ActivationConfig, Curvature, Family, FitMethod, GlmConfig, Momentum, Samples,
};
use tacit_learn::{Error, modes, twin};

fn base() -> GlmConfig {
    GlmConfig::new(Family::Logistic, 2)
}

#[test]
fn every_field_of_the_configuration_is_checked_by_name() {
    let activation = ActivationConfig {
        degree: 4,
        bound: 4.0,
        method: FitMethod::Minimax,
    };
    for (config, words) in [
        (
            GlmConfig {
                features: 0,
                ..base()
            },
            "`features`",
        ),
        (
            GlmConfig {
                iterations: 0,
                ..base()
            },
            "`iterations`",
        ),
        (
            GlmConfig {
                batch: 100,
                ..base()
            },
            "use 128",
        ),
        (GlmConfig { batch: 0, ..base() }, "`batch`"),
        (
            GlmConfig {
                slots: 1_000,
                ..base()
            },
            "`slots`",
        ),
        (
            GlmConfig {
                features: 20_000,
                ..base()
            },
            "fewer features",
        ),
        (GlmConfig { l2: -1.0, ..base() }, "`l2`"),
        (
            GlmConfig {
                l2: f64::NAN,
                ..base()
            },
            "`l2`",
        ),
        (
            GlmConfig {
                step_factor: 0.0,
                ..base()
            },
            "`step_factor`",
        ),
        (
            GlmConfig {
                momentum: Momentum::Nesterov { mu: 1.0 },
                ..base()
            },
            "`momentum.mu`",
        ),
        (
            GlmConfig {
                momentum: Momentum::NesterovRamp { cap: -0.1 },
                ..base()
            },
            "`momentum.cap`",
        ),
        (
            GlmConfig {
                curvature: Curvature::Bound(0.5),
                ..base()
            },
            "`curvature.bound`",
        ),
        (
            GlmConfig {
                family: Family::Multinomial { classes: 1 },
                ..base()
            },
            "`family.classes`",
        ),
        (
            GlmConfig {
                activation,
                ..base()
            },
            "degree 4",
        ),
    ] {
        let message = config.validate().unwrap_err().to_string();
        assert!(message.contains(words), "{message:?} lacks {words:?}");
    }
}

#[test]
fn unknown_fields_of_a_plan_are_refused() {
    let text = "family = \"logistic\"\nfeatures = 2\nlearning_rate = 0.1\n";
    let message = toml::from_str::<GlmConfig>(text).unwrap_err().to_string();
    assert!(message.contains("learning_rate"), "{message}");
}

#[test]
fn left_out_fields_take_the_familys_default() {
    let config: GlmConfig = toml::from_str("family = \"poisson\"\nfeatures = 4\n").unwrap();
    assert_eq!(config, GlmConfig::new(Family::Poisson, 4));
}

#[test]
fn the_party_with_a_bad_label_is_named() {
    let good = Samples::new(2, vec![0.0, 1.0, 1.0, 0.0], vec![0.0, 1.0]).unwrap();
    let bad = Samples::new(2, vec![0.0, 1.0], vec![2.0]).unwrap();
    let error = twin::train(&base(), &[good.clone(), bad.clone()]).unwrap_err();
    assert!(matches!(&error, Error::Party { party: 1, .. }), "{error}");
    assert!(error.to_string().contains("needs 0 or 1"));
    assert!(modes::pooled::optimum(&[good, bad], Family::Logistic, 0.1).is_err());
}

#[test]
fn parties_with_other_columns_or_no_rows_are_named() {
    let good = Samples::new(2, vec![0.0, 1.0], vec![0.0]).unwrap();
    for odd in [
        Samples::new(3, vec![0.0; 3], vec![0.0]).unwrap(),
        Samples::new(2, vec![], vec![]).unwrap(),
    ] {
        let error = twin::train(&base(), &[good.clone(), odd]).unwrap_err();
        assert!(matches!(error, Error::Party { party: 1, .. }), "{error}");
    }
    assert!(matches!(
        twin::train(&base(), &[]),
        Err(Error::Empty { .. })
    ));
}

#[test]
fn predictors_outside_the_interval_are_counted_and_reported() {
    let parties = tacit_learn::synthetic::Ar1Logistic::new(2, 0.5, 0.0, 1)
        .unwrap()
        .draw(400)
        .unwrap()
        .deal(2)
        .unwrap();
    let activation = ActivationConfig {
        degree: 5,
        bound: 3.0,
        method: FitMethod::Minimax,
    };
    let run = twin::train(
        &GlmConfig {
            activation,
            // Few enough steps to leave the interval without running away.
            iterations: 4,
            ..base()
        },
        &parties,
    )
    .unwrap();
    assert!(run.range.share_outside() > 0.0);
    assert!(
        run.range
            .warning()
            .unwrap()
            .contains("widen `activation.bound`")
    );
}

#[test]
fn divergence_is_an_error_with_a_remedy() {
    let parties = tacit_learn::synthetic::Ar1Logistic::new(2, 0.5, 0.0, 1)
        .unwrap()
        .draw(400)
        .unwrap()
        .deal(2)
        .unwrap();
    let config = GlmConfig {
        step_factor: 200.0,
        iterations: 40,
        ..base()
    };
    let error = twin::train(&config, &parties).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert!(error.to_string().contains("lower `step_factor`"));
}
