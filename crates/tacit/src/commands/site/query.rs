//! `tacit query`: encrypted rows out, answers back that only the querier can read.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use tacit_learn::metrics;
use tacit_node::NodeConfig;
use tacit_node::ask::ask;
use tacit_transport::grpc::SiteEvent;

use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit query`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The rows are standardised and encrypted here under the key of all parties; every party checks this querier's signature
before it helps to answer, and only this querier can read the answer. The file has the columns of a party's cohort. Its
labels are not sent; they only measure the answers (give any class where they are not known).

Examples:
  tacit query --config clinic.toml --input patients.csv --out answers.csv
  tacit query --config clinic.toml --input patients.csv --out answers.csv --json - --require 'accuracy>=0.7'")]
pub struct Query {
    /// The configuration, with a `[querier]` section.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,

    /// The rows, as CSV or Parquet.
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,

    /// Where the answers go, as CSV: a linear predictor per output, and what it predicts.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// How long to wait for the parties, which may still be training.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub patience: u64,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Asks.
pub fn run(args: &Query, console: &mut Console) -> Result<Outcome, Error> {
    let config = NodeConfig::read(&args.config).bad_input(|| "the configuration cannot be used")?;
    let patience = Duration::from_secs(args.patience);
    let mut problem = None;
    let answered = ask(&config, &args.input, patience, |event| match event {
        SiteEvent::Detached { reason } => problem = Some(reason),
        SiteEvent::Complaint(complaint) => problem = Some(complaint.problem),
        _ => {}
    });
    let answered = answered
        .failed(|| "the query was not answered")
        .map_err(|e| match problem {
            Some(problem) => e.remedy(format!("the last problem on the way: {problem}")),
            None => e,
        })?;
    let session = (answered.agreement.glm()).failed(|| "the plan answers no queries")?;
    let family = session.config.family;
    let outputs = family.outputs();
    let mut text = String::new();
    for lane in 0..outputs {
        let _ = write!(text, "predictor_{lane},");
    }
    text.push_str("prediction\n");
    for row in answered.predictors.chunks(outputs) {
        for predictor in row {
            let _ = write!(text, "{predictor},");
        }
        let _ = match family.is_classifier() {
            true => writeln!(text, "{}", family.predict_class(row)),
            false => writeln!(text, "{}", family.mean(row[0])),
        };
    }
    super::write(&args.out, &text)?;
    let rows = answered.labels.len();
    console.say(&format!("{rows} rows answered: {}", args.out.display()))?;
    let mut figures = vec![("rows", rows as f64), ("queries", answered.queries as f64)];
    let found = metrics::evaluate_predictors(family, &answered.predictors, &answered.labels)
        .failed(|| "the answers cannot be compared with the labels")?;
    figures.push(("loss", found.loss));
    if let Some(accuracy) = found.accuracy {
        console.say(&format!(
            "accuracy against the labels in the file: {accuracy:.3}"
        ))?;
        figures.push(("accuracy", accuracy));
    }
    figures.extend(found.auc.map(|auc| ("auc", auc)));
    Ok(Outcome::recorded(super::record("query", &figures)?))
}
