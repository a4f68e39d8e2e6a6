//! The integer model as safetensors, for NumPy and everything that reads it: `p` (n × d) and `d`
//! (d × k), both `I16`. Metadata `tacit` is a JSON object of strings: `kind`, `input_max` and `hash`.
//!
//! Reading is strict: both tensors and no other, of fitting shapes, and the stored hash must be that
//! of the coefficients.

use std::collections::{BTreeMap, HashMap};

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::{IntegerModel, ModelError, field_error};

const METADATA: &str = "tacit";
const KIND: &str = "tacit.fe.model/1";

impl IntegerModel {
    /// The bytes of a safetensors file.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, ModelError> {
        let bytes = |of: &[i16]| of.iter().flat_map(|c| c.to_le_bytes()).collect::<Vec<u8>>();
        let (p, d) = (bytes(&self.p), bytes(&self.d));
        let view = |shape: [usize; 2], bytes| TensorView::new(Dtype::I16, shape.to_vec(), bytes);
        let note = BTreeMap::from([
            ("kind", KIND.to_owned()),
            ("input_max", self.input_max.to_string()),
            ("hash", self.hash().to_string()),
        ]);
        let note = serde_json::to_string(&note).map_err(unreadable)?;
        let views = [
            (
                "d",
                view([self.hidden, self.outputs], &d).map_err(unreadable)?,
            ),
            (
                "p",
                view([self.inputs, self.hidden], &p).map_err(unreadable)?,
            ),
        ];
        let header = HashMap::from([(METADATA.to_owned(), note)]);
        serialize(views, Some(header)).map_err(unreadable)
    }

    /// From the bytes of a safetensors file.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, ModelError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
        let note = header.metadata().as_ref().and_then(|m| m.get(METADATA));
        let note = note.ok_or_else(|| unreadable(format!("there is no metadata `{METADATA}`")))?;
        let note: BTreeMap<String, String> =
            serde_json::from_str(note).map_err(|e| unreadable(format!("`{METADATA}`: {e}")))?;
        let text = |key: &str| {
            let value = note.get(key).map(String::as_str);
            value.ok_or_else(|| field_error(key, "is not in the metadata".into()))
        };
        if text("kind")? != KIND {
            let reason = format!("is `{}`, `{KIND}` is expected", text("kind")?);
            return Err(field_error("kind", reason));
        }
        let input_max = text("input_max")?.parse().map_err(|_| {
            let reason = format!("is not a number from 1 to {}", u16::MAX);
            field_error("input_max", reason)
        })?;
        let file = SafeTensors::deserialize(bytes).map_err(unreadable)?;
        if let Some(other) = file.names().iter().find(|n| !["p", "d"].contains(*n)) {
            return Err(field_error(*other, "is no tensor of a model".into()));
        }
        let ([inputs, hidden], p) = matrix(&file, "p")?;
        let ([rows, outputs], d) = matrix(&file, "d")?;
        if rows != hidden {
            let reason = format!("has {rows} rows, p has {hidden} columns");
            return Err(field_error("d", reason));
        }
        let model = Self::new((inputs, hidden, outputs), p, d, input_max)?;
        if text("hash")? != model.hash().to_string() {
            let reason = format!("is not that of the coefficients, {}", model.hash());
            return Err(field_error("hash", reason));
        }
        Ok(model)
    }
}

fn matrix(file: &SafeTensors, name: &str) -> Result<([usize; 2], Vec<i16>), ModelError> {
    let view = file.tensor(name).map_err(unreadable)?;
    let shape: Result<[usize; 2], _> = view.shape().try_into();
    match (view.dtype(), shape) {
        (Dtype::I16, Ok(shape)) => {
            let (pairs, _) = view.data().as_chunks::<2>();
            Ok((
                shape,
                pairs.iter().map(|c| i16::from_le_bytes(*c)).collect(),
            ))
        }
        (dtype, _) => {
            let reason = format!("is {dtype:?} {:?}, an I16 matrix is expected", view.shape());
            Err(field_error(name, reason))
        }
    }
}

fn unreadable(reason: impl ToString) -> ModelError {
    ModelError::Tensors {
        origin: "(in memory)".into(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Result<IntegerModel, ModelError> {
        IntegerModel::new((2, 2, 1), vec![1, -2, 3, i16::MIN], vec![5, -6], 9)
    }

    #[test]
    fn the_same_model_gives_the_same_bytes() -> Result<(), ModelError> {
        let bytes = model()?.to_safetensors()?;
        assert_eq!(bytes, model()?.to_safetensors()?);
        assert_eq!(IntegerModel::from_safetensors(&bytes)?, model()?);
        Ok(())
    }

    #[test]
    fn every_flipped_byte_and_every_prefix_is_refused_or_harmless() -> Result<(), ModelError> {
        let model = model()?;
        let bytes = model.to_safetensors()?;
        for at in 0..bytes.len() {
            assert!(IntegerModel::from_safetensors(&bytes[..at]).is_err());
            let mut other = bytes.clone();
            other[at] ^= 1;
            // A flip in the white space of the header may leave the model as it was.
            if let Ok(read) = IntegerModel::from_safetensors(&other) {
                assert_eq!(read, model, "byte {at}");
            }
        }
        Ok(())
    }

    #[test]
    fn other_tensors_are_refused_by_name() -> Result<(), Box<dyn std::error::Error>> {
        let values = [0u8; 8];
        let view = |dtype| TensorView::new(dtype, vec![1, 1], &values[..dtype.bitsize() / 8]);
        let note = format!(r#"{{"kind":"{KIND}","input_max":"9","hash":""}}"#);
        let header = || Some(HashMap::from([(METADATA.to_owned(), note.clone())]));
        let refused = |tensors: Vec<(&str, TensorView)>| {
            let bytes = serialize(tensors, header())?;
            let error = IntegerModel::from_safetensors(&bytes).err();
            Ok::<_, Box<dyn std::error::Error>>(error.map(|e| e.to_string()).unwrap_or_default())
        };
        let float = refused(vec![("p", view(Dtype::F32)?), ("d", view(Dtype::I16)?)])?;
        assert!(float.contains("`p`") && float.contains("I16"), "{float}");
        let more = refused(vec![("p", view(Dtype::I16)?), ("extra", view(Dtype::I16)?)])?;
        assert!(more.contains("`extra`"), "{more}");
        let hash = refused(vec![("p", view(Dtype::I16)?), ("d", view(Dtype::I16)?)])?;
        assert!(hash.contains("`hash`"), "{hash}");
        Ok(())
    }
}
