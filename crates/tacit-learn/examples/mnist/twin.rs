//! The plaintext twin on MNIST: accuracy by iteration, on a part of the training images that it does not see.

use std::path::Path;

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::neural::{MlpConfig, train_mlp};

#[path = "digits.rs"]
mod digits;

/// Training images kept apart.
const VALIDATION: usize = 10_000;

/// Trains among ten parties, and prints the accuracy on what is kept apart.
pub fn run(folder: &str, config: &MlpConfig) -> Result<(), Box<dyn std::error::Error>> {
    let all = digits::read(Path::new(folder), "train")?;
    let (train, validation) = all.split_at(all.len() - VALIDATION)?;
    let totals = CentredRows(train.clone()).moments()?;
    let [train, validation] = [train, validation].map(|rows| CentredRows::centred(&rows, &totals));
    let (train, validation) = (train?, validation?);
    let parties = train.deal(10)?;
    let mut largest = 0.0f64;
    train_mlp(config, &parties, |progress, weights| {
        largest = largest.max(progress.max_abs_u);
        let done = progress.iteration + 1;
        if done % 25 == 0 || done == config.iterations {
            let accuracy = 100.0 * weights.accuracy(config, &validation);
            println!(
                "{done:4}  {accuracy:5.2} %  loss {:.4}  |u| {largest:.1}",
                progress.loss
            );
        }
    })?;
    Ok(())
}
