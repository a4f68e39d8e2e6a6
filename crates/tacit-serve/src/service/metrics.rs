//! What the server counts, in the text format of Prometheus. No features, no names of clients.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::refusal::Code;

/// Upper bounds of the latency histograms, in microseconds.
const BOUNDS_US: [u64; 15] = [
    100, 250, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000,
];

/// Counters of a server since its start.
#[derive(Debug)]
pub struct Metrics {
    requests: AtomicU64,
    answers: AtomicU64,
    rows: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    refusals: Vec<AtomicU64>,
    connections: AtomicU64,
    open: AtomicU64,
    turned_away: AtomicU64,
    handshakes_failed: AtomicU64,
    queued: AtomicU64,
    batches: AtomicU64,
    batch_rows: AtomicU64,
    reloads: AtomicU64,
    latency: Histogram,
    head: Histogram,
}

#[derive(Default, Debug)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|&bound| bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.count.fetch_add(1, Relaxed);
        self.sum_us.fetch_add(micros, Relaxed);
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let zero = AtomicU64::default;
        Self {
            requests: zero(),
            answers: zero(),
            rows: zero(),
            bytes_in: zero(),
            bytes_out: zero(),
            refusals: Code::ALL.iter().map(|_| zero()).collect(),
            connections: zero(),
            open: zero(),
            turned_away: zero(),
            handshakes_failed: zero(),
            queued: zero(),
            batches: zero(),
            batch_rows: zero(),
            reloads: zero(),
            latency: Histogram::default(),
            head: Histogram::default(),
        }
    }

    pub(crate) fn request(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn answered(&self, rows: usize, bytes: usize, time: Duration) {
        self.answers.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows as u64, Relaxed);
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
        self.latency.add(time);
    }

    pub(crate) fn refused(&self, code: Code, bytes: usize) {
        if let Some(index) = Code::ALL.iter().position(|&known| known == code) {
            self.refusals[index].fetch_add(1, Relaxed);
        }
        self.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn opened(&self) {
        self.connections.fetch_add(1, Relaxed);
        self.open.fetch_add(1, Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }

    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Relaxed);
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    pub(crate) fn entered_queue(&self) {
        self.queued.fetch_add(1, Relaxed);
    }

    pub(crate) fn left_queue(&self, requests: usize) {
        self.queued.fetch_sub(requests as u64, Relaxed);
    }

    pub(crate) fn head_ran(&self, rows: usize, time: Duration) {
        self.batches.fetch_add(1, Relaxed);
        self.batch_rows.fetch_add(rows as u64, Relaxed);
        self.head.add(time);
    }

    pub(crate) fn reloaded(&self) {
        self.reloads.fetch_add(1, Relaxed);
    }

    /// Requests answered.
    pub fn answers(&self) -> u64 {
        self.answers.load(Relaxed)
    }

    /// Requests refused for this reason.
    pub fn refusals(&self, code: Code) -> u64 {
        let index = Code::ALL.iter().position(|&known| known == code);
        index.map_or(0, |index| self.refusals[index].load(Relaxed))
    }

    /// Handshakes that failed: no certificate, a foreign one, no TLS, too slow.
    pub fn handshakes_failed(&self) -> u64 {
        self.handshakes_failed.load(Relaxed)
    }

    /// Connections closed at once because there were too many.
    pub fn connections_turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }

    /// Calls of the head, and rows in them.
    pub fn batches(&self) -> (u64, u64) {
        (self.batches.load(Relaxed), self.batch_rows.load(Relaxed))
    }

    /// Everything, in the text format of Prometheus.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for (name, kind, help, value) in [
            (
                "requests_total",
                "counter",
                "Requests begun",
                &self.requests,
            ),
            (
                "answers_total",
                "counter",
                "Requests answered",
                &self.answers,
            ),
            ("rows_total", "counter", "Rows answered", &self.rows),
            (
                "received_bytes_total",
                "counter",
                "Bytes of bodies received",
                &self.bytes_in,
            ),
            (
                "sent_bytes_total",
                "counter",
                "Bytes of bodies sent",
                &self.bytes_out,
            ),
            (
                "connections_total",
                "counter",
                "Connections accepted",
                &self.connections,
            ),
            ("connections_open", "gauge", "Connections now", &self.open),
            (
                "connections_turned_away_total",
                "counter",
                "Connections beyond the limit",
                &self.turned_away,
            ),
            (
                "handshakes_failed_total",
                "counter",
                "TLS handshakes that failed",
                &self.handshakes_failed,
            ),
            (
                "queue_requests",
                "gauge",
                "Requests waiting for the head",
                &self.queued,
            ),
            (
                "batches_total",
                "counter",
                "Calls of the head",
                &self.batches,
            ),
            (
                "batch_rows_total",
                "counter",
                "Rows in calls of the head",
                &self.batch_rows,
            ),
            (
                "reloads_total",
                "counter",
                "Heads loaded after the first",
                &self.reloads,
            ),
        ] {
            header(&mut out, name, kind, help);
            line(&mut out, name, "", value.load(Relaxed));
        }
        header(
            &mut out,
            "refusals_total",
            "counter",
            "Requests refused, by code",
        );
        for (code, count) in Code::ALL.iter().zip(&self.refusals) {
            let label = format!("{{code=\"{code}\"}}");
            line(&mut out, "refusals_total", &label, count.load(Relaxed));
        }
        histogram(
            &mut out,
            "answer_seconds",
            "From headers to answer",
            &self.latency,
        );
        histogram(&mut out, "head_seconds", "Calls of the head", &self.head);
        out
    }
}

fn header(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "# HELP tacit_serve_{name} {help}.\n# TYPE tacit_serve_{name} {kind}\n"
    );
}

fn line(out: &mut String, name: &str, label: &str, value: u64) {
    let _ = writeln!(out, "tacit_serve_{name}{label} {value}");
}

fn histogram(out: &mut String, name: &str, help: &str, histogram: &Histogram) {
    header(out, name, "histogram", help);
    let mut sum = 0;
    // Read before the buckets, so that the last bucket is never below another.
    let count = histogram.count.load(Relaxed);
    for (bound, bucket) in BOUNDS_US.iter().zip(&histogram.buckets) {
        sum += bucket.load(Relaxed);
        let label = format!("_bucket{{le=\"{}\"}}", *bound as f64 / 1e6);
        line(out, name, &label, sum);
    }
    let count = count.max(sum);
    line(out, name, "_bucket{le=\"+Inf\"}", count);
    let seconds = histogram.sum_us.load(Relaxed) as f64 / 1e6;
    let _ = writeln!(out, "tacit_serve_{name}_sum {seconds}");
    line(out, name, "_count", count);
}
