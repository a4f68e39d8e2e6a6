//! Asking the same again and again.
//!
//! Noise drawn afresh for every query averages away over repeats; noise that is a function of a
//! client's secret and its input ("input-bound") does not, because the same input gives the same
//! features. This guard bounds repeats from the server's side, per client, over a window.
//!
//! **Same**: equal numbers, by a keyed hash of the row. Under input-bound noise this is exactly
//! "the same input again", whoever asks for it with the same secret.
//!
//! **Near**: nearly the same direction. Of 64 secret random sign vectors s_j the guard keeps the
//! bits sign⟨s_j, x⟩ (random-hyperplane hashing, Charikar 2002); rows at an angle θ differ in
//! about 64·θ/π of them.
//!
//! What it cannot see: the input. A row that repeats with fresh noise looks like a new one as soon
//! as the noise turns it further than `near_bits` say, and a hardened encoder *wants* different
//! inputs of one class to look alike, so that a narrow "near" refuses honest clients. It is off
//! unless asked for; measure the angles of your own encoder first. Nor does it see clients that
//! share their work under different names. Of features it keeps hashes and signatures under a key
//! of this process, in memory only.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::limits::Repeats;
use crate::error::Error;

/// Beyond so many clients, those whose rows have all been forgotten are dropped.
const CLIENTS: usize = 4096;

/// Remembers, for each client, which rows it asked about.
pub struct RepeatGuard {
    settings: Repeats,
    key: [u8; 32],
    /// Signs of the 64 vectors, one word a column.
    signs: Mutex<Arc<[u64]>>,
    clients: Mutex<HashMap<Arc<str>, Seen>>,
}

#[derive(Default)]
struct Seen {
    rows: VecDeque<Row>,
    same: HashMap<u64, u32>,
}

#[derive(Clone, Copy)]
struct Row {
    at: Instant,
    hash: u64,
    signature: u64,
}

impl RepeatGuard {
    /// A guard under a fresh key.
    pub fn new(settings: Repeats) -> Result<Self, Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(Error::system)?;
        Ok(Self {
            settings,
            key,
            signs: Mutex::new(Arc::new([])),
            clients: Mutex::default(),
        })
    }

    /// Counts the rows of a request, all or none; if one was asked too often, when to ask again.
    pub fn admit(
        &self,
        client: &Arc<str>,
        features: &[f32],
        columns: usize,
        now: Instant,
    ) -> Result<(), Duration> {
        let Repeats { same, near, .. } = self.settings;
        if (same == 0 && near == 0) || self.settings.remembered == 0 {
            return Ok(());
        }
        let signs = if near > 0 {
            self.signs(columns)
        } else {
            Arc::new([])
        };
        let row = |values: &[f32]| Row {
            at: now,
            hash: self.hash(values),
            signature: signature(values, &signs),
        };
        let rows: Vec<Row> = features.chunks_exact(columns).map(row).collect();

        let window = Duration::from_millis(self.settings.window_ms);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS && !clients.contains_key(client) {
            let fresh = |row: &Row| now.saturating_duration_since(row.at) < window;
            clients.retain(|_, seen| seen.rows.back().is_some_and(fresh));
        }
        let seen = clients.entry(client.clone()).or_default();
        seen.forget(now, window, self.settings.remembered);
        let known = seen.rows.len();
        for row in rows {
            if let Some(oldest) = seen.asked_too_often(row, &self.settings) {
                while seen.rows.len() > known {
                    seen.drop_newest();
                }
                return Err((oldest + window).saturating_duration_since(now));
            }
            seen.add(row);
        }
        Ok(())
    }

    fn hash(&self, values: &[f32]) -> u64 {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for value in values {
            hasher.update(&value.to_le_bytes());
        }
        first_word(hasher.finalize().as_bytes())
    }

    fn signs(&self, columns: usize) -> Arc<[u64]> {
        let mut signs = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
        if signs.len() != columns {
            let mut stream = blake3::Hasher::new_keyed(&self.key)
                .update(b"signs")
                .finalize_xof();
            let mut word = || {
                let mut bytes = [0; 8];
                stream.fill(&mut bytes);
                u64::from_le_bytes(bytes)
            };
            *signs = (0..columns).map(|_| word()).collect();
        }
        signs.clone()
    }
}

impl Seen {
    fn forget(&mut self, now: Instant, window: Duration, remembered: usize) {
        while self.rows.len() > remembered
            || (self.rows.front()).is_some_and(|r| now.saturating_duration_since(r.at) >= window)
        {
            let Some(row) = self.rows.pop_front() else {
                return;
            };
            self.uncount(row);
        }
    }

