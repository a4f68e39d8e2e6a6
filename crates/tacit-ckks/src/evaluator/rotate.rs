//! Rotations and conjugation.

use super::Evaluator;
use super::keyswitch::{Addend, Decomposed, Source, Switch, reaching};
use crate::{Ciphertext, CkksError};
use tacit_ring::GaloisElement;

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
        let source = Source::Fresh(Decomposed::new(&self.params, &a.c[1]));
        let switch = self.switch(element, steps, a.level(), source)?;
        let c = switch.divided(&Addend::First(&a.c[0]), a.level() + 1);
        let scale = a.scale;
        Ok(Ciphertext { c: c.into(), scale })
    }

    /// Several rotations of one ciphertext, sharing the decomposition.
    pub fn rotate_many(&self, a: &Ciphertext, steps: &[i64]) -> Result<Vec<Ciphertext>, CkksError> {
        let hoisted = self.hoist(a)?;
        steps
            .iter()
            .map(|&s| self.rotate_hoisted(a, &hoisted, s))
            .collect()
    }

    /// The same message under the key that `key` leads to.
    pub fn switch_key(
        &self,
        a: &Ciphertext,
        key: &crate::SwitchingKey,
    ) -> Result<Ciphertext, CkksError> {
        self.linear(a, "switch key")?;
        let switch = Switch {
            params: &self.params,
            level: a.level(),
            source: Source::Fresh(Decomposed::new(&self.params, &a.c[1])),
            key: reaching(key, "switch key", a.level())?,
            permutation: None,
        };
        let c = switch.divided(&Addend::First(&a.c[0]), a.level() + 1);
        let scale = a.scale;
        Ok(Ciphertext { c: c.into(), scale })
    }
}
