//! Keys.

use crate::{CkksError, Parameters};
use std::collections::BTreeMap;
use tacit_ring::codec::{Reader, encoded_poly_len, write_poly};
use tacit_ring::{Basis, GaloisElement, Ntt, RnsPoly, SecretPoly, Seed, Xof, sample};

/// A uniform ternary secret s. Erased on drop, never printed, never encoded.
#[derive(Debug)]
pub struct SecretKey {
    /// Over all primes, special ones included.
    s: SecretPoly<Ntt>,
}

impl SecretKey {
    /// A fresh key from the operating system's entropy.
    pub fn generate(params: &Parameters) -> Result<Self, CkksError> {
        Ok(Self::sample(params, &mut Xof::from_os()?))
    }

    /// A key from a given stream: for keys derived from a stored seed, and for tests.
    pub fn sample(params: &Parameters, xof: &mut Xof) -> Self {
        let ring = params.ring();
        let s = sample::ternary(ring.n(), xof);
        let s = ring.lift_signed(s.as_slice(), params.key_basis());
        Self {
            s: SecretPoly::new(ring.forward(s)),
        }
    }

    /// A secret made from a polynomial over the key basis: sums of shares in tests, combinations
    /// of Shamir shares.
    pub fn from_poly(s: SecretPoly<Ntt>) -> Self {
        Self { s }
    }

    /// The secret polynomial, for the protocols that make shares from it.
    pub fn poly(&self) -> &RnsPoly<Ntt> {
        &self.s
    }
}

/// An encryption of zero, (b, a) with b = −a·s + e: anyone can encrypt with it.
#[derive(Debug, Clone, PartialEq)]
pub struct PublicKey {
    pub(crate) b: RnsPoly<Ntt>,
    pub(crate) a: RnsPoly<Ntt>,
}

impl PublicKey {
    /// A public key of one owner.
    pub fn generate(params: &Parameters, sk: &SecretKey, xof: &mut Xof) -> Self {
        let basis = Basis::q(params.max_level() + 1);
        let ring = params.ring();
        let a = sample::uniform(ring, basis, xof);
        let mut b = error(params, basis, xof);
        let as_ = ring.mul(&a, sk.poly());
        ring.sub_assign(&mut b, &as_);
        Self { b, a }
    }

    /// From parts: (Σ h_i, a) of the multiparty protocol.
    pub fn from_parts(b: RnsPoly<Ntt>, a: RnsPoly<Ntt>) -> Self {
        assert_eq!(b.basis(), a.basis());
        Self { b, a }
    }

    /// (b, a).
    pub fn parts(&self) -> (&RnsPoly<Ntt>, &RnsPoly<Ntt>) {
        (&self.b, &self.a)
    }

    /// Canonical bytes.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let tag = match self.b.basis().p {
            0 => TAG_PUBLIC,
            _ => TAG_EXTENDED,
        };
        let mut out = vec![KEY_VERSION, tag];
        out.extend_from_slice(&params.digest()[..8]);
        write_poly(&mut out, params.ring(), &self.b);
        write_poly(&mut out, params.ring(), &self.a);
        out
    }

    /// Strict inverse of [`Self::to_bytes`].
    pub fn from_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new("public key", bytes);
        let (tag, basis) = match bytes.get(1) {
            Some(&TAG_EXTENDED) => (TAG_EXTENDED, params.key_basis()),
            _ => (TAG_PUBLIC, Basis::q(params.max_level() + 1)),
        };
        key_header(params, &mut reader, KEY_VERSION, tag)?;
        let b = reader.poly(params.ring(), basis)?;
        let a = reader.poly(params.ring(), basis)?;
        reader.finish()?;
        Ok(Self { b, a })
    }
}

const KEY_VERSION: u8 = 1;
/// Since the second version switching keys say their level.
const SWITCHING_VERSION: u8 = 2;
const TAG_PUBLIC: u8 = 1;
const TAG_SWITCHING: u8 = 2;
/// A public key over the special primes too.
const TAG_EXTENDED: u8 = 3;

fn key_header(
    params: &Parameters,
    reader: &mut Reader<'_>,
    version: u8,
    tag: u8,
) -> Result<(), CkksError> {
    reader.tag(version)?;
    reader.tag(tag)?;
    let found: [u8; 8] = reader.array()?;
    if found != params.digest()[..8] {
        return Err(tacit_ring::DecodeError::Field {
            what: "key parameter digest",
            found: u64::from_le_bytes(found),
            expected: u64::from_le_bytes(params.digest()[..8].try_into().unwrap_or_default()),
        }
        .into());
    }
    Ok(())
}

