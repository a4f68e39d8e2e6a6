//! The plaintext twin of a network that begins with a convolution on MNIST: accuracy by iteration, on a part of the
//! training images that it does not see; settings are chosen by it.
//!
//! ```text
//! cargo run --release -p tacit-learn --example cnn_twin -- FOLDER [ITERATIONS [KERNEL [STRIDE [POOL [CHANNELS [SEED]]]]]]
//! ```

use tacit_learn::neural::{Convolution, MlpConfig};

#[path = "mnist/twin.rs"]
mod twin;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let number = |at: usize, default: usize| match arguments.get(at) {
        Some(text) => text.parse::<usize>().map_err(|e| format!("`{text}`: {e}")),
        None => Ok(default),
    };
    let convolution = Convolution {
        side: 28,
        kernel: number(3, 5)?,
        stride: number(4, 3)?,
        pool: number(5, 2)?,
        channels: number(6, 16)?,
    };
    let config = MlpConfig {
        iterations: number(2, 300)?,
        seed: number(7, 0)? as u64,
        ..MlpConfig::convolutional(convolution, &[64, 10])
    };
    twin::run(folder, &config)
}
