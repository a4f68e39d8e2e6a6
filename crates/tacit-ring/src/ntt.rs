//! Tables for the number-theoretic transform of both rings.
//!
//! A residue polynomial of degree below N is reduced along a binary tree of moduli
//! X^m − ζ^e, each split as (X^{m/2} − ζ^{e/2})(X^{m/2} + ζ^{e/2}), down to X − ζ^e:
//!
//! - **standard ring**, ζ of order 2N: the root of the tree is X^N + 1 = X^N − ζ^N, and leaf k
//!   is the evaluation at ζ^{2·br(k)+1};
//! - **conjugate-invariant ring** ℤ\[X+X⁻¹\]/(X^{2N}+1), ζ of order 4N: an element
//!   a_0 + Σ a_j(X^j + X^{−j}) is first *folded*, that is reduced modulo X^N − ζ^N, where
//!   ζ^N = i = √−1, to the coefficients a_j − i·a_{N−j} (with a_N = 0); leaf k is the
//!   evaluation at ζ^{4·br(k)+1}.
//!
//! Here br reverses log2 N bits. Both use the same butterflies with other roots (Kim and Song,
//! "Approximate homomorphic encryption over the conjugate-invariant ring", ICISC 2018).

use crate::kernel::{Kernels, Multiplier};
use crate::{Modulus, RingError, RingKind};
use aligned_vec::{AVec, ConstAlign};
use std::sync::OnceLock;

/// Roots of unity of one prime, in the order in which the butterflies use them.
#[derive(Debug, Clone)]
pub struct NttTable {
    modulus: Modulus,
    log_n: u32,
    kind: RingKind,
    pub(crate) forward: Roots,
    pub(crate) inverse: Roots,
    inverse_n: Multiplier,
    fold: Multiplier,
    unfold: [Multiplier; 2],
    /// Forward and inverse, built when first asked for.
    float: OnceLock<[FloatRoots; 2]>,
    leaves: OnceLock<[LeafRoots; 2]>,
}

/// `w[m + i]` is the root of block i in the layer with m blocks (m = 1, 2, 4 … N/2); entry 0 is unused.
#[derive(Debug, Clone)]
pub(crate) struct Roots {
    pub w: AVec<u64, ConstAlign<64>>,
    /// floor(w·2^52/q)
    pub quotient: AVec<u64, ConstAlign<64>>,
}

/// [`Roots`] for kernels that multiply in floating point.
#[derive(Debug, Clone)]
pub(crate) struct FloatRoots {
    /// The roots in (−q/2, q/2).
    pub w: AVec<f64, ConstAlign<64>>,
    /// w/q
    pub ratio: AVec<f64, ConstAlign<64>>,
}

impl FloatRoots {
    fn new(roots: &Roots, modulus: &Modulus) -> Self {
        let centred = || roots.w.iter().map(|&w| modulus.centre(w) as f64);
        Self {
            w: AVec::from_iter(64, centred()),
            ratio: AVec::from_iter(64, centred().map(|w| w / modulus.value() as f64)),
        }
    }
}

/// Roots of the subtrees of [`LeafRoots::WIDTH`] (or, if fewer, all N) leaves, each in heap order, for
/// kernels that do the layers near the leaves together: they are read in one stream.
#[derive(Debug, Clone)]
pub(crate) struct LeafRoots(pub Vec<[LeafRow; 2]>);

/// The roots, or their quotients, of a subtree: entry 2^d + k is node k at depth d.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct LeafRow(pub [u64; LeafRoots::WIDTH]);

impl LeafRoots {
    pub const WIDTH: usize = 64;

    fn new(roots: &Roots) -> Self {
        let n = roots.w.len();
        let leaves = n.min(Self::WIDTH);
        let subtree = |table: &[u64], index: usize| {
            let mut row = LeafRow([0; Self::WIDTH]);
            for (local, entry) in row.0.iter_mut().enumerate().take(leaves).skip(1) {
                let level = 1 << local.ilog2();
                *entry = table[index * level + local - level];
            }
            row
        };
        let subtrees = n / leaves..2 * n / leaves;
        Self(
            subtrees
                .map(|index| [subtree(&roots.w, index), subtree(&roots.quotient, index)])
                .collect(),
        )
    }
}

