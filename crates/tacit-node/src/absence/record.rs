//! What was decided, in the folder of the plan.

use std::fs;
use std::path::Path;

use tacit_session::Continuation;

use crate::error::Error;

/// From this session of the plan on, these take part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GoOn {
    /// 0 is the training; answers follow.
    pub session: u64,
    /// Who takes part, and who holds the key.
    pub with: Continuation,
}

impl GoOn {
    /// Bytes for files and letters.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.session.to_le_bytes().to_vec();
        out.extend(self.with.encode());
        out
    }

    /// Strict inverse of [`Self::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (session, with) = bytes
            .split_first_chunk::<8>()
            .ok_or_else(|| format!("a record of {} bytes", bytes.len()))?;
        Ok(Self {
            session: u64::from_le_bytes(*session),
            with: Continuation::decode(with).map_err(|e| e.to_string())?,
        })
    }
}

/// All records of a plan, oldest first.
#[derive(Clone, Default, Debug)]
pub(crate) struct Records(Vec<GoOn>);

impl Records {
    /// Those in this folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut all = Self::default();
        loop {
            let path = folder.join(all.next_name());
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
                Err(error) => return Err(Error::io(&path)(error)),
            };
            let record = GoOn::decode(&bytes);
            all.0
                .push(record.map_err(|e| Error::config(path.display().to_string(), e))?);
        }
    }

    fn next_name(&self) -> String {
        format!("go-on-{}", self.0.len() + 1)
    }

    /// Keeps one more; it is on the disk when this returns.
    pub fn keep(&mut self, folder: &Path, record: GoOn) -> Result<(), Error> {
        tacit_seal::file::create(folder.join(self.next_name()), &record.encode())?;
        self.0.push(record);
        Ok(())
    }

    /// The newest.
    pub fn last(&self) -> Option<&GoOn> {
        self.0.last()
    }

    /// The newest attempt; 0 with all parties.
    pub fn attempt(&self) -> u32 {
        self.last().map_or(0, |record| record.with.attempt)
    }

    /// The attempts at a session, oldest first: all but the last were left unfinished. `None` is with all parties.
    pub fn attempts(&self, session: u64) -> Vec<Option<Continuation>> {
        let before = self.0.iter().rev().find(|r| r.session < session);
        let mut all = vec![before.map(|r| r.with.clone())];
        let of = self.0.iter().filter(|r| r.session == session);
        all.extend(of.map(|r| Some(r.with.clone())));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_session::{Digest, PartyIndex};

    fn record(session: u64, attempt: u32) -> GoOn {
        let participants = [0, 1, 3].map(PartyIndex).to_vec();
        let with = Continuation::among(attempt, participants, 2, Digest::of(b"first"));
        GoOn { session, with }
    }

    #[test]
    fn records_are_found_again_and_say_which_attempts_a_session_had() {
        let folder = tempfile::tempdir().unwrap();
        let mut records = Records::read(folder.path()).unwrap();
        assert_eq!(records.attempts(0), [None]);
        for (session, attempt) in [(0, 1), (0, 2), (3, 3)] {
            records
                .keep(folder.path(), record(session, attempt))
                .unwrap();
        }
        let again = Records::read(folder.path()).unwrap();
        assert_eq!(again.attempt(), 3);
        let of = |session| -> Vec<u32> {
            let all = again.attempts(session).into_iter();
            all.map(|with| with.map_or(0, |with| with.attempt))
                .collect()
        };
        assert_eq!(of(0), [0, 1, 2]);
        assert_eq!(of(1), [2]);
        assert_eq!(of(3), [2, 3]);
        assert_eq!(of(4), [3]);
        fs::write(folder.path().join("go-on-4"), b"torn").unwrap();
        let damaged = Records::read(folder.path()).unwrap_err().to_string();
        assert!(damaged.contains("go-on-4"), "{damaged}");
    }

    #[test]
    fn a_record_cut_short_or_with_more_after_it_is_refused() {
        let bytes = record(7, 1).encode();
        assert_eq!(GoOn::decode(&bytes).unwrap(), record(7, 1));
        (0..bytes.len()).for_each(|len| assert!(GoOn::decode(&bytes[..len]).is_err()));
        assert!(GoOn::decode(&[bytes, vec![0]].concat()).is_err());
    }
}
