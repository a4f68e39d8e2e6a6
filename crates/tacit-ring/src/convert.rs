//! From one set of primes to another: base extension and division with rounding.
//!
//! Let x be given modulo primes q_1 … q_k with product Q, and Q̂_i = Q/q_i. With
//! y_i = x·Q̂_i⁻¹ mod q_i and v = round(Σ y_i/q_i),
//!
//! x − (a multiple of Q in (−Q/2, Q/2]) = Σ y_i·Q̂_i − v·Q,
//!
//! so the centred representative of x is known modulo any other prime (Halevi, Polyakov and
//! Shoup, 2018). v is computed in floating point: when x/Q is within k·2^-50 of ±1/2 it can be off by
//! one, which shifts the result by Q and adds at most one unit after division by Q.

use crate::kernel::{Kernels, Multiplier};
use crate::ntt::NttTable;
use crate::poly::{Basis, Coeff, Ntt, RnsPoly};
use crate::{Modulus, Ring};

/// Extends residues modulo a set of source primes to target primes.
#[derive(Debug, Clone)]
pub struct BaseExtension {
    primes: Vec<u64>,
    /// Q̂_i⁻¹/N mod q_i: the inverse transform's scale.
    scale: Vec<Multiplier>,
    targets: Vec<Target>,
}

#[derive(Debug, Clone)]
struct Target {
    modulus: Modulus,
    /// Q̂_i mod t, for each source prime.
    c: Vec<u64>,
    /// −Q mod t.
    c_v: u64,
}

/// The source side of an extension: y_i and v for every coefficient.
#[derive(Debug)]
pub struct Digits {
    /// One row per source prime, then v.
    rows: RnsPoly<Coeff>,
}

impl BaseExtension {
    /// Prepares the constants.
    pub fn new(source: &[&NttTable], targets: &[&NttTable]) -> Self {
        let primes: Vec<u64> = source.iter().map(|t| t.modulus().value()).collect();
        let product_except = |skip: Option<usize>, m: &Modulus| {
            (0..primes.len())
                .filter(|&i| Some(i) != skip)
                .fold(1, |acc, i| m.mul(acc, primes[i] % m.value()))
        };
        let scale = source
            .iter()
            .enumerate()
            .map(|(i, table)| {
                let m = table.modulus();
                let hat = m.inv(product_except(Some(i), m));
                Multiplier::new(m.mul(hat, m.inv(table.n() as u64)), m)
            })
            .collect();
        let targets = targets
            .iter()
            .map(|table| {
                let modulus = *table.modulus();
                let c = (0..primes.len())
                    .map(|i| product_except(Some(i), &modulus))
                    .collect();
                let c_v = modulus.neg(product_except(None, &modulus));
                Target { modulus, c, c_v }
            })
            .collect();
        Self {
            primes,
            scale,
            targets,
        }
    }

    /// The digits of x, given by its rows in evaluation form modulo the source primes.
    pub fn digits<'a>(
        &self,
        kernels: &Kernels,
        source: &[&NttTable],
        rows: impl Iterator<Item = &'a [u64]>,
    ) -> Digits {
        let mut y = RnsPoly::unspecified(source[0].n(), Basis::q(self.primes.len() + 1));
        for (out, row) in y.rows_mut().zip(rows) {
            out.copy_from_slice(row);
        }
        self.digits_in_place(kernels, source, y)
    }

    /// As [`Self::digits`], from a polynomial that holds those rows and one more, of any content.
    ///
    /// # Panics
    /// If it does not.
    pub fn digits_in_place(
        &self,
        kernels: &Kernels,
        source: &[&NttTable],
        rows: RnsPoly<Ntt>,
    ) -> Digits {
        let k = self.primes.len();
        assert!(source.len() == k && rows.basis() == Basis::q(k + 1));
        let mut rows = rows.into_form::<Coeff>();
        for ((row, table), &scale) in rows.rows_mut().zip(source).zip(&self.scale) {
            table.inverse_scaled(kernels, row, scale);
        }
        let (y, v) = rows.split_rows_mut(k);
        let y: Vec<&[u64]> = y.collect();
        (kernels.round_quotient)(v, &y, &self.primes);
        Digits { rows }
    }

    /// The coefficients of the centred x modulo target prime number `target`.
    pub fn extend(&self, kernels: &Kernels, target: usize, digits: &Digits, out: &mut [u64]) {
        let t = &self.targets[target];
        let rows: Vec<&[u64]> = digits.rows.rows().collect();
        let (v, y) = rows.split_last().expect("v follows the digits");
        (kernels.base_convert)(out, y, &t.c, v, t.c_v, &t.modulus);
    }
}

