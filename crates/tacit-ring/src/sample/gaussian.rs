use super::SmallIntegers;
use crate::Xof;
use crate::kernel::Kernels;
use zeroize::Zeroize;

/// Standard deviation of [`gaussian`].
pub const GAUSSIAN_SIGMA: f64 = 3.2;

/// No sample exceeds this in magnitude.
pub const GAUSSIAN_BOUND: i64 = CUMULATIVE.len() as i64;

/// floor(2^63 · P(|X| ≤ k)) for the discrete Gaussian with σ = 3.2, computed with 80 digits.
const CUMULATIVE: [u64; 30] = [
    0x0ff52b4064a1f258,
    0x2e5a25d4026fff6d,
    0x489ae2682e3db9bb,
    0x5d2bc20de6f95105,
    0x6bc8694a862fcdce,
    0x7532d898e9d195d9,
    0x7ab396c980f5facb,
    0x7d9e4e8f6717ea70,
    0x7f054956150a592b,
    0x7fa1ce99f8dbf691,
    0x7fdfb3f00a8f3398,
    0x7ff5e6f7c97d68d8,
    0x7ffd1f95b372bd35,
    0x7fff40f7f7aedc63,
    0x7fffd2e62d057ef0,
    0x7ffff6503aaa2874,
    0x7ffffe1bab99a743,
    0x7fffffaa0140ce52,
    0x7ffffff21f8a3a77,
    0x7ffffffdf72301f4,
    0x7fffffffba9fd472,
    0x7ffffffff79b78ce,
    0x7fffffffff13f6f9,
    0x7fffffffffe87489,
    0x7ffffffffffdde23,
    0x7fffffffffffd31f,
    0x7ffffffffffffca6,
    0x7fffffffffffffc5,
    0x7ffffffffffffffc,
    0x7fffffffffffffff,
];

/// `n` values of the discrete Gaussian on ℤ with σ = 3.2.
///
/// Inversion of the cumulative table by a full, branch-free scan: a 64-bit word gives the sign (its
/// lowest bit) and 63 bits u; the magnitude is the number of table entries ≤ u. The
/// statistical distance from the ideal is below 30·2^-63 + 2^-65 < 2^-57 per value.
pub fn gaussian(n: usize, xof: &mut Xof) -> SmallIntegers {
    let mut words = vec![0u64; n];
    xof.fill_words(&mut words);
    let mut out = vec![0i64; n];
    (Kernels::detect_or_portable().invert_table)(&mut out, &words, &CUMULATIVE);
    words.zeroize();
    SmallIntegers(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn table_is_increasing_and_full() {
        assert!(CUMULATIVE.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(CUMULATIVE[29], (1 << 63) - 1);
    }

    #[test]
    fn moments_match_the_law() {
        let n = 1 << 19;
        let sample = gaussian(n, &mut Seed::from_bytes([2; 32]).expand());
        let mean = sample.as_slice().iter().sum::<i64>() as f64 / n as f64;
        let variance = sample.as_slice().iter().map(|x| x * x).sum::<i64>() as f64 / n as f64;
        assert!(mean.abs() < 5.0 * GAUSSIAN_SIGMA / (n as f64).sqrt());
        let variance_error = GAUSSIAN_SIGMA.powi(2) * (2.0 / n as f64).sqrt();
        assert!((variance - GAUSSIAN_SIGMA.powi(2)).abs() < 5.0 * variance_error);
        assert!(sample.as_slice().iter().all(|x| x.abs() <= GAUSSIAN_BOUND));
    }
}
