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

use std::fmt;

use tacit_ring::Xof;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::ciphertext::Ciphertext;
use super::keys::{MasterSecret, PublicKey};
use crate::error::FeError;
use crate::group::{
    Accumulation, G1, G1Affine, G2, G2Affine, Lookup, Scalar, SecretScalar, Summand, Tables,
};

/// Whether the time of an encryption may depend on its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Timing {
    /// No branch and no address depends on a secret: every table is read in full for every digit. For
    /// the authority's keys, and for encryption on hosts that others share.
    #[default]
    ConstantTime,
    /// Tables are read at secret places. Faster, and an attacker who shares the processor's caches may
    /// learn digits of the exponents, from which x follows (and, with the master secret, s and t). For
    /// hosts that nobody else uses.
    Tables,
}

impl Timing {
    pub(super) fn lookup(self) -> Lookup {
        match self {
            Self::ConstantTime => Lookup::Masked,
            Self::Tables => Lookup::Indexed,
        }
    }
}

/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

/// Tables of both generators, for multiples by scalars: no doublings.
pub(super) struct Generators {
    g1: Tables<G1>,
    g2: Tables<G2>,
}

impl Generators {
    pub(super) fn new(timing: Timing) -> Self {
        // Reading a table in full costs as much as an addition at about 2^6 entries.
        let window = match timing {
            Timing::ConstantTime => 6,
            Timing::Tables => 8,
        };
        Self {
            g1: Tables::new(&[G1Affine::generator()], SCALAR_BITS, window, SCALAR_BITS),
            g2: Tables::new(&[G2Affine::generator()], SCALAR_BITS, window, SCALAR_BITS),
        }
    }

    /// Multiples of both generators; none if one is the identity.
    pub(super) fn multiples(
        &self,
        (in_g1, in_g2): (&[Scalar], &[Scalar]),
        timing: Timing,
        xof: &mut Xof,
    ) -> Option<(Vec<G1Affine>, Vec<G2Affine>)> {
        let lookup = timing.lookup();
        let (tables, digits) = (&self.g1, &self.g1.digits(in_g1));
        let a = Accumulation {
            summands: &[Summand { tables, digits }],
            count: in_g1.len(),
            lookup,
        };
        let (tables, digits) = (&self.g2, &self.g2.digits(in_g2));
        let b = Accumulation {
            summands: &[Summand { tables, digits }],
            count: in_g2.len(),
            lookup,
        };
        Some((a.run(xof)?, b.run(xof)?))
    }
}

/// Tables of the points of a public key.
struct Points {
    s: Tables<G1>,
    t: Tables<G2>,
}

impl Points {
    /// Signed digits of four bits: eight entries.
    const WINDOW: usize = 4;
    /// Tables for each point of an encryptor that is kept.
    const MANY: usize = 8;

    fn new(public: &PublicKey, tables: usize) -> Self {
        Self {
            s: Tables::new(&public.s, SCALAR_BITS, Self::WINDOW, tables),
            t: Tables::new(&public.t, SCALAR_BITS, Self::WINDOW, tables),
        }
    }
}

enum Key<'a> {
    Public(Box<Points>),
    Authority(&'a MasterSecret, Box<Generators>),
}

/// Encrypts vectors under one key. Its tables are made once, so keep it for many vectors:
///
/// | mode | memory at n = 785 |
/// |---|---|
/// | public key | 18.4 MiB (24 KiB for each input) |
/// | authority, constant-time | 0.5 MiB |
/// | authority, tables | 1.5 MiB |
pub struct Encryptor<'a> {
    public: &'a PublicKey,
    key: Key<'a>,
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

    /// Factors of x_i and s_i in the two coordinates of a_i.
    fn in_g1(&self) -> [(Scalar, Scalar); 2] {
        [0, 2].map(|i| (self.inverse[i], self.inverse[i + 1] * self.gamma))
    }

    /// Factors of x_i and t_i in the two coordinates of b_i.
    fn in_g2(&self) -> [(Scalar, Scalar); 2] {
        [0, 2].map(|i| (self.w[i], -self.w[i + 1]))
    }
}

/// All a and all b, first coordinates first.
type Encrypted = (Vec<G1Affine>, Vec<G2Affine>);

impl<'a> Encryptor<'a> {
    /// Under a public key.
    pub fn public(public: &'a PublicKey, timing: Timing) -> Self {
        Self::with_points(public, timing, Points::MANY)
    }

    /// Under a public key, for few vectors: small tables, more doublings.
    pub(super) fn public_once(public: &'a PublicKey, timing: Timing) -> Self {
        Self::with_points(public, timing, 1)
    }

    fn with_points(public: &'a PublicKey, timing: Timing, tables: usize) -> Self {
        Self {
            public,
            key: Key::Public(Box::new(Points::new(public, tables))),
            timing,
        }
    }

    /// With the master secret.
    pub fn authority(secret: &'a MasterSecret, timing: Timing) -> Self {
        Self {
            public: secret.public_key(),
            key: Key::Authority(secret, Box::new(Generators::new(timing))),
            timing,
        }
    }

    /// How secrets are treated.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Memory of the tables.
    pub fn table_bytes(&self) -> usize {
        match &self.key {
            Key::Public(points) => points.s.bytes() + points.t.bytes(),
            Key::Authority(_, tables) => tables.g1.bytes() + tables.g2.bytes(),
        }
    }

    /// Encrypts a vector with fresh randomness.
    pub fn encrypt(&self, x: &[u16]) -> Result<Ciphertext, FeError> {
        self.encrypt_with(x, &mut Xof::from_os()?)
    }

