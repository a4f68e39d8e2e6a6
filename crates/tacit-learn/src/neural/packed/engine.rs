//! Ciphertext operations in the bulk that layers need them in, counted.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rayon::prelude::*;
use tacit_ckks::circuits::polynomial::Polynomial;
use tacit_ckks::{
    Ciphertext, CkksError, Encoder, Evaluator, Parameters, PeriodicPlaintext, Plaintext,
};
use tacit_ring::kernel::MAX_TERMS;
use tacit_ring::{Basis, Ntt, RnsPoly};

/// What was done, in the units that a plan pays in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerCounts {
    /// Rotations that share their decomposition with others.
    pub hoisted: usize,
    /// Rotations with a decomposition of their own.
    pub rotations: usize,
    /// Plaintext × ciphertext products.
    pub plain_products: usize,
    /// Ciphertext × ciphertext products, before relinearisation.
    pub products: usize,
    /// Relinearisations.
    pub relinearisations: usize,
}

impl LayerCounts {
    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        self.combined(other, |a, b| a + b)
    }

    /// `times` of these.
    pub fn times(self, times: usize) -> Self {
        self.combined(self, |a, _| a * times)
    }

    /// What was done since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        self.combined(earlier, |a, b| a - b)
    }

    fn combined(self, other: Self, f: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            hoisted: f(self.hoisted, other.hoisted),
            rotations: f(self.rotations, other.rotations),
            plain_products: f(self.plain_products, other.plain_products),
            products: f(self.products, other.products),
            relinearisations: f(self.relinearisations, other.relinearisations),
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    hoisted: AtomicUsize,
    rotations: AtomicUsize,
    plain_products: AtomicUsize,
    products: AtomicUsize,
    relinearisations: AtomicUsize,
}

/// An evaluator and an encoder that count.
#[derive(Debug)]
pub struct Engine {
    evaluator: Evaluator,
    encoder: Encoder,
    counters: Counters,
}

type Poly = RnsPoly<Ntt>;

impl Engine {
    /// On an evaluator with the keys for the layout's rotations.
    pub fn new(evaluator: Evaluator, encoder: Encoder) -> Self {
        Self {
            evaluator,
            encoder,
            counters: Counters::default(),
        }
    }

    /// The evaluator, for what is not counted.
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The parameters.
    pub fn params(&self) -> &Parameters {
        self.evaluator.params()
    }

    /// What was done so far.
    pub fn counts(&self) -> LayerCounts {
        let c = &self.counters;
        LayerCounts {
            hoisted: c.hoisted.load(Relaxed),
            rotations: c.rotations.load(Relaxed),
            plain_products: c.plain_products.load(Relaxed),
            products: c.products.load(Relaxed),
            relinearisations: c.relinearisations.load(Relaxed),
        }
    }

    /// One rotation.
    pub fn turn(&self, a: &Ciphertext, steps: i64) -> Result<Ciphertext, CkksError> {
        if steps == 0 {
            return Ok(a.clone());
        }
        self.counters.rotations.fetch_add(1, Relaxed);
        self.evaluator.rotate(a, steps)
    }

    /// Several rotations of one ciphertext.
    pub fn turns(&self, a: &Ciphertext, steps: &[i64]) -> Result<Vec<Ciphertext>, CkksError> {
        let moving = steps.iter().filter(|&&s| s != 0).count();
        if moving == 0 {
            return Ok(vec![a.clone(); steps.len()]);
        }
        self.counters.hoisted.fetch_add(moving, Relaxed);
        let hoisted = self.evaluator.hoist(a)?;
        (steps.par_iter())
            .map(|&s| self.evaluator.rotate_hoisted(a, &hoisted, s))
            .collect()
    }

    /// Σ c·p, not rescaled; all products of one scale.
    pub fn weighted(&self, terms: &[(&Ciphertext, &Plaintext)]) -> Result<Ciphertext, CkksError> {
        let (first, weight) = terms.first().ok_or(CkksError::Unsupported(EMPTY))?;
        self.counters.plain_products.fetch_add(terms.len(), Relaxed);
        let level = (terms.iter().map(|(c, p)| c.level().min(p.level())).min()).unwrap_or(0);
        let scale = first.scale() * weight.scale();
        check_scales(scale, terms.iter().map(|(c, p)| c.scale() * p.scale()))?;
        let weights: Vec<&Poly> = terms.iter().map(|(_, p)| p.poly()).collect();
        let polys = |k: usize| terms.iter().map(|(c, _)| &c.polys()[k]).collect::<Vec<_>>();
        let sums = self.sums(level, &weights, [&polys(0), &polys(1)]);
        Ok(Ciphertext::from_parts(sums.into(), scale))
    }

