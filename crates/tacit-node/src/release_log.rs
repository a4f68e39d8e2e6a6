//! The log of releases: one line per release this site has given a share for, signed, and chained by
//! hashes.
//!
//! ```text
//! {"number":0,"time":"…","site":"a","plan":"…","session":"…","round":9,"label":"data/release-curvature",
//!  "what":"statistics","to":["a","b"],"input":"…","previous":"000…","signature":"…"}
//! ```
//!
//! `input` is the digest of the round's public input, the same at every site, so that the logs of two
//! sites can be laid side by side. `previous` is the digest of the line before. Whoever has the site's
//! public key can check the file with [`verify`]; a line that was changed, moved or taken out of the
//! middle is found. Lines taken off the *end* are found by comparison with another site's log, or with a
//! head that was written down.
//!
//! A line is on the disk before the share of its release exists ([`crate::gate`]). A line without its
//! line break is one that a crash kept from being finished: no share was given, and it is cut off.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tacit_session::plan::ReleaseKind;
use tacit_session::{Attestation, Digest, DigestWriter, IdentityKey, PublicKey};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::Error;

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counts from 0.
    pub number: u64,
    /// When the share was about to be made.
    pub time: String,
    /// Whose log this is.
    pub site: String,
    /// Digest of the plan.
    pub plan: String,
    /// The session.
    pub session: String,
    /// The round in it.
    pub round: u32,
    /// The round's label.
    pub label: String,
    /// Kind of release.
    pub what: ReleaseKind,
    /// To whom, by the plan.
    pub to: Vec<String>,
    /// Digest of the round's public input.
    pub input: String,
    /// Digest of the line before; zeros in the first.
    pub previous: String,
    /// This site's signature over all of that.
    pub signature: String,
}

/// What is to be released.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Occasion {
    /// Digest of the plan.
    pub plan: Digest,
    /// The session.
    pub session: Digest,
    /// The round in it.
    pub round: u32,
    /// The round's label.
    pub label: String,
    /// Kind of release.
    pub what: ReleaseKind,
    /// To whom.
    pub to: Vec<String>,
    /// Digest of the round's public input.
    pub input: Digest,
}

impl Entry {
    /// What is signed, and what the next line names.
    fn digest(&self) -> Digest {
        let mut writer = DigestWriter::new("tacit release log v1").u64(self.number);
        for text in [&self.time, &self.site, &self.plan, &self.session] {
            writer = writer.bytes(text.as_bytes());
        }
        writer = writer.u64(self.round.into()).bytes(self.label.as_bytes());
        writer = writer.bytes(format!("{:?}", self.what).as_bytes());
        writer = writer.u64(self.to.len() as u64);
        for name in &self.to {
            writer = writer.bytes(name.as_bytes());
        }
        writer
            .bytes(self.input.as_bytes())
            .bytes(self.previous.as_bytes())
            .finish()
    }

    fn is_of(&self, occasion: &Occasion) -> bool {
        self.session == occasion.session.to_string() && self.round == occasion.round
    }
}

/// A checked log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// All lines.
    pub entries: Vec<Entry>,
    /// Digest of the last line: write it down, and lines taken off the end later are noticed.
    pub head: Digest,
    /// Bytes after the last line break: of a line that a crash kept from being finished.
    pub unfinished: usize,
}

/// Checks the text of a log against the key of its site.
pub fn verify(path: &Path, text: &str, key: &PublicKey) -> Result<Verified, Error> {
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let mut entries: Vec<Entry> = Vec::new();
    let mut head = Digest([0; 32]);
    for (place, line) in text[..whole].lines().enumerate() {
        let wrong = |problem: String| Error::ReleaseLog {
            path: path.to_owned(),
            line: place + 1,
            problem,
        };
        let entry: Entry = serde_json::from_str(line).map_err(|e| wrong(e.to_string()))?;
        if entry.number != place as u64 {
            return Err(wrong(format!("it is number {}, not {place}", entry.number)));
        }
        if entry.previous != head.to_string() {
            return Err(wrong("it does not follow from the line before".into()));
        }
        let digest = entry.digest();
        let signed = Attestation::from_hex(&entry.signature)
            .is_some_and(|signature| key.attested(digest, &signature));
        if !signed {
            return Err(wrong("it is not signed by this site".into()));
        }
        head = digest;
        entries.push(entry);
    }
    Ok(Verified {
        entries,
        head,
        unfinished: text.len() - whole,
    })
}

/// The log of this site, to be written.
#[derive(Debug)]
pub struct ReleaseLog {
    path: PathBuf,
    file: File,
    site: String,
    key: IdentityKey,
    entries: Vec<Entry>,
    lines: Arc<AtomicU64>,
    head: Digest,
}

