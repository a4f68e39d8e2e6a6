//! The protocols end to end, against a key that only a test may assemble.

mod cohort;

use cohort::{Cohort, run, toy, xof};
use tacit_ckks::{Ciphertext, Encoder, EvaluationKeys, Evaluator, PublicKey, SecretKey, decrypt};
use tacit_mhe::threshold::{ThresholdSecret, split};
use tacit_mhe::*;
use tacit_ring::{RingKind, Seed};

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

fn parties(kind: RingKind, n: usize) -> Cohort {
    Cohort::new(toy(kind, 7, 5), n)
}

impl Cohort {
    fn release(&self, ct: &Ciphertext, round: u64) -> Vec<f64> {
        let release = Release::new(
            &self.params,
            &self.context.instance(round),
            ct,
            SmudgingBits::new(18),
        );
        Encoder::new(&self.params).decode(&run(&release.unwrap(), &self.secrets))
    }

    fn keys(&self, steps: &[i64]) -> EvaluationKeys {
        let instance = self.context.instance(1);
        let one = RelinearisationRoundOne::new(&self.params, &instance);
        let two = RelinearisationRoundTwo::new(&one, run(&one, &self.secrets));
        let mut keys = EvaluationKeys {
            relinearisation: Some(run(&two, &self.secrets)),
            ..Default::default()
        };
        for &s in steps {
            let element = self.params.ring().rotation(s);
            let protocol = CollectiveGaloisKey::new(&self.params, &instance, element);
            keys.insert(run(&protocol, &self.secrets));
        }
        keys
    }
}

fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() < tolerance, "slot {i}: {f} instead of {e}");
    }
}

#[test]
fn collective_keys_compute_and_release() {
    for kind in KINDS {
        for n in [1, 2, 3, 10] {
            let cohort = parties(kind, n);
            let evaluator = Evaluator::new(&cohort.params, cohort.keys(&[1, -2]));
            let values: Vec<f64> = (0..cohort.params.slots())
                .map(|i| (i as f64 * 0.37).cos())
                .collect();
            let x = cohort.encrypt(&values, 5, 7);
            let y = evaluator
                .mul_rescale(&x, &evaluator.rotate(&x, 1).unwrap())
                .unwrap();
            let y = evaluator.rotate(&y, -2).unwrap();
            let slots = values.len();
            let expected: Vec<f64> = (0..slots)
                .map(|i| values[(i + slots - 2) % slots] * values[(i + slots - 1) % slots])
                .collect();
            assert_close(&cohort.release(&y, 9), &expected, 1e-3);
        }
    }
}

#[test]
fn refresh_restores_the_level_and_the_message() {
    for kind in KINDS {
        for n in [1, 2, 5] {
            let cohort = parties(kind, n);
            let values: Vec<f64> = (0..cohort.params.slots())
                .map(|i| i as f64 / 50.0 - 1.0)
                .collect();
            let ct = cohort.encrypt(&values, 3, 3);
            let mask = MaskBits::hiding(42.0, 64, cohort.params.ring().n(), 100);
            let instance = cohort.context.instance(4);
            for (bits, output) in [(0, 5), (7, 5), (0, 3)] {
                let map = ExactMap::Multiple { bits };
                let secrets = parties(kind, n).secrets; // an empty ledger
                let refresh =
                    Refresh::new(&cohort.params, &instance, ct.clone(), output, mask, map).unwrap();
                let fresh = run(&refresh, &secrets);
                assert_eq!(fresh.level(), output);
                assert_eq!(fresh.scale(), ct.scale() * (bits as f64).exp2());
                assert_close(
                    &cohort.release(&fresh, 10 + bits as u64 + output as u64),
                    &values,
                    1e-3,
                );
            }
        }
    }
}

#[test]
fn wide_errors_are_as_wide_as_they_say_and_another_instance() {
    for kind in KINDS {
        let cohort = parties(kind, 3);
        let params = &cohort.params;
        let n = params.ring().n();
        let values: Vec<f64> = (0..params.slots()).map(|i| (i as f64).sin()).collect();
        let ct = cohort.encrypt(&values, 3, 3);
        let mask = MaskBits::hiding(42.0, 64, n, 100);
        let instance = cohort.context.instance(4);
        let of = |wide| {
            let (secrets, ct) = (parties(kind, 3).secrets, ct.clone());
            let refresh = Refresh::new(params, &instance, ct, 5, mask, ExactMap::IDENTITY);
            let refresh = refresh.unwrap().with_wide_errors(wide);
            let found = cohort.release(&run(&refresh, &secrets), 10 + u64::from(wide));
            let squares = found.iter().zip(&values).map(|(a, b)| (a - b).powi(2));
            (
                refresh.id(),
                (squares.sum::<f64>() / values.len() as f64).sqrt(),
            )
        };
        let precision = 12;
        let wide = wide_error_bits(params, ct.scale(), 3, precision);
        let ((plain, small), (other, error)) = (of(0), of(wide));
        assert_ne!(plain.as_bytes(), other.as_bytes());
        let aimed = (-f64::from(precision)).exp2();
        assert!(small < 0.1 * error, "{small:e} {error:e}");
        assert!(
            error < 2.0 * aimed && error > 0.2 * aimed,
            "{error:e} {aimed:e}"
        );
    }
}

