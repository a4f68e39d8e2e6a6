//! The transforms. Layers are done three (or two) at a time on eight (four) vectors in registers,
//! depth first so that sub-blocks stay in the first-level cache; the last six layers of
//! the forward transform (the first six of the inverse) are done on 64 neighbouring residues at
//! once, three across vectors and three inside them.
//!
//! **Forward butterfly** (x, y) → (x + wy, x − wy), seven instructions: with u = x or x − 2q by
//! bit 51 of x, so that u < 2^52 − 2q, and t = wy mod q in [0, 2q), the two results u + t and
//! (2u + 2q) − (u + t) stay below 2^52. Primes below 2^46 need no subtraction at all: the
//! bound grows by 2q per layer.
//!
//! **Inverse butterfly** (x, y) → (x + y, (x − y)w): inputs and outputs in [0, 2q). For
//! primes below 2^46, in [0, 8q): a sum may double three times before one reduction.
//!
//! **Inside vectors**: the perfect shuffle of 16 residues (two vectors) rotates the four bits of
//! their index. Before the layer of distance 4 it brings partners into the same lane of the
//! two vectors; again before those of distance 2 and 1; the fourth restores the order. The
//! roots of a layer are then 2, 4 or 8 neighbours of the table, repeated.

use super::{
    Field, Modulus, Multiplier, NttTable, Root, V, add_high, add_low, broadcast, load, store,
    subtract_once, vectors_mut,
};
use crate::ntt::{LeafRow, Roots};
use std::arch::x86_64::*;

/// Below it no reductions are needed within a pass.
const LAZY_BITS: u32 = 46;

/// Largest block, in vectors, that is transformed breadth first: 32 KiB.
const CACHED: usize = 512;

/// The constants of the butterflies.
#[derive(Clone, Copy)]
struct Forward {
    field: Field,
    bit51: V,
    two: V,
}

impl Forward {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new(m: &Modulus) -> Self {
        Self {
            field: Field::new(m),
            bit51: broadcast(1 << 51),
            two: broadcast(2),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn butterfly<const LAZY: bool>(&self, x: V, y: V, root: Root) -> (V, V) {
        let f = &self.field;
        let u = if LAZY {
            x
        } else {
            let large = _mm512_test_epi64_mask(x, self.bit51);
            _mm512_mask_sub_epi64(x, large, x, f.two_q)
        };
        let estimate = add_high(_mm512_setzero_si512(), y, root.quotient);
        let both = add_low(f.two_q, u, self.two);
        let sum = add_low(add_low(u, y, root.w), estimate, f.minus_q);
        (sum, _mm512_sub_epi64(both, sum))
    }
}

/// The root at `index` of the heap-ordered table, in every lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn root(roots: &Roots, index: usize) -> Root {
    Root {
        w: broadcast(roots.w[index]),
        quotient: broadcast(roots.quotient[index]),
    }
}

/// The root at `index` of the table of a subtree, in every lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn leaf_root([w, quotient]: &[LeafRow; 2], index: usize) -> Root {
    Root {
        w: broadcast(w.0[index]),
        quotient: broadcast(quotient.0[index]),
    }
}

/// `K` neighbouring roots from `index` of the table of a subtree, repeated to fill the lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn repeated_roots<const K: usize>(roots: &[LeafRow; 2], index: usize) -> Root {
    let [w, quotient] = roots.each_ref().map(|row| {
        let words: &[u64; K] = row.0[index..].first_chunk().expect("a layer is complete");
        let words = words.as_ptr();
        match K {
            // SAFETY: 2 words are 16 readable bytes; no alignment is needed.
            2 => unsafe { _mm512_broadcast_i64x2(_mm_loadu_si128(words.cast())) },
            // SAFETY: 4 words are 32 readable bytes; no alignment is needed.
            4 => unsafe { _mm512_broadcast_i64x4(_mm256_loadu_si256(words.cast())) },
            // SAFETY: 8 words are 64 readable bytes; no alignment is needed.
            8 => unsafe { _mm512_loadu_si512(words.cast()) },
            _ => unreachable!("vectors have 2, 4 or 8 roots"),
        }
    });
    Root { w, quotient }
}

