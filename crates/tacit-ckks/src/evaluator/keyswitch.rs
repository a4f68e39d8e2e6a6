//! Hybrid key switching (Han and Ki, CT-RSA 2020).
//!
//! A polynomial c that multiplies s' is cut into digits by groups of primes; each digit is extended to all
//! primes, multiplied with its part of the [`SwitchingKey`] and summed: P·c·s' under s, over
//! the ciphertext primes and the special primes P. Division by P with rounding leaves c·s' under s
//! with little noise. The digits do not depend on the key, so several rotations of one ciphertext
//! share them ([`Hoisted`](super::Hoisted), Halevi and Shoup 2018).
//!
//! A key switch moves tens of megabytes, so it is arranged by rows: the rows to be divided away come
//! first; after them every remaining row is extended, multiplied, divided, added to what it must be
//! added to and permuted while it is in the cache, and written once.

use super::{Hoisted, Poly};
use crate::params::{Decomposition, Digit};
use crate::{CkksError, Parameters, SwitchingKey};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;
use tacit_ring::convert::Digits;
use tacit_ring::kernel::Multiplier;
use tacit_ring::ntt::NttTable;
use tacit_ring::{Basis, Modulus, Ring};

/// Row of key material, of this level or a higher one, for row `index` of `basis`.
fn key_row(poly: &Poly, basis: Basis, index: usize) -> &[u64] {
    poly.row(if index < basis.q {
        index
    } else {
        index - basis.q + poly.basis().q
    })
}

/// The digits of a polynomial before their extension.
pub(super) struct Decomposed<'a> {
    c: &'a Poly,
    decomposition: Arc<Decomposition>,
    digits: Vec<Digits>,
}

impl<'a> Decomposed<'a> {
    pub fn new(params: &Parameters, c: &'a Poly) -> Self {
        let ring = params.ring();
        let tables: Vec<&NttTable> = ring.tables(c.basis()).collect();
        let decomposition = params.decomposition(c.basis().q - 1);
        let digit = |d: &Digit| {
            let rows = c.rows().skip(d.start).take(d.end - d.start);
            let tables = &tables[d.start..d.end];
            d.extension.digits(ring.kernels(), tables, rows)
        };
        let digits = match parallel(ring) {
            true => decomposition.digits.par_iter().map(digit).collect(),
            false => decomposition.digits.iter().map(digit).collect(),
        };
        Self {
            c,
            decomposition,
            digits,
        }
    }

    /// How many digits there are.
    pub fn len(&self) -> usize {
        self.digits.len()
    }

    /// Row `j` of digit `index` if it is one of the polynomial's own.
    pub fn own_row(&self, index: usize, j: usize) -> Option<&[u64]> {
        let d = &self.decomposition.digits[index];
        (d.start..d.end).contains(&j).then(|| self.c.row(j))
    }

    /// Row `j` of digit `index` if it is not.
    pub fn extend_row(
        &self,
        ring: &Ring,
        table: &NttTable,
        index: usize,
        j: usize,
        out: &mut [u64],
    ) {
        let extension = &self.decomposition.digits[index].extension;
        extension.extend(ring.kernels(), j, &self.digits[index], out);
        table.forward(ring.kernels(), out);
    }
}

/// Where the rows of extended digits come from.
pub(super) enum Source<'a> {
    /// Extended when they are needed, for a single use.
    Fresh(Decomposed<'a>),
    /// Extended before.
    Hoisted(&'a Hoisted),
}

/// What is added to the product divided by P.
pub(super) enum Addend<'a> {
    /// To the first polynomial only.
    First(&'a Poly),
    /// To both.
    Both([&'a Poly; 2]),
    /// The first two polynomials of a product of ciphertexts.
    Tensor([&'a Poly; 2], [&'a Poly; 2]),
}

impl Addend<'_> {
    /// Row `j` of both; `scratch` has three rows.
    fn rows<'b>(&'b self, ring: &Ring, j: usize, scratch: &'b mut Poly) -> [Option<&'b [u64]>; 2] {
        match self {
            Addend::First(c) => [Some(c.row(j)), None],
            Addend::Both([c0, c1]) => [Some(c0.row(j)), Some(c1.row(j))],
            Addend::Tensor(a, b) => {
                let [a, b] = [a, b].map(|c| [c[0].row(j), c[1].row(j)]);
                let [d0, d1, d2] = split_rows(scratch);
                (ring.kernels().tensor)([&mut *d0, &mut *d1, d2], a, b, ring.q(j));
                [Some(d0), Some(d1)]
            }
        }
    }
}

/// A product of digits with a key, row by row, and what becomes of it.
pub(super) struct Switch<'a> {
    pub params: &'a Parameters,
    pub level: usize,
    pub source: Source<'a>,
    /// For this level or higher ones: see [`reaching`].
    pub key: &'a SwitchingKey,
    /// The automorphism that is applied at the end.
    pub permutation: Option<Arc<[u32]>>,
}

