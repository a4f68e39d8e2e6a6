//! Every instruction set gives the results of the portable kernels, and those are right: random rows
//! and rows of edge values, prime sizes from 20 to 50 bits, lengths from the shortest row.

use proptest::prelude::*;
use tacit_ring::kernel::{Kernels, MAX_LIMBS, MAX_TERMS, MIN_ROW, Multiplier};
use tacit_ring::ntt::NttTable;
use tacit_ring::{Modulus, RingKind, Seed, Xof, is_prime, ntt_primes};

const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

/// The largest and the smallest prime of a size.
fn extreme_primes(bits: u32) -> [Modulus; 2] {
    let find = |mut range: Box<dyn Iterator<Item = u64>>| {
        Modulus::new(range.find(|&q| is_prime(q)).unwrap()).unwrap()
    };
    let (low, high) = (1u64 << (bits - 1), 1u64 << bits);
    [find(Box::new((low..high).rev())), find(Box::new(low..high))]
}

/// Words below `bound`: random ones, or (`edges`) mostly 0, 1, bound/2, bound − 2 and bound − 1.
fn words(xof: &mut Xof, n: usize, bound: u64, edges: bool) -> Vec<u64> {
    let mut out = vec![0; n];
    xof.fill_words(&mut out);
    let special = [0, 1, bound / 2, bound / 2 + 1, bound - 2, bound - 1];
    for x in &mut out {
        let pick = (*x % 8) as usize;
        *x = match special.get(pick) {
            Some(&value) if edges => value,
            _ => (*x >> 3) % bound,
        };
    }
    out
}

/// The outcome of every row function on inputs drawn from `seed`.
fn outcomes(k: &Kernels, m: &Modulus, n: usize, seed: u8, edges: bool) -> Vec<(String, Vec<u64>)> {
    let mut xof = Seed::from_bytes([seed; 32]).expand();
    let q = m.value();
    let x: Vec<Vec<u64>> = (0..8).map(|_| words(&mut xof, n, q, edges)).collect();
    // Residues modulo other primes, as large as they get, for the functions that mix primes.
    let other = (1 << 50) - 27;
    let y: Vec<Vec<u64>> = (0..MAX_TERMS)
        .map(|_| words(&mut xof, n, other, edges))
        .collect();
    let c = words(&mut xof, MAX_TERMS, q, edges);
    let w = Multiplier::new(x[7][3], m);
    let w2 = Multiplier::new(x[7][5], m);
    let mut all = vec![];
    let mut record = |name: &str, f: &mut dyn FnMut(&mut [u64])| {
        let mut out = x[0].clone();
        f(&mut out);
        all.push((name.to_string(), out));
    };
    record("add_assign", &mut |a| (k.add_assign)(a, &x[1], m));
    record("sub_assign", &mut |a| (k.sub_assign)(a, &x[1], m));
    record("neg_assign", &mut |a| (k.neg_assign)(a, m));
    record("mul_assign", &mut |a| (k.mul_assign)(a, &x[1], m));
    record("mul", &mut |a| (k.mul)(a, &x[1], &x[2], m));
    record("mul_add_assign", &mut |a| {
        (k.mul_add_assign)(a, &x[1], &x[2], m)
    });
    record("mul_scalar_assign", &mut |a| (k.mul_scalar_assign)(a, w, m));
    record("mul_scalar", &mut |a| (k.mul_scalar)(a, &x[1], w, m));
    record("sub_mul_scalar", &mut |a| {
        (k.sub_mul_scalar)(a, &x[1], w, m)
    });
    record("reduce_centred", &mut |a| {
        (k.reduce_centred)(a, &y[0], other, m)
    });
    record("fold", &mut |a| (k.fold)(a, w, m));
    record("unfold", &mut |a| (k.unfold)(a, w, w2, m));
    let index: Vec<u32> = (0..n as u32).map(|i| (5 * i + 3) % n as u32).collect();
    record("permute", &mut |a| (k.permute)(a, &x[1], &index));
    let signed: Vec<i64> = words(&mut xof, n, (1 << 63) - 1, edges)
        .into_iter()
        .map(|x| x as i64 - ((1 << 62) - 1))
        .collect();
    record("reduce_signed", &mut |a| (k.reduce_signed)(a, &signed, m));
    let small: Vec<i64> = words(&mut xof, n, 64, edges)
        .into_iter()
        .map(|x| x as i64 - 32)
        .collect();
    record("reduce_signed", &mut |a| (k.reduce_signed)(a, &small, m));
    for terms in [1, 2, 3, 7, 8, 9, 14, 15, 16, 17, 30, 31, 33, MAX_TERMS] {
        let y: Vec<&[u64]> = y[..terms].iter().map(Vec::as_slice).collect();
        let primes = vec![other; terms];
        let mut v = vec![0; n];
        (k.round_quotient)(&mut v, &y, &primes);
        record(&format!("base_convert {terms}"), &mut |a| {
            (k.base_convert)(a, &y, &c[..terms], &v, c[0], m)
        });
        record(&format!("round_quotient {terms}"), &mut |a| {
            a.copy_from_slice(&v)
        });
        let digit = |k: usize| -> Vec<&[u64]> {
            (0..terms).map(|i| x[(3 * i + k) % 8].as_slice()).collect()
        };
        let mut second = x[0].clone();
        record(&format!("mac_digits {terms}"), &mut |a| {
            (k.mac_digits)([a, &mut second], &digit(0), &digit(1), &digit(5), m)
        });
        record(&format!("mac_digits {terms}"), &mut |a| {
            a.copy_from_slice(&second)
        });
    }
    for limbs in 1..=MAX_LIMBS {
        let mut rows = vec![vec![0; n]; limbs];
        for row in &mut rows {
            xof.fill_words(row);
            if edges {
                for x in row {
                    *x = [0, 1, 1 << 63, u64::MAX, (1 << 63) - 1, *x][(*x % 6) as usize];
                }
            }
        }
        let rows: Vec<&[u64]> = rows.iter().map(Vec::as_slice).collect();
        record(&format!("reduce_wide {limbs}"), &mut |a| {
            (k.reduce_wide)(a, &rows, m)
        });
    }
    let [mut d0, mut d1, mut d2] = [x[0].clone(), x[0].clone(), x[0].clone()];
    (k.tensor)(
        [&mut d0, &mut d1, &mut d2],
        [&x[1], &x[2]],
        [&x[3], &x[4]],
        m,
    );
    all.extend([d0, d1, d2].map(|d| ("tensor".to_string(), d)));
    all
}

