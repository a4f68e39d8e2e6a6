//! Plaintexts and ciphertexts.

use crate::{CkksError, Parameters};
use tacit_ring::codec::{Reader, add_encoded, check_encoded, encoded_poly_len, write_poly};
use tacit_ring::{Basis, Ntt, RnsPoly, Seed, sample};

/// An encoded message: a polynomial and the scale its coefficients carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Plaintext {
    pub(crate) poly: RnsPoly<Ntt>,
    pub(crate) scale: f64,
}

impl Plaintext {
    /// From parts, e.g. after computing on the polynomial directly.
    pub fn from_parts(poly: RnsPoly<Ntt>, scale: f64) -> Self {
        Self { poly, scale }
    }

    /// The polynomial.
    pub fn poly(&self) -> &RnsPoly<Ntt> {
        &self.poly
    }

    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Number of ciphertext primes minus one.
    pub fn level(&self) -> usize {
        self.poly.basis().q - 1
    }
}

/// A ciphertext (c_0, c_1 …): the message is Σ c_i·s^i, up to noise, divided by the scale.
///
/// Two polynomials normally, three between a product and its relinearisation. The level is the
/// number of ciphertext primes left, minus one.
#[derive(Debug, Clone, PartialEq)]
pub struct Ciphertext {
    pub(crate) c: Vec<RnsPoly<Ntt>>,
    pub(crate) scale: f64,
}

const VERSION: u8 = 1;
const SEEDED_VERSION: u8 = 0x81;
const HALF_VERSION: u8 = 0x82;

impl Ciphertext {
    /// From parts.
    ///
    /// # Panics
    /// If there are not 2 or 3 polynomials of one basis without special primes.
    pub fn from_parts(c: Vec<RnsPoly<Ntt>>, scale: f64) -> Self {
        assert!((2..=3).contains(&c.len()));
        assert!(c.iter().all(|p| p.basis() == c[0].basis()) && c[0].basis().p == 0);
        Self { c, scale }
    }

    /// A ciphertext of zero without noise: the start of a sum.
    pub fn zero(params: &Parameters, level: usize, scale: f64) -> Self {
        let zero = params.ring().zero(Basis::q(level + 1));
        Self {
            c: vec![zero.clone(), zero],
            scale,
        }
    }

    /// The polynomials c_0, c_1 (and c_2 before relinearisation).
    pub fn polys(&self) -> &[RnsPoly<Ntt>] {
        &self.c
    }

    /// Takes it apart.
    pub fn into_polys(self) -> Vec<RnsPoly<Ntt>> {
        self.c
    }

    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Declares another scale: multiplies the message by old/new without touching the polynomials.
    pub fn set_scale(&mut self, scale: f64) {
        self.scale = scale;
    }

    /// Number of ciphertext primes minus one.
    pub fn level(&self) -> usize {
        self.c[0].basis().q - 1
    }

    /// Size on the wire of a ciphertext with two polynomials.
    pub fn encoded_len(params: &Parameters, level: usize) -> usize {
        HEADER + 2 * encoded_poly_len(params.ring(), Basis::q(level + 1))
    }

