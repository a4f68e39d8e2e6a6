//! `tacit fe evaluate`: what a server with a functional key learns, from ciphertexts or end to end.

mod result;
mod source;

use std::path::PathBuf;
use std::sync::Arc;

use tacit_fe::{Calibration, DlogTable, Evaluator, TableSize};

use super::encryption::EncryptionArgs;
use super::{files, images::ImageArgs};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};
use result::Findings;
use source::Source;

/// Arguments of `tacit fe evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
From ciphertexts, the server's side alone. With --input instead, every image is encrypted, evaluated and
compared with the integer model in the clear; outputs_match is 1 when not a single output differs. Outputs go
to outputs.csv in the run's folder. Points are checked as they are read; --trusted leaves out the subgroup
test, for raw files that this machine wrote.

Examples:
  tacit fe evaluate --key ward3.key --model int-model.json --ciphertexts ciphertexts
  tacit fe evaluate --key ward3.key --model int-model.json --public-key public.key --input characters --count 50
  tacit fe evaluate --key k --model m.json --authority authority --timing tables --input mnist --threads 2 \\
      --require 'outputs_match>=1' --require 'accuracy>=0.975'")]
pub struct Evaluate {
    /// The functional key.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,

    /// The integer model (safetensors or JSON) it was issued for.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// A folder of ciphertexts.
    #[arg(
        long,
        value_name = "FOLDER",
        conflicts_with = "input",
        required_unless_present = "input"
    )]
    pub ciphertexts: Option<PathBuf>,

    /// Leave out the subgroup test of raw ciphertexts.
    #[arg(long, requires = "ciphertexts")]
    pub trusted: bool,

    /// End to end: the images.
    #[command(flatten)]
    pub images: ImageArgs,

    /// End to end: the key to encrypt with.
    #[command(flatten)]
    pub encryption: EncryptionArgs,

    /// Labels of the images (IDX), for the accuracy, where the input is not a folder that has them.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// The public head (safetensors) that reads the outputs; without it, the largest output is the
    /// class.
    #[arg(long, value_name = "FILE")]
    pub head: Option<PathBuf>,

    /// Keep the table of discrete logarithms in FILE and use it again.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,

    /// Memory of that table, in MiB.
    #[arg(long, default_value_t = 16, value_name = "MIB")]
    pub table_mib: u32,

    /// Threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Evaluates the key.
pub fn run(args: &Evaluate, console: &mut Console) -> Result<Outcome, Error> {
    let size = TableSize::mib(args.table_mib).bad_input(|| "--table-mib")?;
    let model = files::model(&args.model)?;
    let key = files::functional_key(&args.key)?;
    let cannot = || {
        let (key, model) = (args.key.display(), args.model.display());
        format!("the key {key} cannot be used with the model {model}")
    };
    key.check_model(&model).bad_input(cannot)?;
    let calibration = Calibration::proven(&model).bad_input(cannot)?;
    let head = args.head.as_deref().map(files::head).transpose()?;
    let mut findings = Findings::new(&model, head)?;
    let source = Source::open(args, &model, &key)?;
    let folder = console.run_folder("fe-evaluate", &args.measure)?;

    let phase = console.progress().phase("table of logarithms", 0);
    let table = match &args.table {
        Some(path) => DlogTable::open_or_build(path, size, &|_, _| {}).bad_input(|| "--table")?,
        None => DlogTable::build(size, &|_, _| {}),
    };
    phase.finish();
    let threads = args.threads.into();
    let evaluator =
        Evaluator::new(&key, &model, Arc::new(table), calibration, threads).bad_input(cannot)?;
    source.each(
        &evaluator,
        &model,
        args.threads,
        &console.progress(),
        &mut findings,
    )?;
    findings.conclude(args, folder, console)
}
