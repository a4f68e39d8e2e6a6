//! What can go wrong while a run is recorded, stored or shown.

use std::path::PathBuf;

/// The errors of this crate. Each names the figure, file or plot at fault and says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A figure or parameter name outside the grammar.
    #[error(
        "`{name}` is not a valid name: {why}; use segments of letters, digits, `_` and `-` \
         joined by dots, such as `encrypted.accuracy`"
    )]
    Name {
        /// The name as given (cut to a readable length).
        name: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// A figure that is NaN or infinite.
    #[error(
        "figure `{name}` is {value}, and a figure must be a finite number; leave it out when it \
         could not be measured"
    )]
    NotFinite {
        /// The figure.
        name: String,
        /// NaN or an infinity.
        value: f64,
    },
    /// The same figure or parameter recorded twice.
    #[error("`{name}` is recorded twice; give the second one a name of its own")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A parameter that JSON cannot carry: NaN, an infinity or nothing at all.
    #[error("parameter `{name}` has no JSON value: {why}; leave it out when it is not set")]
    Param {
        /// The parameter.
        name: String,
        /// Why it cannot be written.
        why: String,
    },
    /// A run record whose schema is not the one this version reads.
    #[error("the record says schema `{found}`, this version reads `{expected}`")]
    Schema {
        /// What the record says.
        found: String,
        /// What this version reads.
        expected: &'static str,
    },
    /// Text that is not a run record.
    #[error("not a run record: {source}")]
    Json {
        /// Where and why parsing stopped.
        #[source]
        source: serde_json::Error,
    },
    /// A run record larger than any real one.
    #[error("{path} holds {bytes} bytes; a run record has at most {limit}", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Io {
        /// "read", "write", "create the folder", …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A plot that cannot be drawn from its data.
    #[error("plot \"{plot}\": {what}")]
    Plot {
        /// The plot's title.
        plot: String,
        /// Which value of which series is at fault, and what it would need to be.
        what: String,
    },
    /// Images that cannot be shown.
    #[error("images \"{gallery}\": {what}")]
    Gallery {
        /// The gallery's title.
        gallery: String,
        /// Which image is at fault, and what it would need to be.
        what: String,
    },
    /// A table whose rows do not fit its columns.
    #[error("table \"{table}\": row {row} has {cells} cells, the table has {columns} columns")]
    Table {
        /// The table's caption.
        table: String,
        /// Row number, from 1.
        row: usize,
        /// Cells in that row.
        cells: usize,
        /// Columns of the table.
        columns: usize,
    },
    /// A quality gate that does not parse.
    #[error(
        "`{text}` is not a gate: {why}; write a figure, `>=` or `<=`, and a number, such as `encrypted.accuracy>=0.95`"
    )]
    Gate {
        /// The gate as given.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// Traffic booked on a party that is not in the ledger.
    #[error("party {party} is not in the traffic ledger, which holds {parties} parties")]
    UnknownParty {
        /// The index given.
        party: usize,
        /// How many there are.
        parties: usize,
    },
    /// The page template refused its data.
    #[error("the report page could not be rendered: {source}")]
    Page {
        /// The template engine's reason.
        #[source]
        source: askama::Error,
    },
}

impl Error {
    pub(crate) fn io(
        doing: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::Io {
            doing,
            path,
            source,
        }
    }
}
