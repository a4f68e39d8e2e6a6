//! What sites do to take part: identities, rosters, signatures, nodes, and the logs they leave.

pub mod identity;
pub mod log;
pub mod logging;
pub mod node;
pub mod plan_sign;
pub mod query;
pub mod roster;
pub mod session;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tacit_identity::SignedRoster;
use tacit_node::config::UnlockFrom;
use tacit_report::Run;
use tacit_seal::Unlock;
use tacit_session::PublicKey;

use crate::Error;
use crate::error::Context;

/// Where the passphrase or key of sealed files comes from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct UnlockArgs {
    /// Read the passphrase from FILE; without it and without --key-file, from TACIT_PASSPHRASE.
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    pub passphrase_file: Option<PathBuf>,

    /// Use a file of at least 32 random bytes instead of a passphrase.
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

impl UnlockArgs {
    /// Reads the secret.
    pub fn unlock(&self) -> Result<Unlock, Error> {
        let from = UnlockFrom {
            key_file: self.key_file.clone(),
            passphrase_file: self.passphrase_file.clone(),
        };
        from.read()
            .bad_input(|| "sealed files cannot be opened or made")
            .map_err(|e| {
                e.remedy(
                    "set TACIT_PASSPHRASE, or name a file with --key-file or --passphrase-file",
                )
            })
    }
}

/// A roster and the key it is trusted under.
#[derive(Debug, Clone, clap::Args)]
pub struct RosterArgs {
    /// The signed roster.
    #[arg(long, value_name = "FILE")]
    pub roster: PathBuf,

    /// The issuer's key, 64 hexadecimal digits, from the issuer itself.
    #[arg(long, value_name = "KEY")]
    pub issuer: String,
}

impl RosterArgs {
    /// Opens the roster under the issuer's key.
    pub fn open(&self) -> Result<SignedRoster, Error> {
        open_roster(&self.roster, &self.issuer)
    }
}

fn open_roster(path: &Path, issuer: &str) -> Result<SignedRoster, Error> {
    let name = path.display();
    let key = PublicKey::from_hex(issuer)
        .ok_or_else(|| Error::bad_input("the issuer's key is not 64 hexadecimal digits"))?;
    SignedRoster::open(&read(path)?, &key).bad_input(|| format!("{name} is not to be trusted"))
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).bad_input(|| format!("{} cannot be read", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    tacit_report::write_whole(path, text.as_bytes())
        .failed(|| format!("{} cannot be written", path.display()))
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

/// A record of these figures.
fn record(command: &str, figures: &[(&str, f64)]) -> Result<Run, Error> {
    let failed = || "the record cannot be made";
    let mut run = Run::new(command, env!("CARGO_PKG_VERSION"), 0).failed(failed)?;
    for (name, value) in figures {
        run.figure(name, *value).failed(failed)?;
    }
    Ok(run)
}
