//! A server and its clients in one process, over TLS on loopback, with malformed requests among
//! the good ones.
//!
//!     cargo run --release -p tacit-serve --example load -- --requests 100000 --malformed 0.01
//!
//! Options (default): `--requests` (100000), `--malformed` (0.01, a share of the requests),
//! `--connections` (4), `--in-flight` (8, on each connection), `--rows` (1, of a request),
//! `--columns` (64, of the features), `--hidden` (64), `--outputs` (10), `--levels` (0 for floats,
//! else 2 to 256), `--batch-wait-us` (500), `--reload-every` (0; else the head is loaded anew after
//! so many requests). Ends with an error if any good request got no answer, or a wrong one, or a
//! malformed one got an answer.
//!
//! To compare with sending raw inputs to the whole model, run it with `--columns` of the input and
//! the hidden width of the whole model.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tacit_serve::message::{Reply, read_reply, write_request};
use tacit_serve::{
    Answer, Answers, Authority, Client, ClientSettings, Clients, Dense, DenseHead, Encoding,
    FeatureRule, Head, Limits, Model, ModelVersion, Proof, Server, Settings,
};
use tokio::task::JoinSet;

const VERSION: ModelVersion = ModelVersion([42; 32]);
const CLIP: f32 = 4.0;

struct Options {
    requests: u64,
    malformed: f64,
    connections: u64,
    in_flight: u64,
    rows: usize,
    columns: usize,
    hidden: usize,
    outputs: usize,
    levels: u16,
    batch_wait_us: u64,
    reload_every: u64,
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut options = Self {
            requests: 100_000,
            malformed: 0.01,
            connections: 4,
            in_flight: 8,
            rows: 1,
            columns: 64,
            hidden: 64,
            outputs: 10,
            levels: 0,
            batch_wait_us: 500,
            reload_every: 0,
        };
        let mut words = std::env::args().skip(1);
        while let Some(name) = words.next() {
            let value = words.next().ok_or(format!("{name} needs a value"))?;
            match name.as_str() {
                "--requests" => options.requests = value.parse()?,
                "--malformed" => options.malformed = value.parse()?,
                "--connections" => options.connections = value.parse()?,
                "--in-flight" => options.in_flight = value.parse()?,
                "--rows" => options.rows = value.parse()?,
                "--columns" => options.columns = value.parse()?,
                "--hidden" => options.hidden = value.parse()?,
                "--outputs" => options.outputs = value.parse()?,
                "--levels" => options.levels = value.parse()?,
                "--batch-wait-us" => options.batch_wait_us = value.parse()?,
                "--reload-every" => options.reload_every = value.parse()?,
                _ => return Err(format!("{name} is not an option").into()),
            }
        }
        Ok(options)
    }
}

/// Numbers in [−1, 1), a function of the seed.
fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut bytes = vec![0; 2 * count];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    let number = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
    bytes.chunks_exact(2).map(number).collect()
}

fn head(options: &Options) -> Result<DenseHead, Box<dyn Error>> {
    let layer = |seed, inputs: usize, outputs| Dense {
        weights: numbers(seed, inputs * outputs),
        bias: numbers(seed + 1, outputs),
    };
    Ok(DenseHead::new(vec![
        layer(1, options.columns, options.hidden),
        layer(3, options.hidden, options.outputs),
    ])?)
}

/// What the clients count.
#[derive(Default)]
struct Tally {
    good: AtomicU64,
    refused: AtomicU64,
    wrong: AtomicU64,
    failed: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

/// A request with one thing wrong, of each kind in turn.
fn broken(mut request: Vec<u8>, index: u64) -> Vec<u8> {
    let last = request.len() - 1;
    match index % 6 {
        0 => request.truncate(last),
        1 => request.push(0),
        2 => request[0] ^= 1,
        3 => request[12..16].copy_from_slice(&u32::MAX.to_le_bytes()),
        4 => request[10] ^= 1,
        _ => request[20] ^= 1,
    }
    request
}

struct Asker {
    client: Client,
    head: DenseHead,
    rule: FeatureRule,
    tally: Arc<Tally>,
    next: Arc<AtomicU64>,
    server: Arc<Server>,
    options: Arc<Options>,
}

impl Asker {
    /// Asks until all requests are asked; the latencies of the good ones.
    async fn run(self: Arc<Self>) -> Result<Vec<u64>, tacit_serve::Error> {
        let (options, tally) = (&self.options, &self.tally);
        let every = (1.0 / options.malformed.max(1e-9)) as u64;
        // Drawn beforehand, so that the clock runs for asking only.
        let inputs: Vec<_> = (0..64)
            .map(|i| numbers(100 + i, options.rows * options.columns))
            .collect();
        let mut latencies = vec![];
        loop {
            let index = self.next.fetch_add(1, Relaxed);
            if index >= options.requests {
                return Ok(latencies);
            }
            if options.reload_every > 0 && index % options.reload_every == options.reload_every - 1
            {
                self.server
                    .reload(Model::new(self.head.clone(), VERSION, self.rule)?);
            }
            let features = &inputs[index as usize % inputs.len()];
            let mut request = write_request(&VERSION, &self.rule, features)
                .map_err(tacit_serve::Error::Features)?;
            let malformed = index % every == every - 1;
            if malformed {
                request = broken(request, index / every);
            }
            tally.sent.fetch_add(request.len() as u64, Relaxed);
            let started = Instant::now();
            let outcome = self.client.exchange(request).await;
            let elapsed = started.elapsed();
            let Ok(reply) = outcome else {
                tally.failed.fetch_add(1, Relaxed);
                continue;
            };
            tally.received.fetch_add(reply.len() as u64, Relaxed);
            match read_reply(&reply) {
                Ok(Reply::Answered(VERSION, answer))
                    if !malformed && self.right(features, &answer) =>
                {
                    latencies.push(elapsed.as_micros() as u64);
                    tally.good.fetch_add(1, Relaxed)
                }
                Ok(Reply::Refused(_)) if malformed => tally.refused.fetch_add(1, Relaxed),
                Ok(Reply::Refused(_)) => tally.failed.fetch_add(1, Relaxed),
                _ => tally.wrong.fetch_add(1, Relaxed),
            };
        }
    }

