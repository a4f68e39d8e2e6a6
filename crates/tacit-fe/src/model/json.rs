//! The integer model as JSON:
//! `{"inputs": n, "hidden": d, "outputs": k, "p": [[…d] × n], "d": [[…k] × d], "input_max": 255}`.
//!
//! Reading is strict: no unknown or repeated fields, integers only, nothing after the object, sizes
//! and shapes checked, and errors name the file and the field.

use serde::{Deserialize, Serialize};

use super::{IntegerModel, ModelError, check_sizes, field_error};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    p: Vec<Vec<i32>>,
    d: Vec<Vec<i32>>,
    input_max: u32,
}

impl IntegerModel {
    /// From the bytes of a JSON file.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ModelError> {
        let file: ModelFile = serde_json::from_slice(bytes).map_err(|error| ModelError::Json {
            origin: "(in memory)".into(),
            reason: error.to_string(),
        })?;
        check_sizes(file.inputs, file.hidden, file.outputs)?;
        let input_max = u16::try_from(file.input_max).map_err(|_| {
            let reason = format!("is {}, expected 1 to {}", file.input_max, u16::MAX);
            field_error("input_max", reason)
        })?;
        let p = flatten("p", &file.p, file.inputs, file.hidden)?;
        let d = flatten("d", &file.d, file.hidden, file.outputs)?;
        Self::new((file.inputs, file.hidden, file.outputs), p, d, input_max)
    }

    /// The bytes of a JSON file.
    pub fn to_json(&self) -> Vec<u8> {
        let rows = |values: &[i16], columns: usize| {
            let row = |row: &[i16]| row.iter().map(|&c| i32::from(c)).collect();
            values.chunks_exact(columns).map(row).collect()
        };
        let file = ModelFile {
            inputs: self.inputs,
            hidden: self.hidden,
            outputs: self.outputs,
            p: rows(&self.p, self.hidden),
            d: rows(&self.d, self.outputs),
            input_max: self.input_max.into(),
        };
        // Vectors of integers always have a JSON form.
        serde_json::to_vec(&file).unwrap_or_default()
    }
}

/// The rows of a matrix one after another, if it has this shape and 16-bit coefficients.
fn flatten(
    field: &'static str,
    rows: &[Vec<i32>],
    expected_rows: usize,
    columns: usize,
) -> Result<Vec<i16>, ModelError> {
    if rows.len() != expected_rows {
        let reason = format!("has {} rows, {expected_rows} are expected", rows.len());
        return Err(field_error(field, reason));
    }
    let mut out = Vec::with_capacity(expected_rows * columns);
    for (i, row) in rows.iter().enumerate() {
        if row.len() != columns {
            let reason = format!("has {} entries, {columns} are expected", row.len());
            return Err(field_error(format!("{field}[{i}]"), reason));
        }
        for (j, &value) in row.iter().enumerate() {
            out.push(i16::try_from(value).map_err(|_| {
                let reason = format!("is {value}, coefficients have 16 bits");
                field_error(format!("{field}[{i}][{j}]"), reason)
            })?);
        }
    }
    Ok(out)
}
