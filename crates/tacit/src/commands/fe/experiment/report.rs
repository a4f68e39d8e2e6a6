//! The experiment's figures, table and page.

use std::collections::BTreeSet;

use tacit_report::{
    Axis, Better, Column, Lines, Quantity, Report, Scatter, Section, Table, Unit, mean_sd,
};

use super::{Cell, Row};

fn mean(cells: &[Cell], value: impl Fn(&Cell) -> f64) -> (f64, f64) {
    let values: Vec<f64> = cells.iter().map(value).collect();
    mean_sd(&values).unwrap_or((0.0, 0.0))
}

/// Every figure; those of a single number of outputs without its prefix too.
pub(super) fn figures(rows: &[Row]) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    for row in rows {
        let own = of_row(row);
        if rows.len() == 1 {
            figures.extend(own.iter().cloned());
        }
        let prefix = format!("k{}", row.outputs);
        figures.extend(own.into_iter().map(|(n, v)| (format!("{prefix}.{n}"), v)));
    }
    figures
}

fn of_row(row: &Row) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    for (when, cells) in [("before", &row.before), ("after", &row.after)] {
        let mut note = |name: String, (mean, sd): (f64, f64)| {
            figures.push((format!("{name}_{when}_mean"), mean));
            figures.push((format!("{name}_{when}_sd"), sd));
        };
        note("main.accuracy".into(), mean(cells, |c| c.accuracy));
        note("font.best_attacker".into(), mean(cells, |c| c.best));
        let attackers: BTreeSet<&String> = cells.iter().flat_map(|c| c.attacks.keys()).collect();
        for attacker in attackers {
            let of = |c: &Cell| c.attacks.get(attacker).copied().unwrap_or(0.0);
            note(format!("font.{attacker}"), mean(cells, of));
        }
        for (at, (together, _)) in cells[0].together.iter().enumerate() {
            let of = |c: &Cell| c.together.get(at).map_or(0.0, |t| t.1);
            note(format!("font.together_{together}"), mean(cells, of));
        }
        note("train_s".into(), mean(cells, |c| c.train_s));
        note("attack_s".into(), mean(cells, |c| c.attack_s));
        note("output_bits_proven".into(), mean(cells, |c| c.output_bits));
    }
    let base = mean(&row.after, |c| c.base_rate).0;
    figures.push(("font.base_rate".into(), base));
    figures
}

pub(super) fn table(rows: &[Row]) -> Table {
    let columns = [
        Column::number("outputs"),
        Column::number("main, before"),
        Column::number("main, after"),
        Column::number("best attacker, before"),
        Column::number("best attacker, after"),
        Column::number("base rate"),
    ];
    let seeds = rows.first().map_or(0, |row| row.after.len());
    let caption = format!("Accuracy and leak by number of outputs, mean over {seeds} seeds");
    rows.iter()
        .fold(Table::new(caption, columns), |table, row| {
            let spread = |cells: &[Cell], value: fn(&Cell) -> f64| {
                let (mean, sd) = mean(cells, value);
                Quantity::new(mean, Unit::Fraction).plus_minus(sd)
            };
            let cells = [
                Quantity::new(row.outputs as f64, Unit::Plain),
                spread(&row.before, |c| c.accuracy),
                spread(&row.after, |c| c.accuracy),
                spread(&row.before, |c| c.best),
                spread(&row.after, |c| c.best),
                Quantity::new(mean(&row.after, |c| c.base_rate).0, Unit::Fraction),
            ];
            table.row(cells.map(Into::into))
        })
}

/// Every attacker's mean, before and after.
fn attackers(row: &Row) -> Table {
    let columns = [
        Column::text("attacker"),
        Column::number("before"),
        Column::number("after"),
    ];
    let caption = format!("Attackers on {} outputs", row.outputs);
    let names: BTreeSet<&String> = row.after.iter().flat_map(|c| c.attacks.keys()).collect();
    names
        .into_iter()
        .fold(Table::new(caption, columns), |table, name| {
            let of = |cells: &[Cell]| {
                let (mean, sd) = mean(cells, |c| c.attacks.get(name).copied().unwrap_or(0.0));
                Quantity::new(mean, Unit::Fraction).plus_minus(sd)
            };
            let cells = [of(&row.before), of(&row.after)].map(Into::into);
            let [before, after] = cells;
            table.row([tacit_report::Cell::text(name), before, after])
        })
}

pub(super) fn page(rows: &[Row], data: &str) -> Report {
    let fraction = |label: &str| Axis::new(label, Unit::Fraction);
    let series = |of: fn(&Row) -> &Vec<Cell>, value: fn(&Cell) -> f64| -> Vec<_> {
        rows.iter()
            .map(|row| {
                let (mean, sd) = mean(of(row), value);
                (row.outputs as f64, mean, mean - sd, mean + sd)
            })
            .collect()
    };
    let before: fn(&Row) -> &Vec<Cell> = |row| &row.before;
    let after: fn(&Row) -> &Vec<Cell> = |row| &row.after;
    let base = mean(&rows[0].after, |c| c.base_rate).0;
    let sizes = Lines::new(
        "Accuracy and leak by number of outputs",
        Axis::count("outputs"),
        fraction("accuracy"),
    )
    .series_with_band("main task, before", series(before, |c| c.accuracy))
    .series_with_band("main task, after", series(after, |c| c.accuracy))
    .series_with_band("best attacker, before", series(before, |c| c.best))
    .series_with_band("best attacker, after", series(after, |c| c.best))
    .guide("most frequent font", base)
    .caption("Bands: one standard deviation over seeds.");
    let marks = |of: fn(&Row) -> &Vec<Cell>| -> Vec<(String, f64, f64)> {
        rows.iter()
            .map(|row| {
                let cells = of(row);
                let label = format!("K = {}", row.outputs);
                (
                    label,
                    mean(cells, |c| c.best).0,
                    mean(cells, |c| c.accuracy).0,
                )
            })
            .collect()
    };
    let trade = Scatter::new(
        "What protection costs",
        fraction("best attacker on the font"),
        fraction("main accuracy"),
    )
    .group("before", marks(before))
    .group("after", marks(after))
    .frontier(Better::Lower, Better::Higher);
    let mut section = Section::new("Attackers");
    for row in rows {
        section = section.table(attackers(row));
    }
    Report::new("Accuracy against leak")
        .summary(format!(
            "On {data}: quadratic networks whose K outputs a server may see, trained without and with protection of the \
             private label, rounded to integers, then attacked by fresh attackers of all families. The best of them counts."
        ))
        .section(
            Section::new("By number of outputs")
                .plot(sizes)
                .plot(trade)
                .table(table(rows)),
        )
        .section(section)
        .limit("The defence is empirical: it holds against these attackers with their budget, on images like these.")
        .limit("Images that are known to share a private label give more away together; see the figures `together`.")
}
