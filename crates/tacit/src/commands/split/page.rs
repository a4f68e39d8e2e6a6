//! What people read of an audit: one page of plots, tables and limits.

use tacit_audit::features::{GroupBy, LeakReport, Metric, Repeats};
use tacit_data::tasks::Labels;
use tacit_report::{
    Axis, Bar, Bars, Better, Cell, Column, Lines, Quantity, Report, Scatter, Section, Table, Unit,
};

use super::judge::{Bench, Judged};

/// A share.
pub fn fraction(value: f64) -> Quantity {
    Quantity::new(value, Unit::Fraction)
}

/// Each private label with its floor and ceiling, before and after.
pub fn overview(before: Option<&Judged>, after: &Judged) -> Section {
    let bar = |leak: &LeakReport, name: &str| Bar {
        label: format!("{}, {name}", leak.private),
        values: vec![leak.attack_max],
        spread: None,
        floor: Some(leak.floor_hard),
        ceiling: Some(leak.ceiling),
    };
    let mut bars = Bars::new(
        "The best attacker on each private label",
        "share found",
        Unit::Fraction,
    )
    .bounds(
        "floor: from the public answer alone",
        "ceiling: from the input itself",
    );
    for (at, leak) in after.leaks.iter().enumerate() {
        if let Some(before) = before {
            bars = bars.push(bar(&before.leaks[at], "undefended"));
        }
        bars = bars.push(bar(leak, "hardened"));
    }
    let front = before.map(|before| front(before, after));
    let mut section = Section::new("What features tell about private labels")
        .text(
            "The strongest of all attackers counts. The floor is what the public answer gives away; no encoder can go \
             below it. The ceiling is what the input itself gives away.",
        )
        .plot(bars);
    for plot in front.into_iter().flatten() {
        section = section.plot(plot);
    }
    section = section.table(scales(before, after));
    for leak in &after.leaks {
        if let Some(reason) = &leak.unscored {
            section = section.warning(format!("{}: {reason}.", leak.private));
        }
    }
    section
}

/// Public accuracy against what is found of each private label: what hardening took and what it cost.
fn front(before: &Judged, after: &Judged) -> Vec<Scatter> {
    let labels = before.leaks.iter().zip(&after.leaks);
    let plot = |(bare, kept): (&LeakReport, &LeakReport)| {
        let marks = [
            ("undefended", bare.attack_max, before.public_accuracy),
            ("hardened", kept.attack_max, after.public_accuracy),
            ("the answer alone", kept.floor_hard, after.public_accuracy),
        ];
        Scatter::new(
            format!("Public accuracy against leak: {}", kept.private),
            Axis::new("share found", Unit::Fraction),
            Axis::new("public accuracy", Unit::Fraction),
        )
        .caption("Up and to the left is better; the line joins what no other beats in both. \"The answer alone\" is where an encoder would be that tells nothing else.")
        .group("features", marks)
        .frontier(Better::Lower, Better::Higher)
    };
    labels.map(plot).collect()
}

/// What was paid once, and what a client pays for a row.
pub struct Costs {
    /// Seconds of the fine-tuning.
    pub tuning: f64,
    /// Multiply-adds of the encoder.
    pub macs: u64,
    /// Its trained numbers.
    pub parameters: u64,
    /// Bytes of the features.
    pub sent: usize,
    /// Bytes of the input.
    pub raw: usize,
    /// Seconds of encoding.
    pub encode: f64,
}

/// Those as a table; more rows may follow.
pub fn costs(costs: &Costs) -> Table {
    let columns = [Column::text("what"), Column::number("cost")];
    let seconds = |value| Quantity::new(value, Unit::Seconds).into();
    let bytes = |value: usize| Quantity::new(value as f64, Unit::Bytes).into();
    let rows: [(&str, Cell); 6] = [
        ("fine-tuning the deployed network", seconds(costs.tuning)),
        (
            "multiply-adds of a client, per row",
            Quantity::count(costs.macs).into(),
        ),
        (
            "parameters of the encoder",
            Quantity::count(costs.parameters).into(),
        ),
        ("features of a row", bytes(costs.sent)),
        (
            "the input itself, as it would be sent instead",
            bytes(costs.raw),
        ),
        ("encoding a row at the client", seconds(costs.encode)),
    ];
    let table = Table::new("Cost", columns);
    rows.into_iter().fold(table, |table, (what, cost)| {
        table.row([Cell::text(what), cost])
    })
}

/// Floors, ceilings and leaks in a table.
pub fn scales(before: Option<&Judged>, after: &Judged) -> Table {
    let columns = [
        Column::text("private label"),
        Column::text("features"),
        Column::number("base rate"),
        Column::number("floor"),
        Column::number("floor, all outputs"),
        Column::number("best attacker"),
        Column::number("ceiling"),
        Column::number("leak"),
        Column::text("strongest"),
        Column::text("share"),
    ];
    let row = |table: Table, name: &str, leak: &LeakReport| {
        table.row([
            Cell::text(&leak.private),
            Cell::text(name),
            fraction(leak.base_rate).into(),
            fraction(leak.floor_hard).into(),
            fraction(leak.floor_full).into(),
            fraction(leak.attack_max).into(),
            fraction(leak.ceiling).into(),
            match leak.leak_normalised {
                Some(leak) => Quantity::new(leak, Unit::Plain).into(),
                None => Cell::Missing,
            },
            Cell::text(&leak.strongest),
            Cell::text(match leak.metric {
                Metric::Accuracy => "of rows",
                Metric::BalancedAccuracy => "mean over classes",
            }),
        ])
    };
    let mut table = Table::new(
        "leak = (best attacker − floor) / (ceiling − floor)",
        columns,
    );
    for (at, leak) in after.leaks.iter().enumerate() {
        if let Some(before) = before {
            table = row(table, "undefended", &before.leaks[at]);
        }
        table = row(table, "hardened", leak);
    }
    table
}

