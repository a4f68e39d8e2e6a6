//! `tacit run show`: a finished run's figures, beside another run's and against gates.

use std::path::{Path, PathBuf};

use tacit_report::{Cell, Column, Quantity, Run, Table, Unit};

use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit run show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit run show runs/demo-20261121-090000
  tacit run show runs/new --against runs/old
  tacit run show runs/new --require 'encrypted.accuracy>=0.95' --require 'wall_s<=30'
  tacit run show runs/new --json -")]
pub struct RunShow {
    /// A run folder, or a run.json in it.
    #[arg(value_name = "RUN")]
    pub path: PathBuf,

    /// Another run to compare with.
    #[arg(long, value_name = "RUN")]
    pub against: Option<PathBuf>,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Shows the run.
pub fn run(args: &RunShow, console: &mut Console) -> Result<Outcome, Error> {
    let run = read(&args.path)?;
    let base = args.against.as_deref().map(read).transpose()?;
    console.table(&table(&run, base.as_ref()))?;
    Ok(Outcome::recorded(run))
}

fn read(path: &Path) -> Result<Run, Error> {
    let file = if path.is_dir() {
        path.join("run.json")
    } else {
        path.to_path_buf()
    };
    Run::read(&file)
        .bad_input(|| format!("no run can be read from {}", file.display()))
        .map_err(|error| error.remedy("give a folder that a measuring command wrote"))
}

fn table(run: &Run, base: Option<&Run>) -> Table {
    let caption = format!(
        "tacit {}, version {}, seed {}",
        run.command(),
        run.version(),
        run.seed()
    );
    let plain = |value| Cell::from(Quantity::new(value, Unit::Plain));
    let Some(base) = base else {
        let columns = [Column::text("figure"), Column::number("value")];
        return run
            .figures()
            .iter()
            .fold(Table::new(caption, columns), |table, (name, value)| {
                table.row([Cell::text(name), plain(value)])
            });
    };
    let columns = [
        Column::text("figure"),
        Column::number("value"),
        Column::number("against"),
        Column::number("change"),
    ];
    let only_there = base
        .figures()
        .iter()
        .filter(|(name, _)| run.figures().get(name).is_none());
    let mut names: Vec<&str> = run
        .figures()
        .iter()
        .chain(only_there)
        .map(|(n, _)| n)
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .fold(Table::new(caption, columns), |table, name| {
            let (here, there) = (run.figures().get(name), base.figures().get(name));
            let change = here
                .zip(there)
                .filter(|(_, there)| *there != 0.0)
                .map(|(here, there)| Quantity::new((here - there) / there.abs(), Unit::Fraction));
            let cell = |value: Option<f64>| value.map_or(Cell::Missing, plain);
            table.row([Cell::text(name), cell(here), cell(there), change.into()])
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(figures: &[(&str, f64)]) -> Run {
        let mut run = Run::new("demo", "0.1.0", 1).unwrap();
        for (name, value) in figures {
            run.figure(name, *value).unwrap();
        }
        run
    }

    fn rows(table: &Table) -> Vec<String> {
        let row = |row: &Vec<Cell>| row.iter().map(ToString::to_string).collect::<Vec<_>>();
        table
            .rows
            .iter()
            .map(|cells| row(cells).join(" | "))
            .collect()
    }

    #[test]
    fn figures_of_both_runs_are_listed_and_the_change_is_relative() {
        let new = run(&[("wall_s", 11.0), ("encrypted.auc", 0.99)]);
        let old = run(&[("wall_s", 10.0), ("query.ok", 0.0)]);
        let expected = [
            "encrypted.auc | 0.99 | – | –",
            "query.ok | – | 0 | –",
            "wall_s | 11 | 10 | 10.0 %",
        ];
        assert_eq!(rows(&table(&new, Some(&old))), expected);
    }

    #[test]
    fn a_path_without_a_run_is_bad_input_with_a_remedy() {
        let empty = tempfile::tempdir().unwrap();
        let error = read(empty.path()).unwrap_err();
        assert_eq!(error.status(), crate::Status::BadInput);
        let text = error.to_string();
        assert!(
            text.contains("run.json") && text.contains("remedy:"),
            "{text}"
        );
    }
}
