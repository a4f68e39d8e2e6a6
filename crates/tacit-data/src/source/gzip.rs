//! Transparent decompression: gzip is recognised by its magic bytes, not by the file name.

use std::io::{BufRead, Read};

use flate2::bufread::MultiGzDecoder;

/// Wraps the reader in a decoder if the stream starts like gzip.
pub(crate) fn maybe_gzip<'a>(mut reader: impl BufRead + 'a) -> std::io::Result<Box<dyn Read + 'a>> {
    let head = reader.fill_buf()?;
    Ok(if head.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(reader))
    } else {
        Box::new(reader)
    })
}
