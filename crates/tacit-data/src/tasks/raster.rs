//! Pictures in files: decoded within bounds, cut to a square, scaled.
//!
//! Scaled pixels are means over the area they cover, along one axis after the other.

use std::io::Cursor;
use std::path::Path;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::error::DataError;

/// Wider or higher pictures are refused.
const MAX_SIDE: usize = 8192;
/// Larger files are refused: 64 MiB.
const MAX_FILE: u64 = 1 << 26;

/// A picture, 8 bits a channel.
#[derive(Debug, PartialEq)]
pub(super) struct Raster {
    pub width: usize,
    pub height: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// Pixel after pixel, their channels together.
    pub pixels: Vec<u8>,
}

impl Raster {
    /// Reads PNG, JPEG, PGM or PPM, whatever the file's name.
    pub fn read(path: &Path) -> Result<Raster, DataError> {
        let io = |source| DataError::Io {
            path: path.to_owned(),
            source,
        };
        let broken = |reason: String| DataError::Picture {
            path: path.to_owned(),
            reason,
        };
        let length = std::fs::metadata(path).map_err(io)?.len();
        if length > MAX_FILE {
            return Err(broken(format!("{length} bytes are more than 64 MiB")));
        }
        Raster::decode(&std::fs::read(path).map_err(io)?).map_err(broken)
    }

    fn decode(bytes: &[u8]) -> Result<Raster, String> {
        match bytes {
            [0x89, b'P', b'N', b'G', ..] => png(bytes),
            [0xff, 0xd8, ..] => jpeg(bytes),
            [b'P', b'5' | b'6', ..] => pnm(bytes),
            _ => Err("it begins like none of the formats".into()),
        }
    }

    fn checked(self) -> Result<Raster, String> {
        let (width, height) = (self.width, self.height);
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(format!(
                "{width}×{height} pixels, not 1 to {MAX_SIDE} a side"
            ));
        }
        let expected = width * height * self.channels;
        if self.pixels.len() != expected {
            let found = self.pixels.len();
            return Err(format!(
                "{found} values where {expected} belong to its size"
            ));
        }
        Ok(self)
    }

    /// The square in the middle, `side` × `side`, channel after channel, 0 to 1; grey is
    /// 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    pub fn square(&self, side: usize, colour: bool) -> Vec<f32> {
        let least = self.width.min(self.height);
        let (left, top) = ((self.width - least) / 2, (self.height - least) / 2);
        let plane = |of: &dyn Fn(&[u8]) -> f32| -> Vec<f32> {
            let row = |y: usize| {
                let from = ((top + y) * self.width + left) * self.channels;
                &self.pixels[from..from + least * self.channels]
            };
            let rows = (0..least).flat_map(|y| row(y).chunks_exact(self.channels));
            scaled(
                &rows.map(|pixel| of(pixel) / 255.0).collect::<Vec<_>>(),
                least,
                side,
            )
        };
        let grey = self.channels == 1;
        match colour {
            true => (0..3)
                .flat_map(|c| plane(&|pixel| f32::from(pixel[if grey { 0 } else { c }])))
                .collect(),
            false if grey => plane(&|pixel| f32::from(pixel[0])),
            false => plane(&|pixel| {
                let [r, g, b] = [0, 1, 2].map(|c| f32::from(pixel[c]));
                0.299 * r + 0.587 * g + 0.114 * b
            }),
        }
    }
}

/// A square of values, `from` a side, as one of `to` a side.
pub(super) fn scaled(values: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to {
        return values.to_vec();
    }
    // Twice: rows are scaled and turned into columns.
    turned(&turned(values, from, to), from, to)
}

/// Each of the rows of length `from` scaled to `to`, the result transposed.
fn turned(values: &[f32], from: usize, to: usize) -> Vec<f32> {
    let rows = values.len() / from;
    let mut out = vec![0.0; to * rows];
    let step = from as f32 / to as f32;
    for i in 0..to {
        let (low, high) = (i as f32 * step, (i + 1) as f32 * step);
        let cells = (low as usize)..(high.ceil() as usize).min(from);
        for cell in cells {
            let cover = (high.min((cell + 1) as f32) - low.max(cell as f32)).max(0.0) / step;
            for row in 0..rows {
                out[i * rows + row] += cover * values[row * from + cell];
            }
        }
    }
    out
}

