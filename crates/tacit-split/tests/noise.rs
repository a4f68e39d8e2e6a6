//! Noise: its power, its source, and what repeats tell.

use proptest::prelude::*;
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::matrix::floats;
use tacit_nn::{Draws, Matrix, training_device};
use tacit_split::SplitError;
use tacit_split::noise::{Binding, ClientSecret, Noise, Normaliser, Veil};

const VERSION: [u8; 32] = [1; 32];

fn secret(byte: u8) -> ClientSecret {
    ClientSecret::from_bytes([byte; 32])
}

fn zeros(rows: usize, columns: usize) -> Matrix {
    Matrix::new(rows, columns, vec![0.0; rows * columns]).unwrap()
}

/// Rows that all differ.
fn inputs(rows: usize) -> Matrix {
    Matrix::new(rows, 1, (0..rows).map(|i| i as f32).collect()).unwrap()
}

fn veil(noise: Noise) -> Veil {
    Veil {
        range: 50.0,
        noise,
        binding: Binding::Input { step: 1.0 / 256.0 },
        ..Veil::default()
    }
}

#[test]
fn noise_has_the_power_its_ratio_says() {
    for noise in [Noise::Gaussian { snr: 0.25 }, Noise::Laplace { snr: 0.25 }] {
        let sent = veil(noise)
            .cover(&zeros(400, 100), &inputs(400), &secret(1), &VERSION, 0)
            .unwrap();
        let n = sent.values().len() as f64;
        let mean = sent.values().iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let power = sent
            .values()
            .iter()
            .map(|v| f64::from(*v).powi(2))
            .sum::<f64>()
            / n;
        assert!(mean.abs() < 0.05, "{noise:?}: mean {mean}");
        assert!((power - 4.0).abs() < 0.2, "{noise:?}: power {power}");
        // Fourth moments tell the two apart: 3 for a Gaussian, 6 for Laplace.
        let fourth = sent
            .values()
            .iter()
            .map(|v| f64::from(*v).powi(4))
            .sum::<f64>()
            / n;
        let kurtosis = fourth / power.powi(2);
        let expected = if matches!(noise, Noise::Laplace { .. }) {
            6.0
        } else {
            3.0
        };
        assert!((kurtosis - expected).abs() < 0.6, "{noise:?}: {kurtosis}");
    }
}

#[test]
fn a_repeated_input_is_sent_as_before_in_any_batch() {
    let veil = veil(Noise::Gaussian { snr: 1.0 });
    let all = veil
        .cover(&zeros(5, 3), &inputs(5), &secret(1), &VERSION, 0)
        .unwrap();
    let one = inputs(5).select(&[3]).unwrap();
    let again = veil
        .cover(&zeros(1, 3), &one, &secret(1), &VERSION, 9)
        .unwrap();
    assert_eq!(all.row(3), again.row(0));
    assert_ne!(all.row(2), again.row(0));
}

#[test]
fn noise_differs_by_secret_version_and_input_step() {
    let veil = veil(Noise::Gaussian { snr: 1.0 });
    let at = |input: f32, key: u8, version: u8| {
        let input = Matrix::new(1, 1, vec![input]).unwrap();
        let sent = veil.cover(&zeros(1, 4), &input, &secret(key), &[version; 32], 0);
        sent.unwrap().values().to_vec()
    };
    let first = at(0.5, 1, 1);
    assert_ne!(first, at(0.5, 2, 1), "another client");
    assert_ne!(first, at(0.5, 1, 2), "another encoder");
    assert_ne!(
        first,
        at(0.5 + 1.0 / 256.0, 1, 1),
        "the next cell of the grid"
    );
    assert_eq!(first, at(0.5 + 1.0 / 1024.0, 1, 1), "the same cell");
    assert_eq!(at(0.0, 1, 1), at(-0.0, 1, 1));
}

#[test]
fn fresh_noise_averages_away_and_bound_noise_does_not() {
    let spread = |binding| {
        let veil = Veil {
            binding,
            ..veil(Noise::Gaussian { snr: 1.0 })
        };
        let mut mean = [0.0f32; 50];
        for query in 0..100 {
            let sent = veil.cover(&zeros(1, 50), &inputs(1), &secret(1), &VERSION, query);
            for (m, v) in mean.iter_mut().zip(sent.unwrap().values()) {
                *m += v / 100.0;
            }
        }
        mean.iter().map(|m| m * m).sum::<f32>() / 50.0
    };
    assert!(spread(Binding::Fresh) < 0.03);
    assert!(spread(Binding::Input { step: 0.01 }) > 0.5);
}

