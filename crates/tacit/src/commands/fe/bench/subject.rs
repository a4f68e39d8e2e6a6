//! What is measured: a model and inputs for it.

use std::path::Path;

use tacit_fe::IntegerModel;
use tacit_ring::{Seed, Xof};

use crate::Error;
use crate::error::Context;

/// Sizes of the published model: 784 pixels and a constant, 40 hidden values, 10 outputs.
const PUBLISHED: (usize, usize, usize) = (785, 40, 10);
/// Share of coefficients of P that are zero there.
const ZEROS: f64 = 0.49;
/// Share of pixels of a digit that are not paper.
const INK: f64 = 0.19;
/// Largest |D|: outputs of typical inputs then reach about 2^33, as published.
const COMBINATION: i16 = 7;

/// The model in a file, or one of the published sizes with random coefficients.
pub(super) fn model(path: Option<&Path>, seed: u64) -> Result<IntegerModel, Error> {
    match path {
        Some(path) => IntegerModel::load(path).bad_input(|| "the model cannot be used"),
        None => synthetic(seed),
    }
}

fn synthetic(seed: u64) -> Result<IntegerModel, Error> {
    let (n, d, k) = PUBLISHED;
    let mut draws = Draws::new("model", seed);
    let p = (0..n * d)
        .map(|_| {
            if draws.fraction() < ZEROS {
                return 0;
            }
            draws.signed(15)
        })
        .collect();
    let combination = (0..d * k).map(|_| draws.signed(COMBINATION)).collect();
    IntegerModel::new(PUBLISHED, p, combination, 255).failed(|| "the synthetic model is gone")
}

/// An input like an image: mostly zero, the first value the largest.
pub(super) fn input(model: &IntegerModel, seed: u64, index: u64) -> Vec<u16> {
    let mut draws = Draws::new("input", seed.wrapping_add(index << 32));
    let top = model.input_max();
    let mut x: Vec<u16> = (0..model.inputs())
        .map(|_| {
            if draws.fraction() >= INK {
                return 0;
            }
            1 + (draws.fraction() * f64::from(top)) as u16
        })
        .collect();
    x[0] = top;
    x
}

/// Values uniform in ±2^bits.
pub(super) fn values(count: usize, bits: u32, seed: u64) -> Vec<i64> {
    let mut draws = Draws::new("values", seed);
    let span = (1u64 << bits) as f64;
    (0..count)
        .map(|_| ((2.0 * draws.fraction() - 1.0) * span) as i64)
        .collect()
}

/// Reproducible random numbers.
struct Draws(Xof);

impl Draws {
    fn new(purpose: &str, seed: u64) -> Draws {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..8 + purpose.len()].copy_from_slice(purpose.as_bytes());
        Draws(Seed::from_bytes(bytes).expand())
    }

    /// In [0, 1).
    fn fraction(&mut self) -> f64 {
        let mut word = [0; 8];
        self.0.fill(&mut word);
        (u64::from_le_bytes(word) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// In −most … most, without zero.
    fn signed(&mut self, most: i16) -> i16 {
        let size = 1 + (self.fraction() * f64::from(most)) as i16;
        if self.fraction() < 0.5 { size } else { -size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_synthetic_model_is_like_the_published_one() {
        let model = model(None, 1).unwrap();
        assert_eq!((model.inputs(), model.hidden(), model.outputs()), PUBLISHED);
        let zeros = model.projection().iter().filter(|&&p| p == 0).count();
        let share = zeros as f64 / model.projection().len() as f64;
        assert!((share - ZEROS).abs() < 0.01, "{share}");
        model.check_limit().unwrap();
        let largest = (0..50)
            .flat_map(|i| model.evaluate(&input(&model, 1, i)).unwrap())
            .map(i64::unsigned_abs)
            .max()
            .unwrap();
        let bits = (largest as f64).log2();
        assert!((32.0..36.0).contains(&bits), "outputs reach 2^{bits:.1}");
    }
}
