//! `tacit fe demo`: from drawn characters to encrypted ones that a server reads, and what it learns
//! besides.

mod journey;
mod report;

use tacit_collateral::CollateralRecipe;
use tacit_data::characters;
use tacit_report::measure::Phases;
use tacit_report::{Run, write_whole};

use super::data::{CharacterSet, Letters, sheet, write_sheet};
use super::dataset::DataArgs;
use super::learning::{RecipeArgs, judged};
use super::train::Effort;
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};
use journey::Journey;

/// Arguments of `tacit fe demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Draws characters in two fonts; trains a quadratic network that reads the character, once without and once with
protection of the font; makes an authority, which issues one key and refuses a second; encrypts images; lets a
server with the key read them; and sends attackers after the font. Takes minutes; --train, --test and the epochs
make it shorter or better.

Examples:
  tacit fe demo
  tacit fe demo --alphabet lower --outputs 6
  tacit fe demo --train 60000 --test 10000 --effort full --images 100 --threads 2
  tacit fe demo --train 3000 --test 600 --warm-up 1 --epochs 2 --grid-epochs 1 --require 'outputs_match>=1'")]
pub struct Demo {
    /// Which characters.
    #[arg(long, value_enum, default_value = "digits")]
    pub alphabet: Letters,

    /// Training images.
    #[arg(long, default_value_t = 24_000, value_parser = clap::value_parser!(u32).range(600..=1 << 20))]
    pub train: u32,

    /// Test images.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u32).range(100..=1 << 20))]
    pub test: u32,

    /// Outputs K.
    #[arg(long, value_name = "K", default_value_t = 4)]
    pub outputs: usize,

    /// Test images that are encrypted and evaluated.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub images: usize,

    /// The recipe.
    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// How much attackers may spend.
    #[arg(long, value_enum, default_value = "quick")]
    pub effort: Effort,

    /// Threads for encryption and evaluation.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// Seed of everything but the keys.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Runs the demonstration.
pub fn run(args: &Demo, console: &mut Console) -> Result<Outcome, Error> {
    let Some(suite) = args.effort.suite() else {
        return Err(Error::bad_input("--effort none leaves no attackers")
            .remedy("use --effort quick or --effort full"));
    };
    let data = DataArgs {
        data: None,
        public: "label".into(),
        private: None,
        attacker_rows: None,
        set: CharacterSet {
            alphabet: args.alphabet,
            train: args.train,
            test: args.test,
            seed: args.seed,
        },
    };
    let folder = console.run_folder("fe-demo", &args.measure)?;
    let progress = console.progress();
    let started = std::time::Instant::now();
    let mut phases = Phases::default();
    let set = phases.time("drawing", || data.load())?;
    let alphabet = data.set.alphabet();
    let samples = phases.time("drawing", || {
        let few = characters::Spec {
            train: 20 * alphabet.classes(),
            test: 1,
            ..data.set.spec()
        };
        characters::generate(&few).bad_input(|| "no such data set")
    })?;
    let gallery = sheet(&samples.0, alphabet, 10);
    write_sheet(&gallery, &folder.path().join("samples.png"))?;
    let task = set.task()?;
    let recipe = args.recipe.recipe(&set, Some(args.outputs), args.seed);
    recipe.check().bad_input(|| "the recipe cannot be used")?;

    let mut side = |recipe: &CollateralRecipe, name| {
        phases.time(name, || judged(&task, recipe, &suite, name, &progress))
    };
    let before = side(&recipe.undefended(), "without protection")?;
    let after = side(&recipe, "with protection")?;
    let at = |name: &str| folder.path().join(name);
    let model = &after.model;
    model
        .save(at("int-model.json"))
        .failed(|| "the model could not be written")?;
    let head = &after.head;
    head.save(&at("head.safetensors"))
        .failed(|| "the head could not be written")?;
    write_whole(&at("head.onnx"), &head.onnx()).failed(|| "the head could not be written")?;

    let journey = Journey {
        model,
        other: &before.model,
        head,
        part: &task.test,
        images: args.images,
        threads: args.threads.into(),
    };
    let found = journey.run(&at("authority"), console.now(), &mut phases, &progress)?;
    let wall = started.elapsed().as_secs_f64();

    let failed = || "the record cannot be made";
    let mut run = Run::new("fe demo", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("data", &set.name).failed(failed)?;
    run.param("train", task.train.rows()).failed(failed)?;
    run.param("outputs", args.outputs).failed(failed)?;
    run.param("threads", args.threads).failed(failed)?;
    for (name, value) in report::figures(&before, &after, &found, wall) {
        run.figure(&name, value).failed(failed)?;
    }
    console.table(&report::summary(&before, &after))?;
    console.table(&phases.table("Time per phase"))?;
    console.say(&report::sentence(&found))?;
    let page = report::Page {
        before: &before,
        after: &after,
        found: &found,
        outputs: args.outputs,
        rows: task.train.rows(),
        gallery,
        times: phases.table("Time per phase"),
        wall,
    };
    Ok(Outcome::measured(run, page.report(), folder))
}