    fn encrypt_with(&self, x: &[u16], xof: &mut Xof) -> Result<Ciphertext, FeError> {
        self.public.check_input(x)?;
        // The affine formula meets an exception about once in 2^240 tries.
        let (blinding, (a, b)) = loop {
            let blinding = Blinding::sample(xof);
            let encrypted = match &self.key {
                Key::Public(points) => self.with_points_of_key(points, x, &blinding, xof),
                Key::Authority(secret, tables) => {
                    let a = exponents(&blinding.in_g1(), x, &secret.s);
                    let b = exponents(&blinding.in_g2(), x, &secret.t);
                    tables.multiples((&a, &b), self.timing, xof)
                }
            };
            if let Some(encrypted) = encrypted {
                break (blinding, encrypted);
            }
        };
        Ok(Ciphertext {
            public_key: self.public.hash(),
            gamma: G1::generator().mul(&blinding.gamma).to_affine(),
            a,
            b,
        })
    }

    fn with_points_of_key(
        &self,
        points: &Points,
        x: &[u16],
        blinding: &Blinding,
        xof: &mut Xof,
    ) -> Option<Encrypted> {
        let lookup = self.timing.lookup();
        let bits = (u16::BITS - self.public.input_max.leading_zeros()) as usize;
        // x has few digits, so its tables are quickly made; they are of secret points, used once.
        let small: Zeroizing<Vec<Scalar>> =
            Zeroizing::new(x.iter().map(|&x| Scalar::from(u64::from(x))).collect());
        let (mut a, mut b) = (vec![], vec![]);
        for (of_x, of_s) in blinding.in_g1() {
            let base = G1::generator().mul(&of_x).to_affine();
            let multiples = Tables::new(&[base], bits, Points::WINDOW, bits);
            let factors = Zeroizing::new(vec![of_s; x.len()]);
            let sums = Accumulation {
                summands: &[
                    Summand {
                        tables: &points.s,
                        digits: &points.s.digits(&factors),
                    },
                    Summand {
                        tables: &multiples,
                        digits: &multiples.digits(&small),
                    },
                ],
                count: x.len(),
                lookup,
            };
            a.extend(sums.run(xof)?);
        }
        for (of_x, of_t) in blinding.in_g2() {
            let base = G2::generator().mul(&of_x).to_affine();
            let multiples = Tables::new(&[base], bits, Points::WINDOW, bits);
            let factors = Zeroizing::new(vec![of_t; x.len()]);
            let sums = Accumulation {
                summands: &[
                    Summand {
                        tables: &points.t,
                        digits: &points.t.digits(&factors),
                    },
                    Summand {
                        tables: &multiples,
                        digits: &multiples.digits(&small),
                    },
                ],
                count: x.len(),
                lookup,
            };
            b.extend(sums.run(xof)?);
        }
        Some((a, b))
    }
}

/// f·x_i + g·v_i for both coordinates (f, g).
fn exponents(
    factors: &[(Scalar, Scalar); 2],
    x: &[u16],
    v: &[SecretScalar],
) -> Zeroizing<Vec<Scalar>> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * x.len()));
    for (of_x, of_v) in factors {
        for (x, v) in x.iter().zip(v) {
            out.push(*of_x * Scalar::from(u64::from(*x)) + *of_v * *v.expose());
        }
    }
    out
}

impl fmt::Debug for Encryptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.key {
            Key::Public(_) => "public key",
            Key::Authority(..) => "authority (secret redacted)",
        };
        f.debug_struct("Encryptor")
            .field("public_key", &self.public.hash())
            .field("mode", &mode)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_ring::Seed;

    /// With the same γ and W the two modes give the same points, as products written out do.
    #[test]
    fn both_modes_give_the_points_of_the_definition() {
        let master = MasterSecret::from_seed(3, 65535, &Seed::from_bytes([1; 32])).unwrap();
        let x = [0, 1, 65535];
        let stream = || Seed::from_bytes([2; 32]).expand();
        let blinding = Blinding::sample(&mut stream());
        let (a, b) = (
            exponents(&blinding.in_g1(), &x, &master.s),
            exponents(&blinding.in_g2(), &x, &master.t),
        );
        for timing in [Timing::ConstantTime, Timing::Tables] {
            for encryptor in [
                Encryptor::public(master.public_key(), timing),
                Encryptor::public_once(master.public_key(), timing),
                Encryptor::authority(&master, timing),
            ] {
                let ct = encryptor.encrypt_with(&x, &mut stream()).unwrap();
                assert_eq!(ct.gamma, G1::generator().mul(&blinding.gamma).to_affine());
                for i in 0..6 {
                    assert_eq!(ct.a[i], G1::generator().mul(&a[i]).to_affine());
                    assert_eq!(ct.b[i], G2::generator().mul(&b[i]).to_affine());
                }
            }
        }
    }

    #[test]
    fn the_inner_products_are_x_x_minus_gamma_s_t() {
        let master = MasterSecret::from_seed(2, 9, &Seed::from_bytes([1; 32])).unwrap();
        let blinding = Blinding::sample(&mut Seed::from_bytes([2; 32]).expand());
        let a = exponents(&blinding.in_g1(), &[3, 4], &master.s);
        let b = exponents(&blinding.in_g2(), &[3, 4], &master.t);
        for i in 0..2 {
            for j in 0..2 {
                let mask = blinding.gamma * *master.s[i].expose() * *master.t[j].expose();
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
