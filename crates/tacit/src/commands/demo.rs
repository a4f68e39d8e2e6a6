//! `tacit demo`: three hospitals on this machine.

use tacit_learn::model::Family;
use tacit_report::{Quantity, Report, Run, Unit};

use crate::args::MeasureArgs;
use crate::error::Context;
use crate::study::{
    Options, Source, Study, cost_section, margins_section, model_table, quality_section,
};
use crate::{Console, Error, Outcome};

/// Arguments of `tacit demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Three hospitals hold slices of the Breast Cancer Wisconsin data. They make a collective key, train a
logistic regression whose weights nobody can see, and answer encrypted queries that only the querier can
read.

Examples:
  tacit demo
  tacit demo --parties 10 --seed 3
  tacit demo --require 'encrypted.accuracy>=0.95' --json -")]
pub struct Demo {
    /// Number of hospitals.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=20))]
    pub parties: u16,

    /// Seed of the split and of the mini-batches.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Runs the demonstration.
pub fn run(args: &Demo, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("demo", &args.measure)?;
    let options = Options {
        kind: "hospital",
        family: Family::Logistic,
        test_share: 0.2,
        batch: None,
        iterations: None,
        lambda_s: 64,
        release_model: false,
    };
    let setup = Source::breast_cancer()?.setup(args.parties.into(), args.seed, &options)?;
    let names = setup.names.clone();
    let study = setup.run(console)?;
    console.table(&model_table(&study, &names))?;
    console.table(&study.phases.table("Time per phase"))?;
    console.table(&study.traffic.table("Bytes per party"))?;
    console.say(&summary(&study))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("demo", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("parties", args.parties).failed(failed)?;
    run.param("data", "Breast Cancer Wisconsin (original)")
        .failed(failed)?;
    run.param("model", &study.plan.config).failed(failed)?;
    run.param(
        "ring",
        format!("{:?}", study.plan.encryption.params.literal()),
    )
    .failed(failed)?;
    for (name, value) in study.figures() {
        run.figure(name, value).failed(failed)?;
    }
    Ok(Outcome::measured(run, report(&study, &names), folder))
}

fn summary(study: &Study) -> String {
    format!(
        "{} hospitals, {} rounds; every encrypted prediction within {:.1e} of its plaintext twin's; {:.1} s",
        study.plan.encryption.parties,
        study.rounds,
        study.predictors_diff,
        study.wall.as_secs_f64()
    )
}

fn report(study: &Study, names: &[String]) -> Report {
    let fraction = |v: Option<f64>| Quantity::new(v.unwrap_or(f64::NAN), Unit::Fraction);
    let features = study.plan.config.features;
    Report::new("Three hospitals, one model nobody can see".replace("Three", &number(names.len())))
        .summary(format!(
            "{} hospitals trained a logistic regression together on {} rows. The weights were encrypted from the \
             first step to the last under a key that no hospital holds alone, and no row left its hospital.",
            number(names.len()),
            study.plan.total_rows
        ))
        .summary(format!(
            "A querier then asked about {} patients under encryption; only the querier could read the answers, \
             which agree with the same computation in the clear.",
            study.asked
        ))
        .key_figure_with_note(
            "accuracy, encrypted",
            fraction(study.encrypted.accuracy),
            format!("pooled plaintext {:.1} %", 100.0 * study.pooled.accuracy.unwrap_or(f64::NAN)),
        )
        .key_figure_with_note(
            "accuracy, each alone",
            Quantity::new(study.local_accuracy(), Unit::Fraction),
            format!("mean of {}", names.len()),
        )
        .key_figure_with_note(
            "wall time",
            Quantity::new(study.wall.as_secs_f64(), Unit::Seconds),
            "keys, training and queries",
        )
        .key_figure_with_note(
            "bytes per party",
            Quantity::new(study.bytes_per_party, Unit::Bytes),
            "sent and received, mean",
        )
        .section(quality_section(study, names))
        .section(cost_section(study))
        .section(margins_section(study))
        .limit(
            "Parties are assumed to follow the protocol. Up to all but one of them, and the querier, may pool what they \
             saw; what happens when one deviates is listed in SECURITY.md.",
        )
        .limit(format!(
            "Answers give the model away in the end: from about {} exact answers a querier can recover the weights.",
            features + 1
        ))
        .limit("Released besides the answers: the number of rows, means and standard deviations of all columns over all hospitals together, rounded.")
        .limit("All hospitals ran in this process; the network's latency is not in the times.")
        .limit("One split of one small table. It shows that the computation is right, not that the model is good medicine.")
}

fn number(n: usize) -> String {
    const WORDS: [&str; 11] = [
        "No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten",
    ];
    WORDS
        .get(n)
        .map_or_else(|| n.to_string(), |w| (*w).to_owned())
}
