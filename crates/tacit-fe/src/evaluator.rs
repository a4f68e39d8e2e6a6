//! The server: from ciphertexts to the K numbers of the model.
//!
//! An [`Evaluator`] holds a functional key made ready, a table for discrete logarithms and threads.
//! Evaluating a ciphertext gives gT^{f_k(x)}; the search gives f_k(x), or an error within a known
//! number of steps. It is never wrong: every value is verified against the group element, and a value
//! outside the model's *proven* range is refused, since no input in range leads to it.
//!
//! The search goes as far as the [`Calibration`] says. The proven bound is always enough but often a
//! thousand times what occurs, and only the cost of *failing* grows with it (a value found costs what its
//! magnitude costs). So: the proven bound where outputs must never be lost, a calibrated one where a
//! strange ciphertext should be turned away quickly.
//!
//! ```
//! use std::sync::Arc;
//! use tacit_fe::evaluator::{Calibration, Evaluator};
//! use tacit_fe::{DlogTable, Encryptor, IntegerModel, MasterSecret, Timing};
//!
//! let model = IntegerModel::new((2, 1, 1), vec![3, -1], vec![2], 9)?;
//! let master = MasterSecret::generate(2, 9)?;
//! let key = master.keygen(&model)?;
//!
//! let calibration = Calibration::proven(&model)?;
//! let table = Arc::new(DlogTable::build(calibration.table_size(1000), &|_, _| {}));
//! let evaluator = Evaluator::new(&key, &model, table, calibration, 1)?;
//!
//! let ciphertext = Encryptor::public(master.public_key(), Timing::ConstantTime).encrypt(&[4, 5])?;
//! assert_eq!(evaluator.evaluate(&ciphertext)?, [2 * 7 * 7]);
//! # Ok::<(), tacit_fe::FeError>(())
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::dlog::{DlogTable, Progress, TableSize};
use crate::error::FeError;
use crate::group::Gt;
use crate::model::{IntegerModel, Interval, ModelHash};
use crate::scheme::{FunctionalKey, GenericGroup, QuadraticFe};

/// How large outputs are expected to be, and how far the search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    expected: u64,
    limit: u64,
}

impl Calibration {
    /// Without data: search as far as the model's proven bound, and expect an eighth of it.
    pub fn proven(model: &IntegerModel) -> Result<Self, FeError> {
        let limit = proven_limit(model)?;
        let expected = limit / 8;
        Ok(Self { expected, limit })
    }

    /// From inputs in the clear, such as training data: expect the largest output that occurs, and
    /// search `margin` times as far, but never beyond the proven bound.
    pub fn from_inputs<'a>(
        model: &IntegerModel,
        inputs: impl IntoIterator<Item = &'a [u16]>,
        margin: u32,
    ) -> Result<Self, FeError> {
        let proven = proven_limit(model)?;
        let mut expected = 0;
        for x in inputs {
            let outputs = model.evaluate(x)?;
            let largest = outputs.iter().map(|v| v.unsigned_abs()).max();
            expected = expected.max(largest.unwrap_or(0));
        }
        let limit = expected.saturating_mul(margin.max(1).into()).min(proven);
        Ok(Self { expected, limit })
    }

    /// Largest magnitude expected.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// Largest magnitude that is searched.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The smallest table with which an expected output costs at most so many steps, of well below a
    /// microsecond each.
    pub fn table_size(&self, steps: u64) -> TableSize {
        TableSize::for_magnitude(self.expected, steps)
    }

    /// The table with which building it and finding so many expected outputs cost least together:
    /// T entries and M/T steps for each of n outputs of magnitude M, so T = √(nM).
    pub fn table_size_for(&self, outputs: u64) -> TableSize {
        let steps = (self.expected as f64 / outputs.max(1) as f64).sqrt();
        self.table_size((steps as u64).max(1))
    }
}

/// The largest magnitude of an output; an error if it is beyond every search.
fn proven_limit(model: &IntegerModel) -> Result<u64, FeError> {
    let bound = model.check_limit()?.largest_output();
    // At most 2^48 after the check.
    Ok(bound as u64)
}

