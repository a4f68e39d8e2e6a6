//! Every random number of this crate.
//!
//! One seed serves many purposes: a stream is ChaCha8 under the key seed ‖ hash(purpose), so the
//! order of the rows does not change when a layer is added, and two networks with the same seed
//! and different purposes are independent. Never for secrets.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

/// A stream of random numbers named by a seed and a purpose.
#[derive(Debug)]
pub struct Draws {
    rng: ChaCha8Rng,
}

impl Draws {
    /// The stream of `seed` for `purpose`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        // FNV-1a in two lanes; purposes are a handful of words of this project.
        for (lane, offset) in [(8, 0xcbf2_9ce4_8422_2325u64), (16, 0x6c62_272e_07bb_0142)] {
            let hash = purpose.bytes().fold(offset, |h, byte| {
                (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            key[lane..lane + 8].copy_from_slice(&hash.to_le_bytes());
        }
        key[24..].copy_from_slice(b"tacit.nn");
        Draws {
            rng: ChaCha8Rng::from_seed(key),
        }
    }

    /// A stream of its own, which leaves this one as if one number had been drawn.
    pub fn fork(&mut self, purpose: &str) -> Draws {
        Draws::new(self.rng.next_u64(), purpose)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in [0, 1), a multiple of 2⁻²⁴.
    pub fn uniform(&mut self) -> f32 {
        (self.rng.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [−bound, bound).
    pub fn symmetric(&mut self, bound: f32) -> f32 {
        (2.0 * self.uniform() - 1.0) * bound
    }

    /// Standard normal (Box–Muller).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * f64::from(1.0 - self.uniform()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * f64::from(self.uniform())).cos()) as f32
    }

    /// Uniform in 0..n; 0 when n is 0. The bias is below n/2⁶⁴.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.rng.next_u64()) * n as u128) >> 64) as usize
    }

    /// Shuffles in place (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i + 1);
            items.swap(i, j);
        }
    }

    /// 0..n in random order.
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        self.shuffle(&mut order);
        order
    }
}
