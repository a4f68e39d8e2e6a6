//! One column of a batch as cells: missing, whole number, number or text, whatever Arrow type the
//! source chose.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;

use crate::error::DataError;

/// What a cell holds before its column's role gives it a meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Missing,
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(&'a str),
}

impl Cell<'_> {
    /// The text a person would write for this cell.
    pub fn written(&self) -> String {
        match self {
            Cell::Missing => String::new(),
            Cell::Flag(v) => v.to_string(),
            Cell::Whole(v) => v.to_string(),
            Cell::Number(v) => v.to_string(),
            Cell::Text(text) => (*text).to_owned(),
        }
    }

    /// The number, if the cell is one or reads as one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Missing => None,
            Cell::Flag(v) => Some(u8::from(*v).into()),
            Cell::Whole(v) => Some(*v as f64),
            Cell::Number(v) => Some(*v),
            Cell::Text(text) => text.parse().ok(),
        }
    }

    /// Whether the cell is the level written as `level`: the same text, or the same number.
    pub fn is_level(&self, level: &str) -> bool {
        match self {
            Cell::Missing => false,
            Cell::Text(text) if *text == level => true,
            Cell::Flag(v) if v.to_string() == level => true,
            cell => match (cell.number(), level.parse::<f64>()) {
                (Some(a), Ok(b)) => a == b,
                _ => false,
            },
        }
    }
}

/// A column whose cells can be looked at by row.
pub(crate) struct Cells {
    array: ArrayRef,
    /// For dictionary columns: the value index of each row.
    codes: Option<Vec<usize>>,
}

impl Cells {
    /// Accepts numbers, booleans, text, and dictionaries of those.
    pub fn new(source: &str, column: &str, array: &ArrayRef) -> Result<Cells, DataError> {
        let (values, codes) = match array.as_any_dictionary_opt() {
            Some(dictionary) => {
                let codes = match dictionary.values().len() {
                    0 => vec![0; array.len()],
                    _ => dictionary.normalized_keys(),
                };
                (dictionary.values().clone(), Some(codes))
            }
            None => (array.clone(), None),
        };
        use DataType::{
            Boolean, Decimal128, Float16, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8,
            Null, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
        };
        match values.data_type() {
            Null | Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64
            | Float16 | Float32 | Float64 | Decimal128(..) | Utf8 | LargeUtf8 | Utf8View => {}
            other => {
                return Err(DataError::UnsupportedColumn {
                    source_name: source.to_owned(),
                    column: column.to_owned(),
                    found: other.to_string(),
                });
            }
        }
        if codes.is_some() {
            // Nulls of a dictionary sit on the keys; keep them next to the values.
            return Ok(Cells {
                array: values,
                codes: codes.map(|c| mask_nulls(c, array)),
            });
        }
        Ok(Cells {
            array: values,
            codes,
        })
    }

    /// The cell in row `i`.
    pub fn get(&self, i: usize) -> Cell<'_> {
        let i = match &self.codes {
            Some(codes) => codes[i],
            None => i,
        };
        if i >= self.array.len() || self.array.is_null(i) {
            return Cell::Missing;
        }
        let array = &self.array;
        match array.data_type() {
            DataType::Boolean => Cell::Flag(array.as_boolean().value(i)),
            DataType::Int8 => Cell::Whole(array.as_primitive::<Int8Type>().value(i).into()),
            DataType::Int16 => Cell::Whole(array.as_primitive::<Int16Type>().value(i).into()),
            DataType::Int32 => Cell::Whole(array.as_primitive::<Int32Type>().value(i).into()),
            DataType::Int64 => Cell::Whole(array.as_primitive::<Int64Type>().value(i)),
            DataType::UInt8 => Cell::Whole(array.as_primitive::<UInt8Type>().value(i).into()),
            DataType::UInt16 => Cell::Whole(array.as_primitive::<UInt16Type>().value(i).into()),
            DataType::UInt32 => Cell::Whole(array.as_primitive::<UInt32Type>().value(i).into()),
            DataType::UInt64 => {
                let value = array.as_primitive::<UInt64Type>().value(i);
                i64::try_from(value).map_or(Cell::Number(value as f64), Cell::Whole)
            }
            DataType::Float16 => {
                Cell::Number(array.as_primitive::<Float16Type>().value(i).to_f64())
            }
            DataType::Float32 => Cell::Number(array.as_primitive::<Float32Type>().value(i).into()),
            DataType::Float64 => Cell::Number(array.as_primitive::<Float64Type>().value(i)),
            DataType::Decimal128(_, scale) => {
                let digits = array.as_primitive::<Decimal128Type>().value(i) as f64;
                Cell::Number(digits / 10f64.powi(i32::from(*scale)))
            }
            DataType::Utf8 => text(array.as_string::<i32>().value(i)),
            DataType::LargeUtf8 => text(array.as_string::<i64>().value(i)),
            DataType::Utf8View => text(array.as_string_view().value(i)),
            // `new` lets nothing else through but `Null`.
            _ => Cell::Missing,
        }
    }
}

fn text(value: &str) -> Cell<'_> {
    match value.trim() {
        "" => Cell::Missing,
        trimmed => Cell::Text(trimmed),
    }
}

/// Points the null rows past the end of the values, where `get` finds nothing.
fn mask_nulls(mut codes: Vec<usize>, keys: &ArrayRef) -> Vec<usize> {
    for (i, code) in codes.iter_mut().enumerate() {
        if keys.is_null(i) {
            *code = usize::MAX;
        }
    }
    codes
}
