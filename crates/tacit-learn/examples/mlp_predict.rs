//! Predictions on MNIST with model and queries encrypted, all parties in this process: what they cost, and whether
//! they are those of the model in the clear.
//!
//! ```text
//! cargo run --release -p tacit-learn --example mlp_predict -- FOLDER [QUERIES [ITERATIONS]]
//! ```
//!
//! The model is the plaintext twin's after `ITERATIONS`, encrypted under the parties' key. Every query holds as many
//! test images as fit, alternately in expanded and in compact form.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::neural::encrypted::MlpPlan;
use tacit_learn::neural::serving::local::{Answers, Serving};
use tacit_learn::neural::serving::{Querier, Query, ServingCost, ServingPlan};
use tacit_learn::neural::{MlpConfig, train_mlp};
use tacit_transport::memory::Options;

#[path = "mnist/digits.rs"]
mod digits;

const PARTIES: usize = 10;
const MAX_ANSWERS: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let folder = arguments.get(1).ok_or("give the folder of the IDX files")?;
    let number = |at: usize, default: usize| match arguments.get(at) {
        Some(text) => text.parse::<usize>().map_err(|e| format!("`{text}`: {e}")),
        None => Ok(default),
    };
    let (count, iterations) = (number(2, 8)?, number(3, 100)?);
    let [train, test] = ["train", "t10k"].map(|name| digits::read(Path::new(folder), name));
    let (train, test) = (train?, test?);
    let totals = CentredRows(train.clone()).moments()?;
    let train = CentredRows::centred(&train, &totals)?;
    let test = CentredRows::centred(&test, &totals)?;
    let config = MlpConfig {
        iterations,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    let rows = train.deal(PARTIES)?;
    let sizes = rows.iter().map(|p| p.len()).collect();
    let weights = train_mlp(&config, &rows, |_, _| {})?;
    println!(
        "model in the clear: {:.2} % of the test images",
        100.0 * weights.accuracy(&config, &test)
    );

    let training = MlpPlan::new(config.clone(), sizes, 64)?;
    let plan = Arc::new(ServingPlan::new(&training, MAX_ANSWERS)?);
    let (margin, params) = (plan.answer_margin()?, plan.encryption.params.clone());
    println!("parameters {:?}", params.literal());
    println!(
        "queries at level {}, scale 2^{:.0}; answers flooded by {} bits, {:.1} bits of precision left, {:.0} bits above what refreshes carry over",
        plan.query_level(),
        plan.query_scale().log2(),
        margin.smudging().bits(),
        margin.precision_bits(),
        plan.carried_margin_bits()?
    );
    let cost = ServingCost::of(&plan);
    println!("once a model: {:?}", cost.prepare);
    println!(
        "a query: {:?}, {} refreshes, {} rounds",
        cost.query, cost.refreshes, cost.rounds
    );

    let names: Vec<String> = (0..PARTIES).map(|i| format!("site-{i}")).collect();
    let before = Clock::now();
    let mut serving = Serving::of_weights(plan.clone(), &names, &weights)?;
    println!("keys: {}", before.passed());
    let before = Clock::now();
    serving.answer(&Options::default(), |_| {})?;
    println!("model into place: {}", before.passed());

    let querier = Querier::new(plan.clone(), serving.collective_key().clone())?;
    let introduction = querier.introduction(true)?;
    let both = introduction.to_bytes(&params).len();
    let key = querier.introduction(false)?.to_bytes(&params).len();
    println!(
        "introduction: {:.2} MB, with the asking key {:.2} MB",
        key as f64 / 1e6,
        both as f64 / 1e6
    );

    let samples = plan.layout.samples();
    let rows_of = |query: usize| -> Vec<usize> {
        (0..samples)
            .map(|k| (query * samples + k) % test.len())
            .collect()
    };
    let mut sizes = BTreeMap::new();
    let mut clients = BTreeMap::new();
    for query in 0..count {
        let (rows, before) = (rows_of(query), Clock::now());
        let query = match query % 2 {
            0 => querier.ask(&test, &rows)?,
            _ => querier.ask_compact(&test, &rows)?,
        };
        let form = match query {
            Query::Expanded(_) => "expanded",
            Query::Compact(_) => "compact",
        };
        let bytes = query.to_bytes(&params);
        sizes.insert(form, bytes.len());
        let spent = before.elapsed().1;
        clients
            .entry(form)
            .and_modify(|s: &mut f64| *s = s.min(spent))
            .or_insert(spent);
        serving.submit(Query::from_bytes(&plan, &bytes)?, &introduction)?;
    }
    for (form, bytes) in &sizes {
        println!(
            "{form}: {:.1} kB a sample, client {:.3} ms of processor time a sample",
            *bytes as f64 / 1e3 / samples as f64,
            1e3 * clients[form] / samples as f64
        );
    }

    let before = Clock::now();
    let mut rounds = BTreeMap::<String, f64>::new();
    let mut last = processor_seconds();
    let answers = serving.answer(&Options::default(), |progress| {
        if progress.finished {
            let now = processor_seconds();
            *rounds
                .entry(progress.label.as_str().to_owned())
                .or_default() += now - last;
            last = now;
        }
    })?;
    let (wall, processor) = before.elapsed();
    assert_eq!(answers.counts, cost.query.times(count));
    let asked = (count * samples) as f64;
    println!(
        "{count} queries of {samples}: wall {wall:.2} s, {:.2} ms a sample; processor time of all parties {:.2} ms a sample",
        1e3 * wall / asked,
        1e3 * processor / asked
    );
    for (label, seconds) in &rounds {
        println!(
            "  {label}: {:.3} ms of processor time a sample",
            1e3 * seconds / asked
        );
    }
    let sent = |place: usize| answers.traffic.of(place).sent_total().bytes as f64 / 1e3 / asked;
    println!(
        "sent by a party: {:.1} kB a sample, by the root {:.1} kB",
        sent(1),
        sent(0)
    );
    println!(
        "an answer: {:.1} kB a sample",
        answers.answers[0].len() as f64 / 1e3 / samples as f64
    );

    let (mut same, mut worst, mut wrong) = (0, 0.0f64, 0);
    let before = Clock::now();
    for (query, answer) in answers.answers.iter().enumerate() {
        let rows = rows_of(query);
        let outputs = querier.read(answer, rows.len())?;
        for (k, &row) in rows.iter().enumerate() {
            let clear = weights.outputs(&config, test.row(row));
            let differences = clear.iter().zip(outputs.row(k)).map(|(a, b)| (a - b).abs());
            worst = differences.fold(worst, f64::max);
            let largest = |v: &[f64]| (0..v.len()).max_by(|&a, &b| v[a].total_cmp(&v[b]));
            same += usize::from(largest(&clear) == largest(outputs.row(k)));
            wrong += usize::from(largest(outputs.row(k)) != Some(test.labels()[row] as usize));
        }
    }
    println!(
        "reading: {:.3} ms of processor time a sample, clear outputs included",
        1e3 * before.elapsed().1 / asked
    );
    println!(
        "{same} of {asked} predictions as in the clear, largest difference of an output {worst:.1e}; {:.2} % right",
        100.0 - 100.0 * wrong as f64 / asked
    );

    for _ in 0..2 {
        let before = Clock::now();
        let query = querier.ask(&test, &[0])?;
        serving.submit(query, &introduction)?;
        let answers: Answers = serving.answer(&Options::default(), |_| {})?;
        querier.read(&answers.answers[0], 1)?;
        println!(
            "a single sample, from encryption to reading: {}",
            before.passed()
        );
    }
    println!("peak memory {:.0} MiB", peak_mib());
    Ok(())
}

struct Clock(Instant, f64);

impl Clock {
    fn now() -> Self {
        Self(Instant::now(), processor_seconds())
    }

    /// Wall and processor seconds since.
    fn elapsed(&self) -> (f64, f64) {
        (self.0.elapsed().as_secs_f64(), processor_seconds() - self.1)
    }

    fn passed(&self) -> String {
        let (wall, processor) = self.elapsed();
        format!("{wall:.2} s, {processor:.2} s of processor time")
    }
}

/// User and system time of this process so far, where the system tells (ticks of 1/100 s); else 0.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let field = |at: usize| -> f64 {
        let text = after_name.split_whitespace().nth(at);
        text.and_then(|t| t.parse().ok()).unwrap_or(0.0)
    };
    (field(11) + field(12)) / 100.0
}

/// Largest resident memory of this process so far, where the system tells; else 0.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    number.unwrap_or(0.0) / 1024.0
}