/// A key that has to switch a ciphertext of a level, if it is for such high ones.
pub(super) fn reaching<'a>(
    key: &'a SwitchingKey,
    operation: &'static str,
    level: usize,
) -> Result<&'a SwitchingKey, CkksError> {
    match key.level() {
        high if high >= level => Ok(key),
        low => Err(CkksError::KeyLevel {
            operation,
            key: low,
            found: level,
        }),
    }
}

/// The same row of two polynomials.
type RowPair<'a> = [&'a mut [u64]; 2];

/// Rows that are worked on together, so that the digits they are extended from are fetched once for all.
const BLOCK: usize = 2;

/// The extended digits of a few rows: row after row, digit after digit.
struct Extended {
    start: usize,
    rows: Option<Poly>,
}

impl Switch<'_> {
    fn table(&self, j: usize) -> &NttTable {
        let ring = self.params.ring();
        match j.checked_sub(self.level + 1) {
            None => ring.q_table(j),
            Some(special) => ring.p_table(special),
        }
    }

    /// Extends the digits to some rows.
    fn extend(&self, rows: Range<usize>) -> Extended {
        let start = rows.start;
        let Source::Fresh(decomposed) = &self.source else {
            return Extended { start, rows: None };
        };
        let ring = self.params.ring();
        let digits = decomposed.len();
        let mut out: Poly = ring.unspecified(Basis::q(rows.len() * digits));
        for digit in 0..digits {
            for j in rows.clone() {
                if decomposed.own_row(digit, j).is_none() {
                    let row = out.row_mut((j - start) * digits + digit);
                    decomposed.extend_row(ring, self.table(j), digit, j, row);
                }
            }
        }
        let rows = Some(out);
        Extended { start, rows }
    }

    /// Row `j` of the product.
    fn row(&self, extended: &Extended, j: usize, out: RowPair<'_>) {
        let digits: Vec<&[u64]> = match (&self.source, &extended.rows) {
            (Source::Hoisted(hoisted), _) => hoisted.digits.iter().map(|d| d.row(j)).collect(),
            (Source::Fresh(decomposed), rows) => (0..decomposed.len())
                .map(|digit| {
                    let row = (j - extended.start) * decomposed.len() + digit;
                    let extended = rows.as_ref().map(|rows| rows.row(row));
                    decomposed.own_row(digit, j).or(extended).unwrap_or(&[])
                })
                .collect(),
        };
        let basis = self.params.key_basis_at(self.level);
        let keys = [&self.key.b, &self.key.a].map(|polys| {
            let rows = polys[..digits.len()].iter();
            rows.map(|k| key_row(k, basis, j)).collect::<Vec<_>>()
        });
        let kernels = self.params.ring().kernels();
        (kernels.mac_digits)(out, &digits, &keys[0], &keys[1], self.table(j).modulus());
    }

    /// Calls `f` for rows `range` of the basis with the digits it needs and the pair of rows to write,
    /// which are the first of `out`; in parallel where it pays.
    fn each_row(
        &self,
        out: &mut [Poly; 2],
        range: Range<usize>,
        f: impl Fn(&Extended, usize, RowPair<'_>) + Sync,
    ) {
        let [a, b] = out;
        let pairs = a.rows_mut().zip(b.rows_mut()).map(|(a, b)| [a, b]);
        let mut rows: Vec<(usize, RowPair)> = range.zip(pairs).collect();
        let block = |rows: &mut [(usize, RowPair)]| {
            let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
                return;
            };
            let digits = self.extend(*first..last + 1);
            for (j, [a, b]) in rows {
                f(&digits, *j, [a, b]);
            }
        };
        if parallel(self.params.ring()) {
            rows.par_chunks_mut(BLOCK).for_each(block);
        } else {
            rows.chunks_mut(BLOCK).for_each(block);
        }
    }

    /// The product and `lifted`, which is over its first rows and already times P.
    pub fn extended(&self, lifted: &Poly) -> [Poly; 2] {
        let ring = self.params.ring();
        let basis = self.params.key_basis_at(self.level);
        let moduli: Vec<&Modulus> = ring.moduli(basis).collect();
        let mut out: [Poly; 2] = [0, 1].map(|_| ring.unspecified(basis));
        self.each_row(&mut out, 0..basis.rows(), |digits, j, [out0, out1]| {
            let add = |acc: &mut [u64]| {
                if j < lifted.basis().rows() {
                    (ring.kernels().add_assign)(acc, lifted.row(j), moduli[j]);
                }
            };
            let Some(permutation) = &self.permutation else {
                self.row(digits, j, [&mut *out0, out1]);
                return add(out0);
            };
            let mut work: Poly = ring.unspecified(Basis::q(2));
            let [acc0, acc1] = split_rows(&mut work);
            self.row(digits, j, [&mut *acc0, &mut *acc1]);
            add(acc0);
            (ring.kernels().permute)(out0, acc0, permutation);
            (ring.kernels().permute)(out1, acc1, permutation);
        });
        out
    }

    /// The product divided by P, plus the addend, divided by the ciphertext primes from number `kept` on:
    /// one division, with one rounding.
    pub fn divided(&self, addend: &Addend<'_>, kept: usize) -> [Poly; 2] {
        let ring = self.params.ring();
        let kernels = ring.kernels();
        let basis = self.params.key_basis_at(self.level);
        let division = self.params.division(basis, kept);
        let removed = division.removed();
        let mut rest: [Poly; 2] = [0, 1].map(|_| ring.unspecified(Basis::q(removed.len() + 1)));
        self.each_row(&mut rest, removed.clone(), |digits, j, [out0, out1]| {
            self.row(digits, j, [&mut *out0, &mut *out1]);
            if j < basis.q {
                let mut scratch = ring.unspecified(Basis::q(3));
                let mut sum: Poly = ring.unspecified(Basis::q(1));
                let addends = addend.rows(ring, j, &mut scratch);
                for (out, addend) in [out0, out1].into_iter().zip(addends) {
                    if let Some(addend) = addend {
                        let constants = [1, p_modulo(self.params, j)];
                        combine(ring, j, sum.row_mut(0), &[&*out, addend], &constants);
                        out.copy_from_slice(sum.row(0));
                    }
                }
            }
        });
        let [rest0, rest1] = rest;
        let (remainder0, remainder1) = rayon::join(
            || division.remainder(ring, rest0),
            || division.remainder(ring, rest1),
        );
        let mut out: [Poly; 2] = [0, 1].map(|_| ring.unspecified(Basis::q(kept)));
        self.each_row(&mut out, 0..kept, |digits, j, out| {
            let m = ring.q(j);
            let inverse = division.inverse(j);
            let constants = [
                inverse.w,
                m.neg(inverse.w),
                m.mul(p_modulo(self.params, j), inverse.w),
            ];
            let mut work = ring.unspecified(Basis::q(4));
            let mut scratch = ring.unspecified(Basis::q(3));
            let [acc0, acc1, r, sum] = split_rows(&mut work);
            self.row(digits, j, [&mut *acc0, &mut *acc1]);
            let addends = addend.rows(ring, j, &mut scratch);
            let accs = [(acc0, &remainder0), (acc1, &remainder1)];
            for (((acc, remainder), out), addend) in accs.into_iter().zip(out).zip(addends) {
                division.remainder_row(ring, j, remainder, r);
                match (addend, &self.permutation) {
                    (None, None) => combine(ring, j, out, &[&*acc, &*r], &constants[..2]),
                    (Some(addend), None) => {
                        combine(ring, j, out, &[&*acc, &*r, addend], &constants);
                    }
                    (None, Some(permutation)) => {
                        (kernels.sub_mul_scalar)(acc, r, inverse, m);
                        (kernels.permute)(out, acc, permutation);
                    }
                    (Some(addend), Some(permutation)) => {
                        combine(ring, j, sum, &[&*acc, &*r, addend], &constants);
                        (kernels.permute)(out, sum, permutation);
                    }
                }
            }
        });
        out
    }
}

