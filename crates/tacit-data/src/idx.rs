//! Images in IDX files, the format of MNIST (LeCun, Cortes): two zero bytes, the element type, the
//! number of dimensions, each dimension as a big-endian 32-bit number, then the data.
//!
//! Only unsigned bytes are read and written. Files may be gzipped. The size is checked before anything is
//! allocated for it, and bytes left over are an error.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{DataError, Place};
use crate::source::maybe_gzip;
use crate::table::{RowKey, Table};

/// Larger files are refused: 2 GiB.
const MAX_BYTES: u64 = 1 << 31;

/// Grey images with a label each.
#[derive(Clone, PartialEq, Eq)]
pub struct ImageSet {
    height: usize,
    width: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl std::fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ImageSet({} of {}×{})",
            self.len(),
            self.height,
            self.width
        )
    }
}

impl ImageSet {
    /// Loads an image file and its label file; labels are below `classes`.
    pub fn load(images: &Path, labels: &Path, classes: u8) -> Result<ImageSet, DataError> {
        let ([count, height, width], pixels) = read_file::<3>(images)?;
        let labels = read_labels(labels, count, classes)?;
        Ok(ImageSet {
            height,
            width,
            pixels,
            labels,
        })
    }

    /// Loads training and test set from a folder with MNIST's usual file names, gzipped or not.
    pub fn mnist(folder: &Path) -> Result<(ImageSet, ImageSet), DataError> {
        let set = |part: &str| {
            ImageSet::load(
                &present(folder, &format!("{part}-images-idx3-ubyte")),
                &present(folder, &format!("{part}-labels-idx1-ubyte")),
                10,
            )
        };
        Ok((set("train")?, set("t10k")?))
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Rows of an image.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of an image.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Pixels of image `i`, row after row, 0 to 255.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len), like slice indexing.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.height * self.width;
        &self.pixels[i * size..(i + 1) * size]
    }

    /// All pixels, image after image.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }

    /// One class index per image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The images as rows of numbers from 0 to 1, the first `limit` of them if given.
    pub fn to_table(&self, limit: Option<usize>) -> Result<Table, DataError> {
        let count = limit.map_or(self.len(), |limit| limit.min(self.len()));
        let size = self.height * self.width;
        let pixels = &self.pixels[..count * size];
        let names: Arc<[String]> = (0..size)
            .map(|p| format!("pixel_{}_{}", p / self.width, p % self.width))
            .collect();
        let features: Vec<f64> = pixels.iter().map(|&p| f64::from(p) / 255.0).collect();
        let keys = features
            .chunks(size.max(1))
            .map(RowKey::of_values)
            .collect();
        let labels = self.labels[..count]
            .iter()
            .map(|&label| label.into())
            .collect();
        Table::with_keys(names, features, labels, keys)
    }
}

/// Dimensions (number, height, width) and pixels of an image file.
pub fn read_images(path: &Path) -> Result<([usize; 3], Vec<u8>), DataError> {
    read_file(path)
}

/// All labels of a label file.
pub fn read_all_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    Ok(read_file::<1>(path)?.1)
}

/// Reads a label file for `count` images; labels are below `classes`.
pub fn read_labels(path: &Path, count: usize, classes: u8) -> Result<Vec<u8>, DataError> {
    let ([found], labels) = read_file::<1>(path)?;
    if count != found {
        return Err(DataError::Length {
            what: "labels beside the images of an IDX pair",
            expected: count,
            found,
        });
    }
    if let Some(i) = labels.iter().position(|&label| label >= classes) {
        return Err(DataError::LabelOutsideRange {
            place: Box::new(Place {
                source: path.display().to_string(),
                row: i as u64 + 1,
                line: None,
            }),
            column: "label".into(),
            value: labels[i].to_string(),
            expected: format!("a class below {classes}"),
        });
    }
    Ok(labels)
}

/// Writes unsigned bytes, whose number is the product of the dimensions.
pub fn write<const D: usize>(
    path: &Path,
    dimensions: [usize; D],
    data: &[u8],
) -> Result<(), DataError> {
    let expected = dimensions.iter().product();
    if data.len() != expected {
        return Err(DataError::Length {
            what: "data of an IDX file",
            expected,
            found: data.len(),
        });
    }
    if expected == 0 || data.len() as u64 > MAX_BYTES {
        return Err(DataError::Parameter {
            what: "bytes of an IDX file",
            value: data.len() as f64,
            expected: "1 to 2 GiB",
        });
    }
    let mut bytes = vec![0, 0, 8, D as u8];
    for dimension in dimensions {
        bytes.extend((dimension as u32).to_be_bytes());
    }
    bytes.extend(data);
    std::fs::write(path, bytes).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })
}

