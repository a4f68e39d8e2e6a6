//! The experiment's figures, table and page.

use std::collections::BTreeSet;

use tacit_collateral::Figures;

use tacit_report::{
    Axis, Better, Column, Lines, Quantity, Report, Scatter, Section, Table, Unit, mean_sd,
};

use super::Row;

/// Without or with protection.
#[derive(Clone, Copy)]
enum When {
    Before,
    After,
}

impl Row {
    fn figures(&self, when: When) -> impl Iterator<Item = &Figures> {
        self.pairs.iter().map(move |pair| match when {
            When::Before => &pair.before,
            When::After => &pair.after,
        })
    }

    /// Mean and standard deviation over seeds.
    fn mean(&self, when: When, value: impl Fn(&Figures) -> f64) -> (f64, f64) {
        let values: Vec<f64> = self.figures(when).map(value).collect();
        mean_sd(&values).unwrap_or((0.0, 0.0))
    }

    fn quantity(&self, when: When, value: impl Fn(&Figures) -> f64) -> Quantity {
        let (mean, sd) = self.mean(when, value);
        Quantity::new(mean, Unit::Fraction).plus_minus(sd)
    }

    fn base_rate(&self) -> f64 {
        self.mean(When::After, |f| f.base_rate).0
    }

    fn attackers(&self) -> BTreeSet<&String> {
        let both = self.figures(When::Before).chain(self.figures(When::After));
        both.flat_map(|f| f.attackers.keys()).collect()
    }
}

fn of_attacker(name: &str) -> impl Fn(&Figures) -> f64 {
    move |f| f.attackers.get(name).copied().unwrap_or(0.0)
}

fn best(figures: &Figures) -> f64 {
    figures.best().1
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
    for (when, name) in [(When::Before, "before"), (When::After, "after")] {
        let mut note = |what: String, (mean, sd): (f64, f64)| {
            figures.push((format!("{what}_{name}_mean"), mean));
            figures.push((format!("{what}_{name}_sd"), sd));
        };
        note("main.accuracy".into(), row.mean(when, |f| f.main));
        let floating = row.mean(when, |f| f.main_floating);
        note("main.accuracy_floating".into(), floating);
        note("font.best_attacker".into(), row.mean(when, best));
        for attacker in row.attackers() {
            let mean = row.mean(when, of_attacker(attacker));
            note(format!("font.{attacker}"), mean);
        }
        let together: BTreeSet<usize> = row
            .figures(when)
            .flat_map(|f| f.several.keys().copied())
            .collect();
        for rows in together {
            let mean = row.mean(when, |f| f.several.get(&rows).copied().unwrap_or(0.0));
            note(format!("font.together_{rows}"), mean);
        }
        note(
            "output_bits_proven".into(),
            row.mean(when, |f| f.bound_bits),
        );
    }
    figures.push(("font.base_rate".into(), row.base_rate()));
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
    let seeds = rows.first().map_or(0, |row| row.pairs.len());
    let caption = match seeds {
        1 => "Accuracy and leak by number of outputs, one seed".to_owned(),
        _ => format!("Accuracy and leak by number of outputs, mean over {seeds} seeds"),
    };
    rows.iter()
        .fold(Table::new(caption, columns), |table, row| {
            let cells = [
                Quantity::new(row.outputs as f64, Unit::Plain),
                row.quantity(When::Before, |f| f.main),
                row.quantity(When::After, |f| f.main),
                row.quantity(When::Before, best),
                row.quantity(When::After, best),
                Quantity::new(row.base_rate(), Unit::Fraction),
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
    row.attackers()
        .into_iter()
        .fold(Table::new(caption, columns), |table, name| {
            let of = |when| row.quantity(when, of_attacker(name));
            let name = tacit_report::Cell::text(name);
            table.row([name, of(When::Before).into(), of(When::After).into()])
        })
}

/// The strongest attacker on several images of one font.
fn several(rows: &[Row]) -> Table {
    let sizes: BTreeSet<usize> = rows
        .iter()
        .flat_map(|row| row.figures(When::After))
        .flat_map(|f| f.several.keys().copied())
        .collect();
    let columns = [Column::text("outputs")];
    let columns = columns.into_iter().chain(
        sizes
            .iter()
            .map(|m| Column::number(format!("{m} together"))),
    );
    let lines = rows
        .iter()
        .flat_map(|row| [(row, When::Before, "before"), (row, When::After, "after")]);
    lines.fold(
        Table::new("The strongest attacker on m images of one font", columns),
        |table, (row, when, name)| {
            let of = |m: &usize| row.quantity(when, |f| f.several.get(m).copied().unwrap_or(0.0));
            let label = tacit_report::Cell::text(format!("{}, {name}", row.outputs));
            let cells = sizes.iter().map(|m| of(m).into());
            table.row(std::iter::once(label).chain(cells))
        },
    )
}

pub(super) fn page(rows: &[Row], data: &str) -> Report {
    let fraction = |label: &str| Axis::new(label, Unit::Fraction);
    let series = |when, value: fn(&Figures) -> f64| -> Vec<_> {
        rows.iter()
            .map(|row| {
                let (mean, sd) = row.mean(when, value);
                (row.outputs as f64, mean, mean - sd, mean + sd)
            })
            .collect()
    };
    let base = rows.first().map_or(0.0, Row::base_rate);
    let sizes = Lines::new(
        "Accuracy and leak by number of outputs",
        Axis::count("outputs"),
        fraction("accuracy"),
    )
    .series_with_band("main task, before", series(When::Before, |f| f.main))
    .series_with_band("main task, after", series(When::After, |f| f.main))
    .series_with_band("best attacker, before", series(When::Before, best))
    .series_with_band("best attacker, after", series(When::After, best))
    .guide("most frequent font", base)
    .caption("Bands: one standard deviation over seeds.");
    let marks = |when| -> Vec<(String, f64, f64)> {
        rows.iter()
            .map(|row| {
                let label = format!("K = {}", row.outputs);
                (label, row.mean(when, best).0, row.mean(when, |f| f.main).0)
            })
            .collect()
    };
    let trade = Scatter::new(
        "What protection costs",
        fraction("best attacker on the font"),
        fraction("main accuracy"),
    )
    .group("before", marks(When::Before))
    .group("after", marks(When::After))
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
        .section(
            Section::new("Several images of one font")
                .text(
                    "An attacker who knows that images share the font adds up what each gives away: a small advantage \
                     on one image grows with their number.",
                )
                .table(several(rows)),
        )
        .limit("The defence is empirical: it holds against these attackers with their budget, on images like these.")
        .limit("Images that are known to share a private label give more away together; see the figures `together`.")
}
