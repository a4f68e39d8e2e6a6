//! Secrets of a session on the disk: sealed, one file each.

use std::fmt;
use std::path::{Path, PathBuf};

use tacit_seal::{Unlock, file};
use tacit_session::Digest;
use zeroize::Zeroizing;

use crate::error::Error;

const MAX_BYTES: u64 = 64 << 20;

/// A folder of secrets that belong to one owner, such as a session.
///
/// ```
/// use tacit_journal::Vault;
/// use tacit_seal::Unlock;
/// use tacit_session::Digest;
///
/// let folder = tempfile::tempdir()?;
/// let vault = Vault::new(folder.path(), Unlock::key([7; 32])?, Digest::of(b"session"));
/// assert!(vault.open("share-key")?.is_none());
/// vault.keep("share-key", &[1; 32])?;
/// assert_eq!(vault.open("share-key")?.unwrap()[..], [1; 32]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Vault {
    folder: PathBuf,
    unlock: Unlock,
    owner: Digest,
}

impl Vault {
    /// The vault of `owner` in an existing folder.
    pub fn new(folder: impl Into<PathBuf>, unlock: Unlock, owner: Digest) -> Self {
        Self {
            folder: folder.into(),
            unlock,
            owner,
        }
    }

    /// Seals a secret under a name, and returns when it is on the disk. A secret that is there
    /// already is never replaced: shares may have been made with it.
    pub fn keep(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        let sealed = self.unlock.seal(secret, &self.belongs_to(name))?;
        Ok(file::create(self.path(name)?, &sealed)?)
    }

    /// The secret of this name; `None` if there is none.
    pub fn open(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let path = self.path(name)?;
        if !path.try_exists().map_err(Error::io(&path))? {
            return Ok(None);
        }
        let sealed = file::read(&path, MAX_BYTES)?;
        Ok(Some(self.unlock.open(&sealed, &self.belongs_to(name))?))
    }

    fn path(&self, name: &str) -> Result<PathBuf, Error> {
        let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if (1..=48).contains(&name.len()) && name.bytes().all(plain) {
            return Ok(Path::new(&self.folder).join(format!("{name}.sealed")));
        }
        let name = name.to_owned();
        Err(Error::Name { name })
    }

    fn belongs_to(&self, name: &str) -> Vec<u8> {
        [b"tacit vault v1\0", &self.owner.0[..], name.as_bytes()].concat()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({}, redacted)", self.folder.display())
    }
}