/// Every attacker on the hardened features.
pub fn attackers(after: &Judged) -> Section {
    let mut section = Section::new("Attackers on the hardened features");
    for leak in &after.leaks {
        let mut bars = Bars::new(
            format!("Attackers on {}", leak.private),
            "share found",
            Unit::Fraction,
        )
        .bounds(
            "floor: from the public answer alone",
            "ceiling: from the input itself",
        );
        for attack in &leak.attacks {
            bars = bars.push(Bar {
                label: attack.name(),
                values: vec![attack.of(leak.metric)],
                spread: None,
                floor: Some(leak.floor_hard),
                ceiling: Some(leak.ceiling),
            });
        }
        section = section.plot(bars).table(lines(leak));
        section = section.text(match leak.repeats {
            Repeats::Same => {
                "Asking again for the same input gives the same features: there is nothing to average.".to_owned()
            }
            Repeats::Averaged(times) => format!(
                "Noise is drawn anew for every query: attackers averaged {times} of them."
            ),
        });
        for note in &leak.notes {
            section = section.text(note.clone());
        }
        if leak.curve.len() > 1 {
            let points = leak.curve.iter();
            section = section.plot(
                Lines::new(
                    format!("{}: what more labels buy", leak.private),
                    Axis::count("private labels the attacker has").log(),
                    Axis::new("accuracy", Unit::Fraction),
                )
                .series(
                    "strongest attack",
                    points.map(|p| (p.labels as f64, p.accuracy)),
                )
                .guide("floor", leak.accuracy.floor_hard),
            );
        }
    }
    section
}

fn lines(leak: &LeakReport) -> Table {
    let columns = [
        Column::text("sees"),
        Column::text("attacker"),
        Column::number("accuracy"),
        Column::number("at least"),
        Column::number("at most"),
        Column::number("mean over classes"),
        Column::text("settings"),
    ];
    let caption = format!("{} test rows; intervals of 95 %", leak.test_rows);
    leak.attacks
        .iter()
        .fold(Table::new(caption, columns), |table, attack| {
            table.row([
                Cell::text(attack.view),
                Cell::text(attack.family),
                fraction(attack.accuracy).into(),
                fraction(attack.interval.0).into(),
                fraction(attack.interval.1).into(),
                fraction(attack.balanced_accuracy).into(),
                Cell::text(&attack.settings),
            ])
        })
}

/// Groups of rows: whom it protects less, whom it serves worse.
pub fn groups(after: &Judged, public: &Labels, private: &[Labels]) -> Section {
    let mut section = Section::new("By group")
        .text("Protection and accuracy are means; here are the groups they are means of.");
    for (leak, label) in after.leaks.iter().zip(private) {
        let columns = [
            Column::text("group"),
            Column::number("rows"),
            Column::number("public accuracy"),
            Column::number(format!("{} found", leak.private)),
            Column::number("floor"),
        ];
        let table = leak.groups.iter().fold(
            Table::new(format!("Groups, attacker on {}", leak.private), columns),
            |table, group| {
                let of = match group.by {
                    GroupBy::Public => public,
                    GroupBy::Private => label,
                };
                let class = of.classes.get(group.class).map_or("?", String::as_str);
                table.row([
                    Cell::text(format!("{} = {class}", of.name)),
                    Quantity::count(group.rows as u64).into(),
                    fraction(group.public_accuracy).into(),
                    fraction(group.attack).into(),
                    fraction(group.floor).into(),
                ])
            },
        );
        section = section.table(table);
    }
    section
}

/// Test rows in the plane, coloured by the first private label.
pub fn projection(bench: &Bench, before: Option<&Judged>, after: &Judged) -> Section {
    let label = &bench.labels()[0];
    let cloud = |title: &str, judged: &Judged| {
        let axis = |name: &str| Axis::new(name, Unit::Plain);
        let mut plot =
            Scatter::new(title, axis("first component"), axis("second component")).cloud();
        for (class, name) in label.classes.iter().enumerate() {
            let points = judged.plane.iter().zip(bench.shown(0));
            let of_class = points.filter(|&(_, &c)| c == class);
            let marks: Vec<(&str, f64, f64)> = of_class.map(|(p, _)| ("", p[0], p[1])).collect();
            if !marks.is_empty() {
                plot = plot.group(name.as_str(), marks);
            }
        }
        plot
    };
    let mut section = Section::new("Features in the plane").text(format!(
        "Features of test rows as they are sent, in the two directions in which they vary most, coloured by {}. What is \
         mixed here need not be mixed in all directions: the attackers say that.",
        label.name
    ));
    if let Some(before) = before {
        section = section.plot(cloud("Undefended", before));
    }
    section.plot(cloud("Hardened", after))
}

/// What holds for every audit.
pub fn limits(report: Report) -> Report {
    report
        .limit("The defence is empirical: nothing is proven. Another attacker, or one with more rows, may do better than these.")
        .limit("Only the private labels named here were attacked. No features that keep a task can hide every attribute (Stadler and others, ICML 2024); what they say about others was not measured.")
        .limit("The attackers hold the encoder and have rows with private labels from the same source. They do not hold the client's secret.")
        .limit("Noise bound to the input shows when the same input is sent again, and rows of one person that are known to belong together can be put together.")
        .limit("The head sees features and answers. Who asks, when and how often is not hidden.")
}