/// A gadget encryption of s' under s, one pair per digit j over all primes:
/// b_j + a_j·s = P·w_j·s' + e_j, where w_j is 1 modulo the primes of digit j and 0 modulo the
/// other ciphertext primes.
///
/// Turns a polynomial that multiplies s' into a ciphertext under s.
///
/// A key for levels up to ℓ has the digits of level ℓ only, over q_0…q_ℓ and the special primes: what
/// a key for all levels leaves when the other rows and pairs are dropped. It switches ciphertexts
/// of level ℓ and below with the same noise, and tells nothing that the key for all levels would not: its pairs are
/// as many or fewer samples, of the same secret and the same errors, at a modulus that divides the other.
#[derive(Debug, Clone, PartialEq)]
pub struct SwitchingKey {
    pub(crate) b: Vec<RnsPoly<Ntt>>,
    pub(crate) a: Vec<RnsPoly<Ntt>>,
}

impl SwitchingKey {
    /// From s' (`from`) to s (`to`), for levels up to `level`.
    pub fn generate(
        params: &Parameters,
        level: usize,
        from: &RnsPoly<Ntt>,
        to: &RnsPoly<Ntt>,
        xof: &mut Xof,
    ) -> Self {
        let ring = params.ring();
        let basis = params.key_basis_at(level);
        let (mut b, mut a) = (vec![], vec![]);
        for digit in 0..params.digits_at(level) {
            let a_j = sample::uniform(ring, basis, xof);
            let mut b_j = error(params, basis, xof);
            let as_ = ring.mul(&a_j, to);
            ring.sub_assign(&mut b_j, &as_);
            add_gadget_multiple(params, digit, from, &mut b_j);
            b.push(b_j);
            a.push(a_j);
        }
        Self { b, a }
    }

    /// From parts, one pair per digit of the level that their primes are those of.
    ///
    /// # Panics
    /// If there are not as many pairs as digits, or the polynomials are not all over the primes of one level and the
    /// special ones.
    pub fn from_parts(params: &Parameters, b: Vec<RnsPoly<Ntt>>, a: Vec<RnsPoly<Ntt>>) -> Self {
        assert!(!b.is_empty() && a.len() == b.len());
        let key = Self { b, a };
        let (level, pairs) = (key.level(), key.b.len());
        assert!(level <= params.max_level() && pairs == params.digits_at(level));
        let basis = params.key_basis_at(level);
        assert!(key.b.iter().chain(&key.a).all(|p| p.basis() == basis));
        key
    }

    /// The highest level of ciphertexts that it switches.
    pub fn level(&self) -> usize {
        self.b[0].basis().q - 1
    }

    /// The pairs (b_j), (a_j).
    pub fn parts(&self) -> (&[RnsPoly<Ntt>], &[RnsPoly<Ntt>]) {
        (&self.b, &self.a)
    }

    /// Size on the wire of a key for levels up to `level`.
    pub fn encoded_len(params: &Parameters, level: usize) -> usize {
        let polys = 2 * params.digits_at(level);
        11 + polys * encoded_poly_len(params.ring(), params.key_basis_at(level))
    }

    /// Canonical bytes: version, tag, parameter digest (8 bytes), level, rows.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::encoded_len(params, self.level()));
        out.extend([SWITCHING_VERSION, TAG_SWITCHING]);
        out.extend_from_slice(&params.digest()[..8]);
        out.push(self.level() as u8);
        for poly in self.b.iter().chain(&self.a) {
            write_poly(&mut out, params.ring(), poly);
        }
        out
    }

    /// Strict inverse of [`Self::to_bytes`].
    pub fn from_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new("switching key", bytes);
        key_header(params, &mut reader, SWITCHING_VERSION, TAG_SWITCHING)?;
        let level = usize::from(reader.u8()?);
        if level > params.max_level() {
            return Err(tacit_ring::DecodeError::Field {
                what: "switching key level",
                found: level as u64,
                expected: params.max_level() as u64,
            }
            .into());
        }
        let (basis, digits) = (params.key_basis_at(level), params.digits_at(level));
        let mut polys = Vec::with_capacity(2 * digits);
        for _ in 0..2 * digits {
            polys.push(reader.poly(params.ring(), basis)?);
        }
        reader.finish()?;
        let a = polys.split_off(digits);
        Ok(Self { b: polys, a })
    }
}

