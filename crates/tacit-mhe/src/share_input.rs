//! A ciphertext as those see it who only help to decrypt it.

use tacit_ckks::{Ciphertext, CkksError, Parameters};
use tacit_ring::codec::{Reader, encoded_poly_len, write_poly};
use tacit_ring::{Basis, DecodeError, Ntt, RnsPoly, Transcript};

use crate::MheError;

/// c_1 and scale of a ciphertext, and c_0 by its digest: all that a share of its decryption is made of, half the size.
///
/// The digest stands for c_0 in the instance, so that no two ciphertexts are one instance, though shares depend on c_1
/// alone. Whoever [finishes](crate::Protocol::finish) needs the ciphertext itself.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareInput {
    pub(crate) c1: RnsPoly<Ntt>,
    pub(crate) scale: f64,
    pub(crate) c0_digest: [u8; 32],
}

const VERSION: u8 = 1;
/// Version, parameter digest, level, scale, digest of c_0.
const HEADER: usize = 1 + 8 + 1 + 8 + 32;
const WHAT: &str = "input of a share";

impl ShareInput {
    /// What a ciphertext is to those who give shares.
    ///
    /// # Errors
    /// If it has not two polynomials.
    pub fn of(ciphertext: &Ciphertext) -> Result<Self, MheError> {
        let [c0, c1] = ciphertext.polys() else {
            return Err(CkksError::Degree {
                operation: "a share of a decryption",
                needed: 2,
                found: ciphertext.polys().len(),
            }
            .into());
        };
        let c0_digest = Transcript::new("mhe c0").append_words(c0.words()).digest();
        Ok(Self {
            c1: c1.clone(),
            scale: ciphertext.scale(),
            c0_digest,
        })
    }

    /// Number of ciphertext primes minus one.
    pub fn level(&self) -> usize {
        self.c1.basis().q - 1
    }

    /// Size on the wire.
    pub fn encoded_len(params: &Parameters, level: usize) -> usize {
        HEADER + encoded_poly_len(params.ring(), Basis::q(level + 1))
    }

    /// Canonical bytes: version, parameter digest (8 bytes), level, scale, digest of c_0, rows of c_1.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::encoded_len(params, self.level()));
        out.push(VERSION);
        out.extend_from_slice(&params.digest()[..8]);
        out.push(self.level() as u8);
        out.extend_from_slice(&self.scale.to_le_bytes());
        out.extend_from_slice(&self.c0_digest);
        write_poly(&mut out, params.ring(), &self.c1);
        out
    }

    /// Strict inverse of [`Self::to_bytes`], for the given parameters only.
    pub fn from_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self, MheError> {
        let field = |what, found, expected| -> MheError {
            DecodeError::Field {
                what,
                found,
                expected,
            }
            .into()
        };
        let mut reader = Reader::new(WHAT, bytes);
        reader.tag(VERSION)?;
        let found: [u8; 8] = reader.array()?;
        let mut expected = [0; 8];
        expected.copy_from_slice(&params.digest()[..8]);
        if found != expected {
            let [found, expected] = [found, expected].map(u64::from_le_bytes);
            let what = "parameter digest of the input of a share";
            return Err(field(what, found, expected));
        }
        let level = usize::from(reader.u8()?);
        if level > params.max_level() {
            let what = "level of the input of a share";
            return Err(field(what, level as u64, params.max_level() as u64));
        }
        let scale = f64::from_le_bytes(reader.array()?);
        let most = params.log2_q(level).exp2().min(f64::MAX);
        if !(scale >= 1.0 && scale.log2() < params.log2_q(level)) {
            let what = "scale of the input of a share (as bits)";
            return Err(field(what, scale.to_bits(), most.to_bits()));
        }
        let c0_digest = reader.array()?;
        let c1 = reader.poly(params.ring(), Basis::q(level + 1))?;
        reader.finish()?;
        Ok(Self {
            c1,
            scale,
            c0_digest,
        })
    }
}
