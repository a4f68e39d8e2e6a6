//! The plaintext twin of a network on MNIST: accuracy by iteration.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_twin -- FOLDER [ITERATIONS [RATE [CURVATURE [GAIN]]]]
//! ```

use std::path::Path;

use tacit_learn::neural::{MlpConfig, PolynomialActivation, Rate, train_mlp};

#[path = "mnist/digits.rs"]
mod digits;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let number = |at: usize, default: f64| match arguments.get(at) {
        Some(text) => text.parse::<f64>().map_err(|e| format!("`{text}`: {e}")),
        None => Ok(default),
    };
    let (train, test) = (
        digits::read(Path::new(folder), "train", 0.1307)?,
        digits::read(Path::new(folder), "t10k", 0.1307)?,
    );
    let config = MlpConfig {
        iterations: number(2, 465.0)? as usize,
        rate: Rate::Linear {
            from: number(3, 0.3)?,
            to: 0.0,
        },
        activation: PolynomialActivation::quadratic(0.0, 0.5, number(4, 0.2)?)?,
        gain: number(5, 1.4)?,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    let parties = train.deal(10)?;
    let mut largest = 0.0f64;
    train_mlp(&config, &parties, |progress, weights| {
        largest = largest.max(progress.max_abs_u);
        let done = progress.iteration + 1;
        if done % 31 == 0 || done == config.iterations {
            let accuracy = 100.0 * weights.accuracy(&config, &test);
            println!(
                "{done:4}  {accuracy:5.2} %  loss {:.4}  |u| {largest:.1}",
                progress.loss
            );
        }
    })?;
    Ok(())
}
