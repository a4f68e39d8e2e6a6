//! The fast ring against slow oracles: schoolbook products and big-integer remainders.

use num_bigint::BigInt;
use tacit_ring::convert::Division;
use tacit_ring::kernel::Kernels;
use tacit_ring::{Basis, GaloisElement, Ring, RingKind, RnsPoly, Seed, ntt_primes, sample};

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

fn ring(kind: RingKind, log_n: u32, kernels: &'static Kernels) -> Ring {
    let primes = ntt_primes(&[50, 40, 45, 50, 49], kind.root_order(log_n)).unwrap();
    Ring::with_kernels(kind, log_n, &primes[..3], &primes[3..], kernels).unwrap()
}

/// The product of a and b in the ring, on integers.
fn schoolbook(kind: RingKind, a: &[i64], b: &[i64]) -> Vec<i128> {
    let n = a.len();
    match kind {
        RingKind::Standard => {
            let mut out = vec![0i128; n];
            for (i, &x) in a.iter().enumerate() {
                for (j, &y) in b.iter().enumerate() {
                    let p = x as i128 * y as i128;
                    if i + j < n {
                        out[i + j] += p
                    } else {
                        out[i + j - n] -= p
                    }
                }
            }
            out
        }
        RingKind::ConjugateInvariant => {
            // Unfold a_0 + Σ a_j (X^j + X^-j) into the standard ring of degree 2N, X^-j = −X^(2N−j).
            let unfold = |a: &[i64]| {
                let mut out = vec![0i64; 2 * n];
                out[..n].copy_from_slice(a);
                for j in 1..n {
                    out[2 * n - j] = -a[j];
                }
                out
            };
            schoolbook(RingKind::Standard, &unfold(a), &unfold(b))[..n].to_vec()
        }
    }
}

fn small(seed: u8, n: usize, bound: i64) -> Vec<i64> {
    let mut words = vec![0u64; n];
    Seed::from_bytes([seed; 32]).expand().fill_words(&mut words);
    words
        .iter()
        .map(|&w| (w % (2 * bound as u64 + 1)) as i64 - bound)
        .collect()
}

#[test]
fn products_agree_with_schoolbook() {
    for kernels in Kernels::available() {
        for kind in KINDS {
            for log_n in [4, 5, 6, 7, 8, 9, 10] {
                let ring = ring(kind, log_n, kernels);
                let basis = ring.full_basis();
                let (a, b) = (small(1, ring.n(), 1000), small(2, ring.n(), 1000));
                let lift = |x: &[i64]| ring.forward(ring.lift_signed(x, basis));
                let product = ring.inverse(ring.mul(&lift(&a), &lift(&b)));
                let expected = schoolbook(kind, &a, &b);
                for (row, m) in product.rows().zip(ring.moduli(basis)) {
                    for (&got, &want) in row.iter().zip(&expected) {
                        assert_eq!(got as i128, want.rem_euclid(m.value() as i128));
                    }
                }
            }
        }
    }
}

#[test]
fn transforms_invert_at_every_degree() {
    for kernels in Kernels::available() {
        for kind in KINDS {
            for log_n in 4..=16 {
                let primes = ntt_primes(&[50], kind.root_order(log_n)).unwrap();
                let ring = Ring::with_kernels(kind, log_n, &primes, &[], kernels).unwrap();
                let x =
                    sample::uniform(&ring, Basis::q(1), &mut Seed::from_bytes([9; 32]).expand());
                assert_eq!(ring.forward(ring.inverse(x.clone())), x);
            }
        }
    }
}

#[test]
fn every_instruction_set_gives_the_same_transform() {
    for kind in KINDS {
        for log_n in 4..=16 {
            let primes = ntt_primes(&[50], kind.root_order(log_n)).unwrap();
            let results: Vec<(RnsPoly<_>, RnsPoly<_>)> = Kernels::available()
                .into_iter()
                .map(|kernels| {
                    let ring = Ring::with_kernels(kind, log_n, &primes, &[], kernels).unwrap();
                    let mut xof = Seed::from_bytes([4; 32]).expand();
                    let x = sample::uniform(&ring, Basis::q(1), &mut xof);
                    let y = ring.forward(ring.inverse(x.clone()));
                    (ring.inverse(x), y)
                })
                .collect();
            assert!(results.windows(2).all(|w| w[0] == w[1]));
        }
    }
}

