//! The set as IDX files, under MNIST's names with a third file for the fonts, so that other programs
//! read it too.

use std::path::Path;

use super::{Characters, FONTS};
use crate::error::DataError;
use crate::idx::{self, ImageSet};

const PARTS: [&str; 2] = ["train", "t10k"];

/// Writes `{train,t10k}-images-idx3-ubyte`, `…-labels-idx1-ubyte` and `…-fonts-idx1-ubyte` into a
/// folder, which is made if need be.
pub fn write(folder: &Path, train: &Characters, test: &Characters) -> Result<(), DataError> {
    std::fs::create_dir_all(folder).map_err(|source| DataError::Io {
        path: folder.to_owned(),
        source,
    })?;
    for (part, set) in PARTS.iter().zip([train, test]) {
        let file = |kind: &str| folder.join(format!("{part}-{kind}-ubyte"));
        let shape = [set.len(), set.side, set.side];
        idx::write(&file("images-idx3"), shape, &set.images)?;
        idx::write(&file("labels-idx1"), [set.len()], &set.class)?;
        idx::write(&file("fonts-idx1"), [set.len()], &set.font)?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote, plain or gzipped; `classes` as in the alphabet.
pub fn read(folder: &Path, classes: u8) -> Result<(Characters, Characters), DataError> {
    let part = |part: &str| {
        let file = |kind: &str| idx::present(folder, &format!("{part}-{kind}-ubyte"));
        let images = file("images-idx3");
        let set = ImageSet::load(&images, &file("labels-idx1"), classes)?;
        let font = idx::read_labels(&file("fonts-idx1"), set.len(), FONTS.len() as u8)?;
        if set.height() != set.width() {
            return Err(DataError::Format {
                source_name: images.display().to_string(),
                format: "square IDX images",
                reason: format!(
                    "images are {}×{}; scale them to a square",
                    set.height(),
                    set.width()
                ),
            });
        }
        Ok(Characters {
            side: set.height(),
            class: set.labels().to_vec(),
            images: set.into_pixels(),
            font,
            classes: classes.into(),
        })
    };
    Ok((part(PARTS[0])?, part(PARTS[1])?))
}
