use super::*;
use crate::circuits::sandbox::{KINDS, Sandbox};
use tacit_ring::RingKind;

fn points(n: usize, [a, b]: [f64; 2]) -> Vec<f64> {
    (0..n)
        .map(|i| a + (b - a) * i as f64 / (n - 1) as f64)
        .collect()
}

/// Dense, odd and even coefficients of moderate size.
fn coefficients(degree: usize, parity: Option<usize>) -> Vec<f64> {
    (0..=degree)
        .map(|k| match parity {
            Some(parity) if k % 2 != parity => 0.0,
            _ => ((3 * k + 1) as f64 * 0.7).sin(),
        })
        .collect()
}

#[test]
fn every_degree_lands_on_the_chosen_scale_at_optimal_depth() {
    for kind in KINDS {
        let mut sandbox = Sandbox::new(kind, &[]);
        let x = points(sandbox.params.slots(), [-1.0, 1.0]);
        let ct = sandbox.encrypt(&x, sandbox.params.scale());
        for degree in 1..=31 {
            for parity in [None, Some(degree % 2)] {
                for basis in [
                    PolynomialBasis::Power,
                    PolynomialBasis::Chebyshev {
                        interval: [-1.0, 1.0],
                    },
                ] {
                    let p = Polynomial::new(basis, coefficients(degree, parity));
                    let scale = 1.2345e12;
                    let out = sandbox
                        .evaluator
                        .evaluate_polynomial(&p, &ct, scale)
                        .unwrap();
                    // |p'| at the ends of the interval amplifies the noise of the input.
                    let slope: f64 = p
                        .coefficients()
                        .iter()
                        .enumerate()
                        .map(|(k, c)| c.abs() * (k * k) as f64)
                        .sum();
                    let tolerance = 2e-8 + 3e-9 * slope;
                    let depth = (degree as f64 + 1.0).log2().ceil() as usize;
                    assert_eq!(out.level(), sandbox.params.max_level() - depth);
                    assert_eq!(out.scale(), scale);
                    for (found, x) in sandbox.decrypt(&out).iter().zip(&x) {
                        let error = (found - p.evaluate(*x)).abs();
                        assert!(
                            error < tolerance,
                            "{kind:?} {basis:?} degree {degree} at {x}: {error:e}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn intervals_cost_no_level() {
    for interval in [
        [-8.0, 8.0],
        [0.0, 1.0],
        [-0.01, 0.02],
        [2.0, 5.0],
        [-1.5, 1.5],
    ] {
        let mut sandbox = Sandbox::new(RingKind::ConjugateInvariant, &[]);
        let [a, b] = interval;
        let f = |x: f64| 1.0 / (1.0 + (-3.0 * (x - a) / (b - a)).exp());
        let p = Polynomial::interpolate(f, 7, interval);
        let x = points(sandbox.params.slots(), interval);
        let ct = sandbox.encrypt(&x, p.input_scale(sandbox.params.scale()));
        let out = sandbox
            .evaluator
            .evaluate_polynomial(&p, &ct, sandbox.params.scale())
            .unwrap();
        assert_eq!(out.level(), sandbox.params.max_level() - 3);
        for (found, x) in sandbox.decrypt(&out).iter().zip(&x) {
            let error = (found - p.evaluate(*x)).abs();
            assert!(error < 1e-6, "{interval:?} at {x}: {error:e}");
            assert!((p.evaluate(*x) - f(*x)).abs() < 1e-3);
        }
    }
}

#[test]
fn scales_that_leave_no_bits_for_coefficients_are_refused() {
    let mut sandbox = Sandbox::new(RingKind::ConjugateInvariant, &[]);
    let interval = [-1e4, 1e4];
    let p = Polynomial::chebyshev(coefficients(31, None), interval);
    let x = points(sandbox.params.slots(), interval);
    let ct = sandbox.encrypt(&x, sandbox.params.scale());
    let error = sandbox
        .evaluator
        .evaluate_polynomial(&p, &ct, sandbox.params.scale())
        .unwrap_err();
    assert!(
        matches!(
            error,
            CkksError::CoefficientScale { .. } | CkksError::ScaleOverflow { .. }
        ),
        "{error}"
    );
    // The remedy: an input at a scale that is smaller by half the width.
    let ct = sandbox.encrypt(&x, p.input_scale(sandbox.params.scale()));
    let out = sandbox
        .evaluator
        .evaluate_polynomial(&p, &ct, sandbox.params.scale())
        .unwrap();
    for (found, x) in sandbox.decrypt(&out).iter().zip(&x) {
        assert!((found - p.evaluate(*x)).abs() < 1e-5);
    }
}

#[test]
fn degree_three_costs_two_levels_and_two_products() {
    for (p, relinearisations) in [
        (Polynomial::power([0.5, 0.2, 0.0, -0.01]), 2),
        (Polynomial::power([0.5, 0.2, 0.3, -0.01]), 2),
        (
            Polynomial::chebyshev([0.5, 0.2, 0.0, -0.01], [-8.0, 8.0]),
            2,
        ),
    ] {
        let cost = p.cost();
        assert_eq!((cost.levels, cost.products), (2, 2));
        assert_eq!(cost.relinearisations, relinearisations);
    }
    let linear = Polynomial::power([1.0, 2.0]).cost();
    assert_eq!((linear.levels, linear.products), (1, 0));
}

#[test]
fn odd_and_even_polynomials_cost_no_more() {
    for degree in [7, 15, 31] {
        let dense = Polynomial::power(coefficients(degree, None)).cost();
        let odd = Polynomial::power(coefficients(degree, Some(1))).cost();
        assert!(odd.products <= dense.products);
        assert!(odd.relinearisations <= dense.relinearisations);
        let even = Polynomial::power(coefficients(degree - 1, Some(0))).cost();
        assert!(even.relinearisations < dense.relinearisations);
        assert!(even.products < dense.products);
    }
}

#[test]
fn too_few_levels_and_too_high_degrees_are_refused() {
    let mut sandbox = Sandbox::new(RingKind::ConjugateInvariant, &[]);
    let mut ct = sandbox.encrypt(&[0.5], sandbox.params.scale());
    sandbox.evaluator.drop_to_level(&mut ct, 1).unwrap();
    let p = Polynomial::power([0.0, 0.0, 1.0]);
    assert!(matches!(
        sandbox
            .evaluator
            .evaluate_polynomial(&p, &ct, sandbox.params.scale()),
        Err(CkksError::Level {
            needed: 2,
            found: 1,
            ..
        })
    ));
    let p = Polynomial::power(vec![1.0; 200]);
    assert!(
        sandbox
            .evaluator
            .evaluate_polynomial(&p, &ct, sandbox.params.scale())
            .is_err()
    );
}

#[test]
fn constants_are_multiplied_to_a_chosen_scale() {
    let mut sandbox = Sandbox::new(RingKind::Standard, &[]);
    let ct = sandbox.encrypt(&[0.5, -2.0], sandbox.params.scale());
    for c in [0.25, 0.0, -3.0] {
        let out = sandbox
            .evaluator
            .mul_constant_rescale(&ct, c, 1e12)
            .unwrap();
        assert_eq!(out.scale(), 1e12);
        assert!((sandbox.decrypt(&out)[1] + 2.0 * c).abs() < 1e-6);
    }
    let zero = sandbox
        .evaluator
        .evaluate_polynomial(&Polynomial::power([0.75]), &ct, 1e12)
        .unwrap();
    assert!((sandbox.decrypt(&zero)[5] - 0.75).abs() < 1e-6);
}
