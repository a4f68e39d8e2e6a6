//! The open round: adopting an input, computing and summing shares, closing.

use super::{
    Action, LABEL_COMPLETE, LABEL_START, Party, Past, ROUND_FIRST, ROUND_OPEN, ROUND_START,
};
use crate::application::{Application, Next, RoundId};
use crate::error::Error;
use crate::frame::{Frame, FrameKind, Header, Label, ShareClaim, SignedHeader};
use crate::journal::{AggregateBytes, Journal, Record};
use crate::party_set::PartyIndex;
use crate::payload::Payload;

/// The round a party is in.
pub(super) struct Round {
    pub(super) input: Frame,
    pub(super) id: RoundId,
    pub(super) own: Own,
    pub(super) children: Vec<Child>,
}

/// How far this party's own part has come.
pub(super) enum Own {
    /// The share is to be computed.
    Due,
    /// The share, plus those of the children that answered.
    Sum(Vec<u8>),
    /// Journaled and handed on (root: finished).
    Settled,
}

pub(super) struct Child {
    pub(super) index: PartyIndex,
    pub(super) answer: Answer,
}

pub(super) enum Answer {
    Missing,
    Summed(SignedHeader),
    Refused(SignedHeader),
}

impl Round {
    pub(super) fn is_complete(&self) -> bool {
        self.input.header().kind == FrameKind::Complete
    }

    pub(super) fn is_settled(&self) -> bool {
        matches!(self.own, Own::Settled)
    }

    /// The heads of the shares in the sum.
    fn summed(&self) -> impl Iterator<Item = &SignedHeader> {
        self.children
            .iter()
            .filter_map(|child| match &child.answer {
                Answer::Summed(head) => Some(head),
                Answer::Missing | Answer::Refused(_) => None,
            })
    }

    /// Children whose share is not in the sum, refused ones included.
    pub(super) fn missing(&self) -> impl Iterator<Item = PartyIndex> {
        let missing = |c: &&Child| !matches!(c.answer, Answer::Summed(_));
        self.children.iter().filter(missing).map(|c| c.index)
    }
}

impl<A: Application, J: Journal> Party<A, J> {
    /// Root: makes the input of a round.
    pub(super) fn ask(&mut self, number: u32, label: &str, input: Vec<u8>) -> Result<(), Error> {
        self.issue(FrameKind::Input, number, label, input)
    }

    fn issue(
        &mut self,
        kind: FrameKind,
        number: u32,
        label: &str,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        let label = Label::new(label)?;
        self.check_size(number, &label, payload.len())?;
        let frame = self.seal(kind, number, label, None, payload.into());
        self.adopt(frame)
    }

    /// Signs a frame of a round whose session is known.
    pub(super) fn seal(
        &self,
        kind: FrameKind,
        number: u32,
        label: Label,
        claim: Option<ShareClaim>,
        payload: Payload,
    ) -> Frame {
        let session = self.session_of(number).unwrap_or(self.opening_id);
        let place = (session, number, self.seat.me);
        Frame::seal(&self.seat.key, kind, place, label, claim, payload)
    }

    /// Journals an input, passes it on, and opens its round.
    pub(super) fn adopt(&mut self, input: Frame) -> Result<(), Error> {
        let record = self.append(&Record::Input(input.clone()))?;
        for child in self.seat.children() {
            self.send(child, input.clone());
        }
        self.enter(input, record);
        Ok(())
    }

    /// Opens the round of a journaled input.
    pub(super) fn enter(&mut self, input: Frame, input_record: usize) {
        let header = input.header();
        let past = Past {
            input: input.signed().clone(),
            input_record,
            share_record: None,
            heads_record: None,
        };
        self.past.truncate(header.round as usize);
        self.past.push(past);
        let id = RoundId {
            session: header.session,
            number: header.round,
            label: header.label.clone(),
        };
        let child = |index| Child {
            index,
            answer: Answer::Missing,
        };
        let children = self.seat.children().into_iter().map(child).collect();
        self.round = Some(Round {
            input,
            id,
            own: Own::Due,
            children,
        });
        self.patience.progress();
    }

    /// Computes the share that is due, if one is.
    pub(super) fn compute_own_share(&mut self) -> Result<(), Error> {
        let Some(round) = &self.round else {
            return Ok(());
        };
        if !matches!(round.own, Own::Due) {
            return Ok(());
        }
        let (number, is_complete) = (round.id.number, round.is_complete());
        let share = if number == ROUND_OPEN {
            let (seat, announcement) = (&self.seat, self.app.announcement());
            if announcement.len() > usize::from(u16::MAX) {
                let problem = format!("{} bytes announced, at most 65535 fit", announcement.len());
                return Err(self.application_error("announcement", problem));
            }
            seat.opening().contribute(
                &seat.key,
                seat.me,
                seat.nonce,
                &seat.approval,
                announcement,
                round.input.payload(),
            )
        } else if number == ROUND_START || is_complete {
            self.reach()?;
            Vec::new()
        } else {
            let share = self.app.share(&round.id, round.input.payload());
            let share = share.map_err(|e| self.application_error("share", e))?;
            let label = round.id.label.clone();
            self.check_size(number, &label, share.len())?;
            share
        };
        if let Some(round) = &mut self.round {
            round.own = Own::Sum(share);
        }
        Ok(())
    }

