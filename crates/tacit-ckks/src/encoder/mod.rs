//! From slots to polynomials and back.
//!
//! A polynomial m of the standard ring has N/2 complex slots, the evaluations at ζ^(5^j), with ζ a
//! primitive complex 2N-th root of unity; the other half are their conjugates. An element of the conjugate-invariant
//! ring of degree N is an element of the standard ring of degree 2N whose N slots are real: its slots
//! are those. Rotation by r moves slot j + r to slot j.
//!
//! Encoding is the inverse of the evaluation map, times the scale, rounded to integers.

mod fft;
mod integers;
mod periodic;

pub use periodic::{PeriodicEncoder, PeriodicPlaintext};

use crate::{CkksError, Parameters, Plaintext};
use fft::SpecialFft;
use tacit_ring::{Basis, RingKind};

/// A complex number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Complex {
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

/// Encodes and decodes for one parameter set.
///
/// ```
/// use tacit_ckks::{Encoder, Parameters, Preset};
/// use tacit_ring::RingKind;
///
/// let params = Parameters::new(&Preset::N13.literal(RingKind::ConjugateInvariant))?;
/// let encoder = Encoder::new(&params);
/// let plaintext = encoder.encode(&[0.5, -1.25, 3.0], params.max_level(), params.scale())?;
/// let values = encoder.decode(&plaintext);
/// assert!((values[1] + 1.25).abs() < 1e-6);
/// # Ok::<(), tacit_ckks::CkksError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Encoder {
    params: Parameters,
    fft: std::sync::Arc<SpecialFft>,
}

impl Encoder {
    /// Prepares the transform.
    pub fn new(params: &Parameters) -> Self {
        let fft = SpecialFft::new(params.slots().trailing_zeros());
        Self {
            params: params.clone(),
            fft: fft.into(),
        }
    }

    /// The parameters.
    pub fn params(&self) -> &Parameters {
        &self.params
    }

    /// Encodes real values, one per slot; missing ones are zero.
    pub fn encode(&self, values: &[f64], level: usize, scale: f64) -> Result<Plaintext, CkksError> {
        self.encode_over(values, Basis::q(level + 1), scale)
    }

    /// As [`Self::encode`], over any basis: plaintexts that multiply before the division by the special primes
    /// need residues modulo those too.
    pub fn encode_over(
        &self,
        values: &[f64],
        basis: Basis,
        scale: f64,
    ) -> Result<Plaintext, CkksError> {
        let (mut re, mut im) = self.buffers(values.len())?;
        re[..values.len()].copy_from_slice(values);
        self.finish_encoding(&mut re, &mut im, basis, scale)
    }

    /// Encodes complex values (standard ring only).
    pub fn encode_complex(
        &self,
        values: &[Complex],
        level: usize,
        scale: f64,
    ) -> Result<Plaintext, CkksError> {
        if self.params.ring().kind() == RingKind::ConjugateInvariant {
            let why = "the conjugate-invariant ring has real slots; encode real values";
            return Err(CkksError::Unsupported(why));
        }
        let (mut re, mut im) = self.buffers(values.len())?;
        for (slot, value) in values.iter().enumerate() {
            (re[slot], im[slot]) = (value.re, value.im);
        }
        self.finish_encoding(&mut re, &mut im, Basis::q(level + 1), scale)
    }

    /// The same value in every slot: a constant polynomial, encoded without a transform.
    pub fn encode_constant(
        &self,
        value: f64,
        level: usize,
        scale: f64,
    ) -> Result<Plaintext, CkksError> {
        let ring = self.params.ring();
        let basis = Basis::q(level + 1);
        check_range(&self.params, &[value], basis, scale)?;
        let mut poly = ring.unspecified(basis);
        for (row, m) in poly.rows_mut().zip(ring.moduli(basis)) {
            row.fill(integers::residue(value * scale, m));
        }
        Ok(Plaintext::from_parts(poly, scale))
    }

