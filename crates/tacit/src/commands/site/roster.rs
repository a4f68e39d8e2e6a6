//! `tacit roster`: from requests to the signed list of everyone.

use std::path::{Path, PathBuf};

use tacit_identity::{CertificateRequest, Identity, Revocation, SignedRoster};
use tacit_report::{Cell, Column, Run, Table};
use tacit_session::Digest;

use super::{RosterArgs, UnlockArgs};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What can be done with rosters.
#[derive(Debug, clap::Subcommand)]
pub enum RosterVerb {
    /// Show requests with their fingerprints, to be compared with their sites over the telephone.
    Collect(RosterCollect),
    /// Sign the roster of all requests.
    Issue(RosterIssue),
    /// Sign a roster again: renewed certificates in, revoked ones out.
    Reissue(RosterReissue),
    /// Show a signed roster.
    Show(RosterShow),
}

/// Arguments of `tacit roster collect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit roster collect requests/*.toml")]
pub struct RosterCollect {
    /// Requests; parties keep this order in the roster, the first is the root.
    #[arg(value_name = "REQUEST", required = true)]
    pub requests: Vec<PathBuf>,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Arguments of `tacit roster issue`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Whoever issues the roster says who is who: compare every fingerprint with its site before. Send the roster to every
site, and read the issuer's key and the roster's fingerprint to it.

Examples:
  tacit roster issue --identity hospital-a/identity.sealed --serial 1 --out roster.toml requests/*.toml
  tacit roster issue --identity hospital-a/identity.sealed --serial 2 --out roster.toml \\
      --revoke 'hospital-b:6f0c…:laptop stolen' requests/*.toml")]
pub struct RosterIssue {
    /// Requests; parties keep this order in the roster, the first is the root.
    #[arg(value_name = "REQUEST", required = true)]
    pub requests: Vec<PathBuf>,

    /// The issuer's sealed identity.
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,

    /// What opens it.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// Larger than that of every roster issued before.
    #[arg(long)]
    pub serial: u64,

    /// For how long the roster is valid.
    #[arg(long, default_value_t = 365)]
    pub days: u32,

    /// A certificate that is no longer to be trusted; may be repeated.
    #[arg(long = "revoke", value_name = "NAME:CERTIFICATE:REASON")]
    pub revoked: Vec<String>,

    /// Where the roster goes.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Arguments of `tacit roster reissue`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Everyone keeps name, role, signing key and place, so plans stay approved. A member whose certificate is revoked without a
renewed one leaves the roster, which makes other parties of it: plans are signed again then.

Examples:
  tacit roster reissue --roster roster.toml --issuer 7d4e… --identity identity.sealed --serial 2 \\
      --renewed hospital-b/request.toml --revoke 'hospital-b:laptop stolen' --out roster-2.toml")]
pub struct RosterReissue {
    /// The roster as it is.
    #[command(flatten)]
    pub roster: RosterArgs,

    /// The issuer's sealed identity.
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,

    /// What opens it.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// Larger than that of every roster issued before.
    #[arg(long)]
    pub serial: u64,

    /// For how long the roster is valid.
    #[arg(long, default_value_t = 365)]
    pub days: u32,

    /// A member's request with its new certificate; compare its fingerprint with the site. May be repeated.
    #[arg(long = "renewed", value_name = "REQUEST")]
    pub renewed: Vec<PathBuf>,

    /// A member whose present certificate is no longer to be trusted, and why; may be repeated.
    #[arg(long = "revoke", value_name = "NAME:REASON")]
    pub revoked: Vec<String>,

    /// Where the roster goes.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Arguments of `tacit roster show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit roster show --roster roster.toml --issuer 7d4e…")]
pub struct RosterShow {
    /// The roster.
    #[command(flatten)]
    pub roster: RosterArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

impl RosterVerb {
    /// Does it.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            Self::Collect(args) => collect(args, console),
            Self::Issue(args) => issue(args, console),
            Self::Reissue(args) => reissue(args, console),
            Self::Show(args) => show(&args.roster.open()?, "roster show", console),
        }
    }

    /// The record arguments.
    pub fn record_args(&self) -> &RecordArgs {
        match self {
            Self::Collect(args) => &args.record,
            Self::Issue(args) => &args.record,
            Self::Reissue(args) => &args.record,
            Self::Show(args) => &args.record,
        }
    }
}

fn requests(paths: &[PathBuf]) -> Result<Vec<CertificateRequest>, Error> {
    let read = |path: &PathBuf| {
        CertificateRequest::from_toml(&super::read(path)?)
            .bad_input(|| format!("{} is no request", path.display()))
    };
    paths.iter().map(read).collect()
}

fn collect(args: &RosterCollect, console: &mut Console) -> Result<Outcome, Error> {
    let requests = requests(&args.requests)?;
    let columns = ["name", "role", "fingerprint"].map(Column::text);
    let mut table = Table::new("Compare each fingerprint with its site", columns);
    for request in &requests {
        table = table.row([
            Cell::text(request.name()),
            Cell::text(request.role().to_string()),
            Cell::text(request.fingerprint().to_string()),
        ]);
    }
    console.table(&table)?;
    let run = super::record("roster collect", &[("requests", requests.len() as f64)])?;
    Ok(Outcome::recorded(run))
}

fn issue(args: &RosterIssue, console: &mut Console) -> Result<Outcome, Error> {
    let requests = requests(&args.requests)?;
    let issuer = Identity::open(&args.identity, &args.unlock.unlock()?)
        .bad_input(|| "the issuer's identity cannot be opened")?
        .session_key();
    let revoked: Result<Vec<_>, _> = args.revoked.iter().map(|text| revocation(text)).collect();
    let (now, valid) = (console.now(), super::days(args.days));
    let roster = SignedRoster::issue(&issuer, args.serial, &requests, revoked?, now, valid)
        .bad_input(|| "these requests make no roster")?;
    write_new(&args.out, &roster)?;
    console.say(&format!("roster: {}", args.out.display()))?;
    console.say(&format!("issuer's key: {}", issuer.public()))?;
    show(&roster, "roster issue", console)
}

fn reissue(args: &RosterReissue, console: &mut Console) -> Result<Outcome, Error> {
    let renewed = requests(&args.renewed)?;
    let issuer = Identity::open(&args.identity, &args.unlock.unlock()?)
        .bad_input(|| "the issuer's identity cannot be opened")?
        .session_key();
    let revoked = args.revoked.iter().map(|text| {
        let parts = text.split_once(':').filter(|(_, why)| !why.is_empty());
        let (name, reason) =
            parts.ok_or_else(|| Error::bad_input(format!("`{text}` is not NAME:REASON")))?;
        Ok((name.to_owned(), reason.to_owned()))
    });
    let revoked: Vec<_> = revoked.collect::<Result<_, Error>>()?;
    let from = (console.now(), super::days(args.days));
    let roster = args
        .roster
        .open()?
        .reissue(&issuer, args.serial, &renewed, &revoked, from)
        .bad_input(|| "the roster cannot be issued again like this")?;
    write_new(&args.out, &roster)?;
    for request in &renewed {
        let (name, fingerprint) = (request.name(), request.fingerprint());
        console.say(&format!("renewed: `{name}`, fingerprint {fingerprint}"))?;
    }
    console.say(&format!("roster: {}", args.out.display()))?;
    console.say(&format!("issuer's key: {}", issuer.public()))?;
    show(&roster, "roster reissue", console)
}

fn write_new(path: &Path, roster: &SignedRoster) -> Result<(), Error> {
    super::write(path, &roster.to_toml())
}

fn revocation(text: &str) -> Result<Revocation, Error> {
    let mut parts = text.splitn(3, ':');
    let (Some(name), Some(certificate), Some(reason)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(Error::bad_input(format!(
            "`{text}` is not NAME:CERTIFICATE:REASON"
        )));
    };
    let certificate = Digest::from_hex(certificate).ok_or_else(|| {
        Error::bad_input(format!("`{certificate}` is no certificate's fingerprint"))
            .remedy("copy it from the member's line of the older roster")
    })?;
    Ok(Revocation {
        name: name.to_owned(),
        certificate,
        reason: reason.to_owned(),
    })
}

fn show(roster: &SignedRoster, command: &str, console: &mut Console) -> Result<Outcome, Error> {
    let columns = ["name", "role", "signing key", "certificate"].map(Column::text);
    let caption = format!(
        "Roster {}, fingerprint {}",
        roster.serial(),
        roster.fingerprint()
    );
    let mut table = Table::new(caption, columns);
    for site in roster.sites() {
        table = table.row([
            Cell::text(&site.name),
            Cell::text(site.role.to_string()),
            Cell::text(site.key.to_string()),
            Cell::text(site.certificate.to_string()),
        ]);
    }
    console.table(&table)?;
    let figures = [
        ("serial", roster.serial() as f64),
        ("members", roster.sites().len() as f64),
        ("parties", f64::from(roster.session().parties())),
        ("revoked", roster.revoked().len() as f64),
    ];
    for line in roster.revoked() {
        let certificate = line.certificate.to_string();
        console.say(&format!(
            "revoked: {}… of `{}`: {}",
            &certificate[..12],
            line.name,
            line.reason
        ))?;
    }
    let mut run = super::record(command, &figures)?;
    let members: Vec<_> = roster.sites().iter().map(|s| s.name.clone()).collect();
    let param = |run: &mut Run, name: &str, value: serde_json::Value| {
        run.param(name, value)
            .failed(|| "the record cannot be made")
    };
    param(&mut run, "members", members.into())?;
    param(
        &mut run,
        "fingerprint",
        roster.fingerprint().to_string().into(),
    )?;
    Ok(Outcome::recorded(run))
}