/// P modulo ciphertext prime `j`.
fn p_modulo(params: &Parameters, j: usize) -> u64 {
    let ring = params.ring();
    let m = ring.q(j);
    (0..params.key_basis().p).fold(1, |acc, k| m.mul(acc, ring.p(k).value() % m.value()))
}

/// P·x on the ciphertext primes.
pub(super) fn lift(params: &Parameters, x: &Poly, out: &mut Poly) {
    let ring = params.ring();
    for j in 0..x.basis().q {
        let m = ring.q(j);
        let p = Multiplier::new(p_modulo(params, j), m);
        (ring.kernels().mul_scalar)(out.row_mut(j), x.row(j), p, m);
    }
}

/// out = Σ term·constant modulo ciphertext prime `j`. The core of base extension does just this.
fn combine(ring: &Ring, j: usize, out: &mut [u64], terms: &[&[u64]], constants: &[u64]) {
    (ring.kernels().base_convert)(out, terms, constants, terms[0], 0, ring.q(j));
}

/// The first rows, for writing at once.
fn split_rows<const K: usize>(poly: &mut Poly) -> [&mut [u64]; K] {
    let mut rows = poly.rows_mut();
    std::array::from_fn(|_| rows.next().expect("the polynomial has that many rows"))
}

/// Whether rows are long enough to be shared between threads, and there are threads.
fn parallel(ring: &Ring) -> bool {
    ring.log_n() >= 12 && rayon::current_num_threads() > 1
}

