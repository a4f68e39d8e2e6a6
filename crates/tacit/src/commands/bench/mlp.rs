//! `tacit bench mlp`: a network trained under encryption, beside its twin, pooled plaintext, plain averaging and each
//! site alone, over several seeds.

use std::path::PathBuf;

use tacit_learn::neural::MlpConfig;
use tacit_learn::neural::encrypted::planner::Calibration;
use tacit_report::{Report, Run, Section};

use super::rows::RowsArgs;
use super::seeds::Seeds;
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::study::network::{
    Checkpoint, Held, Settings, Setup, Study, cost_section, margins_section, quality_section,
};
use crate::{Console, Error, Outcome};

/// Arguments of `tacit bench mlp`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit bench mlp --data mnist=FOLDER --layers 64,64 --parties 10
  tacit bench mlp --data breast-cancer --layers 64,64 --parties 10 --seeds 5 --folds
  tacit bench mlp --data credit-default=FILE --layers 64,64 --parties 10 --seeds 5 --json -
  tacit bench mlp --data wards.csv --label ward --classes a,b,c --layers 32 --parties 3
  tacit bench mlp --data breast-cancer --validation --twin-only --seeds 20 --weight-decay 0.01
  tacit bench mlp --data mnist=FOLDER --checkpoint interrupted/

