//! The audit log: one line of JSON for each thing the authority did or refused, each naming the
//! line before it by its hash.
//!
//! ```text
//!   {"body":{"sequence":1,"previous":"…","time":…,"who":"…","event":{…}},"hash":"BLAKE3 of body"}
//! ```
//!
//! Anybody can verify the chain ([`verify`]) without a secret. A change, a missing line or a line out
//! of place breaks it. What a chain alone cannot show is that its *end* was cut off, or that all of it
//! was written anew; against that the authority keeps an anchor (number and hash of the last line)
//! under a key derived from the master secret. Restoring an old copy of the whole folder defeats
//! both, so keep a copy of [`Entry::hash`] elsewhere: it fits in a mail.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::AuthorityError;
use super::policy::Policy;

/// Largest log that is read.
pub(super) const MAX_LOG_BYTES: u64 = 64 << 20;
const HASH_CONTEXT: &str = "tacit fe 2026-11 audit log line";

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Event {
    /// The authority and its first master key were made.
    Created {
        /// Hash of the public key.
        public_key: String,
        /// The rules.
        policy: Policy,
    },
    /// A functional key was issued.
    Issued {
        /// The master key it belongs to.
        public_key: String,
        /// Hash of the model.
        model: String,
        /// d of the model.
        hidden: usize,
        /// Number of outputs, each a quadratic form.
        forms: usize,
        /// Independent outputs issued under this master key before.
        rank_before: usize,
        /// And after.
        rank_after: usize,
    },
    /// A functional key was refused.
    Refused {
        /// The master key it would have belonged to.
        public_key: String,
        /// Hash of the model.
        model: String,
        /// Why.
        reason: String,
    },
    /// A new master key; the old one is retired.
    Rotated {
        /// Hash of the retired public key.
        retired: String,
        /// Hash of the new one.
        public_key: String,
    },
}

/// A line without its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    sequence: u64,
    previous: String,
    time: u64,
    who: String,
    event: Event,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    body: Body,
    hash: String,
}

impl Entry {
    /// Number of the line, from 0.
    pub fn sequence(&self) -> u64 {
        self.body.sequence
    }

    /// When, as the caller said: seconds since 1970.
    pub fn time(&self) -> u64 {
        self.body.time
    }

    /// Who asked.
    pub fn who(&self) -> &str {
        &self.body.who
    }

    /// What happened.
    pub fn event(&self) -> &Event {
        &self.body.event
    }

    /// The hash of this line, which stands for all lines up to it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The line after `entries`.
    pub(super) fn after(entries: &[Self], time: u64, who: &str, event: Event) -> Self {
        let body = Body {
            sequence: entries.len() as u64,
            previous: entries.last().map(|e| e.hash.clone()).unwrap_or_default(),
            time,
            who: who.into(),
            event,
        };
        let hash = hash(&body);
        Self { body, hash }
    }

    /// As it stands in the file, with its line end.
    pub(super) fn line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

fn hash(body: &Body) -> String {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut hasher = blake3::Hasher::new_derive_key(HASH_CONTEXT);
    hasher.update(&bytes);
    hasher.finalize().to_string()
}

/// Verifies the chain of a log and returns its entries. `origin` names it in errors. Needs no
/// secret; what it proves is in the module's documentation.
pub fn verify(bytes: &[u8], origin: impl AsRef<Path>) -> Result<Vec<Entry>, AuthorityError> {
    let mut entries: Vec<Entry> = vec![];
    for (index, line) in bytes.split_inclusive(|&b| b == b'\n').enumerate() {
        let broken = |reason: String| AuthorityError::BrokenLog {
            path: origin.as_ref().into(),
            line: index + 1,
            reason,
        };
        let entry: Entry =
            serde_json::from_slice(line).map_err(|error| broken(error.to_string()))?;
        if entry.hash != hash(&entry.body) {
            return Err(broken(
                "the line was changed: its hash does not match".into(),
            ));
        }
        let previous = entries.last().map_or("", |e| e.hash.as_str());
        if entry.body.previous != previous || entry.body.sequence != index as u64 {
            let reason = "it does not follow the line before it (missing, repeated or moved lines)";
            return Err(broken(reason.into()));
        }
        if entry.line().as_bytes() != line {
            return Err(broken(
                "not written by this program (other spacing or order)".into(),
            ));
        }
        entries.push(entry);
    }
    Ok(entries)
}
