//! An append-only file of entries that is never half written.
//!
//! ```text
//!      0  header  "tacit.log" · version u8 · purpose u8 · owner [32] · BLAKE3 [32]
//!    512  mark A  count u64 · end u64 · chain [32] · BLAKE3 [32]
//!   1024  mark B  likewise; the one with the larger count holds
//!   1536  entries length u64 · chain [32] · body
//!
//!   chain_i = H("tacit log entry v1"; chain_(i−1), body_i),   chain_(−1) = H(header)
//! ```
//!
//! An append writes the entry, syncs, and then sets the mark that does not hold. What a mark counts was
//! acknowledged; if it does not read back, the file is damaged and [`Log::open`] names the place.
//! What follows the mark may be the remains of an append that never returned: a whole entry stays,
//! anything else is cut off. So a crash at any moment leaves all entries up to the last acknowledged
//! one, and perhaps the one that was being written.
//!
//! The chain makes exchanged, repeated or removed entries damage, too. An older copy of the whole
//! file reads well: against it, journals and ledgers have a mark in another file, best on another disk.
//!
//! *Limit.* The mark of the newest entry becomes durable with the next append. Cut the power *and*
//! damage the newest entry, and it is taken for one that was never finished (by this file alone).

use std::path::{Path, PathBuf};

use tacit_session::{Digest, DigestWriter};

use crate::error::Error;
use crate::medium::Medium;

const MAGIC: &[u8; 9] = b"tacit.log";
const VERSION: u8 = 1;
const HEADER_LEN: usize = MAGIC.len() + 2 + 32 + 32;
const MARK_LEN: usize = 8 + 8 + 32 + 32;
/// Marks sit in sectors of their own: writing one cannot tear the other.
const MARKS: [u64; 2] = [512, 1024];
const ENTRIES: u64 = 1536;
const ENTRY_HEAD: u64 = 8 + 32;

/// What a log holds, and for whom: a file of something else is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label {
    /// Kind of contents.
    pub purpose: u8,
    /// Digest of whatever the contents belong to.
    pub owner: Digest,
}

/// An open log.
#[derive(Debug)]
pub struct Log<M> {
    medium: M,
    path: PathBuf,
    limit: u64,
    /// Digest of the header, then of every entry with all before it.
    chain: Vec<Digest>,
    /// Where each entry ends; the next one begins there.
    ends: Vec<u64>,
    /// Which of the two marks holds; the other one is written next.
    holding: usize,
    failed: bool,
}

impl<M: Medium> Log<M> {
    /// The bytes of a log without entries, to be put in place in one piece.
    pub fn empty(label: Label) -> Vec<u8> {
        let mut bytes = header(label);
        let mark = mark(0, ENTRIES, Digest::of(&bytes));
        bytes.resize(ENTRIES as usize, 0);
        for at in MARKS {
            bytes[at as usize..][..MARK_LEN].copy_from_slice(&mark);
        }
        bytes
    }

    /// Opens a log: reads and checks everything, and cuts off an append that was not finished.
    /// Entries are at most `limit` bytes long; `path` is what errors say.
    pub fn open(medium: M, path: &Path, label: Label, limit: u64) -> Result<Self, Error> {
        let mut log = Self {
            medium,
            path: path.into(),
            limit,
            chain: Vec::new(),
            ends: Vec::new(),
            holding: 0,
            failed: false,
        };
        let len = log.medium.len().map_err(Error::io(path))?;
        if len < ENTRIES {
            return Err(log.corrupt(0, "it is shorter than an empty log"));
        }
        let head = log.bytes(0, HEADER_LEN)?;
        if !head.starts_with(MAGIC) {
            return Err(log.foreign("not a log of this program"));
        }
        if head[MAGIC.len()] != VERSION {
            return Err(log.foreign("a log of another version of this program"));
        }
        let (fields, check) = head.split_at(HEADER_LEN - 32);
        if Digest::of(fields).0[..] != *check {
            return Err(log.corrupt(0, "the header does not match its checksum"));
        }
        if head[MAGIC.len() + 1] != label.purpose {
            return Err(log.foreign("a log for another purpose"));
        }
        if head[MAGIC.len() + 2..][..32] != label.owner.0 {
            return Err(log.foreign("it belongs to another session or key"));
        }
        log.chain.push(Digest::of(&head));
        let mark = log.find_mark()?;
        log.scan(len, &mark)?;
        Ok(log)
    }

