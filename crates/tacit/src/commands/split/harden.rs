//! `tacit split harden`: fine-tunes a deployed network at a cut and writes both parts.

use std::path::PathBuf;

use tacit_data::tasks::{Sets, TaskData};
use tacit_nn::Samples;
use tacit_nn::layered::{Cut, Layered};
use tacit_report::{Axis, Lines, Quantity, Report, Run, Section, Unit};
use tacit_split::Recipe;
use tacit_split::export::{Export, Note};
use tacit_split::harden::{Hardened, Outcome as Ended, harden};

use super::data::DataArgs;
use super::encoding::Encoding;
use super::recipe::{self, RecipeArgs};
use super::{figures, model, page};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome, Progress};

/// Share of the model's rows on which public accuracy is watched.
const WATCHED: f64 = 0.15;

/// Arguments of `tacit split harden`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Starts from the deployed weights and trains on cross-entropy + λ · loss, under the noise that clients will add. The
private labels of --private are not looked at, except by the methods that say so; they are named here so that the
rows are dealt as in the audit. Cuts are named by number or as in `tacit split search`, such as 5-dense. The run's folder
gets encoder and head (safetensors and ONNX), manifest.json with their hashes, and input.json.

Examples:
  tacit split harden --model model/model.safetensors --cut 5-dense --out hardened
  tacit split harden --model model/model.safetensors --cut 5 --loss center --lambda 4 --noise-snr 1
  tacit split harden --model model/model.safetensors --cut 5 --loss adversarial --private font
  tacit split harden --model model/model.safetensors --cut 5 --keep-head --bits 8")]
pub struct Harden {
    /// The deployed network.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// Where it is cut.
    #[arg(long, value_name = "CUT")]
    pub cut: String,

    /// The rows.
    #[command(flatten)]
    pub data: DataArgs,

