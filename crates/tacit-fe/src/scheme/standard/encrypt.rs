//! Encryption: the exponents
//!
//! ```text
//!   y0 = (r, r·a)      y1 = s1·A1 + z      y2 = s2·A2 + z
//!   y3 = (s1_1·z + r·t_1 ‖ s1_2·z + r·t_2 ‖ s2·y1 + r·t_3)      t = A0·W, in blocks of n entries
//! ```
//!
//! An authority knows A1, A2, a and t and multiplies the generators. Everyone else has them as points;
//! since s2·y1 = (s2·s1)·A1 + s2·z, every entry is a sum of multiples of points of the key, by factors that
//! are the same for all inputs, and of a small multiple of one more point.

use tacit_ring::Xof;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::Parts;
use super::{BLOCKS, PublicKey, ROWS, StandardModel};
use crate::group::{G1, G2, Lookup, PointTables, Scalar, SmallInputs, blinded};
use crate::scheme::ciphertext::Points;
use crate::scheme::construction::{Encryption, Generators};
use crate::scheme::keys::Secret;

/// The randomness of one ciphertext.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Blinding {
    s1: [Scalar; ROWS],
    s2: Scalar,
    r: Scalar,
}

impl Blinding {
    fn sample(xof: &mut Xof) -> Self {
        Self {
            s1: std::array::from_fn(|_| Scalar::random(xof)),
            s2: Scalar::random(xof),
            r: Scalar::random(xof),
        }
    }
}

/// Tables of the points of a public key.
pub(crate) struct KeyTables {
    a1: [PointTables<G1>; ROWS],
    t: [PointTables<G1>; BLOCKS],
    a2: PointTables<G2>,
}

impl Encryption for StandardModel {
    type Tables = KeyTables;

    fn tables(public: &PublicKey, number: usize) -> KeyTables {
        let n = public.inputs();
        let vector = |i: usize| PointTables::new(&public.g1[1 + i * n..][..n], number);
        KeyTables {
            a1: std::array::from_fn(vector),
            t: std::array::from_fn(|i| vector(ROWS + i)),
            a2: PointTables::new(&public.g2, number),
        }
    }

    fn table_bytes(tables: &KeyTables) -> usize {
        let in_g1 = tables.a1.iter().chain(&tables.t);
        in_g1.map(PointTables::bytes).sum::<usize>() + tables.a2.bytes()
    }

    fn with_points(
        public: &PublicKey,
        tables: &KeyTables,
        z: &SmallInputs,
        lookup: Lookup,
        xof: &mut Xof,
    ) -> Option<Points> {
        let blinding = Blinding::sample(xof);
        let Blinding { s1, s2, r } = &blinding;
        let ([a1_0, a1_1], t) = (&tables.a1, &tables.t);
        let one = Scalar::one();
        let y2 = blinded(z, &one, &[(&tables.a2, s2)], lookup, xof)?;
        let mut in_g1 = blinded(z, &one, &[(a1_0, &s1[0]), (a1_1, &s1[1])], lookup, xof)?;
        for (s1, t) in s1.iter().zip(t) {
            in_g1.extend(blinded(z, s1, &[(t, r)], lookup, xof)?);
        }
        let factors = Zeroizing::new([*s2 * s1[0], *s2 * s1[1]]);
        let points = [(a1_0, &factors[0]), (a1_1, &factors[1]), (&t[ROWS], r)];
        in_g1.extend(blinded(z, s2, &points, lookup, xof)?);
        let y0 = [G1::generator().mul(r), G1::from(public.g1[0]).mul(r)];
        Some(Points {
            mask: G1::batch_to_affine(&y0),
            g1: in_g1,
            g2: y2,
        })
    }

    fn with_secret(
        secret: &Secret,
        generators: &Generators,
        z: &SmallInputs,
        xof: &mut Xof,
    ) -> Option<Points> {
        let exponents = Exponents::new(secret, &Blinding::sample(xof), z.scalars());
        let g2 = generators.g2.multiples(&exponents.g2, xof)?;
        let mut mask = generators.g1.multiples(&exponents.g1, xof)?;
        let g1 = mask.split_off(2);
        Some(Points { mask, g1, g2 })
    }
}

/// The exponents of a ciphertext: y0, y1, y3, and y2.
struct Exponents {
    g1: Zeroizing<Vec<Scalar>>,
    g2: Zeroizing<Vec<Scalar>>,
}

