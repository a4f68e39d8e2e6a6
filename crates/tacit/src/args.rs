//! The arguments of the program and those that several commands share.

use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use tacit_report::Gate;

use crate::{Console, Error, Outcome, commands};

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(
    name = "tacit",
    version,
    about = "Learn together, infer together, tell nothing else.",
    after_help = "Exit codes: 0 done, 1 failed, 2 bad usage or bad input, 3 a quality gate is not \
                  met, 4 stopped by the operator before the end.\n`tacit COMMAND --help` shows examples.",
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Print nothing but warnings, errors and what --json - asks for.
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command there is.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Three hospitals on this machine: train under encryption, query, report.
    Demo(commands::demo::Demo),

    /// A site's keys.
    #[command(subcommand, arg_required_else_help = true)]
    Identity(commands::site::identity::IdentityVerb),

    /// Who takes part: requests, fingerprints, the signed roster.
    #[command(subcommand, arg_required_else_help = true)]
    Roster(commands::site::roster::RosterVerb),

    /// A site's daemon.
    #[command(subcommand, arg_required_else_help = true)]
    Node(commands::site::node::NodeVerb),

    /// Where a session stands.
    #[command(subcommand, arg_required_else_help = true)]
    Session(commands::site::session::SessionVerb),

    /// Ask the parties of a plan about rows that nobody but this querier sees.
    Query(commands::site::query::Query),

    /// The signed logs of releases.
    #[command(subcommand, arg_required_else_help = true)]
    Log(commands::site::log::LogVerb),

    /// Read and explain plans, and sign them.
    #[command(subcommand, arg_required_else_help = true)]
    Plan(PlanVerb),

    /// Functional encryption: a server learns one quadratic function of an input and nothing else.
    #[command(subcommand, arg_required_else_help = true)]
    Fe(commands::fe::FeVerb),

    /// Split inference: the client runs the first part of a network and sends features that tell little else.
    #[command(subcommand, arg_required_else_help = true)]
    Split(commands::split::SplitVerb),

    /// Measure whole jobs.
    #[command(subcommand, arg_required_else_help = true)]
    Bench(BenchVerb),

    /// Look at finished runs.
    #[command(subcommand, arg_required_else_help = true)]
    Run(RunVerb),
}

/// What can be done with plans.
#[derive(Debug, Subcommand)]
pub enum PlanVerb {
    /// Explain a plan before it is signed: security, who learns what, levels, cost, accuracy.
    Check(commands::plan_check::PlanCheck),
    /// Approve a plan: this site's signature, for its own node.
    Sign(commands::site::plan_sign::PlanSign),
}

/// Whole jobs.
#[derive(Debug, Subcommand)]
pub enum BenchVerb {
    /// Encrypted training of a generalised linear model, beside plaintext.
    Glm(commands::bench::glm::BenchGlm),
    /// Encrypted training of a network, beside plaintext.
    Mlp(Box<commands::bench::mlp::BenchMlp>),
    /// How the encrypted training of a network grows with parties, features, width and rows.
    MlpScaling(commands::bench::mlp_scaling::BenchMlpScaling),
    /// A training between processes: what the network costs, by topology.
    Network(commands::bench::network::BenchNetwork),
    /// Encrypted predictions.
    Predict(commands::bench::predict::BenchPredict),
}

/// What can be done with finished runs.
#[derive(Debug, Subcommand)]
pub enum RunVerb {
    /// Show a run's figures, compare them with another run's, hold them against gates.
    Show(commands::run_show::RunShow),
}

