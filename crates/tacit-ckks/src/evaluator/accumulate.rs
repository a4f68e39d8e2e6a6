//! Sums of ciphertexts before their division by the special primes.

use super::keyswitch::{Decomposed, Source, lift};
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
        let zero = || params.ring().zero(params.key_basis_at(self.level));
        let c = self.sum.unwrap_or_else(|| [zero(), zero()]);
        ExtendedCiphertext { c, scale }
    }
}

impl Evaluator {
    /// Rotates a ciphertext to one times P. Given times P itself, only its second polynomial is divided.
    pub(crate) fn rotate_unreduced(
        &self,
        [c0, c1]: [Poly; 2],
        steps: i64,
    ) -> Result<[Poly; 2], CkksError> {
        let params = &self.params;
        let ring = params.ring();
        let basis = c0.basis();
        let element = ring.rotation(steps);
        let (lifted, c1) = if basis.p > 0 {
            (c0, params.division(basis, basis.q).apply(ring, &c1))
        } else {
            let mut lifted = ring.unspecified(basis);
            lift(params, &c0, &mut lifted);
            (lifted, c1)
        };
        let source = Source::Fresh(Decomposed::new(params, &c1));
        let switch = self.switch(element, steps, basis.q - 1, source)?;
        Ok(switch.extended(&lifted))
    }
}