/// The gzipped file when there is one, else the plain one.
pub fn present(folder: &Path, name: &str) -> PathBuf {
    let zipped = folder.join(format!("{name}.gz"));
    if zipped.exists() {
        zipped
    } else {
        folder.join(name)
    }
}

fn read_file<const D: usize>(path: &Path) -> Result<([usize; D], Vec<u8>), DataError> {
    let io = |source| DataError::Io {
        path: path.to_owned(),
        source,
    };
    let mut reader = maybe_gzip(BufReader::new(File::open(path).map_err(io)?)).map_err(io)?;
    parse(&mut reader).map_err(|reason| DataError::Format {
        source_name: path.display().to_string(),
        format: "IDX file",
        reason,
    })
}

/// Dimensions and data of an IDX stream of unsigned bytes.
fn parse<const D: usize>(reader: &mut dyn Read) -> Result<([usize; D], Vec<u8>), String> {
    let damaged =
        |e: std::io::Error| format!("{e}; the file is truncated or damaged, fetch it again");
    let mut magic = [0u8; 4];
    reader.read_exact(&mut magic).map_err(damaged)?;
    match magic {
        [0, 0, 8, d] if usize::from(d) == D => {}
        [0, 0, 8, d] => {
            return Err(format!(
                "{d} dimensions where {D} are expected; are images and labels swapped?"
            ));
        }
        [0, 0, kind, _] => {
            return Err(format!(
                "element type {kind:#04x}; only unsigned bytes (0x08) are read"
            ));
        }
        _ => return Err("it does not start with two zero bytes".into()),
    }
    let mut dimensions = [0usize; D];
    let mut size = 1u64;
    for dimension in &mut dimensions {
        let mut word = [0; 4];
        reader.read_exact(&mut word).map_err(damaged)?;
        let value = u32::from_be_bytes(word);
        size = size.saturating_mul(value.into());
        *dimension = value as usize;
    }
    if size == 0 || size > MAX_BYTES {
        return Err(format!(
            "dimensions {dimensions:?} are empty or larger than 2 GiB"
        ));
    }
    // Grows with the bytes that are really there, not with what the header claims.
    let mut data = Vec::new();
    reader
        .take(size + 1)
        .read_to_end(&mut data)
        .map_err(damaged)?;
    match (data.len() as u64).cmp(&size) {
        std::cmp::Ordering::Equal => Ok((dimensions, data)),
        std::cmp::Ordering::Less => Err(format!(
            "{} bytes of data where the header announces {size}; the file is truncated, fetch it again",
            data.len()
        )),
        std::cmp::Ordering::Greater => Err(format!(
            "more data than the {size} bytes the header announces; fetch it again"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(n: u32, h: u32, w: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, 3];
        for d in [n, h, w] {
            bytes.extend(d.to_be_bytes());
        }
        bytes.extend(data);
        bytes
    }

    fn reason(bytes: &[u8]) -> String {
        parse::<3>(&mut &bytes[..]).unwrap_err()
    }

    #[test]
    fn dimensions_and_data_are_read() {
        let bytes = images(2, 1, 3, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(
            parse::<3>(&mut &bytes[..]).unwrap(),
            ([2, 1, 3], vec![1, 2, 3, 4, 5, 6])
        );
    }

    #[test]
    fn damage_is_named() {
        let good = images(2, 1, 3, &[0; 6]);
        for cut in 0..good.len() {
            assert!(reason(&good[..cut]).contains("truncated"), "{cut}");
        }
        assert!(reason(&images(2, 1, 3, &[0; 7])).contains("more data"));
        assert!(reason(&images(u32::MAX, u32::MAX, u32::MAX, &[])).contains("2 GiB"));
        assert!(reason(&images(0, 1, 1, &[])).contains("empty"));
        assert!(reason(&[0, 0, 0x0d, 3]).contains("0x0d"));
        assert!(reason(&[0, 0, 8, 1]).contains("swapped"));
        assert!(reason(b"PK\x03\x04").contains("zero bytes"));
    }
}
