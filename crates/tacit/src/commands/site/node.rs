//! `tacit node`: a site's daemon.

use std::path::PathBuf;

use tacit_node::operations::signals;
use tacit_node::preflight::{Verdict, preflight};
use tacit_node::{Node, NodeConfig, NodeStatus, Operations};
use tacit_report::{Cell, Column, Run, Table};
use tacit_transport::grpc::{HubEvent, SiteEvent};

use super::logging::LogArgs;
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What can be done with nodes.
#[derive(Debug, clap::Subcommand)]
pub enum NodeVerb {
    /// Run this site's node: a party trains and then helps to answer queries, a hub relays.
    Run(NodeRun),
    /// Test everything that can be tested before a session.
    Preflight(NodePreflight),
}

/// Arguments of `tacit node run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The configuration says whether this is a party ([party]) or a hub ([relay]). Any setting can be overridden from the
environment: TACIT_NODE_PARTY__ADDRESS sets `address` of [party]. A node may be killed at any moment: started again, it
goes on where it was. An interrupt or termination signal ends it in order, after the step it is at: with exit code 4 if
its training is not complete, else with 0. A second signal ends it at once, with 130.

Examples:
  tacit node run --config /etc/tacit/node.toml
  tacit node run --config /etc/tacit/node.toml --log-format json
  TACIT_NODE_RELAY__LISTEN=0.0.0.0:7600 tacit node run --config hub.toml")]
pub struct NodeRun {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// End after the training, though the plan has queriers.
    #[arg(long)]
    pub train_only: bool,

    /// The log.
    #[command(flatten)]
    pub log: LogArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Arguments of `tacit node preflight`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 1 when a test is bad; all tests are made and told, each with what to do about it. Warnings do not keep a
session from running.

Examples:
  tacit node preflight --config /etc/tacit/node.toml
  tacit node preflight --config /etc/tacit/node.toml --json - --require 'warnings<=0'")]
pub struct NodePreflight {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

impl NodeVerb {
    /// Does it.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            Self::Run(args) => run(args, console),
            Self::Preflight(args) => test(args, console),
        }
    }

    /// The record arguments.
    pub fn record_args(&self) -> &RecordArgs {
        match self {
            Self::Run(args) => &args.record,
            Self::Preflight(args) => &args.record,
        }
    }
}

fn read(path: &std::path::Path) -> Result<NodeConfig, Error> {
    NodeConfig::read(path).bad_input(|| "the node's configuration cannot be used")
}

fn run(args: &NodeRun, console: &mut Console) -> Result<Outcome, Error> {
    args.log.start()?;
    let config = read(&args.config)?;
    let operations = Operations::default();
    let asked = || tracing::info!("asked to stop; a second signal ends this process at once");
    signals::watch(operations.stop().clone(), asked)
        .failed(|| "this node cannot be stopped in order")?;
    let server = operations
        .serve(config.operations.as_ref())
        .bad_input(|| "metrics and health cannot be served")?;
    if let Some(server) = &server {
        console.say(&format!("operations on {}", server.address()))?;
    }
    match config.relay {
        Some(_) => relay(&config, &operations, console),
        None => party(args, &config, &operations, console),
    }
}

fn party(
    args: &NodeRun,
    config: &NodeConfig,
    operations: &Operations,
    console: &mut Console,
) -> Result<Outcome, Error> {
    let node = Node::open(config).bad_input(|| "this node does not start")?;
    let node = node.operated(operations);
    let unlock = config
        .unlock
        .read()
        .bad_input(|| "the share key cannot be sealed")?;
    let plan = node.agreement().plan.name.clone();
    let (name, rows) = (node.name().to_owned(), node.rows());
    console.say(&format!("`{name}` in plan `{plan}` with {rows} rows"))?;
    let span = tracing::info_span!("node", site = name, plan);
    tracing::info!(parent: &span, rows, version = env!("CARGO_PKG_VERSION"), "started");
    let mut tell = teller(span.clone());
    let stopped = |releases: Option<usize>| {
        tracing::info!(parent: &span, releases, "stopped by the operator");
    };
    let again = "mend the cause and start the node again: it goes on where it was";
    let failed = |what: &str, error: tacit_node::Error| {
        tracing::error!(parent: &span, "{what}: {error}");
        Error::failed(what).because(error).remedy(again)
    };
    let trained = match node.train(unlock, &mut tell) {
        Ok(trained) => trained,
        Err(error) if error.is_stop() => {
            stopped(None);
            console.say("stopped; start it again, it goes on where it was")?;
            return Ok(Outcome::done().stopped());
        }
        Err(error) => return Err(failed("the training stopped", error)),
    };
    let releases = trained.guard().log().entries().len();
    let mut figures = vec![("rows", rows as f64), ("releases", releases as f64)];
    let bound = trained.application().curvature_bound();
    figures.extend(bound.map(|bound| ("curvature_bound", bound)));
    let model = trained.model_file();
    tracing::info!(parent: &span, releases, "the training is complete");
    if trained.has_queriers() && !args.train_only {
        match trained.serve(&mut tell) {
            Ok(never) => match never {},
            Err(error) if error.is_stop() => stopped(Some(releases)),
            Err(error) => return Err(failed("answering stopped", error)),
        }
    }
    if let Some(model) = model {
        console.say(&format!("the model: {}", model.display()))?;
    }
    console.say("complete")?;
    Ok(Outcome::recorded(super::record("node run", &figures)?))
}

