//! Where ciphertexts come from: files, or images encrypted on the way.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use tacit_data::idx;
use tacit_fe::{Ciphertext, Evaluator, FeError, FunctionalKey, IntegerModel};

use super::super::encryption::{EncryptionKey, threads};
use super::super::files;
use super::super::images::Images;
use super::Evaluate;
use super::result::Findings;
use crate::error::Context;
use crate::{Error, Progress};

/// Ciphertexts held in memory at once.
const HELD: usize = 32;

pub(super) enum Source {
    /// Files of a folder.
    Files {
        paths: Vec<PathBuf>,
        trusted: bool,
        labels: Option<Vec<u8>>,
    },
    /// Images, encrypted here.
    Images {
        vectors: Vec<Vec<u16>>,
        first: usize,
        labels: Option<Vec<u8>>,
        key: EncryptionKey,
    },
}

impl Source {
    /// Refuses what the key cannot open before anything costly is done.
    pub(super) fn open(
        args: &Evaluate,
        model: &IntegerModel,
        key: &FunctionalKey,
    ) -> Result<Source, Error> {
        if let Some(folder) = &args.ciphertexts {
            let paths = files::ciphertexts(folder)?;
            let labels = labels(args.labels.as_deref(), paths.len())?;
            for path in &paths {
                let named = files::ciphertext_key(path, args.trusted)?;
                key.check_public_key(named).bad_input(|| cannot(path))?;
            }
            return Ok(Source::Files {
                paths,
                trusted: args.trusted,
                labels,
            });
        }
        let images = args.images.load()?;
        let encryption = args.encryption.open()?;
        key.check_public_key(encryption.public().hash())
            .bad_input(|| "the functional key cannot open these ciphertexts")
            .map_err(|error| {
                error.remedy("use the public key the functional key was issued under")
            })?;
        Ok(Source::Images {
            vectors: images.vectors(model.inputs(), model.input_max())?,
            first: images.first,
            labels: own_labels(images, args)?,
            key: encryption,
        })
    }

    /// Evaluates everything and notes the outputs in order.
    pub(super) fn each(
        &self,
        evaluator: &Evaluator,
        model: &IntegerModel,
        count: u16,
        progress: &Progress,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let pool = threads(count)?;
        match self {
            Source::Files {
                paths,
                trusted,
                labels,
            } => {
                let phase = progress.phase("evaluating", paths.len() as u64);
                for (at, paths) in paths.chunks(HELD).enumerate() {
                    let start = Instant::now();
                    let ciphertexts: Vec<Ciphertext> = pool.install(|| {
                        let read = paths.par_iter().map(|p| files::ciphertext(p, *trusted));
                        read.collect::<Result<_, Error>>()
                    })?;
                    findings.ingest_s += start.elapsed().as_secs_f64();
                    let start = Instant::now();
                    let outputs = evaluator.evaluate_batch(&ciphertexts, &|_, _| phase.inc());
                    findings.evaluate_s += start.elapsed().as_secs_f64();
                    for (i, (path, outputs)) in paths.iter().zip(outputs).enumerate() {
                        let name = stem(path);
                        let outputs = outputs.bad_input(|| cannot(path))?;
                        let label = labels.as_ref().map(|labels| labels[at * HELD + i]);
                        findings.note(name, outputs, label);
                    }
                }
                phase.finish();
            }
            Source::Images {
                vectors,
                first,
                labels,
                key,
            } => {
                let encryptor = pool.install(|| key.encryptor());
                let phase = progress.phase("encrypting, evaluating", vectors.len() as u64);
                for (at, inputs) in vectors.chunks(HELD).enumerate() {
                    let failed = || "an image could not be encrypted and evaluated";
                    let start = Instant::now();
                    let ciphertexts: Vec<Ciphertext> = pool.install(|| {
                        let made = inputs.par_iter().map(|x| encryptor.encrypt(x));
                        made.collect::<Result<_, FeError>>().failed(failed)
                    })?;
                    findings.encrypt_s += start.elapsed().as_secs_f64();
                    let start = Instant::now();
                    let outputs = evaluator.evaluate_batch(&ciphertexts, &|_, _| phase.inc());
                    findings.evaluate_s += start.elapsed().as_secs_f64();
                    for (i, (x, outputs)) in inputs.iter().zip(outputs).enumerate() {
                        let clear = model.evaluate(x).failed(failed)?;
                        let index = at * HELD + i;
                        let label = labels.as_ref().map(|labels| labels[index]);
                        let name = (first + index).to_string();
                        findings.compare(name, outputs.failed(failed)?, &clear, label);
                    }
                }
                phase.finish();
            }
        }
        Ok(())
    }
}

fn own_labels(images: Images, args: &Evaluate) -> Result<Option<Vec<u8>>, Error> {
    match &args.labels {
        None => Ok(images.labels),
        Some(_) => {
            let last = images.first + images.len();
            let all = labels(args.labels.as_deref(), last)?;
            Ok(all.map(|all| all[images.first..].to_vec()))
        }
    }
}

/// The first `count` labels of a file.
fn labels(path: Option<&Path>, count: usize) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = path else { return Ok(None) };
    let unusable = || "the labels cannot be used";
    let mut labels = idx::read_all_labels(path).bad_input(unusable)?;
    if labels.len() < count {
        return Err(Error::bad_input(unusable())
            .because(format!(
                "{} has {} labels for {count} images",
                path.display(),
                labels.len()
            ))
            .remedy("give the label file of the same images"));
    }
    labels.truncate(count);
    Ok(Some(labels))
}

fn cannot(path: &Path) -> String {
    format!("the ciphertext {} cannot be evaluated", path.display())
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
