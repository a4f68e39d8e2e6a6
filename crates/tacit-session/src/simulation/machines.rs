//! What simulated parties run on.

use super::crash::CrashingJournal;
use super::network::Dice;
use super::{Simulation, Weather};
use crate::application::Application;
use crate::error::BoxedError;
use crate::frame::{Frame, FrameKind};
use crate::journal::{Journal, MemoryJournal, Record};
use crate::party_set::PartyIndex;

/// The machines of all parties: processes that start and die, and disks that stay.
pub trait Machines {
    /// What the parties compute.
    type Application: Application;
    /// Where they journal.
    type Journal: Journal;

    /// A process of this party starts: its application as it is at the beginning, and its journal as
    /// the disk has it.
    fn boot(&mut self, party: PartyIndex)
    -> Result<(Self::Application, Self::Journal), BoxedError>;

    /// Whether this party's process died since the last call: then an error is no failure.
    fn take_crash(&mut self, party: PartyIndex) -> bool;

    /// The process is gone, whether it died or was switched off: the disk becomes what the next one
    /// will find.
    fn fall(&mut self, party: PartyIndex, dice: &mut Dice);

    /// A frame is to leave. An error says which law that breaks.
    fn leaves(&mut self, party: PartyIndex, frame: &Frame) -> Result<(), String>;

    /// The journals, for those who look at them afterwards.
    fn journals(&self) -> Vec<MemoryJournal> {
        Vec::new()
    }
}

/// Machines whose disks are lists in memory.
pub struct InMemory<F> {
    application: F,
    journals: Vec<CrashingJournal>,
    weather: Weather,
}

impl<F> InMemory<F> {
    /// `application` makes a party's application as it is at the beginning.
    pub fn new(simulation: &Simulation, application: F) -> Self {
        let parties = simulation.plan.parties.len() as u16;
        let journal = |i| CrashingJournal::new(simulation, PartyIndex(i));
        Self {
            application,
            journals: (0..parties).map(journal).collect(),
            weather: simulation.weather,
        }
    }
}

impl<A: Application, F: Fn(PartyIndex) -> A> Machines for InMemory<F> {
    type Application = A;
    type Journal = CrashingJournal;

    fn boot(&mut self, party: PartyIndex) -> Result<(A, CrashingJournal), BoxedError> {
        let journal = self.journals[party.as_usize()].clone();
        Ok(((self.application)(party), journal))
    }

    fn take_crash(&mut self, party: PartyIndex) -> bool {
        self.journals[party.as_usize()].take_crash()
    }

    fn fall(&mut self, party: PartyIndex, dice: &mut Dice) {
        if dice.chance(self.weather.restore_backup) {
            self.journals[party.as_usize()].restore_backup(dice.draw());
        }
    }

    fn leaves(&mut self, party: PartyIndex, frame: &Frame) -> Result<(), String> {
        let journal = &self.journals[party.as_usize()];
        let is_kept = match frame.header().kind {
            FrameKind::Share => journal.holds(&Record::Share(frame.clone())),
            FrameKind::Input | FrameKind::Complete => journal.holds(&Record::Input(frame.clone())),
            FrameKind::Request => true,
            FrameKind::Letter => false,
        };
        match is_kept {
            true => Ok(()),
            false => Err("it is not in the journal".into()),
        }
    }

    fn journals(&self) -> Vec<MemoryJournal> {
        self.journals.iter().map(CrashingJournal::kept).collect()
    }
}