    fn buffers(&self, found: usize) -> Result<(Vec<f64>, Vec<f64>), CkksError> {
        let slots = self.params.slots();
        if found > slots {
            return Err(CkksError::Slots { found, slots });
        }
        Ok((vec![0.0; slots], vec![0.0; slots]))
    }

    fn finish_encoding(
        &self,
        re: &mut Vec<f64>,
        im: &mut [f64],
        basis: Basis,
        scale: f64,
    ) -> Result<Plaintext, CkksError> {
        let ring = self.params.ring();
        self.fft.inverse(ring.kernels(), re, im);
        if ring.kind() == RingKind::Standard {
            re.extend_from_slice(im);
        }
        check_range(&self.params, re, basis, scale)?;
        let poly = integers::to_residues(ring, re, scale, basis);
        Ok(Plaintext::from_parts(ring.forward(poly), scale))
    }

    /// The real parts of all slots.
    pub fn decode(&self, plaintext: &Plaintext) -> Vec<f64> {
        self.decode_parts(plaintext).0
    }

    /// All slots (standard ring; imaginary parts are zero in the other).
    pub fn decode_complex(&self, plaintext: &Plaintext) -> Vec<Complex> {
        let (re, im) = self.decode_parts(plaintext);
        re.into_iter()
            .zip(im)
            .map(|(re, im)| Complex { re, im })
            .collect()
    }

    fn decode_parts(&self, plaintext: &Plaintext) -> (Vec<f64>, Vec<f64>) {
        let ring = self.params.ring();
        let mut re = integers::from_residues(ring, plaintext.poly(), plaintext.scale());
        let slots = self.params.slots();
        let mut im = match ring.kind() {
            RingKind::Standard => re.split_off(slots),
            RingKind::ConjugateInvariant => {
                // Coefficient N + i of the element of the standard ring of degree 2N: −a_{N−i}.
                let mut im = vec![0.0; slots];
                for i in 1..slots {
                    im[i] = -re[slots - i];
                }
                im
            }
        };
        self.fft.forward(ring.kernels(), &mut re, &mut im);
        if ring.kind() == RingKind::ConjugateInvariant {
            im.fill(0.0);
        }
        (re, im)
    }
}

