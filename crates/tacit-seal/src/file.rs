//! Files that are written whole or not at all.
//!
//! A crash at any moment leaves the old contents or the new ones, never a part: the bytes go to
//! `NAME.unfinished` beside the file, to the disk, and only then under the name.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use crate::SealError;

/// Writes a file, readable by its owner alone where the system knows owners, and returns when it
/// is on the disk. What was there before is replaced.
pub fn replace(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), SealError> {
    let path = path.as_ref();
    write(path, bytes, |unfinished| std::fs::rename(unfinished, path))
        .map_err(|error| SealError::io(path, &error))
}

/// The same for a file that must not exist yet.
pub fn create(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), SealError> {
    let path = path.as_ref();
    // Unlike a rename, a link fails where the name is taken.
    let publish = |unfinished: &Path| {
        let linked = std::fs::hard_link(unfinished, path);
        std::fs::remove_file(unfinished)?;
        linked
    };
    write(path, bytes, publish).map_err(|error| SealError::io(path, &error))
}

/// Reads a file of at most `limit` bytes; a longer one is refused before it is read.
pub fn read(path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>, SealError> {
    let path = path.as_ref();
    let read = || {
        let mut file = File::open(path)?.take(limit + 1);
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            let reason = format!("longer than the {limit} bytes that such a file has at most");
            return Err(std::io::Error::new(ErrorKind::FileTooLarge, reason));
        }
        Ok(bytes)
    };
    read().map_err(|error| SealError::io(path, &error))
}

fn write(
    path: &Path,
    bytes: &[u8],
    publish: impl FnOnce(&Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = Path::new(&unfinished);
    let mut file = private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    publish(unfinished)?;
    // The name too must be on the disk.
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
