//! The `[cohort]` part of a plan: which rows and columns of which table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::label::LabelEncoding;
use crate::error::DataError;
use crate::filter::Filter;

/// A selection over a table. In a plan file:
///
/// ```
/// let spec: tacit_data::CohortSpec = toml::from_str(r#"
///     path = "patients.csv"                  # .csv, .csv.gz or .parquet
///     features = ["age", "glucose", "sex"]   # left out: all columns not used otherwise
///     categorical = { sex = ["f", "m"] }     # one column per level, the same for all parties
///     label = "outcome"
///     encoding = { kind = "binary", positive = "died", negative = "survived" }
///     key = "patient_id"                     # rows of one patient stay on one side of a split
///     filter = "age >= 18 and ward != 'trial'"
///     missing = { policy = "impute", value = 0.0, columns = { glucose = 120.0 } }
///     missing_tokens = ["?", "NA"]
///     zero_is_missing = ["glucose"]
/// "#)?;
/// spec.check()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the cargo feature `sql`, `query` over named `tables` takes the place of `path` and
/// `filter`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CohortSpec {
    /// The file; relative paths count from the folder of the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// A query instead of a file (cargo feature `sql`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Files the query may name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, PathBuf>,
    /// Delimiter of a CSV file.
    #[serde(default = "comma", skip_serializing_if = "is_comma")]
    pub delimiter: char,
    /// Feature columns in order. `None`: every column that is not label, key or excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Columns that are not features when `features` is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Features that are names rather than numbers, with their levels. The levels are part of the
    /// agreement between the parties and not taken from the data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub categorical: BTreeMap<String, Vec<Level>>,
    /// Label column.
    pub label: String,
    /// What the labels mean.
    pub encoding: LabelEncoding,
    /// Column that identifies the person behind a row; without it the content of the row does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Which rows; see [`Filter`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// What to do with missing values.
    #[serde(default)]
    pub missing: MissingPolicy,
    /// Texts that mean "missing", besides the empty one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_tokens: Vec<String>,
    /// Features in which 0 means "missing".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zero_is_missing: Vec<String>,
    /// Rows needed after filter and missing-value policy.
    #[serde(default = "default_min_rows")]
    pub min_rows: u64,
    /// Accept columns with one value only, because they vary at other parties.
    #[serde(default)]
    pub allow_constant_columns: bool,
    /// Accept that a class does not occur, because other parties have it.
    #[serde(default)]
    pub allow_absent_classes: bool,
}

fn comma() -> char {
    ','
}

// The signature serde wants.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_comma(delimiter: &char) -> bool {
    *delimiter == ','
}

fn default_min_rows() -> u64 {
    10
}

/// What happens to rows with missing values. Labels are never imputed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "snake_case", try_from = "WrittenPolicy")]
pub enum MissingPolicy {
    /// Refuse the table.
    #[default]
    Reject,
    /// Leave the row out.
    DropRow,
    /// Put a constant in its place. The constants are public and agreed; they are not computed
    /// from anyone's data.
    Impute {
        /// For columns not named below.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<f64>,
        /// By column.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        columns: BTreeMap<String, f64>,
    },
}

/// [`MissingPolicy`] as it stands in a plan, so that a field without meaning is refused rather
/// than ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPolicy {
    policy: PolicyName,
    value: Option<f64>,
    #[serde(default)]
    columns: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum PolicyName {
    Reject,
    DropRow,
    Impute,
}

impl TryFrom<WrittenPolicy> for MissingPolicy {
    type Error = DataError;

    fn try_from(written: WrittenPolicy) -> Result<MissingPolicy, DataError> {
        let WrittenPolicy {
            policy,
            value,
            columns,
        } = written;
        let bare = value.is_none() && columns.is_empty();
        match policy {
            PolicyName::Impute => Ok(MissingPolicy::Impute { value, columns }),
            PolicyName::Reject if bare => Ok(MissingPolicy::Reject),
            PolicyName::DropRow if bare => Ok(MissingPolicy::DropRow),
            _ => spec(
                "missing",
                "`value` and `columns` belong to the policy \"impute\"",
            ),
        }
    }
}

/// A category as written in a plan: text, number or boolean, kept as text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Level(String);

