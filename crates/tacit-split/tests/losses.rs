//! Penalties: values against an oracle in double precision, gradients against finite differences.

use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::matrix::floats;
use tacit_nn::train::value;
use tacit_nn::{Draws, training_device};
use tacit_split::loss::{Centres, FULL_COVARIANCE, Penalty, WarmUp};

const KINDS: [Penalty; 4] = [
    Penalty::Center,
    Penalty::Contrastive,
    Penalty::Cosine,
    Penalty::Mahalanobis,
];

/// What the module's table says, in `f64` and one row at a time.
fn oracle(kind: Penalty, u: &[f64], y: &[usize], centres: &[Vec<f64>], inverse: &[f64]) -> f64 {
    let f = centres[0].len();
    let distance = |row: &[f64], c: &[f64]| {
        row.iter().zip(c).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / f as f64
    };
    let mut sum = 0.0;
    for (row, &label) in u.chunks(f).zip(y) {
        let c = &centres[label];
        sum += match kind {
            Penalty::Center => 0.5 * distance(row, c),
            Penalty::Contrastive => {
                let others: f64 = (0..centres.len())
                    .filter(|j| *j != label)
                    .map(|j| distance(row, &centres[j]))
                    .sum();
                0.5 * distance(row, c) / (others + 1.0)
            }
            Penalty::Cosine => {
                let dot: f64 = row.iter().zip(c).map(|(a, b)| a * b).sum();
                let norm = |v: &[f64]| (v.iter().map(|a| a * a).sum::<f64>() + 1e-6).sqrt();
                1.0 - dot / (norm(row) * norm(c))
            }
            Penalty::Mahalanobis => {
                let d: Vec<f64> = row.iter().zip(c).map(|(a, b)| a - b).collect();
                let mut squares = 0.0;
                for i in 0..f {
                    for j in 0..f {
                        squares += d[i] * inverse[i * f + j] * d[j];
                    }
                }
                0.5 * squares / f as f64
            }
            _ => unreachable!("a penalty the oracle does not know"),
        };
    }
    sum / y.len() as f64
}

/// A⁻¹ by Gauss–Jordan.
fn invert(a: &[f64], n: usize) -> Vec<f64> {
    let mut m: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let unit = (0..n).map(|j| if i == j { 1.0 } else { 0.0 });
            a[i * n..(i + 1) * n].iter().copied().chain(unit).collect()
        })
        .collect();
    for i in 0..n {
        let pivot = m[i][i];
        m[i].iter_mut().for_each(|v| *v /= pivot);
        let line = m[i].clone();
        for (r, row) in m.iter_mut().enumerate() {
            let factor = row[i];
            if r != i {
                row.iter_mut()
                    .zip(&line)
                    .for_each(|(v, w)| *v -= factor * w);
            }
        }
    }
    m.into_iter().flat_map(|row| row[n..].to_vec()).collect()
}

struct Case {
    u: Vec<f32>,
    labels: Vec<usize>,
    centres: Centres,
    places: Vec<Vec<f64>>,
    inverse: Vec<f64>,
}

fn case(rows: usize, features: usize, classes: usize) -> Case {
    let mut draws = Draws::new(3, "losses");
    let mut centres = Centres::at(
        (0..classes)
            .map(|_| (0..features).map(|_| draws.normal()).collect())
            .collect(),
        0.5,
    )
    .unwrap()
    .with_ridge(0.25);
    let labels: Vec<usize> = (0..rows).map(|i| i % classes).collect();
    let u: Vec<f32> = (0..rows * features).map(|_| draws.normal()).collect();

    // The spread of the first update is that of its deviations from the centres before it.
    let mut covariance = vec![0.0; features * features];
    for (row, &l) in u.chunks(features).zip(&labels) {
        let d: Vec<f64> = row
            .iter()
            .zip(centres.of(l))
            .map(|(a, b)| f64::from(a - b))
            .collect();
        for i in 0..features {
            for j in 0..features {
                covariance[i * features + j] += d[i] * d[j] / rows as f64;
            }
        }
    }
    for i in 0..features {
        covariance[i * features + i] += 0.25;
    }
    centres.update(&u, &labels);
    let places = (0..classes)
        .map(|c| centres.of(c).iter().map(|v| f64::from(*v)).collect())
        .collect();
    Case {
        u,
        labels,
        centres,
        places,
        inverse: invert(&covariance, features),
    }
}

