//! `tacit split search`: every place where a network can be cut, what it costs a client and what it gives away.

use std::path::PathBuf;

use tacit_nn::layered::Cut;
use tacit_report::{
    Axis, Better, Cell, Column, Quantity, Report, Run, Scatter, Section, Table, Unit,
};
use tacit_split::harden::{Method, Outcome as Ended};
use tacit_split::search::{CutPoint, Ground, search};

use super::data::DataArgs;
use super::encoding::Encoding;
use super::judge::Spending;
use super::recipe::{self, RecipeArgs};
use super::{figures, harden, judge, model, page};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit split search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Hardens the network at every legal cut by the same recipe and lets the same attackers at each: what a client computes and
sends, the latency of its part, public accuracy, the best attacker. A cut between blocks never divides a residual edge.
With --loss undefended nothing is hardened: a first look in less time.

Examples:
  tacit split search --model model/model.safetensors --data characters --out search
  tacit split search --model model/model.safetensors --cuts 4,5 --loss center --harden-epochs 10
  tacit split search --model model/model.safetensors --loss undefended")]
pub struct Search {
    /// The deployed network.
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// These cuts only, by number or name, separated by commas.
    #[arg(long, value_name = "CUT,…", value_delimiter = ',')]
    pub cuts: Vec<String>,

    /// The rows.
    #[command(flatten)]
    pub data: DataArgs,

    /// How each cut is hardened.
    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// How much attackers may spend at each cut.
    #[arg(long, value_enum, default_value = "quick")]
    pub attackers: Spending,

    /// Of hardening and attackers.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Tries the cuts.
pub fn run(args: &Search, console: &mut Console) -> Result<Outcome, Error> {
    let network = model::load(&args.model)?;
    let encoding = Encoding::beside(&args.model)?;
    let recipe = args.recipe.recipe(args.seed)?;
    let named = args.cuts.iter().map(|name| harden::cut(&network, name));
    let cuts: Vec<Cut> = named.collect::<Result<_, _>>()?;
    let task = args.data.load_for(&encoding)?;
    let sets = args.data.sets(&task)?;
    let (train, watched) = harden::divided(&sets.model, &recipe)?;
    let [train_rows, watched] = [
        model::samples(&train, &train.public)?,
        model::samples(&watched, &watched.public)?,
    ];
    let known = harden::known(&train, &recipe)?;
    let subjects = judge::subjects(&sets)?;
    let private = judge::privates(&sets)?;
    let ground = Ground {
        train: &train_rows,
        validation: &watched,
        known: known.as_ref(),
        subjects: &subjects,
        private: &private,
    };
    let folder = console.run_folder("split-search", &args.measure)?;
    let after: Vec<usize> = cuts.iter().map(|cut| cut.after).collect();
    let count = match after.len() {
        0 => network.architecture().cuts().len(),
        some => some,
    };
    let effort = args.attackers.level();
    let progress = console.progress();
    let phase = progress.phase("cuts", count as u64);
    let mut begun = 0;
    let found = search(&network, &after, ground, &recipe, effort, |_| {
        if begun > 0 {
            phase.inc();
        }
        begun += 1;
    })
    .bad_input(|| "the cuts cannot be tried")?;
    phase.inc();
    phase.finish();
    let whole = model::accuracy(&network, &sets.test)?;
    console.table(&costs(&found))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("split search", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("data", &task.name).failed(failed)?;
    recipe::record(&mut run, &recipe)?;
    figures::put(&mut run, "public.accuracy_undefended", whole)?;
    for point in &found {
        record(&mut run, point)?;
    }
    let names: Vec<&str> = task.private.iter().map(|p| p.name.as_str()).collect();
    let how = match recipe.method {
        Method::Undefended => "not hardened".to_owned(),
        method => format!("each hardened by {}", method.name()),
    };
    let report = Report::new("Where to cut")
        .summary(format!(
            "{} cuts of a network for {}, {how}; private: {}.",
            found.len(),
            task.public.name,
            names.join(", ")
        ))
        .key_figure("public accuracy, whole network", page::fraction(whole))
        .section(
            Section::new("Accuracy against leak")
                .text(
                    "Each cut with the strongest attacker on the private labels. Up and to the left is better; the line joins the cuts \
                     that no other beats in both. The column \"on the front\" of the table counts the client's cost too.",
                )
                .plot(front(&found))
                .table(costs(&found)),
        )
        .limit("One seed and, unless --attackers says otherwise, attackers of little effort: enough to choose a cut, not to report a leak. Audit the cut you choose.")
        .limit("λ and noise were not tuned for each cut.");
    Ok(Outcome::measured(run, page::limits(report), folder))
}

fn front(found: &[CutPoint]) -> Scatter {
    let marks = found
        .iter()
        .map(|point| (point.cut.name.clone(), attack(point), point.public_accuracy));
    Scatter::new(
        "Cuts",
        Axis::new("best attacker", Unit::Fraction),
        Axis::new("public accuracy", Unit::Fraction),
    )
    .group("cuts", marks)
    .frontier(Better::Lower, Better::Higher)
}

/// The largest share found of any private label.
fn attack(point: &CutPoint) -> f64 {
    let shares = point.leaks.iter().map(|leak| leak.attack_max);
    shares.fold(0.0, f64::max)
}

fn costs(found: &[CutPoint]) -> Table {
    let columns = [
        Column::text("cut"),
        Column::text("sent"),
        Column::number("bytes"),
        Column::number("client multiply-adds"),
        Column::number("client parameters"),
        Column::number("client latency"),
        Column::number("public accuracy"),
        Column::number("best attacker"),
        Column::number("leak"),
        Column::text("on the front"),
    ];
    found
        .iter()
        .fold(Table::new("Cuts", columns), |table, point| {
            table.row([
                Cell::text(&point.cut.name),
                Cell::text(point.cut.shape.to_string()),
                Quantity::new(point.bytes_sent as f64, Unit::Bytes).into(),
                Quantity::count(point.cut.client_macs).into(),
                Quantity::count(point.cut.client_parameters).into(),
                Quantity::new(1e-3 * point.encode_ms, Unit::Seconds).into(),
                page::fraction(point.public_accuracy).into(),
                page::fraction(attack(point)).into(),
                Quantity::new(point.leak(), Unit::Plain).into(),
                Cell::text(match (point.on_front, point.outcome) {
                    (_, Ended::Collapsed(_)) => "collapsed",
                    (true, _) => "yes",
                    (false, _) => "no",
                }),
            ])
        })
}

fn record(run: &mut Run, point: &CutPoint) -> Result<(), Error> {
    let mut put = |figure: &str, value: f64| {
        let name = format!("cut.{}.{figure}", figures::part(&point.cut.name));
        figures::put(run, &name, value)
    };
    put("client_macs", point.cut.client_macs as f64)?;
    put("client_parameters", point.cut.client_parameters as f64)?;
    put("bytes_per_row", point.bytes_sent as f64)?;
    put("latency_ms", point.encode_ms)?;
    put("public_accuracy", point.public_accuracy)?;
    put("attack_max", attack(point))?;
    put("leak", point.leak())?;
    put("on_front", f64::from(u8::from(point.on_front)))
}
