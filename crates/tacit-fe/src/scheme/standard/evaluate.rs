//! Evaluation of a functional key on a ciphertext.
//!
//! ```text
//!   [f_k(z)]_T = e(y0, k_k) · Π_j ( e(Y1_j, Y2_j) · Π_{b=1..3} e(Y3_{b,j}, [−α_{b,j}]_2) )^{D_jk}
//! ```
//!
//! in three steps, each parallel: the 5d sums Y; for each hidden value one Miller loop of four pairs, three of
//! them with lines worked out when the plan was made; for each output the product of powers, a loop of two
//! prepared pairs and a final exponentiation.
//!
//! Nothing here is secret: the server that evaluates sees f(z).

use std::fmt;

use super::keys::FunctionalKey;
use super::{BLOCKS, Ciphertext};
use crate::error::FeError;
use crate::group::{G1Affine, G2, G2Affine, Gt, MillerValue, PreparedG2, miller_loop_prepared};
use crate::model::{IntegerModel, ModelHash};
use crate::scheme::domain::PublicKeyHash;
use crate::scheme::plan::NetworkPlan;

/// A functional key and its model, made ready for many evaluations on a fixed number of threads.
pub struct EvaluationPlan {
    network: NetworkPlan,
    /// Of \[−α_j\]_2.
    hidden: Vec<PreparedG2>,
    /// Of \[W·v_k\]_2.
    elements: Vec<PreparedG2>,
}

/// The sums of one hidden value.
struct Projected {
    y1: G1Affine,
    y2: G2Affine,
    y3: [G1Affine; BLOCKS],
}

/// The sums of one kind for a block of hidden values.
enum Sums {
    G1(Vec<G1Affine>),
    G2(Vec<G2Affine>),
}

impl EvaluationPlan {
    /// Prepares evaluations on a number of threads (at least one).
    pub fn new(key: &FunctionalKey, model: &IntegerModel, threads: usize) -> Result<Self, FeError> {
        key.check_model(model)?;
        // Decoded and issued keys hold no identity, so no point is left out.
        let opposite = |q: &G2Affine| PreparedG2::new(&(-G2::from(*q)).to_affine());
        Ok(Self {
            network: NetworkPlan::new(key.purpose, model, threads)?,
            hidden: key.hidden.iter().filter_map(opposite).collect(),
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

    /// gT^{f_k(z)} for k = 1 … K.
    pub fn evaluate(&self, ciphertext: &Ciphertext) -> Result<Vec<Gt>, FeError> {
        let network = &self.network;
        network.check(ciphertext)?;
        let projected = self.project(ciphertext);
        let hidden = network.each(projected.len(), |j| self.hidden_value(j, &projected[j]));
        let y0 = &ciphertext.points.mask;
        Ok(network.each(self.outputs(), |k| {
            let elements = &self.elements[2 * k..2 * k + 2];
            let pairs: Vec<_> = y0.iter().zip(elements).collect();
            let mask = miller_loop_prepared(&pairs);
            (network.combine(k, &hidden) * mask).final_exponentiation()
        }))
    }

    fn hidden_value(&self, j: usize, sums: &Projected) -> MillerValue {
        let fixed = &self.hidden[BLOCKS * j..BLOCKS * (j + 1)];
        let mut pairs: Vec<_> = sums.y3.iter().zip(fixed).collect();
        let fresh = PreparedG2::new(&sums.y2);
        pairs.extend(fresh.as_ref().map(|fresh| (&sums.y1, fresh)));
        miller_loop_prepared(&pairs)
    }

    /// Y of every hidden value.
    fn project(&self, ciphertext: &Ciphertext) -> Vec<Projected> {
        let programs = &self.network.projections;
        // Of each block: y2, then y1 and the three vectors of y3. Sums in G2 take three times as long,
        // so they come first.
        const KINDS: usize = 2 + BLOCKS;
        let sums = self.network.each(KINDS * programs.len(), |task| {
            let program = &programs[task / KINDS];
            match task % KINDS {
                0 => Sums::G2(program.run_g2(ciphertext.g2(0))),
                kind => Sums::G1(program.run_g1(ciphertext.g1(kind - 1))),
            }
        });
        let mut out = vec![];
        for block in sums.chunks_exact(KINDS) {
            if let [
                Sums::G2(y2),
                Sums::G1(y1),
                Sums::G1(first),
                Sums::G1(second),
                Sums::G1(third),
            ] = block
            {
                out.extend((0..y2.len()).map(|j| Projected {
                    y1: y1[j],
                    y2: y2[j],
                    y3: [first[j], second[j], third[j]],
                }));
            }
        }
        out
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
