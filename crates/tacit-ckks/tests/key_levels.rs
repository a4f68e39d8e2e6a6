//! Keys for levels up to some: they do below what keys for all levels do, and above nothing at all.

#[path = "laboratory/toy.rs"]
mod toy;

use tacit_ckks::noise::{HeuristicNoise, Message, NoiseModel, Tracked};
use tacit_ckks::*;
use tacit_ring::{DecodeError, GaloisElement, Ntt, RingError, RingKind, RnsPoly, Seed, Xof};
use toy::toy;

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

struct Owner {
    params: Parameters,
    sk: SecretKey,
    pk: PublicKey,
    xof: Xof,
}

impl Owner {
    /// Special primes as large as a digit, so that the error of key switching counts.
    fn new(kind: RingKind) -> Self {
        let params = toy(kind, 7, 45);
        let mut xof = Seed::from_bytes([3; 32]).expand();
        let sk = SecretKey::sample(&params, &mut xof);
        let pk = PublicKey::generate(&params, &sk, &mut xof);
        Self {
            params,
            sk,
            pk,
            xof,
        }
    }

    fn element(&self) -> GaloisElement {
        self.params.ring().rotation(3)
    }

    fn encrypt(&mut self, values: &[f64], level: usize) -> Ciphertext {
        let encoder = Encoder::new(&self.params);
        let m = encoder.encode(values, level, self.params.scale()).unwrap();
        encrypt(&self.params, &self.pk, &m, &mut self.xof)
    }

    fn galois(&mut self, level: usize) -> GaloisKey {
        let element = self.element();
        GaloisKey::at_level(&self.params, &self.sk, element, level, &mut self.xof)
    }

    fn evaluator(&self, key: GaloisKey) -> Evaluator {
        let mut keys = EvaluationKeys::default();
        keys.insert(key);
        Evaluator::new(&self.params, keys)
    }

    /// The error that a rotation by three added, as a root mean square.
    fn error(&self, before: &Ciphertext, after: &Ciphertext) -> f64 {
        let ring = self.params.ring();
        let [before, after] = [before, after].map(|ct| decrypt(&self.params, &self.sk, ct));
        let mut difference = after.poly().clone();
        let turned = ring.automorphism(self.element(), before.poly());
        ring.sub_assign(&mut difference, &turned);
        let (difference, q) = (ring.inverse(difference), ring.q(0).value());
        let centred = difference.row(0).iter().map(|&x| match x > q / 2 {
            true => -((q - x) as f64),
            false => x as f64,
        });
        let squares: f64 = centred.map(|e| e * e).sum();
        (squares / ring.n() as f64).sqrt()
    }
}

/// What is left of a key for all levels when it is cut to a lower one.
fn restricted(params: &Parameters, key: &SwitchingKey, level: usize) -> SwitchingKey {
    let (b, a) = key.parts();
    let cut = |polys: &[RnsPoly<Ntt>]| -> Vec<_> {
        let kept = polys[..params.digits_at(level)].iter();
        kept.map(|p| p.restrict(params.key_basis_at(level)))
            .collect()
    };
    SwitchingKey::from_parts(params, cut(b), cut(a))
}

#[test]
fn a_key_rotates_at_its_level_and_below_with_the_error_that_is_estimated_for_any_key() {
    for kind in KINDS {
        let mut owner = Owner::new(kind);
        let (top, scale) = (owner.params.max_level(), owner.params.scale());
        let values: Vec<f64> = (0..owner.params.slots())
            .map(|i| (i as f64).sin())
            .collect();
        let message = Message::of(&values, values.len());
        let model = NoiseModel::single_owner(&owner.params).of_encoded_messages();
        for high in 0..=top {
            let key = owner.galois(high);
            assert_eq!(key.key.level(), high);
            assert_eq!(key.key.parts().0.len(), owner.params.digits_at(high));
            let evaluator = owner.evaluator(key);
            for level in 0..=high {
                let ct = owner.encrypt(&values, level);
                let turned = evaluator.rotate(&ct, 3).unwrap();
                let estimate: Tracked<HeuristicNoise> =
                    Tracked::encoded(&model, message, level, scale);
                let estimated = estimate.rotate().noise().log2_deviation();
                let found = owner.error(&ct, &turned).log2();
                assert!(
                    (found - estimated).abs() < 1.0,
                    "{kind:?}, key of level {high}, level {level}: 2^{found:.2}, not 2^{estimated:.2}"
                );
            }
        }
    }
}

