//! The transforms, two layers at a time on four vectors, depth first so that sub-blocks stay in the
//! first-level cache; the last four layers of the forward transform (the first four of the
//! inverse) are done on 16 neighbouring residues at once, two across vectors and two inside.
//! Between passes the words of the row hold doubles.
//!
//! **Forward butterfly** (x, y) → (x + wy, x − wy): for inputs bounded by cq the outputs are bounded
//! by (c + 1/2 + c/32)q, so c grows as 1, 1.54, 2.09, 2.65, 3.24, and may not exceed 4: every
//! third pass first reduces x to q/2, after which c is 1.7, 2.8, 4.0.
//!
//! **Inverse butterfly** (x, y) → (x + y, (x − y)w): from c ≤ 1, two layers give the bounds
//! 4, 1.2, 0.63, 0.63; the first two are reduced.
//!
//! For primes below 2^46 bounds are 16 times wider: forward needs no reduction, inverse one of the
//! two.

use super::{
    F, Field, Modulus, Multiplier, NttTable, Root, load, load_doubles, splat, store_doubles,
    vectors_mut,
};
use crate::ntt::FloatRoots;
use std::arch::x86_64::*;

/// At most this size, primes need fewer reductions.
const LAZY_BITS: u32 = 46;

/// Largest block, in vectors, that is transformed breadth first: 32 KiB.
const CACHED: usize = 1024;

/// The root at `index` of the heap-ordered table, in every lane.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn root(roots: &FloatRoots, index: usize) -> Root {
    Root {
        w: splat(roots.w[index]),
        ratio: splat(roots.ratio[index]),
    }
}

/// The roots of the two layers of a block.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn subtree(roots: &FloatRoots, index: usize) -> [Root; 3] {
    [index, 2 * index, 2 * index + 1].map(|i| root(roots, i))
}

/// Two neighbouring roots, each twice.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn doubled_roots(roots: &FloatRoots, index: usize) -> Root {
    let pick = |table: &[f64]| {
        let pair: &[f64; 2] = table[index..].first_chunk().expect("the table has N roots");
        // SAFETY: two doubles are 16 readable bytes; no alignment is needed.
        let pair = unsafe { _mm_loadu_pd(pair.as_ptr()) };
        _mm256_permute4x64_pd::<0b01_01_00_00>(_mm256_castpd128_pd256(pair))
    };
    Root {
        w: pick(&roots.w),
        ratio: pick(&roots.ratio),
    }
}

/// Four neighbouring roots.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn single_roots(roots: &FloatRoots, index: usize) -> Root {
    let pick = |table: &[f64]| {
        let four: &[f64; 4] = table[index..].first_chunk().expect("the table has N roots");
        // SAFETY: four doubles are 32 readable bytes; no alignment is needed.
        unsafe { _mm256_loadu_pd(four.as_ptr()) }
    };
    Root {
        w: pick(&roots.w),
        ratio: pick(&roots.ratio),
    }
}

