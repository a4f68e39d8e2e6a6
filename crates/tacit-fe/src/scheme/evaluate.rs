//! Evaluation of a functional key on a ciphertext.

use std::fmt;

use super::ciphertext::Ciphertext;
use super::keys::{FunctionalKey, PublicKeyHash};
use crate::error::FeError;
use crate::group::{G1, G1Affine, G2, G2Affine, Gt, MillerValue, miller_loop};
use crate::model::{IntegerModel, ModelHash};

/// A functional key and its model, made ready for many evaluations.
pub struct EvaluationPlan {
    public_key: PublicKeyHash,
    model: IntegerModel,
    hash: ModelHash,
    elements: Vec<G2Affine>,
    threads: usize,
}

impl EvaluationPlan {
    /// Prepares evaluations on a number of threads.
    pub fn new(key: &FunctionalKey, model: &IntegerModel, threads: usize) -> Result<Self, FeError> {
        key.check_model(model)?;
        Ok(Self {
            public_key: key.public_key(),
            model: model.clone(),
            hash: key.model(),
            elements: key.elements.clone(),
            threads: threads.max(1),
        })
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.elements.len()
    }

    /// The model evaluated.
    pub fn model(&self) -> ModelHash {
        self.hash
    }

    /// gT^{f_k(x)} for k = 1 … K.
    pub fn evaluate(&self, ciphertext: &Ciphertext) -> Result<Vec<Gt>, FeError> {
        if ciphertext.public_key() != self.public_key {
            return Err(FeError::CiphertextForOtherKey {
                ciphertext: ciphertext.public_key().short(),
                key: self.public_key.short(),
            });
        }
        let n = self.model.inputs();
        if ciphertext.inputs() != n {
            return Err(FeError::InputShape {
                found: ciphertext.inputs(),
                expected: n,
            });
        }
        let (a, b) = (&ciphertext.a, &ciphertext.b);
        let hidden: Vec<MillerValue> = (0..self.model.hidden())
            .map(|j| {
                miller_loop(&[
                    (self.project_g1(&a[..n], j), self.project_g2(&b[..n], j)),
                    (self.project_g1(&a[n..], j), self.project_g2(&b[n..], j)),
                ])
            })
            .collect();
        let outputs = self.elements.iter().enumerate().map(|(k, element)| {
            let mut product = miller_loop(&[(ciphertext.gamma, *element)]);
            for (value, d) in hidden.iter().zip(self.model.combination_column(k)) {
                product = product * value.pow_vartime(d.into());
            }
            product.final_exponentiation()
        });
        Ok(outputs.collect())
    }

    fn project_g1(&self, points: &[G1Affine], column: usize) -> G1Affine {
        let mut sum = G1::identity();
        for (point, p) in points.iter().zip(self.model.projection_column(column)) {
            let multiple = G1::from(*point).mul_u16(p.unsigned_abs());
            sum += if p < 0 { -multiple } else { multiple };
        }
        sum.to_affine()
    }

    fn project_g2(&self, points: &[G2Affine], column: usize) -> G2Affine {
        let mut sum = G2::identity();
        for (point, p) in points.iter().zip(self.model.projection_column(column)) {
            let multiple = G2::from(*point).mul_u16(p.unsigned_abs());
            sum += if p < 0 { -multiple } else { multiple };
        }
        sum.to_affine()
    }
}

impl fmt::Debug for EvaluationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluationPlan")
            .field("public_key", &self.public_key)
            .field("model", &self.hash)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
