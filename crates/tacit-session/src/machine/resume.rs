//! Continuing from a journal.
//!
//! The records are gone through in order and done to the application again: it ends in the state
//! it had when the last record was written. What the journal says was sent is never computed
//! anew; only the step after the last record is, from the same inputs.

use super::{Party, ROUND_FIRST, ROUND_OPEN, ROUND_START};
use crate::application::{Application, Next};
use crate::error::Error;
use crate::frame::{Frame, FrameKind, Header, SignedHeader};
use crate::journal::{Journal, Record};
use crate::party_set::PartyIndex;

impl<A: Application, J: Journal> Party<A, J> {
    pub(super) fn resume(&mut self) -> Result<(), Error> {
        while let Some(record) = self
            .journal
            .record(self.records)
            .map_err(|e| self.journal_error(e))?
        {
            self.replay(record)?;
            self.records += 1;
        }
        // The root may have stopped between closing a round and opening the next.
        let is_between = self.round.as_ref().is_some_and(|r| r.is_settled());
        if self.seat.is_root() && is_between {
            self.advance()
        } else {
            Ok(())
        }
    }

    fn replay(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Nonce(nonce) if self.records == 0 => {
                self.seat.nonce = nonce;
                Ok(())
            }
            _ if self.records == 0 => self.corrupt("the journal does not begin with a nonce"),
            Record::Nonce(_) => self.corrupt("a second nonce"),
            Record::Input(frame) => self.replay_input(frame),
            Record::Share(frame) => self.replay_share(&frame),
            Record::Heads(heads) => self.replay_heads(&heads),
            Record::Aggregate { round, sum } => {
                let open = self.round.as_ref().filter(|r| !r.is_settled());
                if !self.seat.is_root() || open.is_none_or(|r| r.id.number != round) {
                    return self.corrupt("an aggregate of a round that is not open");
                }
                self.replay_round()?;
                self.conclude(sum.0)
            }
        }
    }

    fn replay_input(&mut self, frame: Frame) -> Result<(), Error> {
        let header = frame.header();
        let number = header.round;
        let is_input = matches!(header.kind, FrameKind::Input | FrameKind::Complete);
        if !is_input || !self.is_signed_here(&frame, PartyIndex::ROOT) {
            return self.corrupt("an input the root did not sign for this session");
        }
        let is_open_again = number == ROUND_OPEN && self.past.len() == 1 && !self.seat.is_root();
        let is_next = number as usize == self.past.len()
            && self.round.as_ref().is_none_or(|r| r.is_settled());
        if !is_next && !is_open_again {
            return self.corrupt("an input out of order");
        }
        if self.seat.is_root() {
            self.replay_next(&frame)?;
        } else if number == ROUND_START {
            match self.check_start(&frame) {
                Ok(opened) => self.opened = Some(opened),
                Err(fault) => return self.corrupt(&fault.to_string()),
            }
        }
        self.enter(frame, self.records);
        Ok(())
    }

    /// Root: the application must arrive at the journaled input again.
    fn replay_next(&mut self, frame: &Frame) -> Result<(), Error> {
        let header = frame.header();
        let same = match header.round {
            ROUND_OPEN => frame.payload()[..] == self.seat.nonce.0,
            ROUND_START => self
                .opening_list
                .take()
                .is_some_and(|l| l[..] == frame.payload()[..]),
            ROUND_FIRST.. => {
                let next = self.app.next_round();
                match next.map_err(|e| self.application_error("next round", e))? {
                    Next::Round(input) => {
                        header.kind == FrameKind::Input
                            && input.label == header.label.as_str()
                            && input.payload[..] == frame.payload()[..]
                    }
                    Next::Complete(payload) => {
                        header.kind == FrameKind::Complete && payload[..] == frame.payload()[..]
                    }
                }
            }
        };
        if same {
            return Ok(());
        }
        if header.round < ROUND_FIRST {
            return self.corrupt("an opening that does not follow from the records before");
        }
        Err(Error::NotReproducible {
            party: self.seat.name(),
            round: header.round,
        })
    }

    fn replay_share(&mut self, frame: &Frame) -> Result<(), Error> {
        let header = frame.header();
        let is_share = header.kind == FrameKind::Share && !self.seat.is_root();
        if !is_share || !self.is_signed_here(frame, self.seat.me) {
            return self.corrupt("a share this party did not sign for this session");
        }
        let asked = self
            .round
            .as_ref()
            .filter(|r| !r.is_settled())
            .map(|r| r.input.header());
        let answers = asked
            .zip(header.claim.as_ref())
            .is_some_and(|(asked, claim)| {
                asked.round == header.round && asked.payload_digest == claim.input
            });
        if !answers {
            return self.corrupt("a share of a round that is not open");
        }
        self.replay_round()?;
        self.past[header.round as usize].share_record = Some(self.records);
        if let Some(round) = &mut self.round {
            round.own = super::Own::Settled;
        }
        self.settle_complete();
        Ok(())
    }

    /// The shares were summed; whether their sum was journaled, the next record says.
    fn replay_heads(&mut self, heads: &[SignedHeader]) -> Result<(), Error> {
        let Some(round) = self.round.as_ref().filter(|r| !r.is_settled()) else {
            return self.corrupt("heads of shares of a round that is not open");
        };
        let number = round.id.number;
        let children = round.children.iter().map(|child| child.index);
        let theirs = heads.iter().map(|head| head.header());
        let belongs = |header: &Header| {
            header.kind == FrameKind::Share
                && header.round == number
                && self.session_of(number) == Some(header.session)
        };
        if !theirs.clone().all(belongs) || !children.eq(theirs.map(|header| header.sender)) {
            return self.corrupt("heads that are not of the children's shares");
        }
        self.past[number as usize].heads_record = Some(self.records);
        Ok(())
    }

    fn is_signed_here(&self, frame: &Frame, signer: PartyIndex) -> bool {
        let header = frame.header();
        header.sender == signer
            && self.session_of(header.round) == Some(header.session)
            && self
                .seat
                .roster
                .party(signer)
                .is_some_and(|m| frame.signed().verifies(&m.key))
    }

    fn corrupt(&self, problem: &str) -> Result<(), Error> {
        let (party, index) = (self.seat.name(), self.records);
        Err(Error::JournalCorrupt {
            party,
            index,
            problem: problem.to_owned(),
        })
    }
}
