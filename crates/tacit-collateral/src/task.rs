//! Images with a public and a private label, in three disjoint parts.

use tacit_data::characters::Characters;
use tacit_data::idx::ImageSet;
use tacit_nn::Matrix;

use crate::CollateralError;

/// Rows with both labels.
#[derive(Debug, Clone)]
pub struct Part {
    name: &'static str,
    pixels: Matrix,
    public: Vec<usize>,
    private: Vec<usize>,
}

impl Part {
    /// Joins pixels in [0, 1] and labels. `name` is what errors call the part.
    pub fn new(
        name: &'static str,
        pixels: Matrix,
        public: Vec<usize>,
        private: Vec<usize>,
    ) -> Result<Part, CollateralError> {
        for (what, found) in [
            ("public labels", public.len()),
            ("private labels", private.len()),
        ] {
            if found != pixels.rows() {
                return Err(CollateralError::Length {
                    part: name,
                    what,
                    expected: pixels.rows(),
                    found,
                });
            }
        }
        Ok(Part {
            name,
            pixels,
            public,
            private,
        })
    }

    /// What errors call it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Pixels in [0, 1], one row per image.
    pub fn pixels(&self) -> &Matrix {
        &self.pixels
    }

    /// The labels everybody may know.
    pub fn public(&self) -> &[usize] {
        &self.public
    }

    /// The labels that are to stay hidden.
    pub fn private(&self) -> &[usize] {
        &self.private
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.pixels.rows()
    }

    fn from_characters(
        name: &'static str,
        set: &Characters,
        range: std::ops::Range<usize>,
    ) -> Result<Part, CollateralError> {
        let columns = set.side * set.side;
        let bytes = &set.images[range.start * columns..range.end * columns];
        let pixels = Matrix::from_bytes(range.len(), columns, bytes)?;
        let labels = |of: &[u8]| of[range.clone()].iter().map(|&l| l.into()).collect();
        Part::new(name, pixels, labels(&set.class), labels(&set.font))
    }

    fn from_images(name: &'static str, set: ImageSet) -> Result<Part, CollateralError> {
        let public: Vec<usize> = set.labels().iter().map(|&l| l.into()).collect();
        let (rows, columns) = (set.len(), set.height() * set.width());
        let pixels = Matrix::from_bytes(rows, columns, &set.into_pixels())?;
        Part::new(name, pixels, public, vec![0; rows])
    }
}

/// A public and a private question about the same images.
///
/// The defender trains on `train`; attackers train on `attacker`, rows the defender has not seen
/// (on the defender's own rows the defence looks better than it is); all figures are from `test`.
#[derive(Debug, Clone)]
pub struct Task {
    /// Rows of the defender.
    pub train: Part,
    /// Rows of the attackers, private labels known to them. Empty without a private question.
    pub attacker: Part,
    /// Rows for the figures.
    pub test: Part,
    /// Number of public labels.
    pub public_classes: usize,
    /// Number of private labels; 1 when nothing is to be hidden.
    pub private_classes: usize,
}

impl Task {
    /// Checks that the labels lie within their classes and the parts have the same columns.
    pub fn new(
        train: Part,
        attacker: Part,
        test: Part,
        public_classes: usize,
        private_classes: usize,
    ) -> Result<Task, CollateralError> {
        for part in [&train, &attacker, &test] {
            if part.rows() > 0 && part.pixels.columns() != train.pixels.columns() {
                return Err(CollateralError::Length {
                    part: part.name,
                    what: "pixels per row",
                    expected: train.pixels.columns(),
                    found: part.pixels.columns(),
                });
            }
            for (label, values, classes) in [
                ("public label", &part.public, public_classes),
                ("private label", &part.private, private_classes),
            ] {
                if let Some(row) = values.iter().position(|&v| v >= classes) {
                    return Err(CollateralError::Label {
                        part: part.name,
                        row,
                        label,
                        found: values[row],
                        last: classes.saturating_sub(1),
                    });
                }
            }
        }
        Ok(Task {
            train,
            attacker,
            test,
            public_classes,
            private_classes,
        })
    }

    /// Characters (public) in two fonts (private); the last `attacker` rows of `train` go to the
    /// attackers.
    pub fn characters(
        train: &Characters,
        test: &Characters,
        attacker: usize,
    ) -> Result<Task, CollateralError> {
        let Some(kept) = train.len().checked_sub(attacker).filter(|&kept| kept > 0) else {
            return Err(CollateralError::Setting {
                name: "rows of the attackers",
                value: attacker as f64,
                expected: "fewer than there are training rows",
            });
        };
        Task::new(
            Part::from_characters("training rows", train, 0..kept)?,
            Part::from_characters("attackers' rows", train, kept..train.len())?,
            Part::from_characters("test rows", test, 0..test.len())?,
            train.classes,
            2,
        )
    }

    /// Images with a public label only.
    pub fn images(
        train: ImageSet,
        test: ImageSet,
        classes: usize,
    ) -> Result<Task, CollateralError> {
        let columns = train.height() * train.width();
        Task::new(
            Part::from_images("training rows", train)?,
            Part::new(
                "attackers' rows",
                Matrix::new(0, columns, vec![])?,
                vec![],
                vec![],
            )?,
            Part::from_images("test rows", test)?,
            classes,
            1,
        )
    }
}
