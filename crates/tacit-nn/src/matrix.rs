//! Rows and labels, and their way into tensors.

use crate::error::NnError;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// Finite `f32` values, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Takes `rows × columns` values in row-major order and checks that all are finite.
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Result<Self, NnError> {
        let expected = rows.saturating_mul(columns);
        if values.len() != expected {
            return Err(NnError::Shape {
                what: "values of a matrix",
                expected,
                found: values.len(),
            });
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(NnError::Feature {
                row: at / columns,
                column: at % columns,
                value: values[at],
            });
        }
        Ok(Matrix {
            rows,
            columns,
            values,
        })
    }

    /// Copies rows of equal length.
    pub fn from_rows<R: AsRef<[f32]>>(rows: &[R]) -> Result<Self, NnError> {
        let columns = rows.first().map_or(0, |r| r.as_ref().len());
        let mut values = Vec::with_capacity(rows.len() * columns);
        for row in rows {
            if row.as_ref().len() != columns {
                return Err(NnError::Shape {
                    what: "columns of a row",
                    expected: columns,
                    found: row.as_ref().len(),
                });
            }
            values.extend_from_slice(row.as_ref());
        }
        Matrix::new(rows.len(), columns, values)
    }

    /// Grey values 0…255 as 0…1.
    pub fn from_bytes(rows: usize, columns: usize, bytes: &[u8]) -> Result<Self, NnError> {
        Matrix::new(
            rows,
            columns,
            bytes.iter().map(|&b| f32::from(b) / 255.0).collect(),
        )
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many columns each row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// All values, row after row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// One row; empty when there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        self.values
            .get(row * self.columns..(row + 1) * self.columns)
            .unwrap_or(&[])
    }

    /// The rows one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.rows).map(|i| self.row(i))
    }

    /// The rows with these numbers, in this order; numbers past the end are an error.
    pub fn select(&self, rows: &[usize]) -> Result<Matrix, NnError> {
        let mut values = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            if row >= self.rows {
                return Err(NnError::Shape {
                    what: "row number below the number of rows",
                    expected: self.rows,
                    found: row,
                });
            }
            values.extend_from_slice(self.row(row));
        }
        Ok(Matrix {
            rows: rows.len(),
            columns: self.columns,
            values,
        })
    }

    /// Rows `from..to` as a tensor.
    pub fn tensor(&self, from: usize, to: usize, device: &Device) -> Tensor<2> {
        let to = to.min(self.rows);
        let from = from.min(to);
        let values = self.values[from * self.columns..to * self.columns].to_vec();
        Tensor::from_data(TensorData::new(values, [to - from, self.columns]), device)
    }

    /// The rows with these numbers as a tensor; numbers past the end are left out.
    pub fn batch(&self, rows: &[usize], device: &Device) -> Tensor<2> {
        let mut values = Vec::with_capacity(rows.len() * self.columns);
        for &row in rows {
            values.extend_from_slice(self.row(row));
        }
        let height = values.len().checked_div(self.columns).unwrap_or(0);
        Tensor::from_data(TensorData::new(values, [height, self.columns]), device)
    }

    /// The values of a tensor, which must be finite.
    pub fn from_tensor(tensor: Tensor<2>) -> Result<Matrix, NnError> {
        let [rows, columns] = tensor.dims();
        Matrix::new(rows, columns, floats(tensor))
    }
}

/// The values of a tensor in row-major order.
pub fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    // Every number format converts to f32; only packed quantised data would not, and there is none.
    tensor
        .into_data()
        .try_to_vec_as::<f32>()
        .unwrap_or_default()
}

/// Features with one label per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    features: Matrix,
    labels: Vec<usize>,
    classes: usize,
}

impl Samples {
    /// Joins features and labels; labels count from 0 to `classes − 1`.
    pub fn new<L: Into<usize>>(
        features: Matrix,
        labels: impl IntoIterator<Item = L>,
        classes: usize,
    ) -> Result<Self, NnError> {
        let labels: Vec<usize> = labels.into_iter().map(Into::into).collect();
        if labels.len() != features.rows() {
            return Err(NnError::Shape {
                what: "labels, one per row",
                expected: features.rows(),
                found: labels.len(),
            });
        }
        if let Some(row) = labels.iter().position(|&l| l >= classes) {
            return Err(NnError::Label {
                row,
                label: labels[row],
                classes,
            });
        }
        Ok(Samples {
            features,
            labels,
            classes,
        })
    }

    /// The features.
    pub fn features(&self) -> &Matrix {
        &self.features
    }

    /// The labels.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// How many classes there are, whether or not all occur.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.features.rows()
    }

    /// The rows with these numbers, in this order.
    pub fn select(&self, rows: &[usize]) -> Result<Samples, NnError> {
        let features = self.features.select(rows)?;
        let labels = rows.iter().map(|&r| self.labels[r]).collect();
        Ok(Samples {
            features,
            labels,
            classes: self.classes,
        })
    }

    /// The first `share` of a seeded permutation of the rows, and the others.
    pub fn split(&self, share: f64, seed: u64) -> Result<(Samples, Samples), NnError> {
        if !(0.0..=1.0).contains(&share) {
            return Err(NnError::Setting {
                name: "share",
                value: share,
                expected: "between 0 and 1",
            });
        }
        let order = crate::Draws::new(seed, "split of samples").permutation(self.rows());
        let (first, second) = order.split_at((share * self.rows() as f64).round() as usize);
        Ok((self.select(first)?, self.select(second)?))
    }

    /// Features and labels of these rows as tensors.
    pub fn batch(&self, rows: &[usize], device: &Device) -> (Tensor<2>, Tensor<1, Int>) {
        let features = self.features.batch(rows, device);
        let labels = rows.iter().filter_map(|&r| self.labels.get(r).copied());
        (features, label_tensor(labels, device))
    }
}

/// Labels as a tensor of integers.
pub fn label_tensor(labels: impl Iterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let labels: Vec<i32> = labels.map(|l| l as i32).collect();
    let length = labels.len();
    Tensor::from_data(TensorData::new(labels, [length]), device)
}
