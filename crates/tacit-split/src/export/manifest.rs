//! What belongs together.

use crate::error::SplitError;
use crate::harden::{Cost, Method, Outcome};
use crate::noise::{Normaliser, Veil};
use serde::{Deserialize, Serialize};
use tacit_nn::layered::Architecture;

/// The format that is written and read.
pub const FORMAT: &str = "tacit.split/1";
/// Longest manifest that is read, 16 MiB.
pub const MAX_BYTES: usize = 1 << 24;

/// A file and its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name, beside the manifest.
    pub file: String,
    /// BLAKE3 of its bytes, in hexadecimal.
    pub blake3: String,
}

/// What an export holds: which files belong together, and what a client must do to features before
/// they are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The encoder as safetensors: input to normalised, clipped features, without noise.
    pub encoder: FileEntry,
    /// The head as safetensors: covered features to answers.
    pub head: FileEntry,
    /// The same encoder as ONNX.
    pub encoder_onnx: Option<FileEntry>,
    /// The same head as ONNX.
    pub head_onnx: Option<FileEntry>,
    /// Blocks of the encoder.
    pub encoder_architecture: Architecture,
    /// Blocks of the head.
    pub head_architecture: Architecture,
    /// Blocks of the deployed network before the cut.
    pub cut: usize,
    /// The moments that are folded into both files; for information.
    pub normaliser: Normaliser,
    /// Clip, noise, where it comes from, grid. The client must apply it: the encoder's file does not.
    pub veil: Veil,
    /// Names of the public classes, in the order of the answers.
    pub classes: Vec<String>,
    /// How it was hardened.
    pub method: Method,
    /// λ.
    pub lambda: f32,
    /// Whether private labels were used.
    pub used_private_labels: bool,
    /// What became of it.
    pub outcome: Outcome,
    /// What it cost.
    pub cost: Cost,
    /// What it was trained on, in the provider's words.
    pub training_data: String,
}

impl Manifest {
    /// As JSON. The same manifest gives the same bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, SplitError> {
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|e| SplitError::Format {
            origin: "the manifest to be written".to_owned(),
            reason: e.to_string(),
        })?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// From JSON; `origin` is what errors call the bytes.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, SplitError> {
        let format = |reason: String| SplitError::Format {
            origin: origin.to_owned(),
            reason,
        };
        if bytes.len() > MAX_BYTES {
            let n = bytes.len();
            return Err(format(format!(
                "{n} bytes are more than the {MAX_BYTES} of any manifest"
            )));
        }
        // The version first, so that another one is named as such and not by its first odd field.
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|e| format(format!("no manifest: {e}")))?;
        match value.get("format").and_then(|f| f.as_str()) {
            Some(FORMAT) => {}
            found => {
                return Err(SplitError::Mismatch {
                    origin: origin.to_owned(),
                    field: "format",
                    found: found.unwrap_or("nothing").to_owned(),
                    expected: FORMAT.to_owned(),
                });
            }
        }
        // From the bytes again: a value has already merged keys that occur twice.
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|e| format(e.to_string()))?;
        manifest.check(origin)?;
        Ok(manifest)
    }

    /// The hash that pins this version of encoder, head and veil.
    pub fn version(&self) -> Result<[u8; 32], SplitError> {
        Ok(*blake3::hash(&self.to_bytes()?).as_bytes())
    }

    /// Checks that it does not contradict itself.
    fn check(&self, origin: &str) -> Result<(), SplitError> {
        let mismatch = |field, found: String, expected: String| {
            Err(SplitError::Mismatch {
                origin: origin.to_owned(),
                field,
                found,
                expected,
            })
        };
        self.veil.check()?;
        self.normaliser.check()?;
        let features = self.encoder_architecture.output()?;
        let answers = self.head_architecture.output()?;
        if self.head_architecture.input != features {
            let found = self.head_architecture.input.to_string();
            return mismatch("input of the head", found, features.to_string());
        }
        if self.normaliser.features() != features.size() {
            let found = self.normaliser.features().to_string();
            return mismatch("features of the normaliser", found, features.to_string());
        }
        if self.classes.len() != answers.size() {
            let found = self.classes.len().to_string();
            return mismatch("number of classes", found, answers.to_string());
        }
        let onnx = [&self.encoder_onnx, &self.head_onnx];
        let files = onnx.into_iter().flatten();
        for entry in files.chain([&self.encoder, &self.head]) {
            if entry.file.is_empty() || entry.file.contains(['/', '\\']) || entry.file == ".." {
                let expected = "a file name without folders".to_owned();
                return mismatch("file", format!("{:?}", entry.file), expected);
            }
            if blake3::Hash::from_hex(&entry.blake3).is_err() {
                let expected = "64 hexadecimal digits".to_owned();
                return mismatch("blake3", entry.blake3.clone(), expected);
            }
        }
        Ok(())
    }
}
