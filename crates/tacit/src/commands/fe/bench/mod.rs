//! `tacit fe bench`: what functional encryption of a quadratic network costs on this machine.

mod clock;
mod subject;
mod throughput;

use std::path::PathBuf;
use std::time::Instant;

use tacit_fe::group::Gt;
use tacit_fe::{
    Ciphertext, DlogTable, Encryptor, EvaluationPlan, IntegerModel, MasterSecret, TableSize, Timing,
};
use tacit_report::{Cell, Column, Quantity, Report, Run, Section, Table, Unit};

use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};
use clock::{Yardstick, median};
use throughput::Batch;

/// Magnitude of the values whose discrete logarithms are timed beside the model's outputs.
const VALUE_BITS: u32 = 33;

/// Arguments of `tacit fe bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without a model, one of the published sizes is drawn at random: 784 pixels and a constant, 40 hidden values,
10 outputs, P of 4 to 5 bits with 49 % zeros, inputs of 8 bits. All figures are medians. Encryption is
measured both ways: in constant time (encrypt_authority_ms, encrypt_public_ms: the default of `tacit fe encrypt`)
and with tables (…_tables_ms, and once …_tables_build_ms: for hosts nobody else uses).

Examples:
  tacit fe bench
  tacit fe bench --threads 2 --repeats 20
  tacit fe bench --model int-model.json --table-mib 256 --json -
  tacit fe bench --batch 1000 --threads 2")]
pub struct Bench {
    /// An integer model (JSON).
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// Threads for evaluation and discrete logarithms.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// Measurements of each figure; the median is told.
    #[arg(long, default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeats: u32,

    /// Memory of the table of discrete logarithms, in MiB.
    #[arg(long, default_value_t = 16, value_name = "MIB")]
    pub table_mib: u32,

    /// Measure the throughput over this many ciphertexts too.
    #[arg(long, value_name = "CIPHERTEXTS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch: Option<u32>,

