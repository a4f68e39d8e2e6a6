//! Floating-point coefficients to residues and back.

use tacit_ring::{Basis, Coeff, Modulus, Ntt, Ring, RnsPoly};

/// Below this, rounding by the addition of 1.5·2^52 is exact.
const EXACT: f64 = (1u64 << 51) as f64;
const MAGIC: f64 = (3u64 << 51) as f64;

/// round(x·scale) modulo every prime of the basis.
pub(super) fn to_residues(ring: &Ring, x: &[f64], scale: f64, basis: Basis) -> RnsPoly<Coeff> {
    let largest = x.iter().fold(0.0f64, |acc, v| acc.max(v.abs())) * scale;
    if largest < EXACT {
        let rounded: Vec<i64> = x
            .iter()
            .map(|v| (v * scale + MAGIC).to_bits() as i64 - MAGIC.to_bits() as i64)
            .collect();
        return ring.lift_signed(&rounded, basis);
    }
    let mut out = ring.unspecified(basis);
    let powers: Vec<Vec<u64>> = ring
        .moduli(basis)
        .map(|m| {
            std::iter::successors(Some(1), |&p| Some(m.add(p, p)))
                .take(1024)
                .collect()
        })
        .collect();
    for (i, v) in x.iter().enumerate() {
        let (mantissa, exponent) = split((v * scale).round());
        for (row, (m, powers)) in ring.moduli(basis).zip(&powers).enumerate() {
            out.row_mut(row)[i] = m.mul(m.reduce_i64(mantissa), powers[exponent]);
        }
    }
    out
}

/// round(x) modulo one prime.
pub(super) fn residue(x: f64, m: &Modulus) -> u64 {
    let (mantissa, exponent) = split(x.round());
    m.mul(m.reduce_i64(mantissa), m.pow(2, exponent as u64))
}

/// An integral x as mantissa·2^exponent with a mantissa below 2^62.
fn split(x: f64) -> (i64, usize) {
    let exponent = (x.abs().log2() - 60.0).max(0.0) as i32;
    ((x * (-exponent as f64).exp2()) as i64, exponent as usize)
}

/// The centred coefficients divided by the scale.
pub(super) fn from_residues(ring: &Ring, poly: &RnsPoly<Ntt>, scale: f64) -> Vec<f64> {
    let poly = ring.inverse(poly.clone());
    let moduli: Vec<&Modulus> = ring.moduli(poly.basis()).collect();
    let inverse_scale = 1.0 / scale;
    if let [m] = moduli[..] {
        let q = m.value() as i64;
        let centre = |x: i64| x - (q & ((q / 2 - x) >> 63));
        return poly
            .row(0)
            .iter()
            .map(|&x| centre(x as i64) as f64 * inverse_scale)
            .collect();
    }
    // Mixed radix (Garner): x = d_0 + d_1·q_0 + d_2·q_0·q_1 + …; the top digit tells the sign, and
    // a negative x is decoded as −(−x), so that small values keep their precision.
    let k = moduli.len();
    let inverses: Vec<Vec<u64>> = (0..k)
        .map(|i| {
            (0..i)
                .map(|j| moduli[i].inv(moduli[j].value() % moduli[i].value()))
                .collect()
        })
        .collect();
    let digits = |residues: &mut [u64]| {
        for i in 0..k {
            let m = moduli[i];
            for j in 0..i {
                let d = residues[j] % m.value();
                residues[i] = m.mul(m.sub(residues[i], d), inverses[i][j]);
            }
        }
    };
    let mut residues = vec![0; k];
    let mut negated = vec![0; k];
    (0..ring.n())
        .map(|index| {
            for (i, r) in residues.iter_mut().enumerate() {
                *r = poly.row(i)[index];
                negated[i] = moduli[i].neg(*r);
            }
            digits(&mut residues);
            let negative = residues[k - 1] > moduli[k - 1].value() / 2;
            let (digits, sign) = if negative {
                digits(&mut negated);
                (&negated, -inverse_scale)
            } else {
                (&residues, inverse_scale)
            };
            let value = (0..k).rev().fold(0.0, |acc, i| {
                acc * moduli[i].value() as f64 + digits[i] as f64
            });
            value * sign
        })
        .collect()
}