/// A functional key of the scheme `S`, ready to decrypt.
pub struct Evaluator<S: QuadraticFe = GenericGroup> {
    scheme: S,
    /// One ciphertext by all threads.
    wide: S::Plan,
    /// One ciphertext by one thread, many at a time.
    narrow: S::Plan,
    model: ModelHash,
    table: Arc<DlogTable>,
    ranges: Vec<Interval>,
    limit: u64,
    pool: Option<rayon::ThreadPool>,
}

impl Evaluator {
    /// Prepares a key of the scheme in the generic group model for its model. Fails if the key is for
    /// another model or if the model's bound is beyond the limit.
    pub fn new(
        key: &FunctionalKey,
        model: &IntegerModel,
        table: Arc<DlogTable>,
        calibration: Calibration,
        threads: usize,
    ) -> Result<Self, FeError> {
        let scheme = GenericGroup::default();
        Self::with_scheme(scheme, key, model, table, calibration, threads)
    }
}

impl<S: QuadraticFe> Evaluator<S> {
    /// Prepares a key of any scheme, as [`Evaluator::new`].
    pub fn with_scheme(
        scheme: S,
        key: &S::FunctionalKey,
        model: &IntegerModel,
        table: Arc<DlogTable>,
        calibration: Calibration,
        threads: usize,
    ) -> Result<Self, FeError> {
        let bounds = model.check_limit()?;
        let pool = match threads {
            0 | 1 => None,
            _ => Some(
                rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .map_err(|error| FeError::Threads(error.to_string()))?,
            ),
        };
        Ok(Self {
            wide: scheme.prepare(key, model, threads)?,
            narrow: scheme.prepare(key, model, 1)?,
            scheme,
            model: model.hash(),
            table,
            ranges: bounds.outputs().to_vec(),
            limit: calibration.limit,
            pool,
        })
    }

    /// K.
    pub fn outputs(&self) -> usize {
        self.ranges.len()
    }

    /// The model evaluated.
    pub fn model(&self) -> ModelHash {
        self.model
    }

    /// The most steps of search one output can take.
    pub fn max_steps(&self) -> u64 {
        self.table.max_steps(self.limit)
    }

    /// f_1(x) … f_K(x) of one ciphertext, by all threads.
    pub fn evaluate(&self, ciphertext: &S::Ciphertext) -> Result<Vec<i64>, FeError> {
        let Some(pool) = &self.pool else {
            return self.evaluate_here(ciphertext);
        };
        let powers = self.scheme.evaluate(&self.wide, ciphertext)?;
        pool.install(|| {
            let outputs = powers.par_iter().enumerate();
            outputs.map(|(k, power)| self.solve(k, power)).collect()
        })
    }

    /// Many ciphertexts, one to a thread; results in order. `progress` hears (done, total).
    pub fn evaluate_batch(
        &self,
        ciphertexts: &[S::Ciphertext],
        progress: Progress,
    ) -> Vec<Result<Vec<i64>, FeError>> {
        let (done, total) = (AtomicU64::new(0), ciphertexts.len() as u64);
        let one = |ciphertext: &S::Ciphertext| {
            let outputs = self.evaluate_here(ciphertext);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            outputs
        };
        match &self.pool {
            None => ciphertexts.iter().map(one).collect(),
            Some(pool) => pool.install(|| ciphertexts.par_iter().map(one).collect()),
        }
    }

    fn evaluate_here(&self, ciphertext: &S::Ciphertext) -> Result<Vec<i64>, FeError> {
        let powers = self.scheme.evaluate(&self.narrow, ciphertext)?;
        let outputs = powers.iter().enumerate();
        outputs.map(|(k, power)| self.solve(k, power)).collect()
    }

    fn solve(&self, output: usize, power: &Gt) -> Result<i64, FeError> {
        let value = self
            .table
            .solve(power, self.limit)
            .map_err(|source| FeError::Output { output, source })?;
        let range = self.ranges[output];
        if range.contains(value.into()) {
            return Ok(value);
        }
        Err(FeError::ImpossibleOutput {
            output,
            low: range.low(),
            high: range.high(),
        })
    }
}

impl<S: QuadraticFe> std::fmt::Debug for Evaluator<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluator")
            .field("model", &self.model())
            .field("table", &self.table)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