#[test]
fn a_key_is_what_the_key_for_all_levels_leaves_when_it_is_cut() {
    for kind in KINDS {
        let mut owner = Owner::new(kind);
        let top = owner.params.max_level();
        let whole = owner.galois(top);
        let all = owner.evaluator(whole.clone());
        for high in 0..=top {
            let key = restricted(&owner.params, &whole.key, high);
            let some = owner.evaluator(GaloisKey {
                element: whole.element,
                key,
            });
            for level in 0..=high {
                let ct = owner.encrypt(&[1.0, 2.0, -0.5], level);
                assert_eq!(some.rotate(&ct, 3), all.rotate(&ct, 3));
                let extended = |e: &Evaluator| {
                    let hoisted = e.hoist(&ct).unwrap();
                    e.reduce(&e.rotate_extended(&ct, &hoisted, 3).unwrap())
                };
                assert_eq!(extended(&some), extended(&all));
            }
        }
    }
}

#[test]
fn a_rotation_above_the_keys_level_is_refused_by_name() {
    for kind in KINDS {
        let mut owner = Owner::new(kind);
        let element = owner.element().value();
        for high in 0..owner.params.max_level() {
            let key = owner.galois(high);
            let evaluator = owner.evaluator(key);
            for found in high + 1..=owner.params.max_level() {
                let ct = owner.encrypt(&[1.0], found);
                let refused = CkksError::GaloisKeyLevel {
                    steps: 3,
                    element,
                    key: high,
                    found,
                };
                assert_eq!(evaluator.rotate(&ct, 3).unwrap_err(), refused);
                assert_eq!(evaluator.rotate_many(&ct, &[0, 3]).unwrap_err(), refused);
                let hoisted = evaluator.hoist(&ct).unwrap();
                let extended = evaluator.rotate_extended(&ct, &hoisted, 3);
                assert_eq!(extended.unwrap_err(), refused);
                let said = refused.to_string();
                for part in [
                    "rotation by 3".to_owned(),
                    format!("up to {high},"),
                    format!("has {found};"),
                ] {
                    assert!(said.contains(&part), "{said}");
                }
            }
        }
    }
}

#[test]
fn keys_of_other_kinds_for_lower_levels_are_refused_above_them() {
    let mut owner = Owner::new(RingKind::ConjugateInvariant);
    let params = owner.params.clone();
    let new = SecretKey::sample(&params, &mut owner.xof);
    let key = SwitchingKey::generate(&params, 2, owner.sk.poly(), new.poly(), &mut owner.xof);
    let whole = RelinearisationKey::generate(&params, &owner.sk, &mut owner.xof);
    let low = RelinearisationKey(restricted(&params, &whole.0, 2));
    let evaluator = |relinearisation| {
        let keys = EvaluationKeys {
            relinearisation: Some(relinearisation),
            ..Default::default()
        };
        Evaluator::new(&params, keys)
    };
    let (low, whole) = (evaluator(low), evaluator(whole));
    for level in 0..=params.max_level() {
        let ct = owner.encrypt(&[0.5, -0.25], level);
        let refused = |operation| CkksError::KeyLevel {
            operation,
            key: 2,
            found: level,
        };
        let switched = low.switch_key(&ct, &key);
        let product = low.mul_relinearise(&ct, &ct);
        if level > 2 {
            assert_eq!(switched.unwrap_err(), refused("switch key"));
            assert_eq!(product.unwrap_err(), refused("relinearise"));
            continue;
        }
        let found = Encoder::new(&params).decode(&decrypt(&params, &new, &switched.unwrap()));
        assert!((found[0] - 0.5).abs() < 1e-4 && (found[1] + 0.25).abs() < 1e-4);
        assert_eq!(product, whole.mul_relinearise(&ct, &ct));
    }
}

#[test]
fn the_encoding_says_the_level_and_is_as_long_as_it_needs() {
    let mut owner = Owner::new(RingKind::ConjugateInvariant);
    let params = owner.params.clone();
    let mut last = 0;
    for level in 0..=params.max_level() {
        let key = owner.galois(level).key;
        let bytes = key.to_bytes(&params);
        assert_eq!(bytes.len(), SwitchingKey::encoded_len(&params, level));
        assert!(bytes.len() > last);
        last = bytes.len();
        assert_eq!(SwitchingKey::from_bytes(&params, &bytes).unwrap(), key);
        // The same bytes are no key of another level, nor of one that does not exist.
        assert_eq!(usize::from(bytes[10]), level);
        for other in 0..=255u8 {
            if usize::from(other) == level {
                continue;
            }
            let mut bytes = bytes.clone();
            bytes[10] = other;
            let error = SwitchingKey::from_bytes(&params, &bytes).unwrap_err();
            let exists = usize::from(other) <= params.max_level();
            let field = matches!(
                &error,
                CkksError::Ring(RingError::Decode(DecodeError::Field { what, .. })) if what.contains("level")
            );
            assert_eq!(field, !exists, "{level} as {other}: {error}");
        }
    }
}
