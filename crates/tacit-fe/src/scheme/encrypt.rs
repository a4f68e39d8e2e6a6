//! Encryption, under the public key or with the master secret.
//!
//! With W = ((w1, w2), (w3, w4)) and δ = det W, the exponents of a ciphertext are
//!
//! ```text
//!   a_i = (w4·x_i − w3·γ s_i,  −w2·x_i + w1·γ s_i) / δ       b_i = (w1·x_i − w2·t_i,  w3·x_i − w4·t_i)
//! ```
//!
//! An authority knows s and t, computes the 4n exponents and multiplies the generators. Everyone
//! else multiplies the points \[s_i\]_1 and \[t_i\]_2 by two scalars each and adds multiples of the
//! generators by the small x_i.

use tacit_ring::Xof;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ciphertext::Ciphertext;
use super::keys::{MasterSecret, PublicKey};
use crate::error::FeError;
use crate::group::{G1, G2, Scalar};

/// Whether the time of an encryption may depend on its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Timing {
    /// No branch and no address depends on a secret: for the authority's keys, and for encryption
    /// on hosts that others share.
    #[default]
    ConstantTime,
    /// Tables are read at secret places. Faster, and an attacker who shares the processor's caches
    /// may learn digits of the exponents, from which x follows (and, with the master secret, s and
    /// t). For hosts that nobody else uses.
    Tables,
}

/// Encrypts vectors under one key.
#[derive(Debug)]
pub struct Encryptor<'a> {
    public: &'a PublicKey,
    secret: Option<&'a MasterSecret>,
    timing: Timing,
}

/// The randomness of one ciphertext.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Blinding {
    gamma: Scalar,
    /// W, row by row.
    w: [Scalar; 4],
    /// W^{-T}, row by row.
    inverse: [Scalar; 4],
}

impl Blinding {
    fn sample(xof: &mut Xof) -> Self {
        loop {
            let gamma = Scalar::random(xof);
            let w: [Scalar; 4] = std::array::from_fn(|_| Scalar::random(xof));
            let det = w[0] * w[3] - w[1] * w[2];
            // Once in 2^254.
            if det.is_zero() || gamma.is_zero() {
                continue;
            }
            let inv = det.inverse();
            let inverse = [w[3] * inv, -(w[2] * inv), -(w[1] * inv), w[0] * inv];
            return Self { gamma, w, inverse };
        }
    }
}

impl<'a> Encryptor<'a> {
    /// Under a public key.
    pub fn public(public: &'a PublicKey, timing: Timing) -> Self {
        Self {
            public,
            secret: None,
            timing,
        }
    }

    /// Under a public key, for few vectors: no tables are built.
    pub(super) fn public_once(public: &'a PublicKey, timing: Timing) -> Self {
        Self::public(public, timing)
    }

    /// With the master secret.
    pub fn authority(secret: &'a MasterSecret, timing: Timing) -> Self {
        Self {
            public: secret.public_key(),
            secret: Some(secret),
            timing,
        }
    }

    /// How secrets are treated.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Encrypts a vector with fresh randomness.
    pub fn encrypt(&self, x: &[u16]) -> Result<Ciphertext, FeError> {
        self.encrypt_with(x, &mut Xof::from_os()?)
    }

    pub(crate) fn encrypt_with(&self, x: &[u16], xof: &mut Xof) -> Result<Ciphertext, FeError> {
        self.public.check_input(x)?;
        let blinding = Blinding::sample(xof);
        let (a, b) = match self.secret {
            Some(secret) => with_secret(secret, x, &blinding),
            None => with_public(self.public, x, &blinding),
        };
        Ok(Ciphertext {
            public_key: self.public.hash(),
            gamma: G1::generator().mul(&blinding.gamma).to_affine(),
            a: G1::batch_to_affine(&a),
            b: G2::batch_to_affine(&b),
        })
    }
}

fn with_secret(secret: &MasterSecret, x: &[u16], r: &Blinding) -> (Vec<G1>, Vec<G2>) {
    let (g1, g2) = (G1::generator(), G2::generator());
    let (mut a, mut b) = (vec![], vec![]);
    for row in 0..2 {
        for (x, s) in x.iter().zip(&secret.s) {
            let x = Scalar::from(u64::from(*x));
            let exponent = r.inverse[2 * row] * x + r.inverse[2 * row + 1] * r.gamma * *s.expose();
            a.push(g1.mul(&exponent));
        }
        for (x, t) in x.iter().zip(&secret.t) {
            let x = Scalar::from(u64::from(*x));
            b.push(g2.mul(&(r.w[2 * row] * x - r.w[2 * row + 1] * *t.expose())));
        }
    }
    (a, b)
}

fn with_public(public: &PublicKey, x: &[u16], r: &Blinding) -> (Vec<G1>, Vec<G2>) {
    let (mut a, mut b) = (vec![], vec![]);
    for row in 0..2 {
        let base = G1::generator().mul(&r.inverse[2 * row]);
        let factor = r.inverse[2 * row + 1] * r.gamma;
        for (x, s) in x.iter().zip(&public.s) {
            a.push(base.mul_u16(*x) + G1::from(*s).mul(&factor));
        }
        let base = G2::generator().mul(&r.w[2 * row]);
        let factor = -r.w[2 * row + 1];
        for (x, t) in x.iter().zip(&public.t) {
            b.push(base.mul_u16(*x) + G2::from(*t).mul(&factor));
        }
    }
    (a, b)
}
