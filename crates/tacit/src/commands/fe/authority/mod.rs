//! `tacit fe authority`: who holds the master secret, issues keys within a budget and logs both.

mod init;
mod keygen;
mod log;
mod rotate;

use clap::Subcommand;
use tacit_fe::authority::Request;
use tacit_report::Run;

use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// What an authority does.
#[derive(Debug, Subcommand)]
pub enum AuthorityVerb {
    /// Make a master key and the rules for issuing keys under it.
    Init(init::Init),
    /// Issue the functional key of a model, if the budget allows it.
    Keygen(keygen::Keygen),
    /// Make a new master key; the old one issues no more keys.
    Rotate(rotate::Rotate),
    /// Verify and show what was issued and refused.
    Log(log::Log),
}

impl AuthorityVerb {
    pub(super) fn run(&self, console: &mut Console) -> Result<Outcome, Error> {
        match self {
            AuthorityVerb::Init(args) => init::run(args, console),
            AuthorityVerb::Keygen(args) => keygen::run(args, console),
            AuthorityVerb::Rotate(args) => rotate::run(args, console),
            AuthorityVerb::Log(args) => log::run(args, console),
        }
    }

    pub(super) fn record_args(&self) -> &RecordArgs {
        match self {
            AuthorityVerb::Init(args) => &args.record,
            AuthorityVerb::Keygen(args) => &args.record,
            AuthorityVerb::Rotate(args) => &args.record,
            AuthorityVerb::Log(args) => &args.record,
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, clap::Args)]
pub struct Asker {
    /// Who asks, for the audit log.
    #[arg(long, value_name = "NAME", default_value = "operator")]
    pub who: String,
}

impl Asker {
    fn request(&self, console: &Console) -> Request<'_> {
        let since = console.now().duration_since(std::time::UNIX_EPOCH);
        Request {
            who: &self.who,
            time: since.map_or(0, |since| since.as_secs()),
        }
    }
}

/// A record of these figures.
fn record(command: &str, figures: &[(&str, f64)]) -> Result<Run, Error> {
    let failed = || "the record cannot be made";
    let mut run = Run::new(command, env!("CARGO_PKG_VERSION"), 0).failed(failed)?;
    for (name, value) in figures {
        run.figure(name, *value).failed(failed)?;
    }
    Ok(run)
}