fn assert_all_agree(m: &Modulus, n: usize, seed: u8, edges: bool) {
    let tables = Kernels::available();
    let reference = outcomes(tables[0], m, n, seed, edges);
    for k in &tables[1..] {
        for ((name, want), (_, got)) in reference.iter().zip(outcomes(k, m, n, seed, edges)) {
            assert_eq!(
                *want,
                got,
                "{k:?} {name} q = {} n = {n} edges = {edges}",
                m.value()
            );
        }
    }
}

#[test]
fn row_functions_agree_at_every_prime_size_and_on_edge_values() {
    for bits in 20..=50 {
        for m in extreme_primes(bits) {
            for n in [MIN_ROW, 2 * MIN_ROW, 3 * MIN_ROW, 128] {
                for edges in [false, true] {
                    assert_all_agree(&m, n, bits as u8, edges);
                }
            }
        }
    }
}

#[test]
fn portable_row_functions_agree_with_plain_integers() {
    let k = Kernels::available()[0];
    for bits in [20, 31, 40, 50] {
        for m in extreme_primes(bits) {
            let (q, n) = (m.value() as i128, 64);
            let mut xof = Seed::from_bytes([bits as u8; 32]).expand();
            let x: Vec<Vec<u64>> = (0..3)
                .map(|i| words(&mut xof, n, m.value(), i == 1))
                .collect();
            let check = |f: &dyn Fn(&mut [u64]), g: &dyn Fn([i128; 3]) -> i128| {
                let mut out = x[0].clone();
                f(&mut out);
                for (i, &got) in out.iter().enumerate() {
                    let inputs = [x[0][i], x[1][i], x[2][i]].map(i128::from);
                    assert_eq!(i128::from(got), g(inputs).rem_euclid(q));
                }
            };
            check(&|a| (k.add_assign)(a, &x[1], &m), &|[a, b, _]| a + b);
            check(&|a| (k.sub_assign)(a, &x[1], &m), &|[a, b, _]| a - b);
            check(&|a| (k.mul)(a, &x[1], &x[2], &m), &|[_, b, c]| b * c);
            check(
                &|a| (k.mul_add_assign)(a, &x[1], &x[2], &m),
                &|[a, b, c]| a + b * c,
            );
            let w = Multiplier::new(x[2][0], &m);
            check(&|a| (k.sub_mul_scalar)(a, &x[1], w, &m), &|[a, b, _]| {
                (a - b) * i128::from(x[2][0])
            });
            check(
                &|a| (k.reduce_wide)(a, &[&x[1], &x[2]], &m),
                &|[_, b, c]| b + (c << 64),
            );
        }
    }
}

