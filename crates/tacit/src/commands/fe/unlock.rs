//! What opens an authority: from a file or the environment, never from an argument, which every user
//! of the machine could read in the list of processes.

use std::path::PathBuf;

use tacit_fe::Unlock;

use crate::Error;
use crate::error::Context;

/// The variable that is looked at when nothing else is named.
const VARIABLE: &str = "TACIT_AUTHORITY_PASSPHRASE";

/// Where the authority's passphrase or key comes from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct UnlockArgs {
    /// Read the authority's passphrase from FILE (a line break at its end is not part of it).
    #[arg(long, value_name = "FILE", group = "unlock")]
    pub passphrase_file: Option<PathBuf>,

    /// Read it from this environment variable; TACIT_AUTHORITY_PASSPHRASE when nothing is named.
    #[arg(long, value_name = "VARIABLE", group = "unlock")]
    pub passphrase_env: Option<String>,

    /// Use a key file of at least 32 random bytes instead of a passphrase.
    #[arg(long, value_name = "FILE", group = "unlock")]
    pub key_file: Option<PathBuf>,
}

impl UnlockArgs {
    /// Reads the secret.
    pub fn unlock(&self) -> Result<Unlock, Error> {
        let cannot = || "the authority cannot be unlocked";
        if let Some(path) = &self.key_file {
            return Unlock::key_file(path).bad_input(cannot);
        }
        if let Some(path) = &self.passphrase_file {
            let mut bytes = std::fs::read(path)
                .bad_input(|| format!("the passphrase cannot be read from {}", path.display()))
                .map_err(|error| error.remedy("check the path of --passphrase-file"))?;
            while bytes.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
                bytes.pop();
            }
            return Unlock::passphrase(bytes).bad_input(cannot);
        }
        let variable = self.passphrase_env.as_deref().unwrap_or(VARIABLE);
        let Some(value) = std::env::var_os(variable) else {
            return Err(Error::bad_input(cannot())
                .because(format!("the environment variable {variable} is not set"))
                .remedy("set it, or name a file with --passphrase-file or --key-file"));
        };
        Unlock::passphrase(value.into_encoded_bytes()).bad_input(cannot)
    }
}