    /// Does what a round does to the application besides giving a share: `begin` and `complete`.
    fn reach(&mut self) -> Result<(), Error> {
        let Some(round) = &self.round else {
            return Ok(());
        };
        if round.id.number == ROUND_START
            && let Some(opened) = &self.opened
        {
            let context = self.context(opened);
            self.app
                .begin(&context)
                .map_err(|e| self.application_error("begin", e))?;
        } else if round.is_complete() && !self.seat.is_root() {
            let payload = round.input.payload();
            self.app
                .complete(payload)
                .map_err(|e| self.application_error("complete", e))?;
        }
        Ok(())
    }

    /// Does what the settled round did to the application, after a restart.
    pub(super) fn replay_round(&mut self) -> Result<(), Error> {
        let Some(round) = &self.round else {
            return Ok(());
        };
        if round.id.number < ROUND_FIRST || round.is_complete() {
            return self.reach();
        }
        let replayed = self.app.replay(&round.id, round.input.payload());
        replayed.map_err(|e| self.application_error("replay", e))
    }

    /// When every share is summed: journals the sum and hands it on.
    pub(super) fn close_if_whole(&mut self) -> Result<(), Error> {
        let Some(round) = &mut self.round else {
            return Ok(());
        };
        let whole = round
            .children
            .iter()
            .all(|c| matches!(c.answer, Answer::Summed(_)));
        if !whole || !matches!(round.own, Own::Sum(_)) {
            return Ok(());
        }
        let Own::Sum(sum) = std::mem::replace(&mut round.own, Own::Settled) else {
            return Ok(());
        };
        let asked = round.input.signed().clone();
        let (number, payload) = (round.id.number, Payload::from(sum));
        let heads: Vec<SignedHeader> = round.summed().cloned().collect();
        // After a crash in between, they are there already, and the same.
        if !heads.is_empty() && self.past[number as usize].heads_record.is_none() {
            let record = self.append(&Record::Heads(heads))?;
            self.past[number as usize].heads_record = Some(record);
        }
        match self.seat.parent() {
            Some(parent) => {
                let frame = self.share_frame(asked.header(), payload);
                let record = self.append(&Record::Share(frame.clone()))?;
                self.past[number as usize].share_record = Some(record);
                self.send(parent, frame);
                self.patience.progress();
                self.settle_complete();
                Ok(())
            }
            None => {
                let sum = AggregateBytes(payload.clone());
                self.append(&Record::Aggregate { round: number, sum })?;
                self.conclude(payload)?;
                self.advance()
            }
        }
    }

    fn share_frame(&self, asked: &Header, payload: Payload) -> Frame {
        let contributors = self.seat.subtree(self.seat.me);
        let claim = ShareClaim {
            input: asked.payload_digest,
            contributors,
        };
        self.seal(
            FrameKind::Share,
            asked.round,
            asked.label.clone(),
            Some(claim),
            payload,
        )
    }

    /// Root: takes the sum of a round in.
    pub(super) fn conclude(&mut self, sum: Payload) -> Result<(), Error> {
        let Some(round) = &mut self.round else {
            return Ok(());
        };
        round.own = Own::Settled;
        if round.id.number == ROUND_OPEN {
            let seat = &self.seat;
            let opened = seat.opening().conclude(&sum, (seat.me, seat.nonce));
            self.opened = Some(opened.map_err(|e| self.application_error("opening", e))?);
            self.opening_list = Some(sum);
        } else if round.id.number >= ROUND_FIRST && !round.is_complete() {
            let finished = self.app.finish(&round.id, sum.into_vec());
            finished.map_err(|e| self.application_error("finish", e))?;
        }
        self.settle_complete();
        Ok(())
    }

    pub(super) fn settle_complete(&mut self) {
        if !self.done
            && self
                .round
                .as_ref()
                .is_some_and(|r| r.is_complete() && r.is_settled())
        {
            self.done = true;
            self.actions.push_back(Action::Done);
        }
    }

    /// Root: opens the round after the settled one.
    pub(super) fn advance(&mut self) -> Result<(), Error> {
        let Some(number) = self.round.as_ref().map(|r| r.id.number) else {
            return Ok(());
        };
        if self.done {
            return Ok(());
        }
        if let Some(list) = self.opening_list.take() {
            return self.ask(ROUND_START, LABEL_START, list.into_vec());
        }
        let next = self
            .app
            .next_round()
            .map_err(|e| self.application_error("next round", e))?;
        let number = number
            .checked_add(1)
            .ok_or(Error::TooManyRounds { round: number })?;
        match next {
            Next::Round(input) => self.ask(number, &input.label, input.payload),
            Next::Complete(payload) => {
                self.issue(FrameKind::Complete, number, LABEL_COMPLETE, payload)
            }
        }
    }

    fn check_size(&self, round: u32, label: &Label, len: usize) -> Result<(), Error> {
        let (len, limit) = (len as u64, self.seat.max_payload);
        if len <= limit {
            return Ok(());
        }
        let (party, label) = (self.seat.name(), label.to_string());
        Err(Error::Oversize {
            party,
            round,
            label,
            len,
            limit,
        })
    }
}
