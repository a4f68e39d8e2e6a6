//! Claims about attacks on features.

use std::sync::LazyLock;

use tacit_audit::features::{
    Breadth, Effort, GroupBy, LeakReport, LeakStudy, Metric, Private, Repeats, Subjects, Unscored,
};
use tacit_audit::{AuditError, FeatureSource};
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::{Draws, Matrix, Samples};

const PUBLIC: usize = 6;

/// Where the public classes lie in the plane.
fn centre(class: usize) -> [f32; 2] {
    let angle = class as f32 * std::f32::consts::TAU / PUBLIC as f32;
    [4.0 * angle.cos(), 4.0 * angle.sin()]
}

fn nearest(x: f32, y: f32) -> usize {
    let distance = |class: usize| {
        let [a, b] = centre(class);
        (x - a).powi(2) + (y - b).powi(2)
    };
    (0..PUBLIC)
        .min_by(|a, b| distance(*a).total_cmp(&distance(*b)))
        .unwrap()
}

/// Columns 0 and 1 tell the public class, column 2 the private label, column 3 nothing.
fn people(rows: usize, seed: u64) -> (Samples, Vec<usize>) {
    let mut draws = Draws::new(seed, "people");
    let (mut values, mut public, mut private) = (vec![], vec![], vec![]);
    for _ in 0..rows {
        let (y, p) = (draws.below(PUBLIC), draws.below(2));
        let [a, b] = centre(y);
        values.extend([a + 0.5 * draws.normal(), b + 0.5 * draws.normal()]);
        values.extend([2.0 * p as f32 - 1.0 + 0.4 * draws.normal(), draws.normal()]);
        public.push(y);
        private.push(p);
    }
    let rows = Matrix::new(rows, 4, values).unwrap();
    (Samples::new(rows, public, PUBLIC).unwrap(), private)
}

static PEOPLE: LazyLock<(Subjects, Private)> = LazyLock::new(|| {
    let [(a, p), (b, q), (c, r)] = [(600, 1), (300, 2), (700, 3)].map(|(n, s)| people(n, s));
    let private = Private {
        name: "secret".to_owned(),
        classes: 2,
        train: p,
        validation: q,
        test: r,
    };
    (Subjects::new([1, 1, 4], a, b, c).unwrap(), private)
});

/// What a double gives for an encoder: without a head that can be copied, nobody uses it.
static UNUSED: LazyLock<Layered> = LazyLock::new(|| {
    let architecture = Architecture::mlp(&[4, 2]).unwrap();
    Layered::new(&architecture, &mut Draws::new(1, "unused")).unwrap()
});

/// An encoder as a function, with normal noise.
struct Double {
    encode: fn(&[f32]) -> Vec<f32>,
    noise: f32,
    /// Whether the noise is a function of the input.
    bound: bool,
}

fn plain(encode: fn(&[f32]) -> Vec<f32>) -> Double {
    Double {
        encode,
        noise: 0.0,
        bound: true,
    }
}

impl Double {
    fn encode(&self, rows: &Matrix, stream: u64) -> Result<Matrix, AuditError> {
        let mut out: Vec<Vec<f32>> = vec![];
        for row in rows.iter() {
            let bits = row.iter().fold(stream, |h, v| {
                (h ^ u64::from(v.to_bits())).wrapping_mul(0x100_0000_01b3)
            });
            let mut draws = Draws::new(bits, "noise");
            let mut features = (self.encode)(row);
            features
                .iter_mut()
                .for_each(|v| *v += self.noise * draws.normal());
            out.push(features);
        }
        Ok(Matrix::from_rows(&out)?)
    }
}

impl FeatureSource for Double {
    fn features(&self, rows: &Matrix, query: u64) -> Result<Matrix, AuditError> {
        self.encode(rows, if self.bound { 0 } else { query })
    }

    fn simulated(&self, rows: &Matrix, run: u64) -> Result<Matrix, AuditError> {
        self.encode(rows, run + 1_000)
    }

    fn outputs(&self, features: &Matrix) -> Result<Matrix, AuditError> {
        let mut logits: Vec<Vec<f32>> = vec![];
        for row in features.iter() {
            let class = nearest(row[0], row[1]);
            logits.push(
                (0..PUBLIC)
                    .map(|c| if c == class { 4.0 } else { 0.0 })
                    .collect(),
            );
        }
        Ok(Matrix::from_rows(&logits)?)
    }

    fn encoder(&self) -> &Layered {
        &UNUSED
    }
}

fn effort() -> Effort {
    Effort {
        repeats: 24,
        ..Effort::quick()
    }
}

