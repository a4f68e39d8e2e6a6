//! Two public tables that do not ship with Tacit: which columns are labels and which are left out.

use std::path::Path;

use super::{LabelColumn, TableTask, TaskData, table};
use crate::error::DataError;

/// The name of a label, its column, and its classes with the cells that belong to them.
type Known = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
);

const ADULT: [Known; 3] = [
    ("income", "income-per-year", &[]),
    ("sex", "sex", &[]),
    (
        "marital-status",
        "marital-status",
        &[
            (
                "not married",
                &["Never-married", "Divorced", "Separated", "Widowed"],
            ),
            (
                "married",
                &[
                    "Married-civ-spouse",
                    "Married-AF-spouse",
                    "Married-spouse-absent",
                ],
            ),
        ],
    ),
];

const CREDIT: [Known; 2] = [
    (
        "default",
        "default-payment-next-month",
        &[("paid", &["0"]), ("default", &["1"])],
    ),
    // UCI codes it 1 and 2, copies with one-hot columns 0 and 1: the codes stay as they are.
    ("sex", "SEX", &[]),
];

/// Adult (B. Becker and R. Kohavi 1996, UCI, CC BY 4.0, <https://archive.ics.uci.edu/dataset/2/adult>):
/// `income` (≤ or > 50 000 dollars a year), `sex`, `marital-status` (married or not), and any
/// other column as its texts stand. Left out: the survey's weights (`fnlwgt`), `education` (the same as
/// `education-num`), and `relationship`, which says "husband" and "wife" and with that both private
/// labels; like a private column it is kept when it is named in `keep`.
pub fn adult(
    path: &Path,
    public: &str,
    private: &[&str],
    keep: &[&str],
) -> Result<TaskData, DataError> {
    table(path, &adult_task(public, private, keep))
}

/// What [`adult`] asks of its file.
pub fn adult_task(public: &str, private: &[&str], keep: &[&str]) -> TableTask {
    let without = ["fnlwgt", "education", "relationship"];
    task("adult", &ADULT, &without, public, private, keep)
}

/// Default of Credit Card Clients (I-C. Yeh and C-h. Lien 2009, UCI, CC BY 4.0), as in
/// [`credit_default_spec`](crate::datasets::credit_default_spec): `default`, `sex` (by its codes, which differ between
/// copies of the file), and any other column as its texts stand.
pub fn credit_default(
    path: &Path,
    public: &str,
    private: &[&str],
    keep: &[&str],
) -> Result<TaskData, DataError> {
    table(path, &credit_default_task(public, private, keep))
}

/// What [`credit_default`] asks of its file.
pub fn credit_default_task(public: &str, private: &[&str], keep: &[&str]) -> TableTask {
    task("credit-default", &CREDIT, &["ID"], public, private, keep)
}

fn task(
    name: &str,
    known: &[Known],
    without: &[&str],
    public: &str,
    private: &[&str],
    keep: &[&str],
) -> TableTask {
    let label = |wanted: &str| match known.iter().find(|(name, ..)| *name == wanted) {
        None => LabelColumn::plain(wanted),
        Some((name, column, groups)) => LabelColumn {
            name: (*name).to_owned(),
            column: (*column).to_owned(),
            groups: groups
                .iter()
                .map(|(class, cells)| {
                    let cells = cells.iter().map(|&cell| cell.to_owned()).collect();
                    ((*class).to_owned(), cells)
                })
                .collect(),
        },
    };
    let keep: Vec<String> = keep.iter().map(|&column| label(column).column).collect();
    TableTask {
        name: name.to_owned(),
        public: label(public),
        private: private.iter().map(|&p| label(p)).collect(),
        without: without
            .iter()
            .map(|&column| column.to_owned())
            .filter(|column| !keep.contains(column))
            .collect(),
        keep,
        columns: None,
    }
}