    /// How.
    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// Of the order of rows and of the noise in training.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Hardens the network.
pub fn run(args: &Harden, console: &mut Console) -> Result<Outcome, Error> {
    let network = model::load(&args.model)?;
    let encoding = Encoding::beside(&args.model)?;
    let recipe = args.recipe.recipe(args.seed)?;
    let cut = cut(&network, &args.cut)?;
    let task = args.data.load_for(&encoding)?;
    let sets = args.data.sets(&task)?;
    let folder = console.run_folder("split-harden", &args.measure)?;
    let hardened = work(&network, &cut, &sets.model, &recipe, &console.progress())?;
    let undefended = model::accuracy(&network, &sets.test)?;
    let accuracy = accuracy(&hardened, &sets)?;

    let export =
        Export::of(&hardened, &note(&cut, &sets.model)).failed(|| "the parts cannot be written")?;
    export
        .save(folder.path())
        .failed(|| "the parts could not be written")?;
    encoding.write(folder.path())?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("split harden", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("data", &task.name).failed(failed)?;
    run.param("cut", &cut.name).failed(failed)?;
    recipe::record(&mut run, &recipe)?;
    figures::put(&mut run, "public.accuracy_undefended", undefended)?;
    figures::put(&mut run, "public.accuracy_hardened", accuracy)?;
    costs(&mut run, &hardened, &cut)?;
    console.say(&format!(
        "{}: {:.2} % before, {:.2} % hardened, on {} test rows; {}",
        task.public.name,
        100.0 * undefended,
        100.0 * accuracy,
        sets.test.len(),
        folder.path().display()
    ))?;
    warn_of_collapse(&hardened, console);
    let report = Report::new("A hardened network")
        .summary(format!(
            "The network was cut behind {} and fine-tuned by {} ({}). What its features still tell was not measured here: \
             that is what `tacit split audit` is for.",
            cut.name,
            recipe.method.name(),
            ended(&hardened)
        ))
        .key_figure_with_note(
            "public accuracy",
            page::fraction(accuracy),
            format!("before: {:.1} %", 100.0 * undefended),
        )
        .key_figure_with_note(
            "fine-tuning",
            Quantity::new(hardened.cost.seconds, Unit::Seconds),
            format!("{} epochs", hardened.cost.epochs),
        )
        .section(course(&hardened))
        .limit("Without an audit nothing is known about what these features tell.");
    Ok(Outcome::measured(run, report, folder))
}

/// The cut of this name.
pub fn cut(network: &Layered, name: &str) -> Result<Cut, Error> {
    network
        .architecture()
        .cut(name)
        .bad_input(|| "the network cannot be cut there")
}

/// Hardens on most of the rows and watches public accuracy on the others.
pub fn work(
    network: &Layered,
    cut: &Cut,
    rows: &TaskData,
    recipe: &Recipe,
    progress: &Progress,
) -> Result<Hardened, Error> {
    let (train, watched) = divided(rows, recipe)?;
    let [train_rows, watched] = [
        model::samples(&train, &train.public)?,
        model::samples(&watched, &watched.public)?,
    ];
    let private = known(&train, recipe)?;
    let phase = progress.phase(
        format!("hardening, {}", recipe.method.name()),
        recipe.epochs as u64,
    );
    let hardened = harden(
        network,
        cut.after,
        &train_rows,
        &watched,
        private.as_ref(),
        recipe,
        |at| {
            if at.record.is_some() {
                phase.inc();
            }
        },
    )
    .bad_input(|| "the network could not be hardened")?;
    phase.finish();
    Ok(hardened)
}

/// Rows to harden on, and rows on which public accuracy is watched.
pub fn divided(rows: &TaskData, recipe: &Recipe) -> Result<(TaskData, TaskData), Error> {
    rows.divide(1.0 - WATCHED, recipe.seed)
        .bad_input(|| "too few rows to harden on")
}

/// The first private label, for methods that learn from it.
pub fn known(rows: &TaskData, recipe: &Recipe) -> Result<Option<Samples>, Error> {
    match rows.private.first() {
        Some(label) if recipe.method.uses_private_labels() => model::samples(rows, label).map(Some),
        _ => Ok(None),
    }
}

/// What an export says of its rows.
pub fn note(cut: &Cut, rows: &TaskData) -> Note {
    Note {
        cut: cut.after,
        classes: rows.public.classes.clone(),
        training_data: format!(
            "{} rows of {}, for {}",
            rows.len(),
            rows.name,
            rows.public.name
        ),
    }
}

/// Public accuracy on what clients send.
pub fn accuracy(hardened: &Hardened, sets: &Sets) -> Result<f64, Error> {
    let failed = || "the hardened network cannot be asked";
    let parts = super::bundle::deploy(hardened)?;
    let sent = parts
        .client
        .sent(&model::rows(&sets.test)?, 0)
        .failed(failed)?;
    let answers = parts.head.answer(&sent).failed(failed)?;
    tacit_nn::predict::accuracy(
        &tacit_nn::predict::argmax(&answers),
        &sets.test.public.values,
    )
    .failed(failed)
}

/// What it cost, as figures.
pub fn costs(run: &mut Run, hardened: &Hardened, cut: &Cut) -> Result<(), Error> {
    let features = cut.shape.size();
    figures::put(run, "harden_s", hardened.cost.seconds)?;
    figures::put(run, "harden_steps", hardened.cost.steps as f64)?;
    figures::put(run, "client.macs", cut.client_macs as f64)?;
    figures::put(run, "client.parameters", cut.client_parameters as f64)?;
    figures::put(
        run,
        "client.bytes_per_row",
        hardened.veil.bytes(features) as f64,
    )
}

/// Says it when the public task was lost.
pub fn warn_of_collapse(hardened: &Hardened, console: &mut Console) {
    if let Ended::Collapsed(how) = hardened.outcome {
        console.warn(&format!(
            "the public task was lost ({how:?}): do not deploy this. A smaller --lambda, less noise or a deeper cut may help"
        ));
    }
}

/// How it ended, in words.
pub fn ended(hardened: &Hardened) -> &'static str {
    match hardened.outcome {
        Ended::Untouched => "nothing was trained",
        Ended::Finished => "all epochs were run",
        Ended::StoppedEarly => "stopped when public accuracy no longer rose",
        Ended::Collapsed(_) => "the public task was lost",
        _ => "ended",
    }
}

/// The epochs of a hardening.
pub fn course(hardened: &Hardened) -> Section {
    let of = |value: fn(&tacit_split::harden::EpochRecord) -> f64| -> Vec<(f64, f64)> {
        let records = hardened.epochs.iter();
        records.map(|r| (r.epoch as f64, value(r))).collect()
    };
    let section = Section::new("Hardening");
    if hardened.epochs.is_empty() {
        return section.text("Nothing was trained.");
    }
    section
        .plot(
            Lines::new(
                "Public accuracy by epoch, under the noise",
                Axis::count("epoch"),
                Axis::new("accuracy on rows that are watched", Unit::Fraction),
            )
            .series("public accuracy", of(|r| r.public_accuracy)),
        )
        .plot(
            Lines::new(
                "Losses by epoch",
                Axis::count("epoch"),
                Axis::new("loss", Unit::Plain),
            )
            .series("cross-entropy", of(|r| r.cross_entropy))
            .series("penalty, before λ", of(|r| r.penalty)),
        )
}
