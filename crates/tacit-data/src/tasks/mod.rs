//! Questions with two sides: rows about which one thing may be learnt and another may not.
//!
//! A [`TaskData`] is a set of rows (pictures or encoded table rows), one *public* label, the
//! task a service is for, and any number of *private* labels, which the service has no business knowing.
//! Training, hardening and attacking all start from one.
//!
//! | data | labels | from |
//! |---|---|---|
//! | [`mnist`] | `digit`, `parity`, `at-least-five` | IDX files in a folder |
//! | [`characters()`] | `character`, `font`, with a dial for their dependence | drawn at run time |
//! | [`adult`] | `income`, `sex`, `marital-status`, any other column | the file the user names |
//! | [`credit_default`] | `default`, `sex`, any other column | the file the user names |
//! | [`table`] | any columns of a CSV or Parquet file | the file the user names |
//! | [`image_folder`] | attributes of a label table (the layout of CelebA) | pictures in a folder |
//!
//! Each takes any of its labels as the public one and the others as private ones, so that the same
//! rows can be looked at in both directions.
//!
//! An evaluation needs four disjoint sets: the model learns on the first, the attacker learns on the
//! second and chooses on the third, and what is reported is measured on the fourth. [`TaskData::sets`]
//! deals the rows out so that every combination of public and private class has the same share in each.
//!
//! How far the private label follows from the public one bounds what any defence can do. Two
//! figures say it beforehand: [`Labels::cramers_v`], and [`Labels::decides`], which is true when the
//! private label is a function of the public one. Then there is nothing to protect.
//!
//! ```
//! use tacit_data::characters::{Alphabet, Spec};
//! use tacit_data::tasks::{self, Shares};
//!
//! let spec = Spec { train: 400, test: 0, correlation: 0.5, ..Spec::new(Alphabet::Digits, 1) };
//! let task = tasks::characters(&spec, 16, "character", &["font"])?;
//! assert_eq!(task.shape, [1, 16, 16]);
//! assert!((task.public.cramers_v(&task.private[0])? - 0.5).abs() < 0.15);
//! let sets = task.sets(&Shares::default(), 7)?;
//! assert_eq!(sets.model.len() + sets.attacker.len() + sets.validation.len() + sets.test.len(), 400);
//! # Ok::<(), tacit_data::DataError>(())
//! ```
//!
//! # Limits
//! Rows are held in memory as 32-bit floats. Where a data set comes with a division into training
//! and test rows it is given up: the four sets are dealt from all rows. Equal rows are not kept
//! together; a table with many of them makes attackers look better than they are.

mod attributes;
mod known;
mod labels;
mod pictures;
mod raster;
mod rendered;
mod sets;
mod table;

pub use known::{adult, adult_task, credit_default, credit_default_task};
pub use labels::Labels;
pub use pictures::{PictureTask, image_folder, read_picture};
pub use rendered::{characters, mnist};
pub use sets::{Sets, Shares};
pub use table::{Column, LabelColumn, TableTask, read_rows, table};

use crate::error::DataError;

/// Rows with a public label and private ones.
#[derive(Clone, PartialEq)]
pub struct TaskData {
    /// What the data are called in reports.
    pub name: String,
    /// Channels, height and width of a row; of a table `[1, 1, columns]`.
    pub shape: [usize; 3],
    /// Values, row after row; a picture channel after channel, its rows from the top.
    pub rows: Vec<f32>,
    /// What the service is for.
    pub public: Labels,
    /// What it must not learn.
    pub private: Vec<Labels>,
    /// What the columns of a table mean; empty for pictures.
    pub columns: Vec<Column>,
}

impl std::fmt::Debug for TaskData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [c, h, w] = self.shape;
        write!(
            f,
            "TaskData({:?}: {} of {c}×{h}×{w}, public {:?}, private {:?})",
            self.name,
            self.len(),
            self.public.name,
            self.private.iter().map(|p| &p.name).collect::<Vec<_>>()
        )
    }
}

impl TaskData {
    /// Pictures or rows without named columns. Every label has one value per row; all values are finite.
    pub fn new(
        name: impl Into<String>,
        shape: [usize; 3],
        rows: Vec<f32>,
        public: Labels,
        private: Vec<Labels>,
    ) -> Result<TaskData, DataError> {
        let size: usize = shape.iter().product();
        let task = TaskData {
            name: name.into(),
            shape,
            rows,
            public,
            private,
            columns: Vec::new(),
        };
        let count = task.public.values.len();
        let expected = size.saturating_mul(count);
        if size == 0 || task.rows.len() != expected {
            return Err(DataError::Length {
                what: "values of a task's rows",
                expected,
                found: task.rows.len(),
            });
        }
        for label in &task.private {
            if label.values.len() != count {
                return Err(DataError::Length {
                    what: "values of a private label",
                    expected: count,
                    found: label.values.len(),
                });
            }
        }
        match task.rows.iter().position(|v| !v.is_finite()) {
            None => Ok(task),
            Some(at) => Err(DataError::NotFinite {
                place: Box::new(crate::Place {
                    source: task.name,
                    row: (at / size) as u64 + 1,
                    line: None,
                }),
                column: format!("number {}", at % size + 1),
                value: task.rows[at].to_string(),
            }),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.public.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.public.values.is_empty()
    }

    /// Values of one row.
    pub fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether rows are pictures rather than rows of a table.
    pub fn is_picture(&self) -> bool {
        self.shape[1] > 1
    }

    /// One row.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len), like slice indexing.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.rows[i * self.size()..(i + 1) * self.size()]
    }

    /// The rows with these numbers, in this order.
    ///
    /// # Panics
    /// If a number is not below [`len`](Self::len), like slice indexing.
    pub fn select(&self, rows: &[usize]) -> TaskData {
        TaskData {
            name: self.name.clone(),
            shape: self.shape,
            rows: rows.iter().flat_map(|&i| self.row(i)).copied().collect(),
            public: self.public.select(rows),
            private: self.private.iter().map(|p| p.select(rows)).collect(),
            columns: self.columns.clone(),
        }
    }

    /// The private label of this name.
    pub fn private_named(&self, name: &str) -> Result<&Labels, DataError> {
        self.private
            .iter()
            .find(|label| label.name == name)
            .ok_or_else(|| labels::unknown(&self.name, name, "private", self.private.iter()))
    }
}