impl Level {
    /// The level as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for Level {
    fn from(text: T) -> Level {
        Level(text.as_ref().trim().to_owned())
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a class: text, a whole number or a boolean")]
        enum Written {
            Text(String),
            Whole(i64),
            Flag(bool),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Text(text) => Level::from(text),
            Written::Whole(value) => Level::from(value.to_string()),
            Written::Flag(value) => Level::from(value.to_string()),
        })
    }
}

impl CohortSpec {
    /// A selection of all columns of a file with the strictest settings; change the public fields
    /// to refine it.
    pub fn new(
        path: impl Into<PathBuf>,
        label: impl Into<String>,
        encoding: LabelEncoding,
    ) -> Self {
        CohortSpec {
            path: Some(path.into()),
            query: None,
            tables: BTreeMap::new(),
            delimiter: comma(),
            features: None,
            exclude: Vec::new(),
            categorical: BTreeMap::new(),
            label: label.into(),
            encoding,
            key: None,
            filter: None,
            missing: MissingPolicy::Reject,
            missing_tokens: Vec::new(),
            zero_is_missing: Vec::new(),
            min_rows: default_min_rows(),
            allow_constant_columns: false,
            allow_absent_classes: false,
        }
    }

    /// Checks everything that can be checked without the data.
    pub fn check(&self) -> Result<(), DataError> {
        match (&self.path, &self.query) {
            (None, None) => return spec("path", "give a file, or a `query` over `tables`"),
            (Some(_), Some(_)) => return spec("path", "give `path` or `query`, not both"),
            (Some(_), None) if !self.tables.is_empty() => {
                return spec(
                    "tables",
                    "tables are for a `query`; remove them or replace `path`",
                );
            }
            (None, Some(_)) if self.filter.is_some() => {
                return spec("filter", "put the condition into the query's `where`");
            }
            (None, Some(_)) if self.tables.is_empty() => {
                return spec(
                    "tables",
                    "name the files the query reads: tables = { name = \"file\" }",
                );
            }
            _ => {}
        }
        if !self.delimiter.is_ascii() || matches!(self.delimiter, '"' | '\n' | '\r') {
            return spec(
                "delimiter",
                "one ASCII character is expected, such as \",\" \";\" or \"\\t\"",
            );
        }
        if let Some(features) = &self.features {
            if features.is_empty() {
                return spec(
                    "features",
                    "name at least one column, or leave `features` out",
                );
            }
            if !self.exclude.is_empty() {
                return spec("exclude", "has no meaning when `features` is given");
            }
            if let Some(name) = repeated(features) {
                return spec("features", format!("{name:?} is named twice"));
            }
            if features.contains(&self.label) {
                return spec(
                    "features",
                    format!(
                        "{:?} is the label; a model that sees it learns nothing",
                        self.label
                    ),
                );
            }
            let named = |name: &&String| !features.contains(name);
            if let Some(name) = self.categorical.keys().find(named) {
                return spec("categorical", format!("{name:?} is not among `features`"));
            }
            if let Some(name) = self.zero_is_missing.iter().find(named) {
                return spec(
                    "zero_is_missing",
                    format!("{name:?} is not among `features`"),
                );
            }
        }
        for (name, levels) in &self.categorical {
            if levels.len() < 2 {
                return spec("categorical", format!("{name:?} needs at least two levels"));
            }
            if let Some(level) = repeated(levels) {
                return spec(
                    "categorical",
                    format!("{name:?} lists {:?} twice", level.as_str()),
                );
            }
        }
        if let MissingPolicy::Impute { value, columns } = &self.missing {
            if value.is_none() && columns.is_empty() {
                return spec(
                    "missing",
                    "impute needs `value`, or `columns` with a value each",
                );
            }
            if value.iter().chain(columns.values()).any(|v| !v.is_finite()) {
                return spec("missing", "imputed values must be finite");
            }
        }
        if self.min_rows == 0 {
            return spec("min_rows", "at least 1 row is needed");
        }
        self.encoding.check()?;
        self.filter.as_deref().map(Filter::parse).transpose()?;
        Ok(())
    }
}

pub(super) fn spec<T>(field: &'static str, reason: impl Into<String>) -> Result<T, DataError> {
    Err(DataError::Spec {
        field,
        reason: reason.into(),
    })
}

pub(super) fn repeated<T: Ord>(items: &[T]) -> Option<&T> {
    let mut seen = std::collections::BTreeSet::new();
    items.iter().find(|item| !seen.insert(*item))
}
