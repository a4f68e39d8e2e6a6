//! Seconds per 10 000 pictures of 28 × 28, forward and in training, on made-up data.
//!
//! `cargo run --release -p tacit-nn --example layered_speed`

use std::time::Instant;
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::{Draws, Matrix, NnError, Recipe, Samples, Trainer, predict};

const ROWS: usize = 10_000;

fn main() -> Result<(), NnError> {
    let mut draws = Draws::new(1, "speed");
    let values = (0..ROWS * 784).map(|_| draws.uniform()).collect();
    let labels: Vec<usize> = (0..ROWS).map(|_| draws.below(10)).collect();
    let samples = Samples::new(Matrix::new(ROWS, 784, values)?, labels, 10)?;
    let picture = [1, 28, 28].into();
    for (name, architecture) in [
        ("mlp 784-128-10", Architecture::mlp(&[784, 128, 10])?),
        ("convnet", Architecture::convnet(picture, 10)?),
        (
            "resnet_cifar(8)",
            Architecture::resnet_cifar(8, picture, 10)?,
        ),
    ] {
        let network = Layered::new(&architecture, &mut draws)?;
        let start = Instant::now();
        predict::logits(&network, samples.features())?;
        let forward = start.elapsed().as_secs_f64();
        let mut trainer = Trainer::new(network, Recipe::default())?;
        let start = Instant::now();
        trainer.run_epoch(&samples, |_| {})?;
        let training = start.elapsed().as_secs_f64();
        println!("{name}: forward {forward:.2} s, training {training:.2} s");
    }
    Ok(())
}
