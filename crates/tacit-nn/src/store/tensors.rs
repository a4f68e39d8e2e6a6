//! Named tensors as bytes: safetensors, `f32` only.

use super::{Metadata, Parameter};
use crate::error::NnError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::{BTreeMap, HashMap};

/// Tensors by name.
pub type Tensors = BTreeMap<String, Parameter>;

/// Writes tensors and metadata. The same content gives the same bytes.
pub fn to_tensors(tensors: &Tensors, metadata: &Metadata) -> Result<Vec<u8>, NnError> {
    let format = |reason: String| NnError::Format {
        origin: "what was to be written".to_owned(),
        reason,
    };
    let mut buffers = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        check_values(name, &tensor.values, "what was to be written")?;
        let bytes: Vec<u8> = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        buffers.push((name, &tensor.shape, bytes));
    }
    let mut views = Vec::with_capacity(buffers.len());
    for (name, shape, bytes) in &buffers {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes)
            .map_err(|e| format(format!("tensor `{name}`: {e}")))?;
        views.push((name.as_str(), view));
    }
    // A hash map has no order of its own, so several entries would be written in any order: they
    // travel as one entry of sorted JSON.
    let note = serde_json::to_string(metadata).map_err(|e| format(e.to_string()))?;
    let header = HashMap::from([(METADATA.to_owned(), note)]);
    serialize(views, Some(header)).map_err(|e| format(e.to_string()))
}

const METADATA: &str = "tacit";

/// Reads tensors and metadata; `origin` is what errors call the bytes.
pub fn from_tensors(bytes: &[u8], origin: &str) -> Result<(Tensors, Metadata), NnError> {
    let format = |reason: String| NnError::Format {
        origin: origin.to_owned(),
        reason,
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| format(e.to_string()))?;
    let metadata = match header.metadata().as_ref().and_then(|m| m.get(METADATA)) {
        Some(text) => {
            serde_json::from_str(text).map_err(|e| format(format!("metadata `{METADATA}`: {e}")))?
        }
        None => Metadata::new(),
    };
    let file = SafeTensors::deserialize(bytes).map_err(|e| format(e.to_string()))?;
    let mut tensors = Tensors::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(NnError::TensorShape {
                origin: origin.to_owned(),
                tensor: name.to_owned(),
                found: format!("{:?} {:?}", view.dtype(), view.shape()),
                expected: "F32".to_owned(),
            });
        }
        let (chunks, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = chunks.iter().map(|c| f32::from_le_bytes(*c)).collect();
        check_values(name, &values, origin)?;
        let shape = view.shape().to_vec();
        tensors.insert(name.to_owned(), Parameter { shape, values });
    }
    Ok((tensors, metadata))
}

fn check_values(name: &str, values: &[f32], origin: &str) -> Result<(), NnError> {
    match values.iter().position(|v| !v.is_finite()) {
        Some(index) => Err(NnError::TensorValue {
            origin: origin.to_owned(),
            tensor: name.to_owned(),
            index,
            value: values[index],
        }),
        None => Ok(()),
    }
}