impl Exponents {
    fn new(secret: &Secret, blinding: &Blinding, z: &[Scalar]) -> Self {
        let Blinding { s1, s2, r } = blinding;
        let Parts { a, a1, a2, t, .. } = Parts::of(secret);
        let n = z.len();
        let mut g1 = Zeroizing::new(Vec::with_capacity(2 + (1 + BLOCKS) * n));
        g1.extend([*r, *r * *a.expose()]);
        for (z, (a, b)) in z.iter().zip(a1[0].iter().zip(a1[1])) {
            g1.push(s1[0] * *a.expose() + s1[1] * *b.expose() + *z);
        }
        for (s1, t) in s1.iter().zip(t) {
            for (z, t) in z.iter().zip(t) {
                g1.push(*s1 * *z + *r * *t.expose());
            }
        }
        for (i, t) in t[ROWS].iter().enumerate() {
            let y1 = g1[2 + i];
            g1.push(*s2 * y1 + *r * *t.expose());
        }
        let a2 = a2.iter().zip(z);
        let g2 = Zeroizing::new(a2.map(|(a2, z)| *s2 * *a2.expose() + *z).collect());
        Self { g1, g2 }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Encryptor, MasterSecret};
    use super::*;
    use crate::scheme::Timing;
    use tacit_ring::Seed;

    fn master(inputs: usize, input_max: u16) -> MasterSecret {
        MasterSecret::from_seed(inputs, input_max, &Seed::from_bytes([1; 32])).unwrap()
    }

    fn stream() -> Xof {
        Seed::from_bytes([2; 32]).expand()
    }

    /// With the same randomness the two modes give the same points, as products written out do.
    #[test]
    fn both_modes_give_the_points_of_the_definition() {
        let master = master(3, 65535);
        let z = [0, 1, 65535];
        let scalars = z.map(|z| Scalar::from(u64::from(z)));
        let exponents = Exponents::new(&master.secret, &Blinding::sample(&mut stream()), &scalars);
        let g1 = exponents.g1.iter().map(|e| G1::generator().mul(e));
        let g2 = exponents.g2.iter().map(|e| G2::generator().mul(e));
        let g1 = G1::batch_to_affine(&g1.collect::<Vec<_>>());
        let g2 = G2::batch_to_affine(&g2.collect::<Vec<_>>());
        for timing in [Timing::ConstantTime, Timing::Tables] {
            for encryptor in [
                Encryptor::public(master.public_key(), timing),
                Encryptor::public_once(master.public_key(), timing),
                Encryptor::authority(&master, timing),
            ] {
                let ct = encryptor.encrypt_with(&z, &mut stream()).unwrap();
                assert_eq!(ct.points.mask, g1[..2], "{encryptor:?}");
                assert_eq!(ct.points.g1, g1[2..], "{encryptor:?}");
                assert_eq!(ct.points.g2, g2, "{encryptor:?}");
            }
        }
    }

    /// y1_i·y2_j − z_i·z_j = s1·A1_i·z_j + y1_i·s2·A2_j, for all i and j.
    #[test]
    fn products_of_the_two_ciphertexts_are_those_of_the_definition() {
        let master = master(2, 9);
        let blinding = Blinding::sample(&mut stream());
        let z = [3u64, 4].map(Scalar::from);
        let exponents = Exponents::new(&master.secret, &blinding, &z);
        let y1 = &exponents.g1[2..4];
        let Parts { a1, a2, .. } = Parts::of(&master.secret);
        let mask = |i: usize| {
            let [a, b] = a1;
            blinding.s1[0] * *a[i].expose() + blinding.s1[1] * *b[i].expose()
        };
        for i in 0..2 {
            for j in 0..2 {
                let second = y1[i] * blinding.s2 * *a2[j].expose();
                let rest = y1[i] * exponents.g2[j] - mask(i) * z[j] - second;
                assert_eq!(rest, z[i] * z[j]);
            }
        }
    }

    /// A ciphertext is a function of key, z and stream: pinned.
    #[test]
    fn known_answer_of_encryption() {
        let encryptor_key = master(3, 255);
        let encryptor = Encryptor::authority(&encryptor_key, Timing::ConstantTime);
        let ct = encryptor.encrypt_with(&[1, 200, 17], &mut stream());
        let digest = blake3::hash(&ct.unwrap().to_bytes()).to_hex();
        assert_eq!(&digest[..16], "8a67059a39327ca0");
    }
}
