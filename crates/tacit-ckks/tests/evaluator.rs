//! What the evaluator promises, against arithmetic on `f64`.
//!
//! Runs on the kernels in force: repeat with `TACIT_SIMD=portable`, `avx2` and `avx512`.

mod laboratory;
#[path = "laboratory/toy.rs"]
mod toy;

use laboratory::Laboratory;
use tacit_ckks::*;
use tacit_ring::RingKind;
use toy::toy;

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];
const OWNERS: [Option<u32>; 2] = [None, Some(3)];

/// Errors of a few operations on values of magnitude one at scale 2^40, N = 2^8.
const TOLERANCE: f64 = 1e-6;

struct Bench {
    lab: Laboratory,
    top: usize,
}

impl Bench {
    fn each(test: impl Fn(&mut Bench)) {
        for kind in KINDS {
            for owners in OWNERS {
                let lab = Laboratory::new(&toy(kind, 8, 50), owners, 5);
                let top = lab.params.max_level();
                test(&mut Bench { lab, top });
            }
        }
    }

    fn plain(&self, values: &[f64]) -> Plaintext {
        let scale = self.lab.params.scale();
        self.lab.encoder.encode(values, self.top, scale).unwrap()
    }

    fn encrypt(&mut self, values: &[f64]) -> Ciphertext {
        let m = self.plain(values);
        encrypt(&self.lab.params, &self.lab.pk, &m, &mut self.lab.xof)
    }

    /// Fresh values and their encryption.
    fn sample(&mut self) -> (Vec<f64>, Ciphertext) {
        let values = self.lab.values();
        let ct = self.encrypt(&values);
        (values, ct)
    }

    fn decrypt(&self, ct: &Ciphertext) -> Vec<f64> {
        let plain = decrypt(&self.lab.params, &self.lab.sk, ct);
        self.lab.encoder.decode(&plain)
    }

    fn expect(&self, ct: &Ciphertext, expected: impl Fn(usize) -> f64) {
        for (i, found) in self.decrypt(ct).into_iter().enumerate() {
            let expected = expected(i);
            assert!(
                (found - expected).abs() < TOLERANCE,
                "{:?}, keys of {:?}: slot {i} holds {found}, expected {expected}",
                self.lab.params.ring(),
                self.lab.parties
            );
        }
    }
}

#[test]
fn decryption_inverts_both_encryptions() {
    Bench::each(|bench| {
        let (x, ct) = bench.sample();
        bench.expect(&ct, |i| x[i]);
        let m = bench.plain(&x);
        let (params, sk) = (&bench.lab.params, &bench.lab.sk);
        let seeded = encrypt_seeded(params, sk, &m, [1; 32], &mut bench.lab.xof);
        bench.expect(&seeded.expand(params), |i| x[i]);
        let zero = encrypt_zero(params, &bench.lab.pk, 1, params.scale(), &mut bench.lab.xof);
        bench.expect(&zero, |_| 0.0);
    });
}

#[test]
fn sums_and_differences_of_ciphertexts_plaintexts_and_constants() {
    Bench::each(|bench| {
        let ((x, a), (y, b)) = (bench.sample(), bench.sample());
        let e = &bench.lab.evaluator;
        bench.expect(&e.add(&a, &b).unwrap(), |i| x[i] + y[i]);
        bench.expect(&e.sub(&a, &b).unwrap(), |i| x[i] - y[i]);
        let mut c = a.clone();
        e.neg_assign(&mut c);
        bench.expect(&c, |i| -x[i]);
        let mut c = a.clone();
        e.add_plain_assign(&mut c, &bench.plain(&y)).unwrap();
        bench.expect(&c, |i| x[i] + y[i]);
        let mut c = a.clone();
        e.sub_plain_assign(&mut c, &bench.plain(&y)).unwrap();
        bench.expect(&c, |i| x[i] - y[i]);
        let mut c = a.clone();
        e.add_constant_assign(&mut c, -0.75).unwrap();
        bench.expect(&c, |i| x[i] - 0.75);
    });
}

