//! One key, some images, and everybody's part: authority, encryptor, server.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tacit_collateral::{Head, Outputs, Part, integer_inputs};
use tacit_fe::authority::Request;
use tacit_fe::{
    Authority, Calibration, Ciphertext, DlogTable, Encryptor, Evaluator, IntegerModel, Policy,
    Timing, Unlock,
};
use tacit_report::measure::Phases;
use tacit_ring::Xof;

use crate::error::Context;
use crate::{Error, Progress};

pub(super) struct Journey<'a> {
    /// The model a key is issued for.
    pub model: &'a IntegerModel,
    /// One more, past the budget.
    pub other: &'a IntegerModel,
    pub head: &'a Head,
    pub part: &'a Part,
    pub images: usize,
    pub threads: usize,
}

/// What came of it.
pub(super) struct Arrival {
    pub images: usize,
    /// Outputs that differ from the model in the clear.
    pub different: usize,
    /// Characters the head reads rightly.
    pub right: usize,
    pub ciphertext_bytes: usize,
    /// Seconds each.
    pub encrypt_s: f64,
    pub evaluate_s: f64,
    /// Why the second key was refused; empty if it was not.
    pub refusal: String,
}

impl Journey<'_> {
    pub(super) fn run(
        &self,
        folder: &Path,
        now: SystemTime,
        phases: &mut Phases,
        progress: &Progress,
    ) -> Result<Arrival, Error> {
        let failed = || "the encrypted part failed";
        let model = self.model;
        // The key of this authority is not kept: after the demonstration nobody can open it.
        let mut secret = vec![0; 32];
        Xof::from_os().failed(failed)?.fill(&mut secret);
        let unlock = Unlock::key(secret).failed(failed)?;
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let request = Request {
            who: "demonstration",
            time: since.map_or(0, |s| s.as_secs()),
        };
        let policy = Policy {
            input_max: model.input_max(),
            rank_budget: model.outputs(),
            ..Policy::new(model.inputs())
        };
        let (authority, key, refusal) = phases.time("keys", || {
            let mut authority = Authority::create(folder, policy, &unlock, request)
                .bad_input(|| format!("no authority can be made in {}", folder.display()))?;
            let key = authority.issue(model, request).failed(failed)?.key;
            let refused = authority.issue(self.other, request).err();
            let refusal = refused.map(|e| e.to_string()).unwrap_or_default();
            Ok::<_, Error>((authority, key, refusal))
        })?;

        let rows = self.images.clamp(1, self.part.rows());
        let inputs: Vec<Vec<u16>> = (0..rows)
            .map(|i| integer_inputs(self.part.pixels().row(i)))
            .collect();
        let encryptor = Encryptor::public(authority.public_key(), Timing::ConstantTime);
        let phase = progress.phase("encrypting", rows as u64);
        let start = std::time::Instant::now();
        let files: Vec<Vec<u8>> = phases.time("encryption", || {
            let encrypted = inputs.iter().map(|x| {
                let ciphertext = encryptor.encrypt(x)?;
                phase.inc();
                Ok(ciphertext.to_bytes())
            });
            encrypted
                .collect::<Result<_, tacit_fe::FeError>>()
                .failed(failed)
        })?;
        let encrypt_s = start.elapsed().as_secs_f64() / rows as f64;
        phase.finish();

        let calibration =
            Calibration::from_inputs(model, inputs.iter().map(Vec::as_slice), 8).failed(failed)?;
        let table = phases.time("table of logarithms", || {
            let outputs = rows * model.outputs();
            DlogTable::build(calibration.table_size_for(outputs as u64), &|_, _| {})
        });
        let evaluator = Evaluator::new(&key, model, Arc::new(table), calibration, self.threads)
            .failed(failed)?;
        let phase = progress.phase("evaluating", rows as u64);
        let start = std::time::Instant::now();
        let outputs: Vec<Vec<i64>> = phases.time("ingest and evaluation", || {
            let ciphertexts: Vec<Ciphertext> = files
                .iter()
                .map(|bytes| Ciphertext::from_bytes(bytes))
                .collect::<Result<_, _>>()
                .failed(failed)?;
            let outputs = evaluator.evaluate_batch(&ciphertexts, &|_, _| phase.inc());
            outputs.into_iter().collect::<Result<_, _>>().failed(failed)
        })?;
        let evaluate_s = start.elapsed().as_secs_f64() / rows as f64;
        phase.finish();

        let mut different = 0;
        for (x, found) in inputs.iter().zip(&outputs) {
            let clear = model.evaluate(x).failed(failed)?;
            different += found.iter().zip(&clear).filter(|(a, b)| a != b).count();
        }
        let outputs = Outputs::new(model.outputs(), outputs.concat()).failed(failed)?;
        let read = self.head.classify(&outputs).failed(failed)?;
        let right = read
            .iter()
            .zip(self.part.public())
            .filter(|(a, b)| a == b)
            .count();
        Ok(Arrival {
            images: rows,
            different,
            right,
            ciphertext_bytes: files[0].len(),
            encrypt_s,
            evaluate_s,
            refusal,
        })
    }
}
