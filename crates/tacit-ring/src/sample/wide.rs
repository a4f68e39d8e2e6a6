use crate::Xof;
use crate::poly::WideIntegers;

/// `n` integers uniform on [−2^bits, 2^bits): masks of the refresh protocol and flooding noise.
///
/// Each word position is drawn for all integers before the next one; the top word is an
/// arithmetic shift of its draw, so that exactly `bits` + 1 random bits remain.
///
/// # Panics
/// If `bits` is not in 1…510.
pub fn wide_uniform(n: usize, bits: u32, xof: &mut Xof) -> WideIntegers {
    assert!((1..=510).contains(&bits));
    let limbs = (bits as usize + 1).div_ceil(64);
    let mut out = WideIntegers::zero(n, limbs);
    for limb in 0..limbs {
        xof.fill_words(out.limb_mut(limb));
    }
    let surplus = 64 * limbs as u32 - (bits + 1);
    for x in out.limb_mut(limbs - 1) {
        *x = ((*x as i64) >> surplus) as u64;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seed;

    #[test]
    fn values_fill_their_range_and_stay_inside() {
        for bits in [1, 5, 62, 63, 64, 100, 140] {
            let sample = wide_uniform(1 << 12, bits, &mut Seed::from_bytes([3; 32]).expand());
            let top = sample.limb(sample.limbs() - 1);
            let high = |x: u64| (x as i64) >> (bits % 64).min(63);
            assert!(top.iter().all(|&x| matches!(high(x), -1 | 0)));
            let negative = top.iter().filter(|&&x| (x as i64) < 0).count() as f64;
            assert!((negative - 2048.0).abs() < 5.0 * 32.0);
        }
    }
}
