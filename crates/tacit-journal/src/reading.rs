//! Journals that are only read, by whoever checks what was said in a session.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;

use tacit_session::{Digest, FrameKind, PartyIndex, ROUND_OPEN, Record, Roster, SignedHeader};

use crate::error::Error;
use crate::log::Log;
use crate::medium::Medium;
use crate::session::{label, limit};

/// The journal of one party in one session, without its mark and without changing it: what an unfinished
/// append left behind is passed over and stays on the disk.
#[derive(Debug)]
pub struct JournalReader {
    log: Log<Unchanged>,
    party: PartyIndex,
    max_payload: u64,
}

impl JournalReader {
    /// Opens the journal of whichever party of the roster wrote it under this plan. A node may have it open;
    /// then it is read as far as it was.
    pub fn open(
        path: impl AsRef<Path>,
        plan: Digest,
        roster: &Roster,
        max_payload: u64,
    ) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(Error::io(path))?;
        for (member, place) in roster.members().iter().zip(0..) {
            let label = label(plan, roster.digest(), &member.key);
            let medium = Unchanged {
                file: file.try_clone().map_err(Error::io(path))?,
                len: None,
            };
            match Log::open(medium, path, label, limit(max_payload)) {
                Ok(log) => {
                    return Ok(Self {
                        log,
                        party: PartyIndex(place),
                        max_payload,
                    });
                }
                Err(Error::Foreign { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        Err(Error::Foreign {
            path: path.into(),
            problem: "not the journal of a party of this roster under this plan",
        })
    }

    /// Whose journal it is.
    pub fn party(&self) -> PartyIndex {
        self.party
    }

    /// Digest of everything in it.
    pub fn head(&self) -> Digest {
        let count = self.log.len() as u64;
        self.log.chain_after(count).unwrap_or(Digest([0; 32]))
    }

    /// What the journal has, counted.
    pub fn account(&self) -> Result<Account, Error> {
        let mut account = Account::default();
        let mut shared = HashSet::new();
        for record in self.records() {
            let record = record?;
            account.heads.extend(record.heads());
            match record {
                Record::Input(frame) => {
                    let header = frame.header();
                    account.rounds = account.rounds.max(header.round + 1);
                    account.is_complete |= header.kind == FrameKind::Complete;
                }
                Record::Share(frame) => {
                    let header = frame.header();
                    account.shares += 1;
                    account.share_bytes += header.payload_len;
                    // The root may ask for nonces again before anything depends on them.
                    if header.round != ROUND_OPEN && !shared.insert(header.round) {
                        account.second_shares.push(header.round);
                    }
                }
                _ => {}
            }
        }
        Ok(account)
    }

    /// The records, one after the other.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, Error>> + '_ {
        (0..self.log.len()).map(|entry| {
            let bytes = self.log.read(entry)?.unwrap_or_default();
            Record::decode(&bytes, self.max_payload).map_err(|source| Error::Record {
                path: self.log.path().into(),
                entry,
                source,
            })
        })
    }
}

/// What one party's journal of a session has.
#[derive(Clone, Default, Debug)]
pub struct Account {
    /// Rounds whose input was taken in, those that open and end the session included.
    pub rounds: u32,
    /// Shares that were sent; the root's own go into its sums and are not among them.
    pub shares: u64,
    /// Bytes of their payloads.
    pub share_bytes: u64,
    /// Rounds in which a share was made again: none, unless something is badly wrong.
    pub second_shares: Vec<u32>,
    /// Whether the session's end is in it.
    pub is_complete: bool,
    /// Everything that was signed: what [`contradictions`](tacit_session::evidence::contradictions)
    /// are looked for in.
    pub heads: Vec<SignedHeader>,
}

/// A file that takes no changes; a cut counts for the reader only.
#[derive(Debug)]
struct Unchanged {
    file: File,
    len: Option<u64>,
}

impl Medium for Unchanged {
    fn len(&self) -> io::Result<u64> {
        let found = Medium::len(&self.file)?;
        Ok(self.len.map_or(found, |len| len.min(found)))
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_at(into, offset)
    }

    fn write_at(&mut self, _: &[u8], _: u64) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.len = Some(len);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
