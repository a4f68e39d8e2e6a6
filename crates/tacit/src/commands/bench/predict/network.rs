//! Predictions of a network.

use std::sync::Arc;

use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::MlpPlan;
use tacit_learn::neural::serving::local::{Answers, Serving};
use tacit_learn::neural::serving::{Introduction, Querier, Query, ServingPlan};
use tacit_learn::neural::{Matrix, MlpConfig, MlpWeights, train_mlp};
use tacit_report::measure::{Elapsed, Stopwatch, peak_rss_bytes};
use tacit_report::{Report, Run, Section};
use tacit_transport::memory::Options;

use super::super::rows::RowsArgs;
use super::{BenchPredict, recorded};
use crate::error::Context;
use crate::study::Margins;
use crate::study::network::Held;
use crate::{Console, Error, Outcome};

/// Hidden widths where none are given.
const HIDDEN: [usize; 2] = [64, 64];

/// Rows that are asked about together, unless said otherwise.
const BATCH: u32 = 256;

/// What a batch of queries came to.
struct Asked {
    /// Queries, and the rows that one holds.
    queries: usize,
    capacity: usize,
    /// At the querier: encryption and encoding of queries; decoding and decryption of answers.
    asking: Elapsed,
    reading: Elapsed,
    /// At the parties.
    answering: Elapsed,
    /// Bytes of all queries, and of all answers.
    up: usize,
    down: usize,
    /// Bytes that a party sent.
    sent: f64,
    /// Largest difference of an output from the twin's; rows given the same class, and the right one.
    difference: f64,
    same: usize,
    right: usize,
}

/// Whoever asks, and whom.
struct Bench {
    plan: Arc<ServingPlan>,
    serving: Serving,
    querier: Querier,
    introduction: Introduction,
    compact: bool,
    config: MlpConfig,
    twin: MlpWeights,
    test: Samples,
}

impl Bench {
    /// A query about rows of the table, as it is sent.
    fn ask(&self, rows: &[usize]) -> Result<Vec<u8>, Error> {
        let query = match self.compact {
            true => self.querier.ask_compact(&self.test, rows),
            false => self.querier.ask(&self.test, rows),
        };
        let query = query.failed(|| "a query could not be encrypted")?;
        Ok(query.to_bytes(&self.plan.encryption.params))
    }

    /// Answers to queries, from the parties.
    fn answers(&mut self, queries: &[Vec<u8>]) -> Result<Answers, Error> {
        let refused = || "a query was refused";
        for bytes in queries {
            let query = Query::from_bytes(&self.plan, bytes).failed(refused)?;
            (self.serving.submit(query, &self.introduction)).failed(refused)?;
        }
        let answers = self.serving.answer(&Options::default(), |_| {});
        answers.failed(|| "the queries were not answered")
    }

    fn read(&self, answer: &[u8], rows: usize) -> Result<Matrix, Error> {
        let read = self.querier.read(answer, rows);
        read.failed(|| "an answer could not be read")
    }

    /// Asks about so many rows of the table, over and over again if it has fewer.
    fn batch(&mut self, rows: usize, console: &Console) -> Result<Asked, Error> {
        let capacity = self.plan.layout.samples();
        let all: Vec<usize> = (0..rows).map(|row| row % self.test.len()).collect();
        let chunks: Vec<&[usize]> = all.chunks(capacity).collect();
        let watch = Stopwatch::start();
        let queries = chunks
            .iter()
            .map(|rows| self.ask(rows))
            .collect::<Result<Vec<_>, _>>()?;
        let asking = watch.elapsed();
        let phase = console.progress().open_ended("answering encrypted queries");
        let watch = Stopwatch::start();
        let answers = self.answers(&queries)?;
        let answering = watch.elapsed();
        phase.finish();
        let watch = Stopwatch::start();
        let outputs = (chunks.iter().zip(&answers.answers))
            .map(|(rows, answer)| self.read(answer, rows.len()))
            .collect::<Result<Vec<_>, _>>()?;
        let reading = watch.elapsed();

        let (mut difference, mut same, mut right) = (0.0f64, 0, 0);
        for (rows, outputs) in chunks.iter().zip(&outputs) {
            for (k, &row) in rows.iter().enumerate() {
                let clear = self.twin.outputs(&self.config, self.test.row(row));
                let pairs = clear.iter().zip(outputs.row(k));
                difference = pairs.fold(difference, |worst, (a, b)| worst.max((a - b).abs()));
                let class = largest(outputs.row(k));
                same += usize::from(class == largest(&clear));
                right += usize::from(class == Some(self.test.labels()[row] as usize));
            }
        }
        Ok(Asked {
            queries: queries.len(),
            capacity,
            asking,
            reading,
            answering,
            up: queries.iter().map(Vec::len).sum(),
            down: answers.answers.iter().map(Vec::len).sum(),
            sent: answers.traffic.of(1).sent_total().bytes as f64,
            difference,
            same,
            right,
        })
    }

    /// One row, from its encryption to its outputs.
    fn single(&mut self) -> Result<Elapsed, Error> {
        let watch = Stopwatch::start();
        let query = self.ask(&[0])?;
        let answers = self.answers(&[query])?;
        self.read(&answers.answers[0], 1)?;
        Ok(watch.elapsed())
    }
}

fn largest(values: &[f64]) -> Option<usize> {
    (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]))
}

fn wall(elapsed: Elapsed) -> f64 {
    elapsed.wall.as_secs_f64()
}

fn processor(elapsed: Elapsed) -> f64 {
    elapsed.cpu.unwrap_or_default().as_secs_f64()
}

