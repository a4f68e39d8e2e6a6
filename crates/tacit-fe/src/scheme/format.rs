//! Bytes of keys and ciphertexts: versioned, canonical, strict.
//!
//! Every object begins with a kind byte and a version byte, integers are little-endian, points are
//! compressed and no byte may follow. Of the scheme in the generic group model:
//!
//! ```text
//!   public key       0xf1 1  n:u32 input_max:u16  n × G1  n × G2
//!   master secret    0xf2 1  n:u32 input_max:u16  n × scalar  n × scalar          (secret)
//!   functional key   0xf3 1  public key hash:32  model hash:32  K:u32  K × G2
//!   ciphertext       0xf4 1  public key hash:32  n:u32  G1  2n × G1  2n × G2
//!   ciphertext, raw  0xf5 1  the same with both coordinates of every point
//! ```
//!
//! and of the scheme in the standard model:
//!
//! ```text
//!   public key       0xf6 1  n:u32 input_max:u16  G1  5n × G1  n × G2
//!   master secret    0xf7 1  n:u32 input_max:u16  scalar  9n × scalar              (secret)
//!   functional key   0xf8 1  public key hash:32  model hash:32  d:u32 K:u32  3d × G2  2K × G2
//!   ciphertext       0xf9 1  public key hash:32  n:u32  2 × G1  4n × G1  n × G2
//!   ciphertext, raw  0xfa 1  the same with both coordinates of every point
//! ```
//!
//! Decoding checks that every point is canonical, on the curve, in the subgroup and not the
//! identity. [`CiphertextOf::from_trusted_bytes`] reads the raw form and leaves out the subgroup: for
//! files that this program wrote itself.

use std::marker::PhantomData;

use rayon::prelude::*;
use tacit_ring::codec::Reader;
use tacit_ring::{DecodeError, Xof};
use zeroize::Zeroizing;

use super::ciphertext::{CiphertextOf, Points};
use super::construction::Construction;
use super::domain::{PublicKeyHash, Purpose};
use super::keys::{FunctionalKeyOf, MasterSecretOf, PublicKeyOf};
use crate::error::{FeError, PointFault};
use crate::group::{G1Affine, G2Affine, Membership, Scalar, SecretScalar};
use crate::model::{MAX_HIDDEN, MAX_INPUTS, MAX_OUTPUTS, ModelHash};

const VERSION: u8 = 1;

/// Where points come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Anywhere: they are tested for their subgroup.
    Anywhere,
    /// This program: they are in it.
    Trusted,
}

/// Points decompressed in one go.
const ROOTS: usize = 64;

/// Points tested for their subgroup in one go, at most.
const BATCH: usize = 1024;

/// Reads points of `N` bytes each, on the threads of the rayon pool that this runs in. Each point gets
/// the exact test for its subgroup (an endomorphism of the curve), not one of a random combination of
/// points: the cofactors have small factors (3 in G1, 13 in G2), of which a random combination misses one
/// time in three or thirteen.
///
/// Of several bad points the first is named.
fn points<const N: usize, P: Membership>(
    what: &'static str,
    bytes: &[u8],
    source: Source,
    decode: impl Fn(&[[u8; N]]) -> Vec<Result<P, PointFault>> + Send + Sync,
) -> Result<Vec<P>, FeError> {
    let (chunks, _) = bytes.as_chunks::<N>();
    let decoded: Vec<Result<P, PointFault>> =
        chunks.par_chunks(ROOTS).flat_map_iter(decode).collect();
    let points: Vec<P> = decoded
        .iter()
        .filter_map(|p| p.as_ref().ok())
        .copied()
        .collect();
    let share = points.len().div_ceil(rayon::current_num_threads());
    let batches = points.par_chunks(share.next_multiple_of(8).clamp(8, BATCH));
    let trusted = source == Source::Trusted;
    if points.len() == decoded.len() && (trusted || batches.all(P::are_members)) {
        return Ok(points);
    }
    let point = |(index, point): (usize, Result<P, PointFault>)| {
        let point = point.and_then(|point| match trusted || point.is_member() {
            true => Ok(point),
            false => Err(PointFault::NotInSubgroup),
        });
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

/// Kind, version and the shape of the vectors, of a master key's half.
fn write_domain(kind: u8, (inputs, input_max): (usize, u16), out: &mut Vec<u8>) {
    out.extend([kind, VERSION]);
    out.extend((inputs as u32).to_le_bytes());
    out.extend(input_max.to_le_bytes());
}

fn read_domain<'a>(
    what: &'static str,
    kind: u8,
    bytes: &'a [u8],
) -> Result<(Reader<'a>, (usize, u16)), DecodeError> {
    let mut reader = header(what, kind, bytes)?;
    let inputs = count(&mut reader, "inputs of a master key", MAX_INPUTS)?;
    let input_max = input_max(&mut reader)?;
    Ok((reader, (inputs, input_max)))
}

/// Kind, version and hashes of a functional key.
fn write_purpose(kind: u8, purpose: &Purpose, out: &mut Vec<u8>) {
    out.extend([kind, VERSION]);
    out.extend(purpose.public_key.as_bytes());
    out.extend(purpose.model.as_bytes());
}

fn read_purpose<'a>(kind: u8, bytes: &'a [u8]) -> Result<(Reader<'a>, Purpose), DecodeError> {
    let mut reader = header("functional key", kind, bytes)?;
    let purpose = Purpose {
        public_key: PublicKeyHash::from_bytes(reader.array()?),
        model: ModelHash::from_bytes(reader.array()?),
    };
    Ok((reader, purpose))
}

