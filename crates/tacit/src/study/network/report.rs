//! Tables and plots of a network's study.

use tacit_learn::neural::packed::LayerCounts;
use tacit_report::{Axis, Cell, Column, Lines, Quantity, Section, Table, Unit};

use super::super::margins::Margins;
use super::{Encrypted, Plain, Study};

fn share(value: f64) -> Cell {
    Cell::from(Quantity::new(value, Unit::Fraction))
}

/// How good, and how it got there.
pub fn quality_section(study: &Study) -> Section {
    let Plain { curve, local, .. } = &study.plain;
    let plain = &study.plain;
    let (mean, spread) = plain.local_summary();
    let columns = [Column::text("model"), Column::number("accuracy")];
    let mut table = Table::new(format!("{} held-out rows", plain.rows), columns);
    if let Some(encrypted) = &study.encrypted {
        table = table.row([Cell::text("encrypted, together"), share(encrypted.accuracy)]);
    }
    let alone = format!("each site alone, mean and spread of {}", local.len());
    table = table
        .row([Cell::text("plaintext twin"), share(plain.twin)])
        .row([Cell::text("pooled plaintext"), share(plain.pooled)])
        .row([
            Cell::text("plain averaging (FedAvg)"),
            share(plain.averaged),
        ])
        .row([
            Cell::text(alone),
            Cell::from(Quantity::new(mean, Unit::Fraction).plus_minus(spread)),
        ])
        .row([
            Cell::text("always the commonest class"),
            share(plain.majority),
        ]);
    let accuracy = curve.iter().map(|p| (p.iteration as f64, p.accuracy));
    let loss = curve.iter().map(|p| (p.iteration as f64, p.loss));
    let iteration = || Axis::count("iteration");
    Section::new("How good is the model?")
        .text(
            "The same network, activation, start and schedule everywhere: what differs is whose rows are used, and how. \
             The twin is the encrypted training's arithmetic on plain numbers.",
        )
        .table(table)
        .plot(
            Lines::new(
                "Accuracy per iteration",
                iteration(),
                Axis::new("accuracy on held-out rows", Unit::Fraction),
            )
            .series("plaintext twin", accuracy)
            .guide("pooled plaintext", plain.pooled)
            .guide("sites alone", mean),
        )
        .plot(
            Lines::new(
                "Loss per iteration",
                iteration(),
                Axis::new("mean loss of the batch", Unit::Plain),
            )
            .series("plaintext twin", loss),
        )
}

fn counts(name: &str, counts: LayerCounts) -> Vec<Cell> {
    let count = |n: usize| Cell::from(Quantity::count(n as u64));
    vec![
        Cell::text(name),
        count(counts.hoisted),
        count(counts.rotations),
        count(counts.plain_products),
        count(counts.products),
        count(counts.relinearisations),
    ]
}

/// What it cost.
pub fn cost_section(encrypted: &Encrypted) -> Section {
    let columns = [
        Column::text("per iteration"),
        Column::number("hoisted rotations"),
        Column::number("other rotations"),
        Column::number("plaintext × ciphertext"),
        Column::number("ciphertext × ciphertext"),
        Column::number("relinearisations"),
    ];
    let (predicted, parties) = (&encrypted.predicted, encrypted.plan.rows.len());
    let operations = Table::new("Homomorphic operations", columns)
        .row(counts("each party", predicted.party))
        .row(counts("the root, besides", predicted.root))
        .row(counts("all, predicted", predicted.total(parties)))
        .row(counts("all, counted", encrypted.counted));
    let (all, inside) = encrypted.bytes;
    let iterations = encrypted.plan.config.iterations - encrypted.resumed_after;
    let bytes = |value: f64| Cell::from(Quantity::new(value, Unit::Bytes));
    let columns = [
        Column::text("sent and received by the mean party"),
        Column::number("bytes"),
    ];
    let traffic = Table::new("Traffic", columns)
        .row([
            Cell::text("keys, standardisation, release"),
            bytes(all - inside),
        ])
        .row([
            Cell::text("an iteration"),
            bytes(inside / iterations as f64),
        ])
        .row([Cell::text("all"), bytes(all)]);
    Section::new("What did it cost?")
        .text(format!(
            "The work of all {parties} parties was done on this machine. An iteration takes {} rounds and refreshes {} \
             ciphertexts.",
            predicted.rounds, predicted.refreshes
        ))
        .table(encrypted.phases.table("Time per phase"))
        .plot(encrypted.phases.bars("Time per phase"))
        .table(operations)
        .table(traffic)
}

/// Security level and noise margins.
pub fn margins_section(encrypted: &Encrypted) -> Section {
    let plan = &encrypted.plan;
    let margins = Margins {
        params: &plan.encryption.params,
        refresh_level: plan.encryption.refresh_level,
        mask: plan.encryption.mask,
        parties: plan.rows.len(),
        lambda_s: plan.encryption.lambda_s,
        releases: vec![
            ("statistics for standardisation", plan.moments_margin().ok()),
            ("model", Some(plan.release_margin())),
        ],
    };
    margins.section()
}
