//! What must survive a crash.
//!
//! A share that left this machine must never leave it again with other bytes: two shares of one
//! secret on one public polynomial with different noise give the secret away. So every input is
//! journaled before it is answered and every share before it is sent, and a lost share is answered
//! from the journal. [`Journal::append`] returns when the record is durable; the machine hands out
//! no frame before that.
//!
//! Records hold what travels (signed frames) and the party's nonce, which is public once sent: no
//! secret is in a journal. Secret material at rest is the application's to protect.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::codec::{Reader, Writer};
use crate::error::DecodeError;
use crate::frame::{Frame, SignedHeader};
use crate::opening::Nonce;
use crate::payload::Payload;

/// One step that cannot be taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// This party's nonce; always the first record.
    Nonce(Nonce),
    /// An input accepted (or, at the root, made): an input or complete frame.
    Input(Frame),
    /// The share this party is about to send for the newest input.
    Share(Frame),
    /// The signed heads of the children's shares that are summed for the newest input, in the order of
    /// the children: what they are held to, if another one comes later.
    Heads(Vec<SignedHeader>),
    /// Root only: all shares of the newest input are summed.
    Aggregate {
        /// The round.
        round: u32,
        /// The sum.
        sum: AggregateBytes,
    },
}

/// The bytes of an aggregate, compared by digest.
#[derive(Clone, Debug)]
pub struct AggregateBytes(pub Payload);

impl PartialEq for AggregateBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest() == other.0.digest()
    }
}

impl Eq for AggregateBytes {}

const VERSION: u8 = 1;
const WHAT: &str = "journal record";

impl Record {
    /// The signed heads in it.
    pub fn heads(&self) -> Vec<SignedHeader> {
        match self {
            Self::Input(frame) | Self::Share(frame) => vec![frame.signed().clone()],
            Self::Heads(heads) => heads.clone(),
            Self::Nonce(_) | Self::Aggregate { .. } => Vec::new(),
        }
    }

    /// One record as bytes: version, kind, body, BLAKE3 of all that.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(VERSION);
        match self {
            Self::Nonce(nonce) => out.u8(1).raw(&nonce.0),
            Self::Input(frame) => out.u8(2).raw(frame.head()).raw(frame.payload()),
            Self::Share(frame) => out.u8(3).raw(frame.head()).raw(frame.payload()),
            Self::Aggregate { round, sum } => out.u8(4).u32(*round).raw(&sum.0),
            Self::Heads(heads) => heads.iter().fold(out.u8(5), |out, head| {
                out.u16(head.as_bytes().len() as u16).raw(head.as_bytes())
            }),
        };
        let check = blake3::hash(out.as_slice());
        out.raw(check.as_bytes());
        out.into_bytes()
    }

    /// Reads a record that fills `bytes`; a torn or damaged one is refused.
    pub fn decode(bytes: &[u8], max_payload: u64) -> Result<Self, DecodeError> {
        let Some((body, check)) = bytes.split_last_chunk::<32>() else {
            let left = bytes.len() as u64;
            return Err(DecodeError::Truncated {
                what: WHAT,
                needed: 32,
                left,
            });
        };
        let mut from = Reader::new(WHAT, body);
        let version = from.u8()?;
        if version != VERSION {
            return Err(DecodeError::UnknownVersion {
                what: WHAT,
                found: version,
                spoken: VERSION,
            });
        }
        if blake3::hash(body) != *check {
            return Err(DecodeError::Malformed {
                what: WHAT,
                problem: "checksum does not match",
            });
        }
        let record = match from.u8()? {
            1 => Self::Nonce(Nonce(from.array()?)),
            2 => Self::Input(Frame::decode(from.rest(), max_payload)?),
            3 => Self::Share(Frame::decode(from.rest(), max_payload)?),
            4 => {
                let round = from.u32()?;
                let sum = from.rest();
                let (claimed, limit) = (sum.len() as u64, max_payload);
                if claimed > limit {
                    return Err(DecodeError::Oversize {
                        what: WHAT,
                        claimed,
                        limit,
                    });
                }
                Self::Aggregate {
                    round,
                    sum: AggregateBytes(Payload::from(sum.to_vec())),
                }
            }
            5 => {
                let mut heads = Vec::new();
                while !from.is_empty() {
                    heads.push(SignedHeader::read(&mut from)?);
                }
                Self::Heads(heads)
            }
            found => return Err(DecodeError::UnknownKind { what: WHAT, found }),
        };
        from.finish()?;
        Ok(record)
    }
}

/// An append-only store of [`Record`]s.
pub trait Journal {
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Adds a record and returns when it is durable (written and synced). On an error the record
    /// may or may not be there; the party stops and is restarted from what is.
    fn append(&mut self, record: &Record) -> Result<(), Self::Error>;

    /// The record appended as number `index`, from 0; `None` past the end.
    fn record(&self, index: usize) -> Result<Option<Record>, Self::Error>;
}

/// A journal in memory. A clone is the same journal opened again, as a restarted process would.
#[derive(Clone, Default, Debug)]
pub struct MemoryJournal(Arc<Mutex<Vec<Record>>>);

impl MemoryJournal {
    /// An empty journal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records().len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this was recorded; newest first.
    pub(crate) fn holds(&self, record: &Record) -> bool {
        self.records().iter().rev().any(|kept| kept == record)
    }

    /// Another journal with the same records: what is added to one is not in the other.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.records().clone())))
    }

    /// Every signed head in it: of inputs, of own shares, of shares of others.
    pub fn heads(&self) -> Vec<SignedHeader> {
        self.records().iter().flat_map(Record::heads).collect()
    }

    /// Forgets all records from number `len` on: a backup of an earlier moment.
    pub fn truncate(&self, len: usize) {
        self.records().truncate(len);
    }

    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        // A push either happened or not; a panic elsewhere leaves the list whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    type Error = std::convert::Infallible;

    fn append(&mut self, record: &Record) -> Result<(), Self::Error> {
        self.records().push(record.clone());
        Ok(())
    }

    fn record(&self, index: usize) -> Result<Option<Record>, Self::Error> {
        Ok(self.records().get(index).cloned())
    }
}

/// Keeps nothing: for parties that live and die with one process and a transport that loses
/// nothing. A restart is impossible, and a share asked for twice is an error instead of a second
/// share.
#[derive(Clone, Copy, Default, Debug)]
pub struct NoJournal;

impl Journal for NoJournal {
    type Error = std::convert::Infallible;

    fn append(&mut self, _: &Record) -> Result<(), Self::Error> {
        Ok(())
    }

    fn record(&self, _: usize) -> Result<Option<Record>, Self::Error> {
        Ok(None)
    }
}
