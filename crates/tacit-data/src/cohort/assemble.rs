//! Chunks of cells to a table: filter, missing values, numbers, labels, keys; then the checks that
//! need all rows.

use std::sync::Arc;

use super::label::LabelReader;
use super::spec::{CohortSpec, Level, MissingPolicy, spec as bad_spec};
use super::{Cohort, CohortCounts};
use crate::cells::{Cell, Cells};
use crate::error::{DataError, Place, shorten};
use crate::filter::Filter;
use crate::nearest::nearest;
use crate::schema::Schema;
use crate::source::{Chunk, Source};
use crate::table::{RowKey, Table};

/// How one source column becomes features.
struct FeatureColumn {
    /// Index among the columns read.
    slot: usize,
    name: String,
    zero_is_missing: bool,
    impute: Option<f64>,
    /// One feature per level, or one feature that is the number itself.
    levels: Option<Vec<Level>>,
}

struct Assembler<'s> {
    spec: &'s CohortSpec,
    source: String,
    names: Vec<String>,
    features: Vec<FeatureColumn>,
    label_slot: usize,
    key_slot: Option<usize>,
    filter: Option<Filter>,
    filter_slots: Vec<usize>,
    tokens: MissingTokens,
    label_reader: LabelReader,
    values: Vec<f64>,
    labels: Vec<f64>,
    keys: Vec<RowKey>,
    counts: CohortCounts,
}

/// Reads a whole source into a cohort.
pub(super) fn assemble(
    spec: &CohortSpec,
    source: Box<dyn Source + '_>,
) -> Result<Cohort, DataError> {
    let mut wanted = Wanted {
        source: source.name(),
        columns: source.columns(),
        indices: Vec::new(),
    };
    let label = wanted.index(&spec.label, "label")?;
    let key = spec
        .key
        .as_deref()
        .map(|name| wanted.index(name, "key"))
        .transpose()?;
    let filter = spec.filter.as_deref().map(Filter::parse).transpose()?;
    let filter_indices = filter
        .iter()
        .flat_map(Filter::columns)
        .map(|name| wanted.index(name, "filter"))
        .collect::<Result<Vec<_>, _>>()?;
    let feature_names = feature_names(spec, &mut wanted)?;
    let feature_indices = feature_names
        .iter()
        .map(|name| wanted.index(name, "feature"))
        .collect::<Result<Vec<_>, _>>()?;

    let mut read = wanted.indices;
    read.sort_unstable();
    read.dedup();
    let slot = |index: usize| read.partition_point(|&i| i < index);
    let features = feature_names
        .iter()
        .zip(&feature_indices)
        .map(|(name, &index)| feature_column(spec, name, slot(index)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut assembler = Assembler {
        spec,
        source: source.name().to_owned(),
        names: features.iter().flat_map(FeatureColumn::names).collect(),
        features,
        label_slot: slot(label),
        key_slot: key.map(slot),
        filter,
        filter_slots: filter_indices.into_iter().map(slot).collect(),
        tokens: MissingTokens::new(&spec.missing_tokens),
        label_reader: LabelReader::new(spec.encoding.clone()),
        values: Vec::new(),
        labels: Vec::new(),
        keys: Vec::new(),
        counts: CohortCounts::default(),
    };
    if let Some(name) = super::spec::repeated(&assembler.names) {
        return bad_spec(
            "features",
            format!("two features are called {name:?}; rename a column"),
        );
    }
    source.read(&read, &mut |chunk| assembler.take(&chunk))?;
    assembler.finish()
}

/// Collects the columns to read and explains the ones that do not exist.
struct Wanted<'a> {
    source: &'a str,
    columns: &'a [String],
    indices: Vec<usize>,
}

impl Wanted<'_> {
    fn index(&mut self, name: &str, role: &'static str) -> Result<usize, DataError> {
        match self.columns.iter().position(|column| column == name) {
            Some(index) => {
                self.indices.push(index);
                Ok(index)
            }
            None => Err(DataError::MissingColumn {
                source_name: self.source.to_owned(),
                column: name.to_owned(),
                role,
                nearest: nearest(name, self.columns.iter().map(String::as_str)),
            }),
        }
    }
}

