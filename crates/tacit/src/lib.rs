//! The command line of Tacit. `src/main.rs` only calls [`main`].
//!
//! Every command is a function `run(args, &mut Console) -> Result<Outcome, Error>` in a module of
//! its own under [`commands`]. What is common to all of them happens here, once: arguments are
//! parsed, gates are judged, `run.json`, `report.html` and the `--json` record are written,
//! errors are printed with their causes and the remedy, and the exit code is chosen.
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | failed |
//! | 2 | bad usage or bad input |
//! | 3 | done, but a quality gate is not met |
//! | 4 | a node was stopped by its operator before its training was complete; started again, it goes on |
//! | 130 | a second signal ended a node at once; started again, it goes on |
//!
//! # Adding a command
//! 1. A module in [`commands`] with a `#[derive(clap::Args)]` struct, examples in its
//!    `after_help`, and `run`. A command that measures flattens [`args::MeasureArgs`] and asks
//!    [`Console::run_folder`] for its folder before the work starts.
//! 2. A variant in [`args::Command`] with its two match arms. Commands that do not work yet are
//!    not registered.
//!
//! ```no_run
//! use tacit::{Console, Error, Outcome, args::MeasureArgs, error::Context};
//! use tacit_report::{Report, Run};
//!
//! #[derive(clap::Args)]
//! struct Args {
//!     #[command(flatten)]
//!     measure: MeasureArgs,
//! }
//!
//! fn run(args: &Args, console: &mut Console) -> Result<Outcome, Error> {
//!     let folder = console.run_folder("count", &args.measure)?;
//!     let phase = console.progress().phase("counting", 10);
//!     for _ in 0..10 {
//!         phase.inc();
//!     }
//!     phase.finish();
//!     let mut run = Run::new("count", env!("CARGO_PKG_VERSION"), 0).failed(|| "no record")?;
//!     run.figure("steps", 10.0).failed(|| "no figure")?;
//!     Ok(Outcome::measured(run, Report::new("Ten steps"), folder))
//! }
//! ```

#![forbid(unsafe_code)]

pub mod args;
pub mod commands;
mod console;
pub mod error;
mod outcome;
mod study;

use std::ffi::OsString;

use clap::Parser;

pub use console::{Console, Phase, Progress};
pub use error::Error;
pub use outcome::{Outcome, Status};

/// Parses the arguments, runs the command and says how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Status {
    let cli = match args::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(usage) => {
            // Printing help into a closed pipe is nobody's error.
            let _ = usage.print();
            return if usage.use_stderr() {
                Status::BadInput
            } else {
                Status::Done
            };
        }
    };
    let record = cli.command.record_args().cloned().unwrap_or_default();
    let mut console = Console::for_process(cli.quiet, record.json_on_stdout());
    let ended = cli
        .command
        .run(&mut console)
        .and_then(|o| o.publish(&record, &mut console));
    match ended {
        Ok(status) => status,
        Err(error) => {
            console.error(&error);
            error.status()
        }
    }
}
