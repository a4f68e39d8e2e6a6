//! Minimax fits by Remez exchange.
//!
//! The best polynomial of degree `n` leaves an error that reaches its maximum, with alternating
//! sign, at `n + 2` points at least (Chebyshev's theorem). The exchange solves for a levelled
//! error on `n + 2` reference points, moves them to the extrema of the error found, and repeats.

use std::f64::consts::PI;

use super::Polynomial;
use super::fit::{clean, golden_maximum, solve};

/// Best uniform approximation to `f` on `[-half_width, half_width]`.
pub(super) fn minimax(
    f: impl Fn(f64) -> f64,
    half_width: f64,
    degree: usize,
) -> Option<Polynomial> {
    // About an odd centre the best polynomials of degree 2k−1 and 2k are the same and alternate
    // 2k+2 times; the exchange needs the even degree's reference to be unique.
    let centre = f(0.0);
    let odd = (1..=16).all(|i| {
        let u = half_width * f64::from(i) / 16.0;
        (f(u) + f(-u) - 2.0 * centre).abs() < 1e-12 * (1.0 + f(u).abs())
    });
    let working = if odd {
        degree.next_multiple_of(2)
    } else {
        degree
    };
    let mut coefficients = exchange(|t| f(half_width * t), working)?;
    if odd {
        coefficients
            .iter_mut()
            .skip(2)
            .step_by(2)
            .for_each(|c| *c = 0.0);
        coefficients[0] = centre;
    }
    coefficients.truncate(degree + 1);
    clean(&mut coefficients);
    Some(Polynomial::new(half_width, coefficients))
}

/// The exchange on `[-1, 1]`; Chebyshev coefficients.
fn exchange(f: impl Fn(f64) -> f64, degree: usize) -> Option<Vec<f64>> {
    let points = degree + 2;
    let mut reference: Vec<f64> = (0..points)
        .map(|i| (PI * (points - 1 - i) as f64 / (points - 1) as f64).cos())
        .collect();
    for _ in 0..60 {
        let matrix = reference
            .iter()
            .enumerate()
            .map(|(i, t)| {
                let mut row: Vec<f64> = (0..=degree).map(|k| (k as f64 * t.acos()).cos()).collect();
                row.push(if i % 2 == 0 { 1.0 } else { -1.0 });
                row
            })
            .collect();
        let mut solution = solve(matrix, reference.iter().map(|&t| f(t)).collect())?;
        let level = solution.pop()?.abs();
        let polynomial = Polynomial::new(1.0, solution.clone());
        let error = |t: f64| polynomial.eval(t) - f(t);
        let extrema = alternating_extrema(&error, points);
        let largest = extrema.iter().fold(0.0f64, |m, &t| m.max(error(t).abs()));
        if largest <= level * (1.0 + 1e-10) || largest < 1e-14 {
            return Some(solution);
        }
        if extrema.len() < points {
            return None;
        }
        reference = extrema;
    }
    None
}

/// The extrema of `error`, one per run of equal sign, ascending; of more than `count`, the
/// smaller outer ones are dropped.
fn alternating_extrema(error: &impl Fn(f64) -> f64, count: usize) -> Vec<f64> {
    const GRID: usize = 2_000;
    let node = |i: usize| -(PI * i as f64 / GRID as f64).cos();
    let mut best: Vec<usize> = Vec::new();
    for i in 0..=GRID {
        let e = error(node(i));
        match best.last_mut() {
            Some(last) if error(node(*last)).signum() == e.signum() => {
                if e.abs() > error(node(*last)).abs() {
                    *last = i;
                }
            }
            _ => best.push(i),
        }
    }
    let mut extrema: Vec<f64> = best
        .into_iter()
        .map(|i| {
            let (low, high) = (node(i.saturating_sub(1)), node((i + 1).min(GRID)));
            let top = golden_maximum(|t| error(t).abs(), low, high);
            if error(top).abs() > error(node(i)).abs() {
                top
            } else {
                node(i)
            }
        })
        .collect();
    while extrema.len() > count {
        let first = error(extrema[0]).abs();
        let last = error(extrema[extrema.len() - 1]).abs();
        if first < last {
            extrema.remove(0);
        } else {
            extrema.pop();
        }
    }
    extrema
}
