//! Model files: safetensors where the name ends so, JSON otherwise.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{IntegerModel, ModelError};

/// Largest model file that is read.
pub const MAX_MODEL_BYTES: u64 = 32 << 20;

impl IntegerModel {
    /// Reads a model file.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ModelError> {
        let path = path.as_ref();
        let io = |error: std::io::Error| ModelError::Io {
            path: path.into(),
            reason: error.to_string(),
        };
        let file = File::open(path).map_err(io)?;
        let mut bytes = Vec::new();
        let mut limited = file.take(MAX_MODEL_BYTES + 1);
        let read = limited.read_to_end(&mut bytes).map_err(io)? as u64;
        if read > MAX_MODEL_BYTES {
            let found = limited.get_ref().metadata().map_or(read, |m| m.len());
            return Err(ModelError::TooLarge {
                path: path.into(),
                found,
                limit: MAX_MODEL_BYTES,
            });
        }
        let model = match is_tensors(path) {
            true => Self::from_safetensors(&bytes),
            false => Self::from_json(&bytes),
        };
        model.map_err(|error| error.in_file(path))
    }

    /// Writes the model file: complete or not at all.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ModelError> {
        let path = path.as_ref();
        let bytes = match is_tensors(path) {
            true => self.to_safetensors()?,
            false => self.to_json(),
        };
        let unfinished = path.with_extension("unfinished");
        std::fs::write(&unfinished, bytes)
            .and_then(|()| std::fs::rename(&unfinished, path))
            .map_err(|error| ModelError::Io {
                path: path.into(),
                reason: error.to_string(),
            })
    }
}

fn is_tensors(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("safetensors"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Result<IntegerModel, ModelError> {
        IntegerModel::new((3, 2, 2), vec![1, -2, 3, 4, -5, 6], vec![1, 2, -3, 4], 255)
    }

    #[test]
    fn a_model_is_the_same_in_either_file() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let model = model()?;
        for name in ["model.json", "model.safetensors"] {
            let path = folder.path().join(name);
            model.save(&path)?;
            assert_eq!(IntegerModel::load(&path)?, model, "{name}");
        }
        Ok(())
    }

    #[test]
    fn a_file_of_the_other_kind_is_refused_by_name() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, model()?.to_json())?;
        let error = IntegerModel::load(&path).err().map(|e| e.to_string());
        let error = error.unwrap_or_default();
        assert!(error.contains("model.safetensors"), "{error}");
        Ok(())
    }
}