/// Division by some of the primes of a basis, with rounding to the nearest integer: rescaling,
/// the division by the special primes after key switching, and both at once.
#[derive(Debug, Clone)]
pub struct Division {
    from: Basis,
    kept: usize,
    extension: BaseExtension,
    /// (removed primes)⁻¹ modulo each kept prime.
    inverse: Vec<Multiplier>,
}

impl Division {
    /// From `from` to the first `kept` ciphertext primes.
    ///
    /// # Panics
    /// If nothing is removed or kept.
    pub fn new(ring: &Ring, from: Basis, kept: usize) -> Self {
        assert!(kept >= 1 && kept <= from.q && from.rows() > kept);
        let tables: Vec<&NttTable> = ring.tables(from).collect();
        let (targets, source) = tables.split_at(kept);
        let inverse = targets
            .iter()
            .map(|table| {
                let m = table.modulus();
                let product = source
                    .iter()
                    .fold(1, |acc, s| m.mul(acc, s.modulus().value() % m.value()));
                Multiplier::new(m.inv(product), m)
            })
            .collect();
        Self {
            from,
            kept,
            extension: BaseExtension::new(source, targets),
            inverse,
        }
    }

    /// The rows that are removed, as numbers in the basis before.
    pub fn removed(&self) -> std::ops::Range<usize> {
        self.kept..self.from.rows()
    }

    /// The inverse of the product of the removed primes modulo kept prime `index`.
    pub fn inverse(&self, index: usize) -> Multiplier {
        self.inverse[index]
    }

    /// The remainder, from a polynomial that holds the removed rows and one more, of any content.
    pub fn remainder(&self, ring: &Ring, removed: RnsPoly<Ntt>) -> Digits {
        let tables: Vec<&NttTable> = ring.tables(self.from).skip(self.kept).collect();
        self.extension
            .digits_in_place(ring.kernels(), &tables, removed)
    }

    /// Row `index` of the remainder in evaluation form.
    pub fn remainder_row(&self, ring: &Ring, index: usize, remainder: &Digits, out: &mut [u64]) {
        self.extension.extend(ring.kernels(), index, remainder, out);
        ring.q_table(index).forward(ring.kernels(), out);
    }

    /// round(x / removed primes).
    ///
    /// # Panics
    /// If `x` has another basis.
    pub fn apply(&self, ring: &Ring, x: &RnsPoly<Ntt>) -> RnsPoly<Ntt> {
        assert_eq!(x.basis(), self.from);
        let kernels = ring.kernels();
        let mut removed = ring.unspecified(Basis::q(self.removed().len() + 1));
        for (out, row) in removed.rows_mut().zip(x.rows().skip(self.kept)) {
            out.copy_from_slice(row);
        }
        let remainder = self.remainder(ring, removed);
        let mut out: RnsPoly<Ntt> = ring.unspecified(Basis::q(self.kept));
        for (j, row) in out.rows_mut().enumerate() {
            self.remainder_row(ring, j, &remainder, row);
            let (m, w) = (ring.q(j), self.inverse[j]);
            // (x − r)·w = (r − x)·(−w)
            let negated = Multiplier::new(m.neg(w.w), m);
            (kernels.sub_mul_scalar)(row, x.row(j), negated, m);
        }
        out
    }
}
