//! The page of a study: the table, attackers between floor and ceiling, the front.

use std::collections::BTreeMap;

use tacit_report::{
    Axis, Bar, Bars, Better, Cell, Column, Quantity, Report, Scatter, Section, Table, Unit,
};
use tacit_split::evaluate::{Estimate, Group, Leak, Line, Purpose};

use super::{Evaluate, Study};

/// Attackers drawn for each candidate: the strongest.
const DRAWN: usize = 8;

/// A mean with half of its interval, where there is one.
fn share(estimate: &Estimate) -> Quantity {
    quantity(estimate, Unit::Fraction)
}

fn quantity(estimate: &Estimate, unit: Unit) -> Quantity {
    let mean = Quantity::new(estimate.mean, unit);
    match estimate.half_width {
        Some(half) => mean.plus_minus(half),
        None => mean,
    }
}

/// The whole page.
pub(super) fn tell(args: &Evaluate, study: &Study) -> Report {
    let mut report = Report::new("Methods against each other").summary(summary(args, study));
    for private in &study.plan.reported {
        report = best(report, study, private)
            .section(overview(study, private))
            .section(attackers(study, private))
            .section(groups(study, private));
    }
    report
}

pub(super) fn summary(args: &Evaluate, study: &Study) -> String {
    let plan = &study.plan;
    format!(
        "{} candidates, {} runs each, on {} (cut after block {} of {}); private: {}. A strength was chosen on {} other \
         runs: the one that costs {:.1} points of public accuracy at most and {}. Means over runs, ± half of Student's \
         95 % interval.",
        plan.candidates.len(),
        plan.seeds.len(),
        format!("{:?}", args.network.model).to_lowercase(),
        plan.cut,
        plan.architecture.blocks.len(),
        plan.reported.join(", "),
        plan.tuning_seeds.len(),
        100.0 * plan.public_loss,
        match &plan.tuning {
            Some(label) => format!("leaks least about {label}"),
            None => "is the strongest".to_owned(),
        }
    )
}

/// The defence with the least leak among those within the budget of public accuracy.
fn best(report: Report, study: &Study, private: &str) -> Report {
    let within = |l: &&Line| l.public_loss.mean <= study.plan.public_loss && l.collapsed == 0;
    let lines = study.of(private).filter(within);
    match lines.min_by(|a, b| leak(a).total_cmp(&leak(b))) {
        None => report,
        Some(line) => report.key_figure_with_note(
            match line.leak_normalised {
                Some(_) => format!("least leak of {private}"),
                None => format!("least found of {private}"),
            },
            match &line.leak_normalised {
                Some(estimate) => quantity(estimate, Unit::Plain),
                None => share(&line.attack_max),
            },
            format!(
                "{}, public accuracy {:.1} %, {:.1} % before",
                line.candidate,
                100.0 * line.public_after.mean,
                100.0 * line.public_before.mean
            ),
        ),
    }
}

/// What candidates are compared by: the normalised leak, or the share above the floor.
fn leak(line: &Line) -> f64 {
    match &line.leak_normalised {
        Some(leak) => leak.mean,
        None => line.attack_max.mean - line.floor_hard.mean,
    }
}

fn overview(study: &Study, private: &str) -> Section {
    let mut bars = Bars::new(
        format!("The best attacker on {private}"),
        "share found",
        Unit::Fraction,
    )
    .bounds(
        "floor: from the public answer alone",
        "ceiling: from the input itself",
    );
    for line in study.of(private) {
        bars = bars.push(Bar {
            label: line.candidate.clone(),
            values: vec![line.attack_max.mean],
            spread: line.attack_max.half_width,
            floor: Some(line.floor_hard.mean),
            ceiling: Some(line.ceiling.mean),
        });
    }
    let mut section = Section::new(format!("What features tell about {private}"))
        .text("The largest share over all attackers counts, seed by seed.")
        .plot(bars)
        .plot(front(study, private))
        .table(lines(study, private));
    let reasons = study.of(private).filter_map(|l| l.unscored.as_ref());
    if let Some(reason) = reasons.into_iter().next() {
        section = section.warning(format!(
            "{private}: the normalised leak is withheld for some candidates: {reason}."
        ));
    }
    for line in study.of(private).filter(|l| l.collapsed > 0) {
        section = section.warning(format!(
            "{}: the public task was lost in {} of {} runs.",
            line.candidate,
            line.collapsed,
            study.plan.seeds.len()
        ));
    }
    section
}

