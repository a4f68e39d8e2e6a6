//! `tacit fe encrypt`: images to ciphertext files.

use std::path::PathBuf;

use rayon::prelude::*;
use tacit_report::{Run, write_whole};

use super::encryption::{EncryptionArgs, threads};
use super::{files, images::ImageArgs};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe encrypt`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every image becomes a file NNNNNN.ct in the folder of --out, named by its position in the input. Points are
compressed; --raw doubles the size and saves the receiver on this machine most of the reading.

Examples:
  tacit fe encrypt --public-key public.key --input characters --count 100 --out ciphertexts
  tacit fe encrypt --public-key public.key --input t10k-images-idx3-ubyte.gz --skip 40 --count 1 --out one
  tacit fe encrypt --authority authority --key-file /run/keys/authority --timing tables --input mnist --out all")]
pub struct Encrypt {
    /// The key.
    #[command(flatten)]
    pub key: EncryptionArgs,

    /// The images.
    #[command(flatten)]
    pub images: ImageArgs,

    /// Put the ciphertexts into FOLDER.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,

    /// Write points with both coordinates.
    #[arg(long)]
    pub raw: bool,

    /// Threads.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: u16,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Encrypts the images.
pub fn run(args: &Encrypt, console: &mut Console) -> Result<Outcome, Error> {
    let images = args.images.load()?;
    let key = args.key.open()?;
    let public = key.public();
    let vectors = images.vectors(public.inputs(), public.input_max())?;
    std::fs::create_dir_all(&args.out)
        .bad_input(|| format!("{} cannot be used as a folder", args.out.display()))?;
    let pool = threads(args.threads)?;
    let started = std::time::Instant::now();
    let encryptor = pool.install(|| key.encryptor());
    let phase = console.progress().phase("encrypting", vectors.len() as u64);
    let bytes: Vec<usize> = pool.install(|| {
        vectors
            .par_iter()
            .enumerate()
            .map(|(i, x)| {
                let ciphertext = encryptor
                    .encrypt(x)
                    .failed(|| "an image was not encrypted")?;
                let bytes = match args.raw {
                    true => ciphertext.to_raw_bytes(),
                    false => ciphertext.to_bytes(),
                };
                let name = format!("{:06}.{}", images.first + i, files::CIPHERTEXT);
                write_whole(&args.out.join(name), &bytes)
                    .failed(|| "a ciphertext could not be written")?;
                phase.inc();
                Ok(bytes.len())
            })
            .collect::<Result<_, Error>>()
    })?;
    phase.finish();
    let seconds = started.elapsed().as_secs_f64();
    console.say(&format!(
        "{} images encrypted under master key {}: {}",
        bytes.len(),
        public.hash().short(),
        args.out.display()
    ))?;
    let failed = || "the record cannot be made";
    let mut run = Run::new("fe encrypt", env!("CARGO_PKG_VERSION"), 0).failed(failed)?;
    run.param("public_key", public.hash().to_string())
        .failed(failed)?;
    let count = bytes.len() as f64;
    for (name, value) in [
        ("images", count),
        ("wall_s", seconds),
        ("encrypt_ms", 1e3 * seconds / count),
        ("bytes", bytes.iter().sum::<usize>() as f64),
    ] {
        run.figure(name, value).failed(failed)?;
    }
    Ok(Outcome::recorded(run))
}
