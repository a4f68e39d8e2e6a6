//! Silence: when to ask again, when to say who is late.

use std::time::Duration;

use super::{Action, LABEL_REQUEST, Party};
use crate::application::Application;
use crate::error::Error;
use crate::frame::{FrameKind, Label};
use crate::journal::Journal;
use crate::party_set::PartyIndex;
use crate::payload::Payload;
use crate::plan::Timing;

/// Longest pause between requests, in units of the first.
const MAX_PAUSE: u32 = 8;

/// How long nothing was heard, by the clock of the ticks.
pub(super) struct Patience {
    timing: Timing,
    /// When the silence began; `None` until the first tick after progress.
    silent_since: Option<Duration>,
    next_request: Duration,
    pause: u32,
    told_late: bool,
}

impl Patience {
    pub(super) fn new(timing: Timing) -> Self {
        let next_request = Duration::ZERO;
        Self {
            timing,
            silent_since: None,
            next_request,
            pause: 1,
            told_late: false,
        }
    }

    /// Something moved: patience begins anew with the next tick.
    pub(super) fn progress(&mut self) {
        *self = Self::new(self.timing);
    }

    /// Whether to ask again at `now`, and whether to call those who are waited for late.
    fn at(&mut self, now: Duration) -> (bool, bool) {
        let Some(since) = self.silent_since else {
            self.silent_since = Some(now);
            self.next_request = now + self.timing.retry();
            return (false, false);
        };
        let ask = now >= self.next_request;
        if ask {
            self.pause = (2 * self.pause).min(MAX_PAUSE);
            self.next_request = now + self.timing.retry() * self.pause;
        }
        let late = !self.told_late && now.saturating_sub(since) >= self.timing.deadline();
        self.told_late |= late;
        (ask, late)
    }
}

impl<A: Application, J: Journal> Party<A, J> {
    pub(super) fn tick(&mut self, now: Duration) -> Result<(), Error> {
        let waiting_on = self.waiting_on();
        if waiting_on.is_empty() {
            return Ok(());
        }
        let (ask, late) = self.patience.at(now);
        if late {
            let round = self.round.as_ref().map_or(0, |r| r.id.number);
            self.actions.push_back(Action::Late { round, waiting_on });
        }
        if ask { self.ask_again() } else { Ok(()) }
    }

    /// Whose frames the next step needs: children that have not answered, else the parent.
    pub(super) fn waiting_on(&self) -> Vec<PartyIndex> {
        match &self.round {
            Some(round) if !round.is_settled() => round.missing().collect(),
            _ if self.done => Vec::new(),
            _ => self.seat.parent().into_iter().collect(),
        }
    }

    /// Asks everyone who is waited for: children for the share of this round, the parent for the
    /// input of the next.
    pub(super) fn ask_again(&mut self) -> Result<(), Error> {
        let missing = match &self.round {
            Some(round) if !round.is_settled() => round.id.number,
            _ => self.past.len() as u32,
        };
        for party in self.waiting_on() {
            self.request(party, missing);
        }
        Ok(())
    }

    pub(super) fn request(&mut self, from: PartyIndex, round: u32) {
        if let (Some(_), Ok(label)) = (self.session_of(round), Label::new(LABEL_REQUEST)) {
            let nothing = Payload::from(Vec::new());
            let frame = self.seal(FrameKind::Request, round, label, None, nothing);
            self.send(from, frame);
        }
    }

    pub(super) fn report(&mut self, fault: crate::Fault) {
        self.actions.push_back(Action::Report(fault));
    }
}