    /// As [`Self::weighted`], with plaintexts that repeat.
    pub fn weighted_periodic(
        &self,
        terms: &[(&Ciphertext, &PeriodicPlaintext)],
    ) -> Result<Ciphertext, CkksError> {
        let (first, weight) = terms.first().ok_or(CkksError::Unsupported(EMPTY))?;
        self.counters.plain_products.fetch_add(terms.len(), Relaxed);
        let level = (terms.iter().map(|(c, p)| c.level().min(p.level())).min()).unwrap_or(0);
        let scale = first.scale() * weight.scale();
        check_scales(scale, terms.iter().map(|(c, p)| c.scale() * p.scale()))?;
        let ring = self.params().ring();
        let (kernels, n) = (ring.kernels(), ring.n());
        let mut out: [Poly; 2] = [0, 1].map(|_| ring.zero(Basis::q(level + 1)));
        let [out0, out1] = &mut out;
        let rows: Vec<_> = (out0.rows_mut().zip(out1.rows_mut()).enumerate()).collect();
        // Repetitions are written out for a piece of a row at a time, which stays in the cache.
        let piece = PIECE.min(n);
        let row = |(j, (out0, out1)): (usize, (&mut [u64], &mut [u64]))| {
            let m = ring.q(j);
            let mut weights = vec![0; terms.len().min(MAX_TERMS) * piece];
            let mut sums = [vec![0; piece], vec![0; piece]];
            for from in (0..n).step_by(piece) {
                for terms in terms.chunks(MAX_TERMS) {
                    for ((_, p), out) in terms.iter().zip(weights.chunks_exact_mut(piece)) {
                        p.expand_row(n, j, from, out);
                    }
                    let w: Vec<&[u64]> = weights.chunks_exact(piece).take(terms.len()).collect();
                    let part = |k: usize| -> Vec<&[u64]> {
                        let rows = terms.iter().map(|(c, _)| c.polys()[k].row(j));
                        rows.map(|row| &row[from..from + piece]).collect()
                    };
                    let [sum0, sum1] = &mut sums;
                    (kernels.mac_digits)([&mut *sum0, &mut *sum1], &w, &part(0), &part(1), m);
                    (kernels.add_assign)(&mut out0[from..from + piece], sum0, m);
                    (kernels.add_assign)(&mut out1[from..from + piece], sum1, m);
                }
            }
        };
        rows.into_par_iter().for_each(row);
        Ok(Ciphertext::from_parts(out.into(), scale))
    }

    /// Σ a·b as three polynomials, not rescaled; all products of one scale.
    pub fn tensors(&self, terms: &[(&Ciphertext, &Ciphertext)]) -> Result<Ciphertext, CkksError> {
        let (a, b) = terms.first().ok_or(CkksError::Unsupported(EMPTY))?;
        self.counters.products.fetch_add(terms.len(), Relaxed);
        let level = (terms.iter().map(|(a, b)| a.level().min(b.level())).min()).unwrap_or(0);
        let scale = a.scale() * b.scale();
        check_scales(scale, terms.iter().map(|(a, b)| a.scale() * b.scale()))?;
        let left = |k: usize| terms.iter().map(|(a, _)| &a.polys()[k]).collect::<Vec<_>>();
        let right = |k: usize| terms.iter().map(|(_, b)| &b.polys()[k]).collect::<Vec<_>>();
        let right = [right(0), right(1)];
        let right = [&right[0][..], &right[1][..]];
        let [d0, mut d1] = self.sums(level, &left(0), right);
        let [more, d2] = self.sums(level, &left(1), right);
        self.params().ring().add_assign(&mut d1, &more);
        Ok(Ciphertext::from_parts(vec![d0, d1, d2], scale))
    }

