//! Which rows, which public and which private labels: the arguments all commands share.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::ValueEnum;
use tacit_data::characters::{Alphabet, SIDE, Spec};
use tacit_data::tasks::{
    self, Column, LabelColumn, PictureTask, Sets, Shares, TableTask, TaskData,
};

use super::encoding::Encoding;
use crate::Error;
use crate::error::Context;

/// Rows, their public label and their private ones.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// characters, mnist=FOLDER, adult=FILE, credit-default=FILE, csv=FILE (or Parquet), or images=FOLDER
    /// with --labels.
    #[arg(long, value_name = "DATA", default_value = "characters")]
    pub data: DataName,

    /// What the service is for; left out, the usual label of the data.
    #[arg(long, value_name = "LABEL")]
    pub public: Option<String>,

    /// What it must not learn, separated by commas; left out, the usual ones of the data.
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    pub private: Vec<String>,

    /// Take this many rows, chosen by --data-seed.
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<usize>,

    /// Which rows are taken and how they are dealt into four sets. Give the same to every command.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub data_seed: u64,

    /// Rows and columns of a picture (characters and images).
    #[arg(long, value_name = "PIXELS")]
    pub side: Option<usize>,

    /// Characters: which.
    #[arg(long, value_enum, default_value = "digits")]
    pub alphabet: Letters,

    /// Characters: how far the character decides the font, 0 to 1.
    #[arg(
        long,
        value_name = "V",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub correlation: f64,

    /// Images: the label table, a text file as CelebA's or CSV.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// Images: red, green and blue rather than grey.
    #[arg(long)]
    pub colour: bool,

    /// Tables: private columns that are features all the same, separated by commas.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub keep: Vec<String>,

    /// Tables (csv=): columns that are not features, separated by commas.
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub without: Vec<String>,
}

/// Which data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataName {
    /// Drawn at run time.
    Characters,
    /// IDX files in a folder.
    Mnist(PathBuf),
    /// A CSV file.
    Adult(PathBuf),
    /// A CSV file.
    CreditDefault(PathBuf),
    /// Any CSV or Parquet file.
    Table(PathBuf),
    /// Pictures in a folder.
    Images(PathBuf),
}

impl FromStr for DataName {
    type Err = String;

    fn from_str(text: &str) -> Result<DataName, String> {
        let (name, path) = text.split_once('=').unwrap_or((text, ""));
        let from: fn(PathBuf) -> DataName = match name {
            "characters" if path.is_empty() => return Ok(DataName::Characters),
            "mnist" => DataName::Mnist,
            "adult" => DataName::Adult,
            "credit-default" => DataName::CreditDefault,
            "csv" => DataName::Table,
            "images" => DataName::Images,
            _ => {
                return Err(
                    "there are characters, mnist=FOLDER, adult=FILE, credit-default=FILE, csv=FILE and images=FOLDER"
                        .into(),
                );
            }
        };
        match path {
            "" => Err(format!("say where it is: {name}=PATH")),
            path => Ok(from(path.into())),
        }
    }
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Letters {
    /// 0 to 9.
    Digits,
    /// a to z.
    Lower,
    /// A to Z.
    Upper,
}

impl From<Letters> for Alphabet {
    fn from(letters: Letters) -> Alphabet {
        match letters {
            Letters::Digits => Alphabet::Digits,
            Letters::Lower => Alphabet::Lower,
            Letters::Upper => Alphabet::Upper,
        }
    }
}

/// Characters drawn when --rows does not say how many.
const USUAL_CHARACTERS: usize = 12_000;

impl DataArgs {
    /// All rows.
    pub fn load(&self) -> Result<TaskData, Error> {
        self.load_as(None)
    }

    /// All rows, a table's encoded as a model expects them.
    pub fn load_for(&self, encoding: &Encoding) -> Result<TaskData, Error> {
        let task = self.load_as(match encoding {
            Encoding::Table { columns } => Some(columns),
            Encoding::Picture { .. } => None,
        })?;
        encoding.check(&task)?;
        Ok(task)
    }

