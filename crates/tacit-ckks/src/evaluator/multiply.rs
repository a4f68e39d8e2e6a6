//! Products of ciphertexts.

use super::keyswitch::{Addend, Decomposed, Source, Switch, reaching};
use super::{Evaluator, Poly};
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
        let [mut d0, mut d1, mut d2] = [
            ring.unspecified(basis),
            ring.unspecified(basis),
            ring.unspecified(basis),
        ];
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
        self.relinearise_to(a, a.level() + 1, a.scale)
    }

    /// [`Self::relinearise`] and [`Self::rescale_assign`] with one division.
    pub fn relinearise_rescale(&self, a: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let level = a.level();
        self.rescalable(level)?;
        self.relinearise_to(a, level, a.scale / self.params.q_at(level))
    }

    fn relinearise_to(
        &self,
        a: &Ciphertext,
        kept: usize,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        let [c0, c1, c2] = &a.c[..] else {
            let (operation, found) = ("relinearise", a.c.len());
            return Err(CkksError::Degree {
                operation,
                needed: 3,
                found,
            });
        };
        let c = self
            .relinearisation(c2)?
            .divided(&Addend::Both([c0, c1]), kept);
        Ok(Ciphertext { c: c.into(), scale })
    }

    fn relinearisation<'a>(&'a self, c2: &'a Poly) -> Result<Switch<'a>, CkksError> {
        let key = self.keys.relinearisation.as_ref();
        let key = key.ok_or(CkksError::MissingRelinearisationKey)?;
        let level = c2.basis().q - 1;
        Ok(Switch {
            params: &self.params,
            level,
            key: reaching(&key.0, "relinearise", level)?,
            source: Source::Fresh(Decomposed::new(&self.params, c2)),
            permutation: None,
        })
    }

    /// The product and its relinearisation in one go: of the three polynomials only the last is formed
    /// as a whole.
    fn mul_to(
        &self,
        a: &Ciphertext,
        b: &Ciphertext,
        rescale: bool,
    ) -> Result<Ciphertext, CkksError> {
        self.linear(a, "multiply")?;
        self.linear(b, "multiply")?;
        let level = a.level().min(b.level());
        let mut scale = a.scale * b.scale;
        self.check_scale("multiply", scale, level)?;
        let mut kept = level + 1;
        if rescale {
            self.rescalable(level)?;
            scale /= self.params.q_at(level);
            kept = level;
        }
        let ring = self.params.ring();
        let mut c2: Poly = ring.unspecified(Basis::q(level + 1));
        for (j, out) in c2.rows_mut().enumerate() {
            (ring.kernels().mul)(out, a.c[1].row(j), b.c[1].row(j), ring.q(j));
        }
        let addend = Addend::Tensor([&a.c[0], &a.c[1]], [&b.c[0], &b.c[1]]);
        let c = self.relinearisation(&c2)?.divided(&addend, kept);
        Ok(Ciphertext { c: c.into(), scale })
    }

    fn rescalable(&self, level: usize) -> Result<(), CkksError> {
        if level > 0 {
            return Ok(());
        }
        Err(CkksError::Level {
            operation: "rescale",
            needed: 1,
            found: 0,
        })
    }

    /// a·b, relinearised.
    pub fn mul_relinearise(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.mul_to(a, b, false)
    }

    /// a·b, relinearised and rescaled.
    pub fn mul_rescale(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        self.mul_to(a, b, true)
    }
}
