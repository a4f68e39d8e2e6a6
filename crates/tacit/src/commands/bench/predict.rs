//! `tacit bench predict`: what an encrypted prediction costs, model and query both encrypted.

use tacit_report::{Cell, Column, Quantity, Report, Run, Section, Table, Unit};

use super::glm::Job;
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::study::margins_section;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit bench predict`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit bench predict --data breast-cancer --parties 3
  tacit bench predict --synthetic 100000x32 --parties 10 --json -")]
pub struct BenchPredict {
    /// The job: a short training comes first.
    #[command(flatten)]
    pub job: Job,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Runs the benchmark.
pub fn run(args: &BenchPredict, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("bench-predict", &args.measure)?;
    let setup = args.job.source()?.setup(
        args.job.parties.into(),
        args.job.seed,
        &args.job.options(false),
    )?;
    let study = setup.run(console)?;
    let layout = study.plan.config.layout().failed(|| "the layout is gone")?;
    let batch = (layout.group() / layout.lanes()).min(study.asked);
    let milliseconds = study.queries.as_secs_f64() * 1e3;
    let amortised = milliseconds / study.asked as f64;
    let ciphertext = tacit_ckks::Ciphertext::encoded_len(
        &study.plan.encryption.params,
        study.plan.encryption.top_level(),
    );

    let failed = || "the record cannot be made";
    let mut run =
        Run::new("bench predict", env!("CARGO_PKG_VERSION"), args.job.seed).failed(failed)?;
    args.job.describe(&mut run)?;
    let figures = [
        ("amortised_ms", amortised),
        ("batch", batch as f64),
        ("rows", study.asked as f64),
        ("wall_s", study.queries.as_secs_f64()),
        ("query_bytes_per_row", ciphertext as f64 / batch as f64),
        ("twin.max_abs_diff_predictors", study.predictors_diff),
        (
            "query.ok",
            if study.predictors_diff < 1e-2 {
                1.0
            } else {
                0.0
            },
        ),
    ];
    let columns = [Column::text("figure"), Column::number("value")];
    let mut table = Table::new("Encrypted predictions", columns);
    for (name, value) in figures {
        run.figure(name, value).failed(failed)?;
        table = table.row([
            Cell::text(name),
            Cell::from(Quantity::new(value, Unit::Plain)),
        ]);
    }
    console.table(&table)?;
    let report = Report::new("Encrypted predictions")
        .summary(format!(
            "{} rows in batches of {batch}, {amortised:.2} ms a row: the querier's encryption and decryption and all \
             parties' work included.",
            study.asked
        ))
        .section(Section::new("Figures").table(table))
        .section(margins_section(&study))
        .limit("All parties ran in this process; the network's latency is not in the times.");
    Ok(Outcome::measured(run, report, folder))
}
