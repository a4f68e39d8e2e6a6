//! Who encrypts, and how: shared by the commands that make ciphertexts.

use std::path::PathBuf;

use clap::ValueEnum;
use tacit_fe::{Authority, Encryptor, PublicKey, Timing};

use super::{files, unlock::UnlockArgs};
use crate::Error;
use crate::error::Context;

/// The key to encrypt with.
#[derive(Debug, Clone, clap::Args)]
pub struct EncryptionArgs {
    /// Encrypt with this public key.
    #[arg(long, value_name = "FILE", group = "encryptor")]
    pub public_key: Option<PathBuf>,

    /// Encrypt with the master secret of the authority in FOLDER: faster, for the authority's own data.
    #[arg(long, value_name = "FOLDER", group = "encryptor")]
    pub authority: Option<PathBuf>,

    /// What opens the authority.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// How secrets are treated.
    #[arg(long, value_enum, default_value = "constant-time")]
    pub timing: TimingArg,
}

/// How secrets are treated while encrypting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimingArg {
    /// No time depends on a secret: for hosts that others share.
    ConstantTime,
    /// Faster; an attacker on the same processor may learn secrets. For hosts nobody else uses.
    Tables,
}

/// An open key.
pub enum EncryptionKey {
    /// Everybody's.
    Public(Box<PublicKey>, Timing),
    /// The authority's.
    Authority(Box<Authority>, Timing),
}

impl EncryptionArgs {
    /// Whether any key was named.
    pub fn is_named(&self) -> bool {
        self.public_key.is_some() || self.authority.is_some()
    }

    /// Opens the key.
    pub fn open(&self) -> Result<EncryptionKey, Error> {
        let timing = match self.timing {
            TimingArg::ConstantTime => Timing::ConstantTime,
            TimingArg::Tables => Timing::Tables,
        };
        match (&self.public_key, &self.authority) {
            (Some(path), _) => Ok(EncryptionKey::Public(
                files::public_key(path)?.into(),
                timing,
            )),
            (None, Some(folder)) => {
                let authority = Authority::open(folder, &self.unlock.unlock()?)
                    .bad_input(|| {
                        format!("the authority in {} cannot be opened", folder.display())
                    })?
                    .into();
                Ok(EncryptionKey::Authority(authority, timing))
            }
            (None, None) => Err(Error::bad_input("no key to encrypt with is named")
                .remedy("name a public key with --public-key, or an authority with --authority")),
        }
    }
}

impl EncryptionKey {
    /// The public half.
    pub fn public(&self) -> &PublicKey {
        match self {
            EncryptionKey::Public(key, _) => key,
            EncryptionKey::Authority(authority, _) => authority.public_key(),
        }
    }

    /// Ready to encrypt; tables are built here.
    pub fn encryptor(&self) -> Encryptor<'_> {
        match self {
            EncryptionKey::Public(key, timing) => Encryptor::public(key, *timing),
            EncryptionKey::Authority(authority, timing) => authority.encryptor(*timing),
        }
    }
}

/// A pool of this many threads.
pub fn threads(count: u16) -> Result<rayon::ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count.into())
        .build()
        .failed(|| "the threads could not be started")
}
