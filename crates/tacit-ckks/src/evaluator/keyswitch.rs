//! Hybrid key switching (Han and Ki, CT-RSA 2020).
//!
//! A polynomial c that multiplies s' is cut into digits by groups of primes; each digit is extended to all
//! primes, multiplied with its part of the [`SwitchingKey`] and summed: P·c·s' under s, over
//! the ciphertext primes and the special primes P. Division by P with rounding leaves c·s' under s
//! with little noise. The digits do not depend on the key, so several rotations of one ciphertext
//! share them ([`Hoisted`], Halevi and Shoup 2018), and sums of several results share the division
//! ([`ExtendedCiphertext`], Bossuat, Mouchet, Troncoso-Pastoriza and Hubaux, EUROCRYPT 2021).

use super::{Evaluator, Poly};
use crate::{Ciphertext, CkksError, Parameters, Plaintext, SwitchingKey};
use tacit_ring::kernel::Multiplier;
use tacit_ring::ntt::NttTable;
use tacit_ring::{Basis, GaloisElement, Ntt, RnsPoly};

/// The digits of c_1, extended to all primes.
#[derive(Debug)]
pub struct Hoisted {
    level: usize,
    digits: Vec<Poly>,
}

/// A ciphertext times P, over the ciphertext primes and the special ones: the result of key
/// switching before its division.
#[derive(Debug, Clone)]
pub struct ExtendedCiphertext {
    pub(crate) c: [Poly; 2],
    pub(crate) scale: f64,
}

impl ExtendedCiphertext {
    /// Number of ciphertext primes minus one.
    pub fn level(&self) -> usize {
        self.c[0].basis().q - 1
    }

    /// The scale of the message, P not counted.
    pub fn scale(&self) -> f64 {
        self.scale
    }
}

pub(super) fn extended(params: &Parameters, level: usize) -> Basis {
    Basis {
        q: level + 1,
        p: params.key_basis().p,
    }
}

/// Row of key material for row `index` of `basis`.
fn key_row(poly: &Poly, basis: Basis, index: usize) -> &[u64] {
    poly.row(if index < basis.q {
        index
    } else {
        index - basis.q + poly.basis().q
    })
}

/// Key switching of one polynomial without hoisting, one row at a time so that the digits stay in
/// the cache.
pub(super) fn switch(params: &Parameters, c: &Poly, key: &SwitchingKey) -> [Poly; 2] {
    let ring = params.ring();
    let kernels = ring.kernels();
    let level = c.basis().q - 1;
    let basis = extended(params, level);
    let tables: Vec<&NttTable> = ring.tables(basis).collect();
    let decomposition = params.decomposition(level);
    let digits: Vec<_> = decomposition
        .digits
        .iter()
        .map(|d| {
            let rows = c.rows().skip(d.start).take(d.end - d.start);
            d.extension.digits(kernels, &tables[d.start..d.end], rows)
        })
        .collect();
    let [mut out0, mut out1]: [Poly; 2] = [ring.zero(basis), ring.zero(basis)];
    let mut scratch: RnsPoly<Ntt> = RnsPoly::zero(ring.n(), Basis::q(digits.len()));
    for (j, table) in tables.iter().enumerate() {
        for (index, d) in decomposition.digits.iter().enumerate() {
            if !(d.start..d.end).contains(&j) {
                let row = scratch.row_mut(index);
                d.extension.extend(kernels, j, &digits[index], row);
                table.forward(kernels, row);
            }
        }
        let rows: Vec<&[u64]> = decomposition
            .digits
            .iter()
            .enumerate()
            .map(|(index, d)| {
                if (d.start..d.end).contains(&j) {
                    c.row(j)
                } else {
                    scratch.row(index)
                }
            })
            .collect();
        multiply_row(
            basis,
            j,
            table,
            &rows,
            key,
            kernels,
            out0.row_mut(j),
            out1.row_mut(j),
        );
    }
    [out0, out1]
}

#[allow(clippy::too_many_arguments)] // one row of everything, in the innermost loop
fn multiply_row(
    basis: Basis,
    j: usize,
    table: &NttTable,
    digits: &[&[u64]],
    key: &SwitchingKey,
    kernels: &tacit_ring::kernel::Kernels,
    out0: &mut [u64],
    out1: &mut [u64],
) {
    let key0: Vec<&[u64]> = key.b[..digits.len()]
        .iter()
        .map(|k| key_row(k, basis, j))
        .collect();
    let key1: Vec<&[u64]> = key.a[..digits.len()]
        .iter()
        .map(|k| key_row(k, basis, j))
        .collect();
    (kernels.mac_digits)([out0, out1], digits, &key0, &key1, table.modulus());
}

/// poly += P·x on the ciphertext primes.
pub(super) fn add_multiple_of_p(params: &Parameters, poly: &mut Poly, x: &Poly) {
    let ring = params.ring();
    let mut scaled: RnsPoly<Ntt> = RnsPoly::zero(ring.n(), Basis::q(1));
    for j in 0..poly.basis().q {
        let m = ring.q(j);
        let p = (0..poly.basis().p).fold(1, |acc, k| m.mul(acc, ring.p(k).value() % m.value()));
        (ring.kernels().mul_scalar)(scaled.row_mut(0), x.row(j), Multiplier::new(p, m), m);
        (ring.kernels().add_assign)(poly.row_mut(j), scaled.row(0), m);
    }
}

