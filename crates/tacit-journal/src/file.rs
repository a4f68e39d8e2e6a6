//! Logs in files, one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use tacit_seal::file::create;

use crate::error::Error;
use crate::log::{Label, Log};
use crate::marked::Marked;

/// Opens the log at `path`; makes an empty one, in one piece, if there is nothing.
fn open_log(path: &Path, label: Label, limit: u64) -> Result<Log<File>, Error> {
    if !path.try_exists().map_err(Error::io(path))? {
        create(path, &Log::<File>::empty(label))?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(Error::io(path))?;
    match file.try_lock() {
        Ok(()) => Log::open(file, path, label, limit),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.into() }),
        Err(TryLockError::Error(source)) => Err(Error::Io {
            path: path.into(),
            source,
        }),
    }
}

/// The log at `path` with its mark, each made if it is not there.
pub(crate) fn open_marked(
    path: &Path,
    mark: &Path,
    label: Label,
    limit: u64,
) -> Result<Marked<File>, Error> {
    let log = open_log(path, label, limit)?;
    let mark = open_log(mark, Marked::<File>::label(label), Marked::<File>::ENTRY)?;
    Marked::join(log, mark)
}
