//! From random words to small integers and residues.

use super::super::MAX_LIMBS;
use super::rows::splat_word;
use super::{Field, Modulus, Root, load_words, portable, splat, store_words, to_doubles};
use super::{vectors, vectors_mut};
use std::arch::x86_64::*;

/// Vectors whose comparisons share one broadcast.
const GROUP: usize = 4;

#[target_feature(enable = "avx2,fma")]
pub(super) fn invert_table(out: &mut [i64], words: &[u64], table: &[u64]) {
    assert_eq!(out.len(), words.len());
    let (zero, one) = (_mm256_setzero_si256(), splat_word(1));
    let entries = splat_word(table.len() as u64);
    let mut blocks = words.as_chunks::<{ 4 * GROUP }>().0.iter();
    let mut out = out.chunks_exact_mut(4 * GROUP);
    for (out, words) in (&mut out).zip(&mut blocks) {
        let words: [__m256i; GROUP] = std::array::from_fn(|i| load_words(&vectors(words)[i]));
        let halves = words.map(|word| _mm256_srli_epi64::<1>(word));
        let mut magnitude = [entries; GROUP];
        for &entry in table {
            let entry = splat_word(entry);
            for (magnitude, half) in magnitude.iter_mut().zip(halves) {
                // −1 where the entry is above: both are below 2^63.
                let above = _mm256_cmpgt_epi64(entry, half);
                *magnitude = _mm256_add_epi64(*magnitude, above);
            }
        }
        for (i, out) in out.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let negative = _mm256_sub_epi64(zero, _mm256_and_si256(words[i], one));
            let flipped = _mm256_xor_si256(magnitude[i], negative);
            let mut values = [0; 4];
            store_words(&mut values, _mm256_sub_epi64(flipped, negative));
            *out = values.map(|x| x as i64);
        }
    }
    let out = out.into_remainder();
    portable::invert_table(out, &words[words.len() - out.len()..], table);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn reduce_wide(out: &mut [u64], limbs: &[&[u64]], m: &Modulus) {
    assert!((1..=MAX_LIMBS).contains(&limbs.len()));
    assert!(limbs.iter().all(|r| r.len() == out.len()));
    let f = Field::new(m);
    let top = limbs.len() - 1;
    // A word is two halves of 32 bits; their weights modulo q.
    let weight = |bits: usize| m.pow(2, bits as u64);
    let mut weights = [[Root::new(0, m); 2]; MAX_LIMBS];
    for (k, weights) in weights.iter_mut().enumerate() {
        *weights = [64 * k, 64 * k + 32].map(|bits| Root::new(weight(bits), m));
    }
    // The top word with its sign bit flipped is 2^63 too large.
    let sign = splat_word(1 << 63);
    let excess = splat(m.neg(weight(64 * top + 63)) as f64);
    let low_half = splat_word(u32::MAX.into());
    for (i, out) in vectors_mut(out).iter_mut().enumerate() {
        let mut sum = excess;
        for (k, limb) in limbs.iter().enumerate() {
            let mut word = load_words(&vectors(limb)[i]);
            if k == top {
                word = _mm256_xor_si256(word, sign);
            }
            let halves = [
                _mm256_and_si256(word, low_half),
                _mm256_srli_epi64::<32>(word),
            ];
            for (half, weight) in halves.into_iter().zip(weights[k]) {
                sum = _mm256_add_pd(sum, f.mul_root(to_doubles(half), weight));
            }
            // Four words add less than 8·0.51q.
            if k == 3 {
                sum = f.reduce(sum);
            }
        }
        f.store(out, f.reduce(sum));
    }
}
