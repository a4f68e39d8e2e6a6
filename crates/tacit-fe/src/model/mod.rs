//! Quadratic networks over the integers: what a functional key computes.
//!
//! A model has a projection P (n × d), a combination D (d × k) and computes
//!
//! ```text
//!   h_j = Σ_i P_ij x_i                 hidden values, linear
//!   f_k = Σ_j D_jk h_j²                outputs, quadratic
//! ```
//!
//! so output k is the quadratic form xᵀ M_k x with M_k = Σ_j D_jk p_j p_jᵀ, p_j the columns of P
//! (Ryffel, Dufour-Sans, Gay, Bach and Pointcheval, NeurIPS 2019). A bias is a row of P whose input
//! is a constant. Everything is an integer: the ciphertext holds x in the exponent, and the result
//! is found by a discrete logarithm, so outputs must be *proven* small beforehand ([`Bounds`]).
//!
//! ```
//! use tacit_fe::IntegerModel;
//!
//! let model = IntegerModel::from_json(
//!     br#"{"inputs":2,"hidden":2,"outputs":1,"p":[[1,0],[1,-1]],"d":[[1],[2]],"input_max":9}"#,
//! )?;
//! assert_eq!(model.evaluate(&[3, 4])?, [7 * 7 + 2 * 4 * 4]);
//! assert_eq!(model.bounds().outputs()[0].high(), 18 * 18 + 2 * 9 * 9);
//! # Ok::<(), tacit_fe::ModelError>(())
//! ```
//!
//! Limits: at most [`MAX_INPUTS`] inputs, [`MAX_HIDDEN`] hidden values and [`MAX_OUTPUTS`] outputs,
//! coefficients of 16 bits. With them no intermediate value of [`IntegerModel::evaluate`] or of the
//! range analysis can leave 128 bits.

mod bounds;
mod error;
mod file;
mod json;
mod quantise;
mod tensors;

use std::fmt;

pub use bounds::{Bounds, Interval, OUTPUT_LIMIT_BITS};
pub use error::ModelError;
pub use file::MAX_MODEL_BYTES;
pub use quantise::{Quantisation, Quantised};

use crate::digest::digest;

/// Most inputs a model may have.
pub const MAX_INPUTS: usize = 1 << 16;
/// Most hidden values.
pub const MAX_HIDDEN: usize = 1 << 10;
/// Most outputs.
pub const MAX_OUTPUTS: usize = 1 << 8;
/// Most coefficients of P.
pub const MAX_COEFFICIENTS: usize = 1 << 22;

const HASH_CONTEXT: &str = "tacit fe 2026-11 integer model";

/// A quadratic network with integer coefficients. Valid by construction: shapes agree, sizes and
/// coefficients are within the limits of this module.
#[derive(Clone, PartialEq, Eq)]
pub struct IntegerModel {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    input_max: u16,
    /// Row-major, n × d.
    p: Vec<i16>,
    /// Row-major, d × k.
    d: Vec<i16>,
}

digest! {
    /// Names a model: BLAKE3 of its canonical encoding. Two files with the same coefficients, however
    /// they are laid out, have the same hash.
    ModelHash
}

impl IntegerModel {
    /// From matrices in row-major order: `p` with n rows of d, `d` with d rows of k.
    pub fn new(
        (inputs, hidden, outputs): (usize, usize, usize),
        p: Vec<i16>,
        d: Vec<i16>,
        input_max: u16,
    ) -> Result<Self, ModelError> {
        check_sizes(inputs, hidden, outputs)?;
        for (field, found, rows, columns) in [
            ("p", p.len(), inputs, hidden),
            ("d", d.len(), hidden, outputs),
        ] {
            if found != rows * columns {
                let reason = format!("has {found} coefficients, {rows} × {columns} are expected");
                return Err(field_error(field, reason));
            }
        }
        if input_max == 0 {
            let reason = "is 0, so every input would be 0; use 1 to 65535".into();
            return Err(field_error("input_max", reason));
        }
        Ok(Self {
            inputs,
            hidden,
            outputs,
            input_max,
            p,
            d,
        })
    }

    /// n, the constant included.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// d.
    pub fn hidden(&self) -> usize {
        self.hidden
    }

    /// k.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Inputs are 0 to this.
    pub fn input_max(&self) -> u16 {
        self.input_max
    }

    /// P, row-major: row i holds what input i adds to each hidden value.
    pub fn projection(&self) -> &[i16] {
        &self.p
    }

