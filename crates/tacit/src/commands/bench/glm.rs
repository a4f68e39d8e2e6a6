//! `tacit bench glm`: encrypted training beside pooled plaintext and each site alone, over several seeds.

use std::path::PathBuf;

use tacit_data::{LabelEncoding, Level};
use tacit_learn::model::Family;
use tacit_report::measure::peak_rss_bytes;
use tacit_report::{Report, Run};

use super::seeds::Seeds;
use super::size::{self, Size};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::study::{Options, Source, Study, cost_section, margins_section, quality_section};
use crate::{Console, Error, Outcome};

/// The label's distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FamilyArg {
    /// Real label, mean square error.
    Linear,
    /// Two classes.
    Logistic,
    /// Counts.
    Poisson,
}

impl From<FamilyArg> for Family {
    fn from(family: FamilyArg) -> Self {
        match family {
            FamilyArg::Linear => Family::Linear,
            FamilyArg::Logistic => Family::Logistic,
            FamilyArg::Poisson => Family::Poisson,
        }
    }
}

/// Where the rows come from and how they are trained on; shared with `tacit bench predict`.
#[derive(Debug, Clone, clap::Args)]
pub struct Job {
    /// `breast-cancer`, `pima`, or a CSV or Parquet file.
    #[arg(long, value_name = "FILE", required_unless_present = "synthetic")]
    pub data: Option<PathBuf>,

    /// Label column of FILE.
    #[arg(long, value_name = "COL")]
    pub label: Option<String>,

    /// The label that counts as 1 (for two classes `1` without it; other families read numbers).
    #[arg(long, value_name = "VALUE")]
    pub positive: Option<String>,

    /// Generated rows instead of a file: correlated features, 10 % label noise.
    #[arg(long, value_name = "ROWSxFEATURES", conflicts_with = "data")]
    pub synthetic: Option<Size>,

    /// Number of parties.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub parties: u16,

    /// Family of the model.
    #[arg(long, value_enum, default_value_t = FamilyArg::Logistic)]
    pub family: FamilyArg,

    /// Gradient steps.
    #[arg(long)]
    pub iterations: Option<usize>,

    /// Statistical security of masks and flooding, in bits.
    #[arg(long, default_value_t = 64)]
    pub lambda_s: u32,

    /// First seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Job {
    /// The rows.
    pub fn source(&self) -> Result<Source, Error> {
        if let Some(Size { rows, features }) = self.synthetic {
            return Ok(Source::Synthetic { rows, features });
        }
        let Some(path) = &self.data else {
            return Err(Error::bad_input("neither --data nor --synthetic is given"));
        };
        match path.to_str() {
            Some("breast-cancer") => Source::breast_cancer(),
            Some("pima") => Source::pima(),
            _ => {
                let label = self.label.as_deref().ok_or_else(|| {
                    Error::bad_input("--label is missing")
                        .remedy("name the label column of the file")
                })?;
                let encoding = match (self.family, &self.positive) {
                    (FamilyArg::Linear, None) => LabelEncoding::Real,
                    (FamilyArg::Poisson, None) => LabelEncoding::Count,
                    (_, level) => LabelEncoding::Binary {
                        positive: Level::from(level.as_deref().unwrap_or("1")),
                        negative: None,
                    },
                };
                Source::file(path, label, encoding)
            }
        }
    }

    /// The rest.
    pub fn options(&self, release_model: bool, batch: Option<usize>) -> Options {
        Options {
            kind: "site",
            family: self.family.into(),
            test_share: 0.2,
            batch,
            iterations: self.iterations,
            lambda_s: self.lambda_s,
            release_model,
        }
    }

    /// For the record.
    pub fn describe(&self, run: &mut Run) -> Result<(), Error> {
        let failed = || "the record cannot be made";
        let data = size::described(self.synthetic, self.data.as_deref());
        run.param("data", data).failed(failed)?;
        run.param("parties", self.parties).failed(failed)
    }
}

/// Arguments of `tacit bench glm`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit bench glm --data breast-cancer --parties 10 --seeds 5
  tacit bench glm --data admissions.csv --label readmitted --positive yes --parties 3
  tacit bench glm --synthetic 1000000x32 --parties 160 --seeds 1 --json -")]
pub struct BenchGlm {
    /// The job.
    #[command(flatten)]
    pub job: Job,

    /// Samples per party and iteration, a power of two.
    #[arg(long)]
    pub batch: Option<usize>,

    /// Number of seeds: each gives another split and other mini-batches.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub seeds: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Runs the benchmark.
pub fn run(args: &BenchGlm, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("bench-glm", &args.measure)?;
    let source = args.job.source()?;
    let mut seeds = Seeds::default();
    let mut last: Option<(Study, Vec<String>)> = None;
    for seed in args.job.seed..args.job.seed + args.seeds {
        let setup = source.setup(
            args.job.parties.into(),
            seed,
            &args.job.options(true, args.batch),
        )?;
        let names = setup.names.clone();
        let study = setup.run(console)?;
        seeds.add(study.figures());
        last = Some((study, names));
    }
    let (study, names) = last.ok_or_else(|| Error::bad_input("--seeds is 0"))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("bench glm", env!("CARGO_PKG_VERSION"), args.job.seed).failed(failed)?;
    args.job.describe(&mut run)?;
    run.param("seeds", args.seeds).failed(failed)?;
    run.param("model", &study.plan.config).failed(failed)?;
    run.param(
        "ring",
        format!("{:?}", study.plan.encryption.params.literal()),
    )
    .failed(failed)?;
    let table = seeds.record(&mut run)?;
    if let Some(bytes) = peak_rss_bytes() {
        run.figure("peak_rss_mib", bytes as f64 / 1048576.0)
            .failed(failed)?;
    }
    console.table(&table)?;
    let report = Report::new("Encrypted training of a generalised linear model")
        .summary(format!(
            "{} parties, {} seed(s). Every party's work was done on this machine, keys included.",
            args.job.parties, args.seeds
        ))
        .section(tacit_report::Section::new("Figures").table(table))
        .section(quality_section(&study, &names))
        .section(cost_section(&study))
        .section(margins_section(&study))
        .limit("Curves and tables below the figures are of the last seed.")
        .limit("The plan of this benchmark releases the model once, to compare it weight by weight with the twin's.");
    Ok(Outcome::measured(run, report, folder))
}