#[test]
fn refresh_applies_an_exact_linear_map() {
    for kind in KINDS {
        let cohort = parties(kind, 3);
        let slots = cohort.params.slots();
        let values: Vec<f64> = (0..slots).map(|i| (i as f64).sin()).collect();
        let ct = cohort.encrypt(&values, 3, 3);
        let encoder = Encoder::new(&cohort.params);
        let weight = |w: f64| encoder.encode(&vec![w; slots], 5, 2f64.powi(30)).unwrap();
        let map = ExactMap::Diagonals(vec![
            (cohort.params.ring().rotation(0), weight(0.5)),
            (cohort.params.ring().rotation(3), weight(-2.0)),
        ]);
        let mask = MaskBits::hiding(42.0, 64, cohort.params.ring().n(), 1);
        let refresh = Refresh::new(
            &cohort.params,
            &cohort.context.instance(4),
            ct,
            5,
            mask,
            map,
        )
        .unwrap();
        let fresh = run(&refresh, &cohort.secrets);
        let expected: Vec<f64> = (0..slots)
            .map(|i| 0.5 * values[i] - 2.0 * values[(i + 3) % slots])
            .collect();
        assert_close(&cohort.release(&fresh, 11), &expected, 1e-3);
    }
}

#[test]
fn a_shared_map_does_what_its_diagonals_do_and_a_scaled_one_what_a_constant_does() {
    for kind in KINDS {
        let cohort = parties(kind, 3);
        let slots = cohort.params.slots();
        let values: Vec<f64> = (0..slots).map(|i| (i as f64).sin()).collect();
        let encoder = Encoder::new(&cohort.params);
        let scale = 1.3 * 2f64.powi(30);
        let constant = |w: f64| encoder.encode_constant(w, 5, scale).unwrap();
        let ring = cohort.params.ring();
        let diagonals = vec![
            (ring.rotation(2), constant(0.5)),
            (ring.rotation(0), constant(-2.0)),
        ];
        let turned: Vec<f64> = (0..slots)
            .map(|i| 0.5 * values[(i + 2) % slots] - 2.0 * values[i])
            .collect();
        let factor = scale.round() as u64;
        let cases = [
            (ExactMap::Diagonals(diagonals.clone()), &turned),
            (ExactMap::Shared(SharedMap::new(diagonals)), &turned),
            (ExactMap::Scaled { factor, scale }, &values),
        ];
        let mask = MaskBits::hiding(42.0, 64, ring.n(), 1);
        for (round, (map, expected)) in (20..).zip(cases) {
            let ct = cohort.encrypt(&values, 3, round);
            let instance = cohort.context.instance(u64::from(round));
            let refresh = Refresh::new(&cohort.params, &instance, ct, 5, mask, map).unwrap();
            let fresh = run(&refresh, &cohort.secrets);
            assert_eq!(
                (fresh.level(), fresh.scale()),
                (5, cohort.params.scale() * scale)
            );
            assert_close(
                &cohort.release(&fresh, 30 + u64::from(round)),
                expected,
                1e-3,
            );
        }
    }
}

