//! `tacit node`: a site's daemon.

use std::path::PathBuf;

use tacit_node::preflight::preflight;
use tacit_node::{Node, NodeConfig, NodeStatus};
use tacit_report::{Cell, Column, Table};
use tacit_transport::grpc::SiteEvent;

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
goes on where it was.

Examples:
  tacit node run --config /etc/tacit/node.toml
  TACIT_NODE_RELAY__LISTEN=0.0.0.0:7600 tacit node run --config hub.toml")]
pub struct NodeRun {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// End after the training, though the plan has queriers.
    #[arg(long)]
    pub train_only: bool,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Arguments of `tacit node preflight`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exits with 1 when a test fails; all tests are made and told.

Examples:
  tacit node preflight --config /etc/tacit/node.toml")]
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
    let config = read(&args.config)?;
    if config.relay.is_some() {
        return relay(&config, console);
    }
    let node = Node::open(&config).bad_input(|| "this node does not start")?;
    let unlock = config
        .unlock
        .read()
        .bad_input(|| "the share key cannot be sealed")?;
    let plan = node.agreement().plan.name.clone();
    let (name, rows) = (node.name().to_owned(), node.rows());
    console.say(&format!("`{name}` in plan `{plan}` with {rows} rows"))?;
    let mut shown = String::new();
    let mut tell = |event: &SiteEvent, status: &NodeStatus| {
        let line = match event {
            SiteEvent::Progress(_) => {
                let of = status
                    .rounds
                    .map(|n| format!(" of {n}"))
                    .unwrap_or_default();
                format!(
                    "{}: round {}{of}, {}",
                    status.phase, status.round, status.label
                )
            }
            SiteEvent::Attached => "the hub is reached".into(),
            SiteEvent::Late { .. } => format!("late: {}", status.late.join(", ")),
            _ => match &status.last_problem {
                Some(problem) => problem.clone(),
                None => return,
            },
        };
        if line != shown {
            // A terminal that is gone stops no session.
            let _ = console.say(&line);
            shown = line;
        }
    };
    let again = "mend the cause and start the node again: it goes on where it was";
    let trained = node
        .train(unlock, &mut tell)
        .failed(|| "the training stopped")
        .map_err(|e| e.remedy(again))?;
    let mut figures = vec![
        ("rows", rows as f64),
        ("releases", trained.guard().log().entries().len() as f64),
    ];
    let bound = trained.application().curvature_bound();
    figures.extend(bound.map(|bound| ("curvature_bound", bound)));
    let model = trained.model_file();
    if trained.has_queriers() && !args.train_only {
        match trained.serve(&mut tell) {
            Ok(never) => match never {},
            Err(error) => {
                return Err(Error::failed("answering stopped")
                    .because(error)
                    .remedy(again));
            }
        }
    }
    if let Some(model) = model {
        console.say(&format!("the model: {}", model.display()))?;
    }
    console.say("complete")?;
    Ok(Outcome::recorded(super::record("node run", &figures)?))
}

fn relay(config: &NodeConfig, console: &mut Console) -> Result<Outcome, Error> {
    // Lines of a hub come from its connections' tasks.
    let log = |event| eprintln!("{event}");
    let mut said = Ok(());
    tacit_node::relay::relay(config, log, |address| {
        said = console.say(&format!("listening on {address}"));
    })
    .failed(|| "the hub stopped")?;
    said?;
    Ok(Outcome::done())
}

fn test(args: &NodePreflight, console: &mut Console) -> Result<Outcome, Error> {
    let checks = preflight(&read(&args.config)?);
    let columns = ["test", "result", "found"].map(Column::text);
    let mut table = Table::new("Before a session", columns);
    let mut failed = Vec::new();
    for check in &checks {
        let (result, found) = match &check.outcome {
            Ok(found) => ("good", found),
            Err(problem) => {
                failed.push(check.what);
                ("bad", problem)
            }
        };
        table = table.row([
            Cell::text(check.what),
            Cell::text(result),
            Cell::text(found),
        ]);
    }
    console.table(&table)?;
    if !failed.is_empty() {
        return Err(Error::failed(format!("not ready: {}", failed.join("; "))));
    }
    let figures = [("checks", checks.len() as f64)];
    Ok(Outcome::recorded(super::record(
        "node preflight",
        &figures,
    )?))
}