    /// The mark that holds. It is never the one that is overwritten, so that one always does.
    fn find_mark(&mut self) -> Result<Mark, Error> {
        let mut newest: Option<Mark> = None;
        for (slot, at) in MARKS.into_iter().enumerate() {
            let mark = Mark::read(&self.bytes(at, MARK_LEN)?);
            if let Some(mark) = mark
                && newest.as_ref().is_none_or(|n| n.count < mark.count)
            {
                newest = Some(mark);
                self.holding = slot;
            }
        }
        newest.ok_or_else(|| self.corrupt(MARKS[0], "neither mark matches its checksum"))
    }

    fn scan(&mut self, len: u64, mark: &Mark) -> Result<(), Error> {
        let problem = loop {
            if self.end() == len {
                break None;
            }
            match self.read_next(len)? {
                Ok((end, chain)) => {
                    self.ends.push(end);
                    self.chain.push(chain);
                }
                Err(problem) => break Some(problem),
            }
        };
        let found = self.ends.len() as u64;
        if found < mark.count {
            let problem = problem.unwrap_or("entries are missing at the end");
            return Err(self.corrupt(self.end(), problem));
        }
        let marked = mark.count as usize;
        let end = marked.checked_sub(1).map_or(ENTRIES, |i| self.ends[i]);
        if self.chain[marked] != mark.chain || end != mark.end {
            return Err(self.corrupt(end, "the entries are not those that were written"));
        }
        if problem.is_some() {
            let end = self.end();
            let cut = self.medium.truncate(end);
            cut.and_then(|()| self.medium.sync())
                .map_err(Error::io(&self.path))?;
        }
        // What is kept is acknowledged from now on.
        if found > mark.count {
            self.medium.sync().map_err(Error::io(&self.path))?;
            self.write_mark()?;
        }
        Ok(())
    }