    /// Column j of P: the hidden value h_j as a linear form.
    pub fn projection_column(&self, j: usize) -> impl Iterator<Item = i16> + '_ {
        assert!(j < self.hidden, "hidden value {j} of {}", self.hidden);
        self.p[j..].iter().step_by(self.hidden).copied()
    }

    /// D, row-major: row j holds what h_j² adds to each output.
    pub fn combination(&self) -> &[i16] {
        &self.d
    }

    /// Column k of D: output k as a combination of squares.
    pub fn combination_column(&self, k: usize) -> impl Iterator<Item = i16> + '_ {
        assert!(k < self.outputs, "output {k} of {}", self.outputs);
        self.d[k..].iter().step_by(self.outputs).copied()
    }

    /// Whether an input has the right length and every value is in range.
    pub fn check_input(&self, x: &[u16]) -> Result<(), ModelError> {
        if x.len() != self.inputs {
            return Err(ModelError::InputShape {
                found: x.len(),
                expected: self.inputs,
            });
        }
        match x.iter().position(|&v| v > self.input_max) {
            None => Ok(()),
            Some(index) => Err(ModelError::InputRange {
                index,
                found: x[index].into(),
                input_max: self.input_max,
            }),
        }
    }

    /// The hidden values h = Pᵀx.
    pub fn hidden_values(&self, x: &[u16]) -> Result<Vec<i64>, ModelError> {
        self.check_input(x)?;
        let mut h = vec![0i64; self.hidden];
        for (&x, row) in x.iter().zip(self.p.chunks_exact(self.hidden)) {
            if x != 0 {
                for (h, &p) in h.iter_mut().zip(row) {
                    // |h| ≤ 2^16 · 2^15 · 2^16.
                    *h += i64::from(p) * i64::from(x);
                }
            }
        }
        Ok(h)
    }

    /// The outputs in the clear: what decryption must give.
    pub fn evaluate(&self, x: &[u16]) -> Result<Vec<i64>, ModelError> {
        let mut f = vec![0i128; self.outputs];
        let hidden = self.hidden_values(x)?;
        for (h, row) in hidden.into_iter().zip(self.d.chunks_exact(self.outputs)) {
            let square = i128::from(h) * i128::from(h);
            for (f, &d) in f.iter_mut().zip(row) {
                *f += square * i128::from(d);
            }
        }
        let narrow = |(output, value): (usize, i128)| {
            i64::try_from(value).map_err(|_| ModelError::BoundExceedsLimit {
                output,
                bound: value.abs(),
                bits: (value.abs() as f64).log2(),
            })
        };
        f.into_iter().enumerate().map(narrow).collect()
    }

    /// The canonical name of this model.
    pub fn hash(&self) -> ModelHash {
        let mut hasher = blake3::Hasher::new_derive_key(HASH_CONTEXT);
        for size in [self.inputs, self.hidden, self.outputs] {
            hasher.update(&(size as u32).to_le_bytes());
        }
        hasher.update(&self.input_max.to_le_bytes());
        for coefficients in [&self.p, &self.d] {
            let bytes: Vec<u8> = coefficients.iter().flat_map(|c| c.to_le_bytes()).collect();
            hasher.update(&bytes);
        }
        ModelHash::from_bytes(*hasher.finalize().as_bytes())
    }
}

/// Sizes within the limits of this module; before anything is allocated from them.
fn check_sizes(inputs: usize, hidden: usize, outputs: usize) -> Result<(), ModelError> {
    for (field, found, limit) in [
        ("inputs", inputs, MAX_INPUTS),
        ("hidden", hidden, MAX_HIDDEN),
        ("outputs", outputs, MAX_OUTPUTS),
    ] {
        if found == 0 || found > limit {
            return Err(field_error(
                field,
                format!("is {found}, expected 1 to {limit}"),
            ));
        }
    }
    if inputs * hidden > MAX_COEFFICIENTS {
        let reason =
            format!("{inputs} × {hidden} coefficients, at most {MAX_COEFFICIENTS} are allowed");
        return Err(field_error("p", reason));
    }
    Ok(())
}

fn field_error(field: impl Into<String>, reason: String) -> ModelError {
    ModelError::Field {
        origin: "(in memory)".into(),
        field: field.into(),
        reason,
    }
}

impl fmt::Debug for IntegerModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntegerModel")
            .field("inputs", &self.inputs)
            .field("hidden", &self.hidden)
            .field("outputs", &self.outputs)
            .field("input_max", &self.input_max)
            .field("hash", &self.hash())
            .finish_non_exhaustive()
    }
}
