//! Arithmetic modulo one word-sized prime, and the search for such primes.
//!
//! Primes stay at or below 50 bits so that four times a residue still fits the 52-bit
//! multiplier of AVX512-IFMA and products are exact in the two-word floating-point
//! arithmetic of the AVX2 path.

use crate::RingError;

/// Largest prime size, in bits.
pub const MAX_PRIME_BITS: u32 = 50;

/// A prime modulus below 2^50 with its Barrett constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modulus {
    q: u64,
    bits: u32,
    /// floor(2^(2·bits) / q)
    mu: u64,
    /// 2^52 mod q
    r52: u64,
    /// 2^64 mod q
    r64: u64,
    /// floor(2^64 / q)
    mu64: u64,
}

impl Modulus {
    /// Checks that `q` is an odd prime below 2^50.
    pub fn new(q: u64) -> Result<Self, RingError> {
        if !(3..1 << MAX_PRIME_BITS).contains(&q) {
            return Err(RingError::Modulus {
                q,
                reason: "it must lie between 3 and 2^50",
            });
        }
        if !is_prime(q) {
            return Err(RingError::Modulus {
                q,
                reason: "it is not prime",
            });
        }
        let bits = 64 - q.leading_zeros();
        let mu = ((1u128 << (2 * bits)) / q as u128) as u64;
        Ok(Self {
            q,
            bits,
            mu,
            r52: (1u64 << 52) % q,
            r64: ((1u128 << 64) % q as u128) as u64,
            mu64: ((1u128 << 64) / q as u128) as u64,
        })
    }

    /// The prime.
    #[inline]
    pub const fn value(&self) -> u64 {
        self.q
    }

    /// Size of the prime in bits.
    #[inline]
    pub const fn bits(&self) -> u32 {
        self.bits
    }

    /// 2^52 mod q.
    #[inline]
    pub const fn r52(&self) -> u64 {
        self.r52
    }

    /// a + b mod q, for a, b < q. Branch-free.
    #[inline]
    pub const fn add(&self, a: u64, b: u64) -> u64 {
        conditional_subtract(a + b, self.q)
    }

    /// a − b mod q, for a, b < q. Branch-free.
    #[inline]
    pub const fn sub(&self, a: u64, b: u64) -> u64 {
        conditional_subtract(a + self.q - b, self.q)
    }

    /// −a mod q, for a < q. Branch-free.
    #[inline]
    pub const fn neg(&self, a: u64) -> u64 {
        conditional_subtract(self.q - a, self.q)
    }

    /// a·b mod q, for a, b < q (Barrett). Branch-free.
    #[inline]
    pub const fn mul(&self, a: u64, b: u64) -> u64 {
        let x = a as u128 * b as u128;
        let t = (((x >> (self.bits - 1)) * self.mu as u128) >> (self.bits + 1)) as u64;
        let r = (x as u64).wrapping_sub(t.wrapping_mul(self.q));
        conditional_subtract(conditional_subtract(r, 2 * self.q), self.q)
    }

    /// x mod q for any 64-bit x (Barrett). Branch-free.
    #[inline]
    pub const fn reduce_u64(&self, x: u64) -> u64 {
        let estimate = ((x as u128 * self.mu64 as u128) >> 64) as u64;
        conditional_subtract(x.wrapping_sub(estimate.wrapping_mul(self.q)), self.q)
    }

    /// x mod q for any 128-bit x. Branch-free.
    #[inline]
    pub const fn reduce_u128(&self, x: u128) -> u64 {
        let high = self.reduce_u64((x >> 64) as u64);
        self.add(self.mul(high, self.r64), self.reduce_u64(x as u64))
    }

    /// x mod q for any signed 64-bit x, in [0, q). Branch-free.
    #[inline]
    pub const fn reduce_i64(&self, x: i64) -> u64 {
        let magnitude = self.reduce_u64(x.unsigned_abs());
        let negative = (x >> 63) as u64;
        let r = (magnitude ^ negative)
            .wrapping_sub(negative)
            .wrapping_add(self.q & negative);
        conditional_subtract(r, self.q)
    }

    /// base^exponent mod q. Exponents are public: the run time depends on them.
    pub const fn pow(&self, base: u64, mut exponent: u64) -> u64 {
        let mut base = base % self.q;
        let mut acc = 1;
        while exponent > 0 {
            if exponent & 1 == 1 {
                acc = self.mul(acc, base);
            }
            base = self.mul(base, base);
            exponent >>= 1;
        }
        acc
    }

    /// The inverse of a modulo q, for a ≠ 0.
    pub const fn inv(&self, a: u64) -> u64 {
        self.pow(a, self.q - 2)
    }

