//! How much of the server anybody may have.
//!
//! Every quantity that a client could grow has a bound here: connections, requests and bytes in
//! flight, seconds, rows. Defaults suit a head of some megaflops on two processors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::error::Error;
use crate::message::PREAMBLE;

/// Bounds of a server. In TOML any subset may be given; the rest stays at its default.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Rows of a request.
    pub max_rows: usize,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Bytes of all bodies in flight together.
    pub max_memory_bytes: usize,
    /// Connections at a time; further ones are closed at once.
    pub max_connections: usize,
    /// Requests at a time on one connection.
    pub max_streams: u32,
    /// Requests that wait for the head; beyond it they are refused.
    pub queue: usize,
    /// Rows that the head gets at once.
    pub batch_rows: usize,
    /// How long the first request of a batch waits for company.
    pub batch_wait_us: u64,
    /// Threads that run the head.
    pub head_threads: usize,
    /// From the first byte of a connection to the end of its TLS handshake.
    pub handshake_timeout_ms: u64,
    /// From a request's headers to the last byte of its body.
    pub body_timeout_ms: u64,
    /// A connection without requests is closed after one to two times this.
    pub idle_timeout_ms: u64,
    /// How long requests in flight may take after shutdown was asked for.
    pub drain_timeout_ms: u64,
    /// Rows a second of one client, in the long run; a request counts as one row at least.
    pub rows_per_second: f64,
    /// Rows of one client at once, after a pause.
    pub burst_rows: f64,
    /// Requests pinned to the version before a reload that are still answered.
    pub grace_requests: u64,
    /// For how long after a reload they are.
    pub grace_ms: u64,
    /// Repeats of the same row.
    pub repeats: Repeats,
}

/// Bounds on asking the same again: see [`RepeatGuard`](crate::RepeatGuard).
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Repeats {
    /// How long a row is remembered.
    pub window_ms: u64,
    /// Rows of one client that are remembered, newest first.
    pub remembered: usize,
    /// Times the same row is answered in a window; 0 is without bound.
    pub same: u32,
    /// Times rows with nearly the same direction are answered in a window; 0 is without bound.
    pub near: u32,
    /// Nearly: signatures that differ in at most so many of their 64 bits, about 2.8° each.
    pub near_bits: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_rows: 256,
            max_body_bytes: 4 << 20,
            max_memory_bytes: 256 << 20,
            max_connections: 512,
            max_streams: 64,
            queue: 1024,
            batch_rows: 256,
            batch_wait_us: 500,
            head_threads: 1,
            handshake_timeout_ms: 5_000,
            body_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            drain_timeout_ms: 10_000,
            rows_per_second: 1_000.0,
            burst_rows: 2_000.0,
            grace_requests: 10_000,
            grace_ms: 600_000,
            repeats: Repeats::default(),
        }
    }
}

impl Default for Repeats {
    fn default() -> Self {
        Self {
            window_ms: 3_600_000,
            remembered: 8_192,
            same: 16,
            near: 0,
            near_bits: 2,
        }
    }
}

impl Limits {
    /// Reads limits from TOML.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let limits: Self = toml::from_str(text).map_err(|e| Error::Setting {
            field: "limits",
            problem: e.to_string(),
        })?;
        limits.check()?;
        Ok(limits)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let bad = |field, problem: &str| {
            Err(Error::Setting {
                field,
                problem: problem.into(),
            })
        };
        for (field, value) in [
            ("max_rows", self.max_rows),
            ("max_body_bytes", self.max_body_bytes),
            ("max_connections", self.max_connections),
            ("max_streams", self.max_streams as usize),
            ("queue", self.queue),
            ("batch_rows", self.batch_rows),
            ("head_threads", self.head_threads),
        ] {
            if value == 0 {
                return bad(field, "must be at least 1");
            }
        }
        for (field, value) in [
            ("handshake_timeout_ms", self.handshake_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms),
        ] {
            if value == 0 {
                return bad(field, "must be at least 1: nothing may take for ever");
            }
        }
        if self.max_connections > 1 << 20 || self.head_threads > 1024 {
            return bad(
                "max_connections, head_threads",
                "at most 2^20 connections and 1024 threads",
            );
        }
        if self.max_body_bytes > u32::MAX as usize {
            return bad("max_body_bytes", "at most 2^32 − 1");
        }
        if self.max_body_bytes < PREAMBLE {
            return bad("max_body_bytes", "not even a preamble fits");
        }
        if self.max_memory_bytes / 5 < self.max_body_bytes {
            return bad(
                "max_memory_bytes",
                "must be five bodies at least: the bytes and the numbers they stand for",
            );
        }
        if !(self.rows_per_second > 0.0 && self.rows_per_second.is_finite()) {
            return bad("rows_per_second", "must be positive and finite");
        }
        if !(self.burst_rows >= self.max_rows as f64 && self.burst_rows.is_finite()) {
            return bad(
                "burst_rows",
                "must be max_rows at least, else the largest request never passes",
            );
        }
        if self.repeats.near_bits > 16 {
            return bad("near_bits", "at most 16 of 64: beyond it anything is near");
        }
        Ok(())
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }
}

