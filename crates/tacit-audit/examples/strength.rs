//! How strong and how fast the attackers are, on data that others can be given too.
//!
//! `cargo run --release -p tacit-audit --example strength -- [ROWS] [FOLDER]`
//!
//! With a folder, the rows are written there as raw `f32` and `u8`, and `strength.py` beside this
//! file lets scikit-learn attack the same rows.

use std::path::Path;
use std::time::Instant;
use tacit_audit::attackers::all;
use tacit_audit::{AttackSuite, Budget};
use tacit_nn::{Draws, Matrix, Samples};

/// Draws rows and their labels.
type Make = fn(usize, &mut Draws) -> (Vec<f32>, Vec<usize>);

fn moons(rows: usize, draws: &mut Draws) -> (Vec<f32>, Vec<usize>) {
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..rows {
        let label = draws.below(2);
        let angle = std::f32::consts::PI * draws.uniform();
        let (x, y) = if label == 0 {
            (angle.cos(), angle.sin())
        } else {
            (1.0 - angle.cos(), 0.5 - angle.sin())
        };
        values.extend([x + 0.35 * draws.normal(), y + 0.35 * draws.normal()]);
        labels.push(label);
    }
    (values, labels)
}

/// Twelve Gaussians in four dimensions with overlapping classes.
fn mixture(rows: usize, draws: &mut Draws) -> (Vec<f32>, Vec<usize>) {
    let mut shape = Draws::new(5, "centres");
    let centres: Vec<[f32; 4]> = (0..12)
        .map(|_| std::array::from_fn(|_| 1.2 * shape.normal()))
        .collect();
    let mut values = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..rows {
        let component = draws.below(12);
        let spread = if component.is_multiple_of(3) {
            0.7
        } else {
            1.1
        };
        values.extend(centres[component].map(|c| c + spread * draws.normal()));
        labels.push(component % 2);
    }
    (values, labels)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().map_or(Ok(20_000), |a| a.parse())?;
    let folder = arguments.next();
    let kinds: [(&str, usize, Make); 2] = [("moons", 2, moons), ("mixture", 4, mixture)];
    for (kind, columns, make) in kinds {
        let deal = |set: &str, rows: usize| -> Result<Samples, Box<dyn std::error::Error>> {
            let (values, labels) = make(rows, &mut Draws::new(1, &format!("{kind} {set}")));
            if let Some(folder) = &folder {
                let file = |end: &str| Path::new(folder).join(format!("{kind}-{set}.{end}"));
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                std::fs::write(file("x"), bytes)?;
                let bytes: Vec<u8> = labels.iter().map(|l| *l as u8).collect();
                std::fs::write(file("y"), bytes)?;
            }
            Ok(Samples::new(
                Matrix::new(rows, columns, values)?,
                labels,
                2,
            )?)
        };
        let train = deal("train", rows)?;
        let validation = deal("validation", 5_000)?;
        let test = deal("test", 10_000)?;
        println!("{kind}: {rows} training rows of {columns} columns");
        for attacker in all() {
            let start = Instant::now();
            let suite = AttackSuite::new(vec![attacker], Budget::full());
            let report = suite.run(&train, &validation, &test, 1, |_| {})?;
            let attack = report.best();
            println!(
                "  {:24} {:.4}  {:6.2} s  {}",
                attack.name,
                attack.accuracy,
                start.elapsed().as_secs_f64(),
                attack.settings
            );
        }
    }
    Ok(())
}
