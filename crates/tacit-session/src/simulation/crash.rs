//! Crashes at the moment they hurt most: around a journal write.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Simulation;
use super::network::Dice;
use crate::journal::{Journal, MemoryJournal, Record};
use crate::machine::ROUND_START;
use crate::party_set::PartyIndex;

/// One chosen crash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crash {
    /// Who crashes.
    pub party: PartyIndex,
    /// When it appends its n-th record, from 0.
    pub append: usize,
    /// On which side of it.
    pub point: CrashPoint,
}

/// On which side of a journal write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrashPoint {
    /// The record is lost.
    Before,
    /// The record is durable and nothing that follows from it happened.
    After,
}

/// A journal whose process dies. A clone is the same journal, opened by the next process.
#[derive(Clone)]
pub struct CrashingJournal {
    kept: MemoryJournal,
    fate: Arc<Mutex<Fate>>,
}

struct Fate {
    chosen: Option<(usize, CrashPoint)>,
    per_mille: u32,
    dice: Dice,
    crashed: bool,
}

/// The process died.
#[derive(Debug, thiserror::Error)]
#[error("crashed while journaling")]
pub struct Crashed;

impl CrashingJournal {
    pub(super) fn new(simulation: &Simulation, party: PartyIndex) -> Self {
        let fate = Fate {
            chosen: simulation
                .crash
                .filter(|c| c.party == party)
                .map(|c| (c.append, c.point)),
            per_mille: simulation.weather.crash,
            dice: Dice::new(simulation.seed ^ (u64::from(party.0) + 1) << 40),
            crashed: false,
        };
        Self {
            kept: MemoryJournal::new(),
            fate: Arc::new(Mutex::new(fate)),
        }
    }

    /// What is durable.
    pub fn kept(&self) -> MemoryJournal {
        self.kept.clone()
    }

    /// Whether this is durable.
    pub(super) fn holds(&self, record: &Record) -> bool {
        self.kept.holds(record)
    }

    /// Whether a crash happened since the last call.
    pub(super) fn take_crash(&self) -> bool {
        std::mem::take(&mut self.fate().crashed)
    }

    /// Goes back to an earlier moment. A backup from before the session was open would bring
    /// another nonce and so never be let in again; it is not considered.
    pub(super) fn restore_backup(&self, draw: u64) {
        let len = self.kept.len();
        let is_start = |index: &usize| match self.kept.record(*index) {
            Ok(Some(Record::Input(frame))) => frame.header().round == ROUND_START,
            _ => false,
        };
        let start = (0..len).find(is_start);
        if let Some(start) = start {
            let shortest = start + 1;
            self.kept
                .truncate(shortest + (draw % (len - shortest + 1) as u64) as usize);
        }
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for CrashingJournal {
    type Error = Crashed;

    fn append(&mut self, record: &Record) -> Result<(), Crashed> {
        let mut fate = self.fate();
        let number = self.kept.len();
        let point = match fate.chosen {
            Some((append, point)) if append == number => {
                fate.chosen = None;
                Some(point)
            }
            _ if fate.per_mille > 0 => {
                let per_mille = fate.per_mille;
                let crash = fate.dice.chance(per_mille);
                let before = fate.dice.chance(500);
                crash.then_some(if before {
                    CrashPoint::Before
                } else {
                    CrashPoint::After
                })
            }
            _ => None,
        };
        fate.crashed |= point.is_some();
        drop(fate);
        if point != Some(CrashPoint::Before) {
            // Through bytes and back, as a disk would keep it.
            let bytes = record.encode();
            let read = Record::decode(&bytes, u64::MAX).map_err(|_| Crashed)?;
            let Ok(()) = self.kept.append(&read);
        }
        if point.is_some() {
            Err(Crashed)
        } else {
            Ok(())
        }
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Crashed> {
        let Ok(record) = self.kept.record(index);
        Ok(record)
    }
}
