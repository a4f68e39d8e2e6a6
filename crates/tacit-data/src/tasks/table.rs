//! Tasks on tables: numbers standardised, names one-hot, labels taken out.
//!
//! A column all of whose cells read as numbers becomes (x − mean)/deviation, clipped to ±5; any other becomes
//! one column of zeros and ones per level. A missing number takes the mean, a missing name is a
//! level of its own. Columns with a single value are left out. The constants come from all rows
//! of the file and are kept in [`TaskData::columns`]: with them a client encodes
//! its own rows in the same way.
//!
//! Neither the public nor a private label is among the features, unless a private one is asked for
//! by name ([`TableTask::keep`]). Columns that state it in other words stay in; name them under
//! `without`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow_array::Array;
use serde::{Deserialize, Serialize};

use super::labels::distinct;
use super::{Labels, TaskData};
use crate::cells::Cells;
use crate::error::{DataError, Place, shorten};
use crate::nearest::nearest;
use crate::source;

/// Standardised numbers are clipped to this many deviations.
const CLIP: f64 = 5.0;
/// A column with more levels is no column of names.
const MAX_LEVELS: usize = 256;
/// How a missing cell is called where names are expected.
const MISSING: &str = "(missing)";

/// What one column of the encoded rows means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Column {
    /// (x − mean)/deviation, clipped to ±5.
    Number {
        /// Column of the file.
        name: String,
        /// Subtracted.
        mean: f64,
        /// Divided by.
        deviation: f64,
    },
    /// 1 where the cell has this text, 0 elsewhere.
    Level {
        /// Column of the file.
        name: String,
        /// The text.
        level: String,
    },
}

impl Column {
    /// Column of the file.
    pub fn name(&self) -> &str {
        match self {
            Column::Number { name, .. } | Column::Level { name, .. } => name,
        }
    }
}

/// A column of the file as a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelColumn {
    /// Name of the label.
    pub name: String,
    /// Name of the column.
    pub column: String,
    /// Classes with the cells that belong to them; empty: every text is a class.
    pub groups: Vec<(String, Vec<String>)>,
}

impl LabelColumn {
    /// A column whose texts are the classes.
    pub fn plain(column: &str) -> LabelColumn {
        LabelColumn {
            name: column.to_owned(),
            column: column.to_owned(),
            groups: Vec::new(),
        }
    }
}

/// What is asked of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableTask {
    /// What the data are called in reports.
    pub name: String,
    /// What the service is for.
    pub public: LabelColumn,
    /// What it must not learn.
    pub private: Vec<LabelColumn>,
    /// Columns that are not features.
    pub without: Vec<String>,
    /// Private columns that are features all the same.
    pub keep: Vec<String>,
    /// How to encode, when it is settled already; then `without` and `keep` have no say.
    pub columns: Option<Vec<Column>>,
}

/// Reads a CSV file, gzipped or not, or a Parquet file.
pub fn table(path: &Path, task: &TableTask) -> Result<TaskData, DataError> {
    let private: Vec<&str> = task.private.iter().map(|p| p.column.as_str()).collect();
    distinct(&task.name, &task.public.column, &private)?;
    let file = Texts::read(path)?;
    for (columns, role) in [
        (&task.without, "excluded column"),
        (&task.keep, "kept column"),
    ] {
        for column in columns {
            file.find(column, role)?;
        }
    }
    let public = file.label(&task.public, "public label")?;
    let private: Vec<Labels> = task
        .private
        .iter()
        .map(|label| file.label(label, "private label"))
        .collect::<Result<_, _>>()?;
    let columns = match &task.columns {
        Some(columns) => columns.clone(),
        None => file.encoding(|name| {
            let kept = task.keep.iter().any(|c| c == name);
            let private = task.private.iter().any(|p| p.column == name);
            name != task.public.column
                && !task.without.iter().any(|c| c == name)
                && (!private || kept)
        })?,
    };
    if columns.is_empty() {
        return Err(DataError::Format {
            source_name: file.name,
            format: "table for a task",
            reason: "no column is left as a feature; leave fewer out".into(),
        });
    }
    let rows = file.encode(&columns)?;
    let mut data = TaskData::new(&task.name, [1, 1, columns.len()], rows, public, private)?;
    data.columns = columns;
    Ok(data)
}

