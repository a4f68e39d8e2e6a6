//! Tables: the same one for the page and for the terminal.
//!
//! ```
//! use tacit_report::{Cell, Column, Quantity, Table, Unit};
//! let table = Table::new("Accuracy", [Column::text("model"), Column::number("test accuracy")])
//!     .row([Cell::text("encrypted"), Quantity::new(0.965, Unit::Fraction).into()])
//!     .row([Cell::text("pooled"), Quantity::new(0.967, Unit::Fraction).into()]);
//! assert!(table.check().is_ok());
//! ```

use std::fmt;

use crate::{Error, Quantity};

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Start,
    /// Numbers.
    End,
}

/// A column: heading and alignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub heading: String,
    /// The alignment of its cells.
    pub align: Align,
}

impl Column {
    /// A column of words.
    pub fn text(heading: impl Into<String>) -> Self {
        Column {
            heading: heading.into(),
            align: Align::Start,
        }
    }

    /// A column of numbers.
    pub fn number(heading: impl Into<String>) -> Self {
        Column {
            heading: heading.into(),
            align: Align::End,
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number with its unit.
    Number(Quantity),
    /// Nothing was measured here; shown as a dash.
    Missing,
}

impl Cell {
    /// A cell of words.
    pub fn text(text: impl Into<String>) -> Self {
        Cell::Text(text.into())
    }
}

impl From<Quantity> for Cell {
    fn from(quantity: Quantity) -> Self {
        Cell::Number(quantity)
    }
}

impl From<Option<Quantity>> for Cell {
    fn from(quantity: Option<Quantity>) -> Self {
        quantity.map_or(Cell::Missing, Cell::Number)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Cell::Text(text) => f.write_str(text),
            Cell::Number(quantity) => quantity.fmt(f),
            Cell::Missing => f.write_str("–"),
        }
    }
}

/// A table. The first column names its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What the table shows.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// A last row set apart: the sum, or the reference to compare with.
    pub total: Option<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(caption: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Table {
            caption: caption.into(),
            columns: columns.into_iter().collect(),
            rows: Vec::new(),
            total: None,
        }
    }

    /// Adds a row.
    pub fn row(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.rows.push(cells.into_iter().collect());
        self
    }

    /// Sets the last row apart.
    pub fn total(mut self, cells: impl IntoIterator<Item = Cell>) -> Self {
        self.total = Some(cells.into_iter().collect());
        self
    }

    /// Every row must have one cell per column.
    pub fn check(&self) -> Result<(), Error> {
        let columns = self.columns.len();
        match self
            .rows
            .iter()
            .chain(&self.total)
            .position(|row| row.len() != columns)
        {
            None => Ok(()),
            Some(at) => Err(Error::Table {
                table: self.caption.clone(),
                row: at + 1,
                cells: self
                    .rows
                    .get(at)
                    .or(self.total.as_ref())
                    .map_or(0, Vec::len),
                columns,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_another_length_is_named() {
        let table = Table::new("t", [Column::text("a"), Column::number("b")])
            .row([Cell::text("x"), Cell::Missing])
            .row([Cell::text("x")]);
        let error = table.check().unwrap_err();
        assert!(matches!(
            error,
            Error::Table {
                row: 2,
                cells: 1,
                columns: 2,
                ..
            }
        ));
    }
}
