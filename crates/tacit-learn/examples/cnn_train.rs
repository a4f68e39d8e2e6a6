//! Trains a network that begins with a convolution and average pooling on MNIST under multiparty encryption, all
//! parties in this process, and compares the released model with the plaintext twin's.
//!
//! ```text
//! cargo run --release -p tacit-learn --example cnn_train -- FOLDER [ITERATIONS [PLANNED]]
//! ```
//!
//! `ITERATIONS` are the first of a training of `PLANNED`, over which the step size falls.

use tacit_learn::neural::{Convolution, MlpConfig, Rate};

#[path = "mnist/training.rs"]
mod training;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let number = |at: usize, default: usize| match arguments.get(at) {
        Some(text) => text.parse::<usize>().map_err(|e| format!("`{text}`: {e}")),
        None => Ok(default),
    };
    let iterations = number(2, 300)?;
    let planned = number(3, iterations)?.max(iterations);
    // 16 channels of 8·8 positions, averaged over 2·2.
    let convolution = Convolution {
        side: 28,
        kernel: 5,
        stride: 3,
        pool: 2,
        channels: 16,
    };
    let (from, hold) = (0.3, 0.5);
    let whole = Rate::Plateau {
        from,
        hold,
        to: 0.0,
    };
    let config = MlpConfig {
        iterations,
        rate: Rate::Plateau {
            from,
            hold: hold * planned as f64 / iterations as f64,
            to: whole.at(iterations, planned),
        },
        ..MlpConfig::convolutional(convolution, &[64, 10])
    };
    training::run(folder, &config)
}
