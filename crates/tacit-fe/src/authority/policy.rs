//! What an authority is willing to do.

use serde::{Deserialize, Serialize};

use super::AuthorityError;
use crate::model::{IntegerModel, MAX_INPUTS, OUTPUT_LIMIT_BITS};

/// The rules of one authority, fixed when it is created and written into its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// n: length of the vectors that are encrypted, the constant included.
    pub inputs: usize,
    /// Inputs are 0 to this.
    pub input_max: u16,
    /// R: the most linearly independent outputs ever issued under one master key.
    pub rank_budget: usize,
    /// Outputs are proven to stay within ±2^this, so that every discrete logarithm ends.
    pub output_bits: u32,
}

impl Policy {
    /// The default budget: four outputs, as many as a network for ten classes needs.
    ///
    /// Measured on 28 × 28 characters (`tacit-audit`, `reconstruction`): from four random linear
    /// measurements the published linear program comes no closer to an image than the mean of its
    /// class, and from the four best ones within half a decibel of it; from 40 the image is plain. With
    /// a Gaussian prior the best four gain 2 dB. So a budget bounds *how much* leaks, not *what*: four
    /// numbers can be a label, and only an audit of the outputs tells.
    pub const DEFAULT_RANK_BUDGET: usize = 4;
    /// Largest budget: beyond it rank is no protection for any model this crate can hold.
    pub const MOST_RANK: usize = 256;

    /// The default rules for vectors of `inputs` bytes.
    pub fn new(inputs: usize) -> Self {
        Self {
            inputs,
            input_max: 255,
            rank_budget: Self::DEFAULT_RANK_BUDGET,
            output_bits: OUTPUT_LIMIT_BITS,
        }
    }

    pub(super) fn check(&self) -> Result<(), AuthorityError> {
        let field = |field, reason| Err(AuthorityError::Field { field, reason });
        if self.inputs == 0 || self.inputs > MAX_INPUTS {
            let reason = format!("{} inputs; use 1 to {MAX_INPUTS}", self.inputs);
            return field("policy, inputs", reason);
        }
        if self.input_max == 0 {
            return field("policy, input_max", "is 0; use 1 to 65535".into());
        }
        if self.rank_budget == 0 || self.rank_budget > Self::MOST_RANK {
            let reason = format!("{}; use 1 to {}", self.rank_budget, Self::MOST_RANK);
            return field("policy, rank_budget", reason);
        }
        if self.output_bits == 0 || self.output_bits > OUTPUT_LIMIT_BITS {
            let reason = format!("{}; use 1 to {OUTPUT_LIMIT_BITS}", self.output_bits);
            return field("policy, output_bits", reason);
        }
        Ok(())
    }

    /// Whether a key for this model may be issued at all, whatever was issued before.
    pub(super) fn check_model(&self, model: &IntegerModel) -> Result<(), AuthorityError> {
        if model.inputs() != self.inputs || model.input_max() != self.input_max {
            return Err(AuthorityError::Inputs {
                inputs: model.inputs(),
                input_max: model.input_max(),
                expected_inputs: self.inputs,
                expected_input_max: self.input_max,
            });
        }
        let bounds = model.bounds();
        for (output, range) in bounds.outputs().iter().enumerate() {
            if range.magnitude() > 1 << self.output_bits {
                return Err(AuthorityError::OutputBound {
                    output,
                    bound: range.magnitude(),
                    allowed_bits: self.output_bits,
                });
            }
        }
        Ok(())
    }
}
