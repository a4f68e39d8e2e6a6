//! `tacit fe attack`: what the outputs of a model say about the private label, with floors.

use std::path::PathBuf;

use tacit_audit::{AttackReport, AttackSuite, VotePoint};
use tacit_collateral::{Leak, study::GROUPS};
use tacit_report::{Axis, Bars, Cell, Column, Lines, Quantity, Report, Run, Section, Table, Unit};

use super::dataset::DataArgs;
use super::learning::Watch;
use super::{files, train::Effort};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe attack`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Attackers of many families learn the private label from the model's integer outputs of rows the model was not
trained on, choose their settings on others, and are judged on the test images. The figure that counts is the
maximum. Floors beside it: the most frequent label, and attackers who know only the public label; with
--ceiling, attackers who have the images themselves. Last, what several images of one hand give away together.
Give --train (and --seed) as in the training, or the attackers get rows that the network has seen.

Examples:
  tacit fe attack --model trained/int-model.json --data characters
  tacit fe attack --model trained/int-model.json --data characters --effort quick --ceiling
  tacit fe attack --model int-model.json --alphabet lower --require 'private.attack_max<=0.59'")]
pub struct Attack {
    /// The integer model (safetensors or JSON).
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// The images.
    #[command(flatten)]
    pub data: DataArgs,

    /// How much attackers may spend.
    #[arg(long, value_enum, default_value = "full")]
    pub effort: Effort,

    /// Attack the images themselves too.
    #[arg(long)]
    pub ceiling: bool,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Attacks the outputs.
pub fn run(args: &Attack, console: &mut Console) -> Result<Outcome, Error> {
    let model = files::model(&args.model)?;
    let Some(suite) = args.effort.suite() else {
        return Err(Error::bad_input("--effort none leaves no attackers")
            .remedy("use --effort quick or --effort full"));
    };
    let set = args.data.load()?;
    set.require_private()?;
    let task = set.task()?;
    let folder = console.run_folder("fe-attack", &args.measure)?;
    let seed = args.data.set.seed;
    let progress = console.progress();
    let failed = || "the attackers cannot work";
    let watched = |name| Watch::new(name, &progress);
    let mut watch = watched("");
    let leak = Leak::measure(&task, &model, &suite, seed, |s| watch.attacking(s));
    let leak = leak.bad_input(failed)?;
    watch.end();
    let mut watch = watched("floor");
    let floor = Leak::floor(&task, &AttackSuite::quick(), seed, |s| watch.attacking(s));
    let floor = floor.bad_input(failed)?.best();
    watch.end();
    let mut watch = watched("ceiling");
    let ceiling = match args.ceiling {
        true => Some(Leak::ceiling(&task, &suite, seed, |s| watch.attacking(s)).bad_input(failed)?),
        false => None,
    };
    watch.end();
    let several = leak.several(&GROUPS).bad_input(failed)?;
    let found = leak.report;
    let best = found.best();

    let failed = || "the record cannot be made";
    let mut run = Run::new("fe attack", env!("CARGO_PKG_VERSION"), seed).failed(failed)?;
    run.param("data", &set.name).failed(failed)?;
    run.param("model", model.hash().to_string())
        .failed(failed)?;
    let mut figures = vec![
        ("private.attack_max".to_owned(), best.accuracy),
        (
            "private.attack_chosen_on_validation".to_owned(),
            found.chosen_on_validation().accuracy,
        ),
        ("private.base_rate".to_owned(), found.base_rate),
        ("private.floor".to_owned(), floor),
    ];
    figures.extend(
        found
            .attacks
            .iter()
            .map(|attack| (format!("private.{}", attack.name), attack.accuracy)),
    );
    let best_ceiling = ceiling.as_ref().map(Leak::best);
    if let Some(ceiling) = best_ceiling {
        figures.push(("private.ceiling".to_owned(), ceiling));
        if ceiling - floor >= 0.1 {
            let leak = (best.accuracy - floor) / (ceiling - floor);
            figures.push(("private.leak_normalised".to_owned(), leak));
        }
    }
    for point in &several {
        figures.push((format!("private.together_{}", point.rows), point.soft));
    }
    for (name, value) in &figures {
        run.figure(name, *value).failed(failed)?;
    }
    let table = table(&found);
    console.table(&table)?;
    let columns = ["images", "accuracy"].map(Column::number);
    let together_table = several.iter().fold(
        Table::new("The best attacker on several images of one label", columns),
        |table, point| {
            let rows = Quantity::new(point.rows as f64, Unit::Plain);
            table.row([
                rows.into(),
                Quantity::new(point.soft, Unit::Fraction).into(),
            ])
        },
    );
    console.table(&together_table)?;
    console.say(&format!(
        "best attacker: {} with {:.2} %; base rate {:.2} %, from the public label alone {:.2} %",
        best.name,
        100.0 * best.accuracy,
        100.0 * found.base_rate,
        100.0 * floor
    ))?;
    let mut bars = Bars::new("Accuracy on the private label", "attacker", Unit::Fraction);
    for attack in &found.attacks {
        bars = bars.bar(attack.name, attack.accuracy);
    }
    let report = Report::new("What the outputs give away")
        .summary(format!(
            "{} attackers looked at {} numbers of each image of {} for its private label; the best of them found it \
             for {:.1} % of {} test images. The most frequent label alone gets {:.1} %.",
            found.attacks.len(),
            model.outputs(),
            set.name,
            100.0 * best.accuracy,
            found.test_rows,
            100.0 * found.base_rate
        ))
        .key_figure_with_note(
            "best attacker",
            Quantity::new(best.accuracy, Unit::Fraction),
            best.name,
        )
        .key_figure("from the public label alone", Quantity::new(floor, Unit::Fraction))
        .section(Section::new("Attackers").plot(bars).table(table))
        .section(together(&several))
        .limit("Another attacker may do better: these families, with their budget, on images like these.")
        .limit("What an output says about other properties of an image was not tested.");
    Ok(Outcome::measured(run, report, folder))
}

/// The attackers' results.
pub fn table(report: &AttackReport) -> Table {
    let fraction = |value| Cell::from(Quantity::new(value, Unit::Fraction));
    let columns = [
        Column::text("attacker"),
        Column::number("accuracy"),
        Column::number("at least"),
        Column::number("at most"),
        Column::text("settings"),
    ];
    let caption = format!(
        "Attackers on {} test images; base rate {:.1} %",
        report.test_rows,
        100.0 * report.base_rate
    );
    report
        .attacks
        .iter()
        .fold(Table::new(caption, columns), |table, attack| {
            table.row([
                Cell::text(attack.name),
                fraction(attack.accuracy),
                fraction(attack.interval.0),
                fraction(attack.interval.1),
                Cell::text(&attack.settings),
            ])
        })
}

/// What several images of one hand give away together.
pub fn together(points: &[VotePoint]) -> Section {
    let section = Section::new("Several images that share the private label");
    if points.is_empty() {
        return section.text("There are too few test images to put several together.");
    }
    let of = |value: fn(&VotePoint) -> f64| -> Vec<(f64, f64)> {
        points.iter().map(|p| (p.rows as f64, value(p))).collect()
    };
    section
        .text(
            "An attacker who knows that images share the label adds up what each gives away: a small advantage on \
             one image grows with their number.",
        )
        .plot(
            Lines::new(
                "Accuracy by number of images",
                Axis::count("images together").log(),
                Axis::new("accuracy", Unit::Fraction),
            )
            .series("probabilities added up", of(|p| p.soft))
            .series("majority", of(|p| p.hard)),
        )
}
