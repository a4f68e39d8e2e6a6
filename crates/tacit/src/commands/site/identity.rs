//! `tacit identity`: the keys of a site.

use std::path::PathBuf;

use clap::ValueEnum;
use tacit_identity::{Identity, SiteRole};

use super::UnlockArgs;
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What can be done with identities.
#[derive(Debug, clap::Subcommand)]
pub enum IdentityVerb {
    /// Make a site's keys, which never leave it, and the request for its place in the roster.
    New(IdentityNew),
}

/// What a site does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// Has rows and a share of the key.
    Party,
    /// Asks for predictions.
    Querier,
    /// Relays.
    Hub,
}

impl From<RoleArg> for SiteRole {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Party => Self::Party,
            RoleArg::Querier => Self::Querier,
            RoleArg::Hub => Self::Hub,
        }
    }
}

/// Arguments of `tacit identity new`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes DIR/identity.sealed, which stays here, and DIR/request.toml, which goes to whoever issues the roster. Read
the fingerprint that is printed to that person over the telephone.

Examples:
  TACIT_PASSPHRASE='…' tacit identity new --name hospital-a --out hospital-a
  tacit identity new --name hub --role hub --out hub --key-file /run/credentials/hub.key")]
pub struct IdentityNew {
    /// Name in the roster: 1 to 63 of a-z, 0-9 and `-`.
    #[arg(long)]
    pub name: String,

    /// What the site does.
    #[arg(long, value_enum, default_value = "party")]
    pub role: RoleArg,

    /// Folder for both files; made if there is none.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// For how long the certificate is valid.
    #[arg(long, default_value_t = 365)]
    pub days: u32,

    /// What seals the identity.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

impl IdentityVerb {
    /// Does it.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            Self::New(args) => new(args, console),
        }
    }

    /// The record arguments.
    pub fn record_args(&self) -> &RecordArgs {
        match self {
            Self::New(args) => &args.record,
        }
    }
}

fn new(args: &IdentityNew, console: &mut Console) -> Result<Outcome, Error> {
    let unlock = args.unlock.unlock()?;
    let role = args.role.into();
    let identity = Identity::generate(&args.name, role, console.now(), super::days(args.days))
        .bad_input(|| format!("no identity `{}` can be made", args.name))?;
    std::fs::create_dir_all(&args.out)
        .failed(|| format!("{} cannot be made", args.out.display()))?;
    let path = args.out.join("identity.sealed");
    identity
        .create(&path, &unlock)
        .failed(|| format!("{} cannot be made", path.display()))?;
    let request = identity.request();
    let file = args.out.join("request.toml");
    super::write(&file, &request.to_toml())?;
    console.say(&format!("identity: {}", path.display()))?;
    console.say(&format!("request: {}", file.display()))?;
    console.say(&format!(
        "fingerprint of the request: {}",
        request.fingerprint()
    ))?;
    console.say(&format!("signing key: {}", request.key()))?;
    let run = super::record("identity new", &[("days", f64::from(args.days))])?;
    Ok(Outcome::recorded(run))
}
