//! A log whose length is also written elsewhere, so that an older copy of it is noticed.
//!
//! The mark is a log of its own: one entry, count and chain of the other, after every append. It
//! follows: a crash between the two leaves it one entry behind and never ahead. So
//!
//! | the log has | it is |
//! |---|---|
//! | as many entries as the mark says, with that digest | what was written |
//! | one more | what was written; the mark is brought up |
//! | fewer | an older copy, refused |
//! | other ones | another history, refused |
//! | two or more beyond the mark | beside an older or lost mark, refused |

use std::path::Path;

use tacit_session::Digest;

use crate::error::Error;
use crate::log::{Label, Log};
use crate::medium::Medium;

const PURPOSE: u8 = 3;

/// A log and its mark.
#[derive(Debug)]
pub(crate) struct Marked<M> {
    log: Log<M>,
    mark: Log<M>,
}

impl<M: Medium> Marked<M> {
    /// Bytes of one entry of the mark.
    pub(crate) const ENTRY: u64 = 8 + 32;

    /// What the mark of a log with this label is labelled.
    pub(crate) fn label(of: Label) -> Label {
        let mut owner = vec![of.purpose];
        owner.extend(of.owner.0);
        Label {
            purpose: PURPOSE,
            owner: Digest::of(&owner),
        }
    }

    /// Compares the two and brings the mark up, where a crash came between.
    pub(crate) fn join(log: Log<M>, mark: Log<M>) -> Result<Self, Error> {
        let mut marked = Self { log, mark };
        let acknowledged = marked.acknowledged()?;
        let (count, chain) = acknowledged.unwrap_or((0, marked.head(0)));
        let found = marked.log.len();
        if (found as u64) < count {
            return Err(Error::Older {
                path: marked.log.path().into(),
                mark: marked.mark.path().into(),
                found,
                acknowledged: count,
            });
        }
        if marked.head(count) != chain {
            return Err(marked.unfit("it was written beside other entries"));
        }
        match found as u64 - count {
            0 => {}
            1 => marked.bring_up()?,
            _ => return Err(marked.unfit("it lags behind: an older copy, or made anew")),
        }
        Ok(marked)
    }

    /// What the newest entry of the mark says.
    fn acknowledged(&self) -> Result<Option<(u64, Digest)>, Error> {
        let Some(newest) = self.mark.len().checked_sub(1) else {
            return Ok(None);
        };
        let bytes = self.mark.read(newest)?.unwrap_or_default();
        let Some((count, chain)) = bytes.split_first_chunk::<8>() else {
            return Err(self.unfit("an entry is no mark"));
        };
        let Ok(chain) = chain.try_into() else {
            return Err(self.unfit("an entry is no mark"));
        };
        Ok(Some((u64::from_le_bytes(*count), Digest(chain))))
    }

    fn head(&self, count: u64) -> Digest {
        self.log.chain_after(count).unwrap_or(Digest([0; 32]))
    }

    fn bring_up(&mut self) -> Result<(), Error> {
        let count = self.log.len() as u64;
        let chain = self.head(count);
        self.mark
            .append(&[&count.to_le_bytes()[..], &chain.0].concat())
    }

    fn unfit(&self, problem: &'static str) -> Error {
        Error::Mark {
            path: self.log.path().into(),
            mark: self.mark.path().into(),
            problem,
        }
    }

    /// Adds an entry; returns when it and its mark are durable.
    pub(crate) fn append(&mut self, body: &[u8]) -> Result<(), Error> {
        self.log.append(body)?;
        self.bring_up()
    }

    pub(crate) fn read(&self, index: usize) -> Result<Option<Vec<u8>>, Error> {
        self.log.read(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.log.len()
    }

    pub(crate) fn path(&self) -> &Path {
        self.log.path()
    }
}
