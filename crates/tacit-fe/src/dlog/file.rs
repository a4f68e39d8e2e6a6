//! The table on disk, so that it is computed once.
//!
//! ```text
//! "tacit.dlog" | version u8 | BLAKE3 of gT (32) | T u32 | starts u32 × (buckets + 1)
//!              | entries u32 × (T + 1) | BLAKE3 of everything before (32)
//! ```
//!
//! All integers little-endian. The length follows from T and is compared with the file's before
//! anything is allocated. A file that fails any check is an error; it is never repaired silently,
//! because a table that was written by this program and now differs means a failing disk or a hand
//! in the folder, and its owner should know. Even an undetected fault could not produce a wrong
//! output: every hit is verified against gT.

use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::DlogError;
use super::table::{Layout, Table};
use crate::group::Gt;

const MAGIC: &[u8; 10] = b"tacit.dlog";
const VERSION: u8 = 1;
const HEADER: usize = MAGIC.len() + 1 + 32 + 4;
const CHECKSUM: usize = 32;

fn header(layout: Layout) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.push(VERSION);
    out.extend_from_slice(blake3::hash(&Gt::generator().to_bytes()).as_bytes());
    out.extend_from_slice(&layout.top().to_le_bytes());
    out
}

fn file_length(layout: Layout) -> u64 {
    (HEADER + CHECKSUM) as u64 + 4 * (layout.buckets() as u64 + 1 + layout.entries() as u64)
}

impl Table {
    /// Writes the file: complete or not at all.
    pub(super) fn save(&self, path: &Path) -> Result<(), DlogError> {
        let unfinished = path.with_extension("unfinished");
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::new(std::fs::File::create(&unfinished)?);
            let mut hasher = blake3::Hasher::new();
            let mut put = |bytes: &[u8]| {
                hasher.update(bytes);
                file.write_all(bytes)
            };
            put(&header(self.layout))?;
            for words in [&self.starts, &self.entries] {
                for words in words.chunks(1 << 14) {
                    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
                    put(&bytes)?;
                }
            }
            file.write_all(hasher.finalize().as_bytes())?;
            file.into_inner()?.sync_all()?;
            std::fs::rename(&unfinished, path)
        };
        write().map_err(|error| io(path, &error))
    }

    /// Reads the file. `None` if there is none.
    pub(super) fn load(path: &Path) -> Result<Option<Self>, DlogError> {
        let mut file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(path, &error)),
        };
        let found = file.metadata().map_err(|error| io(path, &error))?.len();
        let largest = Layout::new(Layout::MOST).map_or(0, file_length);
        if found > largest {
            let reason = format!("{found} bytes, no table has more than {largest}");
            return Err(corrupt(path, reason));
        }
        let mut head = [0; HEADER];
        file.read_exact(&mut head)
            .map_err(|_| corrupt(path, format!("{found} bytes, shorter than a header")))?;
        let layout = read_header(&head, found).map_err(|reason| corrupt(path, reason))?;
        let mut bytes = Vec::with_capacity(file_length(layout) as usize);
        bytes.extend_from_slice(&head);
        file.take(file_length(layout))
            .read_to_end(&mut bytes)
            .map_err(|error| io(path, &error))?;
        Self::decode(&bytes)
            .map(Some)
            .map_err(|reason| corrupt(path, reason))
    }

    /// From the bytes of a file; what is wrong with them otherwise.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let head = bytes
            .first_chunk::<HEADER>()
            .ok_or_else(|| format!("{} bytes, shorter than a header", bytes.len()))?;
        let layout = read_header(head, bytes.len() as u64)?;
        let (body, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if blake3::hash(body).as_bytes() != checksum {
            return Err("the checksum does not match".into());
        }
        let words: Vec<u32> = body[HEADER..]
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| u32::from_le_bytes(*w))
            .collect();
        let (starts, entries) = words.split_at(layout.buckets() + 1);
        let ordered = starts.is_sorted() && starts[0] == 0;
        if !ordered || starts.last().copied() != Some(entries.len() as u32) {
            return Err("the starts of buckets are not in order".into());
        }
        Ok(Self {
            layout,
            starts: starts.to_vec(),
            entries: entries.to_vec(),
        })
    }
}

/// The layout a header announces, if the length agrees.
fn read_header(head: &[u8; HEADER], length: u64) -> Result<Layout, String> {
    if !head.starts_with(MAGIC) {
        return Err("not a table of discrete logarithms".into());
    }
    let version = head[MAGIC.len()];
    if version != VERSION {
        return Err(format!("version {version}, this program reads {VERSION}"));
    }
    let mut top = [0; 4];
    top.copy_from_slice(&head[HEADER - 4..]);
    let top = u32::from_le_bytes(top);
    let layout = Layout::new(top).ok_or_else(|| format!("a table of {top} powers"))?;
    if header(layout) != head {
        return Err("made for another generator".into());
    }
    let expected = file_length(layout);
    if length != expected {
        return Err(format!("{length} bytes, {expected} are expected"));
    }
    Ok(layout)
}

fn io(path: &Path, error: &std::io::Error) -> DlogError {
    DlogError::Io {
        path: path.into(),
        reason: error.to_string(),
    }
}

fn corrupt(path: &Path, reason: String) -> DlogError {
    DlogError::CorruptTable {
        path: PathBuf::from(path),
        reason,
    }
}
