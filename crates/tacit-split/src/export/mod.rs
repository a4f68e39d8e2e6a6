//! Encoder, head and manifest in a folder.
//!
//! | file | holds |
//! |---|---|
//! | `encoder.safetensors`, `.onnx` | input → normalised features clipped to ±r; **no noise** |
//! | `head.safetensors`, `.onnx` | covered features → answers, without softmax |
//! | `manifest.json` | the hashes of both, and what the client must do between them |
//!
//! The normaliser and the clip are layers of the encoder, their inverse is a layer of the head. Noise
//! and grid stay with the client's code ([`ClientEncoder`]), because they need its secret: a client
//! that runs the ONNX encoder in another runtime must add them itself, or send features bare.
//!
//! Reading is strict: a manifest of another format, unknown or missing fields, a file whose bytes are
//! not those that were hashed, and parts whose shapes do not meet are errors with names.
//!
//! ```
//! use tacit_nn::layered::{Architecture, Layered};
//! use tacit_nn::{Draws, Matrix, Samples};
//! use tacit_split::export::{Export, Note};
//! use tacit_split::harden::{Method, Recipe, harden};
//! use tacit_split::noise::ClientSecret;
//!
//! # let folder = std::env::temp_dir().join("tacit-split-export-example");
//! # std::fs::create_dir_all(&folder)?;
//! let network = Layered::new(&Architecture::mlp(&[2, 8, 6, 2])?, &mut Draws::new(1, "weights"))?;
//! let rows = Matrix::new(4, 2, vec![0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 1.0, 1.0])?;
//! let samples = Samples::new(rows, [0usize, 1, 0, 1], 2)?;
//! let recipe = Recipe { epochs: 1, ..Recipe::of(Method::Center) };
//! let hardened = harden(&network, 2, &samples, &samples, None, &recipe, |_| {})?;
//!
//! let note = Note { cut: 2, classes: vec!["no".into(), "yes".into()], training_data: "four rows".into() };
//! let export = Export::of(&hardened, &note)?;
//! export.save(&folder)?;
//!
//! let read = Export::load(&folder)?;
//! assert_eq!(read.manifest, export.manifest);
//! let client = read.client(ClientSecret::generate()?)?;
//! let answers = read.head()?.answer(&client.encode(samples.features())?)?;
//! assert_eq!(answers.columns(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod manifest;
mod reference;

pub use manifest::{FORMAT, FileEntry, MAX_BYTES, Manifest};

use crate::client::{ClientEncoder, Head, fold};
use crate::error::SplitError;
use crate::harden::Hardened;
use crate::noise::ClientSecret;
use std::path::Path;
use tacit_nn::layered::Layered;
use tacit_nn::store::onnx::{self, Part};
use tacit_nn::store::{self, Metadata};

/// The manifest's file.
pub const MANIFEST: &str = "manifest.json";
const ENCODER: &str = "encoder.safetensors";
const HEAD: &str = "head.safetensors";
const ENCODER_ONNX: &str = "encoder.onnx";
const HEAD_ONNX: &str = "head.onnx";

/// What an export says besides what hardening knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Blocks before the cut.
    pub cut: usize,
    /// Names of the public classes.
    pub classes: Vec<String>,
    /// What the network was trained on.
    pub training_data: String,
}

/// Both parts with their manifest.
#[derive(Debug, Clone)]
pub struct Export {
    /// What belongs together.
    pub manifest: Manifest,
    /// Input to normalised, clipped features.
    pub encoder: Layered,
    /// Covered features to answers.
    pub head: Layered,
    files: Vec<(String, Vec<u8>)>,
}

