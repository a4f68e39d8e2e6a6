//! What the features of an undefended network tell of a font, and how long it takes to find out.
//!
//! A dense network 784-256-64-32-10 learns to read digits in two fonts; it is cut behind the 64. The
//! font is private.
//!
//! `cargo run --release -p tacit-audit --example leak -- [rows] [quick|standard|full] [noise]`

use std::time::Instant;
use tacit_audit::features::{Effort, FeatureSource, LeakStudy, Private, Subjects};
use tacit_audit::inversion::{InversionEffort, InversionStudy};
use tacit_audit::{AuditError, LeakReport};
use tacit_data::characters::{Alphabet, Characters, Spec, generate};
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::{Draws, Matrix, Recipe, Samples, fit, predict};

/// Both parts, and normal noise that is bound to the input.
struct Cut {
    encoder: Layered,
    head: Layered,
    noise: f32,
}

impl Cut {
    fn send(&self, rows: &Matrix, secret: u64) -> Result<Matrix, AuditError> {
        let bare = predict::logits(&self.encoder, rows)?;
        let mut values = Vec::with_capacity(bare.values().len());
        for (row, features) in rows.iter().zip(bare.iter()) {
            let hash = row.iter().fold(secret, |h, v| {
                (h ^ u64::from(v.to_bits())).wrapping_mul(0x100_0000_01b3)
            });
            let mut draws = Draws::new(hash, "noise");
            values.extend(features.iter().map(|v| v + self.noise * draws.normal()));
        }
        Ok(Matrix::new(bare.rows(), bare.columns(), values)?)
    }
}

impl FeatureSource for Cut {
    fn features(&self, rows: &Matrix, _: u64) -> Result<Matrix, AuditError> {
        self.send(rows, 0)
    }

    fn simulated(&self, rows: &Matrix, run: u64) -> Result<Matrix, AuditError> {
        self.send(rows, run)
    }

    fn outputs(&self, features: &Matrix) -> Result<Matrix, AuditError> {
        Ok(predict::logits(&self.head, features)?)
    }

    fn encoder(&self) -> &Layered {
        &self.encoder
    }

    fn head(&self) -> Option<&Layered> {
        Some(&self.head)
    }
}

fn samples(set: &Characters, from: usize, to: usize) -> Result<(Samples, Vec<usize>), AuditError> {
    let pixels = set.side * set.side;
    let rows = Matrix::from_bytes(to - from, pixels, &set.images[from * pixels..to * pixels])?;
    let labels = |of: &[u8]| {
        of[from..to]
            .iter()
            .map(|&l| usize::from(l))
            .collect::<Vec<_>>()
    };
    Ok((
        Samples::new(rows, labels(&set.class), set.classes)?,
        labels(&set.font),
    ))
}

fn print(report: &LeakReport) {
    for attack in report.attacks.iter().chain(&report.ceilings) {
        println!(
            "{:40} {:.3}  {}",
            attack.name(),
            attack.accuracy,
            attack.settings
        );
    }
    println!(
        "base {:.3}, floor {:.3} (outputs {:.3}), attack {:.3} by {}, ceiling {:.3}, leak {:?}",
        report.base_rate,
        report.floor_hard,
        report.floor_full,
        report.attack_max,
        report.strongest,
        report.ceiling,
        report.leak_normalised,
    );
    for point in &report.curve {
        println!("{:6} labels: {:.3}", point.labels, point.accuracy);
    }
    report.notes.iter().for_each(|note| println!("{note}"));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rows: usize = args.first().map_or(Ok(3_000), |a| a.parse())?;
    let (effort, inversion) = match args.get(1).map_or("standard", String::as_str) {
        "quick" => (Effort::quick(), InversionEffort::quick()),
        "standard" => (Effort::standard(), InversionEffort::standard()),
        "full" => (Effort::full(), InversionEffort::full()),
        other => return Err(format!("unknown effort {other}").into()),
    };
    let noise: f32 = args.get(2).map_or(Ok(0.0), |a| a.parse())?;
    let spec = Spec {
        train: 2 * rows,
        test: rows,
        ..Spec::new(Alphabet::Digits, 1)
    };
    let (train, test) = generate(&spec)?;
    let (defender, _) = samples(&train, 0, rows)?;
    let (attacker, of_attacker) = samples(&train, rows, 2 * rows)?;
    let (validation, of_validation) = samples(&test, 0, rows / 2)?;
    let (victims, of_victims) = samples(&test, rows / 2, rows)?;

    let architecture = Architecture::mlp(&[784, 256, 64, 32, 10])?;
    let network = Layered::new(&architecture, &mut Draws::new(1, "weights"))?;
    let network = fit(network, &defender, None, &Recipe::default(), |_| {})?.network;
    let (encoder, head) = network.split_at(2)?;
    let source = Cut {
        encoder,
        head,
        noise,
    };

    let subjects = Subjects::new([1, 28, 28], attacker, validation, victims)?;
    let private = Private {
        name: "font".to_owned(),
        classes: 2,
        train: of_attacker,
        validation: of_validation,
        test: of_victims,
    };
    let study = LeakStudy::new(effort, 1);
    let start = Instant::now();
    let lap = |what: &str| println!("{what}: {:.1} s", start.elapsed().as_secs_f64());
    let seen = study.observe(&source, &subjects)?;
    lap("observed");
    let ceiling = study.ceiling(&subjects, &private)?;
    lap("ceiling");
    let report = study.run(&subjects, &seen, &private, &ceiling)?;
    lap("attacked");
    print(&report);
    let report = InversionStudy::new(inversion, 1).run(&source, &subjects, &seen)?;
    lap("inverted");
    println!("class mean {:?}", report.class_mean);
    for attack in &report.attacks {
        println!("{:?}", attack);
    }
    Ok(())
}