impl NttTable {
    /// Builds the table for one prime, which must be ≡ 1 modulo [`RingKind::root_order`].
    pub fn new(kind: RingKind, log_n: u32, modulus: Modulus) -> Result<Self, RingError> {
        let q = modulus.value();
        let order = kind.root_order(log_n);
        if q % order != 1 {
            let reason = match kind {
                RingKind::Standard => "it is not 1 modulo 2N",
                RingKind::ConjugateInvariant => "it is not 1 modulo 4N",
            };
            return Err(RingError::Modulus { q, reason });
        }
        let zeta = primitive_root_of_unity(&modulus, order);
        let zeta_inv = modulus.inv(zeta);
        let n = 1usize << log_n;
        // Exponent of the node: half of its parent's, the right child's plus half the order.
        // Block i of the layer with m = 2^l blocks splits X^{2h} − ζ^{2e} with e = exponents[m+i].
        let mut exponents = vec![0u64; n];
        let mut node = vec![0u64; 2 * n];
        node[1] = 1u64 << log_n;
        for index in 1..n {
            let e = node[index] / 2;
            exponents[index] = e;
            node[2 * index] = e;
            node[2 * index + 1] = e + order / 2;
        }
        let powers = |base: u64| {
            let table: Vec<u64> = std::iter::successors(Some(1), |&p| Some(modulus.mul(p, base)))
                .take(order as usize)
                .collect();
            let w = AVec::from_iter(64, exponents.iter().map(|&e| table[e as usize]));
            let quotient =
                AVec::from_iter(64, w.iter().map(|&w| Multiplier::new(w, &modulus).quotient));
            Roots { w, quotient }
        };
        let half = modulus.inv(2);
        let i = modulus.pow(zeta, 1 << log_n);
        Ok(Self {
            modulus,
            log_n,
            kind,
            forward: powers(zeta),
            inverse: powers(zeta_inv),
            inverse_n: Multiplier::new(modulus.inv(n as u64), &modulus),
            fold: Multiplier::new(i, &modulus),
            unfold: [modulus.mul(i, half), half].map(|w| Multiplier::new(w, &modulus)),
            float: OnceLock::new(),
            leaves: OnceLock::new(),
        })
    }

    /// The prime.
    pub fn modulus(&self) -> &Modulus {
        &self.modulus
    }

    /// Number of coefficients.
    pub fn n(&self) -> usize {
        1 << self.log_n
    }

    pub(crate) fn forward_root(&self, index: usize) -> Multiplier {
        Multiplier {
            w: self.forward.w[index],
            quotient: self.forward.quotient[index],
        }
    }

    pub(crate) fn inverse_root(&self, index: usize) -> Multiplier {
        Multiplier {
            w: self.inverse.w[index],
            quotient: self.inverse.quotient[index],
        }
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn float_roots(&self) -> &[FloatRoots; 2] {
        self.float.get_or_init(|| {
            [&self.forward, &self.inverse].map(|roots| FloatRoots::new(roots, &self.modulus))
        })
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) fn leaf_roots(&self) -> &[LeafRoots; 2] {
        self.leaves
            .get_or_init(|| [&self.forward, &self.inverse].map(LeafRoots::new))
    }

    /// Coefficients to evaluations, in place.
    pub fn forward(&self, kernels: &Kernels, row: &mut [u64]) {
        assert_eq!(row.len(), self.n());
        if self.kind == RingKind::ConjugateInvariant {
            (kernels.fold)(row, self.fold, &self.modulus);
        }
        (kernels.ntt_forward)(row, self);
    }

    /// Evaluations to coefficients, in place.
    pub fn inverse(&self, kernels: &Kernels, row: &mut [u64]) {
        self.inverse_scaled(kernels, row, self.inverse_n);
    }

    /// Evaluations to coefficients times N·`scale`, in place.
    pub fn inverse_scaled(&self, kernels: &Kernels, row: &mut [u64], scale: Multiplier) {
        assert_eq!(row.len(), self.n());
        (kernels.ntt_inverse)(row, self, scale);
        if self.kind == RingKind::ConjugateInvariant {
            (kernels.unfold)(row, self.unfold[0], self.unfold[1], &self.modulus);
        }
    }
}

/// The root of unity of the given two-power order with the smallest base: deterministic, so that
/// every party evaluates at the same points.
fn primitive_root_of_unity(m: &Modulus, order: u64) -> u64 {
    let exponent = (m.value() - 1) / order;
    let minus_one = m.value() - 1;
    (2..)
        .map(|base| m.pow(base, exponent))
        .find(|&root| m.pow(root, order / 2) == minus_one)
        .expect("half of all residues are non-squares, so a base is found")
}