    /// With levels the features were rounded on the way: only the shape is compared.
    fn right(&self, features: &[f32], answer: &Answer) -> bool {
        let (rows, outputs) = (self.options.rows, self.options.outputs);
        match answer {
            Answer::Logits { values, outputs: o } if self.options.levels > 0 => {
                *o == outputs && values.len() == rows * outputs
            }
            Answer::Logits { values, .. } => {
                (self.head.answer(features, rows)).is_ok_and(|wanted| wanted == *values)
            }
            Answer::Classes(_) => false,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Arc::new(Options::read()?);
    let encoding = match options.levels {
        0 => Encoding::Float,
        levels => Encoding::Quantised { levels },
    };
    let rule = FeatureRule::new(options.columns, CLIP, encoding)?;
    let mut limits = Limits {
        rows_per_second: 1e9,
        burst_rows: 1e9,
        batch_wait_us: options.batch_wait_us,
        ..Limits::default()
    };
    limits.max_rows = limits.max_rows.max(options.rows);
    limits.repeats.same = 0;
    let authority = Authority::generate("load test", Duration::from_secs(86_400))?;
    let server = Arc::new(Server::start(
        Settings {
            address: "127.0.0.1:0".parse()?,
            operator: None,
            credentials: authority.server(&["localhost"])?,
            clients: Clients::Certificates {
                authorities: vec![authority.certificate()],
                revoked: vec![],
            },
            answers: Answers::Logits,
            limits,
        },
        Model::new(head(&options)?, VERSION, rule)?,
    )?);

    let (tally, next) = (Arc::new(Tally::default()), Arc::new(AtomicU64::new(0)));
    let runtime = tokio::runtime::Runtime::new()?;
    let started = Instant::now();
    let outcome: Result<Vec<u64>, Box<dyn Error>> = runtime.block_on(async {
        let mut asking = JoinSet::new();
        for connection in 0..options.connections {
            let asker = Arc::new(Asker {
                client: Client::new(ClientSettings {
                    address: server.address().to_string(),
                    server_name: "localhost".into(),
                    authorities: vec![authority.certificate()],
                    proof: Proof::Certificate(authority.client(&format!("client-{connection}"))?),
                    model: VERSION,
                    rule,
                    timeout: Duration::from_secs(60),
                    max_answer_bytes: 64 << 20,
                })?,
                head: head(&options)?,
                rule,
                tally: tally.clone(),
                next: next.clone(),
                server: server.clone(),
                options: options.clone(),
            });
            for _ in 0..options.in_flight {
                asking.spawn(asker.clone().run());
            }
        }
        let mut latencies = vec![];
        while let Some(done) = asking.join_next().await {
            latencies.extend(done??);
        }
        Ok(latencies)
    });
    let wall = started.elapsed().as_secs_f64();
    let mut latencies = outcome?;
    latencies.sort_unstable();
    let at = |share: f64| match latencies.len() {
        0 => f64::NAN,
        count => latencies[((count - 1) as f64 * share).round() as usize] as f64 / 1e3,
    };
    let [good, refused, wrong, failed, sent, received] = [
        &tally.good,
        &tally.refused,
        &tally.wrong,
        &tally.failed,
        &tally.sent,
        &tally.received,
    ]
    .map(|count| count.load(Relaxed));
    let (calls, rows) = server.metrics().batches();
    println!("requests            {}", options.requests);
    println!("good, answered      {good}");
    println!("malformed, refused  {refused}");
    println!("failed              {failed}");
    println!("wrong               {wrong}");
    println!("wall s              {wall:.2}");
    println!("requests a second   {:.0}", options.requests as f64 / wall);
    println!(
        "latency ms          p50 {:.2}  p90 {:.2}  p99 {:.2}  max {:.2}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    println!(
        "rows a call         {:.1}",
        rows as f64 / calls.max(1) as f64
    );
    println!(
        "bytes a request     {:.0} up, {:.0} down (bodies)",
        sent as f64 / options.requests as f64,
        received as f64 / options.requests as f64
    );
    drop(runtime);
    let server = Arc::into_inner(server).ok_or("somebody still holds the server")?;
    let drained = server.shutdown();
    if failed + wrong > 0 || good + refused != options.requests || !drained {
        return Err("not every request got what it should".into());
    }
    Ok(())
}
