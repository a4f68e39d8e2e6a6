//! `tacit split export`: both parts as ONNX, with the manifest that holds them together, and what they make of the
//! test rows.

use std::path::{Path, PathBuf};

use tacit_report::write_whole;
use tacit_split::export::{Export, FileEntry, MANIFEST};
use tacit_split::noise::ClientSecret;

use super::data::DataArgs;
use super::encoding::Encoding;
use super::{bundle, model};
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit split export`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Checks the hashes of a hardened network's files and copies encoder and head as ONNX with their manifest, for
runtimes other than this one. The encoder gives normalised, clipped features without noise: whoever runs it elsewhere
must cover them as the manifest's `veil` says before they are sent. The manifest is copied as it is, for its hash is the version that
clients pin; where --out names files otherwise than it does, their hashes still tell which they are.

With --reference the test rows of the data, their features bare and covered, and the answers to both are written too, as
safetensors (rows, features, sent, answers_bare, answers): what another runtime must compute.

Examples:
  tacit split export --hardened hardened --out encoder.onnx head.onnx manifest.json
  tacit split export --hardened hardened --out encoder.onnx head.onnx manifest.json
      --reference reference.safetensors --data mnist=FOLDER")]
pub struct ExportParts {
    /// The folder of a hardened network.
    #[arg(long, value_name = "FOLDER")]
    pub hardened: PathBuf,

    /// Where encoder, head and manifest go.
    #[arg(long, value_names = ["ENCODER", "HEAD", "MANIFEST"], num_args = 3, required = true)]
    pub out: Vec<PathBuf>,

    /// Write test rows, their features and answers here.
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,

    /// The rows of --reference.
    #[command(flatten)]
    pub data: DataArgs,
}

/// Writes the parts.
pub fn run(args: &ExportParts, console: &mut Console) -> Result<Outcome, Error> {
    let folder = bundle::folder(&args.hardened);
    // Every hash is checked here.
    let export = Export::load(&folder).bad_input(|| "the hardened network cannot be used")?;
    let manifest = &export.manifest;
    let names = [
        onnx(manifest.encoder_onnx.as_ref())?,
        onnx(manifest.head_onnx.as_ref())?,
        MANIFEST,
    ];
    for (name, to) in names.into_iter().zip(&args.out) {
        copy(&folder.join(name), to)?;
        console.say(&to.display().to_string())?;
    }
    if let Some(to) = &args.reference {
        reference(&export, &args.data, &folder, to)?;
        console.say(&to.display().to_string())?;
    }
    Ok(Outcome::done())
}

/// What both parts make of the test rows. The veil's secret is drawn for this file.
fn reference(export: &Export, data: &DataArgs, folder: &Path, to: &Path) -> Result<(), Error> {
    let encoding = Encoding::beside(&folder.join(MANIFEST))?;
    let task = data.load_for(&encoding)?;
    let rows = model::rows(&data.sets(&task)?.test)?;
    let secret = ClientSecret::generate().failed(|| "no secret can be drawn")?;
    let bytes = export
        .reference(&rows, secret)
        .bad_input(|| "the parts do not take these rows")?;
    write_whole(to, &bytes).failed(|| format!("{} could not be written", to.display()))
}

fn onnx(entry: Option<&FileEntry>) -> Result<&str, Error> {
    entry.map(|entry| entry.file.as_str()).ok_or_else(|| {
        Error::bad_input("the hardened network has no ONNX files")
            .remedy("harden it again with this version")
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let bytes = std::fs::read(from).bad_input(|| format!("{} cannot be read", from.display()))?;
    write_whole(to, &bytes).failed(|| format!("{} could not be written", to.display()))
}