#[cfg(test)]
mod tests {
    use crate::{Encoder, EvaluationKeys, Evaluator, Parameters, Preset, PublicKey, SecretKey};
    use crate::{decrypt, encrypt};
    use tacit_ring::{RingKind, Seed};

    #[test]
    fn threads_share_rows_without_changing_results() {
        let params = Parameters::new(&Preset::N13.literal(RingKind::Standard)).unwrap();
        let mut xof = Seed::from_bytes([5; 32]).expand();
        let sk = SecretKey::sample(&params, &mut xof);
        let pk = PublicKey::generate(&params, &sk, &mut xof);
        let keys = EvaluationKeys::generate(&params, &sk, &[1, 2], &mut xof);
        let evaluator = Evaluator::new(&params, keys);
        let encoder = Encoder::new(&params);
        let x = encoder
            .encode(&[1.0, 2.0, 3.0], params.max_level(), params.scale())
            .unwrap();
        let x = encrypt(&params, &pk, &x, &mut xof);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build().unwrap().install(|| {
                let hoisted = evaluator.hoist(&x).unwrap();
                let rotated = evaluator.rotate(&x, 1).unwrap();
                let product = evaluator.mul(&x, &rotated).unwrap();
                [
                    evaluator.rotate_hoisted(&x, &hoisted, 1).unwrap(),
                    evaluator.relinearise_rescale(&product).unwrap(),
                    evaluator.mul_rescale(&x, &rotated).unwrap(),
                    rotated,
                ]
            })
        };
        let results = run(1);
        assert_eq!(results, run(3));
        // The product in one go is the product in steps, and hoisting changes nothing.
        assert_eq!(results[1], results[2]);
        assert_eq!(results[0], results[3]);
        let product = encoder.decode(&decrypt(&params, &sk, &results[2]));
        assert!((product[0] - 2.0).abs() < 1e-3 && (product[1] - 6.0).abs() < 1e-3);
    }
}