/// Rows of a file encoded as an earlier table was; it needs the columns of the features only.
pub fn read_rows(path: &Path, columns: &[Column]) -> Result<Vec<f32>, DataError> {
    Texts::read(path)?.encode(columns)
}

/// A table as texts, column after column; a missing cell is empty.
struct Texts {
    name: String,
    columns: Vec<String>,
    cells: Vec<Vec<String>>,
    lines: Option<Vec<u64>>,
    rows: usize,
}

impl Texts {
    fn read(path: &Path) -> Result<Texts, DataError> {
        let source = source::open(path, b',')?;
        let columns = source.columns().to_vec();
        let mut texts = Texts {
            name: source.name().to_owned(),
            cells: vec![Vec::new(); columns.len()],
            columns,
            lines: None,
            rows: 0,
        };
        let wanted: Vec<usize> = (0..texts.columns.len()).collect();
        let Texts {
            name,
            columns,
            cells,
            lines,
            rows,
        } = &mut texts;
        source.read(&wanted, &mut |chunk| {
            for (at, array) in chunk.batch.columns().iter().enumerate() {
                let read = Cells::new(name, &columns[at], array)?;
                cells[at].extend((0..array.len()).map(|i| read.get(i).written()));
            }
            *rows += chunk.batch.num_rows();
            if let Some(more) = chunk.lines {
                lines.get_or_insert_default().extend(more);
            }
            Ok(())
        })?;
        if texts.rows == 0 {
            return Err(DataError::TooFewRows {
                source_name: texts.name,
                rows: 0,
                needed: 1,
                after: String::new(),
                remedy: "add rows below the header",
            });
        }
        Ok(texts)
    }

    fn place(&self, row: usize) -> Box<Place> {
        Box::new(Place {
            source: self.name.clone(),
            row: row as u64 + 1,
            line: self.lines.as_ref().map(|lines| lines[row]),
        })
    }

    fn find(&self, column: &str, role: &'static str) -> Result<&[String], DataError> {
        match self.columns.iter().position(|name| name == column) {
            Some(at) => Ok(&self.cells[at]),
            None => Err(DataError::MissingColumn {
                source_name: self.name.clone(),
                column: column.to_owned(),
                role,
                nearest: nearest(column, self.columns.iter().map(String::as_str)),
            }),
        }
    }

    fn label(&self, label: &LabelColumn, role: &'static str) -> Result<Labels, DataError> {
        let cells = self.find(&label.column, role)?;
        if let Some(row) = cells.iter().position(String::is_empty) {
            return Err(DataError::MissingLabel {
                place: self.place(row),
                column: label.column.clone(),
            });
        }
        let mut class_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut classes: Vec<String>;
        if label.groups.is_empty() {
            let mut texts: Vec<&str> = cells
                .iter()
                .map(String::as_str)
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            self.check_levels(&label.column, texts.len())?;
            // 2 before 10, where all are numbers.
            let numbers: Option<Vec<f64>> = texts.iter().map(|t| t.parse().ok()).collect();
            if numbers.is_some() {
                let number = |t: &str| t.parse::<f64>().unwrap_or(0.0);
                texts.sort_by(|a, b| number(a).total_cmp(&number(b)));
            }
            classes = texts.iter().map(|&t| t.to_owned()).collect();
            class_of.extend(texts.into_iter().zip(0..));
        } else {
            classes = label
                .groups
                .iter()
                .map(|(class, _)| class.clone())
                .collect();
            for (class, (_, texts)) in label.groups.iter().enumerate() {
                class_of.extend(texts.iter().map(|t| (t.as_str(), class)));
            }
        }
        let values: Vec<usize> = cells
            .iter()
            .enumerate()
            .map(|(row, text)| {
                let class = class_of.get(text.as_str()).copied();
                class.ok_or_else(|| DataError::UnknownLevel {
                    place: self.place(row),
                    column: label.column.clone(),
                    text: shorten(text),
                    levels: class_of.keys().copied().collect::<Vec<_>>().join(", "),
                })
            })
            .collect::<Result<_, _>>()?;
        let first = values[0];
        if values.iter().all(|&v| v == first) {
            return Err(DataError::ConstantLabel {
                source_name: self.name.clone(),
                column: label.column.clone(),
                value: classes.swap_remove(first),
            });
        }
        Labels::new(&label.name, classes, values)
    }