/// Tells events of sessions to the log, each as often as it changes. They come from several threads, so
/// that the span is entered here.
fn teller(node: tracing::Span) -> impl FnMut(&SiteEvent, &NodeStatus) + Send {
    let mut shown = String::new();
    move |event, status| {
        let (line, is_fine) = match event {
            SiteEvent::Progress(_) if status.label.is_empty() => return,
            SiteEvent::Progress(_) => {
                let of = status.rounds.map(|n| format!(" of {n}"));
                let (phase, round, label) = (&status.phase, status.round, &status.label);
                let of = of.unwrap_or_default();
                (format!("{phase}: round {round}{of}, {label}"), true)
            }
            SiteEvent::Attached => ("the hub is reached".into(), true),
            SiteEvent::Late { .. } => (format!("late: {}", status.late.join(", ")), false),
            _ => match &status.last_problem {
                Some(problem) => (problem.clone(), false),
                None => return,
            },
        };
        if line == shown {
            return;
        }
        let (session, phase, round) = (status.session, &status.phase, status.round);
        let span = tracing::info_span!(parent: &node, "session", session, phase, round);
        let _inside = span.enter();
        match is_fine {
            true => tracing::info!("{line}"),
            false => tracing::warn!("{line}"),
        }
        shown = line;
    }
}

fn relay(
    config: &NodeConfig,
    operations: &Operations,
    console: &mut Console,
) -> Result<Outcome, Error> {
    let span = tracing::info_span!("hub");
    let log = move |event: HubEvent| match &event {
        HubEvent::Refused { from, .. } => tracing::warn!(parent: &span, %from, "{event}"),
        HubEvent::Attached { party } => tracing::info!(parent: &span, party, "{event}"),
        HubEvent::Detached { party, .. } => tracing::info!(parent: &span, party, "{event}"),
        _ => tracing::info!(parent: &span, "{event}"),
    };
    let mut said = Ok(());
    tacit_node::relay::relay(config, operations, log, |address| {
        said = console.say(&format!("listening on {address}"));
    })
    .failed(|| "the hub stopped")?;
    said?;
    tracing::info!("stopped by the operator");
    Ok(Outcome::done())
}

fn test(args: &NodePreflight, console: &mut Console) -> Result<Outcome, Error> {
    let checks = preflight(&read(&args.config)?, console.now());
    let columns = ["test", "result", "found", "what to do"].map(Column::text);
    let mut table = Table::new("Before a session", columns);
    let mut run = Run::new("node preflight", env!("CARGO_PKG_VERSION"), 0)
        .failed(|| "the record cannot be made")?;
    let mut counts = [0u32; 3];
    for check in &checks {
        let result = match check.verdict {
            Verdict::Good => "good",
            Verdict::Warning => "warning",
            Verdict::Bad => "bad",
        };
        counts[check.verdict as usize] += 1;
        let remedy = check.remedy.as_deref().unwrap_or_default();
        table = table.row([check.what, result, &check.found, remedy].map(Cell::text));
        let told = serde_json::json!({ "result": result, "found": check.found, "remedy": remedy });
        run.param(&check.what.replace(' ', "_").replace(',', ""), told)
            .failed(|| "the record cannot be made")?;
    }
    console.table(&table)?;
    let [good, warnings, bad] = counts.map(f64::from);
    for (name, value) in [("good", good), ("warnings", warnings), ("bad", bad)] {
        run.figure(name, value)
            .failed(|| "the record cannot be made")?;
    }
    let outcome = Outcome::recorded(run);
    let failed = checks.iter().filter(|c| c.verdict == Verdict::Bad);
    let failed: Vec<_> = failed.map(|check| check.what).collect();
    Ok(match failed.is_empty() {
        true => outcome,
        false => outcome.failed(format!("not ready: {}", failed.join("; "))),
    })
}
