//! The log of a daemon: lines for people or JSON for machines, on standard error, without secrets.
//!
//! Only this project's own events are written, never those of the libraries below, which may hold what
//! travels. A line carries what its event says and where it belongs: site, plan, session, phase, round.

use std::str::FromStr;

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::Error;
use crate::error::Context;

const LEVEL: &str = "TACIT_LOG";

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line of text.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

/// Arguments of daemons.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LogArgs {
    /// How log lines look; they go to standard error. TACIT_LOG sets the least level that is written:
    /// error, warn, info (unless told otherwise) or debug.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

impl LogArgs {
    /// From now on this process logs.
    pub fn start(&self) -> Result<(), Error> {
        let level = match std::env::var(LEVEL) {
            Ok(text) => Level::from_str(&text)
                .ok()
                .filter(|level| *level <= Level::DEBUG)
                .ok_or_else(|| {
                    Error::bad_input(format!("{LEVEL} = `{text}` is not a level"))
                        .remedy("set it to error, warn, info or debug")
                })?,
            Err(_) => Level::INFO,
        };
        let ours = Targets::new().with_target("tacit", level);
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_target(false);
        let layer = match self.log_format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        tracing_subscriber::registry()
            .with(layer.with_filter(ours))
            .try_init()
            .failed(|| "the log cannot be started")
    }
}