/// Splits a block into `R` equal parts.
#[inline]
fn parts<const R: usize>(block: &mut [[u64; 8]]) -> [&mut [[u64; 8]]; R] {
    let step = block.len() / R;
    let mut rest = block;
    std::array::from_fn(|_| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(step);
        rest = tail;
        head
    })
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn ntt_forward(row: &mut [u64], table: &NttTable) {
    assert_eq!(row.len(), table.n());
    let f = Forward::new(table.modulus());
    let row = vectors_mut(row);
    let leaves = &table.leaf_roots()[0].0;
    if table.modulus().bits() <= LAZY_BITS {
        forward_block::<true>(&f, row, &table.forward, leaves, 1);
    } else {
        forward_block::<false>(&f, row, &table.forward, leaves, 1);
    }
}

/// All layers of the block whose first root has index `index`.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn forward_block<const LAZY: bool>(
    f: &Forward,
    block: &mut [[u64; 8]],
    roots: &Roots,
    leaves: &[[LeafRow; 2]],
    index: usize,
) {
    if block.len() > CACHED {
        forward_pass::<8, LAZY>(f, block, roots, index);
        let leaves = leaves.chunks_exact(leaves.len() / 8);
        for (i, (part, leaves)) in parts::<8>(block).into_iter().zip(leaves).enumerate() {
            forward_block::<LAZY>(f, part, roots, leaves, 8 * index + i);
        }
        return;
    }
    let mut size = block.len();
    while size > 8 {
        let index = index * (block.len() / size);
        let chunks = block.chunks_exact_mut(size).enumerate();
        // Three layers at a time, but two where three would leave one; and never past size 8.
        match size {
            16 => {
                chunks.for_each(|(i, b)| forward_pass::<2, LAZY>(f, b, roots, index + i));
                size /= 2;
            }
            32 | 128 => {
                chunks.for_each(|(i, b)| forward_pass::<4, LAZY>(f, b, roots, index + i));
                size /= 4;
            }
            _ => {
                chunks.for_each(|(i, b)| forward_pass::<8, LAZY>(f, b, roots, index + i));
                size /= 8;
            }
        }
    }
    match size {
        8 => forward_tail::<8, LAZY>(f, block, leaves),
        4 => forward_tail::<4, LAZY>(f, block, leaves),
        _ => forward_tail::<2, LAZY>(f, block, leaves),
    }
}

/// log2 `R` layers on `R` vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn forward_layers<const R: usize, const LAZY: bool>(f: &Forward, v: &mut [V; R], w: &[Root; 7]) {
    let mut half = R / 2;
    let mut blocks = 1;
    while half > 0 {
        for b in 0..blocks {
            for j in 0..half {
                let (x, y) = (2 * b * half + j, (2 * b + 1) * half + j);
                (v[x], v[y]) = f.butterfly::<LAZY>(v[x], v[y], w[blocks - 1 + b]);
            }
        }
        half /= 2;
        blocks *= 2;
    }
}

/// The `R` − 1 roots of the subtree at `index`, layer after layer, filled up with the first. A macro,
/// because as a function it is called and returns through memory.
macro_rules! subtree {
    ($root:ident, $roots:expr, $index:expr, $R:expr) => {{
        let (roots, index) = ($roots, $index);
        let mut w = [$root(roots, index); 7];
        if $R >= 4 {
            w[1] = $root(roots, 2 * index);
            w[2] = $root(roots, 2 * index + 1);
        }
        if $R >= 8 {
            w[3] = $root(roots, 4 * index);
            w[4] = $root(roots, 4 * index + 1);
            w[5] = $root(roots, 4 * index + 2);
            w[6] = $root(roots, 4 * index + 3);
        }
        w
    }};
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn forward_pass<const R: usize, const LAZY: bool>(
    f: &Forward,
    block: &mut [[u64; 8]],
    roots: &Roots,
    index: usize,
) {
    let w = subtree!(root, roots, index, R);
    let parts = parts::<R>(block);
    for i in 0..parts[0].len() {
        let mut v: [V; R] = [f.two; R];
        for k in 0..R {
            v[k] = load(&parts[k][i]);
        }
        forward_layers::<R, LAZY>(f, &mut v, &w);
        for k in 0..R {
            store(&mut parts[k][i], v[k]);
        }
    }
}

/// The last layers, on `R` vectors at a time: log2 `R` across vectors, three inside.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn forward_tail<const R: usize, const LAZY: bool>(
    f: &Forward,
    block: &mut [[u64; 8]],
    roots: &[[LeafRow; 2]],
) {
    let low = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    let high = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    for (chunk, roots) in block.as_chunks_mut::<R>().0.iter_mut().zip(roots) {
        let mut v: [V; R] = [f.two; R];
        for k in 0..R {
            v[k] = load(&chunk[k]);
        }
        forward_layers::<R, LAZY>(f, &mut v, &subtree!(leaf_root, roots, 1, R));
        for k in (0..R).step_by(2) {
            let shuffle = |x, y| {
                (
                    _mm512_permutex2var_epi64(x, low, y),
                    _mm512_permutex2var_epi64(x, high, y),
                )
            };
            let (x, y) = shuffle(v[k], v[k + 1]);
            let w = repeated_roots::<2>(roots, R + k);
            let (x, y) = f.butterfly::<LAZY>(x, y, w);
            let (x, y) = shuffle(x, y);
            let w = repeated_roots::<4>(roots, 2 * R + 2 * k);
            let (x, y) = f.butterfly::<LAZY>(x, y, w);
            let (x, y) = shuffle(x, y);
            let w = repeated_roots::<8>(roots, 4 * R + 4 * k);
            let (x, y) = f.butterfly::<LAZY>(x, y, w);
            let (x, y) = shuffle(f.field.reduce(x), f.field.reduce(y));
            store(&mut chunk[k], x);
            store(&mut chunk[k + 1], y);
        }
    }
}

