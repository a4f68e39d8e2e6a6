//! `tacit fe`: functional encryption of one quadratic network, and what its outputs give away.

pub mod attack;
pub mod authority;
pub mod bench;
pub mod data;
mod dataset;
pub mod demo;
pub mod encrypt;
mod encryption;
pub mod evaluate;
pub mod experiment;
mod files;
mod images;
mod learning;
pub mod train;
mod unlock;

use clap::Subcommand;

use crate::args::RecordArgs;
use crate::{Console, Error, Outcome};

/// What can be done with functional encryption.
#[derive(Debug, Subcommand)]
pub enum FeVerb {
    /// Draw the data set of characters in two fonts.
    Data(data::Data),
    /// From drawn characters to encrypted ones that a server reads, and what it learns besides.
    Demo(Box<demo::Demo>),
    /// Train a quadratic network, protected where there is something to hide.
    Train(Box<train::Train>),
    /// Hold the master secret, issue keys within a budget.
    #[command(subcommand, arg_required_else_help = true)]
    Authority(authority::AuthorityVerb),
    /// Encrypt images.
    Encrypt(encrypt::Encrypt),
    /// Evaluate a functional key on ciphertexts, or end to end on images.
    Evaluate(Box<evaluate::Evaluate>),
    /// Let attackers at the outputs of a model.
    Attack(Box<attack::Attack>),
    /// Accuracy against leak by number of outputs, before and after protection.
    Experiment(Box<experiment::Experiment>),
    /// Measure encryption, keys, evaluation and discrete logarithms.
    Bench(bench::Bench),
}

impl FeVerb {
    /// Runs the command.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            FeVerb::Data(args) => data::run(args, console),
            FeVerb::Demo(args) => demo::run(args, console),
            FeVerb::Train(args) => train::run(args, console),
            FeVerb::Attack(args) => attack::run(args, console),
            FeVerb::Experiment(args) => experiment::run(args, console),
            FeVerb::Authority(verb) => verb.run(console),
            FeVerb::Encrypt(args) => encrypt::run(args, console),
            FeVerb::Evaluate(args) => evaluate::run(args, console),
            FeVerb::Bench(args) => bench::run(args, console),
        }
    }

    /// The command's record arguments.
    pub fn record_args(&self) -> Option<&RecordArgs> {
        Some(match self {
            FeVerb::Data(args) => &args.measure.record,
            FeVerb::Demo(args) => &args.measure.record,
            FeVerb::Train(args) => &args.measure.record,
            FeVerb::Attack(args) => &args.measure.record,
            FeVerb::Experiment(args) => &args.measure.record,
            FeVerb::Authority(verb) => verb.record_args(),
            FeVerb::Encrypt(args) => &args.record,
            FeVerb::Evaluate(args) => &args.measure.record,
            FeVerb::Bench(args) => &args.measure.record,
        })
    }
}
