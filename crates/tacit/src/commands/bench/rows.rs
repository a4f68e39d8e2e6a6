//! Rows for networks, as they are named on the command line.

use std::path::{Path, PathBuf};

use tacit_data::idx::ImageSet;
use tacit_data::{LabelEncoding, Level};

use super::size::{self, Size};
use crate::Error;
use crate::error::Context;
use crate::study::Source;
use crate::study::network::{Rows, Settings};

/// Where a network's rows come from.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct RowsArgs {
    /// `breast-cancer`, `mnist=FOLDER`, `credit-default=FILE`, or a CSV or Parquet file.
    #[arg(long, value_name = "DATA", required_unless_present = "synthetic")]
    pub data: Option<PathBuf>,

    /// Label column of a file.
    #[arg(long, value_name = "COL")]
    pub label: Option<String>,

    /// The label that counts as class 1 of two (`1` without it).
    #[arg(long, value_name = "VALUE", conflicts_with = "classes")]
    pub positive: Option<String>,

    /// The classes of a file's labels.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub classes: Vec<String>,

    /// Generated rows of two classes instead of a file.
    #[arg(long, value_name = "ROWSxFEATURES", conflicts_with = "data")]
    pub synthetic: Option<Size>,
}

impl RowsArgs {
    /// The data, for the record.
    pub fn described(&self) -> String {
        size::described(self.synthetic, self.data.as_deref())
    }

    /// The rows, and settings for them.
    pub fn read(&self) -> Result<(Rows, Settings), Error> {
        if let Some(Size { rows, features }) = self.synthetic {
            let source = Source::Synthetic { rows, features };
            return Ok((Rows::Table(source, 2), Settings::TABLE));
        }
        let Some(path) = &self.data else {
            return Err(Error::bad_input("neither --data nor --synthetic is given"));
        };
        let text = path.to_string_lossy();
        match text.split_once('=') {
            Some(("mnist", folder)) => {
                let sets = ImageSet::mnist(Path::new(folder))
                    .bad_input(|| format!("no MNIST can be read from {folder}"))?;
                Ok((Rows::Digits(Box::new(sets)), Settings::DIGITS))
            }
            Some(("credit-default", file)) => {
                let source = Source::credit_default(Path::new(file))?;
                Ok((Rows::Table(source, 2), Settings::CREDIT_DEFAULT))
            }
            _ if text == "breast-cancer" => Ok((
                Rows::Table(Source::breast_cancer()?, 2),
                Settings::BREAST_CANCER,
            )),
            _ if text == "mnist" || text == "credit-default" => {
                let remedy = format!("say where it is: --data {text}=PATH");
                Err(Error::bad_input(format!("{text} does not ship with Tacit")).remedy(remedy))
            }
            _ => self.file(path),
        }
    }

    fn file(&self, path: &Path) -> Result<(Rows, Settings), Error> {
        let label = self.label.as_deref().ok_or_else(|| {
            Error::bad_input("--label is missing").remedy("name the label column of the file")
        })?;
        let level = |text: &String| Level::from(text.as_str());
        let (encoding, classes) = match &self.classes[..] {
            [] => {
                let positive = Level::from(self.positive.as_deref().unwrap_or("1"));
                let negative = None;
                (LabelEncoding::Binary { positive, negative }, 2)
            }
            all => {
                let classes = all.iter().map(level).collect();
                (LabelEncoding::Classes { classes }, all.len())
            }
        };
        let source = Source::file(path, label, encoding)?;
        Ok((Rows::Table(source, classes), Settings::TABLE))
    }
}
