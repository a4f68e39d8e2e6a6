//! The transform between slots and coefficients: an FFT over the powers of five.
//!
//! Evaluating a polynomial with complex coefficients v_0 … v_{n−1} at ζ^(5^j), j < n, where ζ has
//! order 4n, halves like an ordinary FFT because 5^j mod 4n runs through the classes
//! ≡ 1 (mod 4) (Cheon, Kim, Kim and Song, ASIACRYPT 2017, "special FFT").

/// Twiddle factors for n = 2^`log_n` complex points, real and imaginary parts apart.
#[derive(Debug)]
pub(super) struct SpecialFft {
    log_n: u32,
    /// Stage s joins blocks of 2^s: e^(2πi·(5^j mod 4·len)/(4·len)), len = 2^(s+1), j < len/2.
    stages: Vec<(Vec<f64>, Vec<f64>)>,
}

impl SpecialFft {
    pub(super) fn new(log_n: u32) -> Self {
        let stages = (1..=log_n)
            .map(|log_len| {
                let half = 1usize << (log_len - 1);
                let order = 8 * half as u64;
                let powers = std::iter::successors(Some(1u64), |g| Some(g * 5 % order)).take(half);
                powers
                    .map(|g| {
                        let angle = std::f64::consts::TAU * g as f64 / order as f64;
                        (angle.cos(), angle.sin())
                    })
                    .unzip()
            })
            .collect();
        Self { log_n, stages }
    }

    /// Coefficients to slots, in place.
    pub(super) fn forward(&self, re: &mut [f64], im: &mut [f64]) {
        self.check(re, im);
        bit_reverse(re, self.log_n);
        bit_reverse(im, self.log_n);
        for (stage, (wr, wi)) in self.stages.iter().enumerate() {
            let half = 1 << stage;
            for (re, im) in re
                .chunks_exact_mut(2 * half)
                .zip(im.chunks_exact_mut(2 * half))
            {
                let (ar, br) = re.split_at_mut(half);
                let (ai, bi) = im.split_at_mut(half);
                let (wr, wi) = (&wr[..half], &wi[..half]);
                let (ai, bi) = (&mut ai[..half], &mut bi[..half]);
                let br = &mut br[..half];
                for j in 0..half {
                    let tr = br[j] * wr[j] - bi[j] * wi[j];
                    let ti = br[j] * wi[j] + bi[j] * wr[j];
                    (br[j], bi[j]) = (ar[j] - tr, ai[j] - ti);
                    (ar[j], ai[j]) = (ar[j] + tr, ai[j] + ti);
                }
            }
        }
    }

    /// Slots to coefficients, in place.
    pub(super) fn inverse(&self, re: &mut [f64], im: &mut [f64]) {
        self.check(re, im);
        for (stage, (wr, wi)) in self.stages.iter().enumerate().rev() {
            let half = 1 << stage;
            for (re, im) in re
                .chunks_exact_mut(2 * half)
                .zip(im.chunks_exact_mut(2 * half))
            {
                let (ar, br) = re.split_at_mut(half);
                let (ai, bi) = im.split_at_mut(half);
                let (wr, wi) = (&wr[..half], &wi[..half]);
                let (ai, bi) = (&mut ai[..half], &mut bi[..half]);
                let br = &mut br[..half];
                for j in 0..half {
                    let (tr, ti) = (ar[j] - br[j], ai[j] - bi[j]);
                    (ar[j], ai[j]) = (ar[j] + br[j], ai[j] + bi[j]);
                    br[j] = tr * wr[j] + ti * wi[j];
                    bi[j] = ti * wr[j] - tr * wi[j];
                }
            }
        }
        bit_reverse(re, self.log_n);
        bit_reverse(im, self.log_n);
        let scale = 1.0 / re.len() as f64;
        for x in re.iter_mut().chain(im) {
            *x *= scale;
        }
    }

    fn check(&self, re: &[f64], im: &[f64]) {
        assert!(re.len() == 1 << self.log_n && im.len() == re.len());
    }
}

fn bit_reverse(x: &mut [f64], log_n: u32) {
    for i in 0..x.len() {
        let j = i.reverse_bits() >> (usize::BITS - log_n);
        if i < j {
            x.swap(i, j);
        }
    }
}
