//! The table that says what the pictures of a folder show.
//!
//! Two layouts are read. The one of CelebA's `list_attr_celeba.txt`: a line with the number of
//! pictures, a line with the names of the attributes, then for each picture a line with its file
//! name and one value per attribute, all between spaces. And CSV: a header, the file names in its
//! first column, one column per attribute. Values are 1 for yes and −1 or 0 for no; in CSV they may be any
//! texts, which are then the classes.

use std::collections::BTreeSet;
use std::io::{BufReader, Read};
use std::path::{Component, Path};

use arrow_array::Array;

use super::Labels;
use crate::cells::Cells;
use crate::error::{DataError, Place, shorten};
use crate::nearest::nearest;
use crate::source::{self, maybe_gzip};

/// Larger tables are refused: 256 MiB.
const MAX_BYTES: u64 = 1 << 28;
/// An attribute with more values is no attribute.
const MAX_CLASSES: usize = 256;

/// File names and the values of some attributes.
pub(super) struct Attributes {
    pub files: Vec<String>,
    pub labels: Vec<Labels>,
}

/// Reads the attributes of these names; each must take two values at least.
pub(super) fn read(path: &Path, wanted: &[(&str, &'static str)]) -> Result<Attributes, DataError> {
    let source = path.display().to_string();
    let (names, files, values, first_line) = columns(path)?;
    for (row, file) in files.iter().enumerate() {
        let plain = Path::new(file)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if file.is_empty() || !plain {
            return Err(DataError::Format {
                source_name: source,
                format: "label table",
                reason: format!(
                    "row {}: {:?} is not the name of a file inside the folder",
                    row + 1,
                    shorten(file)
                ),
            });
        }
    }
    let labels =
        wanted
            .iter()
            .map(|&(name, role)| {
                let at = names.iter().position(|n| n == name).ok_or_else(|| {
                    DataError::MissingColumn {
                        source_name: source.clone(),
                        column: name.to_owned(),
                        role,
                        nearest: nearest(name, names.iter().map(String::as_str)),
                    }
                })?;
                label(&source, name, &values[at], first_line)
            })
            .collect::<Result<_, _>>()?;
    Ok(Attributes { files, labels })
}

fn label(source: &str, name: &str, cells: &[String], first_line: u64) -> Result<Labels, DataError> {
    if let Some(row) = cells.iter().position(String::is_empty) {
        return Err(DataError::MissingLabel {
            place: Box::new(Place {
                source: source.to_owned(),
                row: row as u64 + 1,
                line: Some(first_line + row as u64),
            }),
            column: name.to_owned(),
        });
    }
    let texts: BTreeSet<&str> = cells.iter().map(String::as_str).collect();
    if let (1, Some(only)) = (texts.len(), texts.first()) {
        return Err(DataError::ConstantLabel {
            source_name: source.to_owned(),
            column: name.to_owned(),
            value: (*only).to_owned(),
        });
    }
    if texts.len() > MAX_CLASSES {
        return Err(DataError::TooManyLevels {
            source_name: source.to_owned(),
            column: name.to_owned(),
            levels: texts.len(),
            most: MAX_CLASSES,
        });
    }
    if texts.iter().all(|text| matches!(*text, "1" | "-1" | "0")) {
        let values = cells.iter().map(|text| usize::from(text == "1")).collect();
        return Labels::new(name, vec![format!("not {name}"), name.to_owned()], values);
    }
    let classes: Vec<&str> = texts.into_iter().collect();
    let values = cells
        .iter()
        .map(|text| classes.partition_point(|class| *class < text.as_str()))
        .collect();
    Labels::new(
        name,
        classes.iter().map(|&c| c.to_owned()).collect(),
        values,
    )
}

/// Names of the attributes, file names, values attribute by attribute, line of the first picture.
type Columns = (Vec<String>, Vec<String>, Vec<Vec<String>>, u64);

fn columns(path: &Path) -> Result<Columns, DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    maybe_gzip(BufReader::new(file))
        .map_err(io)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    let damaged = |reason: String| DataError::Format {
        source_name: path.display().to_string(),
        format: "label table",
        reason,
    };
    if bytes.len() as u64 > MAX_BYTES {
        return Err(damaged("it is larger than 256 MiB".into()));
    }
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| damaged("it is not UTF-8 text; save it as such".into()))?;
    let first = text.lines().next().unwrap_or_default().trim();
    if first.contains(',') {
        return separated(path);
    }
    let count: usize = first.parse().map_err(|_| {
        damaged(format!(
            "its first line is {:?}, neither a number of pictures nor a header with commas",
            shorten(first)
        ))
    })?;
    let mut lines = text.lines().skip(1);
    let names: Vec<String> = words(lines.next().unwrap_or_default());
    let mut files = Vec::new();
    let mut values = vec![Vec::new(); names.len()];
    for (row, line) in lines.filter(|line| !line.trim().is_empty()).enumerate() {
        let mut cells = words(line).into_iter();
        let found = cells.len();
        let place = || {
            Box::new(Place {
                source: path.display().to_string(),
                row: row as u64 + 1,
                line: Some(row as u64 + 3),
            })
        };
        if found != names.len() + 1 {
            return Err(DataError::RaggedRow {
                place: place(),
                found: found as u64,
                expected: names.len() as u64 + 1,
            });
        }
        files.extend(cells.next());
        for ((column, cell), name) in values.iter_mut().zip(cells).zip(&names) {
            if !matches!(cell.as_str(), "1" | "-1" | "0") {
                return Err(DataError::LabelOutsideRange {
                    place: place(),
                    column: name.clone(),
                    value: shorten(&cell),
                    expected: "1, −1 or 0".into(),
                });
            }
            column.push(cell);
        }
    }
    if files.len() != count {
        return Err(damaged(format!(
            "it announces {count} pictures and lists {}; it is truncated or was edited",
            files.len()
        )));
    }
    Ok((names, files, values, 3))
}

fn separated(path: &Path) -> Result<Columns, DataError> {
    let source = source::open(path, b',')?;
    let names = source.columns().to_vec();
    let wanted: Vec<usize> = (0..names.len()).collect();
    let mut values: Vec<Vec<String>> = vec![Vec::new(); names.len()];
    let name = source.name().to_owned();
    source.read(&wanted, &mut |chunk| {
        for (at, array) in chunk.batch.columns().iter().enumerate() {
            let cells = Cells::new(&name, &names[at], array)?;
            values[at].extend((0..array.len()).map(|i| cells.get(i).written()));
        }
        Ok(())
    })?;
    let files = values.remove(0);
    Ok((names[1..].to_vec(), files, values, 2))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}
