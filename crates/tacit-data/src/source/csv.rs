//! CSV, read strictly: one header, equal field counts, UTF-8. Cells stay text here; what they mean
//! is decided where the column's role is known.

use std::io::{Chain, Read};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use csv::{ErrorKind, StringRecord};

use super::{CHUNK_ROWS, Chunk, Sink, Source, check_names};
use crate::error::{DataError, Place};

/// Appended to every file, so that the last record ends with a line too; a blank line is no record.
const NEWLINE: &[u8] = b"\n";

pub(crate) struct CsvSource<'a> {
    name: String,
    columns: Vec<String>,
    reader: csv::Reader<Chain<Box<dyn Read + 'a>, &'static [u8]>>,
}

impl<'a> CsvSource<'a> {
    pub fn open(
        name: String,
        reader: Box<dyn Read + 'a>,
        delimiter: u8,
    ) -> Result<CsvSource<'a>, DataError> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(true)
            .flexible(true)
            .from_reader(reader.chain(NEWLINE));
        let header = reader.headers().map_err(|e| explain(&name, 0, e))?;
        let columns: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        if columns.is_empty() || columns.iter().all(String::is_empty) {
            return Err(DataError::Format {
                source_name: name,
                format: "CSV file",
                reason: "it is empty; the first line must name the columns".into(),
            });
        }
        check_names(&name, &columns)?;
        Ok(CsvSource {
            name,
            columns,
            reader,
        })
    }
}

impl CsvSource<'_> {
    /// The line on which the record just read begins. The reader counts from where it started to
    /// look, which is before any blank lines; counting back from the end is exact.
    fn first_line(&self, record: &StringRecord) -> u64 {
        let inside = record.as_slice().bytes().filter(|&b| b == b'\n').count() as u64;
        self.reader.position().line().saturating_sub(1 + inside)
    }
}

impl Source for CsvSource<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(mut self: Box<Self>, wanted: &[usize], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let fields: Vec<Field> = wanted
            .iter()
            .map(|&c| Field::new(&self.columns[c], DataType::Utf8, true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let mut builders: Vec<StringBuilder> =
            wanted.iter().map(|_| StringBuilder::new()).collect();
        let mut record = StringRecord::new();
        let mut lines = Vec::with_capacity(CHUNK_ROWS);
        let mut first_row = 1u64;
        loop {
            let rows_so_far = first_row - 1 + lines.len() as u64;
            let more = self
                .reader
                .read_record(&mut record)
                .map_err(|e| explain(&self.name, rows_so_far, e))?;
            if more {
                let line = self.first_line(&record);
                if record.len() != self.columns.len() {
                    return Err(DataError::RaggedRow {
                        place: Box::new(Place {
                            source: self.name.clone(),
                            row: rows_so_far + 1,
                            line: Some(line),
                        }),
                        found: record.len() as u64,
                        expected: self.columns.len() as u64,
                    });
                }
                lines.push(line);
                for (builder, &c) in builders.iter_mut().zip(wanted) {
                    match record[c].trim() {
                        "" => builder.append_null(),
                        text => builder.append_value(text),
                    }
                }
            }
            if lines.len() == CHUNK_ROWS || (!more && !lines.is_empty()) {
                let columns: Vec<ArrayRef> = builders
                    .iter_mut()
                    .map(|b| Arc::new(b.finish()) as ArrayRef)
                    .collect();
                let options =
                    arrow_array::RecordBatchOptions::new().with_row_count(Some(lines.len()));
                let batch = RecordBatch::try_new_with_options(schema.clone(), columns, &options)
                    .map_err(|e| DataError::Format {
                        source_name: self.name.clone(),
                        format: "CSV file",
                        reason: e.to_string(),
                    })?;
                let count = lines.len() as u64;
                sink(Chunk {
                    batch,
                    first_row,
                    lines: Some(std::mem::take(&mut lines)),
                })?;
                first_row += count;
            }
            if !more {
                return Ok(());
            }
        }
    }
}

fn explain(name: &str, rows_before: u64, error: csv::Error) -> DataError {
    let format = |reason: String| DataError::Format {
        source_name: name.to_owned(),
        format: "CSV file",
        reason,
    };
    match error.kind() {
        ErrorKind::Utf8 { pos, err } => format(format!(
            "line {}: field {} is not UTF-8; save the file as UTF-8",
            pos.as_ref().map_or(0, csv::Position::line),
            err.field() + 1
        )),
        ErrorKind::Io(io) => format(format!(
            "after row {rows_before}: {io}; the file is truncated or damaged"
        )),
        _ => format(error.to_string()),
    }
}