/// Coefficients must be finite and, scaled, stay below a quarter of the modulus.
fn check_range(params: &Parameters, x: &[f64], basis: Basis, scale: f64) -> Result<(), CkksError> {
    let modulus = params.ring().log2_modulus(basis);
    let limit = (modulus - 2.0).exp2() / scale;
    let bad = |x: &f64| x.is_nan() || x.abs() >= limit;
    if scale.is_nan() || !(1.0..f64::MAX).contains(&scale) {
        let scale = scale.log2();
        return Err(CkksError::ScaleOverflow {
            operation: "encode",
            scale,
            modulus,
        });
    }
    match x.iter().position(bad) {
        None => Ok(()),
        Some(slot) => Err(CkksError::Value {
            slot,
            value: x[slot],
            scale: scale.log2(),
            modulus,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ParametersLiteral, Preset};
    use proptest::prelude::*;

    const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

    fn toy(kind: RingKind, log_n: u32) -> Parameters {
        let q_bits = vec![50, 40, 40, 40, 40];
        Parameters::insecure_toy(&ParametersLiteral {
            kind,
            log_n,
            q_bits,
            p_bits: vec![50],
            log_scale: 40,
        })
        .unwrap()
    }

    /// The definition: slot j is m(ζ^(5^j)).
    fn evaluate(kind: RingKind, coefficients: &[f64], slot: usize) -> Complex {
        let n = coefficients.len();
        let order = kind.root_order(n.trailing_zeros());
        let exponent = (0..slot).fold(1u64, |g, _| g * 5 % order);
        let mut sum = Complex::default();
        for (i, &c) in coefficients.iter().enumerate() {
            let angle = std::f64::consts::TAU * (exponent * i as u64 % order) as f64 / order as f64;
            match kind {
                RingKind::Standard => {
                    sum.re += c * angle.cos();
                    sum.im += c * angle.sin();
                }
                RingKind::ConjugateInvariant => {
                    sum.re += if i == 0 { c } else { 2.0 * c * angle.cos() };
                }
            }
        }
        sum
    }

    #[test]
    fn slots_are_evaluations_at_powers_of_five() {
        for kind in KINDS {
            let params = toy(kind, 5);
            let encoder = Encoder::new(&params);
            let values: Vec<f64> = (0..params.slots())
                .map(|i| (i as f64 * 0.7).sin())
                .collect();
            let plaintext = encoder.encode(&values, 1, params.scale()).unwrap();
            let coefficients =
                integers::from_residues(params.ring(), plaintext.poly(), plaintext.scale());
            for (slot, value) in values.iter().enumerate() {
                let found = evaluate(kind, &coefficients, slot);
                assert!((found.re - value).abs() < 1e-9 && found.im.abs() < 1e-9);
            }
        }
    }

    #[test]
    fn rotation_moves_slots_as_documented() {
        for kind in KINDS {
            let params = toy(kind, 6);
            let encoder = Encoder::new(&params);
            let slots = params.slots();
            let values: Vec<f64> = (0..slots).map(|i| i as f64).collect();
            let plaintext = encoder.encode(&values, 0, params.scale()).unwrap();
            for steps in [1i64, 3, -2] {
                let g = params.ring().rotation(steps);
                let poly = params.ring().automorphism(g, plaintext.poly());
                let rotated = encoder.decode(&Plaintext::from_parts(poly, plaintext.scale()));
                for (i, found) in rotated.iter().enumerate() {
                    let source = (i as i64 + steps).rem_euclid(slots as i64) as usize;
                    assert!((found - values[source]).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused_by_slot() {
        let params = Parameters::new(&Preset::N13.literal(RingKind::Standard)).unwrap();
        let encoder = Encoder::new(&params);
        let nan = encoder.encode(&[1.0, f64::NAN], 0, params.scale());
        assert!(matches!(nan, Err(CkksError::Value { .. })));
        let large = encoder.encode_constant(100.0, 0, params.scale());
        assert!(matches!(large, Err(CkksError::Value { .. })));
        let many = encoder.encode(&vec![0.0; 5000], 0, params.scale());
        assert_eq!(
            many.unwrap_err(),
            CkksError::Slots {
                found: 5000,
                slots: 4096
            }
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn decoding_inverts_encoding(
            values in prop::collection::vec(-100.0f64..100.0, 1..64),
            level in 0usize..4,
            log_scale in 30u32..140,
            kind in 0usize..2,
        ) {
            let params = toy(KINDS[kind], 7);
            let encoder = Encoder::new(&params);
            let fits = (log_scale + 10) as f64 <= params.log2_q(level);
            let scale = (log_scale as f64).exp2();
            match encoder.encode(&values, level, scale) {
                Err(error) => prop_assert!(!fits, "{}", error),
                Ok(plaintext) => {
                    let decoded = encoder.decode(&plaintext);
                    let tolerance = 1e-10_f64.max(200.0 / scale);
                    for (found, value) in decoded.iter().zip(&values) {
                        prop_assert!((found - value).abs() < tolerance, "{} {}", found, value);
                    }
                }
            }
        }

        #[test]
        fn complex_values_round_trip(re in -10.0f64..10.0, im in -10.0f64..10.0) {
            let params = toy(RingKind::Standard, 6);
            let encoder = Encoder::new(&params);
            let values = vec![Complex { re, im }; 5];
            let plaintext = encoder.encode_complex(&values, 2, params.scale()).unwrap();
            let decoded = encoder.decode_complex(&plaintext);
            prop_assert!((decoded[4].re - re).abs() < 1e-9 && (decoded[4].im - im).abs() < 1e-9);
        }
    }
}