MNIST is read from a folder with its four IDX files (http://yann.lecun.com/exdb/mnist), gzipped or not; Default of
Credit Card Clients from a CSV file (https://archive.ics.uci.edu/dataset/350), gzipped or not, with EDUCATION and
MARRIAGE one-hot. Settings that are not given were chosen with --validation for the named data sets.")]
pub struct BenchMlp {
    /// The rows.
    #[command(flatten)]
    pub rows: RowsArgs,

    /// Hidden widths, such as 64,64; or all widths, inputs and classes included.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [64, 64])]
    pub layers: Vec<usize>,

    /// Number of parties.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub parties: u16,

    /// Number of seeds: each gives another split, start and other mini-batches.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: u64,

    /// First seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Gradient steps.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub iterations: Option<u32>,

    /// Gradient steps, as passes through the training rows.
    #[arg(long, conflicts_with = "iterations")]
    pub epochs: Option<f64>,

    /// Samples per party and iteration, a power of two.
    #[arg(long)]
    pub batch: Option<usize>,

    /// Step size: held for half of the iterations, then on a line to 0.
    #[arg(long)]
    pub rate: Option<f64>,

    /// Momentum of the heavy ball.
    #[arg(long)]
    pub momentum: Option<f64>,

    /// Weight decay.
    #[arg(long)]
    pub weight_decay: Option<f64>,

    /// Output wanted of a sample's own class.
    #[arg(long)]
    pub target: Option<f64>,

    /// c of the activation u/2 + c·u².
    #[arg(long)]
    pub curvature: Option<f64>,

    /// Spread of the initial weights, in units of 1/√inputs.
    #[arg(long)]
    pub gain: Option<f64>,

    /// Passes of a site through its own rows between two averages of FedAvg.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub local_epochs: u16,

    /// Cross-validation: as many folds as seeds, each held out for one of them.
    #[arg(long, conflicts_with = "validation")]
    pub folds: bool,

    /// Measure on a part of the training rows instead of the test rows: for choosing settings.
    #[arg(long)]
    pub validation: bool,

    /// Leave the encrypted training out.
    #[arg(long)]
    pub twin_only: bool,

    /// Keep in FOLDER what an encrypted training can be resumed from, and resume the one that was interrupted there. The
    /// parties' secrets lie in it under a key beside them; under TACIT_CHECKPOINT_PASSPHRASE, if that is set.
    #[arg(long, value_name = "FOLDER", conflicts_with = "twin_only")]
    pub checkpoint: Option<PathBuf>,

    /// Iterations between two states that are kept.
    #[arg(long, default_value_t = 10, requires = "checkpoint",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub checkpoint_every: u32,

    /// Statistical security of masks and flooding, in bits.
    #[arg(long, default_value_t = 64)]
    pub lambda_s: u32,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

impl BenchMlp {
    /// The given settings, and `base` for the others.
    fn config(
        &self,
        base: Settings,
        layers: &[usize],
        rows: usize,
        seed: u64,
    ) -> Result<MlpConfig, Error> {
        let mut settings = Settings {
            batch: self.batch.unwrap_or(base.batch),
            iterations: self.iterations.map_or(base.iterations, |n| n as usize),
            rate: self.rate.unwrap_or(base.rate),
            momentum: self.momentum.unwrap_or(base.momentum),
            decay: self.weight_decay.unwrap_or(base.decay),
            target: self.target.unwrap_or(base.target),
            curvature: self.curvature.unwrap_or(base.curvature),
            gain: self.gain.unwrap_or(base.gain),
        };
        if let Some(epochs) = self.epochs {
            if !(epochs > 0.0 && epochs <= 1e6) {
                return Err(Error::bad_input(format!("--epochs is {epochs}"))
                    .remedy("give a positive number of passes"));
            }
            let step = (usize::from(self.parties) * settings.batch).max(1);
            settings.iterations = (epochs * rows as f64 / step as f64).ceil() as usize;
        }
        settings.config(layers, seed)
    }
}

/// Runs the benchmark.
pub fn run(args: &BenchMlp, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("bench-mlp", &args.measure)?;
    let (rows, base) = args.rows.read()?;
    let layers = rows.widths(&args.layers);
    let held = |seed: u64| match (args.validation, args.folds) {
        (true, _) => Held::Validation,
        (_, true) => {
            let (k, of) = (seed - args.seed, args.seeds);
            Held::Fold(k as usize, of as usize, args.seed)
        }
        _ => Held::Test,
    };
    let mut seeds = Seeds::default();
    let mut last: Option<(Study, MlpConfig)> = None;
    let (mut peak, mut prices) = (None, Calibration::default());
    for seed in args.seed..args.seed + args.seeds {
        let (names, cohorts) = rows.deal(args.parties.into(), held(seed), seed)?;
        let config = args.config(base, &layers, cohorts.sizes().iter().sum(), seed)?;
        let setup = Setup {
            names,
            cohorts,
            config: config.clone(),
            lambda_s: args.lambda_s,
            local_epochs: args.local_epochs.into(),
            twin_only: args.twin_only,
            checkpoint: (args.checkpoint.as_ref()).map(|folder| Checkpoint {
                folder: folder.join(format!("seed-{seed}")),
                every: args.checkpoint_every as usize,
            }),
        };
        let study = setup.run(&mut prices, console)?;
        seeds.add(study.figures());
        peak = study.encrypted.as_ref().and_then(|e| e.peak).or(peak);
        last = Some((study, config));
    }
    let (study, config) = last.ok_or_else(|| Error::bad_input("--seeds is 0"))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("bench mlp", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    let data = args.rows.described();
    run.param("data", data).failed(failed)?;
    let held_out = match (args.validation, args.folds) {
        (true, _) => "validation",
        (_, true) => "folds",
        _ => "test",
    };
    run.param("held_out", held_out).failed(failed)?;
    run.param("parties", args.parties).failed(failed)?;
    run.param("seeds", args.seeds).failed(failed)?;
    run.param("model", &config).failed(failed)?;
    if let Some(encrypted) = &study.encrypted {
        let ring = format!("{:?}", encrypted.plan.encryption.params.literal());
        run.param("ring", ring).failed(failed)?;
    }
    let table = seeds.record(&mut run)?;
    if let Some(bytes) = peak {
        run.figure("peak_rss_mib", bytes as f64 / 1048576.0)
            .failed(failed)?;
    }
    console.table(&table)?;
    let mut report = Report::new("Encrypted training of a network")
        .summary(format!(
            "Widths {:?}, {} parties, {} seed(s). Every party's work was done on this machine, keys included.",
            layers, args.parties, args.seeds
        ))
        .section(Section::new("Figures").table(table))
        .section(quality_section(&study));
    if let Some(encrypted) = &study.encrypted {
        report = report
            .section(cost_section(encrypted))
            .section(margins_section(encrypted));
        if encrypted.resumed_after > 0 {
            report = report.limit(format!(
                "The last seed's training was resumed after {} iterations: times, bytes and rounds are those of the rest.",
                encrypted.resumed_after
            ));
        }
    }
    if args.validation {
        report = report.limit(
            "Held-out rows are a part of the training rows; the test rows were not looked at.",
        );
    }
    let report = report
        .limit("Curves and tables below the figures are of the last seed.")
        .limit(
            "The plan of this benchmark releases the model once, to compare it with the twin's.",
        );
    Ok(Outcome::measured(run, report, folder))
}
