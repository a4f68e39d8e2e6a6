//! Pictures in a folder with a table of labels, in the layout of CelebA (Liu, Luo, Wang, Tang, ICCV 2015).

use std::path::Path;

use rayon::prelude::*;

use super::labels::{choose, distinct};
use super::raster::Raster;
use super::sets::sampled;
use super::{Labels, TaskData, attributes};
use crate::error::DataError;

/// What is asked of a folder of pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureTask {
    /// What the data are called in reports.
    pub name: String,
    /// Pictures are cut to the square in their middle and scaled to this many pixels a side.
    pub side: usize,
    /// Red, green and blue rather than grey.
    pub colour: bool,
    /// The attribute the service is for.
    pub public: String,
    /// The attributes it must not learn.
    pub private: Vec<String>,
    /// No more than these many pictures, stratified on the attributes and chosen by `seed`; the
    /// others are not opened.
    pub limit: Option<usize>,
    /// For the choice.
    pub seed: u64,
}

/// Reads the pictures a label table names (PNG, JPEG, PGM or PPM; see the module on
/// [tasks](super)): a text file in the layout of `list_attr_celeba.txt`, or CSV whose first
/// column is the file name.
pub fn image_folder(
    folder: &Path,
    table: &Path,
    task: &PictureTask,
) -> Result<TaskData, DataError> {
    check_side(task.side)?;
    let private: Vec<&str> = task.private.iter().map(String::as_str).collect();
    distinct(&task.name, &task.public, &private)?;
    let mut wanted = vec![(task.public.as_str(), "public attribute")];
    wanted.extend(private.iter().map(|&p| (p, "private attribute")));
    let read = attributes::read(table, &wanted)?;
    let count = read.files.len();
    let chosen = match task.limit {
        Some(limit) if limit < count => {
            let labels: Vec<&Labels> = read.labels.iter().collect();
            sampled(&labels, count, limit, task.seed)
        }
        _ => (0..count).collect(),
    };
    let labels = read
        .labels
        .iter()
        .map(|label| label.select(&chosen))
        .collect();
    let (public, private) = choose(&task.name, labels, &task.public, &private)?;
    let pictures: Vec<Vec<f32>> = chosen
        .par_iter()
        .map(|&i| read_picture(&folder.join(&read.files[i]), task.side, task.colour))
        .collect::<Result<_, _>>()?;
    let channels = if task.colour { 3 } else { 1 };
    TaskData::new(
        &task.name,
        [channels, task.side, task.side],
        pictures.concat(),
        public,
        private,
    )
}

/// One picture as a row of a task: the square in its middle, scaled, 0 to 1, channel after channel.
pub fn read_picture(path: &Path, side: usize, colour: bool) -> Result<Vec<f32>, DataError> {
    check_side(side)?;
    let picture = Raster::read(path)?;
    let (width, height) = (picture.width, picture.height);
    if width.min(height) < side {
        return Err(DataError::PictureSize {
            path: path.to_owned(),
            width,
            height,
            side,
        });
    }
    Ok(picture.square(side, colour))
}

/// Refuses a side that is no use or no longer fits in memory.
pub(super) fn check_side(side: usize) -> Result<(), DataError> {
    if (8..=256).contains(&side) {
        return Ok(());
    }
    Err(DataError::Parameter {
        what: "side of a picture",
        value: side as f64,
        expected: "8 to 256 pixels",
    })
}
