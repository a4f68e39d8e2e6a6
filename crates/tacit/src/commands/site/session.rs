//! `tacit session`: where this site's node stands.

use std::path::PathBuf;

use tacit_node::{NodeConfig, NodeStatus};
use tacit_report::{Cell, Column, Table};

use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What can be done with sessions.
#[derive(Debug, clap::Subcommand)]
pub enum SessionVerb {
    /// Show where this site's node stands: phase, round, who is waited for.
    Status(SessionStatus),
}

/// Arguments of `tacit session status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the status that the node keeps in its state folder; the node need not run. As a health check, hold the figures
against bounds.

Examples:
  tacit session status --config node.toml
  tacit session status --config node.toml --require 'changed_s<=300' --require 'late<=0'")]
pub struct SessionStatus {
    /// The node's configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

impl SessionVerb {
    /// Does it.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            Self::Status(args) => status(args, console),
        }
    }

    /// The record arguments.
    pub fn record_args(&self) -> &RecordArgs {
        match self {
            Self::Status(args) => &args.record,
        }
    }
}

fn status(args: &SessionStatus, console: &mut Console) -> Result<Outcome, Error> {
    let config = NodeConfig::read(&args.config).bad_input(|| "the node's configuration")?;
    let status = NodeStatus::read(&config.state)
        .bad_input(|| "no status was left by a node")
        .map_err(|e| e.remedy("start the node with `tacit node run`"))?;
    let now = tacit_node::status::seconds(console.now());
    let since = now.saturating_sub(status.changed);
    let round = match status.rounds {
        Some(rounds) => format!("{} of {rounds} ({})", status.round, status.label),
        None => format!("{} ({})", status.round, status.label),
    };
    let left = match status.seconds_left() {
        Some(seconds) if status.phase == "training" => format!("about {seconds} s"),
        _ => "not known here".into(),
    };
    let none = |names: &[String]| match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.join(", "),
    };
    let columns = ["what", "is"].map(Column::text);
    let caption = format!("`{}` in plan `{}`", status.site, status.plan);
    let mut table = Table::new(caption, columns);
    for (what, is) in [
        ("phase", status.phase.clone()),
        ("round", round),
        ("waits for", none(&status.waiting_on)),
        ("late", none(&status.late)),
        (
            "hub",
            if status.attached {
                "reached"
            } else {
                "not reached"
            }
            .to_owned(),
        ),
        ("broken connections", status.broken.to_string()),
        ("faults of others", status.faults.to_string()),
        ("last change", format!("{since} s ago")),
        ("time left", left),
        (
            "last problem",
            status.last_problem.clone().unwrap_or_else(|| "none".into()),
        ),
    ] {
        table = table.row([Cell::text(what), Cell::text(is)]);
    }
    console.table(&table)?;
    let is_trained = matches!(status.phase.as_str(), "done" | "serving");
    let figures = [
        ("trained", f64::from(u8::from(is_trained))),
        ("round", f64::from(status.round)),
        ("late", status.late.len() as f64),
        ("waiting_on", status.waiting_on.len() as f64),
        ("broken", status.broken as f64),
        ("faults", status.faults as f64),
        ("changed_s", since as f64),
    ];
    Ok(Outcome::recorded(super::record(
        "session status",
        &figures,
    )?))
}