impl Evaluator {
    /// Digits of c_1 for several rotations of the same ciphertext.
    pub fn hoist(&self, ct: &Ciphertext) -> Result<Hoisted, CkksError> {
        self.linear(ct, "hoist")?;
        let params = &self.params;
        let ring = params.ring();
        let kernels = ring.kernels();
        let level = ct.level();
        let basis = extended(params, level);
        let tables: Vec<&NttTable> = ring.tables(basis).collect();
        let c = &ct.c[1];
        let digits = params
            .decomposition(level)
            .digits
            .iter()
            .map(|d| {
                let rows = c.rows().skip(d.start).take(d.end - d.start);
                let digits = d.extension.digits(kernels, &tables[d.start..d.end], rows);
                let mut out = ring.zero(basis);
                for (j, (row, table)) in out.rows_mut().zip(&tables).enumerate() {
                    if (d.start..d.end).contains(&j) {
                        row.copy_from_slice(c.row(j));
                    } else {
                        d.extension.extend(kernels, j, &digits, row);
                        table.forward(kernels, row);
                    }
                }
                out
            })
            .collect();
        Ok(Hoisted { level, digits })
    }

    /// Rotates by `steps` from hoisted digits, without the division by P.
    pub fn rotate_extended(
        &self,
        ct: &Ciphertext,
        hoisted: &Hoisted,
        steps: i64,
    ) -> Result<ExtendedCiphertext, CkksError> {
        self.linear(ct, "rotate")?;
        assert_eq!(hoisted.level, ct.level(), "digits of another ciphertext");
        let params = &self.params;
        let ring = params.ring();
        let element = ring.rotation(steps);
        if element.is_identity() {
            return self.extend(ct);
        }
        let key = self.galois_key(element, steps)?;
        let basis = extended(params, hoisted.level);
        let [mut c0, mut c1]: [Poly; 2] = [ring.zero(basis), ring.zero(basis)];
        for (j, table) in ring.tables(basis).enumerate() {
            let rows: Vec<&[u64]> = hoisted.digits.iter().map(|d| d.row(j)).collect();
            let (out0, out1) = (c0.row_mut(j), c1.row_mut(j));
            multiply_row(basis, j, table, &rows, key, ring.kernels(), out0, out1);
        }
        add_multiple_of_p(params, &mut c0, &ct.c[0]);
        let c = [
            ring.automorphism(element, &c0),
            ring.automorphism(element, &c1),
        ];
        Ok(ExtendedCiphertext { c, scale: ct.scale })
    }

    /// P times a ciphertext, over all primes.
    pub fn extend(&self, ct: &Ciphertext) -> Result<ExtendedCiphertext, CkksError> {
        self.linear(ct, "extend")?;
        let basis = extended(&self.params, ct.level());
        let c = [0, 1].map(|i| {
            let mut out = self.params.ring().zero(basis);
            add_multiple_of_p(&self.params, &mut out, &ct.c[i]);
            out
        });
        Ok(ExtendedCiphertext { c, scale: ct.scale })
    }

    /// acc += a·m before the division; `m` must be encoded over all primes
    /// ([`Encoder::encode_over`](crate::Encoder::encode_over)). An empty accumulator is created.
    pub fn mul_plain_extended(
        &self,
        acc: &mut Option<ExtendedCiphertext>,
        a: &ExtendedCiphertext,
        m: &Plaintext,
    ) -> Result<(), CkksError> {
        let ring = self.params.ring();
        let scale = a.scale * m.scale;
        if m.poly.basis().p < a.c[0].basis().p || m.level() < a.level() {
            let why = "the plaintext must be encoded over all primes of the extended ciphertext";
            return Err(CkksError::Unsupported(why));
        }
        match acc {
            None => {
                let c = [0, 1].map(|i| ring.mul(&a.c[i], &m.poly));
                *acc = Some(ExtendedCiphertext { c, scale });
            }
            Some(acc) => {
                super::same_scale("multiply-add plaintext", acc.scale, scale)?;
                for (acc, a) in acc.c.iter_mut().zip(&a.c) {
                    ring.mul_add_assign(acc, a, &m.poly);
                }
            }
        }
        Ok(())
    }

    /// Divides by P.
    pub fn reduce(&self, a: &ExtendedCiphertext) -> Ciphertext {
        self.divide(&a.c, a.level() + 1, a.scale)
    }

    /// Divides by P and by the last prime at once.
    pub fn reduce_rescale(&self, a: &ExtendedCiphertext) -> Result<Ciphertext, CkksError> {
        let level = a.level();
        if level == 0 {
            return Err(CkksError::Level {
                operation: "rescale",
                needed: 1,
                found: 0,
            });
        }
        Ok(self.divide(&a.c, level, a.scale / self.params.q_at(level)))
    }

    pub(super) fn divide(&self, c: &[Poly; 2], kept: usize, scale: f64) -> Ciphertext {
        let division = self.params.division(c[0].basis(), kept);
        let c = c
            .iter()
            .map(|poly| division.apply(self.params.ring(), poly))
            .collect();
        Ciphertext { c, scale }
    }

    pub(super) fn galois_key(
        &self,
        element: GaloisElement,
        steps: i64,
    ) -> Result<&SwitchingKey, CkksError> {
        let missing = CkksError::MissingGaloisKey {
            steps,
            element: element.value(),
        };
        self.keys
            .galois
            .get(&element)
            .map(|k| &k.key)
            .ok_or(missing)
    }
}