fn study(source: &Double, effort: Effort) -> LeakReport {
    let (subjects, private) = &*PEOPLE;
    LeakStudy::new(effort, 1)
        .leak(source, subjects, private)
        .unwrap()
}

/// Standard errors of a share of 700 rows.
fn errors(count: f64) -> f64 {
    count * (0.25f64 / 700.0).sqrt()
}

#[test]
fn a_planted_leak_is_found_and_scored_near_one() {
    let report = study(&plain(|row| row.to_vec()), effort());
    assert_eq!(report.metric, Metric::Accuracy);
    assert!(report.public_accuracy > 0.95, "{report:?}");
    assert!(
        report.ceiling > 0.97 && report.attack_max > 0.97,
        "{report:?}"
    );
    assert!((report.floor_hard - 0.5).abs() < errors(4.0), "{report:?}");
    assert!((report.leak_normalised.unwrap() - 1.0).abs() < 0.05);
    assert!(report.unscored.is_none());
    // Groups add up to the whole.
    for by in [GroupBy::Public, GroupBy::Private] {
        let of = report.groups.iter().filter(|g| g.by == by);
        assert_eq!(of.clone().map(|g| g.rows).sum::<usize>(), report.test_rows);
        let found: f64 = of.map(|g| g.attack * g.rows as f64).sum();
        assert!((found / report.test_rows as f64 - report.attack_max).abs() < 1e-9);
    }
}

#[test]
fn where_there_is_nothing_to_find_no_attack_exceeds_the_floor_by_more_than_chance() {
    let report = study(&plain(|row| row[..2].to_vec()), effort());
    for attack in &report.attacks {
        assert!((attack.accuracy - 0.5).abs() < errors(4.0), "{attack:?}");
    }
    let leak = report.leak_normalised.unwrap();
    assert!((0.0..errors(4.0) / 0.4).contains(&leak), "{leak}");
}

/// What a center loss makes of features: every class a point, and around it, a thousand times
/// smaller, what was there before.
fn shrunk(row: &[f32]) -> Vec<f32> {
    let [a, b] = centre(nearest(row[0], row[1]));
    vec![a + 1e-3 * row[2], b + 1e-3 * row[3]]
}

#[test]
fn shrinking_classes_hides_a_label_from_logistic_regression_but_not_from_whitening() {
    let report = study(&plain(shrunk), effort());
    let of = |view: &str, family: &str| {
        let mut attacks = report.attacks.iter();
        let found = attacks.find(|a| a.view == view && a.family == family);
        found.unwrap_or_else(|| panic!("{view}/{family}")).accuracy
    };
    assert!(of("features", "logistic") < 0.5 + errors(4.0), "{report:?}");
    assert!(of("whitened", "logistic") > 0.97, "{report:?}");
    assert!(report.leak_normalised.unwrap() > 0.95);
    assert!(
        report.strongest.starts_with("whitened/"),
        "{}",
        report.strongest
    );
}

#[test]
fn noise_that_is_fresh_per_query_averages_away_and_noise_bound_to_the_input_does_not() {
    let noisy = |bound| Double {
        encode: |row| row.to_vec(),
        noise: 3.0,
        bound,
    };
    let fresh = study(&noisy(false), effort());
    assert_eq!(fresh.repeats, Repeats::Averaged(24));
    let share = |report: &LeakReport, view| report.strongest_of(view).map(|a| a.accuracy);
    assert!(share(&fresh, "features").unwrap() < 0.70, "{fresh:?}");
    assert!(share(&fresh, "averaged").unwrap() > 0.85, "{fresh:?}");

    let bound = study(&noisy(true), effort());
    assert_eq!(bound.repeats, Repeats::Same);
    assert_eq!(share(&bound, "averaged"), None);
    assert!(bound.notes.iter().any(|n| n.starts_with("averaged:")));
    assert!(bound.attack_max < 0.75, "{bound:?}");
}

#[test]
fn an_attacker_that_draws_noise_for_its_own_rows_learns_from_all_of_them() {
    let source = Double {
        encode: shrunk,
        noise: 5e-4,
        bound: true,
    };
    let effort = Effort {
        runs: 2,
        curve: vec![40, 100_000],
        ..effort()
    };
    let report = study(&source, effort);
    assert!(
        report.strongest_of("redrawn-whitened").unwrap().accuracy > 0.9,
        "{report:?}"
    );
    // A curve has the numbers of labels there are, and ends with all of them.
    let labels: Vec<usize> = report.curve.iter().map(|p| p.labels).collect();
    assert_eq!(labels, [40, 600]);
    assert!(report.curve[0].accuracy <= report.curve[1].accuracy + errors(4.0));
    assert_eq!(report.curve[1].accuracy, report.attack_max);
}

