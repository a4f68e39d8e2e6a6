//! Evaluation of a functional key on a ciphertext, in three steps, each parallel: the points of the ciphertext
//! are summed up by the columns of P; the pairings of every hidden value; for every output the product of
//! powers by a column of D, what takes the masks off, and a final exponentiation.
//!
//! Everything that depends on the model only is worked out when the plan is made: which points are added in
//! which order ([`SumProgram`]), the lines of the key's points, the columns of D.
//!
//! Nothing here is secret: the server that evaluates sees f(x).

use std::fmt;
use std::marker::PhantomData;

use rayon::prelude::*;

use super::ciphertext::CiphertextOf;
use super::construction::Construction;
use super::domain::{PublicKeyHash, Purpose};
use super::keys::FunctionalKeyOf;
use super::network::live_columns;
use crate::error::FeError;
use crate::group::{G1Affine, G2, G2Affine, Gt, MillerValue, PreparedG2, SumProgram};
use crate::model::{IntegerModel, ModelHash};

/// A functional key of the scheme `S` and its model, made ready for many evaluations on a fixed number of
/// threads.
pub struct EvaluationPlanOf<S> {
    purpose: Purpose,
    inputs: usize,
    /// Blocks of columns of P, so that there is work for every thread.
    projections: Vec<SumProgram>,
    /// Columns of D, without what belongs to zero columns of P.
    combinations: Vec<Vec<i32>>,
    /// Of the opposites of the key's points of hidden values.
    hidden: Vec<PreparedG2>,
    /// Of the key's points of outputs.
    elements: Vec<PreparedG2>,
    /// None for one thread: the caller's.
    threads: Option<rayon::ThreadPool>,
    scheme: PhantomData<S>,
}

/// Projected points: of each kind in the ciphertext, one for every column of P that is not zero.
pub(crate) struct Sums {
    pub(super) g1: Vec<Vec<G1Affine>>,
    pub(super) g2: Vec<Vec<G2Affine>>,
}

/// A kind of points of a ciphertext.
#[derive(Clone, Copy)]
enum Kind {
    G1(usize),
    G2(usize),
}

/// The sums of one kind by a block of columns.
enum Block {
    G1(usize, Vec<G1Affine>),
    G2(usize, Vec<G2Affine>),
}

#[allow(private_bounds)]
impl<S: Construction> EvaluationPlanOf<S> {
    /// Prepares evaluations on a number of threads (at least one).
    pub fn new(
        key: &FunctionalKeyOf<S>,
        model: &IntegerModel,
        threads: usize,
    ) -> Result<Self, FeError> {
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
        let live = live_columns(model);
        let column = |&j: &usize| {
            let coefficients = (0..).zip(model.projection_column(j));
            coefficients.filter(|&(_, p)| p != 0).collect()
        };
        let columns: Vec<Vec<(u32, i16)>> = live.iter().map(column).collect();
        // Several sums for each block: half as many blocks as threads keep all of them busy.
        let blocks = threads.div_ceil(2).max(1);
        let block = columns.len().div_ceil(blocks).max(1);
        let projections = columns
            .chunks(block)
            .map(|columns| SumProgram::new(model.inputs(), columns.to_vec()))
            .collect();
        let combination = |k| {
            let column: Vec<i16> = model.combination_column(k).collect();
            live.iter().map(|&j| column[j].into()).collect()
        };
        // Decoded and issued keys hold no identity, so no point is left out.
        let opposite = |q: &G2Affine| PreparedG2::new(&(-G2::from(*q)).to_affine());
        Ok(Self {
            purpose: key.purpose,
            inputs: model.inputs(),
            projections,
            combinations: (0..model.outputs()).map(combination).collect(),
            hidden: key.hidden.iter().filter_map(opposite).collect(),
            elements: key.elements.iter().filter_map(PreparedG2::new).collect(),
            threads: pool,
            scheme: PhantomData,
        })
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.combinations.len()
    }

