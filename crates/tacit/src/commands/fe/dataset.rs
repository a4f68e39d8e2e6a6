//! Images with a public and perhaps a private label, from files or drawn here.

use std::path::{Path, PathBuf};

use tacit_collateral::{Part, Task};
use tacit_data::characters;
use tacit_data::idx;
use tacit_nn::Matrix;

use super::data::CharacterSet;
use crate::Error;
use crate::error::Context;

/// The private label that drawn characters have.
const FONT: &str = "font";
/// What turns a private label off.
const NONE: &str = "none";

/// Which images, and what is to be known of them.
#[derive(Debug, Clone, clap::Args)]
pub struct DataArgs {
    /// A folder of IDX files with MNIST's names; characters in two fonts are drawn when left out.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,

    /// The label everybody may know; NAME means the files {train,t10k}-NAMEs-idx1-ubyte.
    #[arg(long, value_name = "NAME", default_value = "label")]
    pub public: String,

    /// The label that is to stay hidden, or `none`; `font` when left out and there is one.
    #[arg(long, value_name = "NAME")]
    pub private: Option<String>,

    /// Images that only the attackers learn from. Drawn characters: as many as --train when left out,
    /// drawn besides. Files: the last of the training images, a sixth when left out.
    #[arg(long, value_name = "ROWS")]
    pub attacker_rows: Option<u32>,

    /// The characters; --train and --test are limits for images from files.
    #[command(flatten)]
    pub set: CharacterSet,
}

/// Images of one part.
#[derive(Debug)]
pub struct Labelled {
    /// Bytes of all images.
    pub images: Vec<u8>,
    /// One per image.
    pub public: Vec<u8>,
    /// One per image; all 0 when nothing is to stay hidden.
    pub private: Vec<u8>,
}

/// A public and a private question about images.
#[derive(Debug)]
pub struct DataSet {
    /// Training images, those of the attackers last.
    pub train: Labelled,
    /// How many the attackers have.
    pub of_attackers: usize,
    /// Test images.
    pub test: Labelled,
    /// Bytes of an image.
    pub size: usize,
    /// Number of public labels.
    pub public_classes: usize,
    /// Number of private labels; 1 when nothing is to stay hidden.
    pub private_classes: usize,
    /// For records.
    pub name: String,
}

impl DataArgs {
    /// Reads or draws the images.
    pub fn load(&self) -> Result<DataSet, Error> {
        match &self.data {
            Some(folder) => self.read(folder),
            None => self.draw(),
        }
    }

    fn draw(&self) -> Result<DataSet, Error> {
        let private = self.private.as_deref().unwrap_or(FONT);
        if self.public != "label" || ![FONT, NONE].contains(&private) {
            return Err(Error::bad_input(format!(
                "drawn characters have no labels {} and {private}",
                self.public
            ))
            .remedy("use --public label and --private font, or name a folder with --data"));
        }
        let mut spec = self.set.spec();
        let of_attackers = match private {
            NONE => 0,
            _ => self.attacker_rows.unwrap_or(self.set.train) as usize,
        };
        spec.train += of_attackers;
        let (train, test) = characters::generate(&spec).bad_input(|| "no such data set")?;
        let (size, classes) = (train.side * train.side, train.classes);
        let part = |set: characters::Characters| Labelled {
            images: set.images,
            public: set.class,
            private: match private {
                NONE => vec![0; set.font.len()],
                _ => set.font,
            },
        };
        Ok(DataSet {
            train: part(train),
            of_attackers,
            test: part(test),
            size,
            public_classes: classes,
            private_classes: if private == NONE { 1 } else { 2 },
            name: format!("{:?} in two fonts", spec.alphabet).to_lowercase(),
        })
    }

    fn read(&self, folder: &Path) -> Result<DataSet, Error> {
        let fonts = idx::present(folder, &labels_name("t10k", FONT)).exists();
        let private = match self.private.as_deref() {
            Some(NONE) => None,
            Some(name) => Some(name),
            None => fonts.then_some(FONT),
        };
        let part = |part: &str, limit: u32| {
            let unusable = || "the data set cannot be used";
            let images = idx::present(folder, &format!("{part}-images-idx3-ubyte"));
            let ([count, height, width], mut pixels) =
                idx::read_images(&images).bad_input(unusable)?;
            let kept = count.min(limit as usize);
            let labels = |name: &str| {
                let path = idx::present(folder, &labels_name(part, name));
                let mut labels = idx::read_labels(&path, count, u8::MAX).bad_input(unusable)?;
                labels.truncate(kept);
                Ok::<_, Error>(labels)
            };
            pixels.truncate(kept * height * width);
            let labelled = Labelled {
                images: pixels,
                public: labels(&self.public)?,
                private: private.map_or_else(|| Ok(vec![0; kept]), labels)?,
            };
            Ok::<_, Error>((labelled, height * width))
        };
        let (train, size) = part("train", self.set.train)?;
        let (test, test_size) = part("t10k", self.set.test)?;
        if size != test_size {
            return Err(Error::bad_input("the data set cannot be used")
                .because(format!(
                    "in {}, training images have {size} pixels and test images {test_size}",
                    folder.display()
                ))
                .remedy("scale all images to one size"));
        }
        let rows = train.public.len();
        let of_attackers = match private {
            None => 0,
            Some(_) => self.attacker_rows.map_or(rows / 6, |rows| rows as usize),
        };
        if of_attackers >= rows {
            return Err(Error::bad_input(format!(
                "{of_attackers} of {rows} rows for the attackers"
            ))
            .remedy("leave some for the training with --attacker-rows"));
        }
        Ok(DataSet {
            of_attackers,
            public_classes: classes(&train.public, &test.public),
            private_classes: classes(&train.private, &test.private),
            train,
            test,
            size,
            name: folder.display().to_string(),
        })
    }
}

impl DataSet {
    /// Whether there is something to hide.
    pub fn has_private(&self) -> bool {
        self.private_classes > 1
    }

    /// An error unless there is something to hide.
    pub fn require_private(&self) -> Result<(), Error> {
        match self.has_private() {
            true => Ok(()),
            false => Err(
                Error::bad_input(format!("{} has no private label", self.name))
                    .remedy("name one with --private"),
            ),
        }
    }

    /// Rows for the defender, the attackers and the figures.
    pub fn task(&self) -> Result<Task, Error> {
        let rows = self.train.public.len();
        let kept = rows - self.of_attackers;
        Task::new(
            self.part("training rows", &self.train, 0..kept)?,
            self.part("attackers' rows", &self.train, kept..rows)?,
            self.part("test rows", &self.test, 0..self.test.public.len())?,
            self.public_classes,
            self.private_classes,
        )
        .bad_input(|| "the data set cannot be used")
    }

    fn part(
        &self,
        name: &'static str,
        from: &Labelled,
        rows: std::ops::Range<usize>,
    ) -> Result<Part, Error> {
        let unusable = || "the data set cannot be used";
        let labels = |of: &[u8]| of[rows.clone()].iter().map(|&l| l.into()).collect();
        let (public, private) = (labels(&from.public), labels(&from.private));
        let bytes = &from.images[rows.start * self.size..rows.end * self.size];
        let pixels = Matrix::from_bytes(rows.len(), self.size, bytes).bad_input(unusable)?;
        Part::new(name, pixels, public, private).bad_input(unusable)
    }
}

fn labels_name(part: &str, label: &str) -> String {
    format!("{part}-{label}s-idx1-ubyte")
}

fn classes(train: &[u8], test: &[u8]) -> usize {
    let largest = train.iter().chain(test).max();
    largest.map_or(0, |&largest| usize::from(largest) + 1)
}
