//! The parties of one session, and the operator who puts backups back.

use tacit_journal::Error;
use tacit_journal::simulation::{Actors, Disk, DiskJournal, Disks};
use tacit_mhe::SharedLedger;
use tacit_session::simulation::Dice;
use tacit_session::{Frame, Journal, PartyIndex, Record};

use super::{Stage, Story};
use crate::training::{Checkpoint, Flaw, Step, Training};

/// The newest copy of a file.
pub(super) enum Replaced {
    Journal(Vec<u8>),
    Ledger(Vec<u8>),
}

/// Bytes of journal, its mark, ledger, its mark.
pub(super) type Files = [Vec<u8>; 4];

fn files(disks: &Disks) -> Files {
    [
        disks.journal.durable(),
        disks.journal_mark.durable(),
        disks.ledger.durable(),
        disks.ledger_mark.durable(),
    ]
}

/// The parties of one session.
pub(super) struct Crew<'s> {
    pub(super) stage: &'s mut Stage,
    pub(super) from: Checkpoint,
    /// By party: files as an operator copied them while the session ran.
    pub(super) backups: Vec<Option<Files>>,
    pub(super) processes: u64,
}

impl Actors for Crew<'_> {
    type Application = Training;
    type Journal = Spoilt;

    fn party(&mut self, party: PartyIndex) -> (Training, SharedLedger) {
        self.processes += 1;
        let mut from = self.from.clone();
        if party == PartyIndex::ROOT && self.stage.schedule.story == Story::AskedTooMuch {
            from.script
                .extend([Step::Gradient, Step::Refresh, Step::Release]);
        }
        let schedule = self.stage.schedule;
        let asks_again = schedule.story == Story::AskedAgain && self.stage.sessions == 2;
        let flaw = match asks_again && party == PartyIndex::ROOT {
            true => Some(Flaw::CheckpointAsItWas),
            false => schedule.flaw,
        };
        let training = (self.stage.actor(party, &from, flaw))
            .keeping(self.stage.keeper.clone())
            .flawed(flaw, self.processes);
        let ledger = training.ledger();
        (training, ledger)
    }

    fn journal(&mut self, _: PartyIndex, journal: DiskJournal) -> Spoilt {
        let is_late = self.stage.schedule.flaw == Some(Flaw::JournalAfterSend);
        Spoilt {
            journal,
            held: Vec::new(),
            is_late,
        }
    }

    fn leaves(&mut self, party: PartyIndex, frame: &Frame, disks: &Disks) -> Result<(), String> {
        self.stage.watch.leaves(party, frame, disks)?;
        // Of a time before the session was open, a backup would bring another nonce, and the party would
        // not be let in again: the others wait for it by name.
        let backup = &mut self.backups[party.as_usize()];
        if self.stage.schedule.restore > 0 && frame.header().round >= 2 && backup.is_none() {
            *backup = Some(files(disks));
        }
        Ok(())
    }

    fn fallen(&mut self, party: PartyIndex, disks: &Disks, dice: &mut Dice) {
        let i = party.as_usize();
        if !dice.chance(self.stage.schedule.restore) {
            return;
        }
        let Some([journal, journal_mark, ledger, ledger_mark]) = self.backups[i].take() else {
            return;
        };
        let replace = |disk: &Disk, by: Vec<u8>| {
            let newest = disk.durable();
            disk.overwrite(by);
            newest
        };
        let stage = &mut *self.stage;
        match dice.below(4) {
            0 => stage.newest[i] = Some(Replaced::Journal(replace(&disks.journal, journal))),
            1 => stage.newest[i] = Some(Replaced::Ledger(replace(&disks.ledger, ledger))),
            2 => {
                disks.journal.overwrite(journal);
                disks.journal_mark.overwrite(journal_mark);
                stage.set_back.insert(party);
                if stage.schedule.story.goes_on() {
                    stage.watch.forgetful.insert(party);
                }
                stage.tally.unnoticed += 1;
            }
            // Where the root is honest this does no harm; where it asks again it does, and the
            // mutations show it.
            _ if stage.schedule.story == Story::AskedAgain => {}
            _ => {
                disks.ledger.overwrite(ledger);
                disks.ledger_mark.overwrite(ledger_mark);
                stage.watch.rolled_back.insert(party);
                stage.tally.unnoticed += 1;
            }
        }
    }

    /// The operator does what the message says.
    fn refused(&mut self, party: PartyIndex, error: &Error, disks: &Disks) -> bool {
        let newest = self.stage.newest[party.as_usize()].take();
        match (error, newest) {
            (Error::Older { .. }, Some(Replaced::Journal(bytes))) => disks.journal.overwrite(bytes),
            (Error::Older { .. }, Some(Replaced::Ledger(bytes))) => disks.ledger.overwrite(bytes),
            _ => return false,
        }
        self.stage.tally.noticed += 1;
        true
    }
}

/// The journal; where it is late, it acknowledges a record and writes it with the next one.
pub(super) struct Spoilt {
    journal: DiskJournal,
    held: Vec<Record>,
    is_late: bool,
}

impl Journal for Spoilt {
    type Error = Error;

    fn append(&mut self, record: &Record) -> Result<(), Error> {
        let due = std::mem::take(&mut self.held);
        due.iter().try_for_each(|held| self.journal.append(held))?;
        if self.is_late {
            self.held.push(record.clone());
            return Ok(());
        }
        self.journal.append(record)
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Error> {
        let found = self.journal.record(index)?;
        if found.is_some() || self.held.is_empty() {
            return Ok(found);
        }
        let follows = match index.checked_sub(1) {
            None => true,
            Some(before) => self.journal.record(before)?.is_some(),
        };
        Ok(self.held.first().filter(|_| follows).cloned())
    }
}
