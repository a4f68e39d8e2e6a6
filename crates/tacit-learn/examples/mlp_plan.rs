//! Predicts what an iteration of a network's encrypted training costs on this machine, and runs a few.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_plan -- [ITERATIONS [CALIBRATION [choose|convolution]]]
//! ```
//!
//! 784-64-64-10 among ten parties with rows of noise: time does not depend on what is learnt. `CALIBRATION` is a file of prices, read
//! if it exists, written if not. With `choose`, all plans of 300 iterations of 640 samples, or as many samples, are compared before;
//! with `convolution`, the network begins with one, of LeNet's size.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use tacit_learn::encrypted::LocalRows;
use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::planner::{
    Calibration, Goal, PlanCost, Setting, Space, Task, choose, measure,
};
use tacit_learn::neural::encrypted::{MlpPlan, local};
use tacit_learn::neural::{Convolution, MlpConfig};
use tacit_report::measure::peak_rss_bytes;
use tacit_transport::memory::Options;

#[path = "mnist/argument.rs"]
mod argument;

use argument::argument;

const PARTIES: usize = 10;
const ROWS: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let none = || Some(String::new());
    let prices = argument(2, "a file of prices", none())?;
    let file = Some(Path::new(&prices)).filter(|_| !prices.is_empty());
    let what = argument(3, "`choose`, `convolution` or nothing", none())?;
    let network = match what.as_str() {
        "convolution" => {
            let lenet = Convolution {
                side: 28,
                kernel: 5,
                stride: 3,
                pool: 2,
                channels: 16,
            };
            MlpConfig::convolutional(lenet, &[64, 10])
        }
        _ => MlpConfig::new(&[784, 64, 64, 10]),
    };
    let config = MlpConfig {
        iterations: argument(1, "iterations", Some(4))?,
        ..network
    };
    let plan = Arc::new(MlpPlan::new(config, vec![ROWS; PARTIES], 64)?);
    println!("parameters {:?}", plan.encryption.params.literal());

    let mut calibration = match file.filter(|file| file.exists()) {
        Some(file) => Calibration::from_json(&std::fs::read_to_string(file)?)?,
        None => Calibration::default(),
    };
    let (began, spent) = (Instant::now(), ProcessTime::now());
    let units = calibration.units_for(&plan, measure)?.clone();
    println!(
        "this machine measured in {:.1} s, {:.1} s of processor time",
        began.elapsed().as_secs_f64(),
        spent.elapsed().as_secs_f64()
    );
    for (operation, seconds) in &units.seconds {
        println!("  {operation:24} {:9.1} µs", 1e6 * seconds);
    }
    if what == "choose" {
        choose_among(&mut calibration)?;
    }
    if let Some(file) = file {
        std::fs::write(file, calibration.to_json()?)?;
    }
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let cost = PlanCost::of(&plan, &units, Setting::Together { cores })?;

    let measured = run(&plan)?;
    println!(
        "\n{:26} {:>9} {:>9} {:>7} {:>9} {:>9}",
        "an iteration", "predicted", "measured", "ratio", "predicted", "measured"
    );
    println!(
        "{:26} {:>9} {:>9} {:>7} {:>9} {:>9}",
        "", "cpu s", "cpu s", "", "wall s", "wall s"
    );
    let mut all = [0.0; 4];
    for round in &cost.iteration {
        let (cpu, wall) = measured
            .rounds
            .get(round.label)
            .copied()
            .unwrap_or_default();
        let row = [round.processor_seconds, cpu, round.wall_seconds, wall];
        all.iter_mut().zip(row).for_each(|(all, x)| *all += x);
        line(round.label, row);
    }
    line("all", all);
    let (cpu, wall) = measured.keys;
    line(
        "keys, once",
        [
            cost.keys.processor_seconds,
            cpu,
            cost.keys.wall_seconds,
            wall,
        ],
    );
    println!(
        "\na party sends {:.2} MB an iteration, {:.2} MB predicted; {:.1} MB for keys, {:.1} MB predicted",
        measured.sent / 1e6,
        cost.iteration_sent() / 1e6,
        measured.sent_for_keys / 1e6,
        cost.keys.sent / 1e6
    );
    println!(
        "peak memory {:.2} GB, {:.2} GB predicted",
        peak_rss_bytes().unwrap_or(0) as f64 / 1e9,
        cost.memory_bytes / 1e9
    );
    Ok(())
}

