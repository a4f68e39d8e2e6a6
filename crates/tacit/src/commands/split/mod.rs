//! `tacit split`: a deployed network cut in two, hardened at the cut, audited, exported and served.

pub mod audit;
mod bundle;
pub mod certificates;
pub mod data;
pub mod demo;
mod encoding;
pub mod evaluate;
pub mod export;
mod figures;
pub mod harden;
mod judge;
mod model;
mod page;
mod projection;
pub mod query;
mod rebuild;
pub mod recipe;
pub mod search;
pub mod serve;
mod service;
pub mod train;

use clap::Subcommand;

use crate::args::RecordArgs;
use crate::{Console, Error, Outcome};

pub use judge::Spending;
pub use model::Family;

/// What can be done with split networks.
#[derive(Debug, Subcommand)]
pub enum SplitVerb {
    /// From a trained model to a hardened, audited, served one, with a report.
    Demo(Box<demo::Demo>),
    /// Train a classifier to start from.
    Train(Box<train::Train>),
    /// Try every legal cut: cost for the client, accuracy, leak.
    Search(Box<search::Search>),
    /// Fine-tune a deployed network at a cut so that its features lose what is private.
    Harden(Box<harden::Harden>),
    /// Let attackers at an encoder's features; exit with 3 when they leak too much.
    Audit(Box<audit::Audit>),
    /// Compare methods at matched utility, over seeds.
    Evaluate(Box<evaluate::Evaluate>),
    /// Write encoder, head and manifest for other runtimes.
    Export(Box<export::ExportParts>),
    /// Make certificates for a trial of serve and query.
    Certificates(certificates::Certificates),
    /// Serve the head over TLS to clients that prove who they are.
    Serve(Box<serve::Serve>),
    /// Encode inputs here and ask the head there.
    Query(Box<query::Query>),
}

impl SplitVerb {
    /// Runs the command.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            SplitVerb::Demo(args) => demo::run(args, console),
            SplitVerb::Train(args) => train::run(args, console),
            SplitVerb::Search(args) => search::run(args, console),
            SplitVerb::Harden(args) => harden::run(args, console),
            SplitVerb::Audit(args) => audit::run(args, console),
            SplitVerb::Evaluate(args) => evaluate::run(args, console),
            SplitVerb::Export(args) => export::run(args, console),
            SplitVerb::Certificates(args) => certificates::run(args, console),
            SplitVerb::Serve(args) => serve::run(args, console),
            SplitVerb::Query(args) => query::run(args, console),
        }
    }

    /// The command's record arguments.
    pub fn record_args(&self) -> Option<&RecordArgs> {
        match self {
            SplitVerb::Demo(args) => Some(&args.measure.record),
            SplitVerb::Train(args) => Some(&args.measure.record),
            SplitVerb::Search(args) => Some(&args.measure.record),
            SplitVerb::Harden(args) => Some(&args.measure.record),
            SplitVerb::Audit(args) => Some(&args.measure.record),
            SplitVerb::Evaluate(args) => Some(&args.measure.record),
            SplitVerb::Query(args) => Some(&args.record),
            SplitVerb::Export(_) | SplitVerb::Certificates(_) | SplitVerb::Serve(_) => None,
        }
    }
}
