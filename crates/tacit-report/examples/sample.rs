//! Writes a run folder with one of everything, to look at while working on the page:
//! `cargo run -p tacit-report --example sample -- FOLDER`. All numbers in it are invented.

use tacit_report::measure::{Elapsed, Phases, Traffic, machine_facts};
use tacit_report::{
    Axis, Bar, Bars, Better, Cell, Column, Error, Lines, Provenance, Quantity, Report, Run,
    RunFolder, Scatter, Section, Table, Unit,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: sample FOLDER")?;
    let run = run()?;
    let created = std::time::SystemTime::now();
    let provenance = Provenance::at(created).facts(machine_facts());
    let report = report(&run)?.provenance(provenance);
    let folder = RunFolder::at(folder)?;
    folder.write(&run, &report)?;
    println!("{}", folder.report_html().display());
    Ok(())
}

fn run() -> Result<Run, Error> {
    let mut run = Run::new("demo", "0.1.0", 7)?;
    run.param("parties", 3)?;
    run.param("data", "an invented table & <its> \"columns\"")?;
    run.param("ring", "conjugate-invariant, N = 2^14")?;
    run.figure("encrypted.accuracy", 0.9736)?;
    run.figure("pooled.accuracy", 0.9742)?;
    run.figure("local.accuracy_mean", 0.951)?;
    run.figure("wall_s", 21.4)?;
    run.figure("bytes_per_party", 48_331_776.0)?;
    run.figure("twin.max_abs_diff", 3.1e-6)?;
    Ok(run)
}

fn report(run: &Run) -> Result<Report, Error> {
    let percent = |value| Quantity::new(value, Unit::Fraction);
    let gates = ["encrypted.accuracy>=0.95", "wall_s<=20", "query.ok>=1"];
    let mut verdicts = Vec::new();
    for gate in gates {
        verdicts.push(gate.parse::<tacit_report::Gate>()?.judge(run));
    }
    Ok(Report::new("Three hospitals, one model nobody can see")
        .summary(
            "Three hospitals trained a logistic regression together. The weights were encrypted \
             from the first step to the last, and no hospital's rows left its own process.",
        )
        .summary("The encrypted model is as accurate as one trained on all rows in the clear.")
        .verdicts(verdicts)
        .key_figure_with_note("accuracy, encrypted", percent(0.9736), "pooled plaintext 97.4 %")
        .key_figure_with_note("accuracy, each alone", percent(0.951), "mean of three")
        .key_figure_with_note("wall time", Quantity::new(21.4, Unit::Seconds), "keys included")
        .key_figure_with_note(
            "bytes per party",
            Quantity::new(48_331_776.0, Unit::Bytes),
            "sent and received",
        )
        .section(accuracy())
        .section(cost()?)
        .section(privacy())
        .limit("Parties are assumed to follow the protocol; what happens when one does not is listed in the threat model.")
        .limit("One split of one small table. The spread over seeds is shown, other populations are not.")
        .limit("The model's answers are released to the querier: from about 31 answers the model can be recovered."))
}

fn accuracy() -> Section {
    let curve = |end: f64, speed: f64| {
        (0..=40).map(move |i| (i as f64, end - (end - 0.62) * (-speed * i as f64).exp()))
    };
    let with_sd = |value, sd| Quantity::new(value, Unit::Fraction).plus_minus(sd).into();
    let auc = |value: f64, sd: f64| Quantity::new(value, Unit::Plain).plus_minus(sd).into();
    let columns = [
        Column::text("model"),
        Column::number("test accuracy"),
        Column::number("AUC"),
    ];
    Section::new("Accuracy")
        .text("Test rows are held out by a hash of the row, the same ones for every model.")
        .table(
            Table::new("Mean and standard deviation over five seeds", columns)
                .row([Cell::text("encrypted, together"), with_sd(0.9736, 0.008), auc(0.9951, 0.002)])
                .row([Cell::text("pooled plaintext"), with_sd(0.9742, 0.008), auc(0.9953, 0.002)])
                .row([Cell::text("each hospital alone"), with_sd(0.951, 0.014), auc(0.981, 0.007)]),
        )
        .plot(
            Lines::new(
                "Accuracy per round",
                Axis::count("round"),
                Axis::new("test accuracy", Unit::Fraction),
            )
            .series("plaintext twin", curve(0.974, 0.15))
            .series_with_band(
                "each alone, mean and spread",
                curve(0.951, 0.2).map(|(x, y)| (x, y, y - 0.016, y + 0.013)),
            )
            .guide("pooled optimum", 0.9742)
            .caption("The twin is the same packed algorithm on plain numbers; it predicts the encrypted run."),
        )
}