#[test]
fn a_refresh_is_bound_to_every_part_of_its_map() {
    let cohort = parties(RingKind::ConjugateInvariant, 2);
    let ct = cohort.encrypt(&[1.0], 3, 3);
    let encoder = Encoder::new(&cohort.params);
    let ring = cohort.params.ring();
    let term = |steps: i64, weight: f64, scale: f64| {
        let weight = encoder.encode_constant(weight, 5, scale).unwrap();
        (ring.rotation(steps), weight)
    };
    let scale = 2f64.powi(30);
    let lists = [
        vec![term(0, 1.0, scale)],
        vec![term(1, 1.0, scale)],
        vec![term(0, 2.0, scale)],
        vec![term(0, 2.0, scale / 2.0)],
        vec![term(0, 1.0, scale), term(1, 1.0, scale)],
        vec![term(1, 1.0, scale), term(0, 1.0, scale)],
    ];
    let factor = 1 << 30;
    let mut maps = vec![
        ExactMap::Multiple { bits: 30 },
        ExactMap::Scaled { factor, scale },
        ExactMap::Scaled {
            factor: factor + 1,
            scale,
        },
        ExactMap::Scaled {
            factor,
            scale: scale + 1.0,
        },
    ];
    for list in lists {
        maps.push(ExactMap::Shared(SharedMap::new(list.clone())));
        maps.push(ExactMap::Diagonals(list));
    }
    let mask = MaskBits::hiding(42.0, 64, ring.n(), 1);
    let instance = cohort.context.instance(4);
    let count = maps.len();
    let ids = maps.into_iter().map(|map| {
        let refresh = Refresh::new(&cohort.params, &instance, ct.clone(), 5, mask, map).unwrap();
        refresh.id()
    });
    let ids: std::collections::BTreeSet<InstanceId> = ids.collect();
    assert_eq!(ids.len(), count);
    let unfit = [(0, scale), (1, 0.0), (1, f64::NAN), (1, f64::INFINITY)];
    let unfit = unfit.map(|(factor, scale)| ExactMap::Scaled { factor, scale });
    let empty = ExactMap::Shared(SharedMap::new(vec![]));
    for map in unfit.into_iter().chain([empty]) {
        assert!(Refresh::new(&cohort.params, &instance, ct.clone(), 5, mask, map).is_err());
    }
}

#[test]
fn shares_of_several_instances_are_added_together_or_not_at_all() {
    let cohort = parties(RingKind::Standard, 2);
    let protocols =
        [1, 2].map(|k| CollectivePublicKey::new(&cohort.params, &cohort.context.instance(k)));
    let shares = |secret: &PartySecret| -> Vec<Vec<u8>> {
        let share = |p: &CollectivePublicKey| p.encode(&p.share(secret).unwrap());
        protocols.iter().map(share).collect()
    };
    let [ours, theirs] = [0, 1].map(|k| shares(&cohort.secrets[k]));
    let add = |others: &[Vec<u8>]| {
        let mut sums = ours.clone();
        let into = sums.iter_mut().map(Vec::as_mut_slice).collect();
        aggregate_all(&protocols, into, others).map_err(|e| {
            assert_eq!(sums, ours, "{e}");
            e
        })?;
        Ok::<_, MheError>(sums)
    };
    let sums = add(&theirs).unwrap();
    for (k, protocol) in protocols.iter().enumerate() {
        let [left, right] = [&ours, &theirs].map(|s| protocol.decode(&s[k]).unwrap());
        let sum = protocol.sum([&left, &right]).unwrap();
        assert_eq!(sums[k], protocol.encode(&sum));
    }
    let damaged: [fn(&mut Vec<u8>); 4] = [
        |share| share.truncate(share.len() - 1),
        |share| share.push(0),
        |share| share[3] ^= 1,
        // A residue of all ones is above any prime.
        |share| share.iter_mut().rev().take(8).for_each(|b| *b = 0xff),
    ];
    for damage in damaged {
        let mut others = theirs.clone();
        damage(&mut others[1]);
        assert!(add(&others).is_err());
    }
}

#[test]
fn a_mask_that_does_not_hide_is_refused() {
    let cohort = parties(RingKind::ConjugateInvariant, 3);
    let ct = cohort.encrypt(&[1.0], 1, 3);
    let mask = MaskBits::hiding(42.0, 64, cohort.params.ring().n(), 1);
    let refused = Refresh::new(
        &cohort.params,
        &cohort.context.instance(4),
        ct,
        5,
        mask,
        ExactMap::IDENTITY,
    );
    assert!(matches!(
        refused,
        Err(MheError::MaskTooNarrow {
            level: 1,
            lambda: 64,
            ..
        })
    ));
}

#[test]
fn a_querier_alone_reads_its_answer() {
    for kind in KINDS {
        let cohort = parties(kind, 3);
        let querier = SecretKey::sample(&cohort.params, &mut xof(77));
        let querier_pk = PublicKey::generate(&cohort.params, &querier, &mut xof(78));
        let values = [0.25, -3.0, 1.5];
        let ct = cohort.encrypt(&values, 4, 5);
        let switch = KeySwitchToPublic::new(
            &cohort.params,
            &cohort.context.instance(3),
            &ct,
            &querier_pk,
            SmudgingBits::new(18),
        )
        .unwrap();
        let answer = run(&switch, &cohort.secrets);
        let read = |sk: &SecretKey| {
            Encoder::new(&cohort.params).decode(&decrypt(&cohort.params, sk, &answer))
        };
        assert_close(&read(&querier), &values, 1e-3);
        let other = SecretKey::sample(&cohort.params, &mut xof(79));
        assert!((read(&other)[0] - 0.25).abs() > 1.0);
    }
}