    /// The model evaluated.
    pub fn model(&self) -> ModelHash {
        self.purpose.model
    }

    /// The master key whose ciphertexts can be evaluated.
    pub fn public_key(&self) -> PublicKeyHash {
        self.purpose.public_key
    }

    /// Threads used.
    pub fn threads(&self) -> usize {
        self.threads
            .as_ref()
            .map_or(1, |pool| pool.current_num_threads())
    }

    /// gT^{f_k(x)} for k = 1 … K.
    pub fn evaluate(&self, ciphertext: &CiphertextOf<S>) -> Result<Vec<Gt>, FeError> {
        self.check(ciphertext)?;
        let sums = self.project(ciphertext);
        let columns = sums.g2.first().map_or(0, Vec::len);
        let hidden = self.each(columns, |j| S::hidden_value(&self.hidden, &sums, j));
        let (mask, points) = (&ciphertext.points.mask, S::LAYOUT.mask);
        Ok(self.each(self.outputs(), |k| {
            let unmask = S::unmask(mask, &self.elements[k * points..][..points]);
            (self.combine(k, &hidden) * unmask).final_exponentiation()
        }))
    }

    /// Whether a ciphertext can be evaluated.
    fn check(&self, ciphertext: &CiphertextOf<S>) -> Result<(), FeError> {
        self.purpose.check_public_key(ciphertext.public_key())?;
        if ciphertext.inputs() != self.inputs {
            return Err(FeError::InputShape {
                found: ciphertext.inputs(),
                expected: self.inputs,
            });
        }
        Ok(())
    }

    /// The sums of the ciphertext's points by every column of P.
    fn project(&self, ciphertext: &CiphertextOf<S>) -> Sums {
        let (in_g1, in_g2) = (S::LAYOUT.g1, S::LAYOUT.g2);
        // G2 and G1 by turns, G2 first: sums in G2 take three times as long, and so two threads get the same
        // work.
        let turn = |kind| {
            let g2 = (kind < in_g2).then_some(Kind::G2(kind));
            let g1 = (kind < in_g1).then_some(Kind::G1(kind));
            g2.into_iter().chain(g1)
        };
        let kinds: Vec<Kind> = (0..in_g1.max(in_g2)).flat_map(turn).collect();
        let blocks = self.each(kinds.len() * self.projections.len(), |task| {
            let program = &self.projections[task / kinds.len()];
            match kinds[task % kinds.len()] {
                Kind::G1(kind) => Block::G1(kind, program.run_g1(ciphertext.g1(kind))),
                Kind::G2(kind) => Block::G2(kind, program.run_g2(ciphertext.g2(kind))),
            }
        });
        let mut sums = Sums {
            g1: vec![vec![]; in_g1],
            g2: vec![vec![]; in_g2],
        };
        for block in blocks {
            match block {
                Block::G1(kind, points) => sums.g1[kind].extend(points),
                Block::G2(kind, points) => sums.g2[kind].extend(points),
            }
        }
        sums
    }

    /// Numbered tasks on all threads, results in order.
    fn each<T: Send>(&self, tasks: usize, run: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
        match &self.threads {
            None => (0..tasks).map(run).collect(),
            Some(pool) => pool.install(|| {
                let tasks = (0..tasks).into_par_iter().with_max_len(1);
                tasks.map(run).collect()
            }),
        }
    }

    /// Π_j values_j^{D_jk} over the columns that are not zero.
    fn combine(&self, k: usize, values: &[MillerValue]) -> MillerValue {
        let exponents = self.combinations[k].iter().copied();
        MillerValue::product_of_powers(values.iter().copied().zip(exponents))
    }
}

impl<S: Construction> fmt::Debug for EvaluationPlanOf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvaluationPlan")
            .field("public_key", &self.public_key())
            .field("model", &self.model())
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}
