//! Sessions whose parties die between any two steps and come back from their files.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use tacit_journal::{Error, FileJournal, JournalReader, Vault};
use tacit_seal::Unlock;
use tacit_session::simulation::{Simulation, Tally};
use tacit_session::{Action, Digest, Event, Frame, FrameKind, Journal, Party, PartyIndex, Record};

const PARTIES: u16 = 3;
const ROUNDS: u32 = 3;
const LIMIT: u64 = 1 << 20;

/// A session on one thread; its wire is a queue.
struct Room {
    table: Simulation,
    folder: tempfile::TempDir,
    wire: VecDeque<(PartyIndex, Frame)>,
    lives: u64,
}

impl Room {
    fn new() -> Self {
        Self {
            table: Simulation::new(1, PARTIES),
            folder: tempfile::tempdir().unwrap(),
            wire: VecDeque::new(),
            lives: 0,
        }
    }

    fn path(&self, party: PartyIndex) -> PathBuf {
        self.folder.path().join(format!("{}.log", party.0))
    }

    fn journal(&self, party: PartyIndex, path: &Path) -> Result<FileJournal, Error> {
        let (plan, roster) = (
            self.table.plan.digest().unwrap(),
            self.table.roster().unwrap().digest(),
        );
        let (mark, me) = (path.with_extension("mark"), self.table.key(party).public());
        FileJournal::open(path, mark, plan, roster, &me, LIMIT)
    }

    fn join<J: Journal>(&mut self, party: PartyIndex, journal: J) -> Party<Tally, J> {
        self.lives += 1;
        let seat = self.table.seat(party, self.lives).unwrap();
        let app = Tally::new(10 + u64::from(party.0), ROUNDS);
        let mut party = Party::new(seat, app, journal).unwrap();
        party.handle(Event::Start).unwrap();
        party
    }

    fn expected(&self) -> Vec<u64> {
        Tally::expected(&[10, 11, 12], ROUNDS)
    }

    /// Lets a party do what is due and puts what it sends on the wire.
    fn serve<J: Journal>(&mut self, party: &mut Party<Tally, J>, mut sent: impl FnMut(&Frame)) {
        while party.has_work() {
            party.work().unwrap();
        }
        while let Some(action) = party.poll_action() {
            if let Action::Send { to, frame } = action {
                sent(&frame);
                self.wire.push_back((to, frame));
            }
        }
    }

    /// What a process started now would find in the file.
    fn on_disk(&self, party: PartyIndex) -> Vec<Record> {
        let copy = self.folder.path().join("copy.log");
        for file in [&self.path(party), &self.path(party).with_extension("mark")] {
            let to = copy.with_extension(file.extension().unwrap());
            std::fs::copy(file, to).unwrap();
        }
        let journal = self.journal(party, &copy).unwrap();
        (0..journal.len())
            .map(|i| journal.record(i).unwrap().unwrap())
            .collect()
    }
}

#[test]
fn parties_killed_after_every_frame_come_back_and_the_totals_are_right() {
    let mut room = Room::new();
    let open = |room: &mut Room, me: PartyIndex| {
        let journal = room.journal(me, &room.path(me)).unwrap();
        let mut party = room.join(me, journal);
        room.serve(&mut party, |_| {});
        party
    };
    // The leaves die after every frame; the root after every fifth, since a sum that is not whole
    // is not journaled and needs the answers of both leaves in one life.
    let mut root = open(&mut room, PartyIndex::ROOT);
    for leaf in 1..PARTIES {
        drop(open(&mut room, PartyIndex(leaf)));
    }
    let mut steps = 0;
    while let Some((to, frame)) = room.wire.pop_front() {
        steps += 1;
        assert!(steps < 2000, "no progress");
        if to == PartyIndex::ROOT {
            root.handle(Event::Frame(frame)).unwrap();
            room.serve(&mut root, |_| {});
            if root.status().done {
                break;
            }
            if steps % 5 == 0 {
                drop(root);
                root = open(&mut room, to);
            }
        } else {
            let mut leaf = open(&mut room, to);
            leaf.handle(Event::Frame(frame)).unwrap();
            room.serve(&mut leaf, |_| {});
        }
    }
    assert!(room.lives > 10);
    assert_eq!(root.into_application().totals(), room.expected());
    for leaf in 1..PARTIES {
        let leaf = open(&mut room, PartyIndex(leaf));
        assert!(leaf.status().done);
        assert_eq!(leaf.into_application().totals(), room.expected());
    }
}

/// Acknowledges a record and writes it with the next one: the mistake a journal must not make.
struct Late {
    file: FileJournal,
    held: Option<Record>,
}

impl Journal for Late {
    type Error = Error;

