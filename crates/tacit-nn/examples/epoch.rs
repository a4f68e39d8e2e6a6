//! Seconds per epoch of the quadratic network with a public head, on made-up data of MNIST's size.
//!
//! `cargo run --release -p tacit-nn --example epoch`

use std::time::Instant;
use tacit_nn::train::{Batches, cross_entropy};
use tacit_nn::{
    Draws, Matrix, Mlp, Network, Optimiser, QuadraticNetwork, Rule, Samples, training_device,
};

fn main() -> Result<(), tacit_nn::NnError> {
    let rows = 60_000;
    let mut draws = Draws::new(1, "epoch");
    let values = (0..rows * 784).map(|_| draws.uniform()).collect();
    let labels: Vec<usize> = (0..rows).map(|_| draws.below(10)).collect();
    let samples = Samples::new(Matrix::new(rows, 784, values)?, labels, 10)?;
    let device = training_device();
    let mut network = QuadraticNetwork::new(784, 40, 4, &mut draws)?;
    let mut head = Mlp::new(&[4, 32, 10], 0.0, &mut draws)?;
    let mut of_network = Optimiser::new(Rule::adam());
    let mut of_head = Optimiser::new(Rule::adam());
    for epoch in 0..3 {
        let start = Instant::now();
        for batch in Batches::new(rows, 256, 1, epoch) {
            let (x, y) = samples.batch(&batch, &device);
            let loss = cross_entropy(head.forward(network.forward(x)), y);
            let mut gradients = loss.backward();
            network = of_network.apply(network, &mut gradients, 1e-3);
            head = of_head.apply(head, &mut gradients, 1e-3);
        }
        println!("epoch {epoch}: {:.2} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