/// Public accuracy against leak: the normalised one where every candidate has it.
fn front(study: &Study, private: &str) -> Scatter {
    let scored = study.of(private).all(|l| l.leak_normalised.is_some());
    let (name, unit) = match scored {
        true => ("normalised leak", Unit::Plain),
        false => ("best attacker", Unit::Fraction),
    };
    let marks = study.of(private).map(|line| {
        let leak = match &line.leak_normalised {
            Some(leak) if scored => leak.mean,
            _ => line.attack_max.mean,
        };
        (line.candidate.clone(), leak, line.public_after.mean)
    });
    Scatter::new(
        format!("Public accuracy against what is found of {private}"),
        Axis::new(name, unit),
        Axis::new("public accuracy", Unit::Fraction),
    )
    .caption(
        "Up and to the left is better; the line joins the candidates that no other beats in both.",
    )
    .group("candidates", marks)
    .frontier(Better::Lower, Better::Higher)
}

/// The table of one private label.
pub(super) fn lines(study: &Study, private: &str) -> Table {
    let columns = [
        Column::text("candidate"),
        Column::text("chosen"),
        Column::number("public before"),
        Column::number("public after"),
        Column::number("floor"),
        Column::number("floor, all outputs"),
        Column::number("best attacker"),
        Column::number("ceiling"),
        Column::number("leak"),
        Column::number("hardening"),
        Column::text("knows private labels"),
    ];
    let caption = format!("{private}: leak = (best attacker − floor) / (ceiling − floor)");
    study
        .of(private)
        .fold(Table::new(caption, columns), |table, line| {
            let candidate = study.plan.candidates.iter();
            let mut candidate = candidate.filter(|c| c.name == line.candidate);
            let strengths = candidate.next().map_or(1, |c| c.recipes.len());
            table.row([
                Cell::text(&line.candidate),
                Cell::text(format!("{} of {strengths}", line.strength + 1)),
                share(&line.public_before).into(),
                share(&line.public_after).into(),
                share(&line.floor_hard).into(),
                share(&line.floor_full).into(),
                share(&line.attack_max).into(),
                share(&line.ceiling).into(),
                line.leak_normalised
                    .as_ref()
                    .map(|leak| quantity(leak, Unit::Plain))
                    .into(),
                quantity(&line.seconds, Unit::Seconds).into(),
                Cell::text(match line.used_private_labels {
                    true => "yes",
                    false => "no",
                }),
            ])
        })
}

/// What was measured of a line's label, one entry a seed.
fn leaks<'a>(study: &'a Study, line: &'a Line) -> impl Iterator<Item = &'a Leak> {
    let all = study.records.all().iter();
    all.filter(|r| {
        r.purpose == Purpose::Report
            && r.candidate == line.candidate
            && r.strength == line.strength
            && study.plan.seeds.contains(&r.seed)
    })
    .flat_map(|r| &r.leaks)
    .filter(|leak| leak.private == line.private)
}

/// Every attack of a line with its mean over seeds, the strongest first.
fn attacks(study: &Study, line: &Line) -> Vec<(String, Estimate)> {
    let mut shares: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (name, share) in leaks(study, line).flat_map(|leak| &leak.attacks) {
        shares.entry(name).or_default().push(*share);
    }
    let mut found: Vec<(String, Estimate)> = shares
        .into_iter()
        .filter_map(|(name, shares)| Some((name.to_owned(), Estimate::of(shares)?)))
        .collect();
    found.sort_by(|a, b| b.1.mean.total_cmp(&a.1.mean));
    found
}

