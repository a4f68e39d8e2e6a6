//! What plans of all schemes have in common: the network's sums, worked out once, and threads.

use rayon::prelude::*;

use super::ciphertext::CiphertextOf;
use super::construction::Construction;
use super::domain::{PublicKeyHash, Purpose};
use super::network::live_columns;
use crate::error::FeError;
use crate::group::{MillerValue, SumProgram};
use crate::model::{IntegerModel, ModelHash};

/// A network made ready for evaluations on a fixed number of threads.
pub(super) struct NetworkPlan {
    purpose: Purpose,
    inputs: usize,
    /// Blocks of columns of P, so that there is work for every thread.
    pub(super) projections: Vec<SumProgram>,
    /// Columns of D.
    combinations: Vec<Vec<i32>>,
    /// None for one thread: the caller's.
    threads: Option<rayon::ThreadPool>,
}

impl NetworkPlan {
    /// Prepares evaluations on a number of threads (at least one).
    pub(super) fn new(
        purpose: Purpose,
        model: &IntegerModel,
        threads: usize,
    ) -> Result<Self, FeError> {
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
        Ok(Self {
            purpose,
            inputs: model.inputs(),
            projections,
            combinations: (0..model.outputs()).map(combination).collect(),
            threads: pool,
        })
    }

    /// The model evaluated.
    pub(super) fn model(&self) -> ModelHash {
        self.purpose.model
    }

    /// The master key whose ciphertexts can be evaluated.
    pub(super) fn public_key(&self) -> PublicKeyHash {
        self.purpose.public_key
    }

    /// K.
    pub(super) fn outputs(&self) -> usize {
        self.combinations.len()
    }

    /// Threads used.
    pub(super) fn threads(&self) -> usize {
        self.threads
            .as_ref()
            .map_or(1, |pool| pool.current_num_threads())
    }

    /// Whether a ciphertext can be evaluated.
    pub(super) fn check<S: Construction>(
        &self,
        ciphertext: &CiphertextOf<S>,
    ) -> Result<(), FeError> {
        if ciphertext.public_key() != self.public_key() {
            return Err(FeError::CiphertextForOtherKey {
                ciphertext: ciphertext.public_key().short(),
                key: self.public_key().short(),
            });
        }
        if ciphertext.inputs() != self.inputs {
            return Err(FeError::InputShape {
                found: ciphertext.inputs(),
                expected: self.inputs,
            });
        }
        Ok(())
    }

    /// Numbered tasks on all threads, results in order.
    pub(super) fn each<T: Send>(
        &self,
        tasks: usize,
        run: impl Fn(usize) -> T + Send + Sync,
    ) -> Vec<T> {
        match &self.threads {
            None => (0..tasks).map(run).collect(),
            Some(pool) => pool.install(|| {
                let tasks = (0..tasks).into_par_iter().with_max_len(1);
                tasks.map(run).collect()
            }),
        }
    }

    /// Π_j values_j^{D_jk} over the columns that are not zero.
    pub(super) fn combine(&self, k: usize, values: &[MillerValue]) -> MillerValue {
        let exponents = self.combinations[k].iter().copied();
        MillerValue::product_of_powers(values.iter().copied().zip(exponents))
    }
}
