//! `tacit split demo`: from a trained model to a hardened, audited, served one.

mod serving;
mod way;

use std::time::Instant;

use tacit_report::measure::Phases;
use tacit_report::{Cell, Quantity, Report, Run, Section, Table, Unit};
use tacit_split::Recipe;

use super::data::{DataArgs, Letters};
use super::encoding::Encoding;
use super::judge::Spending;
use super::recipe::{self, RecipeArgs};
use super::{audit, figures, harden, page, rebuild};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};
use serving::Served;
use way::Way;

/// Arguments of `tacit split demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Draws characters in two fonts, trains a convolutional network to read them, hardens it so that what a client sends no longer
tells the font, lets attackers at it, writes both parts, serves the head over TLS on this machine, and asks it. Then
the other way round: the font is public and the character is not. Nothing is downloaded.

Examples:
  tacit split demo
  tacit split demo --out demo --attackers standard
  tacit split demo --require 'private.font.leak_normalised<=0.15' --require 'query.ok>=1'")]
pub struct Demo {
    /// Characters drawn.
    #[arg(long, value_name = "ROWS", default_value_t = 8000)]
    pub rows: usize,

    /// Rows and columns of a picture.
    #[arg(long, value_name = "PIXELS", default_value_t = 16)]
    pub side: usize,

    /// Epochs of the first training.
    #[arg(long, value_name = "EPOCHS", default_value_t = 10)]
    pub epochs: usize,

    /// How it is hardened.
    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// How much attackers may spend.
    #[arg(long, value_enum, default_value = "quick")]
    pub attackers: Spending,

    /// Leave the other direction out.
    #[arg(long)]
    pub one_way: bool,