#[test]
fn key_switch_to_a_new_collective_secret() {
    let cohort = parties(RingKind::Standard, 3);
    let next: Vec<_> = (0..3)
        .map(|i| PartySecret::from_seed(&cohort.params, &Seed::from_bytes([200 + i as u8; 32])))
        .collect();
    let ct = cohort.encrypt(&[0.5, 2.0], 4, 5);
    let bits = SmudgingBits::new(18);
    let instance = cohort.context.instance(3);
    let switch = KeySwitchToSecret::new(&cohort.params, &instance, &ct, &[9; 32], bits).unwrap();
    let shares: Vec<_> = cohort
        .secrets
        .iter()
        .zip(&next)
        .map(|(old, new)| switch.share_towards(old, new).unwrap())
        .collect();
    let rotated = switch
        .finish(&switch.protocol().sum(&shares).unwrap())
        .unwrap();
    let release =
        Release::new(&cohort.params, &cohort.context.instance(5), &rotated, bits).unwrap();
    let found = Encoder::new(&cohort.params).decode(&run(&release, &next));
    assert_close(&found, &[0.5, 2.0], 1e-3);
}

fn thresholds(cohort: &Cohort, t: u32) -> Vec<ThresholdSecret> {
    let n = cohort.secrets.len() as u32;
    let sent: Vec<Vec<_>> = (0..n)
        .map(|i| {
            let secret = &cohort.secrets[i as usize];
            split(&cohort.params, secret, &cohort.context.session, i, t, n).unwrap()
        })
        .collect();
    (0..n)
        .map(|j| {
            let received: Vec<_> = sent
                .iter()
                .map(|from| {
                    let bytes = from[j as usize].to_secret_bytes(&cohort.params);
                    threshold::SubShare::from_secret_bytes(&cohort.params, &bytes).unwrap()
                })
                .collect();
            let secret = &cohort.secrets[j as usize];
            ThresholdSecret::combine(&cohort.params, secret, j, t, &received, &sent[j as usize])
                .unwrap()
        })
        .collect()
}

#[test]
fn any_threshold_of_the_parties_can_act() {
    for kind in KINDS {
        let cohort = parties(kind, 5);
        let members = thresholds(&cohort, 3);
        for (round, active) in [[0u32, 1, 2], [0, 2, 4], [2, 3, 4]].into_iter().enumerate() {
            let ct = cohort.encrypt(&[1.25, -0.5], 4, 20 + round as u8);
            let instance = cohort
                .context
                .instance_among(30 + round as u64, &active)
                .unwrap();
            let release =
                Release::new(&cohort.params, &instance, &ct, SmudgingBits::new(18)).unwrap();
            let secrets: Vec<_> = active
                .iter()
                .map(|&p| {
                    members[p as usize]
                        .activate(&cohort.params, &active)
                        .unwrap()
                })
                .collect();
            let found = Encoder::new(&cohort.params).decode(&run(&release, &secrets));
            assert_close(&found, &[1.25, -0.5], 1e-3);
        }
        // What was given under one active set counts under all of them.
        let ct = cohort.encrypt(&[1.0], 4, 99);
        let share = |round, active: &[u32]| {
            let instance = cohort.context.instance_among(round, active).unwrap();
            let release =
                Release::new(&cohort.params, &instance, &ct, SmudgingBits::new(18)).unwrap();
            let secret = members[0].activate(&cohort.params, active).unwrap();
            release.share(&secret).map(|_| ())
        };
        share(60, &[0, 1, 2]).unwrap();
        share(60, &[0, 1, 2]).unwrap();
        assert!(matches!(
            share(61, &[0, 2, 4]),
            Err(MheError::SecondShare { .. })
        ));
        assert!(members[0].activate(&cohort.params, &[0, 1]).is_err());
        assert!(members[0].activate(&cohort.params, &[1, 2, 3]).is_err());
        assert!(members[0].activate(&cohort.params, &[0, 1, 9]).is_err());
    }
}

#[test]
fn threshold_shares_are_covered_by_zero_shares() {
    // Without its zero-share a share would be c1·key + e: with it, the same party's share on the
    // same input differs between active sets by far more than noise, and only the sum is meaningful.
    let cohort = parties(RingKind::Standard, 3);
    let members = thresholds(&cohort, 2);
    let ct = cohort.encrypt(&[1.0], 4, 40);
    let active = [0u32, 1];
    let instance = cohort.context.instance_among(50, &active).unwrap();
    let release = Release::new(&cohort.params, &instance, &ct, SmudgingBits::new(20)).unwrap();
    let covered = release
        .share(&members[0].activate(&cohort.params, &active).unwrap())
        .unwrap();
    let alone = release.finish(&covered).unwrap();
    let decoded = Encoder::new(&cohort.params).decode(&alone);
    assert!(
        decoded.iter().any(|x| x.abs() > 1e3),
        "one share alone must look uniform"
    );
}