#[test]
fn penalties_and_their_gradients_are_those_of_the_definition() {
    let (rows, features) = (12, 5);
    let case = case(rows, features, 3);
    for kind in KINDS {
        let data = TensorData::new(case.u.clone(), [rows, features]);
        let u = Tensor::<2>::from_data(data, &training_device()).require_grad();
        let penalty = case.centres.penalty(kind, u.clone(), &case.labels);
        let exact: Vec<f64> = case.u.iter().map(|v| f64::from(*v)).collect();
        let at = |x: &[f64]| oracle(kind, x, &case.labels, &case.places, &case.inverse);
        assert!(
            (f64::from(value(&penalty)) - at(&exact)).abs() < 1e-5,
            "{kind:?}"
        );
        let gradient = floats(u.grad(&penalty.backward()).unwrap());
        for i in 0..exact.len() {
            let (mut up, mut down) = (exact.clone(), exact.clone());
            up[i] += 1e-5;
            down[i] -= 1e-5;
            let slope = (at(&up) - at(&down)) / 2e-5;
            let found = f64::from(gradient[i]);
            assert!(
                (found - slope).abs() < 1e-5 + 1e-3 * slope.abs(),
                "{kind:?}, value {i}: {found} beside {slope}"
            );
        }
    }
}

#[test]
fn many_features_keep_the_diagonal_of_their_spread() {
    let (rows, features) = (6, FULL_COVARIANCE + 1);
    let case = case(rows, features, 2);
    let data = TensorData::new(case.u.clone(), [rows, features]);
    let u = Tensor::<2>::from_data(data, &training_device());
    let found = value(&case.centres.penalty(Penalty::Mahalanobis, u, &case.labels));
    // With all features about equally wide, ½ · (1 − share of the ridge) or a little less.
    assert!(found > 0.2 && found < 0.6, "{found}");
}

#[test]
fn centres_move_by_the_published_rule() {
    let mut centres = Centres::at(vec![vec![0.0, 0.0], vec![5.0, 5.0]], 0.5).unwrap();
    // Two rows of class 0: Δc = Σ(c − u)/(1 + 2) = (−1, −2), applied by half.
    centres.update(&[1.0, 2.0, 2.0, 4.0], &[0, 0]);
    assert_eq!(centres.of(0), [0.5, 1.0]);
    assert_eq!(centres.of(1), [5.0, 5.0], "a class without rows stays");
}

#[test]
fn the_penalty_of_equal_deviations_is_the_same_at_every_width() {
    for features in [1, 7, 300] {
        let centres = Centres::at(vec![vec![0.0; features]], 0.5).unwrap();
        let u = Tensor::<2>::ones([4, features], &training_device());
        let found = value(&centres.penalty(Penalty::Center, u, &[0; 4]));
        assert!((found - 0.5).abs() < 1e-6);
    }
}

#[test]
fn lambda_warms_up_linearly_and_stays() {
    let warm = WarmUp { share: 0.5 };
    assert_eq!(warm.factor(0, 8), 0.25);
    assert_eq!(warm.factor(1, 8), 0.5);
    assert_eq!(warm.factor(3, 8), 1.0);
    assert_eq!(warm.factor(7, 8), 1.0);
    assert_eq!(WarmUp { share: 0.0 }.factor(0, 8), 1.0);
    assert!(WarmUp { share: 1.5 }.check().is_err());
}