fn feature_names(spec: &CohortSpec, wanted: &mut Wanted<'_>) -> Result<Vec<String>, DataError> {
    if let Some(features) = &spec.features {
        return Ok(features.clone());
    }
    for (names, role) in [
        (spec.exclude.iter().collect::<Vec<_>>(), "exclude"),
        (spec.zero_is_missing.iter().collect(), "zero_is_missing"),
        (spec.categorical.keys().collect(), "categorical"),
    ] {
        for name in names {
            wanted.index(name, role)?;
            // Only looked up; whether it is read is decided by what it is used for.
            wanted.indices.pop();
        }
    }
    let unused = |name: &&String| {
        **name != spec.label && spec.key.as_ref() != Some(*name) && !spec.exclude.contains(*name)
    };
    let names: Vec<String> = wanted.columns.iter().filter(unused).cloned().collect();
    match names.is_empty() {
        true => bad_spec(
            "features",
            format!("{} has no column left to be a feature", wanted.source),
        ),
        false => Ok(names),
    }
}

fn feature_column(spec: &CohortSpec, name: &str, slot: usize) -> Result<FeatureColumn, DataError> {
    let impute = match &spec.missing {
        MissingPolicy::Impute { value, columns } => columns.get(name).copied().or(*value),
        _ => None,
    };
    Ok(FeatureColumn {
        slot,
        name: name.to_owned(),
        zero_is_missing: spec.zero_is_missing.iter().any(|n| n == name),
        impute,
        levels: spec.categorical.get(name).cloned(),
    })
}

impl FeatureColumn {
    fn names(&self) -> Vec<String> {
        match &self.levels {
            None => vec![self.name.clone()],
            Some(levels) => levels
                .iter()
                .map(|level| format!("{}={}", self.name, level.as_str()))
                .collect(),
        }
    }
}

impl Assembler<'_> {
    fn take(&mut self, chunk: &Chunk) -> Result<(), DataError> {
        let schema = chunk.batch.schema();
        let columns = chunk
            .batch
            .columns()
            .iter()
            .zip(schema.fields())
            .map(|(array, field)| Cells::new(&self.source, field.name(), array))
            .collect::<Result<Vec<_>, _>>()?;
        let source = self.source.clone();
        for i in 0..chunk.batch.num_rows() {
            self.row(&columns, i, &|| chunk.place(&source, i))?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        columns: &[Cells],
        i: usize,
        place: &dyn Fn() -> Box<Place>,
    ) -> Result<(), DataError> {
        self.counts.read += 1;
        let cell = |slot: usize| self.tokens.known(columns[slot].get(i));
        if let Some(filter) = &self.filter {
            let slots = &self.filter_slots;
            if !filter.keeps(&|column| cell(slots[column]), place)? {
                self.counts.filtered_out += 1;
                return Ok(());
            }
        }
        let label = match cell(self.label_slot) {
            Cell::Missing => None,
            label => Some(label),
        };
        let key_text = self.key_slot.map(|slot| cell(slot).written());
        let row_start = self.values.len();
        let mut missing = label.is_none().then_some(self.spec.label.as_str());
        let mut imputed = 0;
        for feature in &self.features {
            let mut value = self.tokens.known(columns[feature.slot].get(i));
            if feature.zero_is_missing && value.number() == Some(0.0) {
                value = Cell::Missing;
            }
            if value == Cell::Missing {
                if let Some(constant) = feature.impute {
                    let width = feature.levels.as_ref().map_or(1, Vec::len);
                    self.values.extend(std::iter::repeat_n(constant, width));
                    imputed += 1;
                } else if missing.is_none() {
                    missing = Some(&feature.name);
                }
                continue;
            }
            feature.push(value, place, &mut self.values)?;
        }
        if let Some(column) = missing {
            if self.spec.missing != MissingPolicy::DropRow {
                return Err(DataError::MissingValue {
                    place: place(),
                    column: column.to_owned(),
                });
            }
            self.values.truncate(row_start);
            self.counts.dropped_for_missing += 1;
            return Ok(());
        }
        if let Some(label) = label {
            let outside = |expected| DataError::LabelOutsideRange {
                place: place(),
                column: self.spec.label.clone(),
                value: shorten(&label.written()),
                expected,
            };
            self.labels
                .push(self.label_reader.read(label).map_err(outside)?);
        }
        self.keys.push(match key_text {
            Some(text) if text.is_empty() => {
                let column = self.spec.key.clone().unwrap_or_default();
                return Err(DataError::MissingValue {
                    place: place(),
                    column,
                });
            }
            Some(text) => RowKey::of_text(&text),
            None => RowKey::of_values(&self.values[row_start..]),
        });
        self.counts.imputed_cells += imputed;
        Ok(())
    }

    fn finish(self) -> Result<Cohort, DataError> {
        let rows = self.labels.len();
        if (rows as u64) < self.spec.min_rows {
            let CohortCounts {
                read,
                filtered_out,
                dropped_for_missing,
                ..
            } = self.counts;
            return Err(DataError::TooFewRows {
                source_name: self.source,
                rows: rows as u64,
                needed: self.spec.min_rows,
                after: format!(
                    " left of {read} ({filtered_out} filtered out, {dropped_for_missing} dropped for missing values)"
                ),
                remedy: "widen the filter, choose another missing-value policy, or lower `min_rows`",
            });
        }
        let encoding = self.label_reader.into_encoding();
        if !self.spec.allow_absent_classes {
            for class in 0..encoding.class_count().unwrap_or(0) {
                if !self.labels.contains(&(class as f64)) {
                    return Err(DataError::ClassAbsent {
                        source_name: self.source,
                        column: self.spec.label.clone(),
                        class: encoding.class_name(class).unwrap_or("other").to_owned(),
                        rows,
                    });
                }
            }
        }
        if !self.spec.allow_constant_columns && rows > 1 {
            let width = self.names.len();
            let mut column = 0;
            for feature in &self.features {
                match &feature.levels {
                    // A rare level may well be absent at one party.
                    Some(levels) => column += levels.len(),
                    None => {
                        let first = self.values[column];
                        if self
                            .values
                            .iter()
                            .skip(column)
                            .step_by(width)
                            .all(|&v| v == first)
                        {
                            return Err(DataError::ConstantColumn {
                                source_name: self.source,
                                column: feature.name.clone(),
                                value: first.to_string(),
                            });
                        }
                        column += 1;
                    }
                }
            }
        }
        let schema = Schema {
            features: self.names.clone(),
            label: self.spec.label.clone(),
            encoding,
        };
        let names: Arc<[String]> = self.names.into();
        let table = Table::with_keys(names, self.values, self.labels, self.keys)?;
        Ok(Cohort {
            table,
            schema,
            counts: self.counts,
        })
    }
}