/// Compressed points from anywhere.
fn read_g2(what: &'static str, bytes: &[u8]) -> Result<Vec<G2Affine>, FeError> {
    points(what, bytes, Source::Anywhere, G2Affine::decompress_many)
}

fn write_g2(points: &[G2Affine], out: &mut Vec<u8>) {
    points.iter().for_each(|p| out.extend(p.to_compressed()));
}

/// Scalars of a master secret. None may be zero.
fn read_scalars(bytes: &[u8]) -> Result<Vec<SecretScalar>, FeError> {
    let (chunks, _) = bytes.as_chunks::<32>();
    // Room for all: growing would leave copies behind.
    let mut out = Vec::with_capacity(chunks.len());
    for (index, chunk) in chunks.iter().enumerate() {
        let scalar = Scalar::from_bytes(chunk).filter(|scalar| !scalar.is_zero());
        out.push(SecretScalar::new(scalar.ok_or(FeError::Scalar { index })?));
    }
    Ok(out)
}

#[allow(private_bounds)]
impl<S: Construction> PublicKeyOf<S> {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = 8 + 48 * self.g1.len() + 96 * self.g2.len();
        let mut out = Vec::with_capacity(size);
        let shape = (self.inputs(), self.input_max());
        write_domain(S::LAYOUT.kinds.public_key, shape, &mut out);
        self.g1.iter().for_each(|p| out.extend(p.to_compressed()));
        write_g2(&self.g2, &mut out);
        out
    }

    /// Decodes and checks every point.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let kind = S::LAYOUT.kinds.public_key;
        let (mut reader, (n, input_max)) = read_domain("public key", kind, bytes)?;
        let g1 = reader.take(48 * S::LAYOUT.public_g1.of(n))?;
        let g2 = reader.take(96 * n)?;
        reader.finish()?;
        let (source, decode) = (Source::Anywhere, G1Affine::decompress_many);
        let g1 = points("public key, G1", g1, source, decode)?;
        Ok(Self::new(input_max, g1, read_g2("public key, G2", g2)?))
    }
}

#[allow(private_bounds)]
impl<S: Construction> MasterSecretOf<S> {
    /// The secret as bytes, erased when dropped. Encrypt them before they are stored.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let (public, scalars) = (self.public_key(), &self.secret.drawn);
        // Room for all: growing would leave copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(8 + 32 * scalars.len()));
        let shape = (public.inputs(), public.input_max());
        write_domain(S::LAYOUT.kinds.master_secret, shape, &mut out);
        for scalar in scalars {
            out.extend_from_slice(&*Zeroizing::new(scalar.expose().to_bytes()));
        }
        out
    }

    /// Restores the secret and computes its public half again.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let kind = S::LAYOUT.kinds.master_secret;
        let (mut reader, (n, input_max)) = read_domain("master secret", kind, bytes)?;
        let scalars = reader.take(32 * S::LAYOUT.scalars.of(n))?;
        reader.finish()?;
        let scalars = read_scalars(scalars)?;
        Ok(Self::assemble(n, input_max, scalars, &mut Xof::from_os()?))
    }
}

#[allow(private_bounds)]
impl<S: Construction> FunctionalKeyOf<S> {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let points = self.hidden.len() + self.elements.len();
        let mut out = Vec::with_capacity(74 + 96 * points);
        write_purpose(S::LAYOUT.kinds.functional_key, &self.purpose, &mut out);
        if let Some(hidden) = self.hidden.len().checked_div(S::LAYOUT.hidden) {
            out.extend((hidden as u32).to_le_bytes());
        }
        out.extend((self.outputs() as u32).to_le_bytes());
        write_g2(&self.hidden, &mut out);
        write_g2(&self.elements, &mut out);
        out
    }

    /// Decodes and checks every element.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let layout = S::LAYOUT;
        let (mut reader, purpose) = read_purpose(layout.kinds.functional_key, bytes)?;
        let hidden = match layout.hidden {
            0 => 0,
            _ => count(&mut reader, "hidden values of a functional key", MAX_HIDDEN)?,
        };
        let outputs = count(&mut reader, "outputs of a functional key", MAX_OUTPUTS)?;
        let hidden = reader.take(96 * layout.hidden * hidden)?;
        let elements = reader.take(96 * layout.mask * outputs)?;
        reader.finish()?;
        let hidden = read_g2("functional key, hidden values", hidden)?;
        let elements = read_g2("functional key", elements)?;
        Ok(Self::new(purpose, hidden, elements))
    }
}

