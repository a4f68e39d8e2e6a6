//! The plaintext twin of a network on MNIST: accuracy by iteration, on a part of the training images that it does
//! not see; settings are chosen by it.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_twin -- FOLDER [ITERATIONS [RATE [TARGET [CURVATURE [GAIN [SEED]]]]]]
//! ```

use tacit_learn::neural::{MlpConfig, PolynomialActivation, Rate};

#[path = "mnist/argument.rs"]
mod argument;
#[path = "mnist/twin.rs"]
mod twin;

use argument::argument;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: String = argument(1, "the folder of the IDX files", None)?;
    let config = MlpConfig {
        iterations: argument(2, "iterations", Some(300))?,
        rate: Rate::Plateau {
            from: argument(3, "a rate", Some(0.3))?,
            hold: 0.5,
            to: 0.0,
        },
        target: argument(4, "a target", Some(3.0))?,
        activation: PolynomialActivation::quadratic(
            0.0,
            0.5,
            argument(5, "a curvature", Some(0.2))?,
        )?,
        gain: argument(6, "a gain", Some(1.4))?,
        seed: argument(7, "a seed", Some(0))?,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    twin::run(&folder, &config)
}
