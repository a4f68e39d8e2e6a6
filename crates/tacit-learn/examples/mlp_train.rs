//! Trains a network on MNIST under multiparty encryption, all parties in this process, and compares the released
//! model with the plaintext twin's.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_train -- FOLDER [ITERATIONS]
//! ```

use tacit_learn::neural::MlpConfig;

#[path = "mnist/argument.rs"]
mod argument;
#[path = "mnist/training.rs"]
mod training;

use argument::argument;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: String = argument(1, "the folder of the IDX files", None)?;
    let config = MlpConfig {
        iterations: argument(2, "iterations", Some(300))?,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    training::run(&folder, &config)
}
