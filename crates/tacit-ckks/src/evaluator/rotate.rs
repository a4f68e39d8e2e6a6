//! Rotations and conjugation.

use super::keyswitch::switch;
use super::{Evaluator, Poly};
use crate::{Ciphertext, CkksError};
use tacit_ring::{Basis, GaloisElement};

impl Evaluator {
    /// Moves slot i + `steps` to slot i.
    pub fn rotate(&self, a: &Ciphertext, steps: i64) -> Result<Ciphertext, CkksError> {
        self.apply_galois(a, self.params.ring().rotation(steps), steps)
    }

    /// The complex conjugate of every slot (standard ring only).
    pub fn conjugate(&self, a: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let ring = self.params.ring();
        let element = GaloisElement::conjugation(ring.kind(), ring.log_n())?;
        self.apply_galois(a, element, 0)
    }

    fn apply_galois(
        &self,
        a: &Ciphertext,
        element: GaloisElement,
        steps: i64,
    ) -> Result<Ciphertext, CkksError> {
        self.linear(a, "rotate")?;
        if element.is_identity() {
            return Ok(a.clone());
        }
        let key = self.galois_key(element, steps)?;
        let ring = self.params.ring();
        let switched = switch(&self.params, &a.c[1], key);
        let mut out = self.divide(&switched, a.level() + 1, a.scale);
        ring.add_assign(&mut out.c[0], &a.c[0]);
        for poly in &mut out.c {
            *poly = ring.automorphism(element, poly);
        }
        Ok(out)
    }

    /// Several rotations of one ciphertext, sharing the decomposition.
    pub fn rotate_many(&self, a: &Ciphertext, steps: &[i64]) -> Result<Vec<Ciphertext>, CkksError> {
        let hoisted = self.hoist(a)?;
        steps
            .iter()
            .map(|&s| self.rotate_hoisted(a, &hoisted, s))
            .collect()
    }

    /// One rotation from hoisted digits.
    pub fn rotate_hoisted(
        &self,
        a: &Ciphertext,
        hoisted: &super::Hoisted,
        steps: i64,
    ) -> Result<Ciphertext, CkksError> {
        if self.params.ring().rotation(steps).is_identity() {
            return Ok(a.clone());
        }
        Ok(self.reduce(&self.rotate_extended(a, hoisted, steps)?))
    }

    /// Decrypts c under `from` to a ciphertext under another key: c_1 switched, c_0 kept.
    pub fn switch_key(
        &self,
        a: &Ciphertext,
        key: &crate::SwitchingKey,
    ) -> Result<Ciphertext, CkksError> {
        self.linear(a, "switch key")?;
        let switched: [Poly; 2] = switch(&self.params, &a.c[1], key);
        let mut out = self.divide(&switched, a.level() + 1, a.scale);
        debug_assert_eq!(out.c[0].basis(), Basis::q(a.level() + 1));
        self.params.ring().add_assign(&mut out.c[0], &a.c[0]);
        Ok(out)
    }
}
