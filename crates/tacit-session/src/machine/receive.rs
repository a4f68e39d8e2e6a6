//! What comes in: who signed it, does it belong here, what does it change.

use super::round::{Answer, Own};
use super::{Party, ROUND_FIRST, ROUND_OPEN, ROUND_START};
use crate::application::Application;
use crate::error::{BoxedError, DecodeError, Error, Fault, Misbehaviour};
use crate::frame::{Frame, FrameKind, Header, SignedHeader};
use crate::journal::{Journal, Record};
use crate::opening::Opened;
use crate::party_set::PartyIndex;

impl<A: Application, J: Journal> Party<A, J> {
    pub(super) fn receive(&mut self, frame: &Frame) -> Result<(), Error> {
        if let Err(fault) = self.authenticate(frame) {
            self.report(fault);
            return Ok(());
        }
        match frame.header().kind {
            FrameKind::Input | FrameKind::Complete => self.receive_input(frame),
            FrameKind::Share => self.receive_share(frame),
            FrameKind::Request => self.receive_request(frame.header()),
            FrameKind::Letter => Ok(()),
        }
    }

    /// A frame counts when a data party of the roster signed it, for this session, and the party
    /// may say such a thing to this one.
    fn authenticate(&self, frame: &Frame) -> Result<(), Fault> {
        let header = frame.header();
        let Some(member) = self.seat.roster.party(header.sender) else {
            return Err(self.unproven(frame, Misbehaviour::UnknownSender));
        };
        if !frame.signed().verifies(&member.key) {
            return Err(self.unproven(frame, Misbehaviour::BadSignature));
        }
        match self.session_of(header.round) {
            Some(session) if session == header.session => {}
            Some(_) => return Err(self.fault(frame, Misbehaviour::WrongSession)),
            // Not open here yet: after a restored backup the others are ahead.
            None => {
                let current = self.round.as_ref().map_or(0, |r| r.id.number);
                return Err(self.fault(frame, Misbehaviour::FutureRound { current }));
            }
        }
        let limit = self.seat.max_payload;
        if header.payload_len > limit {
            let claimed = header.payload_len;
            return Err(self.fault(frame, Misbehaviour::Oversize { claimed, limit }));
        }
        let (me, sender, kind) = (self.seat.me, header.sender, header.kind);
        let is_below = self.seat.parent_of(sender) == Some(me);
        let in_turn = match kind {
            FrameKind::Input => sender == PartyIndex::ROOT && sender != me,
            FrameKind::Complete => {
                sender == PartyIndex::ROOT && sender != me && header.round >= ROUND_FIRST
            }
            FrameKind::Share => is_below,
            FrameKind::Request => is_below || self.seat.parent() == Some(sender),
            FrameKind::Letter => false,
        };
        if in_turn {
            Ok(())
        } else {
            Err(self.fault(frame, Misbehaviour::OutOfTurn { kind }))
        }
    }

    fn receive_input(&mut self, frame: &Frame) -> Result<(), Error> {
        let header = frame.header();
        let number = header.round;
        if let Some(past) = self.past.get(number as usize) {
            let known = past.input.clone();
            if is_same_input(known.header(), header) {
                return Ok(());
            }
            let is_open = self.round.as_ref().is_some_and(|r| r.id.number == number);
            if number != ROUND_OPEN || !is_open {
                self.report(self.proven(frame, Misbehaviour::InputChanged, known));
                return Ok(());
            }
        } else if number as usize != self.past.len() || !self.is_between_rounds() {
            self.report_out_of_round(frame);
            return Ok(());
        }
        match number {
            ROUND_OPEN => self.record_nonce()?,
            ROUND_START => match self.check_start(frame) {
                Ok(opened) => self.opened = Some(opened),
                Err(fault) => {
                    self.report(fault);
                    return Ok(());
                }
            },
            _ => {}
        }
        self.adopt(frame.clone())
    }

    /// Whether the next input may come: the share of the last one has left.
    fn is_between_rounds(&self) -> bool {
        !self.done && self.round.as_ref().is_none_or(|r| r.is_settled())
    }

    pub(super) fn check_start(&self, frame: &Frame) -> Result<Opened, Fault> {
        let seat = &self.seat;
        seat.opening()
            .conclude(frame.payload(), (seat.me, seat.nonce))
            .map_err(|e| {
                self.fault(
                    frame,
                    Misbehaviour::RejectedOpening {
                        source: Box::new(e),
                    },
                )
            })
    }

    fn receive_share(&mut self, frame: &Frame) -> Result<(), Error> {
        let header = frame.header();
        let Some(round) = self.round.as_ref().filter(|r| r.id.number == header.round) else {
            return self.receive_late_share(frame);
        };
        let Some(place) = round.children.iter().position(|c| c.index == header.sender) else {
            return Ok(());
        };
        if let Answer::Summed(known) | Answer::Refused(known) = &round.children[place].answer {
            if known != frame.signed() {
                let fault = self.proven(frame, Misbehaviour::Equivocation, known.clone());
                self.report(fault);
            }
            return Ok(());
        }
        // What was summed before a crash holds after it.
        if let Some(known) = self.otherwise_before(frame)? {
            self.report(self.proven(frame, Misbehaviour::Equivocation, known));
            return Ok(());
        }
        if let Err(what) = self.check_claim(header) {
            self.report(self.fault(frame, what));
            return Ok(());
        }
        self.compute_own_share()?;
        let summed = self.sum_up(frame);
        let Some(round) = &mut self.round else {
            return Ok(());
        };
        let answer = &mut round.children[place].answer;
        match summed {
            Ok(()) => {
                *answer = Answer::Summed(frame.signed().clone());
                self.patience.progress();
            }
            Err(source) => {
                *answer = Answer::Refused(frame.signed().clone());
                self.report(self.fault(frame, Misbehaviour::RejectedShare { source }));
            }
        }
        self.close_if_whole()
    }