    fn check_levels(&self, column: &str, levels: usize) -> Result<(), DataError> {
        if levels <= MAX_LEVELS {
            return Ok(());
        }
        Err(DataError::TooManyLevels {
            source_name: self.name.clone(),
            column: column.to_owned(),
            levels,
            most: MAX_LEVELS,
        })
    }

    /// How the columns that are features will be encoded.
    fn encoding(&self, is_feature: impl Fn(&str) -> bool) -> Result<Vec<Column>, DataError> {
        let mut columns = Vec::new();
        for (name, cells) in self.columns.iter().zip(&self.cells) {
            if !is_feature(name) {
                continue;
            }
            let present = || cells.iter().filter(|cell| !cell.is_empty());
            let numbers: Option<Vec<f64>> = present().map(|cell| cell.parse().ok()).collect();
            match numbers {
                Some(numbers) if !numbers.is_empty() => {
                    if let Some(row) = cells
                        .iter()
                        .position(|c| c.parse().is_ok_and(|v: f64| !v.is_finite()))
                    {
                        return Err(DataError::NotFinite {
                            place: self.place(row),
                            column: name.clone(),
                            value: shorten(&cells[row]),
                        });
                    }
                    let n = numbers.len() as f64;
                    let mean = numbers.iter().sum::<f64>() / n;
                    let square = numbers.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>();
                    let deviation = (square / n).sqrt();
                    if deviation > 1e-12 * mean.abs().max(1e-300) {
                        columns.push(Column::Number {
                            name: name.clone(),
                            mean,
                            deviation,
                        });
                    }
                }
                _ => {
                    let levels: BTreeSet<&str> = cells.iter().map(|c| level(c)).collect();
                    self.check_levels(name, levels.len())?;
                    if levels.len() > 1 {
                        columns.extend(levels.into_iter().map(|level| Column::Level {
                            name: name.clone(),
                            level: level.to_owned(),
                        }));
                    }
                }
            }
        }
        Ok(columns)
    }

    fn encode(&self, columns: &[Column]) -> Result<Vec<f32>, DataError> {
        let width = columns.len();
        let mut rows = vec![0.0; self.rows * width];
        for (at, column) in columns.iter().enumerate() {
            let cells = self.find(column.name(), "feature")?;
            for (row, cell) in cells.iter().enumerate() {
                rows[row * width + at] = match column {
                    Column::Level { level: wanted, .. } => f32::from(level(cell) == wanted),
                    Column::Number { .. } if cell.is_empty() => 0.0,
                    Column::Number {
                        name,
                        mean,
                        deviation,
                    } => {
                        let value: f64 = cell.parse().map_err(|_| DataError::NotANumber {
                            place: self.place(row),
                            column: name.clone(),
                            text: shorten(cell),
                        })?;
                        if !value.is_finite() {
                            return Err(DataError::NotFinite {
                                place: self.place(row),
                                column: name.clone(),
                                value: shorten(cell),
                            });
                        }
                        ((value - mean) / deviation).clamp(-CLIP, CLIP) as f32
                    }
                };
            }
        }
        self.check_known(columns)?;
        Ok(rows)
    }

    /// Refuses a name that no level stands for.
    fn check_known(&self, columns: &[Column]) -> Result<(), DataError> {
        let mut levels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for column in columns {
            if let Column::Level { name, level } = column {
                levels.entry(name).or_default().insert(level);
            }
        }
        for (name, known) in levels {
            let cells = self.find(name, "feature")?;
            if let Some(row) = cells.iter().position(|c| !known.contains(level(c))) {
                return Err(DataError::UnknownLevel {
                    place: self.place(row),
                    column: name.to_owned(),
                    text: shorten(level(&cells[row])),
                    levels: known.into_iter().collect::<Vec<_>>().join(", "),
                });
            }
        }
        Ok(())
    }
}

fn level(cell: &str) -> &str {
    if cell.is_empty() { MISSING } else { cell }
}