    /// Of everything that is random.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Goes the whole way.
pub fn run(args: &Demo, console: &mut Console) -> Result<Outcome, Error> {
    let recipe = args.recipe()?;
    let turned = args.recipe.recipe(args.seed)?;
    let folder = console.run_folder("split-demo", &args.measure)?;
    let started = Instant::now();
    let mut phases = Phases::default();
    console.say("characters in two fonts: the character is public, the font is private")?;
    let first = way::go(args, &recipe, ["character", "font"], console, &mut phases)?;
    console.table(&page::scales(Some(&first.before), &first.after))?;
    let export = tacit_split::export::Export::of(
        &first.hardened,
        &harden::note(&first.cut, &first.sets.model),
    )
    .failed(|| "the parts cannot be written")?;
    export
        .save(folder.path())
        .failed(|| "the parts could not be written")?;
    Encoding::of(&first.sets.test).write(folder.path())?;
    let served = phases.time("serve and query", || {
        serving::serve(folder.path(), &first.sets, &console.progress())
    })?;
    console.say(&format!(
        "{} rows asked over TLS: {} answers differ from this machine's own; middle answer in {:.2} ms",
        served.rows,
        served.different,
        1e3 * served.middle
    ))?;
    let second = match args.one_way {
        true => None,
        false => {
            console.say("the other way round: the font is public, the character is private")?;
            let way = way::go(args, &turned, ["font", "character"], console, &mut phases)?;
            console.table(&page::scales(Some(&way.before), &way.after))?;
            Some(way)
        }
    };
    let wall = started.elapsed().as_secs_f64();

    let failed = || "the record cannot be made";
    let mut run = Run::new("split demo", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("rows", args.rows).failed(failed)?;
    recipe::record(&mut run, &recipe)?;
    run.param("cut", &first.cut.name).failed(failed)?;
    figures::hardened(&mut run, &first.after)?;
    figures::undefended(&mut run, &first.before)?;
    rebuild::record(&mut run, Some(&first.before), &first.after)?;
    harden::costs(&mut run, &first.hardened, &first.cut)?;
    served.figures(&mut run)?;
    if let Some(way) = &second {
        figures::put(
            &mut run,
            "turned.public.accuracy_undefended",
            way.before.public_accuracy,
        )?;
        figures::put(
            &mut run,
            "turned.public.accuracy_hardened",
            way.after.public_accuracy,
        )?;
        for (leak, name) in [(&way.before, "undefended"), (&way.after, "hardened")] {
            let worst = &leak.leaks[0];
            figures::put(
                &mut run,
                &format!("turned.private.character.{name}.attack_max"),
                worst.attack_max,
            )?;
        }
    }
    figures::put(&mut run, "wall_s", wall)?;
    let times = phases.table("Time per part of the way, on this machine");
    let report = tell(&first, second.as_ref(), &served, wall, times);
    Ok(Outcome::measured(run, report, folder))
}

impl Demo {
    /// Ten classes and few rows: more passes and a stronger pull, where none are asked for.
    fn recipe(&self) -> Result<Recipe, Error> {
        let asked = &self.recipe;
        let stronger = (asked.loss == "mahalanobis").then_some(32.0);
        RecipeArgs {
            lambda: asked.lambda.or(stronger),
            harden_epochs: asked.harden_epochs.or(Some(48)),
            ..asked.clone()
        }
        .recipe(self.seed)
    }

    /// The rows of one direction.
    fn data(&self, [public, private]: [&str; 2]) -> DataArgs {
        DataArgs {
            data: super::data::DataName::Characters,
            public: Some(public.to_owned()),
            private: vec![private.to_owned()],
            rows: Some(self.rows),
            data_seed: self.seed,
            side: Some(self.side),
            alphabet: Letters::Digits,
            correlation: 0.0,
            labels: None,
            colour: false,
            keep: Vec::new(),
            without: Vec::new(),
        }
    }
}

fn tell(first: &Way, second: Option<&Way>, served: &Served, wall: f64, times: Table) -> Report {
    let leak = &first.after.leaks[0];
    let before = &first.before.leaks[0];
    let mut report = Report::new("A service that reads the character and not the font")
        .summary(
            "A network that reads characters was cut in two. Clients run the first part and send what comes out; the service \
             runs the second part and answers. Before, what was sent told the font as well; the network was then fine-tuned to \
             tell as little besides the answer as possible.",
        )
        .summary(format!(
            "The strongest attacker found the font for {:.1} % of the test rows before, for {:.1} % after; from the answer alone \
             it is found for {:.1} %, from the picture itself for {:.1} %.",
            100.0 * before.attack_max,
            100.0 * leak.attack_max,
            100.0 * leak.floor_hard,
            100.0 * leak.ceiling
        ));
    report = audit::key_figures(report, Some(&first.before), &first.after)
        .key_figure_with_note(
            "answers over TLS",
            Quantity::new(served.rows as f64, Unit::Plain),
            format!("{} differ from the network's own", served.different),
        )
        .key_figure_with_note(
            "wall time",
            Quantity::new(wall, Unit::Seconds),
            "everything on this page",
        )
        .section(page::overview(Some(&first.before), &first.after))
        .section(page::attackers(&first.after))
        .section(first.projection.clone());
    if let Some(section) = rebuild::section(Some(&first.before), &first.after) {
        report = report.section(section);
    }
    report = report
        .section(harden::course(&first.hardened))
        .section(cost(first, served, times));
    if let Some(way) = second {
        report = report.section(turned(way));
    }
    let public = &first.sets.test.public;
    report = report.section(page::groups(&first.after, public, &first.sets.test.private));
    page::limits(report)
        .limit("One seed, few rows and, unless --attackers says otherwise, attackers of little effort: a demonstration. Audit with --attackers full before you rely on anything.")
        .limit("The characters are drawn from two type faces. People write more variously.")
}

fn turned(way: &Way) -> Section {
    let section = page::overview(Some(&way.before), &way.after);
    let mut turned = Section::new("The other way round: the font is public, the character private")
        .text("Nothing is special about the character. The same characters and network with the labels exchanged; hardened more gently, for two classes are pulled together sooner than ten.");
    turned.blocks.extend(section.blocks);
    if let Some(section) = rebuild::section(Some(&way.before), &way.after) {
        turned.blocks.extend(section.blocks);
    }
    turned
}

fn cost(first: &Way, served: &Served, times: Table) -> Section {
    let seconds = |value| Quantity::new(value, Unit::Seconds).into();
    let table = page::costs(&page::Costs {
        tuning: first.hardened.cost.seconds,
        macs: first.cut.client_macs,
        parameters: first.cut.client_parameters,
        sent: served.bytes_per_row,
        raw: 4 * first.sets.test.size(),
        encode: served.encode,
    })
    .row([
        Cell::text("answer over TLS, middle"),
        seconds(served.middle),
    ])
    .row([
        Cell::text("answer over TLS, 99th of 100"),
        seconds(served.slowest),
    ]);
    Section::new("Cost").table(table).table(times)
}
