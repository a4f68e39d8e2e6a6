//! The transform between slots and coefficients: an FFT over the powers of five.
//!
//! Evaluating a polynomial with complex coefficients v_0 … v_{n−1} at ζ^(5^j), j < n, where ζ has
//! order 4n, halves like an ordinary FFT because 5^j mod 4n runs through the classes
//! ≡ 1 (mod 4) (Cheon, Kim, Kim and Song, ASIACRYPT 2017, "special FFT").
//!
//! Stage s combines pairs of points with factor j, j < 2^s. In bit-reversed order those pairs are 2^s
//! apart and j runs with them; in natural order they are n/2^(s+1) apart and share one j. So the lower half of
//! the stages is done in natural order and the upper half in bit-reversed order: all loops are long, and
//! vectorise. Stages are taken two at a time, to pass over the memory half as often. Real and imaginary
//! parts are separate vectors.

use tacit_ring::kernel::{Kernels, Vectorise};

/// Twiddle factors for n = 2^`log_n` complex points, real and imaginary parts apart.
#[derive(Debug)]
pub(super) struct SpecialFft {
    log_n: usize,
    /// Stage s joins blocks of 2^s: e^(2πi·(5^j mod 4·len)/(4·len)), len = 2^(s+1), j < len/2.
    stages: Vec<[Vec<f64>; 2]>,
}

/// Real parts and imaginary parts of equally many points.
type Points<'a> = [&'a mut [f64]; 2];

/// Real and imaginary parts of factors: one for each pair of points, or one for all.
type Factors<'a> = [&'a [f64]; 2];

impl SpecialFft {
    pub(super) fn new(log_n: u32) -> Self {
        let stages = (1..=log_n)
            .map(|log_len| {
                let half = 1usize << (log_len - 1);
                let order = 8 * half as u64;
                let powers = std::iter::successors(Some(1u64), |g| Some(g * 5 % order)).take(half);
                let factors = powers.map(|g| {
                    let angle = std::f64::consts::TAU * g as f64 / order as f64;
                    (angle.cos(), angle.sin())
                });
                let (re, im): (Vec<f64>, Vec<f64>) = factors.unzip();
                [re, im]
            })
            .collect();
        let log_n = log_n as usize;
        Self { log_n, stages }
    }

    /// Coefficients to slots, in place.
    pub(super) fn forward(&self, kernels: &Kernels, re: &mut [f64], im: &mut [f64]) {
        let points = [re, im];
        kernels.vectorised(Transform::<true> { fft: self, points });
    }

    /// Slots to coefficients, in place.
    pub(super) fn inverse(&self, kernels: &Kernels, re: &mut [f64], im: &mut [f64]) {
        let points = [re, im];
        kernels.vectorised(Transform::<false> { fft: self, points });
    }

    /// Factors `from` … of a stage.
    #[inline(always)]
    fn factors(&self, stage: usize, from: usize) -> Factors<'_> {
        let [re, im] = &self.stages[stage];
        [&re[from..], &im[from..]]
    }

    /// The lower half of the stages, in natural order: blocks of points that share one factor.
    #[inline(always)]
    fn natural<const FORWARD: bool>(&self, re: &mut [f64], im: &mut [f64]) {
        assert!(re.len() == 1 << self.log_n && im.len() == re.len());
        for (stage, double) in steps::<FORWARD>(0, self.log_n / 2) {
            let size = re.len() >> stage;
            let blocks = re.chunks_exact_mut(size).zip(im.chunks_exact_mut(size));
            for (block, (re, im)) in blocks.enumerate() {
                let j = reverse_bits(block, stage);
                let w = self.factors(stage, j);
                if double {
                    let v = [j, j + (1 << stage)].map(|j| self.factors(stage + 1, j));
                    let [x0, x1, x2, x3] = quarters(re, im);
                    join_four::<FORWARD, true>([x0, x2, x1, x3], w, v);
                } else {
                    join_two::<FORWARD, true>(halves(re, im), w);
                }
            }
        }
    }

    /// The upper half of the stages, in bit-reversed order: a factor for each pair of a block.
    #[inline(always)]
    fn reversed<const FORWARD: bool>(&self, re: &mut [f64], im: &mut [f64]) {
        assert!(re.len() == 1 << self.log_n && im.len() == re.len());
        for (stage, double) in steps::<FORWARD>(self.log_n / 2, self.log_n) {
            let size = if double { 4 } else { 2 } << stage;
            let w = self.factors(stage, 0);
            for (re, im) in re.chunks_exact_mut(size).zip(im.chunks_exact_mut(size)) {
                if double {
                    let v = [0, 1 << stage].map(|j| self.factors(stage + 1, j));
                    join_four::<FORWARD, false>(quarters(re, im), w, v);
                } else {
                    join_two::<FORWARD, false>(halves(re, im), w);
                }
            }
        }
    }
}

