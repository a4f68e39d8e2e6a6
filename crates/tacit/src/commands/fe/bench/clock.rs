//! Medians, and the group operations as a yardstick beside them.

use std::hint::black_box;
use std::time::Instant;

use tacit_fe::group::{G1, G1Affine, G2, Scalar, miller_loop};
use tacit_ring::Seed;

/// The median of a figure in seconds over `repeats` measurements, and what was computed.
pub(super) fn median<T>(
    repeats: u32,
    mut work: impl FnMut(u64) -> Result<T, crate::Error>,
) -> Result<(f64, Vec<T>), crate::Error> {
    let mut times = Vec::new();
    let mut results = Vec::new();
    for i in 0..repeats.max(1) {
        let start = Instant::now();
        let result = black_box(work(i.into())?);
        times.push(start.elapsed().as_secs_f64());
        results.push(result);
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], results))
}

/// Seconds of one operation of the pairing groups.
pub(super) struct Yardstick {
    /// Adding an affine point of G1.
    pub g1_add: f64,
    /// A Miller loop of two pairs.
    pub miller2: f64,
    /// A final exponentiation.
    pub final_exp: f64,
}

impl Yardstick {
    pub(super) fn measure() -> Yardstick {
        let mut xof = Seed::from_bytes([7; 32]).expand();
        let mut scalar = || Scalar::random(&mut xof);
        let p: Vec<G1Affine> = (0..64)
            .map(|_| G1::generator().mul(&scalar()).to_affine())
            .collect();
        let q: Vec<_> = (0..2)
            .map(|_| G2::generator().mul(&scalar()).to_affine())
            .collect();
        let mut sum = G1::generator();
        let g1_add = each(64, || {
            for point in &p {
                sum = black_box(&sum).add_affine(point);
            }
        });
        black_box(sum);
        let pairs = [(p[0], q[0]), (p[1], q[1])];
        let miller2 = each(1, || {
            black_box(miller_loop(black_box(&pairs)));
        });
        let value = miller_loop(&pairs);
        let final_exp = each(1, || {
            black_box(black_box(&value).final_exponentiation());
        });
        Yardstick {
            g1_add,
            miller2,
            final_exp,
        }
    }
}

/// Median seconds of one of `count` operations done by `work`.
fn each(count: u32, mut work: impl FnMut()) -> f64 {
    work();
    let mut times: Vec<f64> = (0..51)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2] / f64::from(count)
}
