//! Tasks on pictures that are known beforehand: MNIST, and characters drawn in two fonts.

use std::path::Path;

use super::labels::choose;
use super::pictures::check_side;
use super::raster::scaled;
use super::{Labels, TaskData};
use crate::characters::{FONTS, SIDE, Spec, generate};
use crate::error::DataError;
use crate::idx::ImageSet;

/// Handwritten digits from a folder with MNIST's four files, gzipped or not, all 70 000 of them:
/// `digit` (ten classes), `parity`, `at-least-five`. The last two are functions of the first.
pub fn mnist(folder: &Path, public: &str, private: &[&str]) -> Result<TaskData, DataError> {
    let (train, test) = ImageSet::mnist(folder)?;
    let shape = [1, train.height(), train.width()];
    if (test.height(), test.width()) != (train.height(), train.width()) {
        return Err(DataError::Format {
            source_name: folder.display().to_string(),
            format: "pair of training and test images",
            reason: format!(
                "training images are {}×{}, test images {}×{}; they are of different data sets",
                train.height(),
                train.width(),
                test.height(),
                test.width()
            ),
        });
    }
    let digits: Vec<usize> = [&train, &test]
        .iter()
        .flat_map(|set| set.labels())
        .map(|&digit| digit.into())
        .collect();
    let two = |name: &str, classes: [&str; 2], of: fn(usize) -> usize| {
        Labels::new(
            name,
            classes.map(String::from).into(),
            digits.iter().map(|&d| of(d)).collect(),
        )
    };
    let labels = vec![
        two("parity", ["even", "odd"], |d| d % 2)?,
        two("at-least-five", ["below five", "five or more"], |d| {
            usize::from(d >= 5)
        })?,
        Labels::new("digit", (0..10).map(|d| d.to_string()).collect(), digits)?,
    ];
    let (public, private) = choose("mnist", labels, public, private)?;
    let rows = [train, test]
        .into_iter()
        .flat_map(ImageSet::into_pixels)
        .map(|p| f32::from(p) / 255.0)
        .collect();
    TaskData::new("mnist", shape, rows, public, private)
}

/// Characters in two fonts, drawn as [`Spec`] says (its training and test images together) and
/// scaled to `side` × `side`: `character` and `font`. [`Spec::correlation`] is the dial for their dependence.
pub fn characters(
    spec: &Spec,
    side: usize,
    public: &str,
    private: &[&str],
) -> Result<TaskData, DataError> {
    check_side(side)?;
    let (train, test) = generate(spec)?;
    let both = |of: fn(&crate::characters::Characters) -> &Vec<u8>| -> Vec<usize> {
        [&train, &test]
            .iter()
            .flat_map(|set| of(set))
            .map(|&v| v.into())
            .collect()
    };
    let symbols = spec.alphabet.symbols().chars().map(String::from).collect();
    let labels = vec![
        Labels::new("character", symbols, both(|set| &set.class))?,
        Labels::new(
            "font",
            FONTS.map(String::from).into(),
            both(|set| &set.font),
        )?,
    ];
    let (public, private) = choose("characters", labels, public, private)?;
    let mut rows = Vec::with_capacity((train.len() + test.len()) * side * side);
    for set in [&train, &test] {
        for i in 0..set.len() {
            let ink: Vec<f32> = set.image(i).iter().map(|&p| f32::from(p) / 255.0).collect();
            rows.extend(scaled(&ink, SIDE, side));
        }
    }
    TaskData::new("characters", [1, side, side], rows, public, private)
}
