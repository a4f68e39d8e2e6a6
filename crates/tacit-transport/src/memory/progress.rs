//! What an observer sees.

use std::time::{Duration, Instant};

use tacit_session::{Label, Status};

/// How far a round has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Label of the round.
    pub label: Label,
    /// Number of the round in the session, opening and completion included, from 0.
    pub index: u32,
    /// Rounds of the session in all, if the application knows.
    pub of: Option<u32>,
    /// Parties whose own share is computed.
    pub shares: usize,
    /// Parties.
    pub parties: usize,
    /// Bytes sent in this round, by all parties.
    pub bytes: u64,
    /// Time since the round began.
    pub took: Duration,
    /// Whether the root has finished it.
    pub finished: bool,
}

/// Rounds that are not the application's: two of opening, one of completion.
const SESSION_ROUNDS: u32 = 3;

pub(super) struct RoundClock<O> {
    observer: O,
    current: Option<(Progress, Instant)>,
    finished: Vec<Progress>,
    /// Bytes of the round after the current one, sent before the root's status says so.
    ahead: u64,
}

impl<O: FnMut(&Progress)> RoundClock<O> {
    pub(super) fn new(observer: O) -> Self {
        Self {
            observer,
            current: None,
            finished: Vec::new(),
            ahead: 0,
        }
    }

    pub(super) fn sent(&mut self, round: u32, bytes: usize) {
        match &mut self.current {
            Some((progress, _)) if progress.index == round => progress.bytes += bytes as u64,
            _ => self.ahead += bytes as u64,
        }
    }

    pub(super) fn worked(&mut self, parties: usize) {
        if let Some((progress, began)) = &mut self.current {
            progress.shares = (progress.shares + 1).min(parties);
            progress.took = began.elapsed();
            (self.observer)(progress);
        }
    }

    /// The root's standing tells when a round begins and ends.
    pub(super) fn root_is_at(&mut self, status: &Status, parties: usize) {
        let open = self.current.as_ref().map(|(progress, _)| progress.index);
        if open == status.round && !status.done {
            return;
        }
        if let Some((mut progress, began)) = self.current.take() {
            progress.took = began.elapsed();
            progress.finished = true;
            (self.observer)(&progress);
            self.finished.push(progress);
        }
        if let (Some(index), Some(label), false) = (status.round, &status.label, status.done) {
            let progress = Progress {
                label: label.clone(),
                index,
                of: status
                    .rounds_expected
                    .map(|n| n.saturating_add(SESSION_ROUNDS)),
                shares: 0,
                parties,
                bytes: std::mem::take(&mut self.ahead),
                took: Duration::ZERO,
                finished: false,
            };
            (self.observer)(&progress);
            self.current = Some((progress, Instant::now()));
        }
    }

    pub(super) fn into_rounds(self) -> Vec<Progress> {
        self.finished
    }
}