impl Command {
    /// Runs the command.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            Command::Demo(args) => commands::demo::run(args, console),
            Command::Plan(PlanVerb::Check(args)) => commands::plan_check::run(args, console),
            Command::Plan(PlanVerb::Sign(args)) => commands::site::plan_sign::run(args, console),
            Command::Identity(verb) => verb.run(console),
            Command::Roster(verb) => verb.run(console),
            Command::Node(verb) => verb.run(console),
            Command::Session(verb) => verb.run(console),
            Command::Query(args) => commands::site::query::run(args, console),
            Command::Log(verb) => verb.run(console),
            Command::Fe(verb) => verb.run(console),
            Command::Split(verb) => verb.run(console),
            Command::Bench(BenchVerb::Glm(args)) => commands::bench::glm::run(args, console),
            Command::Bench(BenchVerb::Mlp(args)) => commands::bench::mlp::run(args, console),
            Command::Bench(BenchVerb::MlpScaling(args)) => {
                commands::bench::mlp_scaling::run(args, console)
            }
            Command::Bench(BenchVerb::Network(args)) => {
                commands::bench::network::run(args, console)
            }
            Command::Bench(BenchVerb::Predict(args)) => {
                commands::bench::predict::run(args, console)
            }
            Command::Run(RunVerb::Show(args)) => commands::run_show::run(args, console),
        }
    }

    /// The command's record arguments, if it leaves a record.
    pub fn record_args(&self) -> Option<&RecordArgs> {
        match self {
            Command::Demo(args) => Some(&args.measure.record),
            Command::Plan(PlanVerb::Check(args)) => Some(&args.record),
            Command::Plan(PlanVerb::Sign(args)) => Some(&args.record),
            Command::Identity(verb) => Some(verb.record_args()),
            Command::Roster(verb) => Some(verb.record_args()),
            Command::Node(verb) => Some(verb.record_args()),
            Command::Session(verb) => Some(verb.record_args()),
            Command::Query(args) => Some(&args.record),
            Command::Log(verb) => Some(verb.record_args()),
            Command::Fe(verb) => verb.record_args(),
            Command::Split(verb) => verb.record_args(),
            Command::Bench(BenchVerb::Glm(args)) => Some(&args.measure.record),
            Command::Bench(BenchVerb::Mlp(args)) => Some(&args.measure.record),
            Command::Bench(BenchVerb::MlpScaling(args)) => Some(&args.measure.record),
            Command::Bench(BenchVerb::Network(args)) => Some(&args.measure.record),
            Command::Bench(BenchVerb::Predict(args)) => Some(&args.measure.record),
            Command::Run(RunVerb::Show(args)) => Some(&args.record),
        }
    }
}

/// Arguments of every command that ends with a record of figures.
#[derive(Debug, Clone, Default, Args)]
pub struct RecordArgs {
    /// Write the figures as one JSON object to PATH, or to standard output with `-`, where
    /// nothing else is printed then.
    #[arg(long, value_name = "PATH|-", value_parser = PathBufValueParser::new().map(JsonTarget::from))]
    pub json: Option<JsonTarget>,

    /// Hold a figure against a bound, such as 'encrypted.accuracy>=0.95' or 'wall_s<=30'; exit
    /// with 3 when it is not met. May be repeated.
    #[arg(long = "require", value_name = "GATE")]
    pub gates: Vec<Gate>,
}

/// Arguments of every command that measures and leaves a run folder behind.
#[derive(Debug, Clone, Default, Args)]
pub struct MeasureArgs {
    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,

    /// Put run.json, report.html and artefacts into DIR instead of runs/COMMAND-TIME.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Where the JSON record goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonTarget {
    /// Standard output, and nothing else there.
    Stdout,
    /// A file.
    File(PathBuf),
}

impl From<PathBuf> for JsonTarget {
    fn from(path: PathBuf) -> Self {
        if path.as_os_str() == "-" {
            JsonTarget::Stdout
        } else {
            JsonTarget::File(path)
        }
    }
}

impl RecordArgs {
    /// Whether standard output belongs to the record.
    pub fn json_on_stdout(&self) -> bool {
        self.json == Some(JsonTarget::Stdout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_examples() {
        fn leaves(command: &clap::Command, seen: &mut Vec<String>) {
            if !command.has_subcommands() {
                let help = command
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    help.contains("Examples:"),
                    "`{}` shows no examples",
                    command.get_name()
                );
                seen.push(command.get_name().to_owned());
            }
            command
                .get_subcommands()
                .for_each(|below| leaves(below, seen));
        }
        let mut seen = Vec::new();
        leaves(&Cli::command(), &mut seen);
        assert!(!seen.is_empty());
    }
}
