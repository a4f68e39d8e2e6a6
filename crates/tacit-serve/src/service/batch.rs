//! Requests of many connections, answered by one call of the head.
//!
//! Requests wait in a bounded queue. A thread takes the first, waits at most so long for company,
//! and gives the head all rows at once; other threads collect the next batch meanwhile. Handlers
//! never wait for a place in the queue: when it is full, the request is refused.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::limits::Limits;
use super::metrics::Metrics;
use crate::error::Error;
use crate::model::Model;
use crate::refusal::{Code, Refusal};

/// Rows of one request, the model they are for, and where the logits go.
struct Job {
    model: Arc<Model>,
    features: Vec<f32>,
    rows: usize,
    reply: oneshot::Sender<Result<Vec<f32>, Refusal>>,
}

/// Where requests wait for the head.
pub(crate) struct Queue {
    jobs: SyncSender<Job>,
    metrics: Arc<Metrics>,
}

impl Queue {
    /// Starts the head's threads. They end when the queue is dropped.
    pub(crate) fn start(limits: &Limits, metrics: &Arc<Metrics>) -> Result<Self, Error> {
        let (jobs, waiting) = sync_channel(limits.queue);
        let collector = Arc::new(Mutex::new(Collector {
            waiting,
            left: None,
            rows: limits.batch_rows,
            wait: Duration::from_micros(limits.batch_wait_us),
        }));
        for index in 0..limits.head_threads {
            let (collector, metrics) = (collector.clone(), metrics.clone());
            let work = move || {
                while let Some(batch) = collect(&collector) {
                    metrics.left_queue(batch.len());
                    answer_batch(batch, &metrics);
                }
            };
            let builder = std::thread::Builder::new().name(format!("head-{index}"));
            builder.spawn(work).map_err(Error::system)?;
        }
        let metrics = metrics.clone();
        Ok(Self { jobs, metrics })
    }

    /// The head's logits for checked features.
    pub(crate) async fn ask(
        &self,
        model: Arc<Model>,
        features: Vec<f32>,
    ) -> Result<Vec<f32>, Refusal> {
        let (reply, answer) = oneshot::channel();
        let rows = features.len() / model.rule.columns();
        let job = Job {
            model,
            features,
            rows,
            reply,
        };
        self.metrics.entered_queue();
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.jobs.try_send(job)
        {
            self.metrics.left_queue(1);
            return Err(overloaded("the queue is full"));
        }
        answer.await.unwrap_or_else(|_| Err(failed()))
    }
}

pub(crate) fn overloaded(what: &str) -> Refusal {
    let text = format!("{what}; ask again in a moment");
    Refusal::later(Code::Overloaded, text, Duration::from_millis(100))
}

fn failed() -> Refusal {
    Refusal::new(
        Code::HeadFailed,
        "the head failed; the server's log says why",
    )
}

struct Collector {
    waiting: Receiver<Job>,
    /// Would have made the last batch too large.
    left: Option<Job>,
    rows: usize,
    wait: Duration,
}

fn collect(collector: &Mutex<Collector>) -> Option<Vec<Job>> {
    let mut collector = collector.lock().unwrap_or_else(PoisonError::into_inner);
    let first = match collector.left.take() {
        Some(job) => job,
        None => collector.waiting.recv().ok()?,
    };
    let deadline = Instant::now() + collector.wait;
    let mut rows = first.rows;
    let mut batch = vec![first];
    while rows < collector.rows {
        let wait = deadline.saturating_duration_since(Instant::now());
        let Ok(job) = collector.waiting.recv_timeout(wait) else {
            break;
        };
        rows += job.rows;
        if rows > collector.rows {
            collector.left = Some(job);
            break;
        }
        batch.push(job);
    }
    Some(batch)
}

/// One call for each model in the batch: more than one only around a reload.
fn answer_batch(mut batch: Vec<Job>, metrics: &Metrics) {
    // Nobody waits any more where a client went away.
    batch.retain(|job| !job.reply.is_closed());
    while let Some(first) = batch.first() {
        let model = first.model.clone();
        let (jobs, rest) = batch
            .into_iter()
            .partition(|job| Arc::ptr_eq(&job.model, &model));
        answer_jobs(&model, jobs, metrics);
        batch = rest;
    }
}

fn answer_jobs(model: &Model, mut jobs: Vec<Job>, metrics: &Metrics) {
    let rows = jobs.iter().map(|job| job.rows).sum();
    let started = Instant::now();
    let outcome = if let [job] = &jobs[..] {
        call(model, &job.features, rows)
    } else {
        let features: Vec<f32> = jobs.iter().flat_map(|job| &job.features).copied().collect();
        call(model, &features, rows)
    };
    metrics.head_ran(rows, started.elapsed());
    match outcome {
        Ok(logits) => {
            let mut logits = &logits[..];
            for job in jobs {
                let (own, rest) = logits.split_at(job.rows * model.head.outputs());
                logits = rest;
                // A client that went away is nobody's error.
                let _ = job.reply.send(Ok(own.to_vec()));
            }
        }
        Err(problem) => {
            tracing::error!(model = %model.version, jobs = jobs.len(), %problem, "the head failed");
            if jobs.len() == 1 {
                jobs.drain(..)
                    .for_each(|job| drop(job.reply.send(Err(failed()))));
            }
            // What one request did to the head shall not fail the others.
            for job in jobs {
                answer_jobs(model, vec![job], metrics);
            }
        }
    }
}

/// Calls the head and checks what it returns.
fn call(model: &Model, features: &[f32], rows: usize) -> Result<Vec<f32>, String> {
    let answer = || model.head.answer(features, rows);
    let logits = catch_unwind(AssertUnwindSafe(answer))
        .map_err(|_| "it panicked".to_owned())?
        .map_err(|e| e.problem)?;
    let wanted = rows * model.head.outputs();
    if logits.len() != wanted {
        return Err(format!("{} logits where {wanted} belong", logits.len()));
    }
    if logits.iter().any(|x| !x.is_finite()) {
        return Err("a logit that is not finite".into());
    }
    Ok(logits)
}
