//! Sums of ciphertexts before their division by the special primes.

use super::keyswitch::{extended, switch};
use super::{Evaluator, ExtendedCiphertext, Poly};
use crate::CkksError;

/// A running sum of ciphertexts times P. The first term is taken over, not added to zero.
pub(crate) struct ExtendedAccumulator<'a> {
    evaluator: &'a Evaluator,
    level: usize,
    sum: Option<[Poly; 2]>,
}

// Only for rayon's folds, which clone the *empty* start of each piece.
impl Clone for ExtendedAccumulator<'_> {
    fn clone(&self) -> Self {
        Self {
            evaluator: self.evaluator,
            level: self.level,
            sum: self.sum.clone(),
        }
    }
}

impl<'a> ExtendedAccumulator<'a> {
    pub fn new(evaluator: &'a Evaluator, level: usize) -> Self {
        Self {
            evaluator,
            level,
            sum: None,
        }
    }

    /// An empty one for the same level.
    pub fn empty(&self) -> Self {
        Self::new(self.evaluator, self.level)
    }

    pub fn add(&mut self, term: [Poly; 2]) {
        match &mut self.sum {
            None => self.sum = Some(term),
            Some(sum) => {
                for (sum, term) in sum.iter_mut().zip(&term) {
                    self.evaluator.params().ring().add_assign(sum, term);
                }
            }
        }
    }

    pub fn merge(&mut self, other: Self) {
        if let Some(term) = other.sum {
            self.add(term);
        }
    }

    /// The sum; zero if there was no term.
    pub fn finish(self, scale: f64) -> ExtendedCiphertext {
        let params = self.evaluator.params();
        let zero = || params.ring().zero(extended(params, self.level));
        let c = self.sum.unwrap_or_else(|| [zero(), zero()]);
        ExtendedCiphertext { c, scale }
    }
}

impl Evaluator {
    /// Rotates a ciphertext times P to another one, dividing only its second polynomial by P.
    pub(crate) fn rotate_unreduced(
        &self,
        [c0, c1]: [Poly; 2],
        steps: i64,
    ) -> Result<[Poly; 2], CkksError> {
        let params = &self.params;
        let ring = params.ring();
        let element = ring.rotation(steps);
        if element.is_identity() {
            return Ok([c0, c1]);
        }
        let key = self.galois_key(element, steps)?;
        let c1 = params.division(c1.basis(), c1.basis().q).apply(ring, &c1);
        let [mut out0, out1] = switch(params, &c1, key);
        ring.add_assign(&mut out0, &c0);
        Ok([
            ring.automorphism(element, &out0),
            ring.automorphism(element, &out1),
        ])
    }

    /// As [`Self::rotate_unreduced`], for a second polynomial that was never multiplied by P.
    pub(crate) fn rotate_to_extended(
        &self,
        [c0, c1]: [Poly; 2],
        steps: i64,
    ) -> Result<[Poly; 2], CkksError> {
        let params = &self.params;
        let ring = params.ring();
        let element = ring.rotation(steps);
        let key = self.galois_key(element, steps)?;
        let [mut out0, out1] = switch(params, &c1, key);
        super::keyswitch::add_multiple_of_p(params, &mut out0, &c0);
        Ok([
            ring.automorphism(element, &out0),
            ring.automorphism(element, &out1),
        ])
    }
}
