//! What a log is written on.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// Bytes that a crash may tear: until [`sync`](Medium::sync) returns, any part of what was written
/// since the last one may be lost, in any order.
///
/// Files are one; the tests have another, which crashes.
pub trait Medium {
    /// How many bytes there are.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `into` from `offset` on.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes from `offset` on, growing where necessary.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts off what is past `len`.
    fn truncate(&mut self, len: u64) -> io::Result<()>;

    /// Returns when everything written is durable.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(into)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
