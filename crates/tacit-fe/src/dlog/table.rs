//! The baby steps: which i ≤ T has this fingerprint?
//!
//! Buckets one after another, each holding its entries in ascending order of i, and where each
//! starts: no free slots and no probing. An entry is four bytes, the index i below a tag of the bits
//! that remain. The bucket comes from the top of 32 bits of the fingerprint and the tag from their
//! bottom. A table is a function of T alone: the same bytes on every machine.

use rayon::prelude::*;

use super::coordinate::{Fingerprint, Left, Right, fingerprints};
use super::powers::Powers;

/// Giant steps (and, while building, baby steps) that are prepared.
pub(super) const GIANTS: usize = 256;

/// Mean entries of a bucket; 4 bytes of start for each bucket of them.
const BUCKET: u64 = 8;

/// What T determines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// T: the table holds gT^0 … gT^T.
    top: u32,
}

impl Layout {
    pub(super) const MOST: u32 = (1 << 28) - 1;
    const LEAST: u32 = 1 << 10;

    /// None for a T outside the limits.
    pub(super) fn new(top: u32) -> Option<Self> {
        (Self::LEAST..=Self::MOST)
            .contains(&top)
            .then_some(Self { top })
    }

    /// The largest that fits these bytes.
    pub(super) fn fitting(bytes: u64) -> Self {
        let entries = bytes * BUCKET / (4 * BUCKET + 4);
        let top = entries.clamp(Self::LEAST.into(), Self::MOST.into());
        Self { top: top as u32 }
    }

    pub(super) fn top(self) -> u32 {
        self.top
    }

    pub(super) fn entries(self) -> usize {
        self.top as usize + 1
    }

    pub(super) fn buckets(self) -> usize {
        (self.entries() as u64).div_ceil(BUCKET) as usize
    }

    fn index_bits(self) -> u32 {
        u32::BITS - self.top.leading_zeros()
    }

    fn bucket(self, key: u32) -> usize {
        ((u64::from(key) * self.buckets() as u64) >> 32) as usize
    }

    /// The tag of a key, in its place above the index.
    fn tag(self, key: u32) -> u32 {
        key << self.index_bits()
    }

    /// 2T + 1: values told apart by one fingerprint, and the width of a giant step.
    pub(super) fn width(self) -> i64 {
        2 * i64::from(self.top) + 1
    }

    /// Values on either side of the centre that a block of giant steps covers.
    pub(super) fn reach(self) -> u64 {
        GIANTS as u64 * self.width() as u64 + u64::from(self.top)
    }

    /// Blocks on either side of zero that are needed to cover ±limit.
    pub(super) fn blocks(self, limit: u64) -> u64 {
        let block = 2 * self.reach() + 1;
        limit.saturating_sub(self.reach()).div_ceil(block)
    }

    /// Giant steps tried before every value up to ±limit has been; each covers two fingerprints.
    pub(super) fn steps(self, limit: u64) -> u64 {
        let width = self.width() as u64;
        let first = limit.min(self.reach()).saturating_sub(self.top.into());
        1 + first.div_ceil(width) + self.blocks(limit) * 2 * (GIANTS as u64 + 1)
    }
}

fn key(fingerprint: Fingerprint) -> u32 {
    fingerprint.0 as u32
}

/// The table proper.
pub(super) struct Table {
    pub(super) layout: Layout,
    /// Where each bucket starts, and the end.
    pub(super) starts: Vec<u32>,
    pub(super) entries: Vec<u32>,
}

/// The 256 powers gT^{unit·m}, m = 1…256, prepared as right factors.
pub(super) fn prepared_powers(powers: &Powers, unit: i64) -> Vec<Right> {
    let base = powers.power(unit);
    let mut power = base;
    let mut out = Vec::with_capacity(GIANTS);
    for _ in 0..GIANTS {
        out.push(Right::new(&power));
        power = power * base;
    }
    out
}