/// The texts that mean "missing"; one that reads as a number, such as -999, also stands for that
/// number, so that CSV and Parquet agree.
struct MissingTokens(Vec<(String, Option<f64>)>);

impl MissingTokens {
    fn new(tokens: &[String]) -> MissingTokens {
        MissingTokens(
            tokens
                .iter()
                .map(|token| (token.clone(), token.parse().ok()))
                .collect(),
        )
    }

    /// The cell, with these texts and numbers taken out.
    fn known<'a>(&self, cell: Cell<'a>) -> Cell<'a> {
        let missing = self.0.iter().any(|(text, number)| match (cell, number) {
            (Cell::Text(cell), _) if cell == text => true,
            (_, Some(number)) => match cell.number() {
                Some(value) => value == *number || (value.is_nan() && number.is_nan()),
                None => false,
            },
            _ => false,
        });
        if missing { Cell::Missing } else { cell }
    }
}

impl FeatureColumn {
    /// Appends the features of a cell that is not missing.
    fn push(
        &self,
        cell: Cell<'_>,
        place: &dyn Fn() -> Box<Place>,
        values: &mut Vec<f64>,
    ) -> Result<(), DataError> {
        if let Some(levels) = &self.levels {
            let Some(hit) = levels
                .iter()
                .position(|level| cell.is_level(level.as_str()))
            else {
                let names: Vec<&str> = levels.iter().map(Level::as_str).collect();
                return Err(DataError::UnknownLevel {
                    place: place(),
                    column: self.name.clone(),
                    text: shorten(&cell.written()),
                    levels: names.join(", "),
                });
            };
            values.extend((0..levels.len()).map(|i| f64::from(u8::from(i == hit))));
            return Ok(());
        }
        match cell.number() {
            Some(value) if value.is_finite() => {
                values.push(value);
                Ok(())
            }
            Some(_) => Err(DataError::NotFinite {
                place: place(),
                column: self.name.clone(),
                value: shorten(&cell.written()),
            }),
            None => Err(DataError::NotANumber {
                place: place(),
                column: self.name.clone(),
                text: shorten(&cell.written()),
            }),
        }
    }
}
