//! A party's rows as numbers: features row-major, one label and one key per row.

use std::fmt;
use std::sync::Arc;

use crate::error::DataError;

/// What identifies a row when rows are dealt out: a hash of its key column, or of its feature
/// values when there is none. Equal rows have equal keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey([u8; 16]);

impl RowKey {
    /// Key of a row that has a key column.
    pub fn of_text(text: &str) -> RowKey {
        let mut hasher = blake3::Hasher::new_derive_key("tacit-data 1 row key from column");
        hasher.update(text.as_bytes());
        RowKey::take(&hasher)
    }

    /// Key of a row from its content.
    pub fn of_values(values: &[f64]) -> RowKey {
        let mut hasher = blake3::Hasher::new_derive_key("tacit-data 1 row key from content");
        for value in values {
            // Both zeros are the same number.
            hasher.update(&(value + 0.0).to_bits().to_le_bytes());
        }
        RowKey::take(&hasher)
    }

    /// The bytes, for hashing.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn take(hasher: &blake3::Hasher) -> RowKey {
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        RowKey(key)
    }
}

impl fmt::Debug for RowKey {
    // A hash of a row with few possible values gives the row away.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RowKey(…)")
    }
}

/// Rows ready for training. All values are finite; `Debug` shows the shape, never the data.
///
/// ```
/// use tacit_data::Table;
///
/// let table = Table::new(
///     vec!["age".into(), "dose".into()],
///     vec![54.0, 1.5, 61.0, 0.5],
///     vec![1.0, 0.0],
/// )?;
/// assert_eq!((table.rows(), table.columns()), (2, 2));
/// assert_eq!(table.row(1), [61.0, 0.5]);
/// # Ok::<(), tacit_data::DataError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Table {
    names: Arc<[String]>,
    features: Vec<f64>,
    labels: Vec<f64>,
    keys: Vec<RowKey>,
}

impl Table {
    /// A table whose row keys are taken from the content of the rows.
    pub fn new(
        names: Vec<String>,
        features: Vec<f64>,
        labels: Vec<f64>,
    ) -> Result<Table, DataError> {
        let keys = match names.len() {
            0 => Vec::new(),
            d => features.chunks(d).map(RowKey::of_values).collect(),
        };
        Table::with_keys(names.into(), features, labels, keys)
    }

    pub(crate) fn with_keys(
        names: Arc<[String]>,
        features: Vec<f64>,
        labels: Vec<f64>,
        keys: Vec<RowKey>,
    ) -> Result<Table, DataError> {
        if names.is_empty() {
            return Err(DataError::Length {
                what: "feature names",
                expected: 1,
                found: 0,
            });
        }
        let expected = labels.len().saturating_mul(names.len());
        if features.len() != expected {
            let what = "features of a table (rows × columns)";
            return Err(DataError::Length {
                what,
                expected,
                found: features.len(),
            });
        }
        if keys.len() != labels.len() {
            let (expected, found) = (labels.len(), keys.len());
            return Err(DataError::Length {
                what: "row keys of a table",
                expected,
                found,
            });
        }
        if let Some(&value) = features.iter().chain(&labels).find(|v| !v.is_finite()) {
            let expected = "features and labels must be finite";
            return Err(DataError::Parameter {
                what: "table entry",
                value,
                expected,
            });
        }
        Ok(Table {
            names,
            features,
            labels,
            keys,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of features.
    pub fn columns(&self) -> usize {
        self.names.len()
    }

    /// Feature names, in column order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// All features, row after row.
    pub fn features(&self) -> &[f64] {
        &self.features
    }

    /// One label per row: the class index, or the value.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// One key per row.
    pub fn keys(&self) -> &[RowKey] {
        &self.keys
    }

    /// The features of row `i`.
    ///
    /// # Panics
    /// If `i` is not below [`rows`](Self::rows), like slice indexing.
    pub fn row(&self, i: usize) -> &[f64] {
        let d = self.columns();
        &self.features[i * d..(i + 1) * d]
    }

    /// The rows as an iterator over feature slices.
    pub fn iter_rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.features.chunks_exact(self.columns())
    }

    /// The given rows in the given order; indices may repeat.
    ///
    /// # Panics
    /// If an index is not below [`rows`](Self::rows).
    pub fn select(&self, rows: &[usize]) -> Table {
        let mut features = Vec::with_capacity(rows.len() * self.columns());
        for &i in rows {
            features.extend_from_slice(self.row(i));
        }
        Table {
            names: self.names.clone(),
            features,
            labels: rows.iter().map(|&i| self.labels[i]).collect(),
            keys: rows.iter().map(|&i| self.keys[i]).collect(),
        }
    }

    /// All rows of several tables with the same columns, one table after the other; used to
    /// compare with training on pooled data.
    pub fn concat<'a>(tables: impl IntoIterator<Item = &'a Table>) -> Result<Table, DataError> {
        let mut tables = tables.into_iter();
        let Some(first) = tables.next() else {
            return Err(DataError::Length {
                what: "tables to join",
                expected: 1,
                found: 0,
            });
        };
        let mut all = first.clone();
        for (i, table) in tables.enumerate() {
            if table.names != all.names {
                return Err(DataError::SchemaMismatch {
                    party: (i + 1).to_string(),
                    difference: crate::schema::first_difference(&all.names, &table.names),
                });
            }
            all.features.extend_from_slice(&table.features);
            all.labels.extend_from_slice(&table.labels);
            all.keys.extend_from_slice(&table.keys);
        }
        Ok(all)
    }

    /// The same rows and labels with other features of the same shape; for transformations that
    /// keep values finite.
    pub(crate) fn with_features(&self, features: Vec<f64>) -> Table {
        debug_assert_eq!(features.len(), self.features.len());
        Table {
            features,
            ..self.clone()
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("rows", &self.rows())
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