/// Compares both rings, all moduli and batches.
fn choose_among(calibration: &mut Calibration) -> Result<(), Box<dyn std::error::Error>> {
    let config = MlpConfig::new(&[784, 64, 64, 10]);
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    let task = Task {
        config: config.clone(),
        rows: vec![6_000; PARTIES],
        lambda_s: 64,
        setting: Setting::Together { cores },
        tolerance: 0.02,
    };
    let mut units = |plan: &MlpPlan| calibration.units_for(plan, measure).cloned();
    let choice = choose(&task, &Space::around(&config), Goal::Samples, &mut units)?;
    println!("{}", choice.to_text(60));
    Ok(())
}

fn line(label: &str, [cpu, measured_cpu, wall, measured_wall]: [f64; 4]) {
    let ratio = cpu / measured_cpu;
    println!("{label:26} {cpu:9.3} {measured_cpu:9.3} {ratio:7.2} {wall:9.3} {measured_wall:9.3}");
}

#[derive(Default)]
struct Measured {
    /// Processor and wall seconds of an iteration, by label.
    rounds: BTreeMap<String, (f64, f64)>,
    keys: (f64, f64),
    sent: f64,
    sent_for_keys: f64,
}

/// Trains, and takes the mean of all iterations but the first, which also decodes the keys.
fn run(plan: &Arc<MlpPlan>) -> Result<Measured, Box<dyn std::error::Error>> {
    let iterations = plan.config.iterations;
    let names: Vec<String> = (0..PARTIES).map(|i| format!("site-{i}")).collect();
    let mut out = Measured::default();
    let (mut last, mut done) = (ProcessTime::now(), 0);
    let mut first = BTreeMap::<String, (f64, f64)>::new();
    let trained = local::train(plan, &names, rows()?, &Options::default(), |progress| {
        if !progress.finished {
            return;
        }
        let now = ProcessTime::now();
        let cpu = now.duration_since(last).as_secs_f64();
        last = now;
        let wall = progress.took.as_secs_f64();
        let label = progress.label.as_str();
        if label.starts_with("keys/") {
            out.keys.0 += cpu;
            out.keys.1 += wall;
        }
        let into = if done == 0 {
            &mut first
        } else {
            &mut out.rounds
        };
        let entry = into.entry(label.to_owned()).or_default();
        entry.0 += cpu;
        entry.1 += wall;
        done += usize::from(label == "train/refresh-weights");
    })?;
    let later = (iterations - 1).max(1) as f64;
    for (cpu, wall) in out.rounds.values_mut() {
        *cpu /= later;
        *wall /= later;
    }
    // Keys are decoded in the first forward round.
    let both = [&first, &out.rounds].map(|r| r.get("train/forward").copied().unwrap_or_default());
    out.keys.0 += both[0].0 - both[1].0;
    out.keys.1 += both[0].1 - both[1].1;
    let traffic = trained.traffic.of(1);
    let in_training: u64 = out
        .rounds
        .keys()
        .filter(|l| l.starts_with("train/"))
        .map(|label| traffic.sent_in(label).bytes)
        .sum();
    let for_keys: u64 = (traffic.sent.iter())
        .filter(|(label, _)| label.as_str().starts_with("keys/"))
        .map(|(_, flow)| flow.bytes)
        .sum();
    out.sent = in_training as f64 / iterations as f64;
    out.sent_for_keys = for_keys as f64;
    let wall: Duration = trained.rounds.iter().map(|r| r.took).sum();
    println!("measured in {:.1} s", wall.as_secs_f64());
    Ok(out)
}

/// Rows of noise.
fn rows() -> Result<Vec<Box<dyn LocalRows>>, tacit_learn::Error> {
    let party = |i: usize| {
        let value = |k: usize| (((k + 7 * i) as f64) * 0.618_034).fract() - 0.5;
        let labels = (0..ROWS).map(|k| (k % 10) as f64).collect();
        let rows = Samples::new(784, (0..784 * ROWS).map(value).collect(), labels)?;
        Ok(Box::new(rows) as Box<dyn LocalRows>)
    };
    (0..PARTIES).map(party).collect()
}