    /// Σ_t left\[k\]\[t\]·right\[g\]\[t\] for all g and k, as three polynomials, not rescaled: what [`Self::tensors`] gives
    /// for each pair, but a piece of all rows at a time, so that every factor comes from memory once.
    pub fn tensor_table(
        &self,
        left: &[Vec<Ciphertext>],
        right: &[Vec<Ciphertext>],
    ) -> Result<Vec<Vec<Ciphertext>>, CkksError> {
        let empty = || CkksError::Unsupported(EMPTY);
        let all = || left.iter().chain(right).flatten();
        let level = all().map(Ciphertext::level).min().ok_or_else(empty)?;
        let scale = |side: &[Vec<Ciphertext>]| {
            let first = side.iter().flatten().next().ok_or_else(empty)?.scale();
            check_scales(first, side.iter().flatten().map(Ciphertext::scale))?;
            Ok::<_, CkksError>(first)
        };
        let scale = scale(left)? * scale(right)?;
        let terms = left[0].len();
        let counts = left.iter().chain(right).map(Vec::len);
        let pairs = all().all(|c| c.polys().len() == 2);
        if terms == 0 || !pairs || counts.clone().any(|count| count != terms) {
            return Err(CkksError::Unsupported(EMPTY));
        }
        let products = left.len() * right.len() * terms;
        self.counters.products.fetch_add(products, Relaxed);
        let ring = self.params().ring();
        let (kernels, n) = (ring.kernels(), ring.n());
        let piece = TABLE_PIECE.min(n);
        let mut out: Vec<Poly> = (0..3 * left.len() * right.len())
            .map(|_| ring.unspecified(Basis::q(level + 1)))
            .collect();
        // By row and piece; then by g, k and polynomial.
        let pieces = n / piece;
        let mut tasks: Vec<Vec<&mut [u64]>> = (0..(level + 1) * pieces).map(|_| vec![]).collect();
        for poly in &mut out {
            for (j, row) in poly.rows_mut().enumerate() {
                for (at, part) in row.chunks_mut(piece).enumerate() {
                    tasks[j * pieces + at].push(part);
                }
            }
        }
        let task = |(index, mut out): (usize, Vec<&mut [u64]>)| {
            let (j, from) = (index / pieces, index % pieces * piece);
            let m = ring.q(j);
            let (count, stride) = (right.len(), piece + PAD);
            // Copied side by side: in place they lie a power of two apart and contend for the same lines of the cache.
            let copy = |side: &[Ciphertext], to: &mut Vec<u64>| {
                to.clear();
                for poly in side.iter().flat_map(Ciphertext::polys) {
                    to.extend_from_slice(&poly.row(j)[from..from + piece]);
                    to.extend([0; PAD]);
                }
            };
            let mut copies = vec![Vec::new(); count];
            for (right, to) in right.iter().zip(&mut copies) {
                copy(right, to);
            }
            let mut own = Vec::new();
            let mut more = [vec![0; piece], vec![0; piece]];
            let mut out: Vec<&mut [&mut [u64]]> = out.chunks_exact_mut(3).collect();
            for (index, side) in left.iter().enumerate() {
                copy(side, &mut own);
                let own = [0, 1].map(|k| groups(&own, k, stride, piece));
                for (g, copies) in copies.iter().enumerate() {
                    let [x, y] = [0, 1].map(|k| groups(copies, k, stride, piece));
                    let [d0, d1, d2] = &mut *out[g * left.len() + index] else {
                        return;
                    };
                    for at in 0..x.len() {
                        let (x, y) = (&x[at], &y[at]);
                        let [low, high] = &mut more;
                        // (d0, d1) with the first polynomial of the left factors, (d1, d2) with the second.
                        match at {
                            0 => (kernels.mac_digits)([&mut **d0, &mut **d1], &own[0][at], x, y, m),
                            _ => {
                                (kernels.mac_digits)([low, high], &own[0][at], x, y, m);
                                (kernels.add_assign)(d0, low, m);
                                (kernels.add_assign)(d1, high, m);
                            }
                        }
                        (kernels.mac_digits)([low, high], &own[1][at], x, y, m);
                        (kernels.add_assign)(d1, low, m);
                        match at {
                            0 => d2.copy_from_slice(high),
                            _ => (kernels.add_assign)(d2, high, m),
                        }
                    }
                }
            }
        };
        tasks.into_par_iter().enumerate().for_each(task);
        let mut out = out.into_iter();
        let mut next = || Ciphertext::from_parts(out.by_ref().take(3).collect(), scale);
        Ok((right.iter())
            .map(|_| left.iter().map(|_| next()).collect())
            .collect())
    }

