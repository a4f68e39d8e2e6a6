//! What stands between two blocks.

use serde::{Deserialize, Serialize};

/// The shape of one sample: a vector, or a map of channels.
///
/// A row of a matrix holds a map channel after channel, each row after row: the entry of channel c
/// at (y, x) is column (c · height + y) · width + x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// That many numbers without a neighbourhood.
    Flat(usize),
    /// A picture, or what convolutions made of one.
    Map {
        /// Values at a place.
        channels: usize,
        /// Rows of the picture.
        height: usize,
        /// Columns of the picture.
        width: usize,
    },
}

impl Shape {
    /// Columns of a row that holds it; saturates.
    pub fn size(&self) -> usize {
        match *self {
            Shape::Flat(size) => size,
            Shape::Map {
                channels,
                height,
                width,
            } => channels.saturating_mul(height).saturating_mul(width),
        }
    }

    /// Channels, height and width, for a map.
    pub fn map(&self) -> Option<[usize; 3]> {
        match *self {
            Shape::Flat(_) => None,
            Shape::Map {
                channels,
                height,
                width,
            } => Some([channels, height, width]),
        }
    }
}

impl From<[usize; 3]> for Shape {
    /// Channels, height, width.
    fn from([channels, height, width]: [usize; 3]) -> Self {
        Shape::Map {
            channels,
            height,
            width,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Shape::Flat(size) => write!(f, "{size}"),
            Shape::Map {
                channels,
                height,
                width,
            } => write!(f, "{channels}×{height}×{width}"),
        }
    }
}
