//! A disk that loses and tears what was not synced when the power goes.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use tacit_session::simulation::Dice;

use crate::medium::Medium;

/// What a machine runs on: it fails at an operation of any disk, and then nothing works.
#[derive(Clone, Debug)]
pub struct Power(Rc<RefCell<Supply>>);

#[derive(Debug)]
struct Supply {
    /// Operations until it fails.
    left: usize,
    per_mille: u32,
    dice: Dice,
    operations: usize,
    is_cut: bool,
}

impl Power {
    /// Fails during the operation after so many.
    pub fn cut_after(operations: usize) -> Self {
        Self::new(operations, 0, 0)
    }

    /// Fails during so many operations out of 1000.
    pub fn failing(per_mille: u32, seed: u64) -> Self {
        Self::new(usize::MAX, per_mille, seed)
    }

    fn new(left: usize, per_mille: u32, seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Supply {
            left,
            per_mille,
            dice: Dice::new(seed),
            operations: 0,
            is_cut: false,
        })))
    }

    /// Whether it failed.
    pub fn is_cut(&self) -> bool {
        self.0.borrow().is_cut
    }

    /// It is back; whether it had failed.
    pub fn restore(&self) -> bool {
        let mut supply = self.0.borrow_mut();
        supply.left = usize::MAX;
        std::mem::take(&mut supply.is_cut)
    }

    /// Writes, cuts and syncs so far.
    pub fn operations(&self) -> usize {
        self.0.borrow().operations
    }

    /// Whether the power goes during this operation; an error where it is gone already.
    fn goes(&self) -> io::Result<bool> {
        let mut supply = self.0.borrow_mut();
        if supply.is_cut {
            return Err(gone());
        }
        supply.operations += 1;
        let per_mille = supply.per_mille;
        supply.is_cut = supply.left == 0 || per_mille > 0 && supply.dice.chance(per_mille);
        supply.left = supply.left.saturating_sub(1);
        Ok(supply.is_cut)
    }
}

fn gone() -> io::Error {
    io::Error::other("power cut")
}

/// A file on a disk. A clone is the same file.
#[derive(Clone, Debug)]
pub struct Disk {
    state: Rc<RefCell<State>>,
    power: Power,
}

#[derive(Debug)]
struct State {
    durable: Vec<u8>,
    /// As the running process sees it.
    seen: Vec<u8>,
    /// Since the last sync.
    pending: Vec<Write>,
    /// Most bytes that fit.
    room: usize,
}

#[derive(Clone, Debug)]
enum Write {
    Bytes(u64, Vec<u8>),
    Truncate(u64),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Bytes(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                to.resize(to.len().max(end), 0);
                to[at..end].copy_from_slice(bytes);
            }
            Self::Truncate(len) => to.truncate(*len as usize),
        }
    }
}

impl Disk {
    /// A file with these contents.
    pub fn new(durable: Vec<u8>, power: Power) -> Self {
        let seen = durable.clone();
        let state = State {
            durable,
            seen,
            pending: Vec::new(),
            room: usize::MAX,
        };
        Self {
            state: Rc::new(RefCell::new(state)),
            power,
        }
    }

    /// From now on no more than so many bytes fit.
    pub fn fill(&self, room: usize) {
        self.state.borrow_mut().room = room;
    }

    /// What is on the disk for sure.
    pub fn durable(&self) -> Vec<u8> {
        self.state.borrow().durable.clone()
    }

    /// Whether these bytes are on the disk for sure; found sooner where they were written last.
    pub fn holds(&self, bytes: &[u8]) -> bool {
        let state = self.state.borrow();
        let mut windows = state.durable.windows(bytes.len());
        windows.rfind(|window| *window == bytes).is_some()
    }

    /// The power went: of what was not synced some is there, some in part, some not.
    pub fn lose_power(&self, mut below: impl FnMut(usize) -> usize) {
        let mut state = self.state.borrow_mut();
        let mut found = std::mem::take(&mut state.durable);
        for write in &state.pending {
            match (below(3), write) {
                (0, _) => {}
                (1, Write::Bytes(at, bytes)) => {
                    let from = below(bytes.len() + 1);
                    let to = from + below(bytes.len() - from + 1);
                    Write::Bytes(at + from as u64, bytes[from..to].to_vec()).apply(&mut found);
                }
                (_, write) => write.apply(&mut found),
            }
        }
        state.settle(found);
    }

    /// Only the process died: the system still has everything.
    pub fn lose_process(&self) {
        let mut state = self.state.borrow_mut();
        let seen = std::mem::take(&mut state.seen);
        state.settle(seen);
    }

    /// Somebody puts other contents there, such as a backup.
    pub fn overwrite(&self, bytes: Vec<u8>) {
        self.state.borrow_mut().settle(bytes);
    }

    fn write(&self, write: Write) -> io::Result<()> {
        let goes = self.power.goes()?;
        let mut state = self.state.borrow_mut();
        if let Write::Bytes(at, bytes) = &write
            && *at as usize + bytes.len() > state.room
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        write.apply(&mut state.seen);
        state.pending.push(write);
        // The write during which the power goes is torn like the others.
        if goes { Err(gone()) } else { Ok(()) }
    }
}

impl State {
    fn settle(&mut self, found: Vec<u8>) {
        self.pending.clear();
        self.seen.clone_from(&found);
        self.durable = found;
    }
}

impl Medium for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.borrow().seen.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.state.borrow();
        let from = state.seen.get(offset as usize..).unwrap_or_default();
        let from = from.get(..into.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(from);
        Ok(())
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(Write::Bytes(offset, bytes.to_vec()))
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.write(Write::Truncate(len))
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.power.goes()? {
            return Err(gone());
        }
        let mut state = self.state.borrow_mut();
        let State {
            durable, pending, ..
        } = &mut *state;
        pending.iter().for_each(|write| write.apply(durable));
        pending.clear();
        Ok(())
    }
}
