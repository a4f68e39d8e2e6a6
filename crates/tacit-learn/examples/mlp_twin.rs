//! The plaintext twin of a network on MNIST: accuracy by iteration, on a part of the training images that it does
//! not see; settings are chosen by it.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_twin -- FOLDER [ITERATIONS [RATE [TARGET [CURVATURE [GAIN [SEED]]]]]]
//! ```

use tacit_learn::neural::{MlpConfig, PolynomialActivation, Rate};

#[path = "mnist/twin.rs"]
mod twin;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let number = |at: usize, default: f64| match arguments.get(at) {
        Some(text) => text.parse::<f64>().map_err(|e| format!("`{text}`: {e}")),
        None => Ok(default),
    };
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
    twin::run(folder, &config)
}