    /// Canonical bytes: version, parameter digest (8 bytes), number of polynomials, level, scale, rows.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let rows = encoded_poly_len(params.ring(), self.c[0].basis());
        let mut out = Vec::with_capacity(HEADER + self.c.len() * rows);
        self.write_header(VERSION, params, &mut out);
        for poly in &self.c {
            write_poly(&mut out, params.ring(), poly);
        }
        out
    }

    /// into += other on encoded ciphertexts of the same level and scale, without decoding them; on an
    /// error `into` is as it was.
    pub fn add_encoded(
        params: &Parameters,
        into: &mut [u8],
        other: &[u8],
    ) -> Result<(), CkksError> {
        Self::add_all_encoded(params, vec![into], &[other])
    }

    /// [`Self::add_encoded`] for several pairs: all are added, or on an error none is.
    ///
    /// # Panics
    /// If there are not as many of each.
    pub fn add_all_encoded(
        params: &Parameters,
        into: Vec<&mut [u8]>,
        others: &[&[u8]],
    ) -> Result<(), CkksError> {
        assert_eq!(into.len(), others.len(), "sums and what is added to them");
        let bases = (into.iter().zip(others))
            .map(|(into, other)| check_addable(params, into, other))
            .collect::<Result<Vec<Basis>, _>>()?;
        let ring = params.ring();
        for ((into, other), basis) in into.into_iter().zip(others).zip(bases) {
            let width = encoded_poly_len(ring, basis);
            let rows = into[HEADER..]
                .chunks_exact_mut(width)
                .zip(other[HEADER..].chunks_exact(width));
            for (into, other) in rows {
                add_encoded(ring, basis, into, other);
            }
        }
        Ok(())
    }

    fn write_header(&self, version: u8, params: &Parameters, out: &mut Vec<u8>) {
        out.push(version);
        out.extend_from_slice(&params.digest()[..8]);
        out.push(self.c.len() as u8);
        out.push(self.level() as u8);
        out.extend_from_slice(&self.scale.to_le_bytes());
    }

    /// Strict inverse of [`Self::to_bytes`], for the given parameters only.
    pub fn from_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new("ciphertext", bytes);
        let (polys, level, scale) = read_header(VERSION, params, &mut reader)?;
        let mut c = Vec::with_capacity(polys);
        for _ in 0..polys {
            c.push(reader.poly(params.ring(), Basis::q(level + 1))?);
        }
        reader.finish()?;
        Ok(Self { c, scale })
    }

    /// Canonical bytes of c_0, for receivers who know c_1 from elsewhere: half the size.
    ///
    /// # Panics
    /// If there are not two polynomials.
    pub fn c0_to_bytes(&self, params: &Parameters) -> Vec<u8> {
        assert_eq!(self.c.len(), 2, "a ciphertext before relinearisation");
        let mut out = Vec::with_capacity(Self::encoded_c0_len(params, self.level()));
        self.write_header(HALF_VERSION, params, &mut out);
        write_poly(&mut out, params.ring(), &self.c[0]);
        out
    }

    /// Size on the wire of c_0 alone.
    pub fn encoded_c0_len(params: &Parameters, level: usize) -> usize {
        HEADER + encoded_poly_len(params.ring(), Basis::q(level + 1))
    }

    /// Whether bytes claim to be those of [`Self::c0_to_bytes`], not of [`Self::to_bytes`].
    pub fn is_c0(bytes: &[u8]) -> bool {
        bytes.first() == Some(&HALF_VERSION)
    }

    /// Strict inverse of [`Self::c0_to_bytes`], with the other polynomial.
    ///
    /// # Errors
    /// If the bytes are not canonical, or are of another level than `c1`.
    pub fn from_c0_bytes(
        params: &Parameters,
        bytes: &[u8],
        c1: RnsPoly<Ntt>,
    ) -> Result<Self, CkksError> {
        let mut reader = Reader::new("ciphertext without c_1", bytes);
        let (polys, level, scale) = read_header(HALF_VERSION, params, &mut reader)?;
        two_polynomials("polynomial count of a ciphertext without c_1", polys)?;
        if c1.basis() != Basis::q(level + 1) {
            let (needed, found) = (c1.basis().q - 1, level);
            return Err(CkksError::Level {
                operation: "c_0 for a known c_1",
                needed,
                found,
            });
        }
        let c0 = reader.poly(params.ring(), c1.basis())?;
        reader.finish()?;
        let c = vec![c0, c1];
        Ok(Self { c, scale })
    }
}

fn two_polynomials(what: &'static str, polys: usize) -> Result<(), CkksError> {
    match polys {
        2 => Ok(()),
        polys => {
            let (found, expected) = (polys as u64, 2);
            let field = tacit_ring::DecodeError::Field {
                what,
                found,
                expected,
            };
            Err(field.into())
        }
    }
}

