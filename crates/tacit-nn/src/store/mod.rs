//! Networks on disk.
//!
//! - [`save`] and [`load`]: safetensors, one tensor per parameter under its path
//!   (`layers.0.weight`), `f32`, with text metadata. Strict: no tensor may be missing, unknown, of
//!   another shape or hold NaN.
//! - [`save_layered`] and [`load_layered`]: the same for a [`Layered`](crate::Layered) network,
//!   with its architecture, so that a file is enough to build it.
//! - [`checkpoint`]: the parameters with the optimiser's memory, to go on training.
//! - [`onnx`]: networks for other people's runtimes.
//!
//! Files are read from strangers. Formats that run code when they are read (pickles, and PyTorch's
//! archives of them) are refused by name.
//!
//! ```
//! use std::collections::BTreeMap;
//! use tacit_nn::{Draws, Mlp, store};
//!
//! let network = Mlp::new(&[4, 8, 2], 0.0, &mut Draws::new(1, "weights"))?;
//! let note = BTreeMap::from([("task".to_owned(), "letters".to_owned())]);
//! let bytes = store::to_bytes(&network, &note)?;
//!
//! let other = Mlp::new(&[4, 8, 2], 0.0, &mut Draws::new(2, "weights"))?;
//! let (other, note) = store::from_bytes(other, &bytes, "a buffer")?;
//! assert_eq!(note["task"], "letters");
//! assert_eq!(store::to_bytes(&other, &note)?, bytes);
//! # Ok::<(), tacit_nn::NnError>(())
//! ```

pub mod checkpoint;
mod layered;
pub mod onnx;
mod parameters;
mod tensors;

pub use layered::{layered_from_bytes, layered_to_bytes, load_layered, save_layered};
pub use parameters::{Parameter, load_parameters, parameters};
pub use tensors::{Tensors, from_tensors, to_tensors};

use crate::error::NnError;
use burn::module::Module;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Text beside the tensors.
pub type Metadata = BTreeMap<String, String>;

/// Largest file that is read, 1 GiB.
pub const MAX_BYTES: u64 = 1 << 30;

/// A network as safetensors.
pub fn to_bytes<M: Module>(network: &M, metadata: &Metadata) -> Result<Vec<u8>, NnError> {
    to_tensors(&parameters(network), metadata)
}

/// Puts stored parameters into a network of the same structure; `origin` is what errors call the
/// bytes.
pub fn from_bytes<M: Module>(
    network: M,
    bytes: &[u8],
    origin: &str,
) -> Result<(M, Metadata), NnError> {
    let (tensors, metadata) = from_tensors(bytes, origin)?;
    Ok((load_parameters(network, tensors, origin)?, metadata))
}

/// Writes a network to a file, by way of a temporary file beside it.
pub fn save<M: Module>(network: &M, metadata: &Metadata, path: &Path) -> Result<(), NnError> {
    write(path, &to_bytes(network, metadata)?)
}

/// Reads a network of the same structure from a file.
pub fn load<M: Module>(network: M, path: &Path) -> Result<(M, Metadata), NnError> {
    from_bytes(network, &read(path)?, &path.display().to_string())
}

/// Replaces a file in one go.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), NnError> {
    let io = |source| NnError::Io {
        path: path.to_owned(),
        source,
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    std::fs::write(part, bytes).map_err(io)?;
    std::fs::rename(part, path).map_err(io)
}

/// Reads a file up to [`MAX_BYTES`].
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, NnError> {
    let io = |source| NnError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    // The length that the system tells may change, and some files have none.
    let length = file
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if length as u64 > MAX_BYTES {
        return Err(NnError::Format {
            origin: path.display().to_string(),
            reason: format!("it is longer than the {MAX_BYTES} bytes that are read"),
        });
    }
    Ok(bytes)
}
