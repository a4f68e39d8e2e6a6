//! `tacit bench predict`: what an encrypted prediction costs, model and query both encrypted.

mod network;

use tacit_report::{Cell, Column, Quantity, Report, Run, Section, Table, Unit};

use super::glm::Job;
use super::rows::RowsArgs;
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::study::margins_section;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit bench predict`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit bench predict --data breast-cancer --parties 3
  tacit bench predict --synthetic 100000x32 --parties 10 --json -
  tacit bench predict --data mnist=FOLDER --layers 64,64 --parties 10 --batch 768
  tacit bench predict --data breast-cancer --layers 64,64 --parties 3 --compact

With --layers a network is asked: that of the plaintext twin, encrypted under the parties' key as an encrypted training
leaves it; the training itself is what `tacit bench mlp` measures. Without, a generalised linear model is trained under encryption first.")]
pub struct BenchPredict {
    /// The job.
    #[command(flatten)]
    pub job: Job,

    /// Hidden widths of a network, such as 64,64; or all widths. 64,64 for `mnist=FOLDER`.
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub layers: Vec<usize>,

    /// The classes of a file's labels, for a network.
    #[arg(
        long,
        value_name = "A,B,…",
        value_delimiter = ',',
        requires = "layers",
        conflicts_with = "positive"
    )]
    pub classes: Vec<String>,

    /// Rows that a network is asked about together, 256 unless said otherwise; as many queries as it takes.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub batch: Option<u32>,

    /// Ask a network with queries of half the size, for which the parties compute more.
    #[arg(long)]
    pub compact: bool,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

impl BenchPredict {
    /// A network's rows, if one is asked.
    fn network(&self) -> Option<RowsArgs> {
        let job = &self.job;
        let data = job.data.as_ref().map(|data| data.to_string_lossy());
        let digits = data.is_some_and(|data| data.starts_with("mnist"));
        (digits || !self.layers.is_empty()).then(|| RowsArgs {
            data: job.data.clone(),
            label: job.label.clone(),
            positive: job.positive.clone(),
            classes: self.classes.clone(),
            synthetic: job.synthetic,
        })
    }
}

/// Runs the benchmark.
pub fn run(args: &BenchPredict, console: &mut Console) -> Result<Outcome, Error> {
    if let Some(rows) = args.network() {
        return network::run(args, &rows, console);
    }
    if args.batch.is_some() || args.compact {
        let problem = "--batch and --compact are for networks";
        return Err(Error::bad_input(problem).remedy("give --layers, or leave them out"));
    }
    let folder = console.run_folder("bench-predict", &args.measure)?;
    let setup = args.job.source()?.setup(
        args.job.parties.into(),
        args.job.seed,
        &args.job.options(false, None),
    )?;
    let study = setup.run(console)?;
    let layout = study.plan.config.layout().failed(|| "the layout is gone")?;
    let batch = (layout.group() / layout.lanes()).min(study.asked);
    let milliseconds = study.queries.as_secs_f64() * 1e3;
    let amortised = milliseconds / study.asked as f64;
    let ciphertext = tacit_ckks::Ciphertext::encoded_len(
        &study.plan.encryption.params,
        study.plan.encryption.answer_level(),
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
    let table = recorded(&mut run, &figures)?;
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

/// Figures: into the record, and as a table.
fn recorded(run: &mut Run, figures: &[(&str, f64)]) -> Result<Table, Error> {
    let columns = [Column::text("figure"), Column::number("value")];
    let mut table = Table::new("Encrypted predictions", columns);
    for &(name, value) in figures {
        run.figure(name, value)
            .failed(|| "the record cannot be made")?;
        table = table.row([
            Cell::text(name),
            Cell::from(Quantity::new(value, Unit::Plain)),
        ]);
    }
    Ok(table)
}
