//! Collective relinearisation keys for levels up to some, against a key that only a test may assemble.

mod cohort;

use cohort::{Cohort, run, toy, xof};
use tacit_ckks::{CkksError, Encoder, EvaluationKeys, Evaluator, PublicKey, decrypt};
use tacit_mhe::*;
use tacit_ring::RingKind;
use tacit_ring::codec::encoded_poly_len;

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

fn parties(kind: RingKind, n: usize) -> Cohort {
    Cohort::new(toy(kind, 6, 4), n)
}

impl Cohort {
    fn first(&self, level: usize) -> RelinearisationRoundOne {
        RelinearisationRoundOne::at_level(&self.params, &self.context.instance(1), level)
    }

    fn second(&self, level: usize) -> RelinearisationRoundTwo {
        let one = self.first(level);
        let sum = run(&one, &self.secrets);
        RelinearisationRoundTwo::new(&one, sum)
    }
}

#[test]
fn a_collective_key_multiplies_up_to_its_level_and_not_above() {
    for kind in KINDS {
        for n in [1, 3] {
            let cohort = parties(kind, n);
            for high in 0..=cohort.params.max_level() {
                check(&cohort, high);
            }
        }
    }
}

fn check(cohort: &Cohort, high: usize) {
    let params = &cohort.params;
    let key = run(&cohort.second(high), &cohort.secrets);
    assert_eq!(key.0.level(), high);
    let keys = EvaluationKeys {
        relinearisation: Some(key),
        ..Default::default()
    };
    let evaluator = Evaluator::new(params, keys);
    // A product has the scale squared, which level 0 does not hold.
    for level in 1..=params.max_level() {
        let values: Vec<f64> = (0..params.slots())
            .map(|i| (i as f64 * 0.37).cos())
            .collect();
        let ct = cohort.encrypt(&values, level, 7);
        let product = evaluator.mul_rescale(&ct, &ct);
        if level > high {
            let refused = CkksError::KeyLevel {
                operation: "relinearise",
                key: high,
                found: level,
            };
            assert_eq!(product.unwrap_err(), refused);
            continue;
        }
        // To a querier of its own, so that no width of flooding is asked for.
        let reading = tacit_ckks::SecretKey::generate(params).unwrap();
        let target = PublicKey::generate(params, &reading, &mut xof(8));
        let (width, round) = (SmudgingBits::new(8), (100 * high + level) as u64);
        let instance = cohort.context.instance(round);
        let switch =
            KeySwitchToPublic::new(params, &instance, &product.unwrap(), &target, width).unwrap();
        let answer = run(&switch, &cohort.secrets);
        let found = Encoder::new(params).decode(&decrypt(params, &reading, &answer));
        for (i, (found, value)) in found.into_iter().zip(values).enumerate() {
            let what = format!("level {level} of {high}, slot {i}");
            assert!((found - value * value).abs() < 1e-4, "{what}: {found}");
        }
    }
}

#[test]
fn every_level_is_an_instance_of_its_own_and_the_top_one_is_that_of_all_levels() {
    let cohort = parties(RingKind::Standard, 2);
    let (params, top) = (&cohort.params, cohort.params.max_level());
    let all = RelinearisationRoundOne::new(params, &cohort.context.instance(1));
    assert_eq!(all.id(), cohort.first(top).id());
    let secret = &cohort.secrets[0];
    for high in 0..=top {
        let (one, two) = (cohort.first(high), cohort.second(high));
        assert_eq!(one.level(), high);
        let row = encoded_poly_len(params.ring(), params.key_basis_at(high));
        let digits = params.digits_at(high);
        assert_eq!(one.encoded_len(), 34 + 2 * digits * row);
        assert_eq!(two.encoded_len(), 34 + digits * row);
        let share = |one: &RelinearisationRoundOne| one.encode(&one.share(secret).unwrap());
        let bytes = share(&one);
        // The same request, the same bytes.
        assert_eq!(bytes, share(&cohort.first(high)));
        for low in (0..=top).filter(|&low| low != high) {
            let other = cohort.first(low);
            assert_ne!(one.id(), other.id());
            assert_ne!(two.id(), cohort.second(low).id());
            let theirs = share(&other);
            // Rows of the same prime have nothing in common: neither a_j nor errors nor u are the same.
            let both = bytes[34..].iter().zip(&theirs[34..]);
            let (equal, count) = both.fold((0, 0), |(equal, count), (a, b)| {
                (equal + usize::from(a == b), count + 1)
            });
            assert!(equal < count / 16, "{equal} of {count} bytes agree");
            let refused = one.decode(&theirs).map(drop);
            assert!(matches!(refused, Err(MheError::WrongInstance { .. })));
            // With the instance forged, the length tells.
            let forged = [&bytes[..34], &theirs[34..]].concat();
            assert!(one.decode(&forged).is_err());
        }
    }
}

#[test]
#[should_panic(expected = "level 5 of 4")]
fn there_is_no_key_for_a_level_that_does_not_exist() {
    parties(RingKind::Standard, 1).first(5);
}