struct Transform<'a, const FORWARD: bool> {
    fft: &'a SpecialFft,
    points: Points<'a>,
}

impl<const FORWARD: bool> Vectorise for Transform<'_, FORWARD> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let [re, im] = self.points;
        if FORWARD {
            self.fft.natural::<true>(re, im);
            bit_reverse(re, 1.0);
            bit_reverse(im, 1.0);
            self.fft.reversed::<true>(re, im);
        } else {
            self.fft.reversed::<false>(re, im);
            let scale = 1.0 / re.len() as f64;
            bit_reverse(re, scale);
            bit_reverse(im, scale);
            self.fft.natural::<false>(re, im);
        }
    }
}

/// Stages `from` … `to` − 1, two at a time: (lower stage, whether it is two).
#[inline(always)]
fn steps<const FORWARD: bool>(from: usize, to: usize) -> impl Iterator<Item = (usize, bool)> {
    let count = (to - from).div_ceil(2);
    (0..count).map(move |i| {
        let i = if FORWARD { i } else { count - 1 - i };
        let stage = from + 2 * i;
        (stage, stage + 1 < to)
    })
}

#[inline(always)]
fn reverse_bits(x: usize, bits: usize) -> usize {
    match bits {
        0 => 0,
        _ => x.reverse_bits() >> (usize::BITS as usize - bits),
    }
}

#[inline(always)]
fn halves<'a>(re: &'a mut [f64], im: &'a mut [f64]) -> [Points<'a>; 2] {
    let half = re.len() / 2;
    let (re0, re1) = re.split_at_mut(half);
    let (im0, im1) = im.split_at_mut(half);
    [[re0, im0], [re1, im1]]
}

#[inline(always)]
fn quarters<'a>(re: &'a mut [f64], im: &'a mut [f64]) -> [Points<'a>; 4] {
    let [[re0, im0], [re1, im1]] = halves(re, im);
    let [[x0, x1], [x2, x3]] = [halves(re0, im0), halves(re1, im1)];
    [x0, x1, x2, x3]
}

