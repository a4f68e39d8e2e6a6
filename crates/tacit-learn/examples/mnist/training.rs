//! A training on MNIST among ten parties in this process, under multiparty encryption, and its comparison with the
//! plaintext twin.

use std::path::Path;
use std::sync::Arc;

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::{IterationCost, MlpPlan, local};
use tacit_learn::neural::{MlpConfig, train_mlp};
use tacit_report::measure::{Elapsed, Phases, Stopwatch, peak_rss_bytes};
use tacit_transport::memory::Options;

#[path = "digits.rs"]
mod digits;

const PARTIES: usize = 10;

const LABELS: [&str; 5] = [
    "train/forward",
    "train/refresh-predictors",
    "train/refresh-errors",
    "train/gradient",
    "train/refresh-weights",
];

/// Trains, and prints what it took and how the released model compares with the twin's.
pub fn run(folder: &str, config: &MlpConfig) -> Result<(), Box<dyn std::error::Error>> {
    let train = digits::read(Path::new(folder), "train")?;
    let test = digits::read(Path::new(folder), "t10k")?;
    let iterations = config.iterations;
    let parties = train.deal(PARTIES)?;
    let sizes = parties.iter().map(|p| p.len()).collect();
    let plan = MlpPlan::new(config.clone(), sizes, 64)?;
    let plan = Arc::new(plan.with_moments(CentredRows::moments_of(config.inputs()))?);
    let rows = parties
        .iter()
        .map(|rows| Box::new(CentredRows(rows.clone())) as Box<dyn LocalRows>);
    let cost = IterationCost::of(&plan);
    println!("parameters {:?}", plan.encryption.params.literal());
    println!("an iteration, all parties: {:?}", cost.total(PARTIES));
    println!("refreshes {}, rounds {}", cost.refreshes, cost.rounds);

    let names: Vec<String> = (0..PARTIES).map(|i| format!("site-{i}")).collect();
    let began = Stopwatch::start();
    let mut done = 0;
    // By kind of round; processor time is what passed since the round before was finished.
    let (mut round, mut spent) = (Stopwatch::start(), Phases::default());
    let trained = local::train(
        &plan,
        &names,
        rows.collect(),
        &Options::default(),
        |progress| {
            if !progress.finished {
                return;
            }
            let (wall, cpu) = (progress.took, round.elapsed().cpu);
            spent.record(progress.label.as_str(), Elapsed { wall, cpu });
            round = Stopwatch::start();
            if progress.label.as_str() == "train/refresh-weights" {
                done += 1;
                let (wall, processor) = seconds(began.elapsed());
                println!(
                    "{done} of {iterations} iterations after {wall:.1} s, {processor:.1} s of processor time"
                );
            }
        },
    )?;
    let of = |prefix: &str| {
        let those = spent.iter().filter(|(label, _)| label.starts_with(prefix));
        those.fold((0.0, 0.0), |(wall, processor), (_, elapsed)| {
            let more = seconds(elapsed);
            (wall + more.0, processor + more.1)
        })
    };
    println!(
        "wall {:.1} s, keys {:.1} s",
        trained.took.as_secs_f64(),
        of("keys/").0
    );
    for label in LABELS {
        let (wall, processor) = of(label);
        println!(
            "{label}: {:.3} s an iteration, {:.3} s of processor time",
            wall / iterations as f64,
            processor / iterations as f64
        );
    }
    assert_eq!(trained.root, cost.root.times(iterations));
    let sent = |label: &str| trained.traffic.of(1).sent_in(label).bytes as f64 / 1e6;
    let training: f64 = LABELS.iter().map(|label| sent(label)).sum();
    println!(
        "a party sends {:.1} MB for keys, {:.2} MB an iteration",
        trained.traffic.of(1).sent_total().bytes as f64 / 1e6 - training,
        training / iterations as f64
    );
    let peak = peak_rss_bytes().unwrap_or(0);
    println!("peak memory {:.2} GB", peak as f64 / 1e9);
    let centred = |rows: &Samples| CentredRows::centred(rows, &trained.totals);
    let parties = parties.iter().map(centred).collect::<Result<Vec<_>, _>>()?;
    let test = centred(&test)?;
    let mut largest = 0.0f64;
    let twin = train_mlp(config, &parties, |progress, weights| {
        largest = largest.max(progress.max_abs_u);
        let done = progress.iteration + 1;
        if done % 25 == 0 || done == iterations {
            let accuracy = 100.0 * weights.accuracy(config, &test);
            println!(
                "twin after {done}: test accuracy {accuracy:.2} %, largest predictor {largest:.2}"
            );
        }
    })?;
    println!(
        "largest difference of a weight {:.2e}",
        trained.weights.max_abs_diff(&twin)
    );
    let (mut worst, mut same) = (0.0f64, 0);
    for row in 0..test.len() {
        let outputs = [&trained.weights, &twin].map(|w| w.outputs(config, test.row(row)));
        let differences = outputs[0]
            .iter()
            .zip(&outputs[1])
            .map(|(a, b)| (a - b).abs());
        worst = differences.fold(worst, f64::max);
        let [a, b] = [&trained.weights, &twin].map(|w| w.predict(config, test.row(row)));
        same += usize::from(a == b);
    }
    println!(
        "largest difference of a test output {worst:.2e}, {same} of {} predictions the same",
        test.len()
    );
    println!(
        "test accuracy {:.2} %, twin {:.2} %",
        100.0 * trained.weights.accuracy(config, &test),
        100.0 * twin.accuracy(config, &test)
    );
    Ok(())
}

fn seconds(elapsed: Elapsed) -> (f64, f64) {
    let processor = elapsed.cpu.unwrap_or_default();
    (elapsed.wall.as_secs_f64(), processor.as_secs_f64())
}