    /// Seed of the synthetic model and of the inputs.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// A figure in the order it is shown.
struct Figure {
    name: &'static str,
    value: f64,
    /// What the paper has for it (i7, a curve of about 80 bits).
    published: Option<f64>,
}

/// Runs the benchmark.
pub fn run(args: &Bench, console: &mut Console) -> Result<Outcome, Error> {
    let size = TableSize::mib(args.table_mib).bad_input(|| "--table-mib")?;
    let model = subject::model(args.model.as_deref(), args.seed)?;
    let bounds = model
        .check_limit()
        .bad_input(|| "no key can be issued for this model")?;
    let folder = console.run_folder("fe-bench", &args.measure)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.into())
        .build()
        .failed(|| "the threads could not be started")?;
    let limit = bounds.largest_output() as u64;
    let figures = pool.install(|| measure(args, &model, size, limit, console))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("fe bench", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    let params = [
        ("inputs", model.inputs()),
        ("hidden", model.hidden()),
        ("outputs", model.outputs()),
        ("threads", args.threads.into()),
        ("repeats", args.repeats as usize),
        ("table_mib", args.table_mib as usize),
    ];
    for (name, value) in params {
        run.param(name, value).failed(failed)?;
    }
    run.param("model", model.hash().to_string())
        .failed(failed)?;
    let columns = [
        Column::text("figure"),
        Column::number("here"),
        Column::number("published"),
    ];
    let mut table = Table::new("Medians", columns);
    for figure in &figures {
        run.figure(figure.name, figure.value).failed(failed)?;
        let cell = |value| Cell::from(Quantity::new(value, Unit::Plain));
        table = table.row([
            Cell::text(figure.name),
            cell(figure.value),
            figure.published.map_or(Cell::Missing, cell),
        ]);
    }
    console.table(&table)?;
    let report = Report::new("Functional encryption: what it costs")
        .summary(format!(
            "A quadratic network with {} inputs, {} hidden values and {} outputs, on {} {}.",
            model.inputs(),
            model.hidden(),
            model.outputs(),
            args.threads,
            if args.threads == 1 { "thread" } else { "threads" },
        ))
        .section(Section::new("Figures").table(table).text(
            "Published: Ryffel et al., NeurIPS 2019, on an i7 and a curve of about 80 bits; here BLS12-381, about \
             126 bits.",
        ))
        .limit("The times of group operations in the same run are the yardstick: other work on the machine slows both.")
        .limit("Encryption with tables is not constant-time: an attacker who shares the processor's caches may learn secrets.");
    Ok(Outcome::measured(run, report, folder))
}

fn measure(
    args: &Bench,
    model: &IntegerModel,
    size: TableSize,
    limit: u64,
    console: &mut Console,
) -> Result<Vec<Figure>, Error> {
    let mut figures = Vec::new();
    let mut note = |name, value, published| {
        figures.push(Figure {
            name,
            value,
            published,
        })
    };
    let failed = || "functional encryption failed";
    let yardstick = Yardstick::measure();
    note("g1_add_us", yardstick.g1_add * 1e6, None);
    note("miller2_us", yardstick.miller2 * 1e6, None);
    note("final_exp_us", yardstick.final_exp * 1e6, None);

    let progress = console.progress();
    let phase = progress.phase("measuring", 8);
    let secret = MasterSecret::generate(model.inputs(), model.input_max()).failed(failed)?;
    let input = |i: u64| subject::input(model, args.seed, i);
    let encryptors = [
        (
            [
                "encrypt_authority_ms",
                "encrypt_authority_tables_ms",
                "encrypt_authority_tables_build_ms",
            ],
            Some(&secret),
        ),
        (
            [
                "encrypt_public_ms",
                "encrypt_public_tables_ms",
                "encrypt_public_tables_build_ms",
            ],
            None,
        ),
    ];
    let mut ciphertexts = Vec::new();
    for ([constant, tables, tables_build], by) in encryptors {
        for timing in [Timing::Tables, Timing::ConstantTime] {
            let start = Instant::now();
            let encryptor = match by {
                Some(secret) => Encryptor::authority(secret, timing),
                None => Encryptor::public(secret.public_key(), timing),
            };
            let build = start.elapsed().as_secs_f64();
            let (seconds, made) = median(args.repeats, |i| {
                encryptor.encrypt(&input(i)).failed(failed)
            })?;
            let published = by.is_none().then_some(12_100.0);
            match timing {
                Timing::Tables => {
                    note(tables, seconds * 1e3, published);
                    note(tables_build, build * 1e3, None);
                }
                _ => note(constant, seconds * 1e3, published),
            }
            if by.is_some() {
                ciphertexts = made;
            }
            phase.inc();
        }
    }
    let (seconds, keys) = median(args.repeats, |_| secret.keygen(model).failed(failed))?;
    note("keygen_ms", seconds * 1e3, Some(94.0));
    phase.inc();

    let plan = EvaluationPlan::new(&keys[0], model, args.threads.into()).failed(failed)?;
    let (seconds, values) = median(args.repeats, |i| {
        plan.evaluate(&ciphertexts[i as usize]).failed(failed)
    })?;
    note("evaluate_ms", seconds * 1e3, Some(2_970.0));
    phase.inc();

    let start = Instant::now();
    let table = DlogTable::build(size, &|_, _| {});
    let built = start.elapsed().as_secs_f64();
    let (seconds, outputs) = median(args.repeats, |i| {
        solve(&table, &values[i as usize], limit).failed(failed)
    })?;
    note("dlog_ms", seconds * 1e3, Some(24.0));
    note("dlog_table_s", built, None);
    let known: Vec<Gt> = subject::values(model.outputs(), VALUE_BITS, args.seed)
        .into_iter()
        .map(|v| Gt::generator().pow_signed(v))
        .collect();
    let (seconds, _) = median(args.repeats, |_| {
        solve(&table, &known, 1 << VALUE_BITS).failed(failed)
    })?;
    note("dlog_uniform_2p33_ms", seconds * 1e3, None);
    phase.inc();

    let (packed, raw) = (ciphertexts[0].to_bytes(), ciphertexts[0].to_raw_bytes());
    let (seconds, _) = median(args.repeats, |_| {
        Ciphertext::from_bytes(&packed).failed(failed)
    })?;
    note("ingest_checked_ms", seconds * 1e3, None);
    let (seconds, _) = median(args.repeats, |_| {
        Ciphertext::from_trusted_bytes(&raw).failed(failed)
    })?;
    note("ingest_trusted_ms", seconds * 1e3, None);
    note("ciphertext_bytes", packed.len() as f64, None);
    phase.inc();
    phase.finish();

    let mut matches = true;
    for (i, found) in outputs.iter().enumerate() {
        matches &= *found == model.evaluate(&input(i as u64)).failed(failed)?;
    }
    if let Some(count) = args.batch {
        let batch = Batch {
            model,
            secret: &secret,
            plan: &EvaluationPlan::new(&keys[0], model, 1).failed(failed)?,
            table: &table,
            limit,
            seed: args.seed,
        };
        let batch = batch.run(count, &progress)?;
        matches &= batch.matches;
        note("batch.ciphertexts", count.into(), None);
        note(
            "batch.encrypt_per_s",
            f64::from(count) / batch.encrypt,
            None,
        );
        note(
            "batch.evaluate_per_s",
            f64::from(count) / batch.evaluate,
            None,
        );
        note("batch.evaluate_s", batch.evaluate, None);
    }
    note("outputs_match", f64::from(u8::from(matches)), None);
    Ok(figures)
}

/// The outputs behind the elements, by the threads of the current pool.
fn solve(table: &DlogTable, values: &[Gt], limit: u64) -> Result<Vec<i64>, tacit_fe::DlogError> {
    table
        .solve_batch(values, limit, &|_, _| {})
        .into_iter()
        .collect()
}
