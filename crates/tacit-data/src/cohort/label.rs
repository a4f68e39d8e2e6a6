//! What a label means, and reading it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::spec::{Level, repeated, spec};
use crate::cells::Cell;
use crate::error::DataError;

/// The label's meaning, by model family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", try_from = "WrittenEncoding")]
#[non_exhaustive]
pub enum LabelEncoding {
    /// Two classes, for logistic regression: the positive class becomes 1, the other 0.
    Binary {
        /// The class that becomes 1.
        positive: Level,
        /// The class that becomes 0. Without it any one other value will do, and a third value is
        /// an error.
        #[serde(skip_serializing_if = "Option::is_none")]
        negative: Option<Level>,
    },
    /// Several classes, for multinomial regression: a label becomes its position in the list.
    Classes {
        /// The classes in order.
        classes: Vec<Level>,
    },
    /// A finite number, for linear regression.
    Real,
    /// A whole number from 0, for Poisson regression.
    Count,
}

/// [`LabelEncoding`] as it stands in a plan, so that a field without meaning is refused rather
/// than ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEncoding {
    kind: Kind,
    positive: Option<Level>,
    negative: Option<Level>,
    classes: Option<Vec<Level>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Binary,
    Classes,
    Real,
    Count,
}

impl TryFrom<WrittenEncoding> for LabelEncoding {
    type Error = DataError;

    fn try_from(written: WrittenEncoding) -> Result<LabelEncoding, DataError> {
        let WrittenEncoding {
            kind,
            positive,
            negative,
            classes,
        } = written;
        match (kind, positive, negative, classes) {
            (Kind::Binary, Some(positive), negative, None) => {
                Ok(LabelEncoding::Binary { positive, negative })
            }
            (Kind::Binary, ..) => spec(
                "encoding",
                "binary takes `positive` and, better too, `negative`",
            ),
            (Kind::Classes, None, None, Some(classes)) => Ok(LabelEncoding::Classes { classes }),
            (Kind::Classes, ..) => spec("encoding", "classes takes `classes`, a list, and no more"),
            (Kind::Real, None, None, None) => Ok(LabelEncoding::Real),
            (Kind::Count, None, None, None) => Ok(LabelEncoding::Count),
            (Kind::Real | Kind::Count, ..) => {
                spec("encoding", "real and count take no further fields")
            }
        }
    }
}

impl LabelEncoding {
    /// Two classes, the negative one found in the data.
    pub fn binary(positive: impl AsRef<str>) -> LabelEncoding {
        LabelEncoding::Binary {
            positive: Level::from(positive),
            negative: None,
        }
    }

    /// Several classes.
    pub fn classes<T: AsRef<str>>(classes: impl IntoIterator<Item = T>) -> LabelEncoding {
        LabelEncoding::Classes {
            classes: classes.into_iter().map(Level::from).collect(),
        }
    }

    /// Number of classes, for families that have classes.
    pub fn class_count(&self) -> Option<usize> {
        match self {
            LabelEncoding::Binary { .. } => Some(2),
            LabelEncoding::Classes { classes } => Some(classes.len()),
            LabelEncoding::Real | LabelEncoding::Count => None,
        }
    }

    /// Name of the class with the given index, as far as known.
    pub fn class_name(&self, index: usize) -> Option<&str> {
        match self {
            LabelEncoding::Binary { negative, .. } if index == 0 => {
                negative.as_ref().map(Level::as_str)
            }
            LabelEncoding::Binary { positive, .. } if index == 1 => Some(positive.as_str()),
            LabelEncoding::Classes { classes } => classes.get(index).map(Level::as_str),
            _ => None,
        }
    }

    pub(super) fn check(&self) -> Result<(), DataError> {
        match self {
            LabelEncoding::Binary { positive, negative } if negative.as_ref() == Some(positive) => {
                spec(
                    "encoding",
                    "the positive and the negative class are the same",
                )
            }
            LabelEncoding::Classes { classes } if classes.len() < 2 => {
                spec("encoding", "list at least two classes")
            }
            LabelEncoding::Classes { classes } => match repeated(classes) {
                Some(class) => spec(
                    "encoding",
                    format!("class {:?} is listed twice", class.as_str()),
                ),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Feeds an injective description to `part`.
    pub(crate) fn fingerprint(&self, part: &mut dyn FnMut(&str)) {
        match self {
            LabelEncoding::Binary { positive, negative } => {
                part("binary");
                part(positive.as_str());
                part(if negative.is_some() {
                    "negative"
                } else {
                    "any"
                });
                part(negative.as_ref().map_or("", Level::as_str));
            }
            LabelEncoding::Classes { classes } => {
                part("classes");
                classes.iter().for_each(|class| part(class.as_str()));
            }
            LabelEncoding::Real => part("real"),
            LabelEncoding::Count => part("count"),
        }
    }

    /// What the family accepts, in words.
    fn expectation(&self) -> String {
        match self {
            LabelEncoding::Binary {
                positive,
                negative: Some(negative),
            } => {
                format!("{:?} or {:?}", positive.as_str(), negative.as_str())
            }
            LabelEncoding::Binary {
                positive,
                negative: None,
            } => {
                format!("{:?} or one other value", positive.as_str())
            }
            LabelEncoding::Classes { classes } => {
                let names: Vec<&str> = classes.iter().map(Level::as_str).collect();
                format!("one of {}", names.join(", "))
            }
            LabelEncoding::Real => "a finite number".into(),
            LabelEncoding::Count => "a whole number from 0 to 2^53".into(),
        }
    }
}

impl fmt::Display for LabelEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expectation())
    }
}

/// Reads labels and learns the name of the negative class on the way.
pub(super) struct LabelReader {
    encoding: LabelEncoding,
}

impl LabelReader {
    pub fn new(encoding: LabelEncoding) -> LabelReader {
        LabelReader { encoding }
    }

    /// The number a label becomes, or what was expected instead. The cell is not missing.
    pub fn read(&mut self, cell: Cell<'_>) -> Result<f64, String> {
        let value = match &mut self.encoding {
            LabelEncoding::Binary { positive, .. } if cell.is_level(positive.as_str()) => Some(1.0),
            LabelEncoding::Binary {
                negative: Some(negative),
                ..
            } => cell.is_level(negative.as_str()).then_some(0.0),
            LabelEncoding::Binary { negative, .. } => {
                *negative = Some(Level::from(cell.written()));
                Some(0.0)
            }
            LabelEncoding::Classes { classes } => classes
                .iter()
                .position(|class| cell.is_level(class.as_str()))
                .map(|i| i as f64),
            LabelEncoding::Real => cell.number().filter(|v| v.is_finite()),
            LabelEncoding::Count => cell
                .number()
                .filter(|v| (0.0..=9_007_199_254_740_992.0).contains(v) && v.fract() == 0.0),
        };
        value.ok_or_else(|| self.encoding.expectation())
    }

    /// The encoding with all classes named, as far as the data names them.
    pub fn into_encoding(self) -> LabelEncoding {
        self.encoding
    }
}
