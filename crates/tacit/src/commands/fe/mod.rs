//! `tacit fe`: functional encryption of one quadratic network, and what its outputs give away.

pub mod bench;
pub mod data;

use clap::Subcommand;

use crate::args::RecordArgs;
use crate::{Console, Error, Outcome};

/// What can be done with functional encryption.
#[derive(Debug, Subcommand)]
pub enum FeVerb {
    /// Draw the data set of characters in two fonts.
    Data(data::Data),
    /// Measure encryption, keys, evaluation and discrete logarithms.
    Bench(bench::Bench),
}

impl FeVerb {
    /// Runs the command.
    pub fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            FeVerb::Data(args) => data::run(args, console),
            FeVerb::Bench(args) => bench::run(args, console),
        }
    }

    /// The command's record arguments.
    pub fn record_args(&self) -> Option<&RecordArgs> {
        Some(match self {
            FeVerb::Data(args) => &args.measure.record,
            FeVerb::Bench(args) => &args.measure.record,
        })
    }
}
