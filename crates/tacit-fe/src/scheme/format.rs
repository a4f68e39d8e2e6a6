//! Bytes of keys and ciphertexts: versioned, canonical, strict.
//!
//! Every object begins with a kind byte and a version byte, integers are little-endian, points are
//! compressed and no byte may follow:
//!
//! ```text
//!   public key       0xf1 1  n:u32 input_max:u16  n × G1  n × G2
//!   master secret    0xf2 1  n:u32 input_max:u16  n × scalar  n × scalar          (secret)
//!   functional key   0xf3 1  public key hash:32  model hash:32  K:u32  K × G2
//!   ciphertext       0xf4 1  public key hash:32  n:u32  G1  2n × G1  2n × G2
//!   ciphertext, raw  0xf5 1  the same with both coordinates of every point
//! ```
//!
//! Decoding checks that every point is canonical, on the curve, in the subgroup and not the
//! identity. [`Ciphertext::from_trusted_bytes`] reads the raw form and leaves out the subgroup: for
//! files that this program wrote itself.

use rayon::prelude::*;
use tacit_ring::codec::Reader;
use tacit_ring::{DecodeError, Xof};
use zeroize::Zeroizing;

use super::ciphertext::Ciphertext;
use super::keys::{FunctionalKey, MasterSecret, PublicKey, PublicKeyHash};
use crate::error::{FeError, PointFault};
use crate::group::{G1Affine, G2Affine, Scalar, SecretScalar};
use crate::model::{MAX_INPUTS, MAX_OUTPUTS, ModelHash};

const VERSION: u8 = 1;
const PUBLIC_KEY: u8 = 0xf1;
const MASTER_SECRET: u8 = 0xf2;
const FUNCTIONAL_KEY: u8 = 0xf3;
const CIPHERTEXT: u8 = 0xf4;
const RAW_CIPHERTEXT: u8 = 0xf5;

/// Reads points of `N` bytes each, on the threads of the rayon pool that this runs in. Each point gets
/// the exact test for its subgroup (an endomorphism of the curve), not one of a random combination of
/// points: the cofactors have small factors (3 in G1, 13 in G2), of which a random combination misses one
/// time in three or thirteen.
///
/// Of several bad points the first is named.
fn points<const N: usize, P: Send>(
    what: &'static str,
    bytes: &[u8],
    decode: impl Fn(&[u8; N]) -> Result<P, PointFault> + Send + Sync,
) -> Result<Vec<P>, FeError> {
    let (chunks, _) = bytes.as_chunks::<N>();
    let decoded: Vec<Result<P, PointFault>> =
        chunks.par_iter().with_min_len(16).map(decode).collect();
    let point = |(index, point): (usize, Result<P, PointFault>)| {
        point.map_err(|fault| FeError::Point { what, index, fault })
    };
    decoded.into_iter().enumerate().map(point).collect()
}

fn header<'a>(what: &'static str, kind: u8, bytes: &'a [u8]) -> Result<Reader<'a>, DecodeError> {
    let mut reader = Reader::new(what, bytes);
    reader.tag(kind)?;
    reader.tag(VERSION)?;
    Ok(reader)
}

/// A count between one and a limit.
fn count(reader: &mut Reader<'_>, what: &'static str, limit: usize) -> Result<usize, DecodeError> {
    let found = reader.u32()? as usize;
    if found == 0 || found > limit {
        return Err(DecodeError::Field {
            what,
            found: found as u64,
            expected: limit as u64,
        });
    }
    Ok(found)
}

fn input_max(reader: &mut Reader<'_>) -> Result<u16, DecodeError> {
    match u16::from_le_bytes(reader.array()?) {
        0 => Err(DecodeError::Field {
            what: "largest input",
            found: 0,
            expected: 1,
        }),
        found => Ok(found),
    }
}

impl PublicKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n = self.inputs();
        let mut out = Vec::with_capacity(8 + n * (48 + 96));
        out.extend([PUBLIC_KEY, VERSION]);
        out.extend((n as u32).to_le_bytes());
        out.extend(self.input_max.to_le_bytes());
        self.s.iter().for_each(|p| out.extend(p.to_compressed()));
        self.t.iter().for_each(|p| out.extend(p.to_compressed()));
        out
    }

    /// Decodes and checks every point.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let what = "public key";
        let mut reader = header(what, PUBLIC_KEY, bytes)?;
        let n = count(&mut reader, "inputs of a public key", MAX_INPUTS)?;
        let input_max = input_max(&mut reader)?;
        let (s, t) = (reader.take(48 * n)?, reader.take(96 * n)?);
        reader.finish()?;
        Ok(Self::new(
            input_max,
            points("public key, G1", s, G1Affine::from_compressed)?,
            points("public key, G2", t, G2Affine::from_compressed)?,
        ))
    }
}

