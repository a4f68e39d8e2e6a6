//! Evaluation of a functional key on a ciphertext.
//!
//! ```text
//!   [f_k(x)]_T = e(c0, k_k) · Π_j e(A_j, B_j)^{D_jk}        A_j = Σ_i P_ij a_i,  B_j = Σ_i P_ij b_i
//! ```
//!
//! in three steps, each parallel: the 4d sums A and B (two coordinates each); the d Miller loops of
//! two pairs, and one with prepared lines for each of the K key elements; the K products of powers,
//! each with one final exponentiation. Everything that depends on the model only is worked out when
//! the plan is made: which points are added in which order ([`SumProgram`]), the lines of the key's
//! elements, the columns of D.
//!
//! Nothing here is secret: the server that evaluates sees f(x).

use std::fmt;

use super::Ciphertext;
use super::keys::FunctionalKey;
use crate::error::FeError;
use crate::group::{G1Affine, G2Affine, Gt, PreparedG2, miller_loop};
use crate::model::{IntegerModel, ModelHash};
use crate::scheme::domain::PublicKeyHash;
use crate::scheme::plan::NetworkPlan;

/// A functional key and its model, made ready for many evaluations on a fixed number of threads.
pub struct EvaluationPlan {
    network: NetworkPlan,
    elements: Vec<PreparedG2>,
}

/// Coordinates of projected points, in order: a then b, first then second coordinate.
enum Projected {
    G1(Vec<G1Affine>),
    G2(Vec<G2Affine>),
}

impl EvaluationPlan {
    /// Prepares evaluations on a number of threads (at least one).
    pub fn new(key: &FunctionalKey, model: &IntegerModel, threads: usize) -> Result<Self, FeError> {
        key.check_model(model)?;
        Ok(Self {
            network: NetworkPlan::new(key.purpose, model, threads)?,
            elements: key.elements.iter().filter_map(PreparedG2::new).collect(),
        })
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.network.outputs()
    }

    /// The model evaluated.
    pub fn model(&self) -> ModelHash {
        self.network.model()
    }

    /// The master key whose ciphertexts can be evaluated.
    pub fn public_key(&self) -> PublicKeyHash {
        self.network.public_key()
    }

    /// Threads used.
    pub fn threads(&self) -> usize {
        self.network.threads()
    }

    /// gT^{f_k(x)} for k = 1 … K.
    pub fn evaluate(&self, ciphertext: &Ciphertext) -> Result<Vec<Gt>, FeError> {
        let network = &self.network;
        network.check(ciphertext)?;
        let pairs = self.project(ciphertext);
        let hidden = network.each(pairs.len(), |j| miller_loop(&pairs[j]));
        let gamma = &ciphertext.points.mask[0];
        Ok(network.each(self.outputs(), |k| {
            let mask = self.elements[k].miller_loop(gamma);
            (network.combine(k, &hidden) * mask).final_exponentiation()
        }))
    }

    /// The two pairs ⟨A_j, B_j⟩ of every hidden value.
    fn project(&self, ciphertext: &Ciphertext) -> Vec<[(G1Affine, G2Affine); 2]> {
        let programs = &self.network.projections;
        // Of each block: b and a of the first coordinate, then of the second. Sums in G2 take three
        // times as long, so this order gives two threads the same work.
        let projected = self.network.each(4 * programs.len(), |task| {
            let (program, coordinate) = (&programs[task / 4], task % 4 / 2);
            match task % 2 {
                0 => Projected::G2(program.run_g2(ciphertext.g2(coordinate))),
                _ => Projected::G1(program.run_g1(ciphertext.g1(coordinate))),
            }
        });
        let mut pairs = vec![];
        for block in projected.chunks_exact(4) {
            if let [
                Projected::G2(b0),
                Projected::G1(a0),
                Projected::G2(b1),
                Projected::G1(a1),
            ] = block
            {
                pairs.extend((0..a0.len()).map(|j| [(a0[j], b0[j]), (a1[j], b1[j])]));
            }
        }
        pairs
    }
}

impl fmt::Debug for EvaluationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluationPlan")
            .field("public_key", &self.public_key())
            .field("model", &self.model())
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}