fn attackers(study: &Study, private: &str) -> Section {
    let by_line: Vec<(&Line, Vec<(String, Estimate)>)> = study
        .of(private)
        .map(|line| (line, attacks(study, line)))
        .collect();
    let mut section = Section::new(format!("Attackers on {private}")).text(format!(
        "The {DRAWN} strongest attackers of each candidate; the table has them all."
    ));
    for (line, attacks) in &by_line {
        let mut bars = Bars::new(&line.candidate, "share found", Unit::Fraction).bounds(
            "floor: from the public answer alone",
            "ceiling: from the input itself",
        );
        for (name, estimate) in attacks.iter().take(DRAWN) {
            bars = bars.push(Bar {
                label: name.clone(),
                values: vec![estimate.mean],
                spread: estimate.half_width,
                floor: Some(line.floor_hard.mean),
                ceiling: Some(line.ceiling.mean),
            });
        }
        section = section.plot(bars);
    }
    let names: std::collections::BTreeSet<&String> = by_line
        .iter()
        .flat_map(|(_, attacks)| attacks.iter().map(|(name, _)| name))
        .collect();
    let headings = by_line
        .iter()
        .map(|(line, _)| Column::number(&line.candidate));
    let columns = [Column::text("attacker")].into_iter().chain(headings);
    let table = Table::new(format!("Share found of {private}"), columns);
    section.table(names.into_iter().fold(table, |table, name| {
        let of = |attacks: &[(String, Estimate)]| -> Cell {
            let found = attacks.iter().find(|(other, _)| other == name);
            found.map(|(_, estimate)| share(estimate)).into()
        };
        let cells = by_line.iter().map(|(_, attacks)| of(attacks));
        table.row([Cell::text(name)].into_iter().chain(cells))
    }))
}

/// Whom each candidate serves worst and protects least, of the classes of both labels.
fn groups(study: &Study, private: &str) -> Section {
    let columns = [
        Column::text("candidate"),
        Column::text("served worst"),
        Column::number("public accuracy"),
        Column::text("protected least"),
        Column::number("found"),
        Column::number("floor"),
    ];
    let caption = "Classes are numbered from 0, as in the data";
    let mut table = Table::new(caption, columns);
    for line in study.of(private) {
        let means = group_means(study, line);
        let worst = means
            .iter()
            .min_by(|a, b| a.public_accuracy.total_cmp(&b.public_accuracy));
        let above = |g: &Group| g.attack - g.floor;
        let exposed = means.iter().max_by(|a, b| above(a).total_cmp(&above(b)));
        let (Some(worst), Some(exposed)) = (worst, exposed) else {
            continue;
        };
        let name = |g: &Group| Cell::text(format!("{} class {}", g.by, g.class));
        let fraction = |value| Quantity::new(value, Unit::Fraction).into();
        table = table.row([
            Cell::text(&line.candidate),
            name(worst),
            fraction(worst.public_accuracy),
            name(exposed),
            fraction(exposed.attack),
            fraction(exposed.floor),
        ]);
    }
    Section::new(format!("By group, attackers on {private}"))
        .text("Protection and accuracy are means over rows; these are the groups furthest from them, means over runs.")
        .table(table)
}

fn group_means(study: &Study, line: &Line) -> Vec<Group> {
    let mut sums: BTreeMap<(String, usize), (Group, usize)> = BTreeMap::new();
    for group in leaks(study, line).flat_map(|leak| &leak.groups) {
        sums.entry((group.by.clone(), group.class))
            .and_modify(|(sum, runs)| {
                *runs += 1;
                sum.rows += group.rows;
                sum.public_accuracy += group.public_accuracy;
                sum.attack += group.attack;
                sum.floor += group.floor;
            })
            .or_insert((group.clone(), 1));
    }
    let mean = |(sum, runs): (Group, usize)| {
        let n = runs as f64;
        Group {
            public_accuracy: sum.public_accuracy / n,
            attack: sum.attack / n,
            floor: sum.floor / n,
            ..sum
        }
    };
    sums.into_values().map(mean).collect()
}
