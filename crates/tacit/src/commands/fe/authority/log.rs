//! `tacit fe authority log`.

use std::path::PathBuf;

use tacit_fe::authority::log::{Entry, Event, verify};
use tacit_report::{Cell, Column, Quantity, Table, Unit};

use super::record;
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe authority log`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Needs no secret. A changed, missing or moved line is found; that the end was cut off, or all of it written
anew, is not: compare the hash of the last line with one kept elsewhere.

Examples:
  tacit fe authority log authority
  tacit fe authority log authority/audit.log --expect 3f0c…")]
pub struct Log {
    /// The authority's folder, or its audit.log.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// A line with this hash must be in the log.
    #[arg(long, value_name = "HASH")]
    pub expect: Option<String>,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Verifies and shows the log.
pub fn run(args: &Log, console: &mut Console) -> Result<Outcome, Error> {
    let path = match args.folder.is_dir() {
        true => args.folder.join("audit.log"),
        false => args.folder.clone(),
    };
    let bytes = std::fs::read(&path)
        .bad_input(|| format!("{} cannot be read", path.display()))
        .map_err(|error| error.remedy("give the authority's folder or its audit.log"))?;
    let entries = verify(&bytes, &path).bad_input(|| "the audit log cannot be trusted")?;
    if let Some(expected) = &args.expect
        && !entries.iter().any(|entry| entry.hash() == expected)
    {
        return Err(Error::bad_input("the audit log cannot be trusted")
            .because(format!("no line of {} has hash {expected}", path.display()))
            .remedy("issue nothing; the log was cut or written anew since that hash was kept"));
    }
    let columns = [
        Column::number("line"),
        Column::number("seconds since 1970"),
        Column::text("who"),
        Column::text("what"),
        Column::text("outputs"),
    ];
    let table = entries.iter().fold(
        Table::new("Audit log, verified", columns),
        |table, entry| table.row(row(entry)),
    );
    console.table(&table)?;
    if let Some(last) = entries.last() {
        console.say(&format!("hash of the last line: {}", last.hash()))?;
    }
    let count =
        |wanted: fn(&Event) -> bool| entries.iter().filter(|e| wanted(e.event())).count() as f64;
    let figures = [
        ("lines", entries.len() as f64),
        ("issued", count(|e| matches!(e, Event::Issued { .. }))),
        ("refused", count(|e| matches!(e, Event::Refused { .. }))),
        ("rotated", count(|e| matches!(e, Event::Rotated { .. }))),
    ];
    Ok(Outcome::recorded(record("fe authority log", &figures)?))
}

fn row(entry: &Entry) -> [Cell; 5] {
    let short = |hash: &str| hash.chars().take(8).collect::<String>();
    let (what, outputs) = match entry.event() {
        Event::Created { public_key, policy } => (
            format!("master key {}", short(public_key)),
            format!("budget {}", policy.rank_budget),
        ),
        Event::Issued {
            model,
            rank_before,
            rank_after,
            ..
        } => (
            format!("key for model {}", short(model)),
            format!("{rank_before} to {rank_after}"),
        ),
        Event::Refused { model, reason, .. } => {
            let reason = reason.split(['.', ';']).next().unwrap_or_default();
            (format!("model {}: {reason}", short(model)), String::new())
        }
        Event::Rotated {
            retired,
            public_key,
        } => (
            format!("master key {} for {}", short(public_key), short(retired)),
            "back to 0".into(),
        ),
        _ => ("of a later version".into(), String::new()),
    };
    [
        Quantity::new(entry.sequence() as f64, Unit::Plain).into(),
        Cell::text(entry.time().to_string()),
        Cell::text(entry.who()),
        Cell::text(what),
        Cell::text(outputs),
    ]
}
