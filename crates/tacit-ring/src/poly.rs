//! Polynomials in residue-number-system form.

use crate::buffer::Buffer;
use std::marker::PhantomData;
use zeroize::Zeroize;

/// Which primes of a [`Ring`](crate::Ring) a polynomial has residues for: the first `q` primes of
/// the ciphertext chain, then the first `p` special primes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Basis {
    /// Number of ciphertext primes.
    pub q: usize,
    /// Number of special primes.
    pub p: usize,
}

impl Basis {
    /// The first `q` ciphertext primes and no special ones.
    pub const fn q(q: usize) -> Self {
        Self { q, p: 0 }
    }

    /// Number of rows.
    pub const fn rows(self) -> usize {
        self.q + self.p
    }
}

mod sealed {
    pub trait Sealed {}
}

/// The form of a polynomial: [`Coeff`] or [`Ntt`].
pub trait Form: sealed::Sealed + Copy + Default + Send + Sync + std::fmt::Debug + 'static {}

/// Coefficient form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coeff;

/// Evaluation form: products are pointwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ntt;

impl sealed::Sealed for Coeff {}
impl sealed::Sealed for Ntt {}
impl Form for Coeff {}
impl Form for Ntt {}

/// A polynomial of degree below N, one row of N residues per prime of its [`Basis`].
///
/// The form is part of the type, so that a product of coefficient vectors does not compile.
/// Operations live on [`Ring`](crate::Ring), which knows the primes.
pub struct RnsPoly<F: Form> {
    n: usize,
    basis: Basis,
    data: Buffer,
    form: PhantomData<F>,
}

impl<F: Form> Clone for RnsPoly<F> {
    fn clone(&self) -> Self {
        let mut out = Self::unspecified(self.n, self.basis);
        out.data.copy_from_slice(&self.data);
        out
    }
}

impl<F: Form> PartialEq for RnsPoly<F> {
    fn eq(&self, other: &Self) -> bool {
        self.basis == other.basis && *self.data == *other.data
    }
}

impl<F: Form> Eq for RnsPoly<F> {}

impl<F: Form> std::fmt::Debug for RnsPoly<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Residues may be secret: only the shape is shown.
        write!(
            f,
            "RnsPoly<{:?}>(n = {}, {:?})",
            F::default(),
            self.n,
            self.basis
        )
    }
}

impl<F: Form> Zeroize for RnsPoly<F> {
    fn zeroize(&mut self) {
        self.data.zeroize();
    }
}

impl<F: Form> RnsPoly<F> {
    /// The zero polynomial.
    pub fn zero(n: usize, basis: Basis) -> Self {
        Self {
            n,
            basis,
            data: Buffer::zeroed(n * basis.rows()),
            form: PhantomData,
        }
    }

    /// A polynomial whose residues are still to be written, all of them: what it holds now is left over
    /// from others. Saves a pass over the memory, see [`Self::zero`].
    pub fn unspecified(n: usize, basis: Basis) -> Self {
        Self {
            n,
            basis,
            data: Buffer::unspecified(n * basis.rows()),
            form: PhantomData,
        }
    }

    /// Number of coefficients N.
    pub fn n(&self) -> usize {
        self.n
    }

    /// The primes it has rows for.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The residues modulo prime number `index` (ciphertext primes first, then special ones).
    pub fn row(&self, index: usize) -> &[u64] {
        &self.data[index * self.n..(index + 1) * self.n]
    }

    /// See [`Self::row`].
    pub fn row_mut(&mut self, index: usize) -> &mut [u64] {
        &mut self.data[index * self.n..(index + 1) * self.n]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u64]> {
        self.data.chunks_exact(self.n)
    }

    /// All rows in order.
    pub fn rows_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [u64]> {
        self.data.chunks_exact_mut(self.n)
    }

    /// The first `count` rows, and the row after them.
    pub(crate) fn split_rows_mut(
        &mut self,
        count: usize,
    ) -> (impl ExactSizeIterator<Item = &[u64]>, &mut [u64]) {
        let (head, tail) = self.data.split_at_mut(count * self.n);
        (head.chunks_exact(self.n), &mut tail[..self.n])
    }

    /// All residues, row after row.
    pub fn words(&self) -> &[u64] {
        &self.data
    }

    /// A copy with only the first `q` ciphertext primes and the first `p` special primes.
    ///
    /// # Panics
    /// If the polynomial has fewer.
    pub fn restrict(&self, basis: Basis) -> Self {
        assert!(basis.q <= self.basis.q && basis.p <= self.basis.p);
        let mut out = Self::unspecified(self.n, basis);
        for index in 0..basis.rows() {
            let source = if index < basis.q {
                index
            } else {
                index - basis.q + self.basis.q
            };
            out.row_mut(index).copy_from_slice(self.row(source));
        }
        out
    }

    /// Forgets ciphertext primes from the end, in place; the polynomial must have no special ones.
    ///
    /// # Panics
    /// If it has special primes or fewer than `q` ciphertext primes.
    pub fn truncate(&mut self, q: usize) {
        assert!(self.basis.p == 0 && q <= self.basis.q);
        self.data.truncate(q * self.n);
        self.basis.q = q;
    }

    pub(crate) fn into_form<G: Form>(self) -> RnsPoly<G> {
        RnsPoly {
            n: self.n,
            basis: self.basis,
            data: self.data,
            form: PhantomData,
        }
    }
}

/// Secret polynomials are erased when dropped.
#[derive(Debug)]
pub struct SecretPoly<F: Form>(RnsPoly<F>);

impl<F: Form> SecretPoly<F> {
    /// Takes ownership of a polynomial that is secret.
    pub fn new(poly: RnsPoly<F>) -> Self {
        Self(poly)
    }
}

impl<F: Form> std::ops::Deref for SecretPoly<F> {
    type Target = RnsPoly<F>;
    fn deref(&self) -> &RnsPoly<F> {
        &self.0
    }
}

impl<F: Form> std::ops::DerefMut for SecretPoly<F> {
    fn deref_mut(&mut self) -> &mut RnsPoly<F> {
        &mut self.0
    }
}

impl<F: Form> Drop for SecretPoly<F> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Signed integers of `64·limbs` bits, two's complement, little-endian words: masks and flooding
/// noise before their reduction modulo the primes. Erased on drop, never printed.
pub struct WideIntegers {
    limbs: usize,
    words: Vec<u64>,
}

impl WideIntegers {
    /// `n` zeros of `limbs` words each.
    pub fn zero(n: usize, limbs: usize) -> Self {
        Self {
            limbs,
            words: vec![0; n * limbs],
        }
    }

    /// Number of integers.
    pub fn len(&self) -> usize {
        self.words.len() / self.limbs
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Words per integer.
    pub fn limbs(&self) -> usize {
        self.limbs
    }

    /// Word `limb` of every integer.
    pub fn limb(&self, limb: usize) -> &[u64] {
        let n = self.len();
        &self.words[limb * n..(limb + 1) * n]
    }

    /// Word `limb` of every integer.
    pub fn limb_mut(&mut self, limb: usize) -> &mut [u64] {
        let n = self.len();
        &mut self.words[limb * n..(limb + 1) * n]
    }

    /// All words, least significant first.
    pub(crate) fn limb_rows(&self) -> Vec<&[u64]> {
        (0..self.limbs).map(|limb| self.limb(limb)).collect()
    }
}

impl Drop for WideIntegers {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl std::fmt::Debug for WideIntegers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "WideIntegers({} of {} words, redacted)",
            self.len(),
            self.limbs
        )
    }
}