    /// When the oldest of the repeats was asked, if there are as many as allowed.
    fn asked_too_often(&self, row: Row, settings: &Repeats) -> Option<Instant> {
        let count = self.same.get(&row.hash).copied().unwrap_or(0);
        if settings.same > 0 && count >= settings.same {
            return self.rows.iter().find(|r| r.hash == row.hash).map(|r| r.at);
        }
        if settings.near == 0 {
            return None;
        }
        let close = |r: &&Row| (r.signature ^ row.signature).count_ones() <= settings.near_bits;
        let mut close = self.rows.iter().filter(close);
        let oldest = close.next()?.at;
        (1 + close.count() >= settings.near as usize).then_some(oldest)
    }

    fn add(&mut self, row: Row) {
        *self.same.entry(row.hash).or_insert(0) += 1;
        self.rows.push_back(row);
    }

    fn drop_newest(&mut self) {
        if let Some(row) = self.rows.pop_back() {
            self.uncount(row);
        }
    }

    fn uncount(&mut self, row: Row) {
        if let Some(count) = self.same.get_mut(&row.hash) {
            *count -= 1;
            if *count == 0 {
                self.same.remove(&row.hash);
            }
        }
    }
}

fn signature(values: &[f32], signs: &[u64]) -> u64 {
    let mut sums = [0f32; 64];
    for (value, sign) in values.iter().zip(signs) {
        for (bit, sum) in sums.iter_mut().enumerate() {
            let flip = ((sign >> bit) as u32 & 1) << 31;
            *sum += f32::from_bits(value.to_bits() ^ flip);
        }
    }
    let bit = |word, (bit, sum): (usize, &f32)| word | u64::from(*sum > 0.0) << bit;
    sums.iter().enumerate().fold(0, bit)
}

fn first_word(bytes: &[u8; 32]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(same: u32, near: u32) -> RepeatGuard {
        RepeatGuard::new(Repeats {
            window_ms: 1000,
            remembered: 100,
            same,
            near,
            near_bits: 4,
        })
        .unwrap()
    }

    fn row(seed: u32) -> Vec<f32> {
        let bytes = blake3::hash(&seed.to_le_bytes());
        bytes
            .as_bytes()
            .iter()
            .map(|&b| f32::from(b) - 128.0)
            .collect()
    }

    #[test]
    fn the_same_row_is_answered_so_often_and_again_after_the_window() {
        let (guard, client, now) = (guard(2, 0), "a".into(), Instant::now());
        let row = row(1);
        assert_eq!(guard.admit(&client, &row, 32, now), Ok(()));
        let later = now + Duration::from_millis(400);
        assert_eq!(guard.admit(&client, &row, 32, later), Ok(()));
        let wait = guard.admit(&client, &row, 32, later).unwrap_err();
        assert_eq!(
            wait,
            Duration::from_millis(600),
            "the first is forgotten then"
        );
        assert_eq!(guard.admit(&"b".into(), &row, 32, later), Ok(()));
        assert_eq!(guard.admit(&client, &row, 32, later + wait), Ok(()));
    }

    #[test]
    fn a_refused_request_counts_none_of_its_rows() {
        let (guard, client, now) = (guard(1, 0), "a".into(), Instant::now());
        let twice = [row(1), row(2), row(2)].concat();
        assert!(guard.admit(&client, &twice, 32, now).is_err());
        let both = [row(1), row(2)].concat();
        assert_eq!(guard.admit(&client, &both, 32, now), Ok(()));
    }

    #[test]
    fn a_row_turned_a_little_is_near_and_another_row_is_not() {
        let (guard, client, now) = (guard(0, 1), "a".into(), Instant::now());
        assert_eq!(guard.admit(&client, &row(1), 32, now), Ok(()));
        let mut turned = row(1);
        turned.iter_mut().for_each(|x| *x *= 3.0);
        turned[0] += 1e-3;
        assert!(guard.admit(&client, &turned, 32, now).is_err());
        assert_eq!(guard.admit(&client, &row(2), 32, now), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (guard, client, now) = (guard(1, 0), "a".into(), Instant::now());
        for seed in 0..1000 {
            assert_eq!(guard.admit(&client, &row(seed), 32, now), Ok(()));
        }
        let clients = guard.clients.lock().unwrap();
        assert!(clients[&client].rows.len() <= 101);
        assert_eq!(clients[&client].rows.len(), clients[&client].same.len());
    }
}
