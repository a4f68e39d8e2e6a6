//! `tacit session`: where this site's node stands.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tacit_node::{NodeConfig, NodeStatus};
use tacit_report::{Cell, Column, Quantity, Run, Table, Unit};

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
Reads the status that the node keeps in its state folder; the node need not run. With --watch, a line for every change
until the session is over or the node is not heard of any more. As a health check, hold the figures against bounds.

Examples:
  tacit session status --config node.toml
  tacit session status --config node.toml --watch
  tacit session status --config node.toml --json -
  tacit session status --config node.toml --require 'changed_s<=300' --require 'late<=0'")]
pub struct SessionStatus {
    /// The node's configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// Go on until the session is over.
    #[arg(long)]
    pub watch: bool,

    /// With --watch: how often to look.
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub every: u64,

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

/// A node that has not written for longer does not run, or has no disk left.
const SILENT_S: u64 = 15;

fn status(args: &SessionStatus, console: &mut Console) -> Result<Outcome, Error> {
    let config = NodeConfig::read(&args.config).bad_input(|| "the node's configuration")?;
    let read = || {
        NodeStatus::read(&config.state)
            .bad_input(|| "no status was left by a node")
            .map_err(|e| e.remedy("start the node with `tacit node run`"))
    };
    let mut status = read()?;
    if args.watch {
        let mut shown = String::new();
        // Done is also what a node is between two answers; with nothing left to do, it ends.
        while !is_over(&status, console.now()) {
            let line = line(&status, console.now());
            if line != shown {
                console.say(&line)?;
                shown = line;
            }
            std::thread::sleep(Duration::from_secs(args.every.max(1)));
            status = read()?;
        }
    }
    show(&status, console)?;
    Ok(Outcome::recorded(recorded(&status, console.now())?))
}

fn is_over(status: &NodeStatus, now: SystemTime) -> bool {
    let silent = tacit_node::status::seconds(now).saturating_sub(status.seen) > SILENT_S;
    status.phase == "stopped" || status.phase == "done" || silent
}

/// A status in a line.
fn line(status: &NodeStatus, now: SystemTime) -> String {
    let mut line = format!("{}, round: {}", status.phase, round(status));
    if !status.waiting_on.is_empty() {
        let _ = write!(line, ", waits for {}", status.waiting_on.join(", "));
    }
    if !status.late.is_empty() {
        let still = tacit_node::status::seconds(now).saturating_sub(status.progressed);
        let _ = write!(line, ", late since {still} s: {}", status.late.join(", "));
    }
    if !status.attached {
        line.push_str(", the hub is not reached");
    }
    let (sent, received) = (bytes(status.bytes_sent), bytes(status.bytes_received));
    let _ = write!(line, ", {sent} sent, {received} received");
    if let Some(left) = left(status) {
        let _ = write!(line, ", about {left} left");
    }
    line
}

fn round(status: &NodeStatus) -> String {
    match status.rounds {
        _ if status.label.is_empty() => "none is open".into(),
        Some(rounds) => format!("{} of {rounds} ({})", status.round, status.label),
        None => format!("{} ({})", status.round, status.label),
    }
}

fn bytes(bytes: u64) -> Quantity {
    Quantity::new(bytes as f64, Unit::Bytes)
}

/// Of a session that is under way and moves.
fn left(status: &NodeStatus) -> Option<Quantity> {
    let left = status.seconds_left().filter(|_| status.open)?;
    Some(Quantity::new(left as f64, Unit::Seconds))
}

fn show(status: &NodeStatus, console: &mut Console) -> Result<(), Error> {
    let now = tacit_node::status::seconds(console.now());
    let ago = |at: u64| format!("{} s ago", now.saturating_sub(at));
    let names = |names: &[String]| match names.is_empty() {
        true => "nobody".to_owned(),
        false => names.join(", "),
    };
    let hub = match status.attached {
        true => "reached",
        false => "not reached",
    };
    let node = match now.saturating_sub(status.seen) {
        0..=SILENT_S => "runs".to_owned(),
        _ if status.phase == "stopped" => format!("stopped {}", ago(status.changed)),
        _ => format!("was last heard of {}; it may not run", ago(status.seen)),
    };
    let faults = status.faults_by_kind.iter();
    let faults: Vec<_> = faults.map(|(kind, n)| format!("{n} {kind}")).collect();
    let left = left(status).map(|left| format!("about {left}"));
    let columns = ["what", "is"].map(Column::text);
    let caption = format!("`{}` in plan `{}`", status.site, status.plan);
    let mut table = Table::new(caption, columns);
    for (what, is) in [
        ("node", node),
        ("phase", status.phase.clone()),
        ("session", status.session.to_string()),
        ("round", round(status)),
        ("waits for", names(&status.waiting_on)),
        ("late", names(&status.late)),
        ("hub", hub.to_owned()),
        ("last progress", ago(status.progressed)),
        ("time left", left.unwrap_or_else(|| "not known".into())),
        ("sent", traffic(status.bytes_sent, status.frames_sent)),
        (
            "received",
            traffic(status.bytes_received, status.frames_received),
        ),
        ("broken connections", status.broken.to_string()),
        (
            "faults of others",
            match faults.is_empty() {
                true => status.faults.to_string(),
                false => faults.join(", "),
            },
        ),
        ("releases logged", status.releases.to_string()),
        (
            "last problem",
            status.last_problem.clone().unwrap_or_else(|| "none".into()),
        ),
    ] {
        table = table.row([Cell::text(what), Cell::text(is)]);
    }
    console.table(&table)
}

fn traffic(all: u64, frames: u64) -> String {
    format!("{} in {frames} frames", bytes(all))
}

fn recorded(status: &NodeStatus, now: SystemTime) -> Result<Run, Error> {
    let now = tacit_node::status::seconds(now);
    let since = |at: u64| now.saturating_sub(at) as f64;
    let is_trained = status.session > 0 || matches!(status.phase.as_str(), "done" | "serving");
    let mut figures = vec![
        ("trained", f64::from(u8::from(is_trained))),
        (
            "running",
            f64::from(u8::from(since(status.seen) <= SILENT_S as f64)),
        ),
        ("session", status.session as f64),
        ("open", f64::from(u8::from(status.open))),
        ("attached", f64::from(u8::from(status.attached))),
        ("round", f64::from(status.round)),
        ("late", status.late.len() as f64),
        ("waiting_on", status.waiting_on.len() as f64),
        ("broken", status.broken as f64),
        ("faults", status.faults as f64),
        ("releases", status.releases as f64),
        ("bytes_sent", status.bytes_sent as f64),
        ("bytes_received", status.bytes_received as f64),
        ("frames_sent", status.frames_sent as f64),
        ("frames_received", status.frames_received as f64),
        ("changed_s", since(status.changed)),
        ("progressed_s", since(status.progressed)),
        ("seen_s", since(status.seen)),
    ];
    figures.extend(status.rounds.map(|n| ("rounds", f64::from(n))));
    let left = status.seconds_left().filter(|_| status.open);
    figures.extend(left.map(|n| ("seconds_left", n as f64)));
    let mut run = super::record("session status", &figures)?;
    for (name, text) in [
        ("site", &status.site),
        ("plan", &status.plan),
        ("phase", &status.phase),
        ("label", &status.label),
    ] {
        run.param(name, text)
            .failed(|| "the record cannot be made")?;
    }
    for (name, names) in [("late", &status.late), ("waiting_on", &status.waiting_on)] {
        run.param(name, names)
            .failed(|| "the record cannot be made")?;
    }
    if let Some(problem) = &status.last_problem {
        run.param("last_problem", problem)
            .failed(|| "the record cannot be made")?;
    }
    Ok(run)
}
