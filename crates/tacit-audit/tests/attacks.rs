//! Claims about attackers, reports and votes.

use proptest::prelude::*;
use tacit_audit::attackers::{all, *};
use tacit_audit::vote::independent_votes;
use tacit_audit::{
    AttackReport, AttackSuite, Attacker, AuditError, Budget, majority_vote, vote_in_groups, wilson,
};
use tacit_nn::{Draws, Matrix, Samples};

/// Rows of `columns` normal numbers and a label that `rule` reads off a row and a fair coin.
fn deal(
    rows: usize,
    columns: usize,
    classes: usize,
    seed: u64,
    rule: fn(&[f32], &mut Draws) -> usize,
) -> Samples {
    let mut draws = Draws::new(seed, "deal");
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..rows {
        let row: Vec<f32> = (0..columns).map(|_| draws.normal()).collect();
        labels.push(rule(&row, &mut draws));
        values.extend(row);
    }
    let matrix = Matrix::new(rows, columns, values).unwrap();
    Samples::new(matrix, labels, classes).unwrap()
}

fn attack(
    attackers: Vec<Box<dyn Attacker>>,
    columns: usize,
    classes: usize,
    rule: fn(&[f32], &mut Draws) -> usize,
) -> AttackReport {
    let deal = |rows, seed| deal(rows, columns, classes, seed, rule);
    AttackSuite::new(attackers, Budget::quick())
        .run(&deal(2_000, 1), &deal(800, 2), &deal(1_500, 3), 1, |_| {})
        .unwrap()
}

fn line(row: &[f32], _: &mut Draws) -> usize {
    usize::from(row[0] - 0.5 * row[1] > 0.0)
}

fn ring(row: &[f32], _: &mut Draws) -> usize {
    usize::from(row[0] * row[0] + row[1] * row[1] > 1.4)
}

fn coin(_: &[f32], draws: &mut Draws) -> usize {
    draws.below(2)
}

fn thirds(row: &[f32], _: &mut Draws) -> usize {
    usize::from(row[0] > -0.4) + usize::from(row[0] > 0.4)
}

#[test]
fn every_attacker_but_the_floor_finds_a_line() {
    for attack in attack(all(), 3, 2, line).attacks {
        let least = if attack.name == "majority" { 0.0 } else { 0.93 };
        assert!(
            attack.accuracy > least,
            "{} {}",
            attack.name,
            attack.accuracy
        );
        assert!(attack.interval.0 <= attack.accuracy && attack.accuracy <= attack.interval.1);
    }
}

#[test]
fn every_curved_attacker_finds_a_ring() {
    for attack in attack(all(), 3, 2, ring).attacks {
        let straight = ["majority", "logistic", "svm-linear"].contains(&attack.name);
        assert_eq!(
            attack.accuracy < 0.7,
            straight,
            "{} {}",
            attack.name,
            attack.accuracy
        );
    }
}

#[test]
fn nobody_finds_anything_in_noise() {
    let report = attack(all(), 4, 2, coin);
    for attack in &report.attacks {
        // Four standard errors: eleven attackers are asked.
        assert!(
            (attack.accuracy - 0.5).abs() < 4.0 * 0.0129,
            "{} {}",
            attack.name,
            attack.accuracy
        );
    }
    assert!(report.best().accuracy >= report.chosen_on_validation().accuracy);
}

#[test]
fn three_classes_are_told_apart() {
    for attack in attack(all(), 2, 3, thirds).attacks {
        let least = match attack.name {
            "majority" => 0.0,
            // One class against the rest is no half-plane here.
            "svm-linear" | "logistic" => 0.6,
            _ => 0.93,
        };
        assert!(
            attack.accuracy > least,
            "{} {}",
            attack.name,
            attack.accuracy
        );
        assert_eq!(attack.scores.columns(), 3);
    }
}

#[test]
fn a_suite_is_a_function_of_its_seed() {
    let deal = |rows, seed| deal(rows, 2, 2, seed, ring);
    let (train, validation, test) = (deal(500, 1), deal(200, 2), deal(200, 3));
    let suite = AttackSuite::quick();
    let run = || suite.run(&train, &validation, &test, 1, |_| {}).unwrap();
    assert_eq!(run(), run());
}

#[test]
fn nearest_neighbours_agree_with_a_search_through_all_rows() {
    let train = deal(700, 5, 2, 4, line);
    let test = deal(120, 5, 2, 5, line);
    let fitted = NearestNeighbours
        .fit(&train, &test, 1, &Budget::quick())
        .unwrap();
    let k: usize = fitted
        .settings()
        .trim_start_matches("k = ")
        .parse()
        .unwrap();
    let scores = fitted.scores(test.features()).unwrap();
    for (query, scores) in test.features().iter().zip(scores.iter()) {
        let mut near: Vec<(f32, usize)> = train
            .features()
            .iter()
            .zip(train.labels())
            .map(|(row, l)| {
                (
                    row.iter().zip(query).map(|(a, b)| (a - b) * (a - b)).sum(),
                    *l,
                )
            })
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        let ones = near[..k].iter().filter(|n| n.1 == 1).count() as f32;
        let expected = ((ones + 0.5) / (k as f32 + 1.0)).ln();
        assert!((scores[1] - expected).abs() < 1e-5);
    }
}

