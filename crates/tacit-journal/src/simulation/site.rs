//! Machines with disks.

use std::path::Path;

use tacit_mhe::SharedLedger;
use tacit_session::simulation::{Dice, Machines, Simulation};
use tacit_session::{
    Application, BoxedError, Digest, Frame, FrameKind, Journal, MemoryJournal, PartyIndex,
};

use super::disk::{Disk, Power};
use crate::error::Error;
use crate::ledger::{self, LedgerFile, Ledgered};
use crate::log::{Label, Log};
use crate::marked::Marked;
use crate::session::{self, FileJournal};

/// What a party of a [`Site`] journals to.
pub type DiskJournal = Ledgered<FileJournal<Disk>, Disk>;

/// What runs on the machines of a [`Site`].
pub trait Actors {
    /// What the parties compute.
    type Application: Application;
    /// Where they journal.
    type Journal: Journal;

    /// A party's application as it is at the beginning, and the ledger of its secret.
    fn party(&mut self, party: PartyIndex) -> (Self::Application, SharedLedger);

    /// The journal that the party is given: this one, or one that spoils it.
    fn journal(&mut self, party: PartyIndex, journal: DiskJournal) -> Self::Journal;

    /// A frame is to leave, and the disks are as they are. An error says which law that breaks.
    fn leaves(&mut self, party: PartyIndex, frame: &Frame, disks: &Disks) -> Result<(), String>;

    /// The process is gone, and the disks are what the next one will find. By default nothing else
    /// happens to them.
    fn fallen(&mut self, _party: PartyIndex, _disks: &Disks, _dice: &mut Dice) {}

    /// The files do not open. Whether the operator could help it.
    fn refused(&mut self, _party: PartyIndex, _error: &Error, _disks: &Disks) -> bool {
        false
    }
}

/// The files of one party.
#[derive(Clone, Debug)]
pub struct Disks {
    /// What fails for all of them at once.
    pub power: Power,
    /// The journal of the session.
    pub journal: Disk,
    /// Its mark.
    pub journal_mark: Disk,
    /// The ledger of the party's key.
    pub ledger: Disk,
    /// Its mark.
    pub ledger_mark: Disk,
}

impl Disks {
    /// Empty files of a party with this key (see [`LedgerFile::open`]).
    pub fn new(simulation: &Simulation, party: PartyIndex, key: Digest, power: Power) -> Self {
        let [ledger, ledger_mark] = empty(ledger::label(key), &power);
        let [journal, journal_mark] = empty(journal_label(simulation, party), &power);
        Self {
            power,
            journal,
            journal_mark,
            ledger,
            ledger_mark,
        }
    }

    /// The same for the next session: an empty journal, and the ledger that there is.
    pub fn next_session(&self, simulation: &Simulation, party: PartyIndex, power: Power) -> Self {
        let [journal, journal_mark] = empty(journal_label(simulation, party), &power);
        let moved = |disk: &Disk| Disk::new(disk.durable(), power.clone());
        Self {
            journal,
            journal_mark,
            ledger: moved(&self.ledger),
            ledger_mark: moved(&self.ledger_mark),
            power,
        }
    }

    fn all(&self) -> [&Disk; 4] {
        [
            &self.journal,
            &self.journal_mark,
            &self.ledger,
            &self.ledger_mark,
        ]
    }

    fn open(&self, simulation: &Simulation, party: PartyIndex, key: Digest) -> Opened {
        let limit = simulation.plan.limits.max_payload_bytes;
        let label = journal_label(simulation, party);
        let (journal, mark) = (&self.journal, &self.journal_mark);
        let log = join("journal", journal, mark, label, session::limit(limit))?;
        let journal = FileJournal::over(log, limit);
        let (file, mark) = (&self.ledger, &self.ledger_mark);
        let log = join("ledger", file, mark, ledger::label(key), ledger::LIMIT)?;
        Ok((journal, LedgerFile::over(log)?))
    }
}

