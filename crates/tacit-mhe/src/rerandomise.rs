//! Ciphertexts that depend on a party's data must be re-randomised before they leave it.
//!
//! Everyone knows ct(W); an unrandomised product with a plaintext gives the plaintext away by
//! division, and sums can be tested against guesses. [`Private`] is a ciphertext that depends on
//! data: it has no encoding, and the only way out is [`Private::rerandomise`].

use crate::{MheError, PartySecret, SmudgingBits};
use tacit_ckks::{Ciphertext, Parameters, PublicKey, encrypt_zero};
use tacit_ring::{Transcript, sample};

/// A ciphertext that depends on this party's data and must not leave it as it is.
pub struct Private(Ciphertext);

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Private(level {})", self.0.level())
    }
}

impl Private {
    /// Marks a ciphertext as dependent on data.
    pub fn new(ciphertext: Ciphertext) -> Self {
        Self(ciphertext)
    }

    /// Goes on computing locally.
    pub fn map(self, f: impl FnOnce(Ciphertext) -> Ciphertext) -> Self {
        Self(f(self.0))
    }

    /// Adds a fresh encryption of zero under the collective key, and flooding noise where the
    /// plan asks for it.
    ///
    /// `label` names the use (session, round, which ciphertext). The randomness is bound to it and to the
    /// ciphertext, so the same computation gives the same bytes and different ones are independent.
    pub fn rerandomise(
        self,
        params: &Parameters,
        pk: &PublicKey,
        secret: &PartySecret,
        label: &[u8],
        flooding: Option<SmudgingBits>,
    ) -> Result<Ciphertext, MheError> {
        let ring = params.ring();
        let mut ct = self.0;
        if ct.polys().len() != 2 {
            let (operation, found) = ("re-randomise", ct.polys().len());
            return Err(tacit_ckks::CkksError::Degree {
                operation,
                needed: 2,
                found,
            }
            .into());
        }
        let mut transcript = Transcript::new("mhe rerandomised ciphertext");
        let (b, a) = pk.parts();
        for poly in [b, a].into_iter().chain(ct.polys()) {
            transcript.append_words(poly.words());
        }
        transcript.append_u64(flooding.map_or(0, |w| u64::from(w.bits())));
        let mut xof = secret.rerandomisation(label, &transcript.digest());
        let zero = encrypt_zero(params, pk, ct.level(), ct.scale(), &mut xof);
        let scale = ct.scale();
        let mut polys = ct.into_polys();
        for (poly, zero) in polys.iter_mut().zip(zero.polys()) {
            ring.add_assign(poly, zero);
        }
        if let Some(smudging) = flooding {
            let noise = sample::wide_uniform(ring.n(), smudging.bits(), &mut xof);
            let noise = ring.forward(ring.lift_wide(&noise, polys[0].basis()));
            ring.add_assign(&mut polys[0], &noise);
        }
        ct = Ciphertext::from_parts(polys, scale);
        Ok(ct)
    }
}
