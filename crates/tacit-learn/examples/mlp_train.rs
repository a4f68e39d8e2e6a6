//! Trains a network on MNIST under multiparty encryption, all parties in this process, and compares the released
//! model with the plaintext twin's.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_train -- FOLDER [ITERATIONS]
//! ```

use tacit_learn::neural::MlpConfig;

#[path = "mnist/training.rs"]
mod training;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let iterations = match arguments.get(2) {
        Some(text) => text.parse().map_err(|e| format!("`{text}`: {e}"))?,
        None => 300,
    };
    let config = MlpConfig {
        iterations,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    training::run(folder, &config)
}