#[allow(private_bounds)]
impl<S: Construction> CiphertextOf<S> {
    /// Bytes at the beginning of a ciphertext in which its master key is named.
    pub const NAMED_WITHIN: usize = 34;

    /// The canonical encoding, compressed: what travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (g1, g2) = (G1Affine::to_compressed, G2Affine::to_compressed);
        self.write(S::LAYOUT.kinds.ciphertext, g1, g2)
    }

    /// Twice the size and quick to read again: for local files.
    pub fn to_raw_bytes(&self) -> Vec<u8> {
        self.write(
            S::LAYOUT.kinds.raw_ciphertext,
            G1Affine::to_raw,
            G2Affine::to_raw,
        )
    }

    fn write<const N1: usize, const N2: usize>(
        &self,
        kind: u8,
        g1: impl Fn(&G1Affine) -> [u8; N1],
        g2: impl Fn(&G2Affine) -> [u8; N2],
    ) -> Vec<u8> {
        let Points { mask, g1: a, g2: b } = &self.points;
        let mut out = Vec::with_capacity(38 + N1 * (mask.len() + a.len()) + N2 * b.len());
        out.extend([kind, VERSION]);
        out.extend(self.public_key.as_bytes());
        out.extend((self.inputs as u32).to_le_bytes());
        mask.iter().chain(a).for_each(|p| out.extend(g1(p)));
        b.iter().for_each(|p| out.extend(g2(p)));
        out
    }

    /// Decodes the compressed or the raw form from anywhere and checks every point, on the threads of
    /// the rayon pool that this runs in (`pool.install` states another number than the global one).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let source = Source::Anywhere;
        if bytes.first() == Some(&S::LAYOUT.kinds.raw_ciphertext) {
            return Self::read_raw(bytes, source);
        }
        let (g1, g2) = (G1Affine::decompress_many, G2Affine::decompress_many);
        Self::read(bytes, S::LAYOUT.kinds.ciphertext, source, g1, g2)
    }

    /// The master key that a ciphertext was made under, from the first [`Self::NAMED_WITHIN`] bytes of either
    /// form: what belongs to another need not be read.
    pub fn public_key_of(bytes: &[u8]) -> Result<PublicKeyHash, FeError> {
        let kinds = S::LAYOUT.kinds;
        let kind = match bytes.first() == Some(&kinds.raw_ciphertext) {
            true => kinds.raw_ciphertext,
            false => kinds.ciphertext,
        };
        let mut reader = header("ciphertext", kind, bytes)?;
        Ok(PublicKeyHash::from_bytes(reader.array()?))
    }

    /// Decodes the raw form without the subgroup test.
    ///
    /// Only for bytes that this program wrote and nobody else could change. On other points an
    /// evaluation gives some element, and what it reveals about the functional key is not covered
    /// by any proof.
    pub fn from_trusted_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        Self::read_raw(bytes, Source::Trusted)
    }

    fn read_raw(bytes: &[u8], source: Source) -> Result<Self, FeError> {
        let g1 = |bytes: &[_]| bytes.iter().map(G1Affine::from_raw_trusted).collect();
        let g2 = |bytes: &[_]| bytes.iter().map(G2Affine::from_raw_trusted).collect();
        Self::read(bytes, S::LAYOUT.kinds.raw_ciphertext, source, g1, g2)
    }

    fn read<const N1: usize, const N2: usize>(
        bytes: &[u8],
        kind: u8,
        source: Source,
        g1: impl Fn(&[[u8; N1]]) -> Vec<Result<G1Affine, PointFault>> + Send + Sync,
        g2: impl Fn(&[[u8; N2]]) -> Vec<Result<G2Affine, PointFault>> + Send + Sync,
    ) -> Result<Self, FeError> {
        let layout = S::LAYOUT;
        let mut reader = header("ciphertext", kind, bytes)?;
        let public_key = PublicKeyHash::from_bytes(reader.array()?);
        let inputs = count(&mut reader, "inputs of a ciphertext", MAX_INPUTS)?;
        let mask = reader.take(N1 * layout.mask)?;
        let a = reader.take(N1 * layout.g1 * inputs)?;
        let b = reader.take(N2 * layout.g2 * inputs)?;
        reader.finish()?;
        Ok(Self {
            public_key,
            inputs,
            points: Points {
                mask: points("ciphertext, mask", mask, source, &g1)?,
                g1: points("ciphertext, G1", a, source, &g1)?,
                g2: points("ciphertext, G2", b, source, &g2)?,
            },
            scheme: PhantomData,
        })
    }
}
