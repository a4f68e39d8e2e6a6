//! `tacit fe train`: a quadratic network, protected where there is something to hide.

use tacit_audit::AttackSuite;
use tacit_collateral::{Doing, EpochEnd, Leak, train, usefulness};
use tacit_nn::store;
use tacit_report::{Axis, Lines, Quantity, Report, Run, Section, Unit, write_whole};

use super::dataset::DataArgs;
use super::learning::{RecipeArgs, Watch};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe train`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Trains f_k(x) = Σ_j D_jk (Px + b)_j² with a public head, rounds it to integers whose bounds are proven, and, where
there is a private label, protects the outputs against adversaries while it does. The run's folder gets
the integer model twice (model.safetensors and int-model.json, either for `tacit fe authority keygen`), the public
head as head.safetensors and head.onnx, and floating.safetensors, the network before it was rounded.

Examples:
  tacit fe train --data characters --public label --private font --outputs 4 --out trained
  tacit fe train --alphabet lower --outputs 6
  tacit fe train --data mnist --private none --outputs 10
  tacit fe train --train 6000 --test 1000 --warm-up 1 --epochs 2 --grid-epochs 1 --attack quick")]
pub struct Train {
    /// The images.
    #[command(flatten)]
    pub data: DataArgs,

    /// Outputs K: what the server will see of an image.
    #[arg(long, value_name = "K")]
    pub outputs: Option<usize>,

    /// Do not protect the outputs.
    #[arg(long)]
    pub unprotected: bool,

    /// The recipe.
    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// Let attackers at the outputs afterwards.
    #[arg(long, value_enum, default_value = "none")]
    pub attack: Effort,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// How much attackers may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Effort {
    /// No attackers.
    None,
    /// A first look.
    Quick,
    /// For figures that are reported.
    Full,
}

impl Effort {
    /// The attackers.
    pub fn suite(self) -> Option<AttackSuite> {
        match self {
            Effort::None => None,
            Effort::Quick => Some(AttackSuite::quick()),
            Effort::Full => Some(AttackSuite::full()),
        }
    }
}

/// Trains the network.
pub fn run(args: &Train, console: &mut Console) -> Result<Outcome, Error> {
    let set = args.data.load()?;
    let seed = args.data.set.seed;
    let mut recipe = args.recipe.recipe(&set, args.outputs, seed);
    if args.unprotected {
        recipe = recipe.undefended();
    }
    recipe.check().bad_input(|| "the recipe cannot be used")?;
    let task = set.task()?;
    let folder = console.run_folder("fe-train", &args.measure)?;
    let progress = console.progress();
    let mut watch = Watch::new("", &progress);
    let started = std::time::Instant::now();
    let trained = train(&task, &recipe, |end| watch.doing(Doing::Training(end)))
        .bad_input(|| "the network could not be trained")?;
    watch.end();
    let train_s = started.elapsed().as_secs_f64();
    let useful = usefulness(&task, &trained, recipe.head, seed)
        .failed(|| "the public head could not be trained")?;
    let leak = match args.attack.suite().filter(|_| set.has_private()) {
        Some(suite) => Some(
            Leak::measure(&task, &trained.model, &suite, seed, |s| watch.attacking(s))
                .bad_input(|| "the attackers cannot work")?,
        ),
        None => None,
    };
    watch.end();

    let at = |name: &str| folder.path().join(name);
    let failed = || "the model could not be written";
    let model = &trained.model;
    model.save(at("int-model.json")).failed(failed)?;
    model.save(at("model.safetensors")).failed(failed)?;
    let facts = store::Metadata::from([
        ("kind".to_owned(), "tacit.quadratic/1".to_owned()),
        ("integer_model".to_owned(), model.hash().to_string()),
    ]);
    store::save(&trained.floating, &facts, &at("floating.safetensors")).failed(failed)?;
    useful.head.save(&at("head.safetensors")).failed(failed)?;
    write_whole(&at("head.onnx"), &useful.head.onnx()).failed(failed)?;

    let bits = (model.bounds().largest_output().max(1) as f64).log2();
    let failed = || "the record cannot be made";
    let mut run = Run::new("fe train", env!("CARGO_PKG_VERSION"), seed).failed(failed)?;
    run.param("data", &set.name).failed(failed)?;
    run.param("outputs", recipe.outputs).failed(failed)?;
    run.param("hidden", recipe.hidden).failed(failed)?;
    run.param("protected", recipe.protection.is_some())
        .failed(failed)?;
    run.param("model", model.hash().to_string())
        .failed(failed)?;
    run.figure("main.accuracy", useful.accuracy)
        .failed(failed)?;
    run.figure("main.accuracy_floating", useful.floating_accuracy)
        .failed(failed)?;
    run.figure("train_s", train_s).failed(failed)?;
    run.figure("output_bits_proven", bits).failed(failed)?;
    let mut report = Report::new("A quadratic network for encrypted images")
        .summary(format!(
            "Trained on {} ({} images). A server with the functional key sees {} numbers of each image.",
            set.name,
            task.train.rows(),
            recipe.outputs
        ))
        .key_figure_with_note(
            "accuracy of the public head",
            Quantity::new(useful.accuracy, Unit::Fraction),
            format!("on {} test images, from integer outputs", task.test.rows()),
        );
    console.say(&format!(
        "accuracy of the public head, from integer outputs: {:.2} %; outputs proven below 2^{bits:.1}",
        100.0 * useful.accuracy
    ))?;
    if let Some(attack) = leak.as_ref().map(|leak| &leak.report) {
        let best = attack.best();
        run.figure("private.attack_max", best.accuracy)
            .failed(failed)?;
        run.figure("private.base_rate", attack.base_rate)
            .failed(failed)?;
        for attack in &attack.attacks {
            run.figure(&format!("private.{}", attack.name), attack.accuracy)
                .failed(failed)?;
        }
        let table = super::attack::table(attack);
        console.table(&table)?;
        report = report
            .key_figure_with_note(
                "best attacker on the private label",
                Quantity::new(best.accuracy, Unit::Fraction),
                format!("{}; base rate {:.1} %", best.name, 100.0 * attack.base_rate),
            )
            .section(Section::new("Attackers").table(table));
    }
    let history = &trained.history;
    let loss = |of: fn(&EpochEnd) -> f32| {
        let points = history.iter().map(move |e| (e.done as f64, of(e).into()));
        points.collect::<Vec<_>>()
    };
    let mut lines = Lines::new(
        "Loss by epoch",
        Axis::count("epoch"),
        Axis::new("cross-entropy", Unit::Plain),
    )
    .series("public head", loss(|e| e.public_loss));
    if recipe.protection.is_some() {
        lines = lines.series("adversaries", loss(|e| e.adversary_loss));
    }
    report = report
        .section(Section::new("Training").plot(lines))
        .limit("The defence is empirical: it holds against the attackers that were tried, on data like the test images.");
    console.say(&format!("models: {}", folder.path().display()))?;
    Ok(Outcome::measured(run, report, folder))
}
