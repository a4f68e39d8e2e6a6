//! Where rows come from. Every source hands over Arrow record batches of the columns asked for,
//! in the order of the source, so that everything behind it is the same for CSV, Parquet and SQL.

mod csv;
mod gzip;
mod parquet;
#[cfg(feature = "sql")]
mod sql;

use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::path::Path;

use arrow_array::RecordBatch;

use crate::error::{DataError, Place};

pub(crate) use self::csv::CsvSource;
pub(crate) use self::gzip::maybe_gzip;
pub(crate) use self::parquet::ParquetSource;
#[cfg(feature = "sql")]
pub(crate) use self::sql::SqlSource;

/// Rows handed over at a time.
pub(crate) const CHUNK_ROWS: usize = 4096;

/// Some consecutive rows of the columns asked for.
pub(crate) struct Chunk {
    pub batch: RecordBatch,
    /// Number of the first row, from 1.
    pub first_row: u64,
    /// Line of each row, for text files.
    pub lines: Option<Vec<u64>>,
}

impl Chunk {
    /// Where the `i`-th row of this chunk sits.
    pub fn place(&self, source: &str, i: usize) -> Box<Place> {
        Box::new(Place {
            source: source.to_owned(),
            row: self.first_row + i as u64,
            line: self.lines.as_ref().map(|lines| lines[i]),
        })
    }
}

/// Receives chunks; an error stops the reading.
pub(crate) type Sink<'a> = dyn FnMut(Chunk) -> Result<(), DataError> + 'a;

/// A table that can be read once, column-wise selected.
pub(crate) trait Source {
    /// For messages.
    fn name(&self) -> &str;
    /// All column names, in order, without repetition.
    fn columns(&self) -> &[String];
    /// Streams the columns with the given ascending indices.
    fn read(self: Box<Self>, wanted: &[usize], sink: &mut Sink<'_>) -> Result<(), DataError>;
}

/// Opens a file by what it is: Parquet by its magic bytes, otherwise CSV, gzipped or not.
pub(crate) fn open(path: &Path, delimiter: u8) -> Result<Box<dyn Source>, DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = std::fs::File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.is_dir() {
        return Err(io(std::io::Error::other(
            "this is a folder, a file is expected",
        )));
    }
    let mut magic = Vec::with_capacity(4);
    file.by_ref().take(4).read_to_end(&mut magic).map_err(io)?;
    std::io::Seek::rewind(&mut file).map_err(io)?;
    let name = path.display().to_string();
    if magic == b"PAR1" {
        return Ok(Box::new(ParquetSource::open(name, file)?));
    }
    let reader = maybe_gzip(BufReader::new(file)).map_err(io)?;
    Ok(Box::new(CsvSource::open(name, reader, delimiter)?))
}

/// Refuses a header in which a name occurs twice.
fn check_names(source: &str, names: &[String]) -> Result<(), DataError> {
    let mut seen = HashSet::with_capacity(names.len());
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(DataError::DuplicateColumn {
            source_name: source.to_owned(),
            column: twice.clone(),
        }),
        None => Ok(()),
    }
}