impl Table {
    /// Computes the table; `progress` hears (done, total) from any thread.
    pub(super) fn build(
        layout: Layout,
        powers: &Powers,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Self {
        let keys = keys(layout, powers, progress);

        // Counting sort, in order of the index within a bucket.
        let mut starts = vec![0u32; layout.buckets() + 1];
        for &key in &keys {
            starts[layout.bucket(key) + 1] += 1;
        }
        for b in 1..starts.len() {
            starts[b] += starts[b - 1];
        }
        let mut entries = vec![0u32; layout.entries()];
        let mut next = starts.clone();
        for (i, &key) in keys.iter().enumerate() {
            let place = &mut next[layout.bucket(key)];
            entries[*place as usize] = layout.tag(key) | i as u32;
            *place += 1;
        }
        Self {
            layout,
            starts,
            entries,
        }
    }

    /// Indices whose stored bits agree with a fingerprint; nearly always none or the right one.
    #[inline]
    pub(super) fn candidates(&self, fingerprint: Fingerprint) -> impl Iterator<Item = u32> + '_ {
        let key = key(fingerprint);
        let bucket = self.layout.bucket(key);
        let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
        let (tag, bits) = (self.layout.tag(key), self.layout.index_bits());
        self.entries[range]
            .iter()
            .filter(move |&&entry| (entry ^ tag) >> bits == 0)
            .map(move |entry| entry & ((1 << bits) - 1))
    }
}

/// 32 bits of the fingerprints of gT^0 … gT^T. Those of i ± b, b ≤ 256, come from gT^i.
fn keys(layout: Layout, powers: &Powers, progress: &(dyn Fn(u64, u64) + Sync)) -> Vec<u32> {
    const SPAN: usize = 2 * GIANTS + 1;
    const CHUNK: usize = 32 * SPAN;
    let babies = prepared_powers(powers, 1);
    let mut keys = vec![0u32; layout.entries()];
    let total = layout.entries() as u64;
    let done = std::sync::atomic::AtomicU64::new(0);
    keys.par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(chunk, keys)| {
            let stride = powers.power(SPAN as i64);
            let mut centre_power = powers.power((chunk * CHUNK + GIANTS) as i64);
            for keys in keys.chunks_mut(SPAN) {
                set(keys, GIANTS, Fingerprint::of(&centre_power));
                let left = Left::new(&centre_power);
                for (b, baby) in babies.iter().enumerate() {
                    let (above, below) = fingerprints(&left, baby);
                    set(keys, GIANTS + b + 1, above);
                    set(keys, GIANTS - b - 1, below);
                }
                centre_power = centre_power * stride;
            }
            let length = keys.len() as u64;
            let before = done.fetch_add(length, std::sync::atomic::Ordering::Relaxed);
            progress(before + length, total);
        });
    keys
}

/// The last span may be cut short.
fn set(keys: &mut [u32], index: usize, fingerprint: Fingerprint) {
    if let Some(slot) = keys.get_mut(index) {
        *slot = key(fingerprint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::Gt;

    #[test]
    fn every_baby_step_is_found_by_its_fingerprint() {
        let layout = Layout::new(5000).unwrap();
        let powers = Powers::new();
        let table = Table::build(layout, &powers, &|_, _| {});
        let g = Gt::generator();
        let mut power = Gt::identity();
        for i in 0..=5000 {
            assert!(table.candidates(Fingerprint::of(&power)).any(|c| c == i));
            power = power * g;
        }
        let mut sorted: Vec<u32> = table.entries.iter().map(|e| e & 0x1fff).collect();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..=5000));
    }

    #[test]
    fn progress_ends_at_the_total() {
        let largest = std::sync::atomic::AtomicU64::new(0);
        let layout = Layout::new(40_000).unwrap();
        Table::build(layout, &Powers::new(), &|done, total| {
            assert!(done <= total && total == 40_001);
            largest.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
        });
        assert_eq!(largest.into_inner(), 40_001);
    }
}
