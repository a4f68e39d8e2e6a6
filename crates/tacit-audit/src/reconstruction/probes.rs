//! Quadratic networks that measure.
//!
//! With the constant input at its largest value m and p_0 = Σ_i max(−p_i, 0), the hidden value
//! h = p_0 m + Σ_i p_i x_i of an image is never negative, so the output h² gives p·x = √(h²) − p_0 m
//! *exactly*. Nothing tells such a model from an honest one.

use tacit_fe::IntegerModel;
use tacit_ring::Seed;

use super::Images;
use crate::error::AuditError;

const INPUT_MAX: u16 = 255;
/// Outputs of one model.
const PER_MODEL: usize = 64;
/// Σ_i |p_i| of a direction, so that p_0 fits 16 bits and the output 2^46.
const LARGEST_SUM: f64 = 32_000.0;

/// r directions of measurement in the space of images.
#[derive(Debug, Clone)]
pub struct Probes {
    pixels: usize,
    directions: Vec<Vec<i16>>,
}

impl Probes {
    /// Independent uniform coefficients of four bits and a sign: what compressed sensing would take.
    pub fn random(count: usize, pixels: usize, seed: u64) -> Self {
        let mut xof = Seed::derive("audit probes", [seed.to_le_bytes().as_slice()]).expand();
        let mut coefficient = || (xof.next_u64() % 31) as i16 - 15;
        let mut direction = || (0..pixels).map(|_| coefficient()).collect();
        let directions = (0..count).map(|_| direction()).collect();
        Self { pixels, directions }
    }

    /// The directions in which images of a class differ most: the leading eigenvectors of the
    /// covariance within classes. What an evaluator would ask for who knows the kind of data.
    pub fn principal(count: usize, images: &Images, seed: u64) -> Self {
        let rows = super::prior::centred_by_class(images);
        let directions = leading_directions(&rows, count, images.pixels(), seed);
        let directions = directions.iter().map(|d| quantise(d)).collect();
        Self {
            pixels: images.pixels(),
            directions,
        }
    }

    /// r.
    pub fn len(&self) -> usize {
        self.directions.len()
    }

    /// Whether nothing is measured.
    pub fn is_empty(&self) -> bool {
        self.directions.is_empty()
    }

    /// The coefficients, one direction after another.
    pub fn directions(&self) -> &[Vec<i16>] {
        &self.directions
    }

    /// The models for which keys are asked: one output for each direction, and the constant input
    /// first.
    pub fn models(&self) -> Result<Vec<IntegerModel>, AuditError> {
        let model = |directions: &[Vec<i16>]| {
            let r = directions.len();
            let mut p = Vec::with_capacity((self.pixels + 1) * r);
            p.extend(directions.iter().map(|d| offset(d) as i16));
            for pixel in 0..self.pixels {
                p.extend(directions.iter().map(|d| d[pixel]));
            }
            let identity = (0..r * r).map(|at| i16::from(at % (r + 1) == 0)).collect();
            Ok(IntegerModel::new(
                (self.pixels + 1, r, r),
                p,
                identity,
                INPUT_MAX,
            )?)
        };
        self.directions.chunks(PER_MODEL).map(model).collect()
    }

    /// p·x for every direction, from the outputs of the models.
    pub fn read(&self, outputs: &[i64]) -> Result<Vec<i64>, AuditError> {
        if outputs.len() != self.len() {
            return Err(AuditError::Shape {
                what: "outputs of the probing models",
                found: outputs.len(),
                expected: self.len(),
            });
        }
        let read = |(index, (&value, direction)): (usize, (&i64, &Vec<i16>))| {
            let root = u64::try_from(value).map_or(0, u64::isqrt) as i64;
            if root * root != value {
                return Err(AuditError::NotASquare { index, value });
            }
            Ok(root - offset(direction) * i64::from(INPUT_MAX))
        };
        outputs
            .iter()
            .zip(&self.directions)
            .enumerate()
            .map(read)
            .collect()
    }

    /// The measurements of an image, through the models in the clear.
    pub fn measure(&self, image: &[u8]) -> Result<Vec<i64>, AuditError> {
        let mut x = vec![INPUT_MAX];
        x.extend(image.iter().map(|&v| u16::from(v)));
        let mut outputs = vec![];
        for model in self.models()? {
            outputs.extend(model.evaluate(&x)?);
        }
        self.read(&outputs)
    }
}

/// p_0.
fn offset(direction: &[i16]) -> i64 {
    direction.iter().map(|&p| i64::from(-p).max(0)).sum()
}

fn quantise(direction: &[f64]) -> Vec<i16> {
    let largest = direction.iter().fold(1e-12f64, |m, v| m.max(v.abs()));
    let sum: f64 = direction.iter().map(|v| v.abs()).sum();
    let scale = (127.0 / largest).min(LARGEST_SUM / (sum + 1e-12));
    direction
        .iter()
        .map(|v| (v * scale).round() as i16)
        .collect()
}

/// Subspace iteration: V ← orthonormalise(XᵀX V).
fn leading_directions(rows: &[Vec<f32>], count: usize, pixels: usize, seed: u64) -> Vec<Vec<f64>> {
    const ROUNDS: usize = 12;
    let start = Probes::random(count, pixels, seed ^ 0x5eed);
    let as_f64 = |d: &Vec<i16>| d.iter().map(|&v| f64::from(v)).collect();
    let mut basis: Vec<Vec<f64>> = start.directions.iter().map(as_f64).collect();
    orthonormalise(&mut basis);
    for _ in 0..ROUNDS {
        use rayon::prelude::*;
        basis.par_iter_mut().for_each(|v| {
            let mut next = vec![0.0; pixels];
            for row in rows {
                let dot: f64 = row
                    .iter()
                    .zip(v.iter())
                    .map(|(&x, v)| f64::from(x) * v)
                    .sum();
                for (next, &x) in next.iter_mut().zip(row) {
                    *next += dot * f64::from(x);
                }
            }
            *v = next;
        });
        orthonormalise(&mut basis);
    }
    basis
}

/// Gram–Schmidt, twice for numerical orthogonality.
fn orthonormalise(basis: &mut [Vec<f64>]) {
    for i in 0..basis.len() {
        let (done, rest) = basis.split_at_mut(i);
        let v = &mut rest[0];
        for _ in 0..2 {
            for u in done.iter() {
                let dot: f64 = u.iter().zip(v.iter()).map(|(a, b)| a * b).sum();
                for (v, u) in v.iter_mut().zip(u) {
                    *v -= dot * u;
                }
            }
        }
        let norm = v.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-12);
        v.iter_mut().for_each(|v| *v /= norm);
    }
}