#[test]
fn products_with_plaintexts_and_constants() {
    Bench::each(|bench| {
        let ((x, a), (y, b)) = (bench.sample(), bench.sample());
        let (e, scale) = (&bench.lab.evaluator, bench.lab.params.scale());
        let m = bench.plain(&y);
        let mut c = e.mul_plain(&a, &m).unwrap();
        bench.expect(&c, |i| x[i] * y[i]);
        e.mul_plain_add_assign(&mut c, &b, &m).unwrap();
        bench.expect(&c, |i| (x[i] + y[i]) * y[i]);
        e.rescale_assign(&mut c).unwrap();
        assert_eq!(c.level(), bench.top - 1);
        bench.expect(&c, |i| (x[i] + y[i]) * y[i]);
        let mut c = a.clone();
        e.mul_constant_assign(&mut c, -1.7, scale).unwrap();
        e.rescale_assign(&mut c).unwrap();
        bench.expect(&c, |i| -1.7 * x[i]);
    });
}

#[test]
fn products_of_ciphertexts_with_and_without_relinearisation() {
    Bench::each(|bench| {
        let ((x, a), (y, b)) = (bench.sample(), bench.sample());
        let e = &bench.lab.evaluator;
        let product = e.mul(&a, &b).unwrap();
        assert_eq!(product.polys().len(), 3);
        bench.expect(&product, |i| x[i] * y[i]);
        bench.expect(&e.mul_relinearise(&a, &b).unwrap(), |i| x[i] * y[i]);
        bench.expect(&e.mul_rescale(&a, &b).unwrap(), |i| x[i] * y[i]);
        // A sum of products needs one relinearisation.
        let sum = e.add(&product, &e.mul(&b, &b).unwrap()).unwrap();
        let sum = e.relinearise_rescale(&sum).unwrap();
        bench.expect(&sum, |i| x[i] * y[i] + y[i] * y[i]);
    });
}

#[test]
fn a_product_can_be_taken_at_every_level() {
    Bench::each(|bench| {
        let (x, a) = bench.sample();
        let e = &bench.lab.evaluator;
        let mut power = a.clone();
        let mut expected = x.clone();
        for level in (1..=bench.top).rev() {
            assert_eq!(power.level(), level);
            power = e.mul_rescale(&power, &a).unwrap();
            for (p, x) in expected.iter_mut().zip(&x) {
                *p *= x;
            }
            bench.expect(&power, |i| expected[i]);
        }
    });
}

#[test]
fn relinearise_rescale_is_relinearise_then_rescale_within_noise() {
    Bench::each(|bench| {
        let ((_, a), (_, b)) = (bench.sample(), bench.sample());
        let e = &bench.lab.evaluator;
        let product = e.mul(&a, &b).unwrap();
        let merged = e.relinearise_rescale(&product).unwrap();
        let mut apart = e.relinearise(&product).unwrap();
        e.rescale_assign(&mut apart).unwrap();
        assert_eq!(
            (merged.level(), merged.scale()),
            (apart.level(), apart.scale())
        );
        let apart = bench.decrypt(&apart);
        bench.expect(&merged, |i| apart[i]);
    });
}

#[test]
fn rotations_move_slots_however_they_are_computed() {
    Bench::each(|bench| {
        let (x, a) = bench.sample();
        let e = &bench.lab.evaluator;
        let hoisted = e.hoist(&a).unwrap();
        let many = e.rotate_many(&a, &[0, 1, 2, 3]).unwrap();
        let slots = x.len();
        for (steps, from_many) in many.iter().enumerate() {
            let plain = e.rotate(&a, steps as i64).unwrap();
            bench.expect(&plain, |i| x[(i + steps) % slots]);
            // The same digits and keys; only the place of the division differs.
            let plain = bench.decrypt(&plain);
            let once = e.rotate_hoisted(&a, &hoisted, steps as i64).unwrap();
            assert_eq!(&once, from_many);
            bench.expect(&once, |i| plain[i]);
        }
        // Steps count modulo the number of slots.
        let wrapped = e.rotate(&a, 1 - slots as i64).unwrap();
        assert_eq!(wrapped, e.rotate(&a, 1).unwrap());
    });
}