/// The constants of the inverse butterflies: `offset[l]` is added to the difference in layer l of
/// a pass, a multiple of q no smaller than the subtrahend.
#[derive(Clone, Copy)]
struct Inverse {
    field: Field,
    offset: [V; 3],
}

impl Inverse {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn new<const LAZY: bool>(m: &Modulus) -> Self {
        let q = m.value();
        Self {
            field: Field::new(m),
            offset: if LAZY {
                [broadcast(8 * q), broadcast(16 * q), broadcast(32 * q)]
            } else {
                [broadcast(2 * q); 3]
            },
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn butterfly<const LAZY: bool>(&self, layer: usize, x: V, y: V, root: Root) -> (V, V) {
        let f = &self.field;
        let sum = _mm512_add_epi64(x, y);
        let difference = _mm512_sub_epi64(_mm512_add_epi64(x, self.offset[layer]), y);
        let product = f.mul_lazy(difference, root);
        if LAZY {
            (sum, product)
        } else {
            (
                subtract_once(sum, f.two_q),
                _mm512_and_si512(product, f.mask),
            )
        }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn ntt_inverse(row: &mut [u64], table: &NttTable, scale: Multiplier) {
    assert_eq!(row.len(), table.n());
    let row = vectors_mut(row);
    let m = table.modulus();
    // The layer of a single root also scales: its products by root·scale, its sums by scale.
    let last = Multiplier::new(m.mul(scale.w, table.inverse_root(1).w), m);
    let finish = [Root::new(scale), Root::new(last)];
    let leaves = &table.leaf_roots()[1].0;
    if m.bits() <= LAZY_BITS {
        let f = Inverse::new::<true>(m);
        inverse_block::<true>(&f, row, &table.inverse, leaves, 1, &finish);
    } else {
        let f = Inverse::new::<false>(m);
        inverse_block::<false>(&f, row, &table.inverse, leaves, 1, &finish);
    }
}

/// All layers of the block whose last root has index `index`; the root of the tree also scales.
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn inverse_block<const LAZY: bool>(
    f: &Inverse,
    block: &mut [[u64; 8]],
    roots: &Roots,
    leaves: &[[LeafRow; 2]],
    index: usize,
    finish: &[Root; 2],
) {
    if block.len() > CACHED {
        let leaves = leaves.chunks_exact(leaves.len() / 8);
        for (i, (part, leaves)) in parts::<8>(block).into_iter().zip(leaves).enumerate() {
            inverse_block::<LAZY>(f, part, roots, leaves, 8 * index + i, finish);
        }
        return inverse_pass::<8, LAZY>(f, block, roots, index, finish);
    }
    let mut size = block.len().min(8);
    let first = index * (block.len() / size);
    match size {
        8 => inverse_head::<8, LAZY>(f, block, leaves, first, finish),
        4 => inverse_head::<4, LAZY>(f, block, leaves, first, finish),
        _ => inverse_head::<2, LAZY>(f, block, leaves, first, finish),
    }
    while size < block.len() {
        // Three layers at a time, but two where three would leave one.
        let radix = match block.len() / size {
            2 => 2,
            4 | 16 => 4,
            _ => 8,
        };
        size *= radix;
        let first = index * (block.len() / size);
        for (i, b) in block.chunks_exact_mut(size).enumerate() {
            match radix {
                2 => inverse_pass::<2, LAZY>(f, b, roots, first + i, finish),
                4 => inverse_pass::<4, LAZY>(f, b, roots, first + i, finish),
                _ => inverse_pass::<8, LAZY>(f, b, roots, first + i, finish),
            }
        }
    }
}

/// log2 `R` layers on `R` vectors; `LAST` if they end at the root of the tree.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn inverse_layers<const R: usize, const LAZY: bool, const LAST: bool>(
    f: &Inverse,
    v: &mut [V; R],
    w: &[Root; 7],
    finish: &[Root; 2],
) {
    let mut half = 1;
    let mut blocks = R / 2;
    let mut layer = 0;
    let across = if LAST { R / 2 } else { R };
    while half < across {
        for b in 0..blocks {
            for j in 0..half {
                let (x, y) = (2 * b * half + j, (2 * b + 1) * half + j);
                (v[x], v[y]) = f.butterfly::<LAZY>(layer, v[x], v[y], w[blocks - 1 + b]);
            }
        }
        half *= 2;
        blocks /= 2;
        layer += 1;
    }
    if LAST {
        for j in 0..half {
            let (x, y) = (v[j], v[half + j]);
            let difference = _mm512_sub_epi64(_mm512_add_epi64(x, f.offset[layer]), y);
            v[j] = f.field.mul_exact(_mm512_add_epi64(x, y), finish[0]);
            v[half + j] = f.field.mul_exact(difference, finish[1]);
        }
    } else if LAZY {
        v[0] = f.field.reduce_lazy(v[0]);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn inverse_pass<const R: usize, const LAZY: bool>(
    f: &Inverse,
    block: &mut [[u64; 8]],
    roots: &Roots,
    index: usize,
    finish: &[Root; 2],
) {
    if index == 1 {
        inverse_pass_to::<R, LAZY, true>(f, block, roots, index, finish);
    } else {
        inverse_pass_to::<R, LAZY, false>(f, block, roots, index, finish);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn inverse_pass_to<const R: usize, const LAZY: bool, const LAST: bool>(
    f: &Inverse,
    block: &mut [[u64; 8]],
    roots: &Roots,
    index: usize,
    finish: &[Root; 2],
) {
    let w = subtree!(root, roots, index, R);
    let parts = parts::<R>(block);
    for i in 0..parts[0].len() {
        let mut v: [V; R] = [f.offset[0]; R];
        for k in 0..R {
            v[k] = load(&parts[k][i]);
        }
        inverse_layers::<R, LAZY, LAST>(f, &mut v, &w, finish);
        for k in 0..R {
            store(&mut parts[k][i], v[k]);
        }
    }
}

/// The first layers, on `R` vectors at a time: three inside, log2 `R` across vectors.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
fn inverse_head<const R: usize, const LAZY: bool>(
    f: &Inverse,
    block: &mut [[u64; 8]],
    roots: &[[LeafRow; 2]],
    first: usize,
    finish: &[Root; 2],
) {
    let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    for (chunk, roots) in block.as_chunks_mut::<R>().0.iter_mut().zip(roots) {
        let mut v: [V; R] = [f.offset[0]; R];
        for k in (0..R).step_by(2) {
            let shuffle = |x, y| {
                (
                    _mm512_permutex2var_epi64(x, even, y),
                    _mm512_permutex2var_epi64(x, odd, y),
                )
            };
            let (x, y) = shuffle(load(&chunk[k]), load(&chunk[k + 1]));
            let w = repeated_roots::<8>(roots, 4 * R + 4 * k);
            let (x, y) = f.butterfly::<LAZY>(0, x, y, w);
            let (x, y) = shuffle(x, y);
            let w = repeated_roots::<4>(roots, 2 * R + 2 * k);
            let (x, y) = f.butterfly::<LAZY>(1, x, y, w);
            let (x, y) = shuffle(x, y);
            let w = repeated_roots::<2>(roots, R + k);
            let (x, y) = f.butterfly::<LAZY>(2, x, y, w);
            (v[k], v[k + 1]) = shuffle(x, y);
        }
        let w = subtree!(leaf_root, roots, 1, R);
        if first == 1 {
            inverse_layers::<R, LAZY, true>(f, &mut v, &w, finish);
        } else {
            inverse_layers::<R, LAZY, false>(f, &mut v, &w, finish);
        }
        for k in 0..R {
            store(&mut chunk[k], v[k]);
        }
    }
}
