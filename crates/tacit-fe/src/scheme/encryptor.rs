//! Encryption of many vectors under one key.

use std::fmt;
use std::marker::PhantomData;

use tacit_ring::Xof;

use super::ciphertext::CiphertextOf;
use super::construction::{Construction, Generators};
use super::keys::{MasterSecretOf, PublicKeyOf, Secret};
use super::timing::Timing;
use crate::error::FeError;
use crate::group::SmallInputs;

/// Tables for each point of an encryptor that is kept.
const MANY: usize = 8;

enum Key<'a, S: Construction> {
    Public(Box<S::Tables>),
    Authority(&'a Secret, Box<Generators>),
}

/// Encrypts vectors under one key, by the scheme `S`. Its tables are made once, so keep it for many
/// vectors:
///
/// | mode | generic group, n = 785 | standard model, n = 785 |
/// |---|---|---|
/// | public key | 18.4 MiB (24 KiB for each input) | 42.9 MiB (56 KiB for each input) |
/// | authority, constant-time | 0.5 MiB | 0.5 MiB |
/// | authority, tables | 1.5 MiB | 1.5 MiB |
#[allow(private_bounds)]
pub struct EncryptorOf<'a, S: Construction> {
    public: &'a PublicKeyOf<S>,
    key: Key<'a, S>,
    timing: Timing,
}

#[allow(private_bounds)]
impl<'a, S: Construction> EncryptorOf<'a, S> {
    /// Under a public key.
    pub fn public(public: &'a PublicKeyOf<S>, timing: Timing) -> Self {
        Self::with_tables(public, timing, MANY)
    }

    /// Under a public key, for few vectors: small tables, more doublings.
    pub(super) fn public_once(public: &'a PublicKeyOf<S>, timing: Timing) -> Self {
        Self::with_tables(public, timing, 1)
    }

    fn with_tables(public: &'a PublicKeyOf<S>, timing: Timing, number: usize) -> Self {
        Self {
            public,
            key: Key::Public(Box::new(S::tables(public, number))),
            timing,
        }
    }

    /// With the master secret.
    pub fn authority(secret: &'a MasterSecretOf<S>, timing: Timing) -> Self {
        let generators = Generators::new(timing.lookup());
        Self {
            public: secret.public_key(),
            key: Key::Authority(&secret.secret, Box::new(generators)),
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
            Key::Public(tables) => S::table_bytes(tables),
            Key::Authority(_, generators) => generators.g1.bytes() + generators.g2.bytes(),
        }
    }

    /// Encrypts a vector with fresh randomness.
    pub fn encrypt(&self, x: &[u16]) -> Result<CiphertextOf<S>, FeError> {
        self.encrypt_with(x, &mut Xof::from_os()?)
    }

    pub(super) fn encrypt_with(
        &self,
        x: &[u16],
        xof: &mut Xof,
    ) -> Result<CiphertextOf<S>, FeError> {
        let domain = self.public.domain;
        domain.check_input(x)?;
        let x = SmallInputs::new(x, domain.input_max);
        let points = loop {
            let points = match &self.key {
                Key::Public(tables) => {
                    S::with_points(self.public, tables, &x, self.timing.lookup(), xof)
                }
                Key::Authority(secret, generators) => S::with_secret(secret, generators, &x, xof),
            };
            // The affine formula meets an exception about once in 2^240 tries.
            if let Some(points) = points {
                break points;
            }
        };
        Ok(CiphertextOf {
            public_key: domain.hash,
            inputs: domain.inputs,
            points,
            scheme: PhantomData,
        })
    }
}

impl<S: Construction> fmt::Debug for EncryptorOf<'_, S> {
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
