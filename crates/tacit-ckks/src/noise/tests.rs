use super::*;
use crate::{CkksError, Parameters, Preset};
use tacit_ring::RingKind;
use tacit_ring::sample::{GAUSSIAN_BOUND, GAUSSIAN_SIGMA};

fn model(kind: RingKind, parties: u32) -> NoiseModel {
    let params = Parameters::new(&Preset::N14.literal(kind)).unwrap();
    NoiseModel::collective(&params, parties)
}

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

#[test]
fn the_error_sampler_is_sub_gaussian_with_the_stated_parameter() {
    // ln E exp(tX) ≤ t²·parameter²/2, for the law with its table's rounding: at most 2^-63 more mass
    // above each magnitude, which telescopes. Beyond t = 2·30/parameter² the range alone suffices.
    let bound = GAUSSIAN_BOUND as f64;
    let weight = |k: f64| (-k * k / (2.0 * GAUSSIAN_SIGMA * GAUSSIAN_SIGMA)).exp();
    let total: f64 = 1.0 + 2.0 * (1..=60).map(|k| weight(k as f64)).sum::<f64>();
    let limit = 2.0 * bound / model::GAUSSIAN_PARAMETER.powi(2);
    let steps = 20_000;
    for i in 1..=steps {
        let t = limit * i as f64 / steps as f64;
        let law: f64 = (1..=GAUSSIAN_BOUND)
            .map(|k| 2.0 * weight(k as f64) / total * (t * k as f64).cosh())
            .sum();
        let tail: f64 = (GAUSSIAN_BOUND + 1..=60)
            .map(|k| 2.0 * weight(k as f64) / total)
            .sum();
        let table = 2f64.powi(-63) * (t * bound).cosh();
        let moment = 1.0 / total + law + tail * (t * bound).cosh() + table;
        assert!(
            moment.ln() <= t * t * model::GAUSSIAN_PARAMETER.powi(2) / 2.0 * (1.0 + 1e-12),
            "t = {t}"
        );
    }
}

#[test]
fn proven_bounds_lie_above_heuristic_deviations() {
    for kind in KINDS {
        for parties in [1, 3, 160] {
            let model = model(kind, parties);
            fn chain<N: Noise>(model: &NoiseModel) -> Vec<Tracked<N>> {
                let scale = model.params().scale();
                let x = Tracked::<N>::encrypt(model, Message::bounded(1.0), 7, scale);
                let y = x.mul_rescale(&x).unwrap();
                let z = y.rotate().add(&y).unwrap();
                let r = z.refresh(5);
                vec![x, y, z, r]
            }
            let heuristic = chain::<HeuristicNoise>(&model);
            let proven = chain::<ProvenNoise>(&model);
            for (h, p) in heuristic.iter().zip(&proven) {
                let gap = p.noise().log2_bound() - h.noise().log2_deviation();
                assert!((2.0..16.0).contains(&gap), "{kind:?} {parties}: {gap}");
                assert!(p.guaranteed_precision_bits() < h.precision_bits());
            }
        }
    }
}

#[test]
fn more_parties_mean_more_noise() {
    let precision = |parties| {
        let model = model(RingKind::ConjugateInvariant, parties);
        let scale = model.params().scale();
        let x = Tracked::<HeuristicNoise>::encrypt(&model, Message::bounded(1.0), 7, scale);
        x.mul_rescale(&x).unwrap().precision_bits()
    };
    assert!(precision(1) > precision(10) && precision(10) > precision(160));
}

#[test]
fn a_circuit_that_would_fail_fails_symbolically_with_the_same_errors() {
    let model = model(RingKind::Standard, 1);
    let scale = model.params().scale();
    let x = Tracked::<ProvenNoise>::encrypt(&model, Message::bounded(1.0), 0, scale);
    assert!(matches!(x.rescale(), Err(CkksError::Level { .. })));
    assert!(matches!(x.mul(&x), Err(CkksError::ScaleOverflow { .. })));
    let y = Tracked::encrypt(&model, Message::bounded(1.0), 7, 2.0 * scale);
    assert!(matches!(x.add(&y), Err(CkksError::Scale { .. })));
    let product = y.mul(&y).unwrap();
    assert!(matches!(product.mul(&y), Err(CkksError::Degree { .. })));
    assert!(matches!(y.relinearise(), Err(CkksError::Degree { .. })));
    assert!(matches!(x.drop_to_level(1), Err(CkksError::Level { .. })));
}

