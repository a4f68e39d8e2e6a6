//! Trains a network that begins with a convolution and average pooling on MNIST under multiparty encryption, all
//! parties in this process, and compares the released model with the plaintext twin's.
//!
//! ```text
//! cargo run --release -p tacit-learn --example cnn_train -- FOLDER [ITERATIONS [PLANNED]]
//! ```
//!
//! `ITERATIONS` are the first of a training of `PLANNED`, over which the step size falls.

use tacit_learn::neural::{Convolution, MlpConfig, Rate};

#[path = "mnist/argument.rs"]
mod argument;
#[path = "mnist/training.rs"]
mod training;

use argument::argument;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: String = argument(1, "the folder of the IDX files", None)?;
    let iterations = argument(2, "iterations", Some(300))?;
    let planned = argument(3, "iterations planned", Some(iterations))?.max(iterations);
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
    training::run(&folder, &config)
}
