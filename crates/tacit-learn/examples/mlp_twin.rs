//! The plaintext twin of a network on MNIST: accuracy by iteration, on a part of the training images that it does
//! not see; settings are chosen by it.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_twin -- FOLDER [ITERATIONS [RATE [TARGET [CURVATURE [GAIN [SEED]]]]]]
//! ```

use std::path::Path;

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::neural::{MlpConfig, PolynomialActivation, Rate, train_mlp};

#[path = "mnist/digits.rs"]
mod digits;

/// Training images kept apart.
const VALIDATION: usize = 10_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let number = |at: usize, default: f64| match arguments.get(at) {
        Some(text) => text.parse::<f64>().map_err(|e| format!("`{text}`: {e}")),
        None => Ok(default),
    };
    let all = digits::read(Path::new(folder), "train")?;
    let (train, validation) = all.split_at(all.len() - VALIDATION)?;
    let totals = CentredRows(train.clone()).moments()?;
    let [train, validation] = [train, validation].map(|rows| CentredRows::centred(&rows, &totals));
    let (train, validation) = (train?, validation?);
    let config = MlpConfig {
        iterations: number(2, 300.0)? as usize,
        rate: Rate::Plateau {
            from: number(3, 0.3)?,
            hold: 0.5,
            to: 0.0,
        },
        target: number(4, 3.0)?,
        activation: PolynomialActivation::quadratic(0.0, 0.5, number(5, 0.2)?)?,
        gain: number(6, 1.4)?,
        seed: number(7, 0.0)? as u64,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    let parties = train.deal(10)?;
    let mut largest = 0.0f64;
    train_mlp(&config, &parties, |progress, weights| {
        largest = largest.max(progress.max_abs_u);
        let done = progress.iteration + 1;
        if done % 25 == 0 || done == config.iterations {
            let accuracy = 100.0 * weights.accuracy(&config, &validation);
            println!(
                "{done:4}  {accuracy:5.2} %  loss {:.4}  |u| {largest:.1}",
                progress.loss
            );
        }
    })?;
    Ok(())
}