    /// The representative of `a` in (−q/2, q/2].
    #[inline]
    pub const fn centre(&self, a: u64) -> i64 {
        if a > self.q / 2 {
            a as i64 - self.q as i64
        } else {
            a as i64
        }
    }
}

/// 2^52 − 1.
pub(crate) const MASK52: u64 = (1 << 52) - 1;

/// x − q if x ≥ q, else x, without a branch; requires x < 2^63.
#[inline]
pub(crate) const fn conditional_subtract(x: u64, q: u64) -> u64 {
    let d = x.wrapping_sub(q);
    d.wrapping_add(q & ((d as i64 >> 63) as u64))
}

/// Deterministic Miller–Rabin for 64-bit integers.
pub fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 {
        return false;
    }
    for p in BASES {
        if n.is_multiple_of(p) {
            return n == p;
        }
    }
    let mulmod = |a: u64, b: u64| ((a as u128 * b as u128) % n as u128) as u64;
    let shift = (n - 1).trailing_zeros();
    let odd = (n - 1) >> shift;
    'bases: for a in BASES {
        let (mut x, mut base, mut e) = (1, a, odd);
        while e > 0 {
            if e & 1 == 1 {
                x = mulmod(x, base);
            }
            base = mulmod(base, base);
            e >>= 1;
        }
        if x == 1 || x == n - 1 {
            continue;
        }
        for _ in 1..shift {
            x = mulmod(x, x);
            if x == n - 1 {
                continue 'bases;
            }
        }
        return false;
    }
    true
}

/// Finds primes ≡ 1 (mod `step`) for a list of sizes.
///
/// For each entry of `bits` the largest prime below 2^bits not used before is returned: such primes
/// fill their bits, so uniform residues are sampled with hardly any rejection and encoded without
/// waste, and lie within a few parts per million of the nominal scale. The search is
/// deterministic: all parties find the same chain.
pub fn ntt_primes(bits: &[u32], step: u64) -> Result<Vec<u64>, RingError> {
    let mut chosen: Vec<u64> = Vec::with_capacity(bits.len());
    for &b in bits {
        let exhausted = RingError::PrimesExhausted { bits: b, step };
        if !(20..=MAX_PRIME_BITS).contains(&b) || step >= 1 << (b - 4) {
            return Err(exhausted);
        }
        let top = (1u64 << b) + 1;
        let found = (1..1 << 16)
            .map(|k| top.saturating_sub(k * step))
            .take_while(|&candidate| candidate > 1 << (b - 1))
            .find(|&candidate| is_prime(candidate) && !chosen.contains(&candidate))
            .ok_or(exhausted)?;
        chosen.push(found);
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn composite_and_oversize_moduli_are_refused() {
        assert!(Modulus::new(1 << 50).is_err());
        assert!(Modulus::new((1 << 49) + 2).is_err());
        assert!(Modulus::new(0).is_err());
        assert!(Modulus::new(65537).is_ok());
    }

    #[test]
    fn prime_chains_are_distinct_and_congruent() {
        let step = 1 << 16;
        let primes = ntt_primes(&[50, 40, 40, 40, 50, 50], step).unwrap();
        for (i, &p) in primes.iter().enumerate() {
            assert!(is_prime(p) && p % step == 1);
            assert!(!primes[..i].contains(&p));
        }
        assert!(primes[0] < 1 << 50);
    }

    proptest! {
        #[test]
        fn products_agree_with_wide_division(a: u64, b: u64, pick in 0usize..3) {
            let q = [0x3ffffffff5a0001u64 >> 8, 65537, (1 << 40) - 87][pick];
            let q = (q.min((1 << 50) - 1)..).find(|&x| is_prime(x) && x < 1 << 50)
                .unwrap_or(1_125_899_906_842_597);
            let m = Modulus::new(q).unwrap();
            let (a, b) = (a % q, b % q);
            prop_assert_eq!(m.mul(a, b), (a as u128 * b as u128 % q as u128) as u64);
            prop_assert_eq!(m.add(a, b), (a + b) % q);
            prop_assert_eq!(m.sub(a, b), (a + q - b) % q);
            prop_assert_eq!(m.add(a, m.neg(a)), 0);
        }

        #[test]
        fn reductions_agree_with_division(x: u128, y: i64, large: bool) {
            let m = Modulus::new(if large { 1_125_899_906_842_597 } else { 65537 }).unwrap();
            prop_assert_eq!(m.reduce_u64(x as u64), x as u64 % m.value());
            prop_assert_eq!(m.reduce_u128(x), (x % m.value() as u128) as u64);
            prop_assert_eq!(m.reduce_i64(y), (y as i128).rem_euclid(m.value() as i128) as u64);
        }
    }
}
