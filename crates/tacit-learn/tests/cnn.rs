//! Whole encrypted trainings of networks that begin with a convolution, against the twin.

use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::{IterationCost, MlpPlan};
use tacit_learn::neural::{Convolution, EarlyStop, MlpConfig, PolynomialActivation, StepMomentum};

mod beside_twin;

use beside_twin::check;

/// Five channels in two tiles of four.
const TWO_TILES: Convolution = Convolution {
    side: 7,
    kernel: 3,
    stride: 1,
    pool: 2,
    channels: 5,
};

/// Images of one bright line, whose class is the line's direction, with some structure around it.
fn images(side: usize, count: usize) -> Samples {
    let mut pixels = Vec::with_capacity(count * side * side);
    let class = |i: usize| i % 3;
    for i in 0..count {
        let at = i / 3 % side;
        for y in 0..side {
            for x in 0..side {
                let on = match class(i) {
                    0 => y == at,
                    1 => x == at,
                    _ => (x + y) % side == at,
                };
                let texture = ((i * 31 + y * 7 + x * 3) as f64).sin();
                pixels.push(0.8 * f64::from(u8::from(on)) + 0.1 * texture - 0.1);
            }
        }
    }
    let labels = (0..count).map(|i| class(i) as f64).collect();
    Samples::new(side * side, pixels, labels).unwrap()
}

fn config(convolution: Convolution, dense: &[usize]) -> MlpConfig {
    MlpConfig {
        slots: 512,
        batch: 8,
        iterations: 3,
        ..MlpConfig::convolutional(convolution, dense)
    }
}

#[test]
fn an_encrypted_convolution_learns_what_its_twin_learns() {
    // Parties of unequal size in two ciphertexts, one below the batch.
    let rows = images(7, 50);
    let (a, rest) = rows.split_at(5).unwrap();
    let (b, c) = rest.split_at(25).unwrap();
    let config = config(TWO_TILES, &[16, 3]);
    check(config, &[a, b, c]);
}

#[test]
fn shapes_depths_and_settings_agree_too() {
    // Nine regions padded to sixteen, five taps to eight; nothing pooled.
    let unpooled = Convolution {
        side: 9,
        kernel: 2,
        stride: 3,
        pool: 1,
        channels: 2,
    };
    let parties = images(9, 40).deal(2).unwrap();
    // A constant in the activation must not appear where there is no region, channel or sample.
    let activation = PolynomialActivation::quadratic(0.2, 0.5, 0.15).unwrap();
    check(
        MlpConfig {
            activation,
            weight_decay: 0.05,
            batch: 4,
            ..config(unpooled, &[16, 6, 3])
        },
        &parties,
    );
    let wide = Convolution {
        side: 9,
        kernel: 3,
        stride: 2,
        pool: 2,
        channels: 3,
    };
    check(
        MlpConfig {
            momentum: StepMomentum::None,
            local_batches: 2,
            ..config(wide, &[16, 3])
        },
        &parties,
    );
}

#[test]
fn a_convolution_goes_with_what_dense_networks_can() {
    let parties = images(7, 60).deal(3).unwrap();
    // Weights at Nesterov's point, biases above, two batches a step, errors on the way.
    let stop = EarlyStop {
        every: 1,
        patience: 3,
        improvement: 0.0,
    };
    check(
        MlpConfig {
            hidden_bias: true,
            momentum: StepMomentum::Nesterov { mu: 0.9 },
            local_batches: 2,
            stop: Some(stop),
            ..config(TWO_TILES, &[16, 3])
        },
        &parties,
    );
    // Straight from the regions to the outputs.
    check(config(TWO_TILES, &[16]), &parties);
}

#[test]
fn digits_among_ten_parties_fit_the_secure_parameters() {
    let convolution = Convolution {
        side: 28,
        kernel: 5,
        stride: 3,
        pool: 2,
        channels: 16,
    };
    let config = MlpConfig::convolutional(convolution, &[64, 10]);
    let plan = MlpPlan::new(config, vec![6_000; 10], 64).unwrap();
    let params = &plan.encryption.params;
    let log_qp = params.ring().log2_modulus(params.key_basis());
    assert!(log_qp <= 430.0, "{log_qp}");
    assert_eq!(plan.encryption.refresh_level, 2);
    assert!(params.log2_q(plan.encryption.refresh_level) >= plan.encryption.mask.modulus_bits(10));
    let margin = plan.release_margin();
    assert!(
        margin.fits() && margin.precision_bits() > 20.0,
        "{margin:?}"
    );
    let cost = IterationCost::of(&plan);
    assert_eq!((cost.refreshes, cost.rounds), (21, 6));
}
