//! Slot vectors that repeat: encoded in a smaller ring.
//!
//! If slot j depends only on j mod p, the polynomial is one in X^r, with r = slots/p: an element of the ring of
//! degree N/r, whose slots are one period. Encoding is done there, at 1/r of the price. In
//! evaluation form every value of the small ring stands r times in a row: leaf k of the transform's tree evaluates at
//! an exponent whose residue modulo the small order depends on ⌊k/r⌋ only.

use super::{SpecialFft, check_range, integers};
use crate::{CkksError, Parameters, Plaintext};
use tacit_ring::{Basis, Ntt, Ring, RingKind, RnsPoly};

/// Encodes slot vectors of one period.
#[derive(Debug)]
pub struct PeriodicEncoder {
    params: Parameters,
    ring: Ring,
    fft: SpecialFft,
    period: usize,
}

/// An encoded vector that repeats, without the repetitions.
#[derive(Debug, Clone, PartialEq)]
pub struct PeriodicPlaintext {
    poly: RnsPoly<Ntt>,
    scale: f64,
}

impl PeriodicEncoder {
    /// For vectors of the given period, a power of two of at least 16.
    ///
    /// ```
    /// use tacit_ckks::{Encoder, Parameters, PeriodicEncoder, Preset};
    /// use tacit_ring::RingKind;
    ///
    /// let params = Parameters::new(&Preset::N13.literal(RingKind::ConjugateInvariant))?;
    /// let encoder = PeriodicEncoder::new(&params, 16)?;
    /// let values: Vec<f64> = (0..16).map(f64::from).collect();
    /// let plaintext = encoder.encode(&values, 1, params.scale())?.expand(&params);
    /// let decoded = Encoder::new(&params).decode(&plaintext);
    /// assert!((decoded[16 * 100 + 3] - 3.0).abs() < 1e-6);
    /// # Ok::<(), tacit_ckks::CkksError>(())
    /// ```
    pub fn new(params: &Parameters, period: usize) -> Result<Self, CkksError> {
        let slots = params.slots();
        if !period.is_power_of_two() || !(16..=slots).contains(&period) {
            let why = "a period must be a power of two between 16 and the number of slots";
            return Err(CkksError::Unsupported(why));
        }
        let large = params.ring();
        let primes: Vec<u64> = (large.moduli(large.full_basis()))
            .map(|m| m.value())
            .collect();
        let (q, p) = primes.split_at(large.full_basis().q);
        let log_n = large.log_n() - (slots / period).trailing_zeros();
        Ok(Self {
            params: params.clone(),
            ring: Ring::new(large.kind(), log_n, q, p)?,
            fft: SpecialFft::new(period.trailing_zeros()),
            period,
        })
    }

    /// Encodes one period.
    pub fn encode(
        &self,
        values: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<PeriodicPlaintext, CkksError> {
        if values.len() != self.period {
            let (found, slots) = (values.len(), self.period);
            return Err(CkksError::Slots { found, slots });
        }
        let (mut re, mut im) = (values.to_vec(), vec![0.0; self.period]);
        let basis = Basis::q(level + 1);
        self.fft.inverse(self.ring.kernels(), &mut re, &mut im);
        if self.ring.kind() == RingKind::Standard {
            re.extend_from_slice(&im);
        }
        check_range(&self.params, &re, basis, scale)?;
        let poly = integers::to_residues(&self.ring, &re, scale, basis);
        let poly = self.ring.forward(poly);
        Ok(PeriodicPlaintext { poly, scale })
    }
}

impl PeriodicPlaintext {
    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Number of ciphertext primes minus one.
    pub fn level(&self) -> usize {
        self.poly.basis().q - 1
    }

    /// Residues modulo prime `index` of a part of the whole polynomial of degree `n`, starting at `from`.
    ///
    /// # Panics
    /// If the part does not begin and end where repetitions do.
    pub fn expand_row(&self, n: usize, index: usize, from: usize, out: &mut [u64]) {
        let repeat = n / self.poly.n();
        assert!(from.is_multiple_of(repeat) && out.len().is_multiple_of(repeat));
        let row = &self.poly.row(index)[from / repeat..];
        for (out, &value) in out.chunks_exact_mut(repeat).zip(row) {
            out.fill(value);
        }
    }

    /// With all repetitions.
    pub fn expand(&self, params: &Parameters) -> Plaintext {
        let ring = params.ring();
        let mut out = ring.unspecified(self.poly.basis());
        for (index, row) in out.rows_mut().enumerate() {
            self.expand_row(ring.n(), index, 0, row);
        }
        Plaintext::from_parts(out, self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Encoder, ParametersLiteral};

    #[test]
    fn repeating_vectors_encode_as_the_whole_vector_does() {
        for kind in [RingKind::Standard, RingKind::ConjugateInvariant] {
            let params = Parameters::insecure_toy(&ParametersLiteral {
                kind,
                log_n: 9,
                q_bits: vec![50, 40, 42],
                p_bits: vec![50],
                log_scale: 40,
            })
            .unwrap();
            let slots = params.slots();
            for period in [16, 64, slots] {
                let values: Vec<f64> = (0..period).map(|i| (i as f64 * 0.7).sin()).collect();
                let encoder = PeriodicEncoder::new(&params, period).unwrap();
                let found = encoder.encode(&values, 2, params.scale()).unwrap();
                assert_eq!((found.level(), found.scale()), (2, params.scale()));
                let decoded = Encoder::new(&params).decode(&found.expand(&params));
                for (slot, value) in decoded.iter().enumerate() {
                    assert!(
                        (value - values[slot % period]).abs() < 1e-8,
                        "{kind:?} {period}"
                    );
                }
            }
            assert!(PeriodicEncoder::new(&params, 24).is_err());
            assert!(PeriodicEncoder::new(&params, 2 * slots).is_err());
            let encoder = PeriodicEncoder::new(&params, 16).unwrap();
            assert!(encoder.encode(&[0.0; 15], 1, params.scale()).is_err());
            assert!(encoder.encode(&[f64::NAN; 16], 1, params.scale()).is_err());
        }
    }
}
