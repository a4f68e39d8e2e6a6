//! Encryption, under the public key or with the master secret.
//!
//! With W = ((w1, w2), (w3, w4)) and δ = det W, the exponents of a ciphertext are
//!
//! ```text
//!   a_i = (w4·x_i − w3·γ s_i,  −w2·x_i + w1·γ s_i) / δ       b_i = (w1·x_i − w2·t_i,  w3·x_i − w4·t_i)
//! ```
//!
//! An authority knows s and t, computes the 4n exponents and multiplies the generators: one table for
//! G1 and one for G2. Everyone else multiplies the points \[s_i\]_1 and \[t_i\]_2, by the same four scalars
//! for all i, with a few tables for each point, and adds multiples of four points by the small x_i.
//! Either way all 4n sums go side by side through batched affine additions.
//!
//! Both modes give the same distribution of ciphertexts.

use tacit_ring::Xof;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::parts;
use super::{GenericGroup, PublicKey};
use crate::group::{
    G1, G1Affine, G2, Lookup, PointTables, Scalar, SecretScalar, SmallInputs, blinded,
};
use crate::scheme::ciphertext::Points;
use crate::scheme::construction::{Encryption, Generators};
use crate::scheme::keys::Secret;

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

    /// \[γ\]_1.
    fn mask(&self) -> Vec<G1Affine> {
        vec![G1::generator().mul(&self.gamma).to_affine()]
    }

    /// Factors of x_i and s_i in the two coordinates of a_i.
    fn in_g1(&self) -> Zeroizing<[(Scalar, Scalar); 2]> {
        Zeroizing::new([0, 2].map(|i| (self.inverse[i], self.inverse[i + 1] * self.gamma)))
    }

    /// Factors of x_i and t_i in the two coordinates of b_i.
    fn in_g2(&self) -> Zeroizing<[(Scalar, Scalar); 2]> {
        Zeroizing::new([0, 2].map(|i| (self.w[i], -self.w[i + 1])))
    }
}

/// Tables of the points of a public key.
pub(crate) struct KeyTables {
    s: PointTables<G1>,
    t: PointTables<G2>,
}

impl Encryption for GenericGroup {
    type Tables = KeyTables;

    fn tables(public: &PublicKey, number: usize) -> KeyTables {
        KeyTables {
            s: PointTables::new(&public.g1, number),
            t: PointTables::new(&public.g2, number),
        }
    }

    fn table_bytes(tables: &KeyTables) -> usize {
        tables.s.bytes() + tables.t.bytes()
    }

    fn with_points(
        _: &PublicKey,
        tables: &KeyTables,
        x: &SmallInputs,
        lookup: Lookup,
        xof: &mut Xof,
    ) -> Option<Points> {
        let blinding = Blinding::sample(xof);
        let (mut g1, mut g2) = (vec![], vec![]);
        for (of_x, of_s) in &*blinding.in_g1() {
            g1.extend(blinded(x, of_x, &[(&tables.s, of_s)], lookup, xof)?);
        }
        for (of_x, of_t) in &*blinding.in_g2() {
            g2.extend(blinded(x, of_x, &[(&tables.t, of_t)], lookup, xof)?);
        }
        let mask = blinding.mask();
        Some(Points { mask, g1, g2 })
    }

    fn with_secret(
        secret: &Secret,
        generators: &Generators,
        x: &SmallInputs,
        xof: &mut Xof,
    ) -> Option<Points> {
        let blinding = Blinding::sample(xof);
        let (s, t) = parts(secret);
        let a = exponents(&blinding.in_g1(), x, s);
        let b = exponents(&blinding.in_g2(), x, t);
        Some(Points {
            mask: blinding.mask(),
            g1: generators.g1.multiples(&a, xof)?,
            g2: generators.g2.multiples(&b, xof)?,
        })
    }
}

/// f·x_i + g·v_i for both coordinates (f, g).
fn exponents(
    factors: &[(Scalar, Scalar); 2],
    x: &SmallInputs,
    v: &[SecretScalar],
) -> Zeroizing<Vec<Scalar>> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * v.len()));
    for (of_x, of_v) in factors {
        for (x, v) in x.scalars().iter().zip(v) {
            out.push(*of_x * *x + *of_v * *v.expose());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheme::{Encryptor, MasterSecret, Timing};
    use tacit_ring::Seed;

    /// With the same γ and W the two modes give the same points, as products written out do.
    #[test]
    fn both_modes_give_the_points_of_the_definition() {
        let master = MasterSecret::from_seed(3, 65535, &Seed::from_bytes([1; 32])).unwrap();
        let x = [0, 1, 65535];
        let stream = || Seed::from_bytes([2; 32]).expand();
        let blinding = Blinding::sample(&mut stream());
        let small = SmallInputs::new(&x, 65535);
        let (s, t) = parts(&master.secret);
        let (a, b) = (
            exponents(&blinding.in_g1(), &small, s),
            exponents(&blinding.in_g2(), &small, t),
        );
        for timing in [Timing::ConstantTime, Timing::Tables] {
            for encryptor in [
                Encryptor::public(master.public_key(), timing),
                Encryptor::public_once(master.public_key(), timing),
                Encryptor::authority(&master, timing),
            ] {
                let ct = encryptor.encrypt_with(&x, &mut stream()).unwrap();
                let gamma = G1::generator().mul(&blinding.gamma).to_affine();
                assert_eq!(ct.points.mask, [gamma]);
                for i in 0..6 {
                    assert_eq!(ct.points.g1[i], G1::generator().mul(&a[i]).to_affine());
                    assert_eq!(ct.points.g2[i], G2::generator().mul(&b[i]).to_affine());
                }
            }
        }
    }

    #[test]
    fn the_inner_products_are_x_x_minus_gamma_s_t() {
        let master = MasterSecret::from_seed(2, 9, &Seed::from_bytes([1; 32])).unwrap();
        let blinding = Blinding::sample(&mut Seed::from_bytes([2; 32]).expand());
        let x = SmallInputs::new(&[3, 4], 9);
        let (s, t) = parts(&master.secret);
        let a = exponents(&blinding.in_g1(), &x, s);
        let b = exponents(&blinding.in_g2(), &x, t);
        for i in 0..2 {
            for j in 0..2 {
                let mask = blinding.gamma * *s[i].expose() * *t[j].expose();
                let product = Scalar::from([3u64, 4][i] * [3, 4][j]) - mask;
                assert_eq!(a[i] * b[j] + a[2 + i] * b[2 + j], product);
            }
        }
    }

    /// A ciphertext is a function of key, x and stream: pinned.
    #[test]
    fn known_answer_of_encryption() {
        let master = MasterSecret::from_seed(3, 255, &Seed::from_bytes([7; 32])).unwrap();
        let encryptor = Encryptor::authority(&master, Timing::ConstantTime);
        let mut xof = Seed::from_bytes([8; 32]).expand();
        let ct = encryptor.encrypt_with(&[1, 200, 17], &mut xof).unwrap();
        let digest = blake3::hash(&ct.to_bytes()).to_hex();
        assert_eq!(&digest[..16], "b2dc984e771db366");
    }
}
