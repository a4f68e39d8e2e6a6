//! Many ciphertexts, one to a thread.

use std::time::Instant;

use rayon::prelude::*;
use tacit_fe::{
    Ciphertext, DlogTable, Encryptor, EvaluationPlan, FeError, IntegerModel, MasterSecret, Timing,
};

use super::subject;
use crate::error::Context;
use crate::{Error, Progress};

/// Ciphertexts that are held in memory at once.
const HELD: usize = 32;

/// What is encrypted and evaluated.
pub(super) struct Batch<'a> {
    pub model: &'a IntegerModel,
    pub secret: &'a MasterSecret,
    /// For one thread: the threads go to the ciphertexts.
    pub plan: &'a EvaluationPlan,
    pub table: &'a DlogTable,
    pub limit: u64,
    pub seed: u64,
}

/// How long it took, in seconds, and whether every output was right.
pub(super) struct Throughput {
    pub encrypt: f64,
    pub evaluate: f64,
    pub matches: bool,
}

impl Batch<'_> {
    /// Encrypts and evaluates `count` inputs by the threads of the current pool.
    pub(super) fn run(&self, count: u32, progress: &Progress) -> Result<Throughput, Error> {
        let failed = || "functional encryption failed";
        let encryptor = Encryptor::authority(self.secret, Timing::Tables);
        let phase = progress.phase("throughput", count.into());
        let mut done = Throughput {
            encrypt: 0.0,
            evaluate: 0.0,
            matches: true,
        };
        let indices: Vec<u64> = (0..count.into()).collect();
        for chunk in indices.chunks(HELD) {
            let inputs: Vec<_> = chunk
                .iter()
                .map(|i| subject::input(self.model, self.seed, 1 << 20 | i))
                .collect();
            let start = Instant::now();
            let ciphertexts: Vec<Ciphertext> = inputs
                .par_iter()
                .map(|x| encryptor.encrypt(x))
                .collect::<Result<_, _>>()
                .failed(failed)?;
            done.encrypt += start.elapsed().as_secs_f64();
            let start = Instant::now();
            let outputs: Vec<Vec<i64>> = ciphertexts
                .par_iter()
                .map(|ciphertext| {
                    let values = self.plan.evaluate(ciphertext)?;
                    values
                        .iter()
                        .map(|y| self.table.solve(y, self.limit).map_err(Into::into))
                        .collect()
                })
                .collect::<Result<_, FeError>>()
                .failed(failed)?;
            done.evaluate += start.elapsed().as_secs_f64();
            for (x, found) in inputs.iter().zip(&outputs) {
                done.matches &= *found == self.model.evaluate(x).failed(failed)?;
                phase.inc();
            }
        }
        phase.finish();
        Ok(done)
    }
}