/// One stage: (x_0, x_1) ← (x_0 + w·x_1, x_0 − w·x_1), or backwards (up to a factor of 2).
#[inline(always)]
fn join_two<const FORWARD: bool, const SHARED: bool>(x: [Points<'_>; 2], w: Factors<'_>) {
    let [[re0, im0], [re1, im1]] = x;
    match SHARED {
        true => join_shared::<FORWARD>(re0, im0, re1, im1, [w[0][0], w[1][0]]),
        false => join_each::<FORWARD>(re0, im0, re1, im1, w[0], w[1]),
    }
}

/// Two stages: (x_0, x_1), (x_2, x_3) with w, then (x_0, x_2) with v_0, (x_1, x_3) with v_1.
/// A piece at a time, so that the second finds in the cache what the first has left.
#[inline(always)]
fn join_four<const FORWARD: bool, const SHARED: bool>(
    x: [Points<'_>; 4],
    w: Factors<'_>,
    v: [Factors<'_>; 2],
) {
    let piece = PIECE.min(x[0][0].len());
    let [x0, x1, x2, x3] = x.map(|[re, im]| re.chunks_mut(piece).zip(im.chunks_mut(piece)));
    for (index, (((x0, x1), x2), x3)) in x0.zip(x1).zip(x2).zip(x3).enumerate() {
        let from = if SHARED { 0 } else { index * piece };
        let w = w.map(|w| &w[from..]);
        let v = v.map(|v| v.map(|v| &v[from..]));
        let ((re0, im0), (re1, im1), (re2, im2), (re3, im3)) = (x0, x1, x2, x3);
        if FORWARD {
            join_two::<FORWARD, SHARED>([[re0, im0], [re1, im1]], w);
            join_two::<FORWARD, SHARED>([[re2, im2], [re3, im3]], w);
        }
        join_two::<FORWARD, SHARED>([[re0, im0], [re2, im2]], v[0]);
        join_two::<FORWARD, SHARED>([[re1, im1], [re3, im3]], v[1]);
        if !FORWARD {
            join_two::<FORWARD, SHARED>([[re0, im0], [re1, im1]], w);
            join_two::<FORWARD, SHARED>([[re2, im2], [re3, im3]], w);
        }
    }
}

/// Points of which four sets, real and imaginary, stay in the first-level cache.
const PIECE: usize = 256;

#[inline(always)]
fn join_shared<const FORWARD: bool>(
    re0: &mut [f64],
    im0: &mut [f64],
    re1: &mut [f64],
    im1: &mut [f64],
    w: [f64; 2],
) {
    let n = re0.len();
    let (im0, re1, im1) = (&mut im0[..n], &mut re1[..n], &mut im1[..n]);
    for j in 0..n {
        let (a, b) = butterfly::<FORWARD>([re0[j], im0[j]], [re1[j], im1[j]], w);
        [re0[j], im0[j]] = a;
        [re1[j], im1[j]] = b;
    }
}

#[inline(always)]
fn join_each<const FORWARD: bool>(
    re0: &mut [f64],
    im0: &mut [f64],
    re1: &mut [f64],
    im1: &mut [f64],
    w_re: &[f64],
    w_im: &[f64],
) {
    let n = re0.len();
    let (im0, re1, im1) = (&mut im0[..n], &mut re1[..n], &mut im1[..n]);
    let (w_re, w_im) = (&w_re[..n], &w_im[..n]);
    for j in 0..n {
        let w = [w_re[j], w_im[j]];
        let (a, b) = butterfly::<FORWARD>([re0[j], im0[j]], [re1[j], im1[j]], w);
        [re0[j], im0[j]] = a;
        [re1[j], im1[j]] = b;
    }
}

/// Real and imaginary part.
type Point = [f64; 2];

/// (a + w·b, a − w·b), or (a + b, w̄·(a − b)).
#[inline(always)]
fn butterfly<const FORWARD: bool>(a: Point, b: Point, w: Point) -> (Point, Point) {
    if FORWARD {
        let t = [b[0] * w[0] - b[1] * w[1], b[0] * w[1] + b[1] * w[0]];
        ([a[0] + t[0], a[1] + t[1]], [a[0] - t[0], a[1] - t[1]])
    } else {
        let t = [a[0] - b[0], a[1] - b[1]];
        let product = [t[0] * w[0] + t[1] * w[1], t[1] * w[0] - t[0] * w[1]];
        ([a[0] + b[0], a[1] + b[1]], product)
    }
}

/// log2 of the side of the squares that are moved at once.
const TILE: usize = 3;
const SIDE: usize = 1 << TILE;

/// Bit-reversed order, and a factor. Squares of entries whose index has the same middle bits are turned at once, so that
/// memory is read and written by cache lines.
#[inline(always)]
fn bit_reverse(x: &mut [f64], scale: f64) {
    let log_n = x.len().trailing_zeros() as usize;
    if log_n < 2 * TILE {
        for i in 0..x.len() {
            let j = reverse_bits(i, log_n);
            if i < j {
                x.swap(i, j);
            }
            x[i] *= scale;
        }
        return;
    }
    let middle = log_n - 2 * TILE;
    for m in 0..1usize << middle {
        let r = reverse_bits(m, middle);
        if m <= r {
            let (first, second) = (read_turned(x, m, scale), read_turned(x, r, scale));
            write(x, r, &first);
            write(x, m, &second);
        }
    }
}

/// Row a of the square with middle bits m starts here.
#[inline(always)]
fn row_start(len: usize, a: usize, m: usize) -> usize {
    a * (len >> TILE) + m * SIDE
}

#[inline(always)]
fn read_turned(x: &[f64], m: usize, scale: f64) -> [[f64; SIDE]; SIDE] {
    let mut out = [[0.0; SIDE]; SIDE];
    for a in 0..SIDE {
        let row = &x[row_start(x.len(), a, m)..][..SIDE];
        for c in 0..SIDE {
            out[reverse_bits(c, TILE)][reverse_bits(a, TILE)] = row[c] * scale;
        }
    }
    out
}

#[inline(always)]
fn write(x: &mut [f64], m: usize, rows: &[[f64; SIDE]; SIDE]) {
    for (a, row) in rows.iter().enumerate() {
        let start = row_start(x.len(), a, m);
        x[start..start + SIDE].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_gives_the_same_bits_and_the_inverse_inverts() {
        for log_n in [3, 4, 5, 6, 9, 12] {
            let n = 1usize << log_n;
            let fft = SpecialFft::new(log_n as u32);
            let x: [Vec<f64>; 2] =
                [0.37, 0.73].map(|f| (0..n).map(|i| (i as f64 * f).sin()).collect());
            let outcomes: Vec<_> = Kernels::available()
                .into_iter()
                .map(|kernels| {
                    let [mut re, mut im] = x.clone();
                    fft.forward(kernels, &mut re, &mut im);
                    let slots = [re.clone(), im.clone()];
                    fft.inverse(kernels, &mut re, &mut im);
                    (slots, [re, im])
                })
                .collect();
            for outcome in &outcomes {
                assert_eq!(outcome, &outcomes[0]);
                for (found, expected) in outcome.1.iter().flatten().zip(x.iter().flatten()) {
                    assert!((found - expected).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn squares_are_turned_as_single_entries_are() {
        for log_n in [5, 6, 7, 10] {
            let mut x: Vec<f64> = (0..1usize << log_n).map(|i| i as f64).collect();
            bit_reverse(&mut x, 2.0);
            for (i, &x) in x.iter().enumerate() {
                assert_eq!(x, 2.0 * reverse_bits(i, log_n) as f64);
            }
        }
    }
}
