//! Bytes of the keys; the layout is in the schemes' format.

use tacit_ring::Xof;
use zeroize::Zeroizing;

use super::keys::{FunctionalKey, MasterSecret, PublicKey};
use crate::error::FeError;
use crate::model::MAX_OUTPUTS;
use crate::scheme::format::{
    count, read_domain, read_g1, read_g2, read_purpose, read_scalars, write_domain, write_g1,
    write_g2, write_purpose, write_scalars,
};

const PUBLIC_KEY: u8 = 0xf1;
const MASTER_SECRET: u8 = 0xf2;
const FUNCTIONAL_KEY: u8 = 0xf3;
pub(super) const CIPHERTEXT: u8 = 0xf4;
pub(super) const RAW_CIPHERTEXT: u8 = 0xf5;

impl PublicKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let n = self.inputs();
        let mut out = Vec::with_capacity(8 + n * (48 + 96));
        write_domain(PUBLIC_KEY, (n, self.input_max()), &mut out);
        write_g1(&self.s, &mut out);
        write_g2(&self.t, &mut out);
        out
    }

    /// Decodes and checks every point.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let (mut reader, (n, input_max)) = read_domain("public key", PUBLIC_KEY, bytes)?;
        let (s, t) = (reader.take(48 * n)?, reader.take(96 * n)?);
        reader.finish()?;
        Ok(Self::new(
            input_max,
            read_g1("public key, G1", s)?,
            read_g2("public key, G2", t)?,
        ))
    }
}

impl MasterSecret {
    /// The secret as bytes, erased when dropped. Encrypt them before they are stored.
    pub fn to_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        let n = self.s.len();
        let mut out = Zeroizing::new(Vec::with_capacity(8 + 64 * n));
        write_domain(MASTER_SECRET, (n, self.public_key().input_max()), &mut out);
        write_scalars(self.s.iter().chain(&self.t), &mut out);
        out
    }

    /// Restores the secret and computes its public half again.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let (mut reader, (n, input_max)) = read_domain("master secret", MASTER_SECRET, bytes)?;
        let (s, t) = (reader.take(32 * n)?, reader.take(32 * n)?);
        reader.finish()?;
        let (s, t) = (read_scalars(0, s)?, read_scalars(n, t)?);
        Ok(Self::assemble(input_max, s, t, &mut Xof::from_os()?))
    }
}

impl FunctionalKey {
    /// The canonical encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(70 + 96 * self.elements.len());
        write_purpose(FUNCTIONAL_KEY, &self.purpose, &mut out);
        out.extend((self.elements.len() as u32).to_le_bytes());
        write_g2(&self.elements, &mut out);
        out
    }

    /// Decodes and checks every element.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FeError> {
        let (mut reader, purpose) = read_purpose(FUNCTIONAL_KEY, bytes)?;
        let outputs = count(&mut reader, "outputs of a functional key", MAX_OUTPUTS)?;
        let elements = reader.take(96 * outputs)?;
        reader.finish()?;
        let elements = read_g2("functional key", elements)?;
        Ok(Self { purpose, elements })
    }
}