type Opened = Result<(FileJournal<Disk>, LedgerFile<Disk>), Error>;

fn empty(label: Label, power: &Power) -> [Disk; 2] {
    [label, Marked::<Disk>::label(label)]
        .map(|label| Disk::new(Log::<Disk>::empty(label), power.clone()))
}

fn join(
    name: &str,
    log: &Disk,
    mark: &Disk,
    label: Label,
    limit: u64,
) -> Result<Marked<Disk>, Error> {
    let log = Log::open(log.clone(), Path::new(name), label, limit)?;
    let (name, label) = (format!("{name}.mark"), Marked::<Disk>::label(label));
    let mark = Log::open(mark.clone(), Path::new(&name), label, Marked::<Disk>::ENTRY)?;
    Marked::join(log, mark)
}

fn journal_label(simulation: &Simulation, party: PartyIndex) -> Label {
    // A simulated plan is valid; if it were not, the session would say so and not the label.
    let plan = simulation.plan.digest().unwrap_or(Digest([0; 32]));
    let roster = simulation.roster().map_or(Digest([0; 32]), |r| r.digest());
    session::label(plan, roster, &simulation.key(party).public())
}

/// The machines of all parties of a simulated session, with disks.
pub struct Site<'a, A> {
    /// The session.
    pub simulation: &'a Simulation,
    /// What runs on them.
    pub actors: A,
    /// The disks, in the order of the roster.
    pub disks: Vec<Disks>,
    /// What names each party's key in its ledger.
    pub keys: Vec<Digest>,
}

impl<A: Actors> Machines for Site<'_, A> {
    type Application = A::Application;
    type Journal = A::Journal;

    fn boot(&mut self, party: PartyIndex) -> Result<(A::Application, A::Journal), BoxedError> {
        let i = party.as_usize();
        let disks = &self.disks[i];
        let mut opened = disks.open(self.simulation, party, self.keys[i]);
        if let Err(error) = &opened
            && !disks.power.is_cut()
            && self.actors.refused(party, error, disks)
        {
            opened = disks.open(self.simulation, party, self.keys[i]);
        }
        let (journal, ledger) = opened?;
        let (application, live) = self.actors.party(party);
        let journal = Ledgered::new(journal, ledger, live);
        Ok((application, self.actors.journal(party, journal)))
    }

    fn take_crash(&mut self, party: PartyIndex) -> bool {
        self.disks[party.as_usize()].power.restore()
    }

    fn fall(&mut self, party: PartyIndex, dice: &mut Dice) {
        let disks = &self.disks[party.as_usize()];
        let is_power_cut = dice.chance(500);
        for disk in disks.all() {
            match is_power_cut {
                true => disk.lose_power(|bound| dice.below(bound)),
                false => disk.lose_process(),
            }
        }
        self.actors.fallen(party, disks, dice);
    }

    fn leaves(&mut self, party: PartyIndex, frame: &Frame) -> Result<(), String> {
        let disks = &self.disks[party.as_usize()];
        if frame.header().kind != FrameKind::Request && !disks.journal.holds(frame.head()) {
            return Err("it is not in the journal".into());
        }
        self.actors.leaves(party, frame, disks)
    }

    /// Of parties whose files open.
    fn journals(&self) -> Vec<MemoryJournal> {
        let parties = (0..self.disks.len() as u16).map(PartyIndex);
        let read = |party: PartyIndex| {
            let i = party.as_usize();
            let mut kept = MemoryJournal::new();
            let opened = self.disks[i].open(self.simulation, party, self.keys[i]);
            if let Ok((journal, _)) = opened {
                for index in 0..journal.len() {
                    if let Ok(Some(record)) = journal.record(index) {
                        let Ok(()) = kept.append(&record);
                    }
                }
            }
            kept
        };
        parties.map(read).collect()
    }
}