#[test]
fn the_double_hoisted_path_is_the_plain_path_within_noise() {
    Bench::each(|bench| {
        let (x, a) = bench.sample();
        let weights: Vec<Vec<f64>> = (0..4).map(|_| bench.lab.values()).collect();
        let (e, params) = (&bench.lab.evaluator, &bench.lab.params);
        let (basis, scale) = (params.key_basis(), params.scale());
        let hoisted = e.hoist(&a).unwrap();
        let mut extended = None;
        let mut plain: Option<Ciphertext> = None;
        for (steps, weight) in weights.iter().enumerate() {
            let m = bench.lab.encoder.encode_over(weight, basis, scale).unwrap();
            let rotated = e.rotate_extended(&a, &hoisted, steps as i64).unwrap();
            e.mul_plain_extended(&mut extended, &rotated, &m).unwrap();
            let rotated = e.rotate(&a, steps as i64).unwrap();
            match &mut plain {
                None => plain = Some(e.mul_plain(&rotated, &m).unwrap()),
                Some(acc) => e.mul_plain_add_assign(acc, &rotated, &m).unwrap(),
            }
        }
        let (extended, mut plain) = (extended.unwrap(), plain.unwrap());
        assert_eq!(
            (extended.level(), extended.scale()),
            (plain.level(), plain.scale())
        );
        let slots = x.len();
        let expected =
            |i: usize| -> f64 { (0..4).map(|r| weights[r][i] * x[(i + r) % slots]).sum() };
        bench.expect(&e.reduce(&extended), expected);
        bench.expect(&plain, expected);
        e.rescale_assign(&mut plain).unwrap();
        let merged = e.reduce_rescale(&extended).unwrap();
        assert_eq!(
            (merged.level(), merged.scale()),
            (plain.level(), plain.scale())
        );
        bench.expect(&merged, expected);
        // Extending and reducing changes nothing but noise.
        bench.expect(&e.reduce(&e.extend(&a).unwrap()), |i| x[i]);
    });
}

#[test]
fn linear_combinations_bring_scales_together() {
    Bench::each(|bench| {
        let ((x, a), (y, b)) = (bench.sample(), bench.sample());
        let (e, scale) = (&bench.lab.evaluator, bench.lab.params.scale());
        let b = e.mul_rescale(&b, &b).unwrap();
        assert_ne!(a.scale(), b.scale());
        let target = scale * scale;
        let level = bench.top - 1;
        let c = e
            .linear_combination(&[(0.5, &a), (-1.25, &b)], 0.125, level, target)
            .unwrap();
        assert_eq!((c.level(), c.scale()), (level, target));
        bench.expect(&c, |i| 0.5 * x[i] - 1.25 * y[i] * y[i] + 0.125);
    });
}

#[test]
fn conjugation_exists_in_the_standard_ring_only() {
    Bench::each(|bench| {
        let ring = bench.lab.params.ring().kind();
        let slots = bench.lab.params.slots();
        if ring == RingKind::ConjugateInvariant {
            let (_, a) = bench.sample();
            assert!(bench.lab.evaluator.conjugate(&a).is_err());
            let refused = bench.lab.encoder.encode_complex(&[], 0, 2f64.powi(30));
            assert!(matches!(refused, Err(CkksError::Unsupported(_))));
            return;
        }
        let values: Vec<Complex> = (0..slots)
            .map(|i| Complex {
                re: (i as f64).sin(),
                im: (i as f64).cos(),
            })
            .collect();
        let params = &bench.lab.params;
        let m = bench
            .lab
            .encoder
            .encode_complex(&values, bench.top, params.scale())
            .unwrap();
        let a = encrypt(params, &bench.lab.pk, &m, &mut bench.lab.xof);
        let c = bench.lab.evaluator.conjugate(&a).unwrap();
        let found = bench
            .lab
            .encoder
            .decode_complex(&decrypt(params, &bench.lab.sk, &c));
        for (found, value) in found.iter().zip(&values) {
            assert!((found.re - value.re).abs() < TOLERANCE);
            assert!((found.im + value.im).abs() < TOLERANCE);
        }
    });
}