/// Splits a block into `R` equal parts.
#[inline]
fn parts<const R: usize>(block: &mut [[u64; 4]]) -> [&mut [[u64; 4]]; R] {
    let step = block.len() / R;
    let mut rest = block;
    std::array::from_fn(|_| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(step);
        rest = tail;
        head
    })
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_butterfly(f: &Field, x: F, y: F, root: Root) -> (F, F) {
    let product = f.mul_root(y, root);
    (_mm256_add_pd(x, product), _mm256_sub_pd(x, product))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_butterfly(f: &Field, x: F, y: F, root: Root) -> (F, F) {
    (_mm256_add_pd(x, y), f.mul_root(_mm256_sub_pd(x, y), root))
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn ntt_forward(row: &mut [u64], table: &NttTable) {
    assert_eq!(row.len(), table.n());
    let f = Field::new(table.modulus());
    let lazy = table.modulus().bits() <= LAZY_BITS;
    let row = vectors_mut(row);
    if row.len() == 4 {
        // There is no pass before the tail.
        for x in row.iter_mut() {
            let v = load(x);
            store_doubles(x, v);
        }
    }
    forward_block(&f, row, &table.float_roots()[0], 1, 0, lazy);
}

/// All layers of the block whose first root has index `index`, after `done` passes.
#[target_feature(enable = "avx2,fma")]
fn forward_block(
    f: &Field,
    block: &mut [[u64; 4]],
    roots: &FloatRoots,
    index: usize,
    mut done: u32,
    lazy: bool,
) {
    if block.len() > CACHED {
        forward_pass::<4>(f, block, roots, index, done, lazy);
        for (i, part) in parts::<4>(block).into_iter().enumerate() {
            forward_block(f, part, roots, 4 * index + i, done + 1, lazy);
        }
        return;
    }
    let mut size = block.len();
    while size > 4 {
        let first = index * (block.len() / size);
        let chunks = block.chunks_exact_mut(size).enumerate();
        if size == 8 {
            chunks.for_each(|(i, b)| forward_pass::<2>(f, b, roots, first + i, done, lazy));
            size /= 2;
        } else {
            chunks.for_each(|(i, b)| forward_pass::<4>(f, b, roots, first + i, done, lazy));
            size /= 4;
        }
        done += 1;
    }
    forward_tail(f, block, roots, index * (block.len() / 4));
}

/// log2 `R` layers on `R` vectors; with `REDUCE`, the first reduces its left inputs.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_layers<const R: usize, const REDUCE: bool>(f: &Field, v: &mut [F; R], w: &[Root; 3]) {
    for j in 0..R / 2 {
        let x = if REDUCE { f.reduce(v[j]) } else { v[j] };
        (v[j], v[R / 2 + j]) = forward_butterfly(f, x, v[R / 2 + j], w[0]);
    }
    if R == 4 {
        for b in 0..2 {
            (v[2 * b], v[2 * b + 1]) = forward_butterfly(f, v[2 * b], v[2 * b + 1], w[1 + b]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_pass<const R: usize>(
    f: &Field,
    block: &mut [[u64; 4]],
    roots: &FloatRoots,
    index: usize,
    done: u32,
    lazy: bool,
) {
    if done == 0 {
        forward_pass_from::<R, true, false>(f, block, roots, index);
    } else if done % 3 == 2 && !lazy {
        forward_pass_from::<R, false, true>(f, block, roots, index);
    } else {
        forward_pass_from::<R, false, false>(f, block, roots, index);
    }
}

/// `FIRST` if the row still holds integers.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_pass_from<const R: usize, const FIRST: bool, const REDUCE: bool>(
    f: &Field,
    block: &mut [[u64; 4]],
    roots: &FloatRoots,
    index: usize,
) {
    let w = subtree(roots, index);
    let parts = parts::<R>(block);
    for i in 0..parts[0].len() {
        let mut v: [F; R] = [f.q; R];
        for k in 0..R {
            v[k] = if FIRST {
                load(&parts[k][i])
            } else {
                load_doubles(&parts[k][i])
            };
        }
        forward_layers::<R, REDUCE>(f, &mut v, &w);
        for k in 0..R {
            store_doubles(&mut parts[k][i], v[k]);
        }
    }
}

/// The last four layers.
#[target_feature(enable = "avx2,fma")]
fn forward_tail(f: &Field, block: &mut [[u64; 4]], roots: &FloatRoots, first: usize) {
    for (i, chunk) in block.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let index = first + i;
        let mut v = chunk.each_ref().map(|x| load_doubles(x));
        forward_layers::<4, true>(f, &mut v, &subtree(roots, index));
        for k in [0, 2] {
            let (a, b) = (v[k], v[k + 1]);
            let x = _mm256_permute2f128_pd::<0x20>(a, b);
            let y = _mm256_permute2f128_pd::<0x31>(a, b);
            let (a, b) = forward_butterfly(f, x, y, doubled_roots(roots, 4 * index + k));
            let (x, y) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            let w = single_roots(roots, 8 * index + 2 * k);
            let (x, y) = forward_butterfly(f, x, y, w);
            let (a, b) = (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
            let x = _mm256_permute2f128_pd::<0x20>(a, b);
            let y = _mm256_permute2f128_pd::<0x31>(a, b);
            f.store(&mut chunk[k], f.reduce(x));
            f.store(&mut chunk[k + 1], f.reduce(y));
        }
    }
}

/// What the inverse transform needs besides the roots: the layer of the single root also scales,
/// its sums by `scale[0]`, its products by `scale[1]`.
struct Inverse {
    field: Field,
    lazy: bool,
    scale: [Root; 2],
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn ntt_inverse(row: &mut [u64], table: &NttTable, scale: Multiplier) {
    assert_eq!(row.len(), table.n());
    let m: &Modulus = table.modulus();
    let last = m.mul(scale.w, table.inverse_root(1).w);
    let f = Inverse {
        field: Field::new(m),
        lazy: m.bits() <= LAZY_BITS,
        scale: [Root::new(scale.w, m), Root::new(last, m)],
    };
    inverse_block(&f, vectors_mut(row), &table.float_roots()[1], 1);
}

/// All layers of the block whose last root has index `index`.
#[target_feature(enable = "avx2,fma")]
fn inverse_block(f: &Inverse, block: &mut [[u64; 4]], roots: &FloatRoots, index: usize) {
    if block.len() > CACHED {
        for (i, part) in parts::<4>(block).into_iter().enumerate() {
            inverse_block(f, part, roots, 4 * index + i);
        }
        return inverse_pass::<4>(f, block, roots, index);
    }
    inverse_head(f, block, roots, index * (block.len() / 4));
    let mut size = 4;
    while size < block.len() {
        let radix = if block.len() / size == 2 { 2 } else { 4 };
        size *= radix;
        let first = index * (block.len() / size);
        for (i, b) in block.chunks_exact_mut(size).enumerate() {
            match radix {
                2 => inverse_pass::<2>(f, b, roots, first + i),
                _ => inverse_pass::<4>(f, b, roots, first + i),
            }
        }
    }
}

/// log2 `R` layers on `R` vectors; `LAST` if they end at the root of the tree.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_layers<const R: usize, const LAZY: bool, const LAST: bool>(
    f: &Inverse,
    v: &mut [F; R],
    w: &[Root; 3],
) {
    let field = &f.field;
    if R == 4 {
        for b in 0..2 {
            (v[2 * b], v[2 * b + 1]) = inverse_butterfly(field, v[2 * b], v[2 * b + 1], w[1 + b]);
        }
    }
    for j in 0..R / 2 {
        let (x, y) = (v[j], v[R / 2 + j]);
        if LAST {
            v[j] = field.mul_root(_mm256_add_pd(x, y), f.scale[0]);
            v[R / 2 + j] = field.mul_root(_mm256_sub_pd(x, y), f.scale[1]);
        } else {
            let (sum, product) = inverse_butterfly(field, x, y, w[0]);
            v[j] = if j == 0 || !LAZY {
                field.reduce(sum)
            } else {
                sum
            };
            v[R / 2 + j] = product;
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_pass<const R: usize>(
    f: &Inverse,
    block: &mut [[u64; 4]],
    roots: &FloatRoots,
    index: usize,
) {
    if index == 1 {
        inverse_pass_to::<R, false, true>(f, block, roots, index);
    } else if f.lazy {
        inverse_pass_to::<R, true, false>(f, block, roots, index);
    } else {
        inverse_pass_to::<R, false, false>(f, block, roots, index);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_pass_to<const R: usize, const LAZY: bool, const LAST: bool>(
    f: &Inverse,
    block: &mut [[u64; 4]],
    roots: &FloatRoots,
    index: usize,
) {
    let w = subtree(roots, index);
    let parts = parts::<R>(block);
    for i in 0..parts[0].len() {
        let mut v: [F; R] = [f.field.q; R];
        for k in 0..R {
            v[k] = load_doubles(&parts[k][i]);
        }
        inverse_layers::<R, LAZY, LAST>(f, &mut v, &w);
        for k in 0..R {
            if LAST {
                f.field.store(&mut parts[k][i], v[k]);
            } else {
                store_doubles(&mut parts[k][i], v[k]);
            }
        }
    }
}

/// The first four layers.
#[target_feature(enable = "avx2,fma")]
fn inverse_head(f: &Inverse, block: &mut [[u64; 4]], roots: &FloatRoots, first: usize) {
    let field = &f.field;
    for (i, chunk) in block.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let index = first + i;
        let mut v = chunk.each_ref().map(|x| load(x));
        for k in [0, 2] {
            let a = _mm256_permute2f128_pd::<0x20>(v[k], v[k + 1]);
            let b = _mm256_permute2f128_pd::<0x31>(v[k], v[k + 1]);
            let (x, y) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
            let w = single_roots(roots, 8 * index + 2 * k);
            let (x, y) = inverse_butterfly(field, x, y, w);
            let (a, b) = (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
            let (a, b) = inverse_butterfly(field, a, b, doubled_roots(roots, 4 * index + k));
            v[k] = _mm256_permute2f128_pd::<0x20>(a, b);
            v[k + 1] = _mm256_permute2f128_pd::<0x31>(a, b);
        }
        if !f.lazy {
            v = v.map(|x| field.reduce(x));
        }
        let w = subtree(roots, index);
        if index == 1 {
            inverse_layers::<4, false, true>(f, &mut v, &w);
            for (x, v) in chunk.iter_mut().zip(v) {
                field.store(x, v);
            }
        } else {
            if f.lazy {
                inverse_layers::<4, true, false>(f, &mut v, &w);
            } else {
                inverse_layers::<4, false, false>(f, &mut v, &w);
            }
            for (x, v) in chunk.iter_mut().zip(v) {
                store_doubles(x, v);
            }
        }
    }
}
