//! Reads MNIST's IDX files.

use std::path::Path;

use tacit_learn::model::Samples;

/// Images of one file pair, pixels scaled to [0, 1].
pub fn read(folder: &Path, name: &str) -> Result<Samples, Box<dyn std::error::Error>> {
    let images = body(&folder.join(format!("{name}-images-idx3-ubyte")), 0x803, 16)?;
    let labels = body(&folder.join(format!("{name}-labels-idx1-ubyte")), 0x801, 8)?;
    let pixels = images.iter().map(|&x| f64::from(x) / 255.0).collect();
    let classes = labels.iter().map(|&x| f64::from(x)).collect();
    Ok(Samples::new(784, pixels, classes)?)
}

fn body(path: &Path, magic: u32, header: usize) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    match bytes.get(..4) {
        Some(head) if head == magic.to_be_bytes() => Ok(bytes[header..].to_vec()),
        _ => Err(format!(
            "{}: not the IDX file expected (uncompressed)",
            path.display()
        )
        .into()),
    }
}
