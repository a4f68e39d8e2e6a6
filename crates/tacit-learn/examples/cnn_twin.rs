//! The plaintext twin of a network that begins with a convolution on MNIST: accuracy by iteration, on a part of the
//! training images that it does not see; settings are chosen by it.
//!
//! ```text
//! cargo run --release -p tacit-learn --example cnn_twin -- FOLDER [ITERATIONS [KERNEL [STRIDE [POOL [CHANNELS [SEED]]]]]]
//! ```

use tacit_learn::neural::{Convolution, MlpConfig};

#[path = "mnist/argument.rs"]
mod argument;
#[path = "mnist/twin.rs"]
mod twin;

use argument::argument;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: String = argument(1, "the folder of the IDX files", None)?;
    let convolution = Convolution {
        side: 28,
        kernel: argument(3, "a kernel", Some(5))?,
        stride: argument(4, "a stride", Some(3))?,
        pool: argument(5, "a pool", Some(2))?,
        channels: argument(6, "channels", Some(16))?,
    };
    let config = MlpConfig {
        iterations: argument(2, "iterations", Some(300))?,
        seed: argument(7, "a seed", Some(0))?,
        ..MlpConfig::convolutional(convolution, &[64, 10])
    };
    twin::run(&folder, &config)
}
