//! SQL over registered files through DataFusion. Queries only read: statements that define or
//! change anything, or write files, are refused by the engine's options.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use datafusion::prelude::{
    CsvReadOptions, ParquetReadOptions, SQLOptions, SessionConfig, SessionContext,
};

use super::{Chunk, Sink, Source, check_names};
use crate::error::DataError;

const NAME: &str = "query result";

pub(crate) struct SqlSource {
    columns: Vec<String>,
    batches: Vec<RecordBatch>,
}

impl SqlSource {
    /// Runs the query on a thread of its own, so that it works inside and outside of an
    /// asynchronous runtime.
    pub fn open(
        query: &str,
        tables: &BTreeMap<String, PathBuf>,
        base: &Path,
    ) -> Result<SqlSource, DataError> {
        std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    tokio::runtime::Builder::new_current_thread()
                        .build()
                        .map_err(failed)?
                        .block_on(run(query, tables, base))
                })
                .join()
                .unwrap_or_else(|_| Err(failed("the query engine stopped")))
        })
    }
}

async fn run(
    query: &str,
    tables: &BTreeMap<String, PathBuf>,
    base: &Path,
) -> Result<SqlSource, DataError> {
    // One partition: rows come in the order of the files, run after run.
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    for (table, path) in tables {
        let full = base.join(path);
        if let Err(source) = std::fs::metadata(&full) {
            return Err(DataError::Io { path: full, source });
        }
        let location = full.to_string_lossy().into_owned();
        let extension = full.extension().map(|e| e.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("parquet") => context
                .register_parquet(table.as_str(), location, ParquetReadOptions::default())
                .await
                .map_err(failed)?,
            Some("csv") => context
                .register_csv(table.as_str(), location, CsvReadOptions::new())
                .await
                .map_err(failed)?,
            _ => {
                return Err(DataError::Spec {
                    field: "tables",
                    reason: format!(
                        "{table} = {:?}: a file ending in .csv or .parquet is expected",
                        path.display().to_string()
                    ),
                });
            }
        }
    }
    let read_only = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let frame = context
        .sql_with_options(query, read_only)
        .await
        .map_err(failed)?;
    let columns: Vec<String> = frame
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    check_names(NAME, &columns)?;
    let batches = frame.collect().await.map_err(failed)?;
    Ok(SqlSource { columns, batches })
}

impl Source for SqlSource {
    fn name(&self) -> &str {
        NAME
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn read(self: Box<Self>, wanted: &[usize], sink: &mut Sink<'_>) -> Result<(), DataError> {
        let mut first_row = 1u64;
        for batch in &self.batches {
            let batch = batch.project(wanted).map_err(failed)?;
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

fn failed(error: impl std::fmt::Display) -> DataError {
    DataError::Sql {
        reason: error.to_string(),
    }
}
