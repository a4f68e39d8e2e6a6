//! `tacit split train`: a classifier to start from, for those who have none deployed.

use tacit_data::tasks::TaskData;
use tacit_nn::layered::Layered;
use tacit_nn::store;
use tacit_nn::train::{Progress, Recipe, fit};
use tacit_report::{Axis, Lines, Quantity, Report, Run, Section, Unit};

use super::data::DataArgs;
use super::encoding::Encoding;
use super::model::{self, NetworkArgs};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit split train`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Trains a network on the public label, with no thought of the private ones, on the first of four disjoint sets of
rows; the other sets are left to attackers and to the test. The run's folder gets model.safetensors, which carries
its architecture, and input.json, which says how rows are made of pictures or tables.

Examples:
  tacit split train --data characters --model convnet --out model
  tacit split train --data mnist=DATA/mnist --public parity --private at-least-five,digit --model mlp
  tacit split train --data adult=adult.csv.gz --model mlp --hidden 64,32 --epochs 20
  tacit split train --data images=celeba --labels list_attr_celeba.txt --public Smiling --private Male --side 32
      --colour --rows 20000 --model resnet8")]
pub struct Train {
    /// The rows.
    #[command(flatten)]
    pub data: DataArgs,

    /// The network.
    #[command(flatten)]
    pub network: NetworkArgs,

    /// Times every row is used.
    #[arg(long, value_name = "EPOCHS", default_value_t = 12)]
    pub epochs: usize,

    /// Of the weights and of the order of rows.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Trains the network.
pub fn run(args: &Train, console: &mut Console) -> Result<Outcome, Error> {
    let task = args.data.load()?;
    let sets = args.data.sets(&task)?;
    let network = args.network.network(&task, args.seed)?;
    let folder = console.run_folder("split-train", &args.measure)?;
    let started = std::time::Instant::now();
    let (network, losses) = learn(network, &sets.model, args.epochs, args.seed, console)?;
    let train_s = started.elapsed().as_secs_f64();
    let accuracy = model::accuracy(&network, &sets.test)?;
    let path = folder.path().join("model.safetensors");
    let notes = store::Metadata::from([("public".to_owned(), task.public.name.clone())]);
    store::save_layered(&network, &notes, &path).failed(|| "the model could not be written")?;
    Encoding::of(&task).write(folder.path())?;
    console.say(&format!(
        "{}: {:.2} % of {} test rows; {}",
        task.public.name,
        100.0 * accuracy,
        sets.test.len(),
        path.display()
    ))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("split train", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("data", &task.name).failed(failed)?;
    run.param("public", &task.public.name).failed(failed)?;
    run.param("rows", sets.model.len()).failed(failed)?;
    run.figure("public.accuracy", accuracy).failed(failed)?;
    run.figure("train_s", train_s).failed(failed)?;
    run.figure("parameters", network.architecture().parameters() as f64)
        .failed(failed)?;
    let series = losses.iter().enumerate();
    let report = Report::new("A classifier, not yet hardened")
        .summary(format!(
            "Trained on {} rows of {} to tell {}; nothing was done about anything else its features say.",
            sets.model.len(),
            task.name,
            task.public.name
        ))
        .key_figure_with_note(
            "accuracy",
            Quantity::new(accuracy, Unit::Fraction),
            format!("on {} test rows", sets.test.len()),
        )
        .section(
            Section::new("Training").plot(
                Lines::new(
                    "Loss by epoch",
                    Axis::count("epoch"),
                    Axis::new("cross-entropy", Unit::Plain),
                )
                .series("training", series.map(|(i, &l)| (i as f64 + 1.0, f64::from(l)))),
            ),
        )
        .limit("Its features have not been audited: `tacit split harden` and `tacit split audit` come next.");
    Ok(Outcome::measured(run, report, folder))
}

/// Trains a network on the public label; the losses by epoch beside it.
pub fn learn(
    network: Layered,
    rows: &TaskData,
    epochs: usize,
    seed: u64,
    console: &Console,
) -> Result<(Layered, Vec<f32>), Error> {
    let recipe = Recipe {
        epochs,
        seed,
        ..Recipe::default()
    };
    let phase = console.progress().phase("training", epochs as u64);
    let samples = model::samples(rows, &rows.public)?;
    let fitted = fit(network, &samples, None, &recipe, |at: Progress| {
        if at.step == at.steps {
            phase.inc();
        }
    })
    .bad_input(|| "the network could not be trained")?;
    phase.finish();
    Ok((fitted.network, fitted.losses))
}