#[test]
fn a_private_label_that_follows_from_the_public_one_is_not_scored() {
    let (subjects, _) = &*PEOPLE;
    let parity = |samples: &Samples| samples.labels().iter().map(|l| l % 2).collect();
    let private = Private {
        name: "parity".to_owned(),
        classes: 2,
        train: parity(subjects.train()),
        validation: parity(subjects.validation()),
        test: parity(subjects.test()),
    };
    let source = plain(|row| row[..2].to_vec());
    let report = LeakStudy::new(effort(), 1)
        .leak(&source, subjects, &private)
        .unwrap();
    assert_eq!(report.leak_normalised, None);
    assert_eq!(
        report.unscored,
        Some(Unscored::FunctionOfPublic { share: 1.0 })
    );
    assert!(report.floor_hard > 0.95);
}

#[test]
fn a_gap_too_narrow_for_a_quotient_is_said() {
    let (subjects, private) = &*PEOPLE;
    let coins = |labels: &[usize], seed| {
        let mut draws = Draws::new(seed, "coins");
        labels
            .iter()
            .map(|_| usize::from(draws.below(4) == 0))
            .collect()
    };
    let private = Private {
        name: "coin".to_owned(),
        train: coins(&private.train, 1),
        validation: coins(&private.validation, 2),
        test: coins(&private.test, 3),
        classes: 2,
    };
    let source = plain(|row| row.to_vec());
    let report = LeakStudy::new(effort(), 1)
        .leak(&source, subjects, &private)
        .unwrap();
    // One in four: accuracy would flatter whoever always says no.
    assert_eq!(report.metric, Metric::BalancedAccuracy);
    assert_eq!(report.base_rate, 0.5);
    assert!(report.accuracy.base_rate > 0.7);
    assert_eq!(report.leak_normalised, None);
    assert!(matches!(report.unscored, Some(Unscored::NarrowGap { gap }) if gap < 0.1));
    let reason = report.unscored.unwrap().to_string();
    assert!(reason.contains("absolute"), "{reason}");
}

#[test]
fn a_study_is_a_function_of_its_seed_and_more_effort_sends_more_families() {
    let source = plain(shrunk);
    let run = || {
        study(
            &source,
            Effort {
                curve: vec![50],
                ..effort()
            },
        )
    };
    let few = run();
    assert_eq!(few, run());
    let all = Effort {
        breadth: Breadth::All,
        ..effort()
    };
    let all = study(&source, all);
    assert!(all.attacks.len() > 2 * few.attacks.len());
    for attack in &few.attacks {
        assert!(all.attacks.iter().any(|a| a.name() == attack.name()));
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let (subjects, private) = &*PEOPLE;
    let study = LeakStudy::new(effort(), 1);
    let source = plain(|row| row.to_vec());
    let mut short = private.clone();
    short.test.pop();
    assert!(matches!(
        study.leak(&source, subjects, &short),
        Err(AuditError::Shape {
            found: 699,
            expected: 700,
            ..
        })
    ));
    let mut constant = private.clone();
    constant.train.fill(1);
    assert!(matches!(
        study.leak(&source, subjects, &constant),
        Err(AuditError::OneClass { class: 1 })
    ));
    let mut high = private.clone();
    high.validation[5] = 2;
    assert!(matches!(
        study.leak(&source, subjects, &high),
        Err(AuditError::Setting {
            name: "private label",
            value: 2,
            ..
        })
    ));
    let sets = || [subjects.train(), subjects.validation(), subjects.test()].map(Clone::clone);
    let [a, b, c] = sets();
    assert!(matches!(
        Subjects::new([1, 2, 3], a, b, c),
        Err(AuditError::Shape {
            expected: 6,
            found: 4,
            ..
        })
    ));

    struct Short;
    impl FeatureSource for Short {
        fn features(&self, rows: &Matrix, _: u64) -> Result<Matrix, AuditError> {
            Ok(rows.select(&[0, 1])?)
        }
        fn outputs(&self, features: &Matrix) -> Result<Matrix, AuditError> {
            Ok(features.clone())
        }
        fn encoder(&self) -> &Layered {
            &UNUSED
        }
    }
    assert!(matches!(
        study.observe(&Short, subjects),
        Err(AuditError::Shape {
            found: 2,
            expected: 600,
            ..
        })
    ));
}
