//! `tacit identity`: the keys of a site.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tacit_identity::{Identity, SiteRole};
use tacit_seal::Unlock;

use super::UnlockArgs;
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What can be done with identities.
#[derive(Debug, clap::Subcommand)]
pub enum IdentityVerb {
    /// Make a site's keys, which never leave it, and the request for its place in the roster.
    New(IdentityNew),
    /// Make a new TLS key and certificate for the same site, and the request for them.
    Renew(IdentityRenew),
    /// Show a site's own identity: name, role, keys, how long its certificate is valid.
    Show(IdentityShow),
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

/// Arguments of `tacit identity renew`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The signing key stays, so plans stay approved. Writes DIR/identity.sealed and DIR/request.toml; the identity that is in
use is not touched. Send the request to whoever issues the roster, and when the new roster is there, put both in place
and start the node again.

Examples:
  tacit identity renew --identity identity.sealed --key-file node.key --out renewed")]
pub struct IdentityRenew {
    /// The identity in use.
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,

    /// Folder for both files; made if there is none.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// For how long the certificate is valid.
    #[arg(long, default_value_t = 365)]
    pub days: u32,

    /// What opens the old identity and seals the new one.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Arguments of `tacit identity show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit identity show --identity identity.sealed --key-file node.key
  tacit identity show --identity identity.sealed --json - --require 'days_left>=30'")]
pub struct IdentityShow {
    /// The identity.
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,

    /// What opens it.
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
            Self::Renew(args) => renew(args, console),
            Self::Show(args) => show(args, console),
        }
    }

    /// The record arguments.
    pub fn record_args(&self) -> &RecordArgs {
        match self {
            Self::New(args) => &args.record,
            Self::Renew(args) => &args.record,
            Self::Show(args) => &args.record,
        }
    }
}

fn new(args: &IdentityNew, console: &mut Console) -> Result<Outcome, Error> {
    let unlock = args.unlock.unlock()?;
    let role = args.role.into();
    let identity = Identity::generate(&args.name, role, console.now(), super::days(args.days))
        .bad_input(|| format!("no identity `{}` can be made", args.name))?;
    keep(&identity, &args.out, &unlock, "identity new", console)
}

fn open(path: &Path, unlock: &Unlock) -> Result<Identity, Error> {
    Identity::open(path, unlock).bad_input(|| format!("{} cannot be opened", path.display()))
}

fn renew(args: &IdentityRenew, console: &mut Console) -> Result<Outcome, Error> {
    let unlock = args.unlock.unlock()?;
    let identity = open(&args.identity, &unlock)?
        .renewed(console.now(), super::days(args.days))
        .bad_input(|| "no certificate can be made")?;
    keep(&identity, &args.out, &unlock, "identity renew", console)
}

fn show(args: &IdentityShow, console: &mut Console) -> Result<Outcome, Error> {
    let identity = open(&args.identity, &args.unlock.unlock()?)?;
    told(&identity, "identity show", console)
}

/// Writes identity and request into a folder.
fn keep(
    identity: &Identity,
    out: &Path,
    unlock: &Unlock,
    command: &str,
    console: &mut Console,
) -> Result<Outcome, Error> {
    std::fs::create_dir_all(out).failed(|| format!("{} cannot be made", out.display()))?;
    let path = out.join("identity.sealed");
    identity
        .create(&path, unlock)
        .failed(|| format!("{} cannot be made", path.display()))?;
    let file = out.join("request.toml");
    super::write(&file, &identity.request().to_toml())?;
    console.say(&format!("identity: {}", path.display()))?;
    console.say(&format!("request: {}", file.display()))?;
    told(identity, command, console)
}

/// Says what others may know of an identity.
fn told(identity: &Identity, command: &str, console: &mut Console) -> Result<Outcome, Error> {
    let (request, certificate) = (identity.request(), identity.certificate());
    let left = certificate.ends().duration_since(console.now());
    let days = left.map_or(0, |left| left.as_secs() / 86_400);
    let (fingerprint, key) = (request.fingerprint().to_string(), request.key().to_string());
    console.say(&format!("fingerprint of the request: {fingerprint}"))?;
    console.say(&format!("signing key: {key}"))?;
    console.say(&format!(
        "`{}`, a {}; certificate {}, valid for {days} days",
        identity.name(),
        identity.role(),
        certificate.fingerprint()
    ))?;
    let mut run = super::record(command, &[("days_left", days as f64)])?;
    for (name, text) in [
        ("name", identity.name().to_owned()),
        ("role", identity.role().to_string()),
        ("fingerprint", fingerprint),
        ("key", key),
        ("certificate", certificate.fingerprint().to_string()),
    ] {
        run.param(name, text)
            .failed(|| "the record cannot be made")?;
    }
    Ok(Outcome::recorded(run))
}