#[test]
fn a_switched_ciphertext_is_read_by_the_new_key_and_not_by_the_old() {
    Bench::each(|bench| {
        let (x, a) = bench.sample();
        let params = &bench.lab.params;
        let new = SecretKey::sample(params, &mut bench.lab.xof);
        let old = bench.lab.sk.poly();
        let key = SwitchingKey::generate(params, bench.top, old, new.poly(), &mut bench.lab.xof);
        let switched = bench.lab.evaluator.switch_key(&a, &key).unwrap();
        let found = bench.lab.encoder.decode(&decrypt(params, &new, &switched));
        assert!(found.iter().zip(&x).all(|(f, x)| (f - x).abs() < TOLERANCE));
        let wrong = bench.decrypt(&switched);
        assert!(wrong.iter().any(|v| v.abs() > 10.0));
    });
}

#[test]
fn operands_of_different_levels_meet_at_the_lower_one() {
    Bench::each(|bench| {
        let ((x, a), (y, b)) = (bench.sample(), bench.sample());
        let e = &bench.lab.evaluator;
        let mut low = b.clone();
        e.drop_to_level(&mut low, 2).unwrap();
        bench.expect(&low, |i| y[i]);
        for sum in [e.add(&a, &low).unwrap(), e.add(&low, &a).unwrap()] {
            assert_eq!(sum.level(), 2);
            bench.expect(&sum, |i| x[i] + y[i]);
        }
        let product = e.mul_rescale(&a, &low).unwrap();
        assert_eq!(product.level(), 1);
        bench.expect(&product, |i| x[i] * y[i]);
        let product = e.mul_plain(&low, &bench.plain(&x)).unwrap();
        assert_eq!(product.level(), 2);
        bench.expect(&product, |i| x[i] * y[i]);
    });
}

#[test]
fn mismatched_scales_are_refused_with_both() {
    Bench::each(|bench| {
        let (x, a) = bench.sample();
        let e = &bench.lab.evaluator;
        let mut b = a.clone();
        b.set_scale(2.0 * a.scale());
        let refused = |result: Result<(), CkksError>| {
            let wanted = matches!(result, Err(CkksError::Scale { left, right, .. }) if (left - right).abs() > 0.9);
            assert!(wanted, "{result:?}");
        };
        refused(e.add(&a, &b).map(drop));
        refused(e.sub(&a, &b).map(drop));
        let m = bench.lab.encoder.encode(&x, bench.top, b.scale()).unwrap();
        refused(e.add_plain_assign(&mut a.clone(), &m));
        refused(e.sub_plain_assign(&mut a.clone(), &m));
        refused(e.mul_plain_add_assign(&mut b.clone(), &a, &m));
        let message = e.add(&a, &b).unwrap_err().to_string();
        assert!(
            message.contains("2^40") && message.contains("2^41"),
            "{message}"
        );
    });
}

#[test]
fn exhausted_levels_are_refused_with_what_is_needed() {
    Bench::each(|bench| {
        let (x, mut a) = bench.sample();
        let e = &bench.lab.evaluator;
        e.drop_to_level(&mut a, 0).unwrap();
        let refused = |result: Result<(), CkksError>, needed| {
            let wanted =
                matches!(result, Err(CkksError::Level { needed: n, found: 0, .. }) if n == needed);
            assert!(wanted, "{result:?}");
        };
        refused(e.rescale_assign(&mut a.clone()), 1);
        refused(e.drop_to_level(&mut a.clone(), 1), 1);
        let extended = e.extend(&a).unwrap();
        refused(e.reduce_rescale(&extended).map(drop), 1);
        refused(
            e.linear_combination(&[(1.0, &a)], 0.0, 1, a.scale())
                .map(drop),
            1,
        );
        let product = Ciphertext::from_parts(vec![a.polys()[0].clone(); 3], a.scale());
        refused(e.relinearise_rescale(&product).map(drop), 1);
        let mut high = bench
            .lab
            .evaluator
            .mul_plain(&zero_at(bench, 2), &bench.plain(&x))
            .unwrap();
        refused(e.mul_plain_add_assign(&mut high, &a, &bench.plain(&x)), 2);
        // Products have no room in the base prime.
        assert!(matches!(
            e.mul(&a, &a),
            Err(CkksError::ScaleOverflow { .. })
        ));
        let mut c = a.clone();
        let overflow = e.mul_constant_assign(&mut c, 1.0, 2f64.powi(20));
        assert!(matches!(overflow, Err(CkksError::ScaleOverflow { .. })));
        assert_eq!(c, a, "a refused operation leaves its operand alone");
    });
}

