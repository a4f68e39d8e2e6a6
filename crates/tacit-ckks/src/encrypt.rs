//! Encryption and decryption.

use crate::ciphertext::expand_c1;
use crate::keys::error;
use crate::{Ciphertext, Parameters, Plaintext, PublicKey, SecretKey, SeededCiphertext};
use tacit_ring::{Basis, Xof, sample};

/// Encrypts under a public key: (u·b + e_0 + m, u·a + e_1) with u ternary.
pub fn encrypt(
    params: &Parameters,
    pk: &PublicKey,
    message: &Plaintext,
    xof: &mut Xof,
) -> Ciphertext {
    let mut ct = encrypt_zero(params, pk, message.level(), message.scale(), xof);
    params.ring().add_assign(&mut ct.c[0], message.poly());
    ct
}

/// A fresh encryption of zero: added to a ciphertext, it re-randomises it.
pub fn encrypt_zero(
    params: &Parameters,
    pk: &PublicKey,
    level: usize,
    scale: f64,
    xof: &mut Xof,
) -> Ciphertext {
    let ring = params.ring();
    let basis = Basis::q(level + 1);
    let u = sample::ternary(ring.n(), xof);
    let u = tacit_ring::SecretPoly::new(ring.forward(ring.lift_signed(u.as_slice(), basis)));
    let mut c0 = error(params, basis, xof);
    ring.mul_add_assign(&mut c0, &u, &pk.b);
    let mut c1 = error(params, basis, xof);
    ring.mul_add_assign(&mut c1, &u, &pk.a);
    Ciphertext {
        c: vec![c0, c1],
        scale,
    }
}

/// Encrypts under the secret key; half the size on the wire, and less noise.
///
/// `seed` is public and must be used for one ciphertext only.
pub fn encrypt_seeded(
    params: &Parameters,
    sk: &SecretKey,
    message: &Plaintext,
    seed: [u8; 32],
    xof: &mut Xof,
) -> SeededCiphertext {
    let ring = params.ring();
    let basis = message.poly().basis();
    let c1 = expand_c1(params, basis, &seed);
    let mut c0 = error(params, basis, xof);
    ring.add_assign(&mut c0, message.poly());
    let product = ring.mul(&c1, sk.poly());
    ring.sub_assign(&mut c0, &product);
    SeededCiphertext {
        c0,
        seed,
        scale: message.scale(),
    }
}

/// Decrypts: Σ c_i·s^i.
///
/// For the owner of the key only. The result carries the noise, which depends on the secret: it must
/// not be published (Li and Micciancio, EUROCRYPT 2021). What leaves a group of parties goes through the key switch
/// with flooding of the multiparty crate.
pub fn decrypt(params: &Parameters, sk: &SecretKey, ct: &Ciphertext) -> Plaintext {
    let ring = params.ring();
    let polys = ct.polys();
    let mut acc = polys[polys.len() - 1].clone();
    for poly in polys[..polys.len() - 1].iter().rev() {
        ring.mul_assign(&mut acc, sk.poly());
        ring.add_assign(&mut acc, poly);
    }
    Plaintext::from_parts(acc, ct.scale())
}