#[test]
fn smudging_grows_with_every_argument() {
    let base = SmudgingBits::covering(10.0, 64, 1 << 14, 1);
    assert_eq!(base.bits(), 88);
    assert_eq!(SmudgingBits::covering(12.0, 64, 1 << 14, 1).bits(), 90);
    assert_eq!(SmudgingBits::covering(10.0, 128, 1 << 14, 1).bits(), 152);
    assert_eq!(SmudgingBits::covering(10.0, 64, 1 << 13, 1).bits(), 87);
    assert_eq!(
        SmudgingBits::covering(10.0, 64, 1 << 14, 1 << 10).bits(),
        98
    );
}

#[test]
fn a_release_fits_when_scale_and_level_leave_room_and_not_otherwise() {
    for kind in KINDS {
        let model = model(kind, 10).of_encoded_messages();
        let fresh = |log_scale: f64, level| {
            let message = Message::bounded(1.0);
            Tracked::<ProvenNoise>::encrypt(&model, message, level, log_scale.exp2())
        };
        let good = ReleaseMargin::new(&fresh(130.0, 3), 64, 1000);
        assert!(good.fits(), "{good:?}");
        assert!(good.precision_bits() > 15.0 && good.headroom_bits() > 0.0);
        assert!((good.lambda_s(), good.releases()) == (64, 1000));
        // Counted as noise, the rounding of a 53-bit encoder would have to be hidden too.
        let exact = NoiseModel::collective(model.params(), 10);
        let x = Tracked::encrypt(&exact, Message::bounded(1.0), 3, 2f64.powi(130));
        assert!(!ReleaseMargin::new(&x, 64, 1000).fits());
        // The default scale is buried by the flooding.
        assert!(!ReleaseMargin::new(&fresh(40.0, 3), 64, 1000).fits());
        // The modulus is too small for it.
        let wrapped = ReleaseMargin::new(&fresh(130.0, 2), 64, 1000);
        assert!(!wrapped.fits() && wrapped.headroom_bits() < 0.0);
    }
}

#[test]
fn a_release_never_floods_more_than_the_bound_on_the_largest_coefficient_asks_for() {
    let model = model(RingKind::ConjugateInvariant, 3);
    let x = Tracked::<ProvenNoise>::encrypt(&model, Message::bounded(1.0), 7, 2f64.powi(40));
    let margin = ReleaseMargin::new(&x, 64, 100);
    let simple = SmudgingBits::covering(x.noise().log2_bound(), 64, 1 << 14, 100);
    assert!(margin.smudging() <= simple);
    assert!(margin.smudging().bits() + 6 > simple.bits());
}

#[test]
fn decryption_fails_rarely_with_room_and_surely_without() {
    let model = model(RingKind::ConjugateInvariant, 3);
    let message = |bound| {
        Tracked::<HeuristicNoise>::encrypt(&model, Message::bounded(bound), 0, 2f64.powi(40))
    };
    assert!(message(100.0).log2_decryption_failure() < -1000.0);
    assert_eq!(message(600.0).log2_decryption_failure(), 0.0);
    // Flooding up to a quarter of the modulus, whose deviation is Q/7.
    let flooded = message(1.0).release(SmudgingBits::new(47));
    let p = flooded.log2_decryption_failure();
    assert!(p > -40.0 && p <= 0.0, "{p}");
}

#[test]
fn one_hot_messages_are_smaller_than_their_bound() {
    let m = Message::of(&[0.0, -4.0], 16);
    assert_eq!((m.bound, m.rms), (4.0, 1.0));
}
