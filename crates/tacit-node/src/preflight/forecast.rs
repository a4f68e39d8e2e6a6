//! What a plan will ask of this machine: bytes on its disks, and time at the most.

use std::time::Duration;

use tacit_ckks::Ciphertext;

use crate::agreement::{Agreement, Task};

/// Rounds beside the iterations, at the most: opening, keys, statistics, the end.
const OTHER_ROUNDS: u64 = 12;
/// Ledger, marks, logs, and what is short.
const SLACK: u64 = 16 << 20;

/// How long the training takes if every round lasts as long as the plan's deadline lets it before
/// somebody is called late.
pub(super) fn longest(agreement: &Agreement) -> Duration {
    // A layer of a network has a round each way, and one that refreshes it.
    let rounds = match &agreement.task {
        Task::Glm(session) => 2 * session.config.iterations,
        Task::Network(plan) => 4 * plan.config.layers.len() * plan.config.iterations,
    };
    let rounds = rounds as u64 + OTHER_ROUNDS;
    Duration::from_secs(rounds.saturating_mul(agreement.plan.timing.deadline_seconds))
}

/// Bytes that the journals of the training and of all answers will have, and something over.
///
/// A party keeps every input and its own share; the root's inputs are the sums. Per iteration the
/// weights and the lowered weights come in, the gradient and the share of the refresh go out, each at
/// most about as long as a ciphertext. A key is a share once, and at most once an input. At the root an
/// answer is a query, a journal and the answer itself.
/// `None` for a network, whose rounds differ too much from one plan to the next.
pub(super) fn journals(agreement: &Agreement) -> Option<u64> {
    let session = agreement.glm().ok()?;
    let (params, top) = (&session.encryption.params, session.encryption.top_level());
    let full = Ciphertext::encoded_len(params, top) as u64;
    let low = Ciphertext::encoded_len(params, session.encryption.refresh_level + 1) as u64;
    let config = &session.config;
    let keys = session.encryption.key_bytes(&config.layout().ok()?);
    let first = keys.shares() + keys.inputs();
    // A session that goes on without somebody hands them out once more.
    let again = match session.encryption.threshold {
        Some(_) => keys.inputs(),
        None => 0,
    };
    let keys = (first + again) as u64;
    let training = config.iterations as u64 * 2 * (full + low);
    let answers = session.max_answers as u64 * 7 * full;
    Some(keys + training + answers + SLACK)
}

/// Bytes of marks: one for each journal, of a line for each entry.
pub(super) fn marks(agreement: &Agreement) -> u64 {
    let answers = agreement.glm().map_or(0, |session| session.max_answers);
    (answers as u64 + 2) * (64 << 10)
}
