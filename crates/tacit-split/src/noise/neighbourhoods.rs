//! Cells that near-duplicates share.

use super::samples::Stream;
use super::secret::of_cells;

/// Secret random directions with a secret offset each (the hash family of Datar, Immorlica, Indyk,
/// Mirrokni, "Locality-sensitive hashing scheme based on p-stable distributions", SCG 2004, with
/// random signs in the place of Gaussians):
///
/// ```text
/// cell_i(x) = ⌊ a_i·x / w + b_i ⌋,    a_i ∈ {±1/√n}ⁿ
/// ```
pub(super) struct Neighbourhoods {
    /// One direction after the other, each one sign per value of an input.
    signs: Vec<i8>,
    offsets: Vec<f64>,
    columns: usize,
    width: f64,
}

impl Neighbourhoods {
    pub(super) fn new(key: &[u8; 32], columns: usize, directions: u16, width: f32) -> Self {
        let about = [i64::MIN, columns as i64, i64::from(directions)];
        let mut stream = of_cells(key, about.into_iter(), Some(u64::MAX));
        let directions = usize::from(directions);
        let offsets = (0..directions).map(|_| stream.uniform()).collect();
        let mut signs = Vec::with_capacity(columns * directions);
        while signs.len() < columns * directions {
            let bits = stream.bits();
            let left = columns * directions - signs.len();
            signs.extend((0..left.min(64)).map(|i| (((bits >> i) & 1) as i8) * 2 - 1));
        }
        Neighbourhoods {
            signs,
            offsets,
            columns,
            width: f64::from(width),
        }
    }

    /// The samples of an input: those of its neighbourhood.
    pub(super) fn stream(&self, key: &[u8; 32], input: &[f32]) -> Stream {
        let scale = 1.0 / (self.width * (self.columns.max(1) as f64).sqrt());
        let directions = self.signs.chunks_exact(self.columns.max(1));
        let cells: Vec<i64> = directions
            .zip(&self.offsets)
            .map(|(signs, offset)| {
                let products = signs.iter().zip(input);
                let dot: f64 = products.map(|(s, v)| f64::from(*s) * f64::from(*v)).sum();
                (dot * scale + offset).floor() as i64
            })
            .collect();
        of_cells(key, cells.into_iter(), None)
    }
}