    /// A share of a round that is over: noise, unless another one was summed.
    fn receive_late_share(&mut self, frame: &Frame) -> Result<(), Error> {
        match self.otherwise_before(frame)? {
            Some(known) => self.report(self.proven(frame, Misbehaviour::Equivocation, known)),
            None => self.report_out_of_round(frame),
        }
        Ok(())
    }

    /// The sender's share that the journal says was summed in this frame's round, if it said something
    /// else. Answers to the first question may differ: that question may be asked again.
    fn otherwise_before(&self, frame: &Frame) -> Result<Option<SignedHeader>, Error> {
        let header = frame.header();
        let past = self.past.get(header.round as usize);
        let Some(record) = past.and_then(|past| past.heads_record) else {
            return Ok(None);
        };
        if header.round == ROUND_OPEN {
            return Ok(None);
        }
        let journaled = self.journal.record(record);
        let journaled = journaled.map_err(|e| self.journal_error(e))?;
        let mut heads = journaled.map_or_else(Vec::new, |r| r.heads()).into_iter();
        let known = heads.find(|head| head.header().sender == header.sender);
        Ok(known.filter(|known| known.signed_part() != frame.signed().signed_part()))
    }

    /// The share must answer this round's input and stand for exactly its sender's subtree.
    fn check_claim(&self, header: &Header) -> Result<(), Misbehaviour> {
        let (Some(round), Some(claim)) = (&self.round, &header.claim) else {
            return Err(Misbehaviour::WrongInput);
        };
        let asked = round.input.header();
        if claim.input != asked.payload_digest || header.label != asked.label {
            return Err(Misbehaviour::WrongInput);
        }
        let expected = self.seat.subtree(header.sender);
        if claim.contributors != expected {
            let found = claim.contributors.clone();
            return Err(Misbehaviour::WrongContributors { expected, found });
        }
        Ok(())
    }

    fn sum_up(&mut self, frame: &Frame) -> Result<(), BoxedError> {
        let Some(round) = &mut self.round else {
            return Ok(());
        };
        let is_acknowledgement = round.id.number == ROUND_START || round.is_complete();
        let Own::Sum(sum) = &mut round.own else {
            return Ok(());
        };
        let (from, share) = (frame.header().sender, frame.payload());
        let input = round.input.payload();
        if round.id.number == ROUND_OPEN {
            Ok(self.seat.opening().merge(input, sum, share)?)
        } else if is_acknowledgement {
            if share.is_empty() {
                return Ok(());
            }
            Err(DecodeError::Trailing {
                what: "acknowledgement",
                extra: share.len() as u64,
            }
            .into())
        } else {
            Ok(self.app.aggregate(&round.id, input, sum, from, share)?)
        }
    }

    /// A neighbour misses something: it gets what was sent before.
    fn receive_request(&mut self, header: &Header) -> Result<(), Error> {
        let (from, number) = (header.sender, header.round);
        let Some(past) = self.past.get(number as usize) else {
            // A parent is ahead: ask it for the next input in turn.
            if self.seat.parent() == Some(from) && self.is_between_rounds() {
                self.request(from, self.past.len() as u32);
            }
            return Ok(());
        };
        let record = if self.seat.parent() == Some(from) {
            let Some(record) = past.share_record else {
                return Ok(());
            };
            record
        } else {
            past.input_record
        };
        if let Some(round) = self.round.as_ref().filter(|r| r.id.number == number)
            && record == past.input_record
        {
            let frame = round.input.clone();
            self.send(from, frame);
            return Ok(());
        }
        let journaled = self
            .journal
            .record(record)
            .map_err(|e| self.journal_error(e))?;
        match journaled {
            Some(Record::Input(frame) | Record::Share(frame)) => self.send(from, frame),
            _ => {
                return Err(Error::NotJournaled {
                    party: self.seat.name(),
                    round: number,
                });
            }
        }
        Ok(())
    }

    fn report_out_of_round(&mut self, frame: &Frame) {
        let current = self.round.as_ref().map_or(0, |r| r.id.number);
        let what = if frame.header().round < current {
            Misbehaviour::StaleRound { current }
        } else {
            Misbehaviour::FutureRound { current }
        };
        self.report(self.fault(frame, what));
    }

    fn fault(&self, frame: &Frame, what: Misbehaviour) -> Fault {
        let header = frame.header();
        Fault {
            culprit: Some(header.sender),
            name: self.seat.roster.name(header.sender),
            round: header.round,
            what,
            evidence: vec![frame.signed().clone()],
        }
    }

    /// A fault proven by what the signer said before.
    fn proven(&self, frame: &Frame, what: Misbehaviour, before: SignedHeader) -> Fault {
        let fault = self.fault(frame, what);
        Fault {
            evidence: vec![before, frame.signed().clone()],
            ..fault
        }
    }

    /// A fault of whoever sent a frame in the name of another.
    fn unproven(&self, frame: &Frame, what: Misbehaviour) -> Fault {
        let fault = self.fault(frame, what);
        let name = format!("someone who claims to be {}", fault.name);
        Fault {
            culprit: None,
            name,
            evidence: Vec::new(),
            ..fault
        }
    }
}

fn is_same_input(one: &Header, other: &Header) -> bool {
    (one.kind, &one.label, one.payload_digest) == (other.kind, &other.label, other.payload_digest)
}
