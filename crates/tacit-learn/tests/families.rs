//! Every family, trained by the packed algorithm with its defaults, comes close to the optimum of
//! the pooled data with the exact link.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use tacit_learn::metrics::{Evaluation, evaluate};
use tacit_learn::model::{Family, GlmConfig, Samples};
use tacit_learn::synthetic::Ar1Logistic;
use tacit_learn::{modes, twin};

/// Correlated features with labels made by `label(row, uniform)`; four unequal parties and a test
/// set.
fn problem(label: impl Fn(&[f64], &mut dyn FnMut() -> f64) -> f64) -> (Vec<Samples>, Samples) {
    let table = Ar1Logistic::new(6, 0.4, 0.0, 17)
        .unwrap()
        .draw(4_000)
        .unwrap();
    let mut rng = ChaCha8Rng::from_seed([5; 32]);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    let rows: Vec<&[f64]> = (0..table.len()).map(|i| table.row(i)).collect();
    let labels = rows.iter().map(|row| label(row, &mut uniform)).collect();
    let table = Samples::new(6, rows.concat(), labels).unwrap();
    let (train, test) = table.split_at(3_000).unwrap();
    let (a, rest) = train.split_at(100).unwrap();
    let (b, rest) = rest.split_at(400).unwrap();
    let (c, d) = rest.split_at(1_000).unwrap();
    (vec![a, b, c, d], test)
}

/// The twin's and the pooled optimum's figures on the test set.
fn compare(family: Family, parties: &[Samples], test: &Samples) -> (Evaluation, Evaluation) {
    let config = GlmConfig::new(family, 6);
    let run = twin::train(&config, parties).unwrap();
    let best = modes::pooled::optimum(parties, family, config.l2).unwrap();
    (
        evaluate(family, &run.weights, test).unwrap(),
        evaluate(family, &best, test).unwrap(),
    )
}

#[test]
fn linear_reaches_the_optimum() {
    let (parties, test) =
        problem(|x, uniform| 0.8 * x[0] - 0.5 * x[2] + 0.3 * x[5] + 0.2 + uniform() - 0.5);
    let (ours, best) = compare(Family::Linear, &parties, &test);
    let (ours, best) = (ours.rmse.unwrap(), best.rmse.unwrap());
    assert!(ours < 1.02 * best, "rmse {ours} against {best}");
}

#[test]
fn logistic_reaches_the_optimum() {
    let (parties, test) = problem(|x, uniform| {
        let u = 1.5 * x[0] - x[3] + 0.5;
        f64::from(u8::from(uniform() < 1.0 / (1.0 + (-u).exp())))
    });
    let (ours, best) = compare(Family::Logistic, &parties, &test);
    assert!(
        ours.loss < 1.01 * best.loss,
        "loss {} against {}",
        ours.loss,
        best.loss
    );
    assert!(ours.accuracy.unwrap() > best.accuracy.unwrap() - 0.005);
    assert!(ours.accuracy.unwrap() > ours.majority_floor.unwrap() + 0.1);
}

#[test]
fn poisson_reaches_the_optimum() {
    let (parties, test) = problem(|x, uniform| {
        // Knuth: count uniforms until their product falls below e^-mean.
        let limit = (-(0.4 * x[0] - 0.3 * x[2] + 0.2).exp()).exp();
        let (mut count, mut product) = (0.0, uniform());
        while product > limit {
            count += 1.0;
            product *= uniform();
        }
        count
    });
    let (ours, best) = compare(Family::Poisson, &parties, &test);
    let (ours, best) = (
        ours.poisson_deviance.unwrap(),
        best.poisson_deviance.unwrap(),
    );
    assert!(ours < 1.05 * best, "deviance {ours} against {best}");
}

#[test]
fn one_vs_rest_comes_close_to_softmax() {
    let (parties, test) = problem(|x, uniform| {
        let scores = [1.5 * x[0], 1.5 * x[2] - 0.3, -1.5 * x[4]];
        let total: f64 = scores.iter().map(|s| s.exp()).sum();
        let mut left = uniform() * total;
        for (class, score) in scores.iter().enumerate() {
            left -= score.exp();
            if left < 0.0 {
                return class as f64;
            }
        }
        2.0
    });
    let (ours, best) = compare(Family::Multinomial { classes: 3 }, &parties, &test);
    assert!(ours.accuracy.unwrap() > best.accuracy.unwrap() - 0.01);
    assert!(ours.macro_f1.unwrap() > ours.majority_floor.unwrap());
}

#[test]
fn together_is_better_than_alone() {
    let table = Ar1Logistic::new(12, 0.5, 0.1, 3)
        .unwrap()
        .draw(2_400)
        .unwrap();
    let (train, test) = table.split_at(400).unwrap();
    let parties = train.deal(10).unwrap();
    let config = GlmConfig::new(Family::Logistic, 12);
    let run = twin::train(&config, &parties).unwrap();
    let ours = evaluate(Family::Logistic, &run.weights, &test)
        .unwrap()
        .accuracy
        .unwrap();
    let alone: f64 = modes::local::optima(&parties, Family::Logistic, config.l2)
        .unwrap()
        .iter()
        .map(|w| {
            evaluate(Family::Logistic, w, &test)
                .unwrap()
                .accuracy
                .unwrap()
                / 10.0
        })
        .sum();
    assert!(ours > alone + 0.03, "{ours} together, {alone} alone");
}

#[test]
fn held_out_loss_and_accuracy_hold_at_many_parties() {
    // The shape of the scale experiment, smaller: 32 features, 10 % flipped labels, 40 parties.
    let mut generator = Ar1Logistic::new(32, 0.5, 0.1, 31).unwrap();
    let parties = generator.draw(80_000).unwrap().deal(40).unwrap();
    let test = generator.draw(20_000).unwrap();
    let config = GlmConfig {
        batch: 1_024,
        ..GlmConfig::new(Family::Logistic, 32)
    };
    let run = twin::train(&config, &parties).unwrap();
    let best = modes::pooled::optimum(&parties, Family::Logistic, 0.0).unwrap();
    let ours = evaluate(Family::Logistic, &run.weights, &test).unwrap();
    let best = evaluate(Family::Logistic, &best, &test).unwrap();
    assert!(
        ours.loss < 1.01 * best.loss,
        "loss {} against {}",
        ours.loss,
        best.loss
    );
    let (ours, best) = (ours.accuracy.unwrap(), best.accuracy.unwrap());
    assert!(ours > best - 0.005, "accuracy {ours} against {best}");
}

#[test]
fn the_exact_link_and_the_polynomial_agree_where_predictors_are_small() {
    let parties = Ar1Logistic::new(6, 0.4, 0.3, 9)
        .unwrap()
        .draw(1_200)
        .unwrap()
        .deal(3)
        .unwrap();
    let config = GlmConfig::new(Family::Logistic, 6);
    let polynomial = twin::train(&config, &parties).unwrap();
    let exact = modes::pooled::gradient_descent(&config, &parties).unwrap();
    assert!(polynomial.weights.max_abs_diff(&exact.weights).unwrap() < 0.15);
}
