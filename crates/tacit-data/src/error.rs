//! What can be wrong with a party's data, where, and what to do about it.
//!
//! Messages quote the file, the row and the column, and sometimes the offending cell. They are
//! meant for the owner of the data: do not forward them to other parties.

use std::fmt;
use std::path::PathBuf;

/// Where a row sits. Rows count from 1 and the header is not a row; for text files the line is
/// given too, and there the header is line 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// File or query the row came from.
    pub source: String,
    /// Row number, from 1, header not counted.
    pub row: u64,
    /// Line in the text file, from 1, header counted.
    pub line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: row {}", self.source, self.row)?;
        match self.line {
            Some(line) => write!(f, " (line {line}; the header is line 1)"),
            None => write!(f, " (counted from 1)"),
        }
    }
}

/// Errors of this crate. Each names the culprit and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be opened or read.
    #[error("{path}: {source}; check that the path exists and is readable", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is not what its name or header says.
    #[error("{source_name}: not a readable {format}: {reason}")]
    Format {
        /// File or query.
        source_name: String,
        /// Expected format.
        format: &'static str,
        /// What is wrong and how to put it right.
        reason: String,
    },
    /// A CSV row has more or fewer fields than the header.
    #[error(
        "{place}: {found} fields where the header has {expected}; quote fields that contain the delimiter, or repair the row"
    )]
    RaggedRow {
        /// The row.
        place: Box<Place>,
        /// Fields in the row.
        found: u64,
        /// Fields in the header.
        expected: u64,
    },
    /// Two columns share a name.
    #[error("{source_name}: the column name {column:?} occurs twice; rename one of them")]
    DuplicateColumn {
        /// File or query.
        source_name: String,
        /// The repeated name.
        column: String,
    },
    /// A column that was asked for does not exist.
    #[error("{source_name}: no column {column:?} (wanted as {role}){hint}", hint = hint(nearest))]
    MissingColumn {
        /// File or query.
        source_name: String,
        /// The name asked for.
        column: String,
        /// What it was wanted for: feature, label, key, filter …
        role: &'static str,
        /// The most similar existing name, when there is one.
        nearest: Option<String>,
    },
    /// A column's type has no meaning as a number or a text.
    #[error(
        "{source_name}: column {column:?} has type {found}; convert it to a number, a boolean or text first"
    )]
    UnsupportedColumn {
        /// File or query.
        source_name: String,
        /// The column.
        column: String,
        /// Its Arrow type.
        found: String,
    },
    /// A feature or numeric label is text that does not read as a number.
    #[error(
        "{place}, column {column:?}: {text:?} is not a number; correct it, add it to `missing_tokens`, or list the column under `categorical`"
    )]
    NotANumber {
        /// The row.
        place: Box<Place>,
        /// The column.
        column: String,
        /// The text, shortened.
        text: String,
    },
    /// NaN or an infinity.
    #[error(
        "{place}, column {column:?}: {value} is not finite; correct it, or add it to `missing_tokens`"
    )]
    NotFinite {
        /// The row.
        place: Box<Place>,
        /// The column.
        column: String,
        /// How the value reads.
        value: String,
    },
    /// An empty cell where the policy is to refuse them.
    #[error(
        "{place}, column {column:?}: the value is missing; fill it in, or choose `missing = {{ policy = \"drop_row\" }}` or `\"impute\"`"
    )]
    MissingValue {
        /// The row.
        place: Box<Place>,
        /// The column.
        column: String,
    },
    /// A categorical value that the plan does not list.
    #[error(
        "{place}, column {column:?}: {text:?} is not among the levels of this column ({levels}); correct it, or add the level for all parties"
    )]
    UnknownLevel {
        /// The row.
        place: Box<Place>,
        /// The column.
        column: String,
        /// The value, shortened.
        text: String,
        /// The levels agreed.
        levels: String,
    },
    /// A label that the model family cannot have.
    #[error(
        "{place}, label {column:?}: {value:?} is outside the range of the family: expected {expected}; correct the label or the `encoding`"
    )]
    LabelOutsideRange {
        /// The row.
        place: Box<Place>,
        /// The label column.
        column: String,
        /// The value, shortened.
        value: String,
        /// What the family accepts.
        expected: String,
    },
    /// No row carries one of the classes.
    #[error(
        "{source_name}: no row of class {class:?} in label {column:?} ({rows} rows kept); check `encoding` and `filter`, or set `allow_absent_classes = true` if other parties hold that class"
    )]
    ClassAbsent {
        /// File or query.
        source_name: String,
        /// The label column.
        column: String,
        /// The class nobody has.
        class: String,
        /// Rows kept.
        rows: usize,
    },
    /// A feature has the same value in every row.
    #[error(
        "{source_name}: column {column:?} is constant ({value}) and carries no information; leave it out of `features`, or set `allow_constant_columns = true` if it varies at other parties"
    )]
    ConstantColumn {
        /// File, query or aggregate.
        source_name: String,
        /// The column.
        column: String,
        /// Its value, or the variance seen.
        value: String,
    },
    /// A label is missing in a row.
    #[error("{place}, label {column:?}: the value is missing; fill it in, or leave the row out")]
    MissingLabel {
        /// The row.
        place: Box<Place>,
        /// The label's column.
        column: String,
    },
    /// A label that has the same value in every row.
    #[error(
        "{source_name}: label {column:?} is {value:?} in every row; there is nothing to learn or to protect, choose another label"
    )]
    ConstantLabel {
        /// File or data set.
        source_name: String,
        /// The label.
        column: String,
        /// Its only value.
        value: String,
    },
    /// A data set has no label of this name.
    #[error(
        "{task}: no label {attribute:?} (wanted as {role}); there are {known}{}",
        meant(nearest)
    )]
    UnknownAttribute {
        /// The data set.
        task: String,
        /// The name asked for.
        attribute: String,
        /// Public or private.
        role: &'static str,
        /// All there are.
        known: String,
        /// The most similar of them.
        nearest: Option<String>,
    },
    /// The same label is asked for twice.
    #[error(
        "{task}: label {attribute:?} is asked for twice; public and private labels must differ"
    )]
    AttributeTwice {
        /// The data set.
        task: String,
        /// The label.
        attribute: String,
    },
    /// One of the sets a task was dealt into lacks a class.
    #[error(
        "{task}: no row of class {class:?} of label {label:?} in the {set} set ({rows} rows); take more rows, give the set a larger share, or merge rare classes"
    )]
    ClassOutsideSet {
        /// The data set.
        task: String,
        /// The label.
        label: String,
        /// The class.
        class: String,
        /// Which set.
        set: &'static str,
        /// Rows in that set.
        rows: usize,
    },
    /// A column of names has too many of them.
    #[error(
        "{source_name}: column {column:?} is text with {levels} different values, more than {most}; leave it out, or correct the cells that should be numbers"
    )]
    TooManyLevels {
        /// The file.
        source_name: String,
        /// The column.
        column: String,
        /// Different values.
        levels: usize,
        /// Most that are accepted.
        most: usize,
    },
    /// A picture does not decode.
    #[error("{path}: not a readable picture: {reason}; PNG, JPEG, PGM and PPM are read", path = path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// A picture is too small.
    #[error(
        "{path}: {width}×{height} pixels where {side} a side are asked for; take a smaller side or remove the picture from the label table",
        path = path.display()
    )]
    PictureSize {
        /// The file.
        path: PathBuf,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
        /// What is asked for.
        side: usize,
    },
    /// Fewer rows than needed.
    #[error("{source_name}: {rows} rows{after}, at least {needed} are needed; {remedy}")]
    TooFewRows {
        /// File, query, site or aggregate.
        source_name: String,
        /// Rows there are.
        rows: u64,
        /// Rows needed.
        needed: u64,
        /// What was taken away before counting.
        after: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A field of the cohort specification contradicts itself.
    #[error("cohort: `{field}`: {reason}")]
    Spec {
        /// The field.
        field: &'static str,
        /// What is wrong and what is accepted.
        reason: String,
    },
    /// The filter does not parse.
    #[error("filter {text:?}, at character {position}: {reason}")]
    FilterSyntax {
        /// The filter.
        text: String,
        /// Character, from 1.
        position: usize,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// The filter compares a number with something that is none.
    #[error(
        "{place}, column {column:?}: the filter compares with a number but the value is {text:?}; write the literal in quotes to compare text"
    )]
    FilterType {
        /// The row.
        place: Box<Place>,
        /// The column.
        column: String,
        /// The value, shortened.
        text: String,
    },
    /// A query was given but the crate was built without SQL.
    #[error(
        "cohort: `query` needs SQL support; build with `--features sql`, or use `path`, `features` and `filter`"
    )]
    SqlNotBuilt,
    /// A query failed.
    #[error("query failed: {reason}; table names are the keys of `tables`")]
    Sql {
        /// What the engine said.
        reason: String,
    },
    /// Two parties' tables do not have the same shape or meaning.
    #[error(
        "party {party:?} does not match the agreed schema: {difference}; all parties must name the same features in the same order with the same label encoding"
    )]
    SchemaMismatch {
        /// The party that differs.
        party: String,
        /// The first difference.
        difference: String,
    },
    /// Two vectors that must have one entry per feature do not.
    #[error("{what}: expected {expected} entries, found {found}")]
    Length {
        /// What was measured.
        what: &'static str,
        /// Entries expected.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// A released aggregate cannot be right.
    #[error("aggregated moments: {what} is {value}; {remedy}")]
    Aggregate {
        /// Which figure.
        what: String,
        /// Its value.
        value: f64,
        /// What to do.
        remedy: &'static str,
    },
    /// A parameter is outside its range.
    #[error("{what} = {value} is outside its range: {expected}")]
    Parameter {
        /// The parameter.
        what: &'static str,
        /// The value given.
        value: f64,
        /// What is accepted.
        expected: &'static str,
    },
}

fn meant(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name:?}?"),
        None => "; check the header of the file".into(),
    }
}

/// A cell as quoted in a message: at most 40 characters.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into(),
    }
}