impl Export {
    /// Folds a hardened network and hashes its parts.
    pub fn of(hardened: &Hardened, note: &Note) -> Result<Self, SplitError> {
        let (encoder, head) = fold(hardened)?;
        let files = vec![
            (
                ENCODER.to_owned(),
                store::layered_to_bytes(&encoder, &Metadata::new())?,
            ),
            (
                HEAD.to_owned(),
                store::layered_to_bytes(&head, &Metadata::new())?,
            ),
            (
                ENCODER_ONNX.to_owned(),
                onnx::layered(&encoder, "encoder", Part::Encoder),
            ),
            (
                HEAD_ONNX.to_owned(),
                onnx::layered(&head, "head", Part::Head),
            ),
        ];
        let entry = |at: usize| FileEntry {
            file: files[at].0.clone(),
            blake3: blake3::hash(&files[at].1).to_hex().to_string(),
        };
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            encoder: entry(0),
            head: entry(1),
            encoder_onnx: Some(entry(2)),
            head_onnx: Some(entry(3)),
            encoder_architecture: encoder.architecture().clone(),
            head_architecture: head.architecture().clone(),
            cut: note.cut,
            normaliser: hardened.normaliser.clone(),
            veil: hardened.veil,
            classes: note.classes.clone(),
            method: hardened.recipe.method,
            lambda: hardened.recipe.lambda,
            used_private_labels: hardened.used_private_labels(),
            outcome: hardened.outcome,
            cost: hardened.cost,
            training_data: note.training_data.clone(),
        };
        // What would not be read is not written.
        let manifest = Manifest::from_bytes(&manifest.to_bytes()?, "the manifest to be written")?;
        Ok(Export {
            manifest,
            encoder,
            head,
            files,
        })
    }

    /// Writes all files into a folder, the manifest last.
    pub fn save(&self, folder: &Path) -> Result<(), SplitError> {
        for (name, bytes) in &self.files {
            write(&folder.join(name), bytes)?;
        }
        write(&folder.join(MANIFEST), &self.manifest.to_bytes()?)
    }

    /// Reads an export and checks every hash.
    pub fn load(folder: &Path) -> Result<Self, SplitError> {
        let path = folder.join(MANIFEST);
        let manifest = Manifest::from_bytes(&read(&path)?, &path.display().to_string())?;
        let mut files = Vec::new();
        let onnx = [&manifest.encoder_onnx, &manifest.head_onnx];
        let entries = [Some(&manifest.encoder), Some(&manifest.head)];
        let entries = entries.into_iter().chain(onnx.map(Option::as_ref));
        for entry in entries.flatten() {
            let path = folder.join(&entry.file);
            let bytes = read(&path)?;
            check_hash(&path.display().to_string(), &bytes, entry)?;
            files.push((entry.file.clone(), bytes));
        }
        let encoder = part(
            &manifest.encoder,
            &files[0].1,
            &manifest.encoder_architecture,
        )?;
        let head = part(&manifest.head, &files[1].1, &manifest.head_architecture)?;
        Ok(Export {
            manifest,
            encoder,
            head,
            files,
        })
    }

    /// The client's part under a secret. Its noise is that of this encoder's file and no other.
    pub fn client(&self, secret: ClientSecret) -> Result<ClientEncoder, SplitError> {
        let version = *blake3::hash(&self.files[0].1).as_bytes();
        ClientEncoder::new(self.encoder.clone(), self.manifest.veil, secret, version)
    }

    /// The server's part.
    pub fn head(&self) -> Result<Head, SplitError> {
        Head::new(self.head.clone(), self.manifest.veil)
    }
}

/// Reads the client's part alone: a client needs no head.
pub fn load_client(
    folder: &Path,
    secret: ClientSecret,
) -> Result<(Manifest, ClientEncoder), SplitError> {
    let path = folder.join(MANIFEST);
    let manifest = Manifest::from_bytes(&read(&path)?, &path.display().to_string())?;
    let path = folder.join(&manifest.encoder.file);
    let bytes = read(&path)?;
    check_hash(&path.display().to_string(), &bytes, &manifest.encoder)?;
    let encoder = part(&manifest.encoder, &bytes, &manifest.encoder_architecture)?;
    let version = *blake3::hash(&bytes).as_bytes();
    let client = ClientEncoder::new(encoder, manifest.veil, secret, version)?;
    Ok((manifest, client))
}

/// Reads the server's part alone.
pub fn load_head(folder: &Path) -> Result<(Manifest, Head), SplitError> {
    let path = folder.join(MANIFEST);
    let manifest = Manifest::from_bytes(&read(&path)?, &path.display().to_string())?;
    let path = folder.join(&manifest.head.file);
    let bytes = read(&path)?;
    check_hash(&path.display().to_string(), &bytes, &manifest.head)?;
    let head = part(&manifest.head, &bytes, &manifest.head_architecture)?;
    let head = Head::new(head, manifest.veil)?;
    Ok((manifest, head))
}

fn check_hash(file: &str, bytes: &[u8], entry: &FileEntry) -> Result<(), SplitError> {
    let found = blake3::hash(bytes);
    // Compared as hashes, whatever the case of the digits.
    match blake3::Hash::from_hex(&entry.blake3) {
        Ok(expected) if expected == found => Ok(()),
        _ => Err(SplitError::Hash {
            file: file.to_owned(),
            expected: entry.blake3.clone(),
            found: found.to_hex().to_string(),
        }),
    }
}

/// A network from its bytes, which must be of the architecture the manifest names.
fn part(
    entry: &FileEntry,
    bytes: &[u8],
    architecture: &tacit_nn::layered::Architecture,
) -> Result<Layered, SplitError> {
    let (network, _) = store::layered_from_bytes(bytes, &entry.file)?;
    if network.architecture() != architecture {
        return Err(SplitError::Mismatch {
            origin: entry.file.clone(),
            field: "architecture",
            found: format!("{:?}", network.architecture().blocks),
            expected: format!("{:?}", architecture.blocks),
        });
    }
    Ok(network)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), SplitError> {
    let io = |source| SplitError::Io {
        path: path.to_owned(),
        source,
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    std::fs::write(part, bytes).map_err(io)?;
    std::fs::rename(part, path).map_err(io)
}

fn read(path: &Path) -> Result<Vec<u8>, SplitError> {
    let io = |source| SplitError::Io {
        path: path.to_owned(),
        source,
    };
    let length = std::fs::metadata(path).map_err(io)?.len();
    if length > store::MAX_BYTES {
        return Err(SplitError::Format {
            origin: path.display().to_string(),
            reason: format!("{length} bytes are more than any file of an export has"),
        });
    }
    std::fs::read(path).map_err(io)
}