    /// From three polynomials to two.
    pub fn relinearise(&self, a: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.counters.relinearisations.fetch_add(1, Relaxed);
        self.evaluator.relinearise(a)
    }

    /// a·b, relinearised and rescaled.
    pub fn product(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.counters.products.fetch_add(1, Relaxed);
        self.counters.relinearisations.fetch_add(1, Relaxed);
        self.evaluator.mul_rescale(a, b)
    }

    /// p(a) at exactly `scale`, as many levels down as p costs.
    pub fn polynomial(
        &self,
        p: &Polynomial,
        a: &Ciphertext,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        let cost = p.cost();
        self.counters.products.fetch_add(cost.products, Relaxed);
        let relinearisations = cost.relinearisations;
        (self.counters.relinearisations).fetch_add(relinearisations, Relaxed);
        self.evaluator.evaluate_polynomial(p, a, scale)
    }

    /// The sum of ciphertexts of one level and scale.
    pub fn sum(&self, terms: Vec<Ciphertext>) -> Result<Ciphertext, CkksError> {
        let mut terms = terms.into_iter();
        let mut sum = terms.next().ok_or(CkksError::Unsupported(EMPTY))?;
        for term in terms {
            self.evaluator.add_assign(&mut sum, &term)?;
        }
        Ok(sum)
    }

    /// (Σ w_k·x_k, Σ w_k·y_k) over the primes of `level`, a row at a time.
    fn sums(&self, level: usize, weights: &[&Poly], factors: [&[&Poly]; 2]) -> [Poly; 2] {
        let ring = self.params().ring();
        let kernels = ring.kernels();
        let basis = Basis::q(level + 1);
        let mut out: [Poly; 2] = [0, 1].map(|_| ring.unspecified(basis));
        let [out0, out1] = &mut out;
        let rows: Vec<_> = (out0.rows_mut().zip(out1.rows_mut()).enumerate()).collect();
        let row = |(j, (out0, out1)): (usize, (&mut [u64], &mut [u64]))| {
            let m = ring.q(j);
            let mut more: [Vec<u64>; 2] = [vec![], vec![]];
            for from in (0..weights.len()).step_by(MAX_TERMS) {
                let to = (from + MAX_TERMS).min(weights.len());
                let w: Vec<&[u64]> = weights[from..to].iter().map(|p| p.row(j)).collect();
                let [x, y] = factors.map(|f| f[from..to].iter().map(|p| p.row(j)).collect());
                let (x, y): (Vec<&[u64]>, Vec<&[u64]>) = (x, y);
                if from == 0 {
                    (kernels.mac_digits)([&mut *out0, &mut *out1], &w, &x, &y, m);
                    continue;
                }
                more.iter_mut().for_each(|m| m.resize(ring.n(), 0));
                let [more0, more1] = &mut more;
                (kernels.mac_digits)([&mut *more0, &mut *more1], &w, &x, &y, m);
                (kernels.add_assign)(out0, more0, m);
                (kernels.add_assign)(out1, more1, m);
            }
        };
        rows.into_par_iter().for_each(row);
        out
    }
}

/// Residues worked on at a time: those of 20 plaintexts fit the second-level cache.
const PIECE: usize = 4096;

/// Polynomial `k` of all ciphertexts with two, in groups of as many terms as a kernel takes.
fn groups(copies: &[u64], k: usize, stride: usize, piece: usize) -> Vec<Vec<&[u64]>> {
    let rows = copies.chunks_exact(stride).skip(k).step_by(2);
    let rows: Vec<&[u64]> = rows.map(|row| &row[..piece]).collect();
    rows.chunks(MAX_TERMS).map(<[_]>::to_vec).collect()
}

/// A line of the cache.
const PAD: usize = 8;

/// Residues of a piece of a table: those of a hundred ciphertexts, for a few batches, fit the second-level cache.
const TABLE_PIECE: usize = 128;

const EMPTY: &str = "a sum of products needs at least one";

fn check_scales(expected: f64, found: impl Iterator<Item = f64>) -> Result<(), CkksError> {
    for scale in found {
        if (scale / expected - 1.0).abs() > 1e-9 {
            return Err(CkksError::Scale {
                operation: "sum of products",
                left: expected.log2(),
                right: scale.log2(),
            });
        }
    }
    Ok(())
}
