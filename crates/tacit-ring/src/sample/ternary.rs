use super::SmallIntegers;
use crate::Xof;
use zeroize::Zeroize;

/// 3^5: a byte below it holds five uniform base-3 digits.
const BYTES_IN_USE: u8 = 243;

/// `n` values uniform on {−1, 0, 1}: each accepted byte b < 243 gives the base-3 digits of b, least
/// significant first, minus one. Bytes are drawn in blocks of 256; what is left of the last block
/// is discarded.
pub fn ternary(n: usize, xof: &mut Xof) -> SmallIntegers {
    let mut out = Vec::with_capacity(n + 5);
    let mut block = [0u8; 256];
    while out.len() < n {
        xof.fill(&mut block);
        for &byte in &block {
            if byte < BYTES_IN_USE && out.len() < n {
                let mut b = byte as u32;
                for _ in 0..5 {
                    let quotient = (b * 171) >> 9; // b / 3 for b < 512
                    out.push((b - 3 * quotient) as i64 - 1);
                    b = quotient;
                }
            }
        }
    }
    block.zeroize();
    out[n..].zeroize();
    out.truncate(n);
    SmallIntegers(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn the_three_values_are_equally_frequent() {
        let n = 1 << 18;
        let sample = ternary(n, &mut Seed::from_bytes([1; 32]).expand());
        assert_eq!(sample.as_slice().len(), n);
        for value in -1..=1 {
            let count = sample.as_slice().iter().filter(|&&x| x == value).count() as f64;
            // 5 standard deviations of a binomial with p = 1/3.
            assert!((count - n as f64 / 3.0).abs() < 5.0 * (n as f64 * 2.0 / 9.0).sqrt());
        }
    }
}