/// One bucket of tokens a client: filled at a rate up to a burst, emptied by rows.
pub(crate) struct RateLimit {
    rate: f64,
    burst: f64,
    buckets: Mutex<HashMap<Arc<str>, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// Beyond so many clients, full buckets are forgotten: a new one is as full.
const BUCKETS: usize = 4096;

impl RateLimit {
    pub(crate) fn new(rate: f64, burst: f64) -> Self {
        Self {
            rate,
            burst,
            buckets: Mutex::default(),
        }
    }

    /// Takes `rows` (one at least); if there are too few, when to ask again.
    pub(crate) fn take(
        &self,
        client: &Arc<str>,
        rows: usize,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS && !buckets.contains_key(client) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.burst);
        }
        let bucket = buckets.entry(client.clone()).or_insert(Bucket {
            tokens: self.burst,
            at: now,
        });
        bucket.tokens = self.filled(bucket, now);
        bucket.at = now;
        let cost = rows.max(1) as f64;
        if bucket.tokens >= cost {
            bucket.tokens -= cost;
            return Ok(());
        }
        let wait = (cost - bucket.tokens) / self.rate;
        Err(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        self.rate.mul_add(elapsed, bucket.tokens).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_its_burst_then_its_rate_and_others_are_not_touched() {
        let limit = RateLimit::new(10.0, 20.0);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let start = Instant::now();
        assert_eq!(limit.take(&a, 20, start), Ok(()));
        assert_eq!(limit.take(&a, 5, start), Err(Duration::from_millis(500)));
        assert_eq!(limit.take(&b, 20, start), Ok(()));
        let later = start + Duration::from_millis(500);
        assert_eq!(limit.take(&a, 5, later), Ok(()));
        assert!(limit.take(&a, 0, later).is_err(), "no rows cost one");
    }

    #[test]
    fn buckets_of_idle_clients_are_forgotten() {
        let limit = RateLimit::new(1.0, 2.0);
        let start = Instant::now();
        for client in 0..BUCKETS {
            assert_eq!(limit.take(&client.to_string().into(), 1, start), Ok(()));
        }
        let later = start + Duration::from_secs(5);
        assert_eq!(limit.take(&"one more".into(), 1, later), Ok(()));
        assert_eq!(limit.buckets.lock().unwrap().len(), 1);
    }

    #[test]
    fn limits_are_read_and_checked() {
        let read = Limits::from_toml("max_rows = 7\n[repeats]\nsame = 3").unwrap();
        assert_eq!((read.max_rows, read.repeats.same), (7, 3));
        assert_eq!(read.queue, Limits::default().queue);
        for (text, field) in [
            ("max_rows = 0", "max_rows"),
            ("burst_rows = 10.0", "burst_rows"),
            ("rows_per_second = nan", "rows_per_second"),
            ("max_memory_bytes = 1", "max_memory_bytes"),
            ("idle_timeout_ms = 0", "idle_timeout_ms"),
            ("max_rose = 1", "limits"),
        ] {
            match Limits::from_toml(text) {
                Err(Error::Setting { field: named, .. }) => assert_eq!(named, field),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