#[test]
fn near_duplicates_mostly_share_their_noise_and_strangers_do_not() {
    let veil = Veil {
        noise: Noise::Gaussian { snr: 1.0 },
        ..Veil::default()
    };
    let mut draws = Draws::new(8, "pictures");
    // Strokes on paper: most pixels 0, one in five bright.
    let ink = |draws: &mut Draws| {
        if draws.below(5) == 0 {
            draws.uniform()
        } else {
            0.0
        }
    };
    let pictures: Vec<f32> = (0..40 * 784).map(|_| ink(&mut draws)).collect();
    let near: Vec<f32> = pictures
        .iter()
        .map(|v| (v + draws.symmetric(1.0 / 255.0)).clamp(0.0, 1.0))
        .collect();
    let sent = |values: Vec<f32>| {
        let inputs = Matrix::new(40, 784, values).unwrap();
        veil.cover(&zeros(40, 3), &inputs, &secret(1), &VERSION, 0)
            .unwrap()
    };
    let (first, second) = (sent(pictures), sent(near));
    let same = (0..40).filter(|i| first.row(*i) == second.row(*i)).count();
    assert!(same >= 26, "{same} of 40 near-duplicates");
    let mut seen: Vec<&[f32]> = first.iter().collect();
    seen.sort_by(|a, b| a[0].total_cmp(&b[0]));
    seen.dedup();
    assert_eq!(seen.len(), 40, "strangers share a neighbourhood");
}

#[test]
fn fresh_noise_of_a_client_differs_every_time() {
    let veil = Veil {
        binding: Binding::Fresh,
        ..veil(Noise::Gaussian { snr: 1.0 })
    };
    let now = || {
        veil.cover_now(&zeros(1, 4), &inputs(1), &secret(1), &VERSION)
            .unwrap()
    };
    assert_ne!(now(), now());
}

#[test]
fn a_secret_is_not_printed() {
    assert_eq!(format!("{:?}", secret(7)), "ClientSecret(…)");
}

#[test]
fn training_sees_the_same_noise_and_a_gradient_passes_it() {
    for noise in [Noise::Gaussian { snr: 1.0 }, Noise::Dropout { share: 0.5 }] {
        let veil = Veil {
            range: 4.0,
            bits: Some(4),
            ..veil(noise)
        };
        let data = TensorData::new(vec![1.5f32; 40], [10, 4]);
        let u = Tensor::<2>::from_data(data, &training_device()).require_grad();
        let sent = veil.cover_training(u.clone(), &mut Draws::new(1, "noise"));
        let values = floats(sent.clone());
        let gradient = floats(u.grad(&sent.sum().backward()).unwrap());
        assert!(gradient.iter().all(|g| *g == 1.0 || *g == 0.0));
        assert!(gradient.iter().sum::<f32>() > 10.0);
        assert!(values.windows(2).any(|w| w[0] != w[1]));
    }
}

#[test]
fn maps_are_normalised_by_channel() {
    // Two channels of three pixels.
    let rows = Matrix::new(
        2,
        6,
        vec![
            0.0, 1.0, 2.0, 10.0, 10.0, 10.0, 3.0, 4.0, 5.0, 20.0, 20.0, 20.0,
        ],
    );
    let rows = rows.unwrap();
    let normaliser = Normaliser::fit(&rows, 3).unwrap();
    assert_eq!(normaliser.means, [2.5, 15.0]);
    assert!((normaliser.deviations[1] - 5.0).abs() < 1e-5);
    let back = normaliser
        .restore(&normaliser.normalise(&rows).unwrap())
        .unwrap();
    for (a, b) in back.values().iter().zip(rows.values()) {
        assert!((a - b).abs() < 1e-4);
    }
    assert!(
        Normaliser::fit(&rows, 4).is_err(),
        "six features are no maps of four"
    );
}

#[test]
fn a_silent_feature_stays_silent() {
    let rows = Matrix::new(3, 2, vec![1.0, 0.7, 2.0, 0.7, 3.0, 0.7]).unwrap();
    let normaliser = Normaliser::fit(&rows, 1).unwrap();
    let u = normaliser.normalise(&rows).unwrap();
    assert!(u.iter().all(|row| row[1].abs() < 1e-3));
}

#[test]
fn settings_out_of_range_are_named() {
    let bad = [
        Veil {
            range: f32::NAN,
            ..Veil::default()
        },
        Veil {
            noise: Noise::Gaussian { snr: 0.0 },
            ..Veil::default()
        },
        Veil {
            noise: Noise::Dropout { share: 1.0 },
            ..Veil::default()
        },
        Veil {
            binding: Binding::Input { step: 0.0 },
            ..Veil::default()
        },
        Veil {
            binding: Binding::Neighbourhood {
                directions: 1,
                width: 1.0,
            },
            ..Veil::default()
        },
        Veil {
            bits: Some(17),
            ..Veil::default()
        },
    ];
    for veil in bad {
        assert!(
            matches!(veil.check(), Err(SplitError::Setting { .. })),
            "{veil:?}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_sent_lies_in_the_range_on_the_grid(
        values in prop::collection::vec(-1e4f32..1e4, 1..40),
        bits in prop::option::of(1u8..=16),
        snr in 0.01f32..10.0,
    ) {
        let features = Matrix::new(1, values.len(), values).unwrap();
        let veil = Veil { bits, noise: Noise::Gaussian { snr }, ..Veil::default() };
        let sent = veil.cover(&features, &inputs(1), &secret(3), &VERSION, 0).unwrap();
        prop_assert!(veil.check_sent(&sent).is_ok());
        if let Some(bits) = bits {
            let steps = (1u32 << bits) as f32 - 1.0;
            for v in sent.values() {
                let cell = (v / veil.range + 1.0) * 0.5 * steps;
                prop_assert!((cell - cell.round()).abs() < 0.02, "{v} is off the grid");
            }
        }
    }
}
