//! The estimators against exact measurements.

#[path = "laboratory/experiments.rs"]
mod experiments;
mod laboratory;
#[path = "laboratory/toy.rs"]
mod toy;

use experiments::{Experiments, Measurement};
use laboratory::Laboratory;
use std::collections::BTreeMap;
use tacit_ckks::noise::*;
use tacit_ckks::*;
use tacit_ring::RingKind;
use toy::toy;

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

/// One owner; a group of one, whose relinearisation key has two rounds; groups.
const OWNERS: [Option<u32>; 4] = [None, Some(1), Some(3), Some(16)];

fn repeat(
    experiments: &mut Experiments,
    trials: usize,
) -> BTreeMap<&'static str, Vec<Measurement>> {
    let mut by_name: BTreeMap<_, Vec<Measurement>> = BTreeMap::new();
    for _ in 0..trials {
        for measurement in experiments.run() {
            by_name
                .entry(measurement.name)
                .or_default()
                .push(measurement);
        }
    }
    by_name
}

/// The claims of both estimators about every operation.
fn check(params: &Parameters, owners: Option<u32>, trials: usize) {
    let mut experiments = Experiments::new(params, owners, 42);
    // Bounds that may fail with probability 2^-40, not 2^-168: the claim is the stronger.
    experiments.model = experiments.model.clone().with_lambda(0);
    let model = experiments.model.clone();
    for (name, measurements) in repeat(&mut experiments, trials) {
        let what = format!("{name}, {:?}, {owners:?}", params.literal());
        let squares: f64 = measurements.iter().map(Measurement::mean_square).sum();
        let measured = (squares / trials as f64).log2() / 2.0;
        let estimated = measurements[0].heuristic.log2_deviation();
        assert!(
            (estimated - measured).abs() < 2.0,
            "{what}: heuristic 2^{estimated:.2}, measured 2^{measured:.2}"
        );
        for m in &measurements {
            let (bound, largest) = (m.proven.log2_bound(), m.log2_largest());
            assert!(
                bound > largest,
                "{what}: bound 2^{bound:.2}, found 2^{largest:.2}"
            );
            let (bound, sum) = (m.proven.log2_sum(&model), m.log2_sum());
            assert!(
                bound > sum,
                "{what}: bound on the sum 2^{bound:.2}, found 2^{sum:.2}"
            );
        }
    }
}

#[test]
fn heuristic_within_two_bits_and_proven_never_below_on_small_rings() {
    for kind in KINDS {
        for (log_n, special) in [(6, 50), (6, 45), (9, 45)] {
            for owners in OWNERS {
                check(&toy(kind, log_n, special), owners, 20);
            }
        }
    }
}

#[test]
fn heuristic_within_two_bits_and_proven_never_below_on_a_shipped_set() {
    for kind in KINDS {
        let params = Parameters::new(&Preset::N13.literal(kind)).unwrap();
        for owners in [None, Some(10)] {
            check(&params, owners, 2);
        }
    }
}

#[test]
fn slot_precision_after_a_circuit_is_predicted() {
    for kind in KINDS {
        for owners in [None, Some(5)] {
            let params = toy(kind, 9, 50);
            let mut lab = Laboratory::new(&params, owners, 1);
            let (x, y) = (lab.values(), lab.values());
            let (level, scale) = (params.max_level(), params.scale());
            let encoded = [&x, &y].map(|v| lab.encoder.encode(v, level, scale).unwrap());
            let mut xof = tacit_ring::Seed::from_bytes([3; 32]).expand();
            let [a, b] = encoded.map(|m| encrypt(&params, &lab.pk, &m, &mut xof));
            // (x·y rotated by one + x·y)², then once more rescaled.
            let e = &lab.evaluator;
            let ab = e.mul_rescale(&a, &b).unwrap();
            let sum = e.add(&e.rotate(&ab, 1).unwrap(), &ab).unwrap();
            let square = e.mul_rescale(&sum, &sum).unwrap();
            let found = lab.encoder.decode(&decrypt(&params, &lab.sk, &square));

            fn follow<N: Noise>(
                model: &NoiseModel,
                [x, y]: [Message; 2],
                level: usize,
                scale: f64,
            ) -> Tracked<N> {
                let a = Tracked::<N>::encrypt(model, x, level, scale);
                let b = Tracked::<N>::encrypt(model, y, level, scale);
                let ab = a.mul_rescale(&b).unwrap();
                let sum = ab.rotate().add(&ab).unwrap();
                sum.mul_rescale(&sum).unwrap()
            }
            let sizes = [&x, &y].map(|v| Message::of(v, params.slots()));
            let model = match owners {
                None => NoiseModel::single_owner(&params),
                Some(parties) => NoiseModel::collective(&params, parties),
            };
            let heuristic = follow::<HeuristicNoise>(&model, sizes, level, scale);
            let proven = follow::<ProvenNoise>(&model, sizes, level, scale);

            let n = x.len();
            let exact = (0..n).map(|i| {
                let j = (i + 1) % n;
                (x[i] * y[i] + x[j] * y[j]).powi(2)
            });
            let errors: Vec<f64> = found.iter().zip(exact).map(|(f, e)| f - e).collect();
            let largest = errors.iter().fold(0.0f64, |acc, e| acc.max(e.abs()));
            let rms = (errors.iter().map(|e| e * e).sum::<f64>() / n as f64).sqrt();
            assert!((heuristic.precision_bits() + rms.log2()).abs() < 2.0);
            assert!(proven.guaranteed_precision_bits() < -largest.log2());
        }
    }
}

