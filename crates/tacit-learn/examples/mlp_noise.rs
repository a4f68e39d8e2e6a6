//! The noise that encrypted iterations leave in a network's weights: estimated, and measured against the twin.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_noise -- FOLDER [ITERATIONS,…]
//! ```
//!
//! 784-64-64-10 on MNIST among ten parties, one training for each number of iterations, its model released. The estimate of
//! one iteration's error ε is the planner's; with momentum μ independent errors of T iterations add up to
//! ε·√Σ_{k≤T} ((1 − μ^k)/(1 − μ))². A release adds 2^−20.

use std::path::Path;
use std::sync::Arc;

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::neural::encrypted::planner::precision_of;
use tacit_learn::neural::encrypted::{MlpPlan, VALUE_BITS, local};
use tacit_learn::neural::{MlpConfig, train_mlp};
use tacit_transport::memory::Options;

#[path = "mnist/argument.rs"]
mod argument;
#[path = "mnist/digits.rs"]
mod digits;

use argument::argument;

const PARTIES: usize = 10;
const RELEASE: f64 = 1.0 / (1 << 20) as f64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: String = argument(1, "the folder of the IDX files", None)?;
    let counts = argument(2, "numbers of iterations", Some("1,2,4,8".to_owned()))?;
    let train = digits::read(Path::new(&folder), "train")?;
    let parties = train.deal(PARTIES)?;
    println!(
        "iterations  estimated rms  measured rms  largest  bits left of the values' 2^{VALUE_BITS}"
    );
    for count in counts.split(',') {
        let iterations = count.parse().map_err(|e| format!("`{count}`: {e}"))?;
        let config = MlpConfig {
            iterations,
            ..MlpConfig::new(&[784, 64, 64, 10])
        };
        let sizes = parties.iter().map(|rows| rows.len()).collect();
        let plan = MlpPlan::new(config.clone(), sizes, 64)?;
        let plan = Arc::new(plan.with_moments(CentredRows::moments_of(config.inputs()))?);
        let names: Vec<String> = (0..PARTIES).map(|i| format!("site-{i}")).collect();
        let rows = parties
            .iter()
            .map(|rows| Box::new(CentredRows(rows.clone())) as Box<dyn LocalRows>);
        let trained = local::train(&plan, &names, rows.collect(), &Options::default(), |_| {})?;
        let centred = parties
            .iter()
            .map(|rows| CentredRows::centred(rows, &trained.totals))
            .collect::<Result<Vec<_>, _>>()?;
        let mut largest = 0.0f64;
        let twin = train_mlp(&config, &centred, |progress, _| {
            largest = largest.max(progress.max_abs_u);
        })?;

        let mu = config.momentum.mu();
        let step = |k: usize| ((1.0 - mu.powi(k as i32)) / (1.0 - mu)).powi(2);
        let grown = (1..=iterations).map(step).sum::<f64>().sqrt();
        let estimated = (-precision_of(&plan)?).exp2() * grown;
        let layers = trained.weights.layers().iter().zip(twin.layers());
        let differences: Vec<f64> = layers
            .flat_map(|(a, b)| a.values().iter().zip(b.values()).map(|(a, b)| a - b))
            .collect();
        let squares = differences.iter().map(|d| d * d).sum::<f64>();
        let rms = (squares / differences.len() as f64).sqrt();
        let worst = differences.iter().fold(0.0, |m: f64, d| m.max(d.abs()));
        println!(
            "{iterations:10}  {:13.2e}  {rms:12.2e}  {worst:7.1e}  {:.1}",
            estimated.hypot(RELEASE),
            f64::from(VALUE_BITS) - largest.log2()
        );
    }
    Ok(())
}