#[test]
fn constant_columns_and_wild_rows_do_no_harm() {
    let spoil = |samples: Samples| {
        let mut values = Vec::new();
        for (i, row) in samples.features().iter().enumerate() {
            values.extend([row[0], 7.0, if i == 3 { 1e30 } else { row[1] }]);
        }
        let matrix = Matrix::new(samples.rows(), 3, values).unwrap();
        Samples::new(matrix, samples.labels().to_vec(), 2).unwrap()
    };
    let deal = |rows, seed| spoil(deal(rows, 2, 2, seed, |row, _| usize::from(row[0] > 0.0)));
    let suite = AttackSuite::quick();
    let report = suite
        .run(&deal(800, 1), &deal(300, 2), &deal(300, 3), 1, |_| {})
        .unwrap();
    for attack in report.attacks.iter().filter(|a| a.name != "majority") {
        assert!(attack.accuracy > 0.9, "{} {}", attack.name, attack.accuracy);
    }
}

#[test]
fn sets_that_do_not_fit_are_refused() {
    let suite = AttackSuite::quick();
    let good = deal(50, 2, 2, 1, line);
    let wide = deal(50, 3, 2, 1, line);
    let run = |a: &Samples, b: &Samples, c: &Samples| suite.run(a, b, c, 1, |_| {}).unwrap_err();
    assert!(matches!(
        run(&good, &wide, &good),
        AuditError::Sets {
            what: "columns",
            set: "validation",
            ..
        }
    ));
    let few = deal(5, 2, 2, 1, line);
    assert!(matches!(
        run(&good, &good, &few),
        AuditError::TooFew {
            set: "test",
            rows: 5,
            ..
        }
    ));
    let one = deal(50, 2, 2, 1, |_, _| 1);
    assert!(matches!(
        run(&one, &good, &good),
        AuditError::OneClass { class: 1 }
    ));
    let nobody = AttackSuite::new(Vec::new(), Budget::quick());
    let refused = nobody.run(&good, &good, &good, 1, |_| {});
    assert!(matches!(refused, Err(AuditError::NoAttackers)));
}

#[test]
fn independent_votes_follow_the_binomial_curve() {
    // An attacker that is right with probability 0.6, independently.
    let mut draws = Draws::new(1, "votes");
    let labels: Vec<usize> = (0..20_000).map(|_| draws.below(2)).collect();
    let mut values = Vec::new();
    for &l in &labels {
        let says_one = (l == 1) == (draws.uniform() < 0.6);
        let odds = if says_one { 0.6f32 } else { 0.4 };
        values.extend([(1.0 - odds).ln(), odds.ln()]);
    }
    let scores = Matrix::new(labels.len(), 2, values).unwrap();
    for point in majority_vote(&scores, &labels, &[1, 3, 10, 25], 2, 1).unwrap() {
        let expected = point.expected.unwrap();
        assert!((expected - independent_votes(point.rows, 0.6)).abs() < 0.02);
        let error = 4.0 * (0.25 / point.groups as f64).sqrt();
        assert!((point.hard - expected).abs() < error, "{point:?}");
        // Equal evidence: adding up is counting.
        assert!((point.soft - point.hard).abs() < error, "{point:?}");
    }
    let mixed: Vec<usize> = (0..10).collect();
    assert!(vote_in_groups(&scores, &labels, &[mixed]).is_err());
    assert!(majority_vote(&scores, &labels, &[0], 1, 1).is_err());
    assert!(majority_vote(&scores, &labels, &[20_000], 1, 1).is_err());
}

#[test]
fn wilson_interval_is_the_published_one() {
    // 81 of 263: Newcombe, "Two-sided confidence intervals for the single proportion", 1998.
    let (low, high) = wilson(81, 263);
    assert!((low - 0.2553).abs() < 5e-5 && (high - 0.3662).abs() < 5e-5);
}

proptest! {
    #[test]
    fn votes_of_a_coin_stay_at_one_half(m in 1usize..300) {
        prop_assert!((independent_votes(m, 0.5) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn wilson_contains_the_share(all in 1usize..5000, part in 0.0f64..=1.0) {
        let right = (part * all as f64) as usize;
        let (low, high) = wilson(right, all);
        let share = right as f64 / all as f64;
        prop_assert!(0.0 <= low && low <= share + 1e-12 && share <= high + 1e-12 && high <= 1.0);
    }
}