impl ReleaseLog {
    /// Opens the log of the site with this key, or begins it.
    pub fn open(path: &Path, site: &str, key: IdentityKey) -> Result<Self, Error> {
        let io = || Error::io(path);
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .map_err(io())?;
        let text = std::fs::read_to_string(path).map_err(io())?;
        let verified = verify(path, &text, &key.public())?;
        if verified.unfinished > 0 {
            let whole = (text.len() - verified.unfinished) as u64;
            file.set_len(whole).map_err(io())?;
            file.sync_all().map_err(io())?;
        }
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            File::open(folder)
                .and_then(|f| f.sync_all())
                .map_err(io())?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            site: site.to_owned(),
            key,
            lines: Arc::new(AtomicU64::new(verified.entries.len() as u64)),
            entries: verified.entries,
            head: verified.head,
        })
    }

    /// How many lines there are, for those who watch.
    pub(crate) fn lines(&self) -> Arc<AtomicU64> {
        self.lines.clone()
    }

    /// All lines.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How often this kind was released under a plan to some of these names.
    pub fn count(&self, plan: Digest, what: ReleaseKind, to: &[String]) -> u64 {
        let plan = plan.to_string();
        let same = |e: &&Entry| {
            e.plan == plan && e.what == what && e.to.iter().any(|name| to.contains(name))
        };
        self.entries.iter().filter(same).count() as u64
    }

    /// The line with this input, if there is one.
    pub fn find_input(&self, input: Digest) -> Option<&Entry> {
        let input = input.to_string();
        self.entries.iter().find(|e| e.input == input)
    }

    /// The line of this session and round, if there is one.
    pub fn find(&self, occasion: &Occasion) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.is_of(occasion))
    }

    /// Adds a line and returns when it is on the disk.
    pub fn append(&mut self, occasion: &Occasion, now: SystemTime) -> Result<(), Error> {
        let time = OffsetDateTime::from(now).truncate_to_second();
        let mut entry = Entry {
            number: self.entries.len() as u64,
            time: time.format(&Rfc3339).unwrap_or_default(),
            site: self.site.clone(),
            plan: occasion.plan.to_string(),
            session: occasion.session.to_string(),
            round: occasion.round,
            label: occasion.label.clone(),
            what: occasion.what,
            to: occasion.to.clone(),
            input: occasion.input.to_string(),
            previous: self.head.to_string(),
            signature: String::new(),
        };
        let digest = entry.digest();
        entry.signature = self.key.attest(digest).to_string();
        let mut line = serde_json::to_string(&entry).unwrap_or_default();
        line.push('\n');
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io(&self.path))?;
        self.entries.push(entry);
        self.lines.fetch_add(1, Ordering::Relaxed);
        self.head = digest;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occasion(round: u32) -> Occasion {
        Occasion {
            plan: Digest::of(b"plan"),
            session: Digest::of(b"session"),
            round,
            label: "query/answer".into(),
            what: ReleaseKind::Prediction,
            to: vec!["clinic".into()],
            input: Digest::of(&round.to_le_bytes()),
        }
    }

    /// A log of three lines, its path and key.
    fn three(folder: &Path) -> (PathBuf, PublicKey, IdentityKey) {
        let (path, key) = (folder.join("l"), IdentityKey::generate().unwrap());
        let public = key.public();
        let mut log = ReleaseLog::open(&path, "a", key).unwrap();
        for round in 0..3 {
            log.append(&occasion(round), SystemTime::UNIX_EPOCH)
                .unwrap();
        }
        (path, public, log.key)
    }

    #[test]
    fn a_log_is_opened_again_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (path, public, key) = three(folder.path());
        let mut log = ReleaseLog::open(&path, "a", key).unwrap();
        let to = ["clinic".to_owned(), "press".to_owned()];
        let count = |what, to: &[String]| log.count(Digest::of(b"plan"), what, to);
        assert_eq!(count(ReleaseKind::Prediction, &to), 3);
        assert_eq!(count(ReleaseKind::Prediction, &to[1..]), 0);
        assert_eq!(count(ReleaseKind::Model, &to), 0);
        assert_eq!(log.find(&occasion(1)).unwrap().number, 1);
        log.append(&occasion(9), SystemTime::UNIX_EPOCH).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let verified = verify(&path, &text, &public).unwrap();
        assert_eq!((verified.entries.len(), verified.head), (4, log.head));
    }

    #[test]
    fn every_change_is_found_and_named_by_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let (path, public, _) = three(folder.path());
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let other = IdentityKey::generate().unwrap().public();
        let joined = |lines: &[&str]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        for (changed, at) in [
            (text.replace("\"round\":1", "\"round\":7"), 2),
            (text.replacen("clinic", "press", 1), 1),
            (joined(&[lines[0], lines[2]]), 2),
            (joined(&[lines[1], lines[0], lines[2]]), 1),
            (joined(&[lines[0], lines[0]]), 2),
            (text.replacen("prediction", "model", 1), 1),
            (text.replacen("1970", "1971", 1), 1),
        ] {
            let found = verify(&path, &changed, &public).unwrap_err();
            assert!(
                matches!(found, Error::ReleaseLog { line, .. } if line == at),
                "{found}"
            );
        }
        assert!(verify(&path, &text, &other).is_err());
    }

    #[test]
    fn an_unfinished_line_is_cut_off_and_damage_before_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (path, public, key) = three(folder.path());
        let text = std::fs::read_to_string(&path).unwrap();
        let torn = &text[..text.len() - 30];
        std::fs::write(&path, torn).unwrap();
        let log = ReleaseLog::open(&path, "a", key).unwrap();
        assert_eq!(log.entries().len(), 2);
        let kept = std::fs::read_to_string(&path).unwrap();
        assert_eq!(verify(&path, &kept, &public).unwrap().unfinished, 0);
        std::fs::write(&path, text.replacen('{', "[", 1)).unwrap();
        assert!(ReleaseLog::open(&path, "a", log.key).is_err());
    }
}
