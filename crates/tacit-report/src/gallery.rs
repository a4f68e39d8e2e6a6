//! Grids of small grey images: samples of a data set, reconstructions beside originals.
//!
//! Each row is one PNG in the page, with its label as the row's heading and a text alternative; the
//! whole grid is also one PNG for a file of its own.
//!
//! ```
//! use tacit_report::Gallery;
//! let gallery = Gallery::new("Samples", 2, 2)
//!     .row("zeros", [[0, 255, 255, 0], [0, 200, 200, 0]])
//!     .row("ones", [[0, 0, 255, 255]])
//!     .ink();
//! let png = gallery.to_png()?;
//! assert_eq!(&png[1..4], b"PNG");
//! # Ok::<(), tacit_report::Error>(())
//! ```
//!
//! # Limits
//! Eight-bit grey, all images of one size, at most 2^26 pixels in all. Images are data: a report that
//! holds samples of a private data set gives them away.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::Error;

/// Pixels between two images of the sheet and of a row.
const GAP: usize = 2;
const MOST_PIXELS: usize = 1 << 26;

/// A grid of images, some in each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gallery {
    /// The title.
    pub title: String,
    /// A sentence below the images.
    pub caption: Option<String>,
    /// The rows.
    pub rows: Vec<Row>,
    width: usize,
    height: usize,
    ink: bool,
}

/// One row of a gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What its images have in common.
    pub label: String,
    /// Pixels, row after row, one vector per image.
    pub images: Vec<Vec<u8>>,
}

impl Gallery {
    /// A gallery without images; all will have this size.
    pub fn new(title: impl Into<String>, width: usize, height: usize) -> Self {
        Gallery {
            title: title.into(),
            caption: None,
            rows: Vec::new(),
            width,
            height,
            ink: false,
        }
    }

    /// Adds a sentence below the images.
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        self.caption = Some(text.into());
        self
    }

    /// Adds a row.
    pub fn row<I: Into<Vec<u8>>>(
        mut self,
        label: impl Into<String>,
        images: impl IntoIterator<Item = I>,
    ) -> Self {
        self.rows.push(Row {
            label: label.into(),
            images: images.into_iter().map(Into::into).collect(),
        });
        self
    }

    /// Shows 255 as black: pixels are ink on paper, as in MNIST.
    pub fn ink(mut self) -> Self {
        self.ink = true;
        self
    }

    /// The whole grid as a PNG file, without the labels.
    pub fn to_png(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        self.strip(&self.rows)
    }

    /// Each row with its image as a `data:` address and its text alternative.
    pub(crate) fn drawn(&self) -> Result<Vec<DrawnRow<'_>>, Error> {
        self.check()?;
        self.rows
            .iter()
            .map(|row| {
                let png = self.strip(std::slice::from_ref(row))?;
                let n = row.images.len();
                Ok(DrawnRow {
                    label: &row.label,
                    source: format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png)),
                    alternative: format!(
                        "{}, {}: {n} {} of {} by {} pixels",
                        self.title,
                        row.label,
                        if n == 1 { "image" } else { "images" },
                        self.width,
                        self.height
                    ),
                    width: span(n, self.width),
                    height: self.height,
                })
            })
            .collect()
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |what: String| {
            Err(Error::Gallery {
                gallery: self.title.clone(),
                what,
            })
        };
        if self.rows.is_empty() || self.width == 0 || self.height == 0 {
            return refuse("it has no images; leave it out".into());
        }
        let size = self.width.saturating_mul(self.height);
        for row in &self.rows {
            if row.images.is_empty() {
                return refuse(format!("row \"{}\" has no images; leave it out", row.label));
            }
            if let Some(at) = row.images.iter().position(|image| image.len() != size) {
                return refuse(format!(
                    "image {} of row \"{}\" has {} pixels where {}×{} are expected",
                    at + 1,
                    row.label,
                    row.images[at].len(),
                    self.width,
                    self.height
                ));
            }
        }
        let (width, height) = self.extent(&self.rows);
        if width.saturating_mul(height) > MOST_PIXELS {
            return refuse(format!(
                "{width}×{height} pixels are too many; show fewer images"
            ));
        }
        Ok(())
    }

    fn extent(&self, rows: &[Row]) -> (usize, usize) {
        let longest = rows.iter().map(|row| row.images.len()).max().unwrap_or(0);
        (span(longest, self.width), span(rows.len(), self.height))
    }

    fn strip(&self, rows: &[Row]) -> Result<Vec<u8>, Error> {
        let (width, height) = self.extent(rows);
        let paper = if self.ink { 0 } else { 255 };
        let mut pixels = vec![paper; width * height];
        for (i, row) in rows.iter().enumerate() {
            for (j, image) in row.images.iter().enumerate() {
                for (y, line) in image.chunks(self.width).enumerate() {
                    let from = (i * (self.height + GAP) + y) * width + j * (self.width + GAP);
                    pixels[from..from + self.width].copy_from_slice(line);
                }
            }
        }
        if self.ink {
            pixels.iter_mut().for_each(|p| *p = 255 - *p);
        }
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder
            .write_header()
            .and_then(|mut writer| writer.write_image_data(&pixels))
            .map_err(|reason| Error::Gallery {
                gallery: self.title.clone(),
                what: format!("no PNG could be made of it: {reason}"),
            })?;
        Ok(file)
    }
}

/// A row ready for the page.
pub(crate) struct DrawnRow<'a> {
    pub label: &'a str,
    pub source: String,
    pub alternative: String,
    pub width: usize,
    pub height: usize,
}

/// Pixels of `n` images of this size, side by side with gaps.
fn span(n: usize, size: usize) -> usize {
    n.saturating_mul(size.saturating_add(GAP))
        .saturating_sub(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(file: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width, info.height, pixels)
    }

    #[test]
    fn the_sheet_holds_the_images_in_their_places() {
        let gallery = Gallery::new("g", 2, 1)
            .row("a", [[1, 2], [3, 4]])
            .row("b", [[5, 6]]);
        let (width, height, pixels) = decode(&gallery.to_png().unwrap());
        assert_eq!((width, height), (6, 4));
        assert_eq!(pixels[..6], [1, 2, 255, 255, 3, 4]);
        assert_eq!(pixels[18..], [5, 6, 255, 255, 255, 255]);
        let (_, _, ink) = decode(&gallery.ink().to_png().unwrap());
        assert_eq!(ink[..6], [254, 253, 255, 255, 252, 251]);
    }

    #[test]
    fn what_cannot_be_shown_is_named() {
        let of = |gallery: Gallery| gallery.to_png().unwrap_err().to_string();
        assert!(of(Gallery::new("empty", 2, 2)).contains("\"empty\""));
        let bad = Gallery::new("g", 2, 2).row("a", [vec![0; 4], vec![0; 3]]);
        let text = of(bad);
        assert!(
            text.contains("image 2 of row \"a\"") && text.contains("3 pixels"),
            "{text}"
        );
        assert!(of(Gallery::new("g", 2, 2).row("a", Vec::<Vec<u8>>::new())).contains("no images"));
        let wide = vec![vec![0u8; 1 << 13]; 1 << 12];
        assert!(
            of(Gallery::new("g", 1 << 13, 1)
                .row("a", wide.clone())
                .row("b", wide))
            .contains("too many")
        );
    }
}