#[test]
fn a_release_of_the_promised_margin_keeps_the_promised_precision() {
    for kind in KINDS {
        let params = toy(kind, 9, 50);
        let mut lab = Laboratory::new(&params, Some(4), 8);
        let values = lab.values();
        let (level, scale) = (4, 2f64.powi(115));
        let model = NoiseModel::collective(&params, 4).of_encoded_messages();
        let message = Message::of(&values, params.slots());
        let margin = ReleaseMargin::new(
            &Tracked::<ProvenNoise>::encrypt(&model, message, level, scale),
            64,
            100,
        );
        assert!(margin.fits(), "{margin:?}");
        let ring = params.ring();
        let mut xof = tacit_ring::Seed::from_bytes([4; 32]).expand();
        let m = lab.encoder.encode(&values, level, scale).unwrap();
        let ct = encrypt(&params, &lab.pk, &m, &mut xof);
        let mut released = decrypt(&params, &lab.sk, &ct).poly().clone();
        for _ in 0..4 {
            let width = margin.smudging().bits();
            let noise = tacit_ring::sample::wide_uniform(ring.n(), width, &mut xof);
            let noise = ring.forward(ring.lift_wide(&noise, released.basis()));
            ring.add_assign(&mut released, &noise);
        }
        let found = lab.encoder.decode(&Plaintext::from_parts(released, scale));
        let squares: f64 = found
            .iter()
            .zip(&values)
            .map(|(f, v)| (f - v).powi(2))
            .sum();
        let precision = -(squares / values.len() as f64).sqrt().log2();
        assert!(
            (margin.precision_bits() - precision).abs() < 2.0,
            "{precision} {margin:?}"
        );
    }
}

#[test]
fn decryption_fails_about_as_often_as_estimated() {
    // Flooding almost as wide as the modulus, so that failures can be counted.
    for kind in KINDS {
        let params = toy(kind, 9, 50);
        let model = NoiseModel::collective(&params, 12);
        let width = 46;
        let x = Tracked::<HeuristicNoise>::zero(&model, 0, params.scale());
        let log2_estimate = x
            .release(SmudgingBits::new(width))
            .log2_decryption_failure();
        let mut xof = tacit_ring::Seed::from_bytes([5; 32]).expand();
        let half = params.q_at(0) / 2.0;
        let trials = 4000;
        let failures = (0..trials)
            .filter(|_| {
                let mut sum = vec![0i64; params.ring().n()];
                for _ in 0..12 {
                    let noise = tacit_ring::sample::wide_uniform(sum.len(), width, &mut xof);
                    for (s, &x) in sum.iter_mut().zip(noise.limb(0)) {
                        *s += x as i64;
                    }
                }
                sum.iter().any(|&x| x.abs() as f64 > half)
            })
            .count();
        let rate = (failures as f64 / trials as f64).log2();
        let gap = log2_estimate - rate;
        assert!((-0.5..3.0).contains(&gap), "{rate} {log2_estimate}");
    }
}
