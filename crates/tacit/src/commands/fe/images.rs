//! Images as the vectors a key encrypts.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tacit_data::idx;

use crate::Error;
use crate::error::Context;

/// Which images, and how they become vectors.
#[derive(Debug, Clone, clap::Args)]
pub struct ImageArgs {
    /// Images: an IDX file, or a folder with MNIST's file names.
    #[arg(long, value_name = "PATH")]
    pub input: Option<PathBuf>,

    /// Which part of such a folder.
    #[arg(long, value_enum, default_value = "test")]
    pub part: SetPart,

    /// Leave out this many images at the beginning.
    #[arg(long, default_value_t = 0, value_name = "IMAGES")]
    pub skip: usize,

    /// Take at most this many images.
    #[arg(long, value_name = "IMAGES")]
    pub count: Option<usize>,

    /// The value of the constant first input, for keys of one input more than there are pixels; the
    /// largest input when left out.
    #[arg(long, value_name = "VALUE")]
    pub constant: Option<u16>,
}

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SetPart {
    /// The training images.
    Train,
    /// The test images.
    Test,
}

/// Images, with labels where there are some.
#[derive(Debug)]
pub struct Images {
    /// Position of the first in its file.
    pub first: usize,
    /// One class per image.
    pub labels: Option<Vec<u8>>,
    source: PathBuf,
    size: usize,
    pixels: Vec<u8>,
    constant: Option<u16>,
}

impl ImageArgs {
    /// Reads the images.
    pub fn load(&self) -> Result<Images, Error> {
        let Some(path) = &self.input else {
            return Err(Error::bad_input("no images are named")
                .remedy("name an IDX file or a folder of them with --input"));
        };
        let (images, labels) = match path.is_dir() {
            false => (path.clone(), None),
            true => {
                let part = match self.part {
                    SetPart::Train => "train",
                    SetPart::Test => "t10k",
                };
                let labels = idx::present(path, &format!("{part}-labels-idx1-ubyte"));
                let images = idx::present(path, &format!("{part}-images-idx3-ubyte"));
                (images, labels.exists().then_some(labels))
            }
        };
        let unusable = || "the images cannot be used";
        let ([count, height, width], mut pixels) = idx::read_images(&images).bad_input(unusable)?;
        let mut labels = labels
            .map(|path| idx::read_labels(&path, count, u8::MAX).bad_input(unusable))
            .transpose()?;
        let taken = self.skip.min(count)..self.end(count);
        if taken.is_empty() {
            return Err(Error::bad_input(unusable())
                .because(format!(
                    "{} has {count} images and none is left after --skip and --count",
                    images.display()
                ))
                .remedy("skip fewer, or take at least one"));
        }
        let size = height * width;
        pixels.truncate(taken.end * size);
        pixels.drain(..taken.start * size);
        if let Some(labels) = &mut labels {
            labels.truncate(taken.end);
            labels.drain(..taken.start);
        }
        Ok(Images {
            first: taken.start,
            labels,
            source: images,
            size,
            pixels,
            constant: self.constant,
        })
    }

    fn end(&self, count: usize) -> usize {
        let wanted = self.count.unwrap_or(count);
        self.skip.saturating_add(wanted).min(count)
    }
}

impl Images {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.size
    }

    /// Where they come from.
    pub fn source(&self) -> &Path {
        &self.source
    }

    /// All images as vectors of `inputs` values from 0 to `input_max`: pixels scaled and rounded,
    /// after the constant where the key has room for one.
    pub fn vectors(&self, inputs: usize, input_max: u16) -> Result<Vec<Vec<u16>>, Error> {
        let constant = match inputs.checked_sub(self.size) {
            Some(0) => None,
            Some(1) => Some(self.constant.unwrap_or(input_max)),
            _ => {
                return Err(Error::bad_input("the images do not fit the key")
                    .because(format!(
                        "{} holds images of {} pixels, the key encrypts {inputs} values",
                        self.source.display(),
                        self.size
                    ))
                    .remedy(
                        "use a key for as many inputs as there are pixels, or one more for the constant",
                    ));
            }
        };
        if let Some(value) = constant.filter(|&value| value > input_max) {
            return Err(Error::bad_input(format!(
                "--constant {value} is above the key's largest input, {input_max}"
            ))
            .remedy("use the constant the model was made with"));
        }
        let top = u32::from(input_max);
        let scaled = |&p: &u8| ((u32::from(p) * top + 127) / 255) as u16;
        let images = self.pixels.chunks_exact(self.size);
        Ok(images
            .map(|image| {
                constant
                    .into_iter()
                    .chain(image.iter().map(scaled))
                    .collect()
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(constant: Option<u16>) -> Images {
        Images {
            first: 0,
            labels: None,
            source: "images".into(),
            size: 2,
            pixels: vec![0, 255, 128, 1],
            constant,
        }
    }

    #[test]
    fn pixels_are_scaled_to_the_keys_range_after_the_constant() {
        let of = |inputs, top| images(None).vectors(inputs, top).unwrap();
        assert_eq!(of(2, 255), [[0, 255], [128, 1]]);
        assert_eq!(of(3, 15), [[15, 0, 15], [15, 8, 0]]);
        assert_eq!(images(Some(1)).vectors(3, 255).unwrap()[0], [1, 0, 255]);
    }

    #[test]
    fn images_of_another_size_are_refused_with_both_sizes() {
        let error = images(None).vectors(5, 255).unwrap_err().to_string();
        assert!(
            error.contains("2 pixels") && error.contains("5 values"),
            "{error}"
        );
        assert!(images(Some(16)).vectors(3, 15).is_err());
    }
}