/// Runs the benchmark.
pub fn run(args: &BenchPredict, rows: &RowsArgs, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("bench-predict", &args.measure)?;
    let (job, batch) = (&args.job, args.batch.unwrap_or(BATCH) as usize);
    let (source, mut settings) = rows.read()?;
    let hidden = match &args.layers[..] {
        [] => &HIDDEN[..],
        given => given,
    };
    settings.iterations = job.iterations.unwrap_or(settings.iterations);
    let config = settings.config(&source.widths(hidden), job.seed)?;
    let (names, cohorts) = source.deal(job.parties.into(), Held::Test, job.seed)?;
    let (parties, test) = cohorts.standardised(&cohorts.totals()?)?;
    let phase = (console.progress()).phase("plaintext twin", config.iterations as u64);
    let twin = train_mlp(&config, &parties, |_, _| phase.inc())
        .failed(|| "the training in the clear failed")?;
    phase.finish();
    let accuracy = twin.accuracy(&config, &test);

    let unfit = || "no encryption parameters fit these predictions";
    let training = MlpPlan::new(config.clone(), cohorts.sizes(), job.lambda_s).bad_input(unfit)?;
    // The batch, and a row by itself.
    let probe = ServingPlan::new(&training, 1).bad_input(unfit)?;
    let answers = batch.div_ceil(probe.layout.samples()) + 1;
    let plan = Arc::new(ServingPlan::new(&training, answers).bad_input(unfit)?);
    let watch = Stopwatch::start();
    let mut serving =
        Serving::of_weights(plan.clone(), &names, &twin).failed(|| "the keys could not be made")?;
    let keys = watch.elapsed();
    let watch = Stopwatch::start();
    (serving.answer(&Options::default(), |_| {})).failed(|| "the model did not come into place")?;
    let model = watch.elapsed();
    let failed = || "no querier's key";
    let querier = Querier::new(plan.clone(), serving.collective_key().clone()).failed(failed)?;
    let introduction = querier.introduction(args.compact).failed(failed)?;
    let introduced = introduction.to_bytes(&plan.encryption.params).len();
    let mut bench = Bench {
        compact: args.compact,
        plan: plan.clone(),
        serving,
        querier,
        introduction,
        config: config.clone(),
        twin,
        test,
    };
    let asked = bench.batch(batch, console)?;
    let single = bench.single()?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("bench predict", env!("CARGO_PKG_VERSION"), job.seed).failed(failed)?;
    job.describe(&mut run)?;
    run.param("model", &config).failed(failed)?;
    run.param("compact", args.compact).failed(failed)?;
    let ring = format!("{:?}", plan.encryption.params.literal());
    run.param("ring", ring).failed(failed)?;
    let count = batch as f64;
    let all = [asked.asking, asked.answering, asked.reading];
    let [amortised, amortised_cpu] =
        [wall, processor].map(|of| 1e3 * all.map(of).iter().sum::<f64>() / count);
    let each = |seconds: f64| 1e3 * seconds / count;
    let agrees = asked.difference < 2e-2;
    let figures = [
        ("amortised_ms", amortised),
        ("amortised_cpu_ms", amortised_cpu),
        ("batch", count),
        ("queries", asked.queries as f64),
        ("rows_per_query", asked.capacity as f64),
        ("client_ask_cpu_ms", each(processor(asked.asking))),
        ("client_read_cpu_ms", each(processor(asked.reading))),
        ("parties_ms", each(wall(asked.answering))),
        ("parties_cpu_ms", each(processor(asked.answering))),
        ("upload_bytes_per_row", asked.up as f64 / count),
        ("download_bytes_per_row", asked.down as f64 / count),
        ("sent_bytes_per_party_and_row", asked.sent / count),
        ("introduction_bytes", introduced as f64),
        ("single_ms", 1e3 * wall(single)),
        ("single_cpu_ms", 1e3 * processor(single)),
        ("keygen_s", wall(keys)),
        ("model_s", wall(model)),
        ("model_cpu_s", processor(model)),
        ("twin.max_abs_diff", asked.difference),
        ("twin.same_predictions", asked.same as f64 / count),
        ("twin.accuracy", accuracy),
        ("encrypted.accuracy", asked.right as f64 / count),
        ("query.ok", f64::from(u8::from(agrees))),
    ];
    let table = recorded(&mut run, &figures)?;
    if let Some(bytes) = peak_rss_bytes() {
        run.figure("peak_rss_mib", bytes as f64 / 1048576.0)
            .failed(failed)?;
    }
    console.table(&table)?;
    let margins = Margins {
        params: &plan.encryption.params,
        refresh_level: training.encryption.refresh_level,
        mask: training.encryption.mask,
        parties: names.len(),
        lambda_s: plan.encryption.lambda_s,
        releases: vec![("answers to queries", plan.answer_margin().ok())],
    };
    let report = Report::new("Encrypted predictions of a network")
        .summary(format!(
            "Widths {:?}, {} parties, {batch} rows in {} queries of up to {}: {amortised:.2} ms a row, the querier's \
             encryption and decryption and all parties' work included; {:.0} ms for a row by itself.",
            config.layers,
            names.len(),
            asked.queries,
            asked.capacity,
            1e3 * wall(single)
        ))
        .section(Section::new("Figures").table(table))
        .section(margins.section())
        .limit("All parties ran in this process; the network's latency is not in the times.")
        .limit("The model is the plaintext twin's, encrypted as a training under encryption leaves it.")
        .limit("Rows are held-out ones, taken again where there are fewer than asked about.");
    Ok(Outcome::measured(run, report, folder))
}
