//! The ring: which primes, which kernels, and the operations on whole polynomials.

use crate::kernel::{Kernels, MIN_ROW, Multiplier};
use crate::ntt::NttTable;
use crate::poly::{Basis, Coeff, Form, Ntt, RnsPoly, WideIntegers};
use crate::{GaloisElement, Modulus, RingError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Which quotient ring polynomials live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RingKind {
    /// ℤ\[X\]/(X^N + 1): N/2 complex slots.
    Standard,
    /// The real subring ℤ\[X + X⁻¹\]/(X^{2N} + 1): N real slots.
    ConjugateInvariant,
}

impl RingKind {
    /// Order of the root of unity whose powers are the evaluation points: 2N or 4N.
    pub const fn root_order(self, log_n: u32) -> u64 {
        match self {
            RingKind::Standard => 2 << log_n,
            RingKind::ConjugateInvariant => 4 << log_n,
        }
    }

    /// Number of plaintext slots.
    pub const fn slots(self, log_n: u32) -> usize {
        match self {
            RingKind::Standard => 1 << (log_n - 1),
            RingKind::ConjugateInvariant => 1 << log_n,
        }
    }

    /// The largest factor by which a product of two elements, written in the ring's basis, can
    /// exceed the product of their largest coefficients: N, or 2N for the conjugate-invariant ring.
    pub const fn expansion(self, log_n: u32) -> f64 {
        match self {
            RingKind::Standard => (1u64 << log_n) as f64,
            RingKind::ConjugateInvariant => (2u64 << log_n) as f64,
        }
    }
}

/// A ring with its full chain of primes, transform tables and kernels.
///
/// ```
/// use tacit_ring::{Basis, Ring, RingKind, ntt_primes};
///
/// let primes = ntt_primes(&[50, 40, 50], RingKind::Standard.root_order(10))?;
/// let ring = Ring::new(RingKind::Standard, 10, &primes[..2], &primes[2..])?;
/// let basis = Basis { q: 2, p: 0 };
/// let a = ring.forward(ring.lift_signed(&[3; 1024], basis));
/// let b = ring.forward(ring.lift_signed(&[-2; 1024], basis));
/// let product = ring.inverse(ring.mul(&a, &b));
/// // The constant coefficient of (3 + 3X + …)(−2 − 2X − …): −6 + 6·1023.
/// assert_eq!(product.row(0)[0], 6 * 1022);
/// # Ok::<(), tacit_ring::RingError>(())
/// ```
pub struct Ring {
    kind: RingKind,
    log_n: u32,
    tables: Vec<NttTable>,
    q: usize,
    kernels: &'static Kernels,
    permutations: Mutex<HashMap<GaloisElement, Arc<[u32]>>>,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Ring({:?}, N = 2^{}, {} + {} primes, {})",
            self.kind,
            self.log_n,
            self.q,
            self.tables.len() - self.q,
            self.kernels.simd.name()
        )
    }
}

impl Ring {
    /// A ring of degree 2^`log_n` with ciphertext primes `q` and special primes `p`, on the kernels
    /// chosen by [`Kernels::detect`].
    pub fn new(kind: RingKind, log_n: u32, q: &[u64], p: &[u64]) -> Result<Self, RingError> {
        Self::with_kernels(kind, log_n, q, p, Kernels::detect()?)
    }

    /// As [`Ring::new`], on given kernels (for tests that compare them).
    pub fn with_kernels(
        kind: RingKind,
        log_n: u32,
        q: &[u64],
        p: &[u64],
        kernels: &'static Kernels,
    ) -> Result<Self, RingError> {
        if !(4..=16).contains(&log_n) {
            return Err(RingError::Degree { log_n });
        }
        debug_assert!((1usize << log_n) >= MIN_ROW);
        let chain: Vec<u64> = q.iter().chain(p).copied().collect();
        let mut tables = Vec::with_capacity(chain.len());
        for (index, &prime) in chain.iter().enumerate() {
            if chain[..index].contains(&prime) {
                return Err(RingError::RepeatedPrime { q: prime });
            }
            tables.push(NttTable::new(kind, log_n, Modulus::new(prime)?)?);
        }
        Ok(Self {
            kind,
            log_n,
            tables,
            q: q.len(),
            kernels,
            permutations: Mutex::default(),
        })
    }

