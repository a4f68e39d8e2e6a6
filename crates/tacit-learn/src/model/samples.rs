//! One party's rows, dense and checked.

use super::Family;
use crate::Error;

/// Standardised features (row-major) and one label per row. Private to its owner.
#[derive(Clone, PartialEq)]
pub struct Samples {
    columns: usize,
    features: Vec<f64>,
    labels: Vec<f64>,
}

impl std::fmt::Debug for Samples {
    /// Shape only: rows are personal data and do not belong in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Samples({} rows × {} columns)", self.len(), self.columns)
    }
}

impl Samples {
    /// Takes row-major `features` with `columns` per row and as many `labels` as rows; refuses
    /// NaN and infinities by row and column.
    pub fn new(columns: usize, features: Vec<f64>, labels: Vec<f64>) -> Result<Self, Error> {
        if columns == 0 {
            return Err(Error::Empty {
                what: "the list of feature columns",
            });
        }
        if features.len() != columns * labels.len() {
            return Err(Error::Shape {
                what: "number of feature values (rows × columns)",
                expected: columns * labels.len(),
                found: features.len(),
            });
        }
        if let Some(at) = features.iter().position(|x| !x.is_finite()) {
            return Err(Error::NonFinite {
                row: at / columns,
                column: at % columns,
                value: features[at],
            });
        }
        Ok(Samples {
            columns,
            features,
            labels,
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of features.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Features of row `row`. Panics when out of range, like a slice.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.features[row * self.columns..][..self.columns]
    }

    /// All labels.
    pub fn labels(&self) -> &[f64] {
        &self.labels
    }

    /// Checks shape and labels against what will be trained.
    pub fn check(&self, family: Family, columns: usize) -> Result<(), Error> {
        if self.is_empty() {
            return Err(Error::Empty { what: "the cohort" });
        }
        if self.columns != columns {
            return Err(Error::Shape {
                what: "feature columns",
                expected: columns,
                found: self.columns,
            });
        }
        self.labels
            .iter()
            .enumerate()
            .try_for_each(|(row, &label)| family.check_label(row, label))
    }

    /// Refuses columns that take one value only: they duplicate the intercept.
    pub fn check_columns_vary(&self) -> Result<(), Error> {
        if self.len() < 2 {
            return Ok(());
        }
        for column in 0..self.columns {
            let first = self.features[column];
            if (1..self.len()).all(|row| self.row(row)[column] == first) {
                return Err(Error::ConstantColumn {
                    column,
                    value: first,
                });
            }
        }
        Ok(())
    }

    /// The rows with the given indices, in that order.
    pub fn select(&self, rows: impl IntoIterator<Item = usize>) -> Result<Self, Error> {
        let mut out = Samples {
            columns: self.columns,
            features: Vec::new(),
            labels: Vec::new(),
        };
        for row in rows {
            let &label = self.labels.get(row).ok_or(Error::Shape {
                what: "row index below the number of rows",
                expected: self.len(),
                found: row,
            })?;
            out.features.extend_from_slice(self.row(row));
            out.labels.push(label);
        }
        Ok(out)
    }

    /// The first `rows` rows and the rest.
    pub fn split_at(&self, rows: usize) -> Result<(Self, Self), Error> {
        Ok((self.select(0..rows)?, self.select(rows..self.len())?))
    }

    /// Deals the rows to `parties` parties in contiguous, equal (±1) shares.
    pub fn deal(&self, parties: usize) -> Result<Vec<Self>, Error> {
        if parties == 0 || parties > self.len() {
            return Err(Error::Shape {
                what: "rows to deal out (at least one per party)",
                expected: parties.max(1),
                found: self.len(),
            });
        }
        (0..parties)
            .map(|i| self.select(i * self.len() / parties..(i + 1) * self.len() / parties))
            .collect()
    }

    /// All parties' rows in one table: the comparison nobody may run in production.
    pub fn pool(parties: &[Samples]) -> Result<Self, Error> {
        let first = parties.first().ok_or(Error::Empty {
            what: "the list of parties",
        })?;
        let mut out = Samples {
            columns: first.columns,
            features: Vec::new(),
            labels: Vec::new(),
        };
        for (party, rows) in parties.iter().enumerate() {
            if rows.columns != first.columns {
                return Err(Error::Shape {
                    what: "feature columns",
                    expected: first.columns,
                    found: rows.columns,
                }
                .at_party(party));
            }
            out.features.extend_from_slice(&rows.features);
            out.labels.extend_from_slice(&rows.labels);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_refused_with_row_and_column() {
        let error = Samples::new(2, vec![0.0, 1.0, 2.0, f64::NAN], vec![0.0, 1.0]).unwrap_err();
        assert!(
            matches!(
                error,
                Error::NonFinite {
                    row: 1,
                    column: 1,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn constant_column_is_named() {
        let rows = Samples::new(2, vec![0.0, 5.0, 2.0, 5.0], vec![0.0, 1.0]).unwrap();
        let error = rows.check_columns_vary().unwrap_err();
        assert_eq!(
            error,
            Error::ConstantColumn {
                column: 1,
                value: 5.0
            }
        );
    }

    #[test]
    fn dealing_and_pooling_are_inverse() {
        let rows = Samples::new(1, (0..11).map(f64::from).collect(), vec![0.0; 11]).unwrap();
        let dealt = rows.deal(3).unwrap();
        assert_eq!(
            dealt.iter().map(Samples::len).collect::<Vec<_>>(),
            [3, 4, 4]
        );
        assert_eq!(Samples::pool(&dealt).unwrap(), rows);
        assert!(rows.deal(12).is_err());
        assert!(rows.deal(0).is_err());
    }

    #[test]
    fn debug_shows_no_rows() {
        let rows = Samples::new(1, vec![42.5], vec![1.0]).unwrap();
        assert_eq!(format!("{rows:?}"), "Samples(1 rows × 1 columns)");
    }
}
