//! Products of ciphertexts.

use super::Evaluator;
use super::keyswitch::{add_multiple_of_p, switch};
use crate::{Ciphertext, CkksError};
use tacit_ring::Basis;

impl Evaluator {
    /// a·b as three polynomials, not relinearised: sums of such products share one relinearisation.
    pub fn mul(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.linear(a, "multiply")?;
        self.linear(b, "multiply")?;
        let level = a.level().min(b.level());
        let scale = a.scale * b.scale;
        self.check_scale("multiply", scale, level)?;
        let ring = self.params.ring();
        let basis = Basis::q(level + 1);
        let [mut d0, mut d1, mut d2] = [ring.zero(basis), ring.zero(basis), ring.zero(basis)];
        for (j, m) in ring.moduli(basis).enumerate() {
            (ring.kernels().tensor)(
                [d0.row_mut(j), d1.row_mut(j), d2.row_mut(j)],
                [a.c[0].row(j), a.c[1].row(j)],
                [b.c[0].row(j), b.c[1].row(j)],
                m,
            );
        }
        Ok(Ciphertext {
            c: vec![d0, d1, d2],
            scale,
        })
    }

    /// From three polynomials to two.
    pub fn relinearise(&self, a: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let c = self.relinearise_extended(a)?;
        Ok(self.divide(&c, a.level() + 1, a.scale))
    }

    /// [`Self::relinearise`] and [`Self::rescale_assign`] with one division.
    pub fn relinearise_rescale(&self, a: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let level = a.level();
        if level == 0 {
            return Err(CkksError::Level {
                operation: "rescale",
                needed: 1,
                found: 0,
            });
        }
        let c = self.relinearise_extended(a)?;
        Ok(self.divide(&c, level, a.scale / self.params.q_at(level)))
    }

    fn relinearise_extended(&self, a: &Ciphertext) -> Result<[super::Poly; 2], CkksError> {
        let [c0, c1, c2] = &a.c[..] else {
            let (operation, found) = ("relinearise", a.c.len());
            return Err(CkksError::Degree {
                operation,
                needed: 3,
                found,
            });
        };
        let key = self.keys.relinearisation.as_ref();
        let key = key.ok_or(CkksError::MissingRelinearisationKey)?;
        let mut out = switch(&self.params, c2, &key.0);
        for (out, c) in out.iter_mut().zip([c0, c1]) {
            add_multiple_of_p(&self.params, out, c);
        }
        Ok(out)
    }

    /// a·b, relinearised.
    pub fn mul_relinearise(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.relinearise(&self.mul(a, b)?)
    }

    /// a·b, relinearised and rescaled.
    pub fn mul_rescale(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.relinearise_rescale(&self.mul(a, b)?)
    }
}
