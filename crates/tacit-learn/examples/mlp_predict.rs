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

use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::neural::encrypted::MlpPlan;
use tacit_learn::neural::serving::local::{Answers, Serving};
use tacit_learn::neural::serving::{Querier, Query, ServingCost, ServingPlan};
use tacit_learn::neural::{MlpConfig, train_mlp};
use tacit_report::measure::{Elapsed, Phases, Stopwatch, peak_rss_bytes};
use tacit_transport::memory::Options;

#[path = "mnist/argument.rs"]
mod argument;
#[path = "mnist/digits.rs"]
mod digits;

use argument::argument;

const PARTIES: usize = 10;
const MAX_ANSWERS: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: String = argument(1, "the folder of the IDX files", None)?;
    let count = argument(2, "queries", Some(8))?;
    let iterations = argument(3, "iterations", Some(100))?;
    let [train, test] = ["train", "t10k"].map(|name| digits::read(Path::new(&folder), name));
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
    let before = Stopwatch::start();
    let mut serving = Serving::of_weights(plan.clone(), &names, &weights)?;
    println!("keys: {}", passed(&before));
    let before = Stopwatch::start();
    serving.answer(&Options::default(), |_| {})?;
    println!("model into place: {}", passed(&before));

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
        let (rows, before) = (rows_of(query), Stopwatch::start());
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
        let spent = seconds(before.elapsed()).1;
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

    let before = Stopwatch::start();
    let (mut rounds, mut round) = (Phases::default(), Stopwatch::start());
    let answers = serving.answer(&Options::default(), |progress| {
        if progress.finished {
            rounds.record(progress.label.as_str(), round.elapsed());
            round = Stopwatch::start();
        }
    })?;
    let (wall, processor) = seconds(before.elapsed());
    assert_eq!(answers.counts, cost.query.times(count));
    let asked = (count * samples) as f64;
    println!(
        "{count} queries of {samples}: wall {wall:.2} s, {:.2} ms a sample; processor time of all parties {:.2} ms a sample",
        1e3 * wall / asked,
        1e3 * processor / asked
    );
    for (label, elapsed) in rounds.iter() {
        println!(
            "  {label}: {:.3} ms of processor time a sample",
            1e3 * seconds(elapsed).1 / asked
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
    let before = Stopwatch::start();
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
        1e3 * seconds(before.elapsed()).1 / asked
    );
    println!(
        "{same} of {asked} predictions as in the clear, largest difference of an output {worst:.1e}; {:.2} % right",
        100.0 - 100.0 * wrong as f64 / asked
    );

    for _ in 0..2 {
        let before = Stopwatch::start();
        let query = querier.ask(&test, &[0])?;
        serving.submit(query, &introduction)?;
        let answers: Answers = serving.answer(&Options::default(), |_| {})?;
        querier.read(&answers.answers[0], 1)?;
        println!(
            "a single sample, from encryption to reading: {}",
            passed(&before)
        );
    }
    let peak = peak_rss_bytes().unwrap_or(0);
    println!("peak memory {:.2} GB", peak as f64 / 1e9);
    Ok(())
}

fn seconds(elapsed: Elapsed) -> (f64, f64) {
    let processor = elapsed.cpu.unwrap_or_default();
    (elapsed.wall.as_secs_f64(), processor.as_secs_f64())
}

fn passed(since: &Stopwatch) -> String {
    let (wall, processor) = seconds(since.elapsed());
    format!("{wall:.2} s, {processor:.2} s of processor time")
}
