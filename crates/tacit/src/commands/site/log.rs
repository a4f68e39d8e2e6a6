//! `tacit log`: what sites wrote down, checked: signed logs of releases, journals of sessions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tacit_node::release_log::{Verified, verify};
use tacit_report::{Cell, Column, Quantity, Table};

mod audit;

pub use audit::LogAudit;

use super::RosterArgs;
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What can be done with logs.
#[derive(Debug, clap::Subcommand)]
pub enum LogVerb {
    /// Check signatures and chains, and lay the logs of several sites side by side.
    Verify(LogVerify),
    /// Read journals of sessions: what was said, whether anything was said twice, and who said two things.
    Audit(LogAudit),
}

/// Arguments of `tacit log verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A log that was changed is an error that names the line. Logs that disagree about a release are listed, and the figure
log.differences counts them; a site that stopped before its share has no line for it.

Examples:
  tacit log verify state/releases.jsonl --roster roster.toml --issuer 7d4e…
  tacit log verify */releases.jsonl --roster roster.toml --issuer 7d4e… --require 'log.differences<=0'")]
pub struct LogVerify {
    /// Logs of one or several sites.
    #[arg(value_name = "LOG", required = true)]
    pub logs: Vec<PathBuf>,

    /// The roster with the keys of the sites.
    #[command(flatten)]
    pub roster: RosterArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

impl LogVerb {
    /// Does it.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            Self::Verify(args) => run(args, console),
            Self::Audit(args) => audit::run(args, console),
        }
    }

    /// The record arguments.
    pub fn record_args(&self) -> &RecordArgs {
        match self {
            Self::Verify(args) => &args.record,
            Self::Audit(args) => &args.record,
        }
    }
}

fn run(args: &LogVerify, console: &mut Console) -> Result<Outcome, Error> {
    let roster = args.roster.open()?;
    let mut logs: Vec<(String, Verified)> = Vec::new();
    for path in &args.logs {
        let text = super::read(path)?;
        // Who says so is checked with the key below.
        let site = text.lines().next().and_then(claimed_site).ok_or_else(|| {
            Error::bad_input(format!(
                "{} has no first line that names its site",
                path.display()
            ))
        })?;
        let member = roster.sites().iter().find(|s| s.name == site);
        let member = member.ok_or_else(|| {
            Error::bad_input(format!("{}: `{site}` is not in the roster", path.display()))
        })?;
        let verified = verify(path, &text, &member.key)
            .failed(|| format!("the log of `{site}` is not what it signed"))?;
        logs.push((site, verified));
    }
    let differences = differences(&logs);
    let columns = [
        Column::text("site"),
        Column::number("releases"),
        Column::text("head, to be written down"),
    ];
    let mut table = Table::new("Logs of releases", columns);
    let mut entries = 0;
    for (site, log) in &logs {
        entries += log.entries.len();
        table = table.row([
            Cell::text(site),
            Cell::from(Quantity::count(log.entries.len() as u64)),
            Cell::text(log.head.to_string()),
        ]);
        if log.unfinished > 0 {
            console.warn(&format!(
                "`{site}`: the last line was not finished; no share was given for it"
            ));
        }
    }
    console.table(&table)?;
    differences.iter().for_each(|line| console.warn(line));
    let figures = [
        ("log.sites", logs.len() as f64),
        ("log.entries", entries as f64),
        ("log.differences", differences.len() as f64),
    ];
    Ok(Outcome::recorded(super::record("log verify", &figures)?))
}

fn claimed_site(line: &str) -> Option<String> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(entry.get("site")?.as_str()?.to_owned())
}

/// Releases that not all logs have alike.
fn differences(logs: &[(String, Verified)]) -> Vec<String> {
    let mut seen: BTreeMap<(&str, u32), Vec<(&str, &str)>> = BTreeMap::new();
    for (site, log) in logs {
        for entry in &log.entries {
            let release = seen.entry((&entry.session, entry.round)).or_default();
            release.push((site, &entry.input));
        }
    }
    let differs = |((session, round), by): (&(&str, u32), &Vec<(&str, &str)>)| {
        let same = by.iter().all(|(_, input)| *input == by[0].1);
        if same && by.len() == logs.len() {
            return None;
        }
        let sites: Vec<_> = by.iter().map(|(site, _)| *site).collect();
        let what = if same {
            "logged only by"
        } else {
            "logged with different inputs by"
        };
        let session = session.get(..12).unwrap_or(session);
        Some(format!(
            "session {session}…, round {round}: {what} {}",
            sites.join(", ")
        ))
    };
    seen.iter().filter_map(differs).collect()
}