    /// The entry after the last one, if it is whole.
    #[allow(clippy::type_complexity)]
    fn read_next(&self, len: u64) -> Result<Result<(u64, Digest), &'static str>, Error> {
        let at = self.end();
        let left = len - at;
        if left < ENTRY_HEAD {
            return Ok(Err("the file ends inside an entry"));
        }
        let head = self.bytes(at, ENTRY_HEAD as usize)?;
        let length = u64_at(&head, 0);
        if length > self.limit {
            return Ok(Err("the length is over the limit"));
        }
        if length > left - ENTRY_HEAD {
            return Ok(Err("the file ends inside an entry"));
        }
        let body = self.bytes(at + ENTRY_HEAD, length as usize)?;
        let chain = link(self.last(), &body);
        if chain.0[..] != head[8..] {
            return Ok(Err("an entry does not match its checksum"));
        }
        Ok(Ok((at + ENTRY_HEAD + length, chain)))
    }

    /// Adds an entry and returns when it is durable. After an error the log must be opened again:
    /// nobody knows then what reached the disk.
    pub fn append(&mut self, body: &[u8]) -> Result<(), Error> {
        if self.failed {
            let path = self.path.clone();
            return Err(Error::Failed { path });
        }
        let (len, limit) = (body.len() as u64, self.limit);
        if len > limit {
            let path = self.path.clone();
            return Err(Error::Oversize { path, len, limit });
        }
        let result = self.write(body);
        self.failed = result.is_err();
        result
    }

    fn write(&mut self, body: &[u8]) -> Result<(), Error> {
        let (at, chain) = (self.end(), link(self.last(), body));
        let head = [&(body.len() as u64).to_le_bytes()[..], &chain.0].concat();
        self.medium
            .write_at(&head, at)
            .and_then(|()| self.medium.write_at(body, at + ENTRY_HEAD))
            .and_then(|()| self.medium.sync())
            .map_err(Error::io(&self.path))?;
        self.ends.push(at + ENTRY_HEAD + body.len() as u64);
        self.chain.push(chain);
        self.write_mark()
    }

    fn write_mark(&mut self) -> Result<(), Error> {
        let mark = mark(self.ends.len() as u64, self.end(), self.last());
        let other = 1 - self.holding;
        self.medium
            .write_at(&mark, MARKS[other])
            .map_err(Error::io(&self.path))?;
        self.holding = other;
        Ok(())
    }

    /// The entry appended as number `index`, from 0; `None` past the end. It is checked again: disks
    /// decay.
    pub fn read(&self, index: usize) -> Result<Option<Vec<u8>>, Error> {
        let Some(&end) = self.ends.get(index) else {
            return Ok(None);
        };
        let at = index.checked_sub(1).map_or(ENTRIES, |i| self.ends[i]);
        let body = self.bytes(at + ENTRY_HEAD, (end - at - ENTRY_HEAD) as usize)?;
        if link(self.chain[index], &body) != self.chain[index + 1] {
            return Err(Error::Corrupt {
                path: self.path.clone(),
                offset: at,
                entry: index,
                problem: "it changed on the disk since the file was opened",
            });
        }
        Ok(Some(body))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Digest of the header and the first `count` entries; `None` where there are fewer.
    pub(crate) fn chain_after(&self, count: u64) -> Option<Digest> {
        let count = usize::try_from(count).ok()?;
        self.chain.get(count).copied()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn end(&self) -> u64 {
        self.ends.last().copied().unwrap_or(ENTRIES)
    }

    fn last(&self) -> Digest {
        self.chain.last().copied().unwrap_or(Digest([0; 32]))
    }

    fn bytes(&self, at: u64, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len];
        self.medium
            .read_at(&mut bytes, at)
            .map_err(Error::io(&self.path))?;
        Ok(bytes)
    }

    fn corrupt(&self, offset: u64, problem: &'static str) -> Error {
        Error::Corrupt {
            path: self.path.clone(),
            offset,
            entry: self.ends.len(),
            problem,
        }
    }

    fn foreign(&self, problem: &'static str) -> Error {
        let path = self.path.clone();
        Error::Foreign { path, problem }
    }
}

struct Mark {
    count: u64,
    end: u64,
    chain: Digest,
}

impl Mark {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (fields, check) = bytes.split_at_checked(MARK_LEN - 32)?;
        if Digest::of(fields).0[..] != *check {
            return None;
        }
        let mut chain = Digest([0; 32]);
        chain.0.copy_from_slice(&fields[16..48]);
        Some(Self {
            count: u64_at(fields, 0),
            end: u64_at(fields, 8),
            chain,
        })
    }
}

fn mark(count: u64, end: u64, chain: Digest) -> Vec<u8> {
    checked([&count.to_le_bytes()[..], &end.to_le_bytes(), &chain.0].concat())
}

fn header(label: Label) -> Vec<u8> {
    checked([&MAGIC[..], &[VERSION, label.purpose], &label.owner.0].concat())
}

/// The bytes and their BLAKE3.
fn checked(mut bytes: Vec<u8>) -> Vec<u8> {
    let check = Digest::of(&bytes);
    bytes.extend_from_slice(&check.0);
    bytes
}

fn link(before: Digest, body: &[u8]) -> Digest {
    DigestWriter::new("tacit log entry v1")
        .bytes(&before.0)
        .bytes(body)
        .finish()
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8]
        .iter()
        .rev()
        .fold(0, |n, &b| n << 8 | u64::from(b))
}
