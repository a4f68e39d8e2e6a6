//! The reconstruction study on the two-font characters: how many measurements give an image away.
//!
//! `cargo run --release -p tacit-audit --example reconstruction -- [--json PATH|-] [--test N]`

use serde_json::{Map, Value, json};
use tacit_audit::reconstruction::{Design, Images, Method, Quality, Study};
use tacit_data::characters::{Alphabet, Spec, generate};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut json_path, mut test) = (None, 20);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json_path = args.next(),
            "--test" => test = args.next().ok_or("--test N")?.parse()?,
            _ => return Err(format!("unknown argument {arg}").into()),
        }
    }
    let quiet = json_path.as_deref() == Some("-");
    let spec = Spec {
        train: 4000,
        test,
        ..Spec::new(Alphabet::Digits, 1)
    };
    let (train, test) = generate(&spec)?;
    let images = Images::new(784, &train.images, &train.class, &train.font)?;
    let targets = Images::new(784, &test.images, &test.class, &test.font)?;

    let mut attacks = vec![];
    for rank in [1, 4, 10, 40, 100, 200, 400] {
        attacks.push((rank, Design::Random, Method::LinearProgram));
        attacks.push((rank, Design::Random, Method::Gaussian));
        if rank <= 100 {
            attacks.push((rank, Design::Principal, Method::LinearProgram));
            attacks.push((rank, Design::Principal, Method::Gaussian));
        }
    }
    let study = Study::run(&images, &targets, &attacks, 1, &|done, total| {
        eprintln!("{done} of {total} attacks");
    })?;

    let mut figures = Map::new();
    let mut row = |name: String, q: &Quality| {
        if !quiet {
            println!(
                "{name:32} error {:.3}  psnr {:5.2} dB  digit {:.2}  font {:.2}",
                q.relative_error, q.psnr, q.public_rate, q.private_rate
            );
        }
        for (figure, value) in [
            ("relative_error", q.relative_error),
            ("psnr_db", q.psnr),
            ("digit_rate", q.public_rate),
            ("font_rate", q.private_rate),
        ] {
            figures.insert(format!("{name}.{figure}"), json!(value));
        }
    };
    row("floor".into(), &study.floor);
    row("ceiling".into(), &study.ceiling);
    for line in &study.lines {
        let name = format!("r{}.{:?}.{:?}", line.rank, line.design, line.method);
        row(name.to_lowercase(), &line.quality);
    }
    let report = json!({
        "schema": "tacit.run/1",
        "command": "example reconstruction",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": 1,
        "params": { "train": spec.train, "test": spec.test, "alphabet": "digits" },
        "figures": Value::Object(figures),
    });
    match json_path.as_deref() {
        Some("-") => println!("{report}"),
        Some(path) => std::fs::write(path, report.to_string())?,
        None => {}
    }
    Ok(())
}