#[test]
fn transform_agrees_with_tfhe_ntt() {
    for log_n in [10u32, 13, 14] {
        let q = ntt_primes(&[50], 2 << log_n).unwrap()[0];
        let plan = tfhe_ntt::prime64::Plan::try_new(1 << log_n, q).unwrap();
        for kernels in Kernels::available() {
            let ring = Ring::with_kernels(RingKind::Standard, log_n, &[q], &[], kernels).unwrap();
            let (a, b) = (small(5, ring.n(), 1 << 40), small(6, ring.n(), 1 << 40));
            let basis = Basis::q(1);
            let lift = |x: &[i64]| ring.lift_signed(x, basis);
            let mut slow = [lift(&a).row(0).to_vec(), lift(&b).row(0).to_vec()];
            slow.iter_mut().for_each(|x| plan.fwd(x));
            let [mut x, y] = slow;
            plan.mul_assign_normalize(&mut x, &y);
            plan.inv(&mut x);
            let fast = ring.inverse(ring.mul(&ring.forward(lift(&a)), &ring.forward(lift(&b))));
            assert_eq!(fast.row(0), x);
        }
    }
}

#[test]
fn automorphisms_act_on_coefficients_as_defined() {
    for kind in KINDS {
        let ring = ring(kind, 5, Kernels::available()[0]);
        let n = ring.n() as u64;
        let basis = ring.full_basis();
        for steps in [0i64, 1, 2, 3, -1, -5, 7] {
            let g = ring.rotation(steps);
            let a = small(7, ring.n(), 100);
            let mut expected = vec![0i64; ring.n()];
            for (j, &x) in a.iter().enumerate() {
                // X^(jg), and for the real subring X^-(jg) beside it, folded into the basis.
                let order = kind.root_order(5);
                let e = j as u64 * g.value() % order;
                let (position, sign) = match kind {
                    RingKind::Standard => (e % n, if e >= n { -1 } else { 1 }),
                    RingKind::ConjugateInvariant => {
                        let (e, sign) = if e >= 2 * n { (e - 2 * n, -1) } else { (e, 1) };
                        if e > n { (2 * n - e, -sign) } else { (e, sign) }
                    }
                };
                if position < n {
                    expected[position as usize] += sign * x;
                }
            }
            let got = ring.automorphism(g, &ring.forward(ring.lift_signed(&a, basis)));
            assert_eq!(
                ring.inverse(got),
                ring.lift_signed(&expected, basis),
                "{kind:?} {steps}"
            );
            let back = g.inverse(kind, 5);
            let g2 = GaloisElement::new(kind, 5, g.value() * back.value()).unwrap();
            assert!(g2.is_identity());
        }
    }
}

fn crt(ring: &Ring, poly: &RnsPoly<tacit_ring::Coeff>, index: usize) -> BigInt {
    let moduli: Vec<BigInt> = ring
        .moduli(poly.basis())
        .map(|m| m.value().into())
        .collect();
    let product: BigInt = moduli.iter().product();
    let mut x = BigInt::ZERO;
    for (row, q) in poly.rows().zip(&moduli) {
        let hat = &product / q;
        let inverse = hat.modpow(&(q - 2u32), q);
        x += BigInt::from(row[index]) * inverse % q * hat;
    }
    x %= &product;
    if &x * 2u32 > product { x - product } else { x }
}

#[test]
fn division_rounds_to_the_nearest_integer() {
    for kernels in Kernels::available() {
        for kind in KINDS {
            let ring = ring(kind, 6, kernels);
            for (from, kept) in [
                (Basis { q: 3, p: 2 }, 3),
                (Basis::q(3), 2),
                (Basis { q: 2, p: 1 }, 1),
                (Basis { q: 3, p: 2 }, 2),
            ] {
                let x = sample::uniform(&ring, from, &mut Seed::from_bytes([8; 32]).expand());
                let got = ring.inverse(Division::new(&ring, from, kept).apply(&ring, &x));
                let x = ring.inverse(x);
                let removed: BigInt = ring
                    .moduli(from)
                    .skip(kept)
                    .map(|m| BigInt::from(m.value()))
                    .product();
                for i in 0..ring.n() {
                    let exact = crt(&ring, &x, i);
                    let error: BigInt = (crt(&ring, &got, i) * &removed - exact) * 2u32;
                    let kept_product: BigInt = ring
                        .moduli(Basis::q(kept))
                        .map(|m| BigInt::from(m.value()))
                        .product();
                    // |round(x/R)·R − x| ≤ R/2, up to wrap-around at ±Q/2.
                    let error = error % (kept_product * &removed * 2u32);
                    assert!(
                        error.magnitude() <= removed.magnitude(),
                        "{kind:?} {from:?} {i}"
                    );
                }
            }
        }
    }
}
