//! Layered networks on disk, their architecture beside their weights.
//!
//! A file is safetensors with one entry of metadata, `tacit`: a JSON object of texts, among them
//! `format` = `tacit.layered/1` and `architecture`, which is JSON again:
//!
//! ```json
//! {"input": {"map": {"channels": 1, "height": 28, "width": 28}},
//!  "blocks": [{"convolution": {"channels": 8, "kernel": 5, "stride": 1, "norm": false, "relu": true}},
//!             {"max_pool": {"side": 2}}, "global_average_pool",
//!             {"residual": {"channels": 16, "stride": 2}},
//!             {"dense": {"outputs": 10, "relu": false}}]}
//! ```
//!
//! Block i, from 0, has these tensors, all `f32`:
//!
//! | block | tensors under `blocks.i.` | shape |
//! |---|---|---|
//! | dense | `linear.weight`, `linear.bias` | `[inputs, outputs]`, `[outputs]` |
//! | convolution | `kernel.weight` | `[to, from, kernel, kernel]` |
//! | … without `norm` | `kernel.bias` | `[to]` |
//! | … with | `kernel.norm.scale`, `.shift`, `.mean`, `.variance` | `[to]` |
//! | residual | the same with `first`, `second` and, where channels or sides change, `shortcut` for `kernel` | |
//!
//! A dense weight is the transpose of PyTorch's; everything else is laid out alike.

use super::{Metadata, from_tensors, load_parameters, read, to_bytes, write};
use crate::Draws;
use crate::error::NnError;
use crate::layered::{Architecture, Layered};
use std::path::Path;

const FORMAT: &str = "tacit.layered/1";
/// Numbers that may be missing in any file before it is called one of another network.
const SLACK: u64 = 1 << 16;

/// A network and its architecture as safetensors; `note` goes along as further metadata, in which
/// `format` and `architecture` are taken.
pub fn layered_to_bytes(network: &Layered, note: &Metadata) -> Result<Vec<u8>, NnError> {
    let architecture =
        serde_json::to_string(network.architecture()).map_err(|e| NnError::Format {
            origin: "what was to be written".to_owned(),
            reason: e.to_string(),
        })?;
    let mut metadata = note.clone();
    for (field, text) in [("format", FORMAT), ("architecture", &architecture)] {
        if let Some(found) = metadata.insert(field.to_owned(), text.to_owned()) {
            return Err(NnError::Metadata {
                origin: "what was to be written".to_owned(),
                field: field.to_owned(),
                found,
                expected: "(nothing, the file's own entry)".to_owned(),
            });
        }
    }
    to_bytes(network, &metadata)
}

/// The network and the note that were written; `origin` is what errors call the bytes.
pub fn layered_from_bytes(bytes: &[u8], origin: &str) -> Result<(Layered, Metadata), NnError> {
    let (tensors, mut note) = from_tensors(bytes, origin)?;
    let mut entry = |field: &str| note.remove(field).unwrap_or_else(|| "(missing)".to_owned());
    let mismatch = |field: &str, found: String, expected: String| NnError::Metadata {
        origin: origin.to_owned(),
        field: field.to_owned(),
        found,
        expected,
    };
    let format = entry("format");
    if format != FORMAT {
        return Err(mismatch("format", format, FORMAT.to_owned()));
    }
    let text = entry("architecture");
    let architecture: Architecture = match serde_json::from_str(&text) {
        Ok(architecture) => architecture,
        Err(e) => {
            let expected = format!("the JSON of an architecture ({e})");
            return Err(mismatch("architecture", text, expected));
        }
    };
    architecture.check()?;
    // A short text can describe a network that fills the memory. What is allocated stays in
    // proportion to the file; smaller differences are found by name below.
    let expected = architecture.stored_numbers();
    let found: usize = tensors.values().map(|t| t.values.len()).sum();
    if expected > 2 * found as u64 + SLACK {
        return Err(NnError::Format {
            origin: origin.to_owned(),
            reason: format!("it holds {found} numbers, but its architecture has {expected}"),
        });
    }
    for (name, tensor) in &tensors {
        if name.ends_with(".variance")
            && let Some(index) = tensor.values.iter().position(|v| *v < 0.0)
        {
            return Err(NnError::TensorValue {
                origin: origin.to_owned(),
                tensor: name.clone(),
                index,
                value: tensor.values[index],
            });
        }
    }
    let network = Layered::new(&architecture, &mut Draws::new(0, "replaced by the file"))?;
    Ok((load_parameters(network, tensors, origin)?, note))
}

/// Writes a network and its architecture to a file, by way of a temporary file beside it.
pub fn save_layered(network: &Layered, note: &Metadata, path: &Path) -> Result<(), NnError> {
    write(path, &layered_to_bytes(network, note)?)
}

/// Reads a network and its architecture from a file.
pub fn load_layered(path: &Path) -> Result<(Layered, Metadata), NnError> {
    layered_from_bytes(&read(path)?, &path.display().to_string())
}