    /// Standard or conjugate-invariant.
    pub fn kind(&self) -> RingKind {
        self.kind
    }

    /// log2 of the degree.
    pub fn log_n(&self) -> u32 {
        self.log_n
    }

    /// The degree N.
    pub fn n(&self) -> usize {
        1 << self.log_n
    }

    /// Number of plaintext slots.
    pub fn slots(&self) -> usize {
        self.kind.slots(self.log_n)
    }

    /// All ciphertext primes and all special primes.
    pub fn full_basis(&self) -> Basis {
        Basis {
            q: self.q,
            p: self.tables.len() - self.q,
        }
    }

    /// The kernels in use.
    pub fn kernels(&self) -> &'static Kernels {
        self.kernels
    }

    /// Transform table of ciphertext prime `index`.
    pub fn q_table(&self, index: usize) -> &NttTable {
        assert!(index < self.q);
        &self.tables[index]
    }

    /// Transform table of special prime `index`.
    pub fn p_table(&self, index: usize) -> &NttTable {
        &self.tables[self.q + index]
    }

    /// Ciphertext prime `index`.
    pub fn q(&self, index: usize) -> &Modulus {
        self.q_table(index).modulus()
    }

    /// Special prime `index`.
    pub fn p(&self, index: usize) -> &Modulus {
        self.p_table(index).modulus()
    }

    /// The tables of a basis, in row order.
    pub fn tables(&self, basis: Basis) -> impl Iterator<Item = &NttTable> + Clone {
        assert!(basis.q <= self.q && basis.p <= self.tables.len() - self.q);
        self.tables[..basis.q]
            .iter()
            .chain(&self.tables[self.q..self.q + basis.p])
    }

    /// The primes of a basis, in row order.
    pub fn moduli(&self, basis: Basis) -> impl Iterator<Item = &Modulus> + Clone {
        self.tables(basis).map(NttTable::modulus)
    }

    /// log2 of the product of the primes of a basis.
    pub fn log2_modulus(&self, basis: Basis) -> f64 {
        self.moduli(basis).map(|m| (m.value() as f64).log2()).sum()
    }

    /// The zero polynomial.
    pub fn zero<F: Form>(&self, basis: Basis) -> RnsPoly<F> {
        RnsPoly::zero(self.n(), basis)
    }

    /// A polynomial still to be written, see [`RnsPoly::unspecified`].
    pub fn unspecified<F: Form>(&self, basis: Basis) -> RnsPoly<F> {
        RnsPoly::unspecified(self.n(), basis)
    }

    /// To evaluation form.
    pub fn forward(&self, mut a: RnsPoly<Coeff>) -> RnsPoly<Ntt> {
        let basis = a.basis();
        for (row, table) in a.rows_mut().zip(self.tables(basis)) {
            table.forward(self.kernels, row);
        }
        a.into_form()
    }

    /// To coefficient form.
    pub fn inverse(&self, mut a: RnsPoly<Ntt>) -> RnsPoly<Coeff> {
        let basis = a.basis();
        for (row, table) in a.rows_mut().zip(self.tables(basis)) {
            table.inverse(self.kernels, row);
        }
        a.into_form()
    }

    /// a += b, over the primes of `a`; `b` may have more.
    ///
    /// # Panics
    /// If `b` lacks a prime of `a`. The same holds for the other binary operations.
    pub fn add_assign<F: Form>(&self, a: &mut RnsPoly<F>, b: &RnsPoly<F>) {
        self.zip_rows(a, b, self.kernels.add_assign);
    }

    /// a −= b.
    pub fn sub_assign<F: Form>(&self, a: &mut RnsPoly<F>, b: &RnsPoly<F>) {
        self.zip_rows(a, b, self.kernels.sub_assign);
    }

    /// a ·= b, pointwise.
    pub fn mul_assign(&self, a: &mut RnsPoly<Ntt>, b: &RnsPoly<Ntt>) {
        self.zip_rows(a, b, self.kernels.mul_assign);
    }

    /// a·b over the primes of `a`.
    pub fn mul(&self, a: &RnsPoly<Ntt>, b: &RnsPoly<Ntt>) -> RnsPoly<Ntt> {
        let basis = a.basis();
        let mut out = self.unspecified(basis);
        for (index, m) in self.moduli(basis).enumerate() {
            (self.kernels.mul)(
                out.row_mut(index),
                a.row(index),
                matching(b, basis, index),
                m,
            );
        }
        out
    }

    /// acc += a·b over the primes of `acc`.
    pub fn mul_add_assign(&self, acc: &mut RnsPoly<Ntt>, a: &RnsPoly<Ntt>, b: &RnsPoly<Ntt>) {
        let basis = acc.basis();
        for (index, m) in self.moduli(basis).enumerate() {
            let (a, b) = (matching(a, basis, index), matching(b, basis, index));
            (self.kernels.mul_add_assign)(acc.row_mut(index), a, b, m);
        }
    }

    /// a = −a.
    pub fn neg_assign<F: Form>(&self, a: &mut RnsPoly<F>) {
        let basis = a.basis();
        for (row, m) in a.rows_mut().zip(self.moduli(basis)) {
            (self.kernels.neg_assign)(row, m);
        }
    }

    /// a ·= w, with `w` given by its residue modulo each prime.
    pub fn mul_scalar_assign<F: Form>(
        &self,
        a: &mut RnsPoly<F>,
        residue: impl Fn(&Modulus) -> u64,
    ) {
        let basis = a.basis();
        for (row, m) in a.rows_mut().zip(self.moduli(basis)) {
            (self.kernels.mul_scalar_assign)(row, Multiplier::new(residue(m), m), m);
        }
    }

    /// φ_g(a) in evaluation form.
    pub fn automorphism(&self, g: GaloisElement, a: &RnsPoly<Ntt>) -> RnsPoly<Ntt> {
        if g.is_identity() {
            return a.clone();
        }
        let permutation = self.permutation(g);
        let mut out = self.unspecified(a.basis());
        for (out, row) in out.rows_mut().zip(a.rows()) {
            (self.kernels.permute)(out, row, &permutation);
        }
        out
    }

    /// The index table of an automorphism, built once.
    pub fn permutation(&self, g: GaloisElement) -> Arc<[u32]> {
        let mut cache = self.permutations.lock().unwrap_or_else(|e| e.into_inner());
        cache
            .entry(g)
            .or_insert_with(|| g.permutation(self.kind, self.log_n).into())
            .clone()
    }

    /// The element whose slot rotation is by `steps`.
    pub fn rotation(&self, steps: i64) -> GaloisElement {
        GaloisElement::rotation(self.kind, self.log_n, steps)
    }

    /// Small signed coefficients (|x| < 2^62) to residues.
    ///
    /// # Panics
    /// If there are not N of them.
    pub fn lift_signed(&self, x: &[i64], basis: Basis) -> RnsPoly<Coeff> {
        assert_eq!(x.len(), self.n());
        let mut out = self.unspecified(basis);
        for (row, m) in out.rows_mut().zip(self.moduli(basis)) {
            (self.kernels.reduce_signed)(row, x, m);
        }
        out
    }

    /// Wide signed coefficients to residues.
    ///
    /// # Panics
    /// If there are not N of them.
    pub fn lift_wide(&self, x: &WideIntegers, basis: Basis) -> RnsPoly<Coeff> {
        assert_eq!(x.len(), self.n());
        let limbs = x.limb_rows();
        let mut out = self.unspecified(basis);
        for (row, m) in out.rows_mut().zip(self.moduli(basis)) {
            (self.kernels.reduce_wide)(row, &limbs, m);
        }
        out
    }

    fn zip_rows<F: Form>(
        &self,
        a: &mut RnsPoly<F>,
        b: &RnsPoly<F>,
        op: fn(&mut [u64], &[u64], &Modulus),
    ) {
        let basis = a.basis();
        for (index, m) in self.moduli(basis).enumerate() {
            op(a.row_mut(index), matching(b, basis, index), m);
        }
    }
}

/// The row of `b` for the prime that has row `index` in `basis`.
fn matching<F: Form>(b: &RnsPoly<F>, basis: Basis, index: usize) -> &[u64] {
    let have = b.basis();
    assert!(
        have.q >= basis.q && have.p >= basis.p,
        "operand lacks primes: {have:?} < {basis:?}"
    );
    b.row(if index < basis.q {
        index
    } else {
        index - basis.q + have.q
    })
}
