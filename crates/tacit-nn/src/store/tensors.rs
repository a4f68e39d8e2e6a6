//! Named tensors as bytes: safetensors, `f32` only.

use super::{Metadata, Parameter};
use crate::error::NnError;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
    refuse_code(bytes, origin)?;
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(|e| format(e.to_string()))?;
    if let Some(name) = repeated_name(bytes.get(8..8 + length).unwrap_or_default()) {
        return Err(format(format!("it names `{name}` twice")));
    }
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

/// Refuses files of formats that run code when they are read: pickles, and the zip archives in
/// which PyTorch keeps them.
fn refuse_code(bytes: &[u8], origin: &str) -> Result<(), NnError> {
    // A pickle starts with 0x80 and its protocol. So may the length of a safetensors header, but
    // then the header follows eight bytes in.
    let pickle = matches!(bytes, [0x80, 2..=5, ..]) && bytes.get(8) != Some(&b'{');
    if pickle || bytes.starts_with(b"PK\x03\x04") {
        return Err(NnError::Pickle {
            origin: origin.to_owned(),
        });
    }
    Ok(())
}

/// The first name that a header holds twice. A map would keep the last and say nothing.
fn repeated_name(header: &[u8]) -> Option<String> {
    serde_json::from_slice::<RepeatedName>(header).ok()?.0
}

struct RepeatedName(Option<String>);

impl<'de> Deserialize<'de> for RepeatedName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = RepeatedName;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RepeatedName, A::Error> {
                let mut names = BTreeSet::new();
                let mut repeated = None;
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    if !names.insert(name.clone()) {
                        repeated.get_or_insert(name);
                    }
                }
                Ok(RepeatedName(repeated))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