    fn load_as(&self, columns: Option<&[Column]>) -> Result<TaskData, Error> {
        let public = self.public();
        let public = public.as_str();
        let private = self.private();
        let private: Vec<&str> = private.iter().map(String::as_str).collect();
        let keep: Vec<&str> = self.keep.iter().map(String::as_str).collect();
        let mut task = match &self.data {
            DataName::Characters => {
                tasks::characters(&self.spec(), self.picture_side(SIDE), public, &private)
            }
            DataName::Mnist(folder) => tasks::mnist(folder, public, &private),
            DataName::Adult(file) => {
                let task = tasks::adult_task(public, &private, &keep);
                tasks::table(file, &encoded(task, columns))
            }
            DataName::CreditDefault(file) => {
                let task = tasks::credit_default_task(public, &private, &keep);
                tasks::table(file, &encoded(task, columns))
            }
            DataName::Table(file) => {
                let task = self.table(file, public, &private);
                tasks::table(file, &encoded(task, columns))
            }
            DataName::Images(folder) => {
                let labels = self.labels.as_deref().ok_or_else(|| {
                    Error::bad_input("the pictures have no labels")
                        .remedy("name the table of labels with --labels")
                })?;
                tasks::image_folder(folder, labels, &self.pictures(folder, public, &private))
            }
        }
        .bad_input(|| "the data cannot be used")?;
        if let Some(rows) = self.rows {
            task = task
                .sample(rows, self.data_seed)
                .bad_input(|| "too few rows are asked for")?;
        }
        Ok(task)
    }

    /// The four disjoint sets of these rows.
    pub fn sets(&self, task: &TaskData) -> Result<Sets, Error> {
        task.sets(&Shares::default(), self.data_seed)
            .bad_input(|| "the rows cannot be dealt into four sets")
    }

    /// The public label asked for, or the usual one.
    fn public(&self) -> String {
        self.public.clone().unwrap_or_else(|| {
            match self.data {
                DataName::Characters => "character",
                DataName::Mnist(_) => "parity",
                DataName::Adult(_) => "income",
                DataName::CreditDefault(_) => "default",
                DataName::Table(_) | DataName::Images(_) => "label",
            }
            .into()
        })
    }

    /// The private labels asked for, or the usual ones without the public one.
    pub fn private(&self) -> Vec<String> {
        if !self.private.is_empty() {
            return self.private.clone();
        }
        let usual: &[&str] = match self.data {
            DataName::Characters => &["font", "character"],
            DataName::Mnist(_) => &["at-least-five", "parity"],
            DataName::Adult(_) => &["sex", "marital-status"],
            DataName::CreditDefault(_) => &["sex"],
            DataName::Table(_) | DataName::Images(_) => &[],
        };
        let public = self.public();
        let rest = usual.iter().filter(|&&name| name != public);
        let many = if matches!(self.data, DataName::Adult(_)) {
            2
        } else {
            1
        };
        rest.take(many).map(|&name| name.to_owned()).collect()
    }

    fn spec(&self) -> Spec {
        Spec {
            train: self.rows.unwrap_or(USUAL_CHARACTERS),
            test: 0,
            correlation: self.correlation,
            ..Spec::new(self.alphabet.into(), self.data_seed)
        }
    }

    fn picture_side(&self, usual: usize) -> usize {
        self.side.unwrap_or(usual)
    }

    fn pictures(&self, folder: &Path, public: &str, private: &[&str]) -> PictureTask {
        PictureTask {
            name: last(folder),
            side: self.picture_side(32),
            colour: self.colour,
            public: public.to_owned(),
            private: private.iter().map(|&p| p.to_owned()).collect(),
            limit: self.rows,
            seed: self.data_seed,
        }
    }

    fn table(&self, file: &Path, public: &str, private: &[&str]) -> TableTask {
        TableTask {
            name: last(file),
            public: LabelColumn::plain(public),
            private: private.iter().map(|&p| LabelColumn::plain(p)).collect(),
            without: self.without.clone(),
            keep: self.keep.clone(),
            columns: None,
        }
    }
}

/// The same with an encoding that is settled.
fn encoded(task: TableTask, columns: Option<&[Column]>) -> TableTask {
    let columns = columns.map(<[Column]>::to_vec);
    TableTask { columns, ..task }
}

fn last(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
}