impl MasterSecret {
    /// The secret as bytes, erased when dropped. Encrypt them before they are stored.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let n = self.s.len();
        let mut out = Zeroizing::new(Vec::with_capacity(8 + 64 * n));
        out.extend([MASTER_SECRET, VERSION]);
        out.extend((n as u32).to_le_bytes());
        out.extend(self.public_key().input_max.to_le_bytes());
        for scalar in self.s.iter().chain(&self.t) {
            out.extend_from_slice(&*Zeroizing::new(scalar.expose().to_bytes()));
        }
        out
    }

    /// Restores the secret and computes its public half again.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let mut reader = header("master secret", MASTER_SECRET, bytes)?;
        let n = count(&mut reader, "inputs of a master secret", MAX_INPUTS)?;
        let input_max = input_max(&mut reader)?;
        let (s, t) = (reader.take(32 * n)?, reader.take(32 * n)?);
        reader.finish()?;
        let scalars = |bytes: &[u8]| -> Result<Vec<SecretScalar>, FeError> {
            let (chunks, _) = bytes.as_chunks::<32>();
            let scalar = |(index, chunk)| {
                let scalar = Scalar::from_bytes(chunk).filter(|scalar| !scalar.is_zero());
                let scalar = scalar.ok_or(FeError::Scalar { index })?;
                Ok(SecretScalar::new(scalar))
            };
            chunks.iter().enumerate().map(scalar).collect()
        };
        let (s, t) = (scalars(s)?, scalars(t)?);
        Ok(Self::assemble(input_max, s, t, &mut Xof::from_os()?))
    }
}

impl FunctionalKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(70 + 96 * self.elements.len());
        out.extend([FUNCTIONAL_KEY, VERSION]);
        out.extend(self.public_key.as_bytes());
        out.extend(self.model.as_bytes());
        out.extend((self.elements.len() as u32).to_le_bytes());
        let elements = self.elements.iter();
        elements.for_each(|p| out.extend(p.to_compressed()));
        out
    }

    /// Decodes and checks every element.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let what = "functional key";
        let mut reader = header(what, FUNCTIONAL_KEY, bytes)?;
        let public_key = PublicKeyHash(reader.array()?);
        let model = ModelHash::from_bytes(reader.array()?);
        let outputs = count(&mut reader, "outputs of a functional key", MAX_OUTPUTS)?;
        let elements = reader.take(96 * outputs)?;
        reader.finish()?;
        Ok(Self {
            public_key,
            model,
            elements: points(what, elements, G2Affine::from_compressed)?,
        })
    }
}

impl Ciphertext {
    /// The canonical encoding, compressed: what travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n = self.inputs();
        let mut out = Vec::with_capacity(38 + 48 + n * (96 + 192));
        self.write_header(CIPHERTEXT, &mut out);
        out.extend(self.gamma.to_compressed());
        self.a.iter().for_each(|p| out.extend(p.to_compressed()));
        self.b.iter().for_each(|p| out.extend(p.to_compressed()));
        out
    }

    /// Twice the size and quick to read again: for local files.
    pub fn to_raw_bytes(&self) -> Vec<u8> {
        let n = self.inputs();
        let mut out = Vec::with_capacity(38 + 96 + n * (192 + 384));
        self.write_header(RAW_CIPHERTEXT, &mut out);
        out.extend(self.gamma.to_raw());
        self.a.iter().for_each(|p| out.extend(p.to_raw()));
        self.b.iter().for_each(|p| out.extend(p.to_raw()));
        out
    }

    fn write_header(&self, kind: u8, out: &mut Vec<u8>) {
        out.extend([kind, VERSION]);
        out.extend(self.public_key.as_bytes());
        out.extend((self.inputs() as u32).to_le_bytes());
    }

    /// Decodes the compressed or the raw form from anywhere and checks every point, on the threads of
    /// the rayon pool that this runs in (`pool.install` states another number than the global one).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        match bytes.first() {
            Some(&RAW_CIPHERTEXT) => Self::read(
                bytes,
                RAW_CIPHERTEXT,
                G1Affine::from_raw,
                G2Affine::from_raw,
            ),
            _ => Self::read(
                bytes,
                CIPHERTEXT,
                G1Affine::from_compressed,
                G2Affine::from_compressed,
            ),
        }
    }

    /// Decodes the raw form without the subgroup test.
    ///
    /// Only for bytes that this program wrote and nobody else could change. On other points an
    /// evaluation gives some element, and what it reveals about the functional key is not covered
    /// by any proof.
    pub fn from_trusted_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        Self::read(
            bytes,
            RAW_CIPHERTEXT,
            G1Affine::from_raw_trusted,
            G2Affine::from_raw_trusted,
        )
    }

    fn read<const N1: usize, const N2: usize>(
        bytes: &[u8],
        kind: u8,
        g1: impl Fn(&[u8; N1]) -> Result<G1Affine, PointFault> + Send + Sync,
        g2: impl Fn(&[u8; N2]) -> Result<G2Affine, PointFault> + Send + Sync,
    ) -> Result<Self, FeError> {
        let mut reader = header("ciphertext", kind, bytes)?;
        let public_key = PublicKeyHash(reader.array()?);
        let n = count(&mut reader, "inputs of a ciphertext", MAX_INPUTS)?;
        let gamma = reader.array::<N1>()?;
        let (a, b) = (reader.take(2 * n * N1)?, reader.take(2 * n * N2)?);
        reader.finish()?;
        let (what, index) = ("ciphertext, mask", 0);
        Ok(Self {
            public_key,
            gamma: g1(&gamma).map_err(|fault| FeError::Point { what, index, fault })?,
            a: points("ciphertext, G1", a, g1)?,
            b: points("ciphertext, G2", b, g2)?,
        })
    }
}
