//! What the inputs of a model mean, in a file beside it: how a client makes rows of its pictures or
//! tables without the data the model was trained on.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tacit_data::tasks::{self, Column, TaskData};
use tacit_report::write_whole;

use crate::Error;
use crate::error::Context;

/// The name of the file beside a model.
pub const FILE: &str = "input.json";

/// How inputs are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Encoding {
    /// The square in the middle of a picture, scaled, 0 to 1.
    Picture {
        /// 1 for grey, 3 for colour.
        channels: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Columns of a table.
    Table {
        /// What each stands for.
        columns: Vec<Column>,
    },
}

impl Encoding {
    /// How the rows of this task were made.
    pub fn of(task: &TaskData) -> Encoding {
        let [channels, height, width] = task.shape;
        match task.columns.is_empty() {
            true => Encoding::Picture {
                channels,
                height,
                width,
            },
            false => Encoding::Table {
                columns: task.columns.clone(),
            },
        }
    }

    /// Reads the file beside a model.
    pub fn beside(model: &Path) -> Result<Encoding, Error> {
        let path = model.with_file_name(FILE);
        let unusable = || format!("{} cannot be used", path.display());
        let text = std::fs::read_to_string(&path)
            .bad_input(unusable)
            .map_err(|e| {
                e.remedy("it lies beside the model that `tacit split` wrote; keep them together")
            })?;
        serde_json::from_str(&text).bad_input(unusable)
    }

    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let text =
            serde_json::to_string_pretty(self).failed(|| "the inputs cannot be described")?;
        write_whole(&folder.join(FILE), text.as_bytes()).failed(|| "a file could not be written")
    }

    /// Refuses rows that were made otherwise.
    pub fn check(&self, task: &TaskData) -> Result<(), Error> {
        if *self == Encoding::of(task) {
            return Ok(());
        }
        let named = |encoding: &Encoding| match encoding {
            Encoding::Picture {
                channels,
                height,
                width,
            } => format!("pictures of {channels}×{height}×{width}"),
            Encoding::Table { columns } => format!("tables of {} columns", columns.len()),
        };
        let [c, h, w] = task.shape;
        Err(Error::bad_input("the data do not fit the model")
            .because(match (self, &Encoding::of(task)) {
                (a @ Encoding::Table { .. }, b @ Encoding::Table { .. })
                    if named(a) == named(b) =>
                {
                    "the columns are standardised otherwise than in training".into()
                }
                (a, b) => format!(
                    "it takes {}, these are {} ({c}×{h}×{w})",
                    named(a),
                    named(b)
                ),
            })
            .remedy("give --data, --side, --public, --private and --keep as in the training"))
    }

    /// Rows of one file: a picture, or a table with the columns of the features.
    pub fn read(&self, path: &Path) -> Result<Vec<f32>, Error> {
        match self {
            Encoding::Table { columns } => tasks::read_rows(path, columns),
            Encoding::Picture {
                channels, height, ..
            } => tasks::read_picture(path, *height, *channels == 3),
        }
        .bad_input(|| "the input cannot be used")
    }
}
