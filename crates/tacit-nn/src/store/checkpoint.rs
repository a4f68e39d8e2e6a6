//! Training that can be interrupted.
//!
//! A checkpoint holds the parameters, running statistics among them, the optimiser's memory
//! (`optimiser.first.PATH` and `optimiser.second.PATH`), the epoch and the recipe it was trained
//! with. Resuming under another recipe is refused, and resuming under the same one gives the weights
//! that uninterrupted training gives, bit by bit.

use super::{Metadata, Parameter, Tensors, from_tensors, load_parameters, parameters, to_tensors};
use crate::error::NnError;
use crate::network::Network;
use crate::train::{Moments, Recipe, Trainer};
use std::collections::BTreeMap;
use std::path::Path;

const FORMAT: &str = "tacit.checkpoint/1";
const FIRST: &str = "optimiser.first.";
const SECOND: &str = "optimiser.second.";

/// A trainer as bytes.
pub fn to_bytes<N: Network>(trainer: &Trainer<N>) -> Result<Vec<u8>, NnError> {
    let mut tensors = parameters(trainer.network());
    for (path, moments) in trainer.optimiser().moments() {
        for (prefix, values) in [(FIRST, &moments.first), (SECOND, &moments.second)] {
            if !values.is_empty() {
                let (shape, values) = (vec![values.len()], values.clone());
                tensors.insert(format!("{prefix}{path}"), Parameter { shape, values });
            }
        }
    }
    let metadata = Metadata::from([
        ("format".to_owned(), FORMAT.to_owned()),
        ("epoch".to_owned(), trainer.epoch().to_string()),
        ("steps".to_owned(), trainer.optimiser().steps().to_string()),
        ("recipe".to_owned(), format!("{:?}", trainer.recipe())),
    ]);
    to_tensors(&tensors, &metadata)
}

/// A trainer from bytes; `network` gives the structure, its weights are replaced.
pub fn from_bytes<N: Network>(
    network: N,
    recipe: Recipe,
    bytes: &[u8],
    origin: &str,
) -> Result<Trainer<N>, NnError> {
    recipe.check()?;
    let (tensors, metadata) = from_tensors(bytes, origin)?;
    let entry = |field: &str| match metadata.get(field) {
        Some(text) => text.as_str(),
        None => "(missing)",
    };
    let mismatch = |field: &str, expected: String| NnError::Metadata {
        origin: origin.to_owned(),
        field: field.to_owned(),
        found: entry(field).to_owned(),
        expected,
    };
    for (field, expected) in [
        ("format", FORMAT.to_owned()),
        ("recipe", format!("{recipe:?}")),
    ] {
        if entry(field) != expected {
            return Err(mismatch(field, expected));
        }
    }
    let number = |field: &str| {
        entry(field)
            .parse::<u64>()
            .map_err(|_| mismatch(field, "a whole number".to_owned()))
    };
    let (epoch, steps) = (number("epoch")?, number("steps")?);

    let mut weights = Tensors::new();
    let mut memory: BTreeMap<String, Moments> = BTreeMap::new();
    for (name, tensor) in tensors {
        let empty = || Moments {
            first: Vec::new(),
            second: Vec::new(),
        };
        if let Some(path) = name.strip_prefix(FIRST) {
            memory.entry(path.to_owned()).or_insert_with(empty).first = tensor.values;
        } else if let Some(path) = name.strip_prefix(SECOND) {
            memory.entry(path.to_owned()).or_insert_with(empty).second = tensor.values;
        } else {
            weights.insert(name, tensor);
        }
    }
    let mut optimiser = recipe.optimiser();
    for (path, moments) in &memory {
        let Some(weight) = weights.get(path) else {
            return Err(NnError::UnknownTensor {
                origin: origin.to_owned(),
                tensor: format!("{FIRST}{path}"),
            });
        };
        let n = weight.values.len();
        let second = if optimiser.keeps_second() { n } else { 0 };
        for (prefix, length, expected) in [
            (FIRST, moments.first.len(), n),
            (SECOND, moments.second.len(), second),
        ] {
            if length != expected {
                return Err(NnError::TensorShape {
                    origin: origin.to_owned(),
                    tensor: format!("{prefix}{path}"),
                    found: format!("F32 [{length}]"),
                    expected: format!("F32 [{expected}]"),
                });
            }
        }
    }
    let network = load_parameters(network, weights, origin)?;
    optimiser.restore(steps, memory);
    let epoch = usize::try_from(epoch).map_err(|_| mismatch("epoch", "smaller".to_owned()))?;
    Ok(Trainer::resumed(network, optimiser, recipe, epoch))
}

/// Writes a checkpoint, replacing the file in one go.
pub fn save<N: Network>(trainer: &Trainer<N>, path: &Path) -> Result<(), NnError> {
    super::write(path, &to_bytes(trainer)?)
}

/// Reads a checkpoint.
pub fn load<N: Network>(network: N, recipe: Recipe, path: &Path) -> Result<Trainer<N>, NnError> {
    let origin = path.display().to_string();
    from_bytes(network, recipe, &super::read(path)?, &origin)
}