fn png(bytes: &[u8]) -> Result<Raster, String> {
    let told = |e: png::DecodingError| e.to_string();
    let limits = png::Limits { bytes: 1 << 28 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(told)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(format!(
            "{width}×{height} pixels, more than {MAX_SIDE} a side"
        ));
    }
    let size = reader.output_buffer_size().ok_or("it is too large")?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(told)?;
    buffer.truncate(frame.buffer_size());
    let (samples, channels) = match frame.color_type {
        png::ColorType::Grayscale => (1, 1),
        png::ColorType::GrayscaleAlpha => (2, 1),
        png::ColorType::Rgb => (3, 3),
        png::ColorType::Rgba => (4, 3),
        png::ColorType::Indexed => return Err("its colours are indexed and have no table".into()),
    };
    let pixels = buffer.chunks_exact(samples);
    Raster {
        width,
        height,
        channels,
        pixels: pixels
            .flat_map(|pixel| &pixel[..channels])
            .copied()
            .collect(),
    }
    .checked()
}

fn jpeg(bytes: &[u8]) -> Result<Raster, String> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("it has no header")?;
    Raster {
        width: info.width.into(),
        height: info.height.into(),
        channels: 3,
        pixels,
    }
    .checked()
}

/// Binary PGM (P5) and PPM (P6) of 8 bits.
fn pnm(bytes: &[u8]) -> Result<Raster, String> {
    let channels = if bytes[1] == b'5' { 1 } else { 3 };
    let mut at = 2;
    let mut numbers = [0usize; 3];
    for number in &mut numbers {
        *number = header_number(bytes, &mut at).ok_or("its header is damaged")?;
    }
    let [width, height, most] = numbers;
    if most != 255 {
        return Err(format!("its values go to {most}; only 255 is read"));
    }
    // One white character ends the header.
    let pixels = bytes.get(at + 1..).unwrap_or(&[]).to_vec();
    Raster {
        width,
        height,
        channels,
        pixels,
    }
    .checked()
}

/// The next number of a header, blanks and comments before it skipped.
fn header_number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    loop {
        match bytes.get(*at)? {
            b'#' => *at += bytes[*at..].iter().position(|&b| b == b'\n')?,
            b if b.is_ascii_whitespace() => *at += 1,
            _ => break,
        }
    }
    let digits = bytes[*at..]
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    let text = std::str::from_utf8(&bytes[*at..*at + digits]).ok()?;
    *at += digits;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_keeps_the_mean_and_averages_areas() {
        let values: Vec<f32> = (0..36).map(|v| v as f32).collect();
        for side in [3, 4, 5, 6, 9] {
            let small = scaled(&values, 6, side);
            assert_eq!(small.len(), side * side);
            let mean = small.iter().sum::<f32>() / small.len() as f32;
            assert!((mean - 17.5).abs() < 1e-3, "{side}: {mean}");
        }
        assert_eq!(scaled(&values, 6, 3)[0], (0.0 + 1.0 + 6.0 + 7.0) / 4.0);
        assert_eq!(scaled(&values, 6, 3)[1], (2.0 + 3.0 + 8.0 + 9.0) / 4.0);
    }

    #[test]
    fn headers_of_pnm_may_have_comments_and_must_fit() {
        let grey = Raster::decode(b"P5 # made here\n2 1\n255\nab").unwrap();
        assert_eq!(
            (grey.width, grey.height, grey.pixels),
            (2, 1, b"ab".to_vec())
        );
        for (bytes, word) in [
            (&b"P5 2 1 255\na"[..], "belong"),
            (b"P6 2 1 255\nab", "belong"),
            (b"P5 2 1 65535\nabcd", "65535"),
            (b"P5 2", "header"),
            (b"P5 99999 1 255\n", "a side"),
            (b"GIF89a", "none of the formats"),
            (b"\xff\xd8\xff", ""),
            (b"\x89PNG", ""),
        ] {
            let reason = Raster::decode(bytes).unwrap_err();
            assert!(reason.contains(word), "{reason}");
        }
    }

    #[test]
    fn the_middle_is_cut_out_and_colours_become_grey() {
        // 4 × 2: the outer columns are cut away; red and green remain.
        let pixels = [[9, 9, 9], [255, 0, 0], [0, 255, 0], [9, 9, 9]]
            .concat()
            .repeat(2);
        let raster = Raster {
            width: 4,
            height: 2,
            channels: 3,
            pixels,
        };
        assert_eq!(raster.square(2, true)[..4], [1.0, 0.0, 1.0, 0.0]);
        let grey = raster.square(2, false);
        assert!((grey[0] - 0.299).abs() < 1e-6 && (grey[1] - 0.587).abs() < 1e-6);
    }
}