/// acc += P·w_j·x, for x over the primes of `acc` or more: P·x on those of digit j, zero on all others.
pub fn add_gadget_multiple(
    params: &Parameters,
    digit: usize,
    x: &RnsPoly<Ntt>,
    acc: &mut RnsPoly<Ntt>,
) {
    let ring = params.ring();
    let special: Vec<u64> = (0..params.key_basis().p)
        .map(|k| ring.p(k).value())
        .collect();
    let digit = params.digit_range(digit);
    for index in digit.start..digit.end.min(acc.basis().q) {
        let m = ring.q(index);
        let p = special.iter().fold(1, |acc, &p| m.mul(acc, p % m.value()));
        let mut row = x.row(index).to_vec();
        let w = tacit_ring::kernel::Multiplier::new(p, m);
        (ring.kernels().mul_scalar_assign)(&mut row, w, m);
        (ring.kernels().add_assign)(acc.row_mut(index), &row, m);
        zeroize::Zeroize::zeroize(&mut row);
    }
}

/// A fresh Gaussian error in evaluation form.
pub fn error(params: &Parameters, basis: Basis, xof: &mut Xof) -> RnsPoly<Ntt> {
    let ring = params.ring();
    ring.forward(ring.lift_signed(sample::gaussian(ring.n(), xof).as_slice(), basis))
}

/// Turns s² into s: relinearisation.
#[derive(Debug, Clone, PartialEq)]
pub struct RelinearisationKey(pub SwitchingKey);

impl RelinearisationKey {
    /// The key of one owner.
    pub fn generate(params: &Parameters, sk: &SecretKey, xof: &mut Xof) -> Self {
        let square = SecretPoly::new(params.ring().mul(sk.poly(), sk.poly()));
        let top = params.max_level();
        Self(SwitchingKey::generate(params, top, &square, sk.poly(), xof))
    }
}

/// A key for one automorphism φ_g: switches s to φ_{g⁻¹}(s), after which φ_g is applied.
#[derive(Debug, Clone, PartialEq)]
pub struct GaloisKey {
    /// The automorphism.
    pub element: GaloisElement,
    /// From s to φ_{g⁻¹}(s).
    pub key: SwitchingKey,
}

impl GaloisKey {
    /// The key of one owner, for all levels.
    pub fn generate(
        params: &Parameters,
        sk: &SecretKey,
        element: GaloisElement,
        xof: &mut Xof,
    ) -> Self {
        Self::at_level(params, sk, element, params.max_level(), xof)
    }

    /// The key of one owner, for levels up to `level`.
    pub fn at_level(
        params: &Parameters,
        sk: &SecretKey,
        element: GaloisElement,
        level: usize,
        xof: &mut Xof,
    ) -> Self {
        let ring = params.ring();
        let inverse = element.inverse(ring.kind(), ring.log_n());
        let target = SecretPoly::new(ring.automorphism(inverse, sk.poly()));
        Self {
            element,
            key: SwitchingKey::generate(params, level, sk.poly(), &target, xof),
        }
    }
}

/// The public keys an evaluator needs.
#[derive(Debug, Clone, Default)]
pub struct EvaluationKeys {
    /// For products.
    pub relinearisation: Option<RelinearisationKey>,
    /// For rotations and conjugation.
    pub galois: BTreeMap<GaloisElement, GaloisKey>,
}

impl EvaluationKeys {
    /// Keys of one owner for products and the given rotations.
    pub fn generate(params: &Parameters, sk: &SecretKey, steps: &[i64], xof: &mut Xof) -> Self {
        let mut keys = Self {
            relinearisation: Some(RelinearisationKey::generate(params, sk, xof)),
            galois: BTreeMap::new(),
        };
        for &steps in steps {
            let element = params.ring().rotation(steps);
            keys.insert(GaloisKey::generate(params, sk, element, xof));
        }
        keys
    }

    /// Adds a Galois key.
    pub fn insert(&mut self, key: GaloisKey) {
        self.galois.insert(key.element, key);
    }

    /// A public seed is not needed to use keys, only to send them: see the multiparty crate.
    pub fn galois_elements(&self) -> impl Iterator<Item = GaloisElement> {
        self.galois.keys().copied()
    }
}

/// Expands the uniform polynomials a_j of a switching key for levels up to `level` from a public seed.
pub fn expand_gadget(params: &Parameters, level: usize, seed: &Seed) -> Vec<RnsPoly<Ntt>> {
    let (basis, mut xof) = (params.key_basis_at(level), seed.expand());
    (0..params.digits_at(level))
        .map(|_| sample::uniform(params.ring(), basis, &mut xof))
        .collect()
}
