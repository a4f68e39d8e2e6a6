//! Key switching in parts: digits that are shared, and results not yet divided by P.
//!
//! Digits do not depend on the key, so rotations of one ciphertext share them ([`Hoisted`]); and sums
//! of products can be formed before the division by the special primes, so that they share it
//! ([`ExtendedCiphertext`], Bossuat, Mouchet, Troncoso-Pastoriza and Hubaux, EUROCRYPT 2021).

use super::keyswitch::{Addend, Decomposed, Source, Switch, lift};
use super::{Evaluator, Poly};
use crate::{Ciphertext, CkksError, Plaintext, SwitchingKey};
use rayon::prelude::*;
use tacit_ring::ntt::NttTable;
use tacit_ring::{Basis, GaloisElement};

/// The digits of c_1, extended to all primes, and P·c_0.
#[derive(Debug)]
pub struct Hoisted {
    pub(super) level: usize,
    pub(super) digits: Vec<Poly>,
    lifted: Poly,
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

impl Evaluator {
    /// Digits of c_1 for several rotations of the same ciphertext.
    pub fn hoist(&self, ct: &Ciphertext) -> Result<Hoisted, CkksError> {
        self.linear(ct, "hoist")?;
        let params = &self.params;
        let ring = params.ring();
        let level = ct.level();
        let basis = params.key_basis_at(level);
        let tables: Vec<&NttTable> = ring.tables(basis).collect();
        let decomposed = Decomposed::new(params, &ct.c[1]);
        let mut digits: Vec<Poly> = (0..decomposed.len())
            .map(|_| ring.unspecified(basis))
            .collect();
        let rows: Vec<(usize, usize, &mut [u64])> = digits
            .iter_mut()
            .enumerate()
            .flat_map(|(d, poly)| poly.rows_mut().enumerate().map(move |(j, row)| (d, j, row)))
            .collect();
        rows.into_par_iter()
            .with_min_len(match rayon::current_num_threads() {
                1 => usize::MAX,
                _ => 1,
            })
            .for_each(|(d, j, row)| match decomposed.own_row(d, j) {
                Some(own) => row.copy_from_slice(own),
                None => decomposed.extend_row(ring, tables[j], d, j, row),
            });
        let mut lifted = ring.unspecified(Basis::q(level + 1));
        lift(params, &ct.c[0], &mut lifted);
        Ok(Hoisted {
            level,
            digits,
            lifted,
        })
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
        let element = self.params.ring().rotation(steps);
        if element.is_identity() {
            return self.extend(ct);
        }
        let switch = self.switch(element, steps, hoisted.level, Source::Hoisted(hoisted))?;
        let c = switch.extended(&hoisted.lifted);
        Ok(ExtendedCiphertext { c, scale: ct.scale })
    }

    /// One rotation from hoisted digits.
    pub fn rotate_hoisted(
        &self,
        ct: &Ciphertext,
        hoisted: &Hoisted,
        steps: i64,
    ) -> Result<Ciphertext, CkksError> {
        self.linear(ct, "rotate")?;
        assert_eq!(hoisted.level, ct.level(), "digits of another ciphertext");
        let element = self.params.ring().rotation(steps);
        if element.is_identity() {
            return Ok(ct.clone());
        }
        let switch = self.switch(element, steps, hoisted.level, Source::Hoisted(hoisted))?;
        let c = switch.divided(&Addend::First(&ct.c[0]), hoisted.level + 1);
        Ok(Ciphertext {
            c: c.into(),
            scale: ct.scale,
        })
    }

    /// P times a ciphertext, over all primes.
    pub fn extend(&self, ct: &Ciphertext) -> Result<ExtendedCiphertext, CkksError> {
        self.linear(ct, "extend")?;
        let basis = self.params.key_basis_at(ct.level());
        let c = [0, 1].map(|i| {
            let mut out = self.params.ring().zero(basis);
            lift(&self.params, &ct.c[i], &mut out);
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

    fn divide(&self, c: &[Poly; 2], kept: usize, scale: f64) -> Ciphertext {
        let division = self.params.division(c[0].basis(), kept);
        let ring = self.params.ring();
        let (c0, c1) = rayon::join(
            || division.apply(ring, &c[0]),
            || division.apply(ring, &c[1]),
        );
        Ciphertext {
            c: vec![c0, c1],
            scale,
        }
    }

    /// A key switch that ends with an automorphism.
    pub(super) fn switch<'a>(
        &'a self,
        element: GaloisElement,
        steps: i64,
        level: usize,
        source: Source<'a>,
    ) -> Result<Switch<'a>, CkksError> {
        Ok(Switch {
            params: &self.params,
            level,
            source,
            key: self.galois_key(element, steps, level)?,
            permutation: Some(self.params.ring().permutation(element)),
        })
    }

    /// The key for an automorphism of a ciphertext of this level.
    fn galois_key(
        &self,
        element: GaloisElement,
        steps: i64,
        level: usize,
    ) -> Result<&SwitchingKey, CkksError> {
        let key = self.keys.galois.get(&element).map(|k| &k.key);
        let element = element.value();
        match key.map(|key| (key, key.level())) {
            None => Err(CkksError::MissingGaloisKey { steps, element }),
            Some((_, low)) if low < level => Err(CkksError::GaloisKeyLevel {
                steps,
                element,
                key: low,
                found: level,
            }),
            Some((key, _)) => Ok(key),
        }
    }
}