    fn append(&mut self, record: &Record) -> Result<(), Error> {
        if let Some(held) = self.held.replace(record.clone()) {
            self.file.append(&held)?;
        }
        Ok(())
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Error> {
        match self.file.record(index)? {
            None if index == self.file.len() => Ok(self.held.clone()),
            found => Ok(found),
        }
    }
}

/// Runs a session and counts the frames that left before they, or what they follow from, were in
/// the sender's file.
fn sent_before_written<J: Journal>(make: impl Fn(FileJournal) -> J) -> usize {
    let mut room = Room::new();
    let mut parties = Vec::new();
    for me in (0..PARTIES).map(PartyIndex) {
        let journal = make(room.journal(me, &room.path(me)).unwrap());
        parties.push(room.join(me, journal));
    }
    let mut early = 0;
    let mut due: VecDeque<usize> = (0..parties.len()).collect();
    while let Some(i) = due.pop_front() {
        let me = PartyIndex(i as u16);
        let mut sent = Vec::new();
        room.serve(&mut parties[i], |frame| sent.push(frame.clone()));
        let kept = room.on_disk(me);
        for frame in sent {
            let is_kept = match frame.header().kind {
                FrameKind::Share => kept.contains(&Record::Share(frame)),
                FrameKind::Input | FrameKind::Complete => kept.contains(&Record::Input(frame)),
                FrameKind::Request => true,
                FrameKind::Letter => false,
            };
            early += usize::from(!is_kept);
        }
        if let Some((to, frame)) = room.wire.pop_front() {
            parties[to.as_usize()].handle(Event::Frame(frame)).unwrap();
            due.push_back(to.as_usize());
        }
    }
    assert!(parties.iter().all(|p| p.status().done));
    early
}

#[test]
fn every_share_and_input_is_in_the_file_before_it_leaves() {
    assert_eq!(sent_before_written(|file| file), 0);
}

#[test]
fn a_journal_that_writes_after_the_frame_has_left_is_caught() {
    let late = |file| Late { file, held: None };
    assert!(sent_before_written(late) > 0);
}

#[test]
fn one_process_at_a_time_and_one_session_per_file() {
    let room = Room::new();
    let (one, two) = (PartyIndex(1), PartyIndex(2));
    let path = room.path(one);
    let open = room.journal(one, &path).unwrap();
    assert!(matches!(
        room.journal(one, &path),
        Err(Error::Locked { .. })
    ));
    drop(open);
    assert!(matches!(
        room.journal(two, &path),
        Err(Error::Foreign { .. })
    ));
    assert!(room.journal(one, &path).unwrap().is_empty());
}

#[test]
fn a_damaged_journal_is_named_before_anything_is_sent() {
    let mut room = Room::new();
    let me = PartyIndex::ROOT;
    let journal = room.journal(me, &room.path(me)).unwrap();
    drop(room.join(me, journal));
    let path = room.path(me);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 50;
    bytes[at] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let said = room.journal(me, &path).unwrap_err().to_string();
    assert!(said.contains("0.log") && said.contains("entry 1"), "{said}");
}

#[test]
fn secrets_are_sealed_kept_once_and_bound_to_their_owner_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let vault = |owner: &[u8], key| {
        let unlock = Unlock::key([key; 32]).unwrap();
        Vault::new(folder.path(), unlock, Digest::of(owner))
    };
    let own = vault(b"session", 1);
    own.keep("seed", &[0xab; 32]).unwrap();
    assert!(
        own.keep("seed", &[0xcd; 32]).is_err(),
        "shares were made with it"
    );
    assert_eq!(own.open("seed").unwrap().unwrap()[..], [0xab; 32]);
    assert!(vault(b"another session", 1).open("seed").is_err());
    assert!(vault(b"session", 2).open("seed").is_err());
    let file = folder.path().join("seed.sealed");
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(8).any(|w| w == [0xab; 8]));
    std::fs::rename(file, folder.path().join("other.sealed")).unwrap();
    assert!(own.open("other").is_err(), "a name is part of the secret");
    for bad in ["", "../seed", "Seed", &"a".repeat(49)] {
        assert!(matches!(own.keep(bad, b"x"), Err(Error::Name { .. })));
    }
}

#[test]
fn a_journal_is_read_by_whoever_has_the_roster_and_is_not_changed() {
    let mut room = Room::new();
    let places = (0..PARTIES).map(PartyIndex);
    let mut parties: Vec<_> = places
        .map(|me| {
            let journal = room.journal(me, &room.path(me)).unwrap();
            let mut party = room.join(me, journal);
            room.serve(&mut party, |_| {});
            party
        })
        .collect();
    while let Some((to, frame)) = room.wire.pop_front() {
        let party = &mut parties[to.as_usize()];
        party.handle(Event::Frame(frame)).unwrap();
        room.serve(party, |_| {});
    }
    let (plan, roster) = (
        room.table.plan.digest().unwrap(),
        room.table.roster().unwrap(),
    );
    for party in (0..PARTIES).map(PartyIndex) {
        let path = room.path(party);
        let mut bytes = std::fs::read(&path).unwrap();
        // An append that did not return is passed over.
        bytes.extend([0; 100]);
        std::fs::write(&path, &bytes).unwrap();
        let journal = JournalReader::open(&path, plan, &roster, LIMIT).unwrap();
        assert_eq!(journal.party(), party);
        let account = journal.account().unwrap();
        assert!(account.is_complete && account.second_shares.is_empty());
        assert_eq!(account.rounds, ROUNDS + 3);
        assert_eq!(account.shares > 0, party != PartyIndex::ROOT);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        let other = JournalReader::open(&path, Digest::of(b"another plan"), &roster, LIMIT);
        assert!(matches!(other, Err(Error::Foreign { .. })));
    }
}
