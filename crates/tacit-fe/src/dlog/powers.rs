//! gT^v for signed v of up to 54 bits, by table: v = Σ_i e_i 256^i with −128 ≤ e_i ≤ 127, a product
//! of at most seven stored powers. A negative digit costs nothing, since 1/y is the conjugate of y.

use crate::group::Gt;

const DIGITS: usize = 7;
const HALF: i64 = 128;

/// Stored powers gT^{e·256^i}, e = 1…128.
pub(super) struct Powers(Vec<Gt>);

impl Powers {
    /// Largest magnitude of an exponent.
    pub(super) const LIMIT: u64 = 1 << 54;
    pub(super) const BYTES: u64 = (DIGITS as u64 * HALF as u64) * size_of::<Gt>() as u64;

    pub(super) fn new() -> Self {
        let mut powers = Vec::with_capacity(DIGITS * HALF as usize);
        let mut base = Gt::generator();
        for _ in 0..DIGITS {
            let mut power = base;
            for _ in 0..HALF {
                powers.push(power);
                power = power * base;
            }
            base = powers[powers.len() - 1].square();
        }
        Self(powers)
    }

    /// gT^v.
    pub(super) fn power(&self, v: i64) -> Gt {
        debug_assert!(v.unsigned_abs() <= Self::LIMIT);
        let mut rest = v;
        let mut out: Option<Gt> = None;
        for row in self.0.chunks_exact(HALF as usize) {
            // The digit with the same remainder, from −128 to 127.
            let digit = (rest + HALF).rem_euclid(2 * HALF) - HALF;
            rest = (rest - digit) / (2 * HALF);
            if digit != 0 {
                let stored = row[digit.unsigned_abs() as usize - 1];
                let factor = if digit < 0 { stored.inverse() } else { stored };
                out = Some(out.map_or(factor, |out| out * factor));
            }
        }
        out.unwrap_or_else(Gt::identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn powers_by_table_are_powers(v in -(1i64 << 54)..=1 << 54) {
            prop_assert_eq!(Powers::new().power(v), Gt::generator().pow_signed(v));
        }
    }

    #[test]
    fn extreme_exponents_have_seven_digits() {
        let powers = Powers::new();
        let limit = Powers::LIMIT as i64;
        for v in [
            0,
            1,
            -1,
            127,
            128,
            -128,
            -129,
            32767,
            32768,
            limit,
            -limit,
            limit - 1,
        ] {
            assert_eq!(powers.power(v), Gt::generator().pow_signed(v), "{v}");
        }
    }
}