/// The basis of two encoded ciphertexts that may be added; both are checked.
fn check_addable(params: &Parameters, into: &[u8], other: &[u8]) -> Result<Basis, CkksError> {
    let what = "encoded ciphertext";
    let ring = params.ring();
    let mut reader = Reader::new(what, other);
    let (polys, level, scale) = read_header(VERSION, params, &mut reader)?;
    let basis = Basis::q(level + 1);
    let width = encoded_poly_len(ring, basis);
    for bytes in [into, other] {
        let mut reader = Reader::new(what, bytes);
        let (found_polys, found_level, found_scale) = read_header(VERSION, params, &mut reader)?;
        let (left, right) = (found_scale.log2(), scale.log2());
        if found_level != level || found_polys != polys {
            let (operation, needed, found) = ("add encoded", level, found_level);
            return Err(CkksError::Level {
                operation,
                needed,
                found,
            });
        }
        if found_scale != scale {
            return Err(CkksError::Scale {
                operation: "add encoded",
                left,
                right,
            });
        }
        for _ in 0..polys {
            check_encoded(what, ring, basis, reader.take(width)?)?;
        }
        reader.finish()?;
    }
    Ok(basis)
}

const HEADER: usize = 1 + 8 + 1 + 1 + 8;

fn read_header(
    version: u8,
    params: &Parameters,
    reader: &mut Reader<'_>,
) -> Result<(usize, usize, f64), CkksError> {
    use tacit_ring::DecodeError::Field;
    reader.tag(version)?;
    let found = u64::from_le_bytes(reader.array()?);
    let expected = u64::from_le_bytes(first_eight(params.digest()));
    if found != expected {
        return Err(Field {
            what: "ciphertext parameter digest",
            found,
            expected,
        }
        .into());
    }
    let polys = reader.u8()? as usize;
    if !(2..=3).contains(&polys) {
        return Err(Field {
            what: "ciphertext polynomial count",
            found: polys as u64,
            expected: 2,
        }
        .into());
    }
    let level = reader.u8()? as usize;
    if level > params.max_level() {
        let expected = params.max_level() as u64;
        return Err(Field {
            what: "ciphertext level",
            found: level as u64,
            expected,
        }
        .into());
    }
    let scale = f64::from_le_bytes(reader.array()?);
    if !(scale >= 1.0 && scale.log2() < params.log2_q(level)) {
        let expected = params.log2_q(level).exp2().min(f64::MAX).to_bits();
        return Err(Field {
            what: "ciphertext scale (as bits)",
            found: scale.to_bits(),
            expected,
        }
        .into());
    }
    Ok((polys, level, scale))
}

fn first_eight(digest: &[u8; 32]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&digest[..8]);
    out
}

/// A fresh secret-key ciphertext on the wire: c_0 and the seed of c_1, half the size.
#[derive(Debug, Clone, PartialEq)]
pub struct SeededCiphertext {
    pub(crate) c0: RnsPoly<Ntt>,
    pub(crate) seed: [u8; 32],
    pub(crate) scale: f64,
}

impl SeededCiphertext {
    /// Expands the seed.
    pub fn expand(&self, params: &Parameters) -> Ciphertext {
        let c1 = expand_c1(params, self.c0.basis(), &self.seed);
        Ciphertext {
            c: vec![self.c0.clone(), c1],
            scale: self.scale,
        }
    }

    /// Canonical bytes.
    pub fn to_bytes(&self, params: &Parameters) -> Vec<u8> {
        let mut out = Vec::new();
        let header = Ciphertext {
            c: vec![self.c0.clone()],
            scale: self.scale,
        };
        header.write_header(SEEDED_VERSION, params, &mut out);
        out[9] = 2; // it stands for two polynomials
        out.extend_from_slice(&self.seed);
        write_poly(&mut out, params.ring(), &self.c0);
        out
    }

    /// Strict inverse of [`Self::to_bytes`].
    pub fn from_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self, CkksError> {
        let mut reader = Reader::new("seeded ciphertext", bytes);
        let (polys, level, scale) = read_header(SEEDED_VERSION, params, &mut reader)?;
        two_polynomials("seeded ciphertext polynomial count", polys)?;
        let seed = reader.array()?;
        let c0 = reader.poly(params.ring(), Basis::q(level + 1))?;
        reader.finish()?;
        Ok(Self { c0, seed, scale })
    }
}

pub(crate) fn expand_c1(params: &Parameters, basis: Basis, seed: &[u8; 32]) -> RnsPoly<Ntt> {
    let mut xof = Seed::from_bytes(*seed).child("ckks seeded c1", []).expand();
    sample::uniform(params.ring(), basis, &mut xof)
}
