//! Collective Galois keys for levels up to some, against a key that only a test may assemble.

mod cohort;

use cohort::{Cohort, run, toy, xof};
use tacit_ckks::{Ciphertext, CkksError, Encoder, EvaluationKeys, Evaluator, PublicKey, decrypt};
use tacit_mhe::threshold::{SubShare, ThresholdSecret, split};
use tacit_mhe::*;
use tacit_ring::RingKind;
use tacit_ring::codec::encoded_poly_len;

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];
const STEPS: i64 = -2;

fn parties(kind: RingKind, n: usize) -> Cohort {
    Cohort::new(toy(kind, 6, 4), n)
}

impl Cohort {
    fn at_level(&self, level: usize) -> CollectiveGaloisKey {
        let element = self.params.ring().rotation(STEPS);
        CollectiveGaloisKey::at_level(&self.params, &self.context.instance(1), element, level)
    }

    fn values(&self) -> Vec<f64> {
        let slots = 0..self.params.slots();
        slots.map(|i| (i as f64 * 0.37).cos()).collect()
    }

    fn fresh(&self, level: usize) -> Ciphertext {
        self.encrypt(&self.values(), level, 7)
    }

    /// Rotates at every level: right as far as the key reaches, refused above.
    fn check(&self, key: tacit_ckks::GaloisKey, high: usize, round: u64) {
        assert_eq!(key.key.level(), high);
        let element = key.element.value();
        let mut keys = EvaluationKeys::default();
        keys.insert(key);
        let evaluator = Evaluator::new(&self.params, keys);
        for level in 0..=self.params.max_level() {
            let rotated = evaluator.rotate(&self.fresh(level), STEPS);
            if level > high {
                let refused = CkksError::GaloisKeyLevel {
                    steps: STEPS,
                    element,
                    key: high,
                    found: level,
                };
                assert_eq!(rotated.unwrap_err(), refused);
                continue;
            }
            let found = self.release(&rotated.unwrap(), 100 * round + level as u64);
            let (values, slots) = (self.values(), self.params.slots());
            for (i, found) in found.into_iter().enumerate() {
                let expected = values[(i + slots - 2) % slots];
                let what = format!("level {level} of {high}, slot {i}");
                assert!((found - expected).abs() < 1e-4, "{what}: {found}");
            }
        }
    }

    fn release(&self, ct: &Ciphertext, round: u64) -> Vec<f64> {
        let instance = self.context.instance(round);
        // A querier of its own, so that no width of flooding is asked for.
        let reading = tacit_ckks::SecretKey::generate(&self.params).unwrap();
        let target = PublicKey::generate(&self.params, &reading, &mut xof(8));
        let width = SmudgingBits::new(8);
        let switch = KeySwitchToPublic::new(&self.params, &instance, ct, &target, width).unwrap();
        let answer = run(&switch, &self.secrets);
        Encoder::new(&self.params).decode(&decrypt(&self.params, &reading, &answer))
    }
}

#[test]
fn a_collective_key_rotates_up_to_its_level_and_not_above() {
    for kind in KINDS {
        for n in [1, 3] {
            let cohort = parties(kind, n);
            for high in 0..=cohort.params.max_level() {
                let key = run(&cohort.at_level(high), &cohort.secrets);
                cohort.check(key, high, 10 + high as u64);
            }
        }
    }
}

#[test]
fn any_t_parties_make_a_key_for_a_level_and_their_zero_shares_cancel() {
    let cohort = parties(RingKind::ConjugateInvariant, 3);
    let params = &cohort.params;
    let session = &cohort.context.session;
    let sent: Vec<Vec<SubShare>> = (0..3u32)
        .map(|i| split(params, &cohort.secrets[i as usize], session, i, 2, 3).unwrap())
        .collect();
    let copy =
        |sub: &SubShare| SubShare::from_secret_bytes(params, &sub.to_secret_bytes(params)).unwrap();
    let active = [0u32, 2];
    let acting: Vec<PartySecret> = (active.iter())
        .map(|&me| {
            let received: Vec<_> = sent.iter().map(|subs| copy(&subs[me as usize])).collect();
            let (own, secret) = (&sent[me as usize], &cohort.secrets[me as usize]);
            let all = ThresholdSecret::combine(params, secret, me, 2, &received, own).unwrap();
            all.activate(params, &active).unwrap()
        })
        .collect();
    let instance = cohort.context.instance_among(2, &active).unwrap();
    let element = params.ring().rotation(STEPS);
    for level in [0, 2, 3] {
        let protocol = CollectiveGaloisKey::at_level(params, &instance, element, level);
        cohort.check(run(&protocol, &acting), level, 50 + level as u64);
    }
}

#[test]
fn every_level_is_an_instance_of_its_own_and_the_top_one_is_that_of_all_levels() {
    let cohort = parties(RingKind::Standard, 2);
    let (params, top) = (&cohort.params, cohort.params.max_level());
    let element = params.ring().rotation(STEPS);
    let all = CollectiveGaloisKey::new(params, &cohort.context.instance(1), element);
    let levels: Vec<_> = (0..=top).map(|level| cohort.at_level(level)).collect();
    assert_eq!(all.id(), levels[top].id());
    let secret = &cohort.secrets[0];
    let share = |p: &CollectiveGaloisKey| p.encode(&p.share(secret).unwrap());
    for (high, one) in levels.iter().enumerate() {
        assert_eq!(one.level(), high);
        let row = encoded_poly_len(params.ring(), params.key_basis_at(high));
        assert_eq!(one.encoded_len(), 34 + params.digits_at(high) * row);
        let bytes = share(one);
        // The same request, the same bytes.
        assert_eq!(bytes, share(&cohort.at_level(high)));
        for (low, other) in levels.iter().enumerate().filter(|(low, _)| *low != high) {
            assert_ne!(one.id(), other.id());
            let theirs = share(other);
            // Rows of the same prime have nothing in common.
            let both = bytes[34..].iter().zip(&theirs[34..]);
            let (equal, count) = both.fold((0, 0), |(equal, count), (a, b)| {
                (equal + usize::from(a == b), count + 1)
            });
            assert!(equal < count / 16, "{equal} of {count} bytes agree");

            let refused = |result: Result<(), MheError>| {
                let wrong = matches!(result, Err(MheError::WrongInstance { .. }));
                assert!(wrong, "a share of level {low} at level {high}: {result:?}");
            };
            refused(one.decode(&theirs).map(drop));
            let mut sum = bytes.clone();
            refused(one.aggregate_encoded(&mut sum, &theirs));
            assert_eq!(sum, bytes);
            // With the instance forged, the length tells.
            let forged = [&bytes[..34], &theirs[34..]].concat();
            assert!(one.decode(&forged).is_err());
            assert!(one.aggregate_encoded(&mut sum, &forged).is_err());
            assert_eq!(sum, bytes);
        }
    }
}

#[test]
#[should_panic(expected = "level 5 of 4")]
fn there_is_no_key_for_a_level_that_does_not_exist() {
    parties(RingKind::Standard, 1).at_level(5);
}
