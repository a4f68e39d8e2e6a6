//! `tacit fe experiment`: accuracy against leak by number of outputs, before and after protection.

mod report;

use tacit_collateral::{Pair, Part, pair};
use tacit_report::Run;

use super::dataset::DataArgs;
use super::learning::{RecipeArgs, Watch};
use super::train::Effort;
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe experiment`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For every number of outputs and every seed: draw the images, train without and with protection, round to
integers, and let fresh attackers at both. Finished parts are kept in the run's folder: the same command with
the same --out goes on where it stopped. Figures of one number of outputs K have their plain names and kK. before
them; with several only the latter.

Examples:
  tacit fe experiment --outputs 4 --seeds 3 --out runs/k4
  tacit fe experiment --outputs 1-10 --seeds 3 --out runs/sizes --json -
  tacit fe experiment --outputs 2,4 --seeds 1 --effort quick --train 12000 --test 2000")]
pub struct Experiment {
    /// Numbers of outputs: 4, 1-10 or 2,4,8.
    #[arg(long, value_name = "K", default_value = "4")]
    pub outputs: Sizes,

    /// Seeds: every one draws its own images, weights and attackers.
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub seeds: u64,

    /// The images; --seed is the first seed.
    #[command(flatten)]
    pub data: DataArgs,

    /// The recipe.
    #[command(flatten)]
    pub recipe: RecipeArgs,

    /// How much attackers may spend.
    #[arg(long, value_enum, default_value = "full")]
    pub effort: Effort,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Numbers of outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes(Vec<usize>);

impl std::str::FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Sizes, String> {
        let number = |text: &str| {
            let parsed = text.trim().parse::<usize>().ok();
            parsed
                .filter(|k| (1..=256).contains(k))
                .ok_or_else(|| format!("{text:?} is not a number of outputs; use 1 to 256"))
        };
        let mut sizes = Vec::new();
        for piece in text.split(',') {
            match piece.split_once('-') {
                Some((low, high)) => sizes.extend(number(low)?..=number(high)?),
                None => sizes.push(number(piece)?),
            }
        }
        sizes.sort_unstable();
        sizes.dedup();
        match sizes.is_empty() {
            true => Err(format!("{text:?} holds no number; write 4, 1-10 or 2,4,8")),
            false => Ok(Sizes(sizes)),
        }
    }
}

/// All seeds of one number of outputs.
struct Row {
    outputs: usize,
    pairs: Vec<Pair>,
}

/// Runs the experiment.
pub fn run(args: &Experiment, console: &mut Console) -> Result<Outcome, Error> {
    let Some(suite) = args.effort.suite() else {
        return Err(Error::bad_input("--effort none leaves no attackers")
            .remedy("use --effort quick or --effort full"));
    };
    let folder = console.run_folder("fe-experiment", &args.measure)?;
    let cells = folder.path().join("cells");
    std::fs::create_dir_all(&cells).failed(|| "the folder for results could not be made")?;
    let sizes = &args.outputs.0;
    let mut rows: Vec<Row> = sizes
        .iter()
        .map(|&outputs| Row {
            outputs,
            pairs: Vec::new(),
        })
        .collect();
    let effort = format!("{:?}", args.effort).to_lowercase();
    let progress = console.progress();
    let phase = progress.phase("experiment", rows.len() as u64 * args.seeds);
    let mut name = String::new();
    let first = args.data.set.seed;
    for seed in first..first.saturating_add(args.seeds) {
        let mut data = args.data.clone();
        data.set.seed = seed;
        let set = data.load()?;
        set.require_private()?;
        let task = set.task()?;
        let [train, attacker, test] = [&task.train, &task.attacker, &task.test].map(Part::rows);
        name = set.name.clone();
        let conditions = format!("{name}, {train}+{attacker}+{test} rows, {effort} attackers");
        for row in &mut rows {
            let recipe = args.recipe.recipe(&set, Some(row.outputs), seed);
            recipe.check().bad_input(|| "the recipe cannot be used")?;
            let watched = format!("{} outputs, seed {seed}", row.outputs);
            let mut watch = Watch::new(watched, &progress);
            let doing = |doing| watch.doing(doing);
            let pair = pair(&task, &recipe, &suite, &conditions, &cells, doing)
                .bad_input(|| "the networks could not be trained and attacked")?;
            watch.end();
            row.pairs.push(pair);
            phase.inc();
        }
    }
    phase.finish();
    let table = report::table(&rows);
    console.table(&table)?;
    let failed = || "the record cannot be made";
    let mut run = Run::new("fe experiment", env!("CARGO_PKG_VERSION"), first).failed(failed)?;
    run.param("data", &name).failed(failed)?;
    run.param("outputs", &args.outputs.0).failed(failed)?;
    run.param("seeds", args.seeds).failed(failed)?;
    run.param("effort", &effort).failed(failed)?;
    for (name, value) in report::figures(&rows) {
        run.figure(&name, value).failed(failed)?;
    }
    Ok(Outcome::measured(run, report::page(&rows, &name), folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_outputs_are_lists_and_ranges() {
        let of = |text: &str| text.parse::<Sizes>().map(|sizes| sizes.0);
        assert_eq!(of("4"), Ok(vec![4]));
        assert_eq!(of("8, 1-3,2"), Ok(vec![1, 2, 3, 8]));
        for wrong in ["", "0", "x", "1-", "5-3", "1-1000"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
