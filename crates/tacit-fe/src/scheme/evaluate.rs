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

use rayon::prelude::*;

use super::ciphertext::Ciphertext;
use super::keys::{FunctionalKey, PublicKeyHash};
use crate::error::FeError;
use crate::group::{G1Affine, G2Affine, Gt, MillerValue, PreparedG2, SumProgram, miller_loop};
use crate::model::{IntegerModel, ModelHash};

/// A functional key and its model, made ready for many evaluations on a fixed number of threads.
pub struct EvaluationPlan {
    public_key: PublicKeyHash,
    model: ModelHash,
    inputs: usize,
    /// Blocks of columns of P, so that there is work for every thread.
    projections: Vec<SumProgram>,
    /// Columns of D.
    combinations: Vec<Vec<i32>>,
    elements: Vec<PreparedG2>,
    /// None for one thread: the caller's.
    threads: Option<rayon::ThreadPool>,
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
        let pool = match threads {
            0 | 1 => None,
            _ => Some(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .thread_name(|index| format!("fe-evaluate-{index}"))
                    .build()
                    .map_err(|e| FeError::Threads(e.to_string()))?,
            ),
        };
        let column = |j| {
            let coefficients = (0..).zip(model.projection_column(j));
            coefficients.filter(|&(_, p)| p != 0).collect()
        };
        let columns: Vec<Vec<(u32, i16)>> = (0..model.hidden()).map(column).collect();
        // Four sums for each block: half as many blocks as threads keep all of them busy.
        let block = columns.len().div_ceil(threads.div_ceil(2).max(1));
        let projections = columns
            .chunks(block)
            .map(|columns| SumProgram::new(model.inputs(), columns.to_vec()))
            .collect();
        let combination = |k| model.combination_column(k).map(i32::from).collect();
        Ok(Self {
            public_key: key.public_key(),
            model: key.model(),
            inputs: model.inputs(),
            projections,
            combinations: (0..model.outputs()).map(combination).collect(),
            elements: key.elements.iter().filter_map(PreparedG2::new).collect(),
            threads: pool,
        })
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.elements.len()
    }

    /// The model evaluated.
    pub fn model(&self) -> ModelHash {
        self.model
    }

    /// The master key whose ciphertexts can be evaluated.
    pub fn public_key(&self) -> PublicKeyHash {
        self.public_key
    }

    /// Threads used.
    pub fn threads(&self) -> usize {
        self.threads
            .as_ref()
            .map_or(1, |pool| pool.current_num_threads())
    }

    /// gT^{f_k(x)} for k = 1 … K.
    pub fn evaluate(&self, ciphertext: &Ciphertext) -> Result<Vec<Gt>, FeError> {
        if ciphertext.public_key() != self.public_key {
            return Err(FeError::CiphertextForOtherKey {
                ciphertext: ciphertext.public_key().short(),
                key: self.public_key.short(),
            });
        }
        if ciphertext.inputs() != self.inputs {
            return Err(FeError::InputShape {
                found: ciphertext.inputs(),
                expected: self.inputs,
            });
        }
        Ok(match &self.threads {
            None => {
                let pairs = self.project(ciphertext, |tasks, run| (0..tasks).map(run).collect());
                let hidden: Vec<_> = pairs.iter().map(|pairs| miller_loop(pairs)).collect();
                let output = |k| self.output(k, &hidden, ciphertext);
                (0..self.outputs()).map(output).collect()
            }
            Some(pool) => pool.install(|| {
                let pairs = self.project(ciphertext, |tasks, run| {
                    (0..tasks)
                        .into_par_iter()
                        .with_max_len(1)
                        .map(run)
                        .collect()
                });
                let pairs = pairs.par_iter().with_max_len(1);
                let hidden: Vec<_> = pairs.map(|pairs| miller_loop(pairs)).collect();
                let outputs = (0..self.outputs()).into_par_iter().with_max_len(1);
                outputs
                    .map(|k| self.output(k, &hidden, ciphertext))
                    .collect()
            }),
        })
    }

    /// The two pairs ⟨A_j, B_j⟩ of every hidden value; `all` runs numbered tasks.
    fn project(
        &self,
        ciphertext: &Ciphertext,
        all: impl FnOnce(usize, &(dyn Fn(usize) -> Projected + Sync)) -> Vec<Projected>,
    ) -> Vec<[(G1Affine, G2Affine); 2]> {
        let n = self.inputs;
        let (a, b) = (&ciphertext.a, &ciphertext.b);
        // Of each block: b and a of the first coordinate, then of the second. Sums in G2 take three
        // times as long, so this order gives two threads the same work.
        let task = |task: usize| {
            let program = &self.projections[task / 4];
            let coordinate = task % 4 / 2 * n;
            match task % 2 {
                0 => Projected::G2(program.run_g2(&b[coordinate..coordinate + n])),
                _ => Projected::G1(program.run_g1(&a[coordinate..coordinate + n])),
            }
        };
        let projected = all(4 * self.projections.len(), &task);
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

    fn output(&self, k: usize, hidden: &[MillerValue], ciphertext: &Ciphertext) -> Gt {
        let exponents = self.combinations[k].iter().copied();
        let combined = MillerValue::product_of_powers(hidden.iter().copied().zip(exponents));
        let mask = self.elements[k].miller_loop(&ciphertext.gamma);
        (combined * mask).final_exponentiation()
    }
}

impl fmt::Debug for EvaluationPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluationPlan")
            .field("public_key", &self.public_key)
            .field("model", &self.model)
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}