fn zero_at(bench: &Bench, level: usize) -> Ciphertext {
    Ciphertext::zero(&bench.lab.params, level, bench.lab.params.scale())
}

#[test]
fn unrelinearised_products_are_refused_where_two_polynomials_are_needed() {
    Bench::each(|bench| {
        let (_, a) = bench.sample();
        let e = &bench.lab.evaluator;
        let product = e.mul(&a, &a).unwrap();
        let refused = |result: Result<(), CkksError>, needed, found| {
            let wanted = matches!(result, Err(CkksError::Degree { needed: n, found: f, .. }) if (n, f) == (needed, found));
            assert!(wanted, "{result:?}");
        };
        refused(e.mul(&product, &a).map(drop), 2, 3);
        refused(e.mul(&a, &product).map(drop), 2, 3);
        refused(e.rotate(&product, 1).map(drop), 2, 3);
        refused(e.hoist(&product).map(drop), 2, 3);
        refused(e.extend(&product).map(drop), 2, 3);
        refused(e.relinearise(&a).map(drop), 3, 2);
        refused(e.relinearise_rescale(&a).map(drop), 3, 2);
    });
}

#[test]
fn missing_keys_are_named() {
    Bench::each(|bench| {
        let (_, a) = bench.sample();
        let e = &bench.lab.evaluator;
        let element = bench.lab.params.ring().rotation(5).value();
        let expected = CkksError::MissingGaloisKey { steps: 5, element };
        assert_eq!(e.rotate(&a, 5).unwrap_err(), expected);
        let hoisted = e.hoist(&a).unwrap();
        assert_eq!(e.rotate_extended(&a, &hoisted, 5).unwrap_err(), expected);
        assert_eq!(e.rotate_many(&a, &[1, 5]).unwrap_err(), expected);
        assert!(expected.to_string().contains("rotation by 5"));
        let bare = Evaluator::new(&bench.lab.params, EvaluationKeys::default());
        let product = bare.mul(&a, &a).unwrap();
        let missing = CkksError::MissingRelinearisationKey;
        assert_eq!(bare.relinearise(&product).unwrap_err(), missing);
        assert_eq!(bare.relinearise_rescale(&product).unwrap_err(), missing);
        // The identity needs none.
        assert_eq!(bare.rotate(&a, 0).unwrap(), a);
    });
}

#[test]
fn values_that_no_integer_can_hold_are_refused() {
    Bench::each(|bench| {
        let (_, a) = bench.sample();
        let (e, scale) = (&bench.lab.evaluator, bench.lab.params.scale());
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            let refused = |result: Result<(), CkksError>| {
                assert!(
                    matches!(result, Err(CkksError::Value { .. })),
                    "{value}: {result:?}"
                );
            };
            refused(e.add_constant_assign(&mut a.clone(), value));
            refused(e.mul_constant_assign(&mut a.clone(), value, scale));
            let level = bench.top;
            refused(
                e.linear_combination(&[(value, &a)], 0.0, level, scale * scale)
                    .map(drop),
            );
            refused(
                e.linear_combination(&[(1.0, &a)], value, level, scale * scale)
                    .map(drop),
            );
            refused(
                bench
                    .lab
                    .encoder
                    .encode(&[0.0, value], level, scale)
                    .map(drop),
            );
        }
    });
}

#[test]
fn plaintexts_without_the_special_primes_are_refused_before_the_division() {
    Bench::each(|bench| {
        let (x, a) = bench.sample();
        let e = &bench.lab.evaluator;
        let extended = e.extend(&a).unwrap();
        let m = bench.plain(&x);
        let refused = e.mul_plain_extended(&mut None, &extended, &m);
        assert!(matches!(refused, Err(CkksError::Unsupported(_))));
    });
}