fn cost() -> Result<Section, Error> {
    let mut phases = Phases::default();
    let parts = [
        ("collective public key", 320),
        ("relinearisation key", 1900),
        ("Galois keys", 5200),
        ("training", 12_900),
        ("query", 1080),
    ];
    for (phase, ms) in parts {
        let wall = std::time::Duration::from_millis(ms);
        phases.record(
            phase,
            Elapsed {
                wall,
                cpu: Some(wall * 19 / 10),
            },
        );
    }
    let mut traffic = Traffic::new(["hospital-a (root)", "hospital-b", "hospital-c"]);
    for party in 0..3 {
        for (phase, mib) in [
            ("keys", 21.0),
            ("training", 14.5),
            ("refresh", 9.25),
            ("query", 1.5),
        ] {
            let bytes = (mib * 1048576.0) as u64 * if party == 0 { 2 } else { 1 };
            traffic.sent(party, phase, bytes / 2)?;
            traffic.received(party, phase, bytes - bytes / 2)?;
        }
    }
    Ok(Section::new("Cost")
        .table(phases.table("Time per phase, all parties on this machine"))
        .plot(phases.bars("Time per phase"))
        .table(traffic.table("Bytes per party"))
        .plot(traffic.bars("Bytes per party and phase"))
        .plot(
            Lines::new(
                "How time grows with parties",
                Axis::count("parties").log(),
                Axis::new("wall time", Unit::Seconds).log(),
            )
            .series("star", [2.0, 5.0, 10.0, 40.0, 160.0].map(|n| (n, 0.9 * n)))
            .series(
                "tree, 4 children",
                [2.0, 5.0, 10.0, 40.0, 160.0].map(|n| (n, 2.5 + 0.31 * n)),
            ),
        )
        .plot(
            Bars::grouped(
                "Keys and training",
                "wall time",
                Unit::Seconds,
                ["keys", "training"],
            )
            .stack("3 parties", [7.4, 12.9])
            .stack("10 parties", [9.8, 17.2]),
        ))
}

fn privacy() -> Section {
    let attack = |label: &str, value, spread, floor, ceiling| Bar {
        label: label.into(),
        values: vec![value],
        spread: Some(spread),
        floor: Some(floor),
        ceiling: Some(ceiling),
    };
    Section::new("What an attacker gets")
        .warning("The digit is guessed better than chance from the public answer alone; no encoder can prevent that.")
        .plot(
            Bars::new("Best attack on the private task", "accuracy", Unit::Fraction)
                .push(attack("undefended", 0.956, 0.004, 0.198, 0.981))
                .push(attack("hardened", 0.395, 0.012, 0.198, 0.981))
                .push(attack("hardened, with noise", 0.222, 0.009, 0.198, 0.981))
                .bounds("floor: from the public output alone", "ceiling: from the raw input"),
        )
        .plot(
            Scatter::new(
                "What protection costs",
                Axis::new("best attack", Unit::Fraction),
                Axis::new("public accuracy", Unit::Fraction),
            )
            .group("without noise", [("λ 0", 0.956, 0.979), ("λ 0.1", 0.395, 0.965), ("λ 0.5", 0.43, 0.961)])
            .group("with noise", [("λ 1, σ 0.5", 0.26, 0.95), ("λ 1, σ 1", 0.222, 0.941)])
            .frontier(Better::Lower, Better::Higher),
        )
}
