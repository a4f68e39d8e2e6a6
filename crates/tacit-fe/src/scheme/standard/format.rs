//! Bytes of the keys; the layout is in the schemes' format.

use tacit_ring::Xof;
use zeroize::Zeroizing;

use super::keys::{FunctionalKey, MasterSecret, PublicKey, VECTORS};
use super::{BLOCKS, ROWS};
use crate::error::FeError;
use crate::model::{MAX_HIDDEN, MAX_OUTPUTS};
use crate::scheme::format::{
    count, read_domain, read_g1, read_g2, read_purpose, read_scalars, write_domain, write_g1,
    write_g2, write_purpose, write_scalars,
};

const PUBLIC_KEY: u8 = 0xf6;
const MASTER_SECRET: u8 = 0xf7;
const FUNCTIONAL_KEY: u8 = 0xf8;
pub(super) const CIPHERTEXT: u8 = 0xf9;
pub(super) const RAW_CIPHERTEXT: u8 = 0xfa;

impl PublicKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n = self.inputs();
        let mut out = Vec::with_capacity(8 + 48 * (1 + (ROWS + BLOCKS) * n) + 96 * n);
        write_domain(PUBLIC_KEY, (n, self.input_max()), &mut out);
        write_g1(&[self.a], &mut out);
        write_g1(&self.a1, &mut out);
        write_g1(&self.t, &mut out);
        write_g2(&self.a2, &mut out);
        out
    }

    /// Decodes and checks every point.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let (mut reader, (n, input_max)) = read_domain("public key", PUBLIC_KEY, bytes)?;
        let in_g1 = reader.take(48 * (1 + (ROWS + BLOCKS) * n))?;
        let a2 = reader.take(96 * n)?;
        reader.finish()?;
        let mut in_g1 = read_g1("public key, G1", in_g1)?;
        let t = in_g1.split_off(1 + ROWS * n);
        let a1 = in_g1.split_off(1);
        let a2 = read_g2("public key, G2", a2)?;
        Ok(Self::new(input_max, in_g1[0], (a1, t), a2))
    }
}

impl MasterSecret {
    /// The secret as bytes, erased when dropped. Encrypt them before they are stored.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let public = self.public_key();
        let shape = (public.inputs(), public.input_max());
        let mut out = Zeroizing::new(Vec::with_capacity(8 + 32 * (1 + VECTORS * shape.0)));
        write_domain(MASTER_SECRET, shape, &mut out);
        write_scalars(self.scalars(), &mut out);
        out
    }

    /// Restores the secret and computes its public half again.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let (mut reader, (n, input_max)) = read_domain("master secret", MASTER_SECRET, bytes)?;
        let (a, vectors) = (reader.take(32)?, reader.take(32 * VECTORS * n)?);
        reader.finish()?;
        let a = read_scalars(0, a)?.pop();
        let a = a.ok_or(FeError::Scalar { index: 0 })?;
        let vectors = vectors.chunks_exact(32 * n).enumerate();
        let vectors = vectors.map(|(i, vector)| read_scalars(1 + i * n, vector));
        let vectors = vectors.collect::<Result<Vec<_>, _>>()?.into_iter();
        Ok(Self::assemble(input_max, a, vectors, &mut Xof::from_os()?))
    }
}

impl FunctionalKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let points = self.hidden.len() + self.elements.len();
        let mut out = Vec::with_capacity(74 + 96 * points);
        write_purpose(FUNCTIONAL_KEY, &self.purpose, &mut out);
        out.extend(((self.hidden.len() / BLOCKS) as u32).to_le_bytes());
        out.extend((self.outputs() as u32).to_le_bytes());
        write_g2(&self.hidden, &mut out);
        write_g2(&self.elements, &mut out);
        out
    }

    /// Decodes and checks every element.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let (mut reader, purpose) = read_purpose(FUNCTIONAL_KEY, bytes)?;
        let hidden = count(&mut reader, "hidden values of a functional key", MAX_HIDDEN)?;
        let outputs = count(&mut reader, "outputs of a functional key", MAX_OUTPUTS)?;
        let hidden = reader.take(96 * BLOCKS * hidden)?;
        let elements = reader.take(96 * 2 * outputs)?;
        reader.finish()?;
        Ok(Self {
            purpose,
            hidden: read_g2("functional key, hidden values", hidden)?,
            elements: read_g2("functional key", elements)?,
        })
    }
}
