//! Tables and plots of a study.

use tacit_learn::metrics::Evaluation;
use tacit_report::{Axis, Cell, Column, Lines, Quantity, Section, Table, Unit};

use super::Study;
use super::margins::Margins;

fn evaluation(name: &str, e: &Evaluation) -> Vec<Cell> {
    let fraction = |v: Option<f64>| match v {
        Some(v) => Cell::from(Quantity::new(v, Unit::Fraction)),
        None => Cell::text("–"),
    };
    let plain = |v: Option<f64>| match v {
        Some(v) => Cell::from(Quantity::new(v, Unit::Plain)),
        None => Cell::text("–"),
    };
    vec![
        Cell::text(name),
        fraction(e.accuracy),
        plain(e.auc),
        Cell::from(Quantity::new(e.loss, Unit::Plain)),
    ]
}

/// Encrypted, pooled, each alone, and the floor.
pub fn model_table(study: &Study, names: &[String]) -> Table {
    let columns = [
        Column::text("model"),
        Column::number("test accuracy"),
        Column::number("AUC"),
        Column::number("loss"),
    ];
    let mut table = Table::new(format!("{} held-out rows", study.encrypted.rows), columns)
        .row(evaluation("encrypted, together", &study.encrypted))
        .row(evaluation("pooled plaintext", &study.pooled));
    // Many sites would drown the comparison: their mean stands for them then.
    if study.local.len() <= 5 {
        for (name, local) in names.iter().zip(&study.local) {
            table = table.row(evaluation(&format!("{name} alone"), local));
        }
    } else {
        let mean = |f: fn(&Evaluation) -> Option<f64>| {
            let all: Vec<f64> = study.local.iter().filter_map(f).collect();
            (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
        };
        let mean = Evaluation {
            accuracy: mean(|e| e.accuracy),
            auc: mean(|e| e.auc),
            loss: mean(|e| Some(e.loss)).unwrap_or(f64::NAN),
            ..study.local[0]
        };
        let name = format!("each site alone, mean of {}", study.local.len());
        table = table.row(evaluation(&name, &mean));
    }
    if let Some(floor) = study.encrypted.majority_floor {
        table = table.row([
            Cell::text("always the majority class"),
            Cell::from(Quantity::new(floor, Unit::Fraction)),
            Cell::text("–"),
            Cell::text("–"),
        ]);
    }
    table
}

/// How good, and how it got there.
pub fn quality_section(study: &Study, names: &[String]) -> Section {
    let mut section = Section::new("How good is the model?")
        .text(
            "Test rows are held out by a hash of the row, the same ones for every model. The encrypted model is \
             measured through its answers to encrypted queries: nobody saw its weights.",
        )
        .table(model_table(study, names));
    let history = &study.twin.history;
    if history.iter().all(|r| r.watch_accuracy.is_some()) {
        let points = history.iter().map(|r| {
            (
                (r.iteration + 1) as f64,
                r.watch_accuracy.unwrap_or(f64::NAN),
            )
        });
        let mut plot = Lines::new(
            "Accuracy per round",
            Axis::count("iteration"),
            Axis::new("test accuracy", Unit::Fraction),
        )
        .series("plaintext twin", points)
        .caption(
            "The twin is the same packed algorithm, with the same polynomial activation, on plain numbers.",
        );
        if let Some(pooled) = study.pooled.accuracy {
            plot = plot.guide("pooled optimum", pooled);
        }
        if let Some(floor) = study.encrypted.majority_floor {
            plot = plot.guide("majority class", floor);
        }
        section = section.plot(plot);
    }
    let losses = history
        .iter()
        .map(|r| ((r.iteration + 1) as f64, r.watch_loss.unwrap_or(f64::NAN)));
    section = section.plot(
        Lines::new(
            "Loss per round",
            Axis::count("iteration"),
            Axis::new("test loss", Unit::Plain),
        )
        .series("plaintext twin", losses)
        .guide("pooled optimum", study.pooled.loss),
    );
    if let Some(warning) = study.twin.range.warning() {
        section = section.warning(warning);
    }
    section
}

/// What it cost.
pub fn cost_section(study: &Study) -> Section {
    let (party, root) = (study.cost.party, study.cost.root);
    let count = |n: usize| Cell::from(Quantity::count(n as u64));
    let columns = [
        Column::text("per iteration"),
        Column::number("rotations"),
        Column::number("plaintext × ciphertext"),
        Column::number("ciphertext × ciphertext"),
        Column::number("levels"),
    ];
    let operations = Table::new("Homomorphic operations", columns)
        .row([
            Cell::text("each party"),
            count(party.rotations),
            count(party.plain_products),
            count(party.products),
            count(party.levels),
        ])
        .row([
            Cell::text("the root, besides"),
            count(root.rotations),
            count(root.plain_products),
            count(root.products),
            count(root.levels),
        ]);
    let mut section = Section::new("What did it cost?")
        .text("Wall time with the work of all parties done on this machine.")
        .table(study.phases.table("Time per phase"))
        .plot(study.phases.bars("Time per phase"))
        .table(operations);
    if study.traffic.parties().len() <= 12 {
        section = section
            .table(study.traffic.table("Bytes per party"))
            .plot(study.traffic.bars("Bytes per party and phase"));
    }
    section
}

/// Security level and noise margins.
pub fn margins_section(study: &Study) -> Section {
    let encryption = &study.plan.encryption;
    let mut releases = vec![(
        "statistics for standardisation",
        encryption.moments_margin().ok(),
    )];
    if study.plan.release_model {
        releases.push(("model", Some(encryption.model_margin())));
    }
    if let Ok(layout) = &study.plan.config.layout() {
        let answers = encryption.answer_margin(layout, study.plan.max_answers);
        releases.push(("answers to queries", answers.ok()));
    }
    let margins = Margins {
        params: &encryption.params,
        refresh_level: encryption.refresh_level,
        mask: encryption.mask,
        parties: encryption.parties,
        lambda_s: encryption.lambda_s,
        releases,
    };
    margins.section()
}
