//! From random words to small integers and residues.

use super::super::MAX_LIMBS;
use super::rows::{Wide, WideField};
use super::{Modulus, V, broadcast, load, portable, store};
use super::{vectors, vectors_mut};
use std::arch::x86_64::*;

/// Vectors whose comparisons share one broadcast.
const GROUP: usize = 4;

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn invert_table(out: &mut [i64], words: &[u64], table: &[u64]) {
    assert_eq!(out.len(), words.len());
    let (zero, one) = (_mm512_setzero_si512(), broadcast(1));
    let mut blocks = words.as_chunks::<{ 8 * GROUP }>().0.iter();
    let mut out = out.chunks_exact_mut(8 * GROUP);
    for (out, words) in (&mut out).zip(&mut blocks) {
        let words: [V; GROUP] = std::array::from_fn(|i| load(&vectors(words)[i]));
        let halves = words.map(|word| _mm512_srli_epi64(word, 1));
        let mut magnitude = [zero; GROUP];
        for &entry in table {
            let entry = broadcast(entry);
            for (magnitude, half) in magnitude.iter_mut().zip(halves) {
                let reached = _mm512_cmple_epu64_mask(entry, half);
                *magnitude = _mm512_mask_add_epi64(*magnitude, reached, *magnitude, one);
            }
        }
        for (i, out) in out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let negative = _mm512_test_epi64_mask(words[i], one);
            let signed = _mm512_mask_sub_epi64(magnitude[i], negative, zero, magnitude[i]);
            let mut values = [0; 8];
            store(&mut values, signed);
            *out = values.map(|x| x as i64);
        }
    }
    let out = out.into_remainder();
    portable::invert_table(out, &words[words.len() - out.len()..], table);
}

#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512ifma")]
pub(super) fn reduce_wide(out: &mut [u64], limbs: &[&[u64]], m: &Modulus) {
    assert!((1..=MAX_LIMBS).contains(&limbs.len()));
    assert!(limbs.iter().all(|r| r.len() == out.len()));
    let f = WideField::new(m);
    let top = limbs.len() - 1;
    // A word is its low 52 bits and the 12 above; their weights modulo q.
    let weight = |bits: usize| m.pow(2, bits as u64);
    let mut weights = [[broadcast(0); 2]; MAX_LIMBS];
    for (k, weights) in weights.iter_mut().enumerate() {
        *weights = [64 * k, 64 * k + 52].map(|bits| broadcast(weight(bits)));
    }
    // The top word with its sign bit flipped is 2^63 too large.
    let sign = broadcast(1 << 63);
    let excess = broadcast(m.neg(weight(64 * top + 63)));
    for (i, out) in vectors_mut(out).iter_mut().enumerate() {
        let mut sum = Wide::from(excess);
        for (k, limb) in limbs.iter().enumerate() {
            let mut word = load(&vectors(limb)[i]);
            if k == top {
                word = _mm512_xor_si512(word, sign);
            }
            // Three words add less than 3·(2^50 + 2^10) to the high half.
            if k > 0 && k % 3 == 0 {
                sum = Wide::from(f.reduce(sum.carry()));
            }
            sum = sum.add_product(word, weights[k][0]);
            sum = sum.add_product(_mm512_srli_epi64(word, 52), weights[k][1]);
        }
        store(out, f.reduce(sum.carry()));
    }
}
