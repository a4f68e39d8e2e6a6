//! What a master key encrypts, what a functional key is for, and the names both go by.

use tacit_ring::{DecodeError, Transcript};

use crate::digest::digest;
use crate::error::FeError;
use crate::group::{G1Affine, G2Affine};
use crate::model::{IntegerModel, MAX_INPUTS, ModelHash};

digest! {
    /// Names a master key: a digest of its public half. Ciphertexts and functional keys carry it.
    PublicKeyHash
}

/// Vectors of `inputs` integers in 0 … `input_max`, under the key of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Domain {
    pub(super) inputs: usize,
    pub(super) input_max: u16,
    pub(super) hash: PublicKeyHash,
}

impl Domain {
    /// Named after all points of the public key; `label` separates the schemes.
    pub(super) fn new(
        label: &str,
        (inputs, input_max): (usize, u16),
        g1: &[G1Affine],
        g2: &[G2Affine],
    ) -> Self {
        let mut transcript = Transcript::new(label);
        transcript.append_u64(inputs as u64);
        transcript.append_u64(input_max.into());
        for point in g1 {
            transcript.append(&point.to_compressed());
        }
        for point in g2 {
            transcript.append(&point.to_compressed());
        }
        let hash = PublicKeyHash::from_bytes(transcript.digest());
        Self {
            inputs,
            input_max,
            hash,
        }
    }

    /// Whether there can be master keys of this shape.
    pub(super) fn check_shape(inputs: usize, input_max: u16) -> Result<(), FeError> {
        if inputs == 0 || inputs > MAX_INPUTS || input_max == 0 {
            return Err(FeError::KeyShape { inputs, input_max });
        }
        Ok(())
    }

    /// Whether x can be encrypted.
    pub(super) fn check_input(&self, x: &[u16]) -> Result<(), FeError> {
        if x.len() != self.inputs {
            return Err(FeError::InputShape {
                found: x.len(),
                expected: self.inputs,
            });
        }
        match x.iter().position(|&value| value > self.input_max) {
            None => Ok(()),
            Some(index) => Err(FeError::InputRange {
                index,
                found: x[index],
                input_max: self.input_max,
            }),
        }
    }

    /// Whether a key can be issued for a model.
    pub(super) fn check_model(&self, model: &IntegerModel) -> Result<(), FeError> {
        if model.inputs() != self.inputs || model.input_max() < self.input_max {
            return Err(FeError::ModelDoesNotFitKey {
                inputs: model.inputs(),
                input_max: model.input_max(),
                key_inputs: self.inputs,
                key_input_max: self.input_max,
            });
        }
        Ok(())
    }
}

/// What a functional key is for: one model under one master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Purpose {
    pub(super) public_key: PublicKeyHash,
    pub(super) model: ModelHash,
}

impl Purpose {
    /// Whether a key with so many outputs is that of `model`.
    pub(super) fn check_model(&self, model: &IntegerModel, outputs: usize) -> Result<(), FeError> {
        let hash = model.hash();
        if hash != self.model {
            return Err(FeError::KeyForOtherModel {
                key: self.model.short(),
                model: hash.short(),
            });
        }
        check_count("outputs of the functional key", outputs, model.outputs())
    }

    /// Whether the key opens ciphertexts under the master key of a name.
    pub(super) fn check_public_key(&self, ciphertext: PublicKeyHash) -> Result<(), FeError> {
        if ciphertext == self.public_key {
            return Ok(());
        }
        Err(FeError::CiphertextForOtherKey {
            ciphertext: ciphertext.short(),
            key: self.public_key.short(),
        })
    }
}

/// A count in a functional key that its model determines; another one means a forged key.
pub(super) fn check_count(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), FeError> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found as u64, expected as u64);
    Err(DecodeError::Field {
        what,
        found,
        expected,
    }
    .into())
}