#[test]
fn an_index_outside_the_row_is_caught() {
    for k in Kernels::available() {
        let a = vec![1u64; 32];
        for bad in [32, 33, u32::MAX] {
            let mut index: Vec<u32> = (0..32).collect();
            index[19] = bad;
            let caught = std::panic::catch_unwind(|| {
                let mut out = vec![0; 32];
                (k.permute)(&mut out, &a, &index);
            });
            assert!(caught.is_err(), "{k:?} {bad}");
        }
    }
}

#[test]
fn unequal_or_odd_lengths_are_caught() {
    let m = extreme_primes(50)[0];
    for k in Kernels::available() {
        let row = vec![1u64; 48];
        let caught =
            |f: &(dyn Fn() + std::panic::RefUnwindSafe)| std::panic::catch_unwind(f).is_err();
        assert!(caught(&|| (k.add_assign)(&mut [0; 32], &row, &m)), "{k:?}");
        assert!(
            caught(&|| (k.mul)(&mut [0; 48], &row[..32], &row, &m)),
            "{k:?}"
        );
        assert!(
            caught(&|| (k.base_convert)(&mut [0; 32], &[&row], &[1], &row, 1, &m)),
            "{k:?}"
        );
        assert!(
            caught(&|| (k.round_quotient)(&mut [0; 32], &[&row], &[7])),
            "{k:?}"
        );
        assert!(
            caught(&|| (k.reduce_signed)(&mut [0; 32], &[0; 48], &m)),
            "{k:?}"
        );
        assert!(
            caught(&|| (k.reduce_wide)(&mut [0; 32], &[&row], &m)),
            "{k:?}"
        );
        assert!(
            caught(&|| (k.invert_table)(&mut [0; 32], &row, &[1])),
            "{k:?}"
        );
        assert!(
            caught(&|| (k.permute)(&mut [0; 32], &row, &[0; 48])),
            "{k:?}"
        );
    }
}

/// Transforms of random and of extreme rows, at every degree and several prime sizes.
#[test]
fn transforms_agree_at_every_degree_and_prime_size() {
    let tables = Kernels::available();
    for kind in KINDS {
        for log_n in 4..=16 {
            for bits in [20, 25, 30, 40, 45, 46, 47, 48, 49, 50] {
                let Ok(primes) = ntt_primes(&[bits], kind.root_order(log_n)) else {
                    continue; // no such prime of this size
                };
                let m = Modulus::new(primes[0]).unwrap();
                let table = NttTable::new(kind, log_n, m).unwrap();
                let n = 1 << log_n;
                let mut xof = Seed::from_bytes([bits as u8; 32]).expand();
                let rows = [
                    words(&mut xof, n, m.value(), false),
                    words(&mut xof, n, m.value(), true),
                    vec![m.value() - 1; n],
                    vec![0; n],
                ];
                for row in rows {
                    let scale = Multiplier::new(row[n / 2] + 1, &m);
                    let results = tables.iter().map(|k| {
                        let [mut forward, mut inverse, mut scaled] = [0; 3].map(|_| row.clone());
                        table.forward(k, &mut forward);
                        table.inverse(k, &mut inverse);
                        table.inverse_scaled(k, &mut scaled, scale);
                        let mut back = forward.clone();
                        table.inverse(k, &mut back);
                        assert_eq!(back, row, "{k:?} {kind:?} {log_n} {bits}");
                        (forward, inverse, scaled)
                    });
                    let results: Vec<_> = results.collect();
                    assert!(
                        results.windows(2).all(|w| w[0] == w[1]),
                        "{kind:?} N = 2^{log_n}, {bits} bits"
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn row_functions_agree(seed: u8, bits in 20u32..=50, blocks in 1usize..9, smallest: bool, edges: bool) {
        let m = extreme_primes(bits)[usize::from(smallest)];
        assert_all_agree(&m, blocks * MIN_ROW, seed, edges);
    }

    #[test]
    fn inversion_counts_the_entries_not_above(
        mut words in prop::collection::vec(any::<u64>(), 0..200),
        mut table in prop::collection::vec(0u64..1 << 63, 1..40),
    ) {
        table.sort_unstable();
        // Words that hit an entry, and the neighbours of it.
        for (word, entry) in words.iter_mut().step_by(3).zip(&table) {
            *word = (2 * entry).wrapping_add(*word % 5).wrapping_sub(2);
        }
        let expected: Vec<i64> = words
            .iter()
            .map(|w| {
                let count = table.iter().filter(|&&entry| entry <= w >> 1).count() as i64;
                if w & 1 == 1 { -count } else { count }
            })
            .collect();
        for k in Kernels::available() {
            let mut out = vec![0; words.len()];
            (k.invert_table)(&mut out, &words, &table);
            prop_assert_eq!(&out, &expected, "{:?}", k);
        }
    }
}
