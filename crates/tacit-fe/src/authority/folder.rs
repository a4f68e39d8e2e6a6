//! The folder of an authority, written so that a crash leaves it as before or after.
//!
//! ```text
//!   authority.sealed     the authority's own key, under the operator's passphrase or key file
//!   keys/HASH.public     public keys, current and retired
//!   keys/HASH.sealed     the current master secret, under the authority's key
//!   models/HASH.json     every model for which a key was issued
//!   audit.log            what happened
//!   anchor.json          number and hash of the last line of the log, under the authority's key
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::AuthorityError;
use super::log::{Entry, MAX_LOG_BYTES, verify};

/// Sealed secrets and public keys at the largest number of inputs have about 9 MiB.
const MAX_KEY_BYTES: u64 = 16 << 20;

/// A folder that this process alone has open.
pub(super) struct Folder {
    path: PathBuf,
    /// Held while the folder is in use; released by the system whatever happens.
    _lock: File,
}

/// Number and hash of the last line of the log, authenticated.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchor {
    lines: u64,
    last: String,
    mac: String,
}

impl Folder {
    /// A new folder, or an empty one.
    pub(super) fn create(path: &Path) -> Result<Self, AuthorityError> {
        for inner in ["keys", "models"] {
            let inner = path.join(inner);
            std::fs::create_dir_all(&inner).map_err(|error| io(&inner, &error))?;
        }
        let folder = Self::open(path)?;
        if folder.path("audit.log").exists() || folder.path("authority.sealed").exists() {
            return Err(AuthorityError::Exists { path: path.into() });
        }
        Ok(folder)
    }

    pub(super) fn open(path: &Path) -> Result<Self, AuthorityError> {
        let lock_path = path.join("authority.lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(|error| io(&lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(AuthorityError::Locked { path: path.into() });
            }
            Err(TryLockError::Error(error)) => return Err(io(&lock_path, &error)),
        }
        Ok(Self {
            path: path.into(),
            _lock: lock,
        })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The contents of a key file of this folder.
    pub(super) fn read_key(&self, name: &str) -> Result<Vec<u8>, AuthorityError> {
        read(&self.path(name), MAX_KEY_BYTES)
    }

    /// Writes a file completely or not at all, and to the disk before this returns.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), AuthorityError> {
        let path = self.path(name);
        let unfinished = self.path(&format!("{name}.unfinished"));
        let write = || -> std::io::Result<()> {
            let mut file = create_private(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            // The directory entry too.
            let parent = path.parent().unwrap_or(&self.path);
            File::open(parent)?.sync_all()
        };
        write().map_err(|error| io(&path, &error))
    }

    /// Removes a file that may be gone already.
    pub(super) fn remove(&self, name: &str) -> Result<(), AuthorityError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(&path, &error)),
            _ => Ok(()),
        }
    }

    /// The log, verified against itself and the anchor.
    ///
    /// A crash can leave the log one line ahead of the anchor, or with part of a line. The line was
    /// not acknowledged then, no key of it has left: a whole one stays, a part is cut off.
    pub(super) fn read_log(&self, anchor_key: &[u8; 32]) -> Result<Vec<Entry>, AuthorityError> {
        let path = self.path("audit.log");
        let bytes = read(&path, MAX_LOG_BYTES)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
        let entries = verify(&bytes[..whole], &path)?;
        let lines = self.anchored(anchor_key, &entries)?;
        if entries.len() > lines + 1 || (whole < bytes.len() && entries.len() > lines) {
            return Err(AuthorityError::BrokenLog {
                path,
                line: lines + 2,
                reason: "there are more lines than this authority has written".into(),
            });
        }
        if whole < bytes.len() {
            let cut = |path: &Path| -> std::io::Result<()> {
                let file = OpenOptions::new().write(true).open(path)?;
                file.set_len(whole as u64)?;
                file.sync_all()
            };
            cut(&path).map_err(|error| io(&path, &error))?;
        }
        if entries.len() > lines {
            self.write_anchor(anchor_key, &entries)?;
        }
        Ok(entries)
    }

    /// How many lines the anchor vouches for.
    fn anchored(&self, key: &[u8; 32], entries: &[Entry]) -> Result<usize, AuthorityError> {
        let path = self.path("anchor.json");
        let bytes = read(&path, 4096)?;
        let broken = |line: usize, reason: &str| AuthorityError::BrokenLog {
            path: self.path("audit.log"),
            line,
            reason: reason.into(),
        };
        let anchor: Anchor = serde_json::from_slice(&bytes)
            .map_err(|error| broken(entries.len(), &format!("anchor.json: {error}")))?;
        let expected = mac(key, anchor.lines, &anchor.last);
        let found = blake3::Hash::from_hex(&anchor.mac).ok();
        if found != Some(expected) {
            return Err(broken(entries.len(), "anchor.json was changed"));
        }
        let lines = anchor.lines as usize;
        if entries.len() < lines {
            let reason = format!("the log ends here, {lines} lines were written");
            return Err(broken(entries.len(), &reason));
        }
        match lines.checked_sub(1).map(|last| entries[last].hash()) {
            Some(hash) if hash == anchor.last => Ok(lines),
            _ => Err(broken(lines, "not the line that this authority wrote")),
        }
    }

    pub(super) fn write_anchor(
        &self,
        key: &[u8; 32],
        entries: &[Entry],
    ) -> Result<(), AuthorityError> {
        let lines = entries.len() as u64;
        let last = entries
            .last()
            .map(|e| e.hash().to_owned())
            .unwrap_or_default();
        let mac = mac(key, lines, &last).to_string();
        let anchor = Anchor { lines, last, mac };
        let bytes = serde_json::to_vec(&anchor).unwrap_or_default();
        self.write("anchor.json", &bytes)
    }

    /// Appends a line, to the disk before this returns.
    pub(super) fn append(&self, entry: &Entry) -> Result<(), AuthorityError> {
        let path = self.path("audit.log");
        let append = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(entry.line().as_bytes())?;
            file.sync_all()
        };
        append().map_err(|error| io(&path, &error))
    }
}

/// A file that its owner alone can read, where the system knows owners.
fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, AuthorityError> {
    let mut bytes = vec![];
    let file = File::open(path).map_err(|error| io(path, &error))?;
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| io(path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(AuthorityError::Io {
            path: path.into(),
            reason: format!("more than {limit} bytes"),
        });
    }
    Ok(bytes)
}

fn io(path: &Path, error: &std::io::Error) -> AuthorityError {
    AuthorityError::Io {
        path: path.into(),
        reason: error.to_string(),
    }
}

/// Comparing hashes of this type takes the same time wherever they differ.
fn mac(key: &[u8; 32], lines: u64, last: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(&lines.to_le_bytes()).update(last.as_bytes());
    hasher.finalize()
}
