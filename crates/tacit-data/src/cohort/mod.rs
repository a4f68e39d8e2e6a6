//! A cohort: the rows of one party that take part in a plan.
//!
//! The specification is part of the plan and public; the table stays with its owner. Loading runs
//! source → filter → missing values → numbers → checks, and stops at the first thing that is wrong
//! with an error that names the file, the row and the column.

mod assemble;
mod label;
mod spec;

use std::path::Path;

pub use self::label::LabelEncoding;
pub use self::spec::{CohortSpec, Level, MissingPolicy};

use crate::error::DataError;
use crate::schema::Schema;
use crate::source::{self, CsvSource, Source, maybe_gzip};
use crate::table::Table;

/// The rows of a party selected by a [`CohortSpec`].
///
/// ```
/// use std::io::Cursor;
/// use tacit_data::{Cohort, CohortSpec, LabelEncoding, MissingPolicy};
///
/// let csv = "id,age,bmi,outcome\n1,54,22.5,no\n2,61,?,yes\n3,47,31.0,yes\n";
/// let mut spec = CohortSpec::new("patients.csv", "outcome", LabelEncoding::binary("yes"));
/// spec.key = Some("id".into());
/// spec.missing = MissingPolicy::DropRow;
/// spec.missing_tokens = vec!["?".into()];
/// spec.min_rows = 2;
///
/// let cohort = Cohort::from_csv("patients.csv", Cursor::new(csv), &spec)?;
/// assert_eq!(cohort.schema.features, ["age", "bmi"]);
/// assert_eq!(cohort.table.labels(), [0.0, 1.0]);
/// assert_eq!(cohort.counts.dropped_for_missing, 1);
/// # Ok::<(), tacit_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    /// The numbers.
    pub table: Table,
    /// Their meaning.
    pub schema: Schema,
    /// What happened to the rows on the way.
    pub counts: CohortCounts,
}

/// What happened to rows while a cohort was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct CohortCounts {
    /// Rows in the source.
    pub read: u64,
    /// Rows for which the filter was not true.
    pub filtered_out: u64,
    /// Rows left out because a value was missing.
    pub dropped_for_missing: u64,
    /// Cells replaced by a constant.
    pub imputed_cells: u64,
}

impl Cohort {
    /// Loads the cohort; relative paths count from `base`, the folder of the plan.
    pub fn load(spec: &CohortSpec, base: &Path) -> Result<Cohort, DataError> {
        spec.check()?;
        let source = match (&spec.path, &spec.query) {
            (Some(path), _) => source::open(&base.join(path), spec.delimiter as u8)?,
            (None, Some(query)) => query_source(query, spec, base)?,
            (None, None) => return spec::spec("path", "give a file"),
        };
        assemble::assemble(spec, source)
    }

    /// Loads the cohort from CSV text, gzipped or not, that is at hand already. `name` appears in
    /// messages; `path` and `query` of the specification are not used.
    pub fn from_csv(
        name: &str,
        text: impl std::io::BufRead,
        spec: &CohortSpec,
    ) -> Result<Cohort, DataError> {
        spec.check()?;
        let reader = maybe_gzip(text).map_err(|source| DataError::Io {
            path: name.into(),
            source,
        })?;
        let source = CsvSource::open(name.to_owned(), reader, spec.delimiter as u8)?;
        assemble::assemble(spec, Box::new(source))
    }
}

#[cfg(feature = "sql")]
fn query_source(query: &str, spec: &CohortSpec, base: &Path) -> Result<Box<dyn Source>, DataError> {
    Ok(Box::new(source::SqlSource::open(
        query,
        &spec.tables,
        base,
    )?))
}

#[cfg(not(feature = "sql"))]
fn query_source(_: &str, _: &CohortSpec, _: &Path) -> Result<Box<dyn Source>, DataError> {
    Err(DataError::SqlNotBuilt)
}
