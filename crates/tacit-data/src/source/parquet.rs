//! Parquet through Arrow; only the columns asked for are read from the file.

use std::fs::File;

use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{CHUNK_ROWS, Chunk, Sink, Source, check_names};
use crate::error::DataError;

pub(crate) struct ParquetSource {
    name: String,
    columns: Vec<String>,
    builder: ParquetRecordBatchReaderBuilder<File>,
}

impl ParquetSource {
    pub fn open(name: String, file: File) -> Result<ParquetSource, DataError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|e| damaged(&name, &e.to_string()))?;
        let columns: Vec<String> = builder
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        check_names(&name, &columns)?;
        Ok(ParquetSource {
            name,
            columns,
            builder,
        })
    }
}

impl Source for ParquetSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(self: Box<Self>, wanted: &[usize], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let ParquetSource { name, builder, .. } = *self;
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        let reader = builder
            .with_projection(mask)
            .with_batch_size(CHUNK_ROWS)
            .build()
            .map_err(|e| damaged(&name, &e.to_string()))?;
        let mut first_row = 1u64;
        for batch in reader {
            let batch = batch.map_err(|e| damaged(&name, &e.to_string()))?;
            let count = batch.num_rows() as u64;
            sink(Chunk {
                batch,
                first_row,
                lines: None,
            })?;
            first_row += count;
        }
        Ok(())
    }
}

fn damaged(name: &str, reason: &str) -> DataError {
    let remedy = if reason.contains("feature") {
        "write the file with Snappy, LZ4 or gzip compression, or build with `--features zstd`"
    } else {
        "write the file again"
    };
    DataError::Format {
        source_name: name.to_owned(),
        format: "Parquet file",
        reason: format!("{reason}; {remedy}"),
    }
}
